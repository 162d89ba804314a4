"""Forged lines: a child that answers by itself, before it is asked, or with what no honest child would say."""

from __future__ import annotations

import time

import pytest
from arena import HONEST, Attack, attack, cells, graded, notebook

from cowlab.grading.sandbox import Limits
from cowlab.grading.session import Session
from cowlab.grading.wire import question

# Finds the socket, the nonce and the serving loop by walking up the frames, as anybody could.
TOOLS = """
import json, os, sys, time
frame = sys._getframe()
def served():
    f = sys._getframe()
    while "lines" not in f.f_locals or "message" not in f.f_locals: f = f.f_back
    return f.f_locals
fd = served()["lines"].fd
nonce = lambda: served()["message"]["nonce"]
def say(what): os.write(fd, what if isinstance(what, bytes) else json.dumps(what).encode() + b"\\n")
"""
TRUE = '{"first": "fault", "child": "copy", "letter": "A", "mapped": 2, "counted": 2, "faults": 2}'
FORGED = {
    # what it writes while its cell is read; the status and the reason
    "answers in advance": (
        "for n in range(99): say({'nonce': n, 'answers': [{'is': True}]})",
        "bad answer",
        "something else",
    ),
    "guessed nonces": (
        "say({'nonce': '0' * 16, 'loaded': True})",
        "bad answer",
        "something else than what it was asked",
    ),
    "no nonce": ("say({'loaded': True})", "bad answer", "something else"),
    "two lines": (
        "say({'nonce': nonce(), 'loaded': True}); say({'nonce': nonce(), 'answers': [{'is': 1}]})",
        "bad answer",
        "without being asked|something else",
    ),
    "a verdict": (
        "say({'nonce': nonce(), 'points': 6, 'verdict': {'points': 6, 'max': 6}})",
        "bad answer",
        "neither that it was read nor why",
    ),
    "an answer to the reading": ("say({'nonce': nonce(), 'is': True})", "bad answer", "neither that it was read"),
    "our fault": (
        "say({'nonce': nonce(), 'broken': 'x', 'status': 'our fault'})",
        "bad answer",
        "neither that it was read",
    ),
    "another greeting": ("say({'in force': []})", "bad answer", "something else"),
    "not JSON": ("say(b'{]\\n')", "bad answer", "cannot be read"),
    "no object": ("say([1, 2])", "bad answer", "cannot be read"),
    "binary": ("say(bytes(range(256)) * 100 + b'\\n')", "bad answer", "cannot be read"),
    "deep": ("say(b'[' * 100_000 + b'\\n')", "bad answer", "cannot be read"),
    "deep objects": ("say(b'{\"a\":' * 30_000 + b'\\n')", "bad answer", "cannot be read"),
    "long": ("\nwhile True: say(b'x' * 65536)", "bad answer", "too long"),
    "no end": ("say(b'{\"nonce\": '); time.sleep(1e6)", "timeout", "within 3 seconds"),
    "drop by drop": ("\nwhile True: say(b' '); time.sleep(0.01)", "timeout", "within 3 seconds"),
    "hung up": ("os.close(fd)", "crash|bad answer", ""),
    "hung up and alive": ("os.close(fd); time.sleep(1e6)", "crash", "signal 9"),
    "memory": ("say({'nonce': nonce(), 'memory': 'x'})", "memory", "more than 256 MB"),
}
# What it says instead of an answer, as JSON.
SAID = {
    "NaN": ('[{"is": {"faults": NaN}}]', "a number is out of range"),
    "Infinity": ('[{"is": {"faults": 1e999}}]', "a number is out of range"),
    "huge": ('[{"is": {"faults": 1' + "0" * 4000 + "}}]", "a number is out of range"),
    "more than huge": ('[{"is": 1' + "0" * 5000 + "}]", "cannot be read"),
    "surrogates": ('[{"is": {"first": "\\ud800"}}]', "surrogates"),
    "deep": ('[{"is": ' + "[" * 300 + "]" * 300 + "}]", "nested more than"),
    "long text": ('[{"is": "' + "x" * 100_000 + '"}]', "100,000 characters"),
    "two things": ('[{"is": 1, "failed": "x"}]', "not as it must be"),
    "nothing": ("[{}]", "not as it must be"),
    "a word": ('["is"]', "not as it must be"),
    "another word": ('[{"was": 1}]', "not as it must be"),
    "none": ("[]", "did not answer each"),
    "too many": ('[{"is": 1}, {"is": 2}]', "did not answer each"),
    "no list": ('{"is": 1}', "did not answer each"),
}


@pytest.mark.parametrize("name", FORGED)
def test_lines_that_nobody_asked_for(arena: Session, name: str) -> None:
    code, status, says = FORGED[name]
    assert not attack(arena, Attack(name, "guess", f"{TOOLS}{code}\n{HONEST['guess']}", status, says))


@pytest.mark.parametrize("name", SAID)
def test_answers_that_no_honest_child_gives(arena: Session, name: str) -> None:
    answers, says = SAID[name]
    source = f"""{TOOLS}
def guess():
    say(b'{{"nonce": "' + nonce().encode() + b'", "answers": ' + {answers.encode()!r} + b'}}\\n')
    time.sleep(1e6)
"""
    assert not attack(arena, Attack(name, "guess", source, "bad answer", says))


@pytest.mark.parametrize(
    "world",
    ['{"World": [1, 2, 3, 4, 5, 6, 7]}', '{"World": [[["P", [[0, 1]]]]]}', '{"Pte": [[]]}', '{"PageInfo": [1]}'],
)
def test_worlds_that_are_none(arena: Session, world: str) -> None:
    source = f"""{TOOLS}
def unmap(world, event):
    say(b'{{"nonce": "' + nonce().encode() + b'", "answers": [{{"is": ' + {world.encode()!r} + b'}}]}}\\n')
    time.sleep(1e6)
"""
    assert not attack(
        arena, Attack(world, "unmap", source, "judged", "whole World|return a World|no World|cannot be read")
    )


def test_a_right_answer_that_is_forged_is_still_only_an_answer(arena: Session) -> None:
    """Who knows the answers may give them in any way; who does not, has nothing to forge."""
    source = f"{TOOLS}\ndef guess():\n    say({{'nonce': nonce(), 'answers': [{{'is': {TRUE}}}]}})\n    sys.exit()\n"
    assert not attack(arena, Attack("forged", "guess", source, "judged", "^$", 6))


def test_a_line_after_the_last_answer_is_not_the_next_tasks_fault(arena: Session) -> None:
    source = f"{TOOLS}\ndef promise(step):\n    say({{'nonce': nonce(), 'answers': [{{'is': True}}]}})\n    say(b'{{\"nonce\": 1}}\\n')\n    time.sleep(1e6)\n"
    assert not attack(arena, Attack("late", "promise", source, "bad answer", "without being asked|something else"))


def test_taking_over_the_serving_loop_earns_what_it_answers(arena: Session) -> None:
    """It reads the questions itself and says True to all: a law that always answers the same is none."""
    source = f"""{TOOLS}
say({{"nonce": nonce(), "loaded": True}})
rest = b""
while True:
    while b"\\n" not in rest:
        rest += os.read(fd, 65536)
    line, _, rest = rest.partition(b"\\n")
    asked = json.loads(line)
    say({{"nonce": asked["nonce"], "answers": [{{"is": True}}] * len(asked["questions"])}})
"""
    assert not attack(arena, Attack("loop", "promise", source, "judged", "it always answers True"))


def test_what_a_child_is_sent_holds_no_verdict(arena: Session) -> None:
    """All that is in the message to a child: the helpers, its own cell, the names of its functions."""
    source = f"{TOOLS}\nkeys = sorted(served()['message'])\ndef guess(): raise RuntimeError(f'out={{keys}}')\n"
    says = graded(arena, notebook(*cells(guess=source)))["guess"].says
    assert "out=['answer', 'do', 'functions', 'helpers', 'nonce']" in says


def test_an_answer_that_is_slow_to_judge_is_not_slow(arena: Session) -> None:
    """Only what a child takes counts: what the judge does in between is no fault of the submission's."""
    child = arena.zygotes[0].fork(Limits(seconds=0.5))
    assert child.load([], "def f(x): return x") == {"loaded": True}
    time.sleep(0.7)
    assert child.ask([question("f", 1)]) == [{"is": 1}]
    child.close()
