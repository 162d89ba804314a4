"""More attacks: on what is remembered between students, on the children that are kept, on certificates, on what is resumed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import course
import pytest
from arena import (
    HONEST,
    KNOWN,
    LESSON,
    POINTS,
    TASKS,
    Attack,
    attack,
    cell,
    cells,
    earned,
    graded,
    notebook,
    our_lesson,
)
from course import cowlab, hand_in

from cowlab.grading import certificate, submission
from cowlab.grading.batch import task_record
from cowlab.grading.memory import Told, start
from cowlab.grading.session import Session
from cowlab.grading.wire import question

ALL = list(POINTS.values())
FALSE = "def promise(step): return False\n"
# Finds the socket and the message at hand by walking up the frames.
TOOLS = """
import json, os, sys, time
def served():
    f = sys._getframe()
    while "lines" not in f.f_locals or "message" not in f.f_locals: f = f.f_back
    return f.f_locals
fd = served()["lines"].fd
"""

# --- what is remembered ----------------------------------------------------------------------------------------------

UNWRITABLE = {  # tame code that cannot be written down again: too deep for it, or with a number too long
    "a long sum": "x = " + "+".join(["1"] * 600),
    "a long number": "x = 0x" + "f" * 6_000,
    "a long chain": "x = 'a'" + ".upper()" * 400,
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_nobody_gets_the_verdict_of_other_code(arena: Session, name: str) -> None:
    for source, points in ((HONEST["promise"], 4), (FALSE, 0), (HONEST["promise"], 4)):
        found = graded(arena, notebook(*cells(promise=f"{UNWRITABLE[name]}\n{source}")))["promise"]
        assert (found.status, earned(found)) == ("judged", points)


ALIKE = [  # what a careless key would take for the same
    ("True", "1"),
    ("(len(step.looks) >= 0)", "(len(step.looks) >= 0.5)"),
    ("'True' == 'True'", "'True' == 'Тrue'"),
    ("not f'{1:{0}}' == '1'", "not f'{1:{{0}}}' == '1'"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_code_that_looks_alike_is_run_by_itself(arena: Session, one: str, other: str) -> None:
    found = [
        graded(arena, notebook(*cells(promise=f"def promise(step): return {it}\n")))["promise"] for it in (one, other)
    ]
    alone = Session(limits=arena.limits)
    try:
        second = graded(alone, notebook(*cells(promise=f"def promise(step): return {other}\n")))["promise"]
    finally:
        alone.close()
    assert (found[1].says, found[1].answers) == (second.says, second.answers)


def test_a_reason_of_its_own_is_not_lost_where_the_code_is_known(arena: Session) -> None:
    honest = cell(HONEST["promise"], "promise")
    for _ in range(2):
        assert earned(graded(arena, notebook(*cells()))["promise"]) == 4
        assert graded(arena, notebook(*cells(), honest))["promise"].says.startswith("several cells answer this task")


def test_questions_that_others_brought_up_cost_nothing(arena: Session) -> None:
    """A first submission may lead its judge to strange pages; whoever cannot cope with these need not be asked them."""
    strange = question("reuse", {"a": 1})
    loop = "def reuse(page):\n    while isinstance(page, dict): pass\n    return page.page_count == 1\n"
    place = start(KNOWN["reuse"])
    before = dict(arena.memory.usual.get(place, {}))
    arena.memory.usual[place] = {strange.text: strange}
    try:
        assert earned(graded(arena, notebook(*cells(reuse=loop)))["reuse"]) == 6
        assert earned(graded(arena, notebook(*cells(reuse=HONEST["reuse"] + "x = 1\n")))["reuse"]) == 6
    finally:
        arena.memory.usual[place] = before


def test_what_a_task_before_it_held_is_not_missing(arena: Session) -> None:
    """Children are kept for the next task: half of the memory each is not too much."""
    table = "class Table:\n    rows = [0] * 16_000_000\n"
    found = graded(arena, notebook(*cells(**{name: table + source for name, source in HONEST.items()})))
    assert [(one.status, earned(one)) for one in found.values()] == [("judged", points) for points in ALL]


def test_what_a_task_before_it_took_is_not_missing(arena: Session) -> None:
    child = arena.zygotes[0].fork(arena.limits)
    try:
        child.left = 0.01
        assert child.load([], "def f(): return 1") == {"loaded": True}
        assert child.left > arena.limits.seconds / 2
    finally:
        child.close()


NOT_TAME = [
    "match print:\n    case int(__self__=x): pass",
    "class A:\n    match len:\n        case __del__: pass",
    "class A:\n    from math import sqrt as __del__",
    "class A:\n    import math as __del__",
    "from cowlab import World as __builtins__",
    "def f():\n    global __builtins__",
    "class A:\n    try: f()\n    except ValueError as __del__: pass",
    "from cowlab import *",
    "import collections",
    "from collections import abc",
    "x = print.__self__",
    "x = (lambda: 0).func_globals",
    "class A(metaclass=int): pass",
    "async def f(): pass",
    "def f(): yield",
    "x = open",
    "x = __import__('os')",
    "x.y = 1",
    "del x.y",
]


@pytest.mark.parametrize("source", NOT_TAME)
def test_what_could_reach_beyond_its_own_names_is_not_tame(source: str) -> None:
    one = submission.read("01_copy_on_write.ipynb", notebook(cell(source)))
    assert not one.cells[0].tame


def test_a_long_chain_of_definitions_is_followed_in_time() -> None:
    chain = [
        cell("\n".join(f"a{k} = a{k + 1}" for k in range(first, first + 11_000))) for first in range(0, 55_000, 11_000)
    ]
    start_ = time.process_time()
    one = submission.read("01_copy_on_write.ipynb", notebook(*chain, *cells(promise=HONEST["promise"] + "a0\n")))
    assert len(submission.answer(one, KNOWN["promise"]).helpers) > 50_000
    assert time.process_time() - start_ < 15


# --- in the child ----------------------------------------------------------------------------------------------------

ATTACKS = [
    Attack(
        "decorator",
        "guess",
        "def boom(f): raise LookupError('no')\n@boom\ndef guess(): return {}",
        "judged",
        "the cell raised LookupError",
    ),
    Attack(
        "async answer", "promise", "async def promise(step): return True", "judged|missing", "found coroutine|no cell"
    ),
    Attack("deleted", "guess", HONEST["guess"] + "del guess", "judged", "there is no function guess"),
    Attack("no function", "guess", "guess = 6", "judged", "not callable"),
    Attack(
        "a forged stub", "guess", "def guess(): raise NotImplementedError('6 of 6 points')", "open", "^6 of 6 points$"
    ),
    Attack("a forged reading", "guess", "raise SyntaxError('6 points')", "judged", "the cell cannot be read: 6 points"),
    Attack(
        "a sly float",
        "reuse",
        "class F(float):\n    __le__ = __ge__ = lambda self, other: True\ndef reuse(page): return F('nan')",
        "bad answer",
        "out of range",
    ),
    Attack(
        "a sly float inside",
        "guess",
        "class F(float):\n    __le__ = __ge__ = lambda self, other: True\ndef guess(): return {'faults': F('inf')}",
        "judged",
        "cannot be read: ValueError",
    ),
    Attack(
        "a sly text",
        "trap",
        "class S(str):\n    encode = lambda self, code: b''\n    __len__ = lambda self: 1\ndef trap(): return S(chr(0xd800))",
        "bad answer",
        "surrogates",
    ),
    Attack(
        "a sly list",
        "trap",
        "class L(list):\n    def __iter__(self):\n        while True: yield 1\ndef trap(): return L()",
        "timeout|memory|judged",
        "seconds|memory",
    ),
    Attack(
        "a type without a name",
        "guess",
        "class M(type):\n    @property\n    def __name__(cls): raise KeyError\nclass E(Exception, metaclass=M): pass\ndef guess(): raise E",
        "bad answer|judged|crash",
        "",
    ),
    Attack(
        "a type with a long name",
        "guess",
        "def guess(): raise type('\\x1b[2J<b>' * 9_999, (Exception,), {})()",
        "bad answer|judged",
        "",
    ),
    Attack(
        "no blocking", "guess", f"{TOOLS}os.set_blocking(fd, False)\n{HONEST['guess']}", "judged", "PermissionError"
    ),
    Attack(
        "eats the next question",
        "promise",
        f"{TOOLS}def promise(step):\n    os.read(fd, 1 << 20) if len(served()['message']['questions']) > 1 else None\n    return True",
        "judged|timeout|crash",
        "",
    ),
    Attack(
        "another channel",
        "guess",
        f"{TOOLS}os.dup2(os.open('x', os.O_RDWR | os.O_CREAT), fd)\n{HONEST['guess']}",
        "crash|timeout|bad answer",
        "",
    ),
    Attack(
        "lines of its own",
        "guess",
        f"{TOOLS}L = type(served()['lines'])\nL.send = lambda self, m: os.write(self.fd, b'{{\"nonce\": \"' + m['nonce'].encode() + b'\", \"loaded\": true, \"is\": 6}}\\n')\n{HONEST['guess']}",
        "bad answer",
        "neither that it was read",
    ),
    Attack(
        "a line of many megabytes",
        "promise",
        f"{TOOLS}def promise(step):\n    asked = served()['message']\n    line = b'{{\"nonce\": \"' + asked['nonce'].encode() + b'\", \"answers\": [['\n"
        "    while True:\n        os.write(fd, line)\n        line = b'[],' * 20_000",
        "bad answer",
        "too long",
    ),
    Attack(
        "a regular expression",
        "promise",
        "import re\ndef promise(step): return re.match('(a+)+$', 'a' * 40 + 'b') is None",
        "timeout",
        "within 3 seconds",
    ),
    Attack(
        "a hook for questions",
        "promise",
        f"{TOOLS}served()['lines'].reader = lambda: lambda found: True\ndef promise(step): return bool(step)",
        "bad answer",
        "something else",
    ),
    Attack(
        "an address",
        "trap",
        "def trap(): return str(lambda: 0)",
        "not deterministic|judged",
        "answers differently|expected",
    ),
    Attack(
        "a count in a cache",
        "promise",
        "from functools import cache\nasked = []\n@cache\ndef many(outcome): return len(asked)\n"
        "def promise(step):\n    asked.append(1)\n    return many(step.outcome) % 2 == 0",
        "not deterministic",
        "differently when it is asked again",
    ),
    Attack(
        "the whole stack",
        "guess",
        "import ctypes\ndef guess(): ctypes.memset(ctypes.create_string_buffer(1), 0, 10**8)",
        "crash",
        "signal (11|7)",
    ),
    Attack(
        "limits of its parent",
        "guess",
        "import os, resource\ndef guess(): resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
        "judged",
        "PermissionError|ProcessLookupError",
    ),
    Attack(
        "ones are twos",
        "promise",
        "import ctypes\nctypes.memmove(id(1) + 24, id(2) + 24, 4)\ndef promise(step): return bool(step.before == step.after or 1)",
        "judged|crash|bad answer|memory|timeout|not deterministic",
        "",
    ),
    Attack(
        "an audit",
        "guess",
        "import sys\ndef hook(*a): raise SystemExit(0)\nsys.addaudithook(hook)\nopen('x', 'w')\ndef guess(): return {}",
        "judged|crash",
        "",
    ),
    Attack(
        "a profile",
        "promise",
        "import sys\ndef spy(frame, event, arg):\n    if event == 'return' and 'message' in frame.f_locals: frame.f_locals['reply'] = {'answers': [{'is': True}]}\n"
        "sys.setprofile(spy)\ndef promise(step): return True",
        "judged|bad answer|crash",
        "",
    ),
    Attack(
        "the parser",
        "promise",
        "import ast\nast.parse = compile = lambda *a, **k: None\ndef promise(step): return True",
        "judged",
        "it always answers True",
    ),
    Attack(
        "always a little late",
        "promise",
        "import time\ndef promise(step):\n    time.sleep(0.9)\n    return True",
        "timeout",
        "within 3 seconds",
    ),
    Attack("work for ever", "guess", "x = 9**9**9**9\ndef guess(): return {}", "timeout", "within 3 seconds"),
    Attack("work for the compiler", "guess", "x = 'a' * 10**9\ndef guess(): return {}", "memory", "more than 256 MB"),
    Attack("a World of a dictionary", "reuse", "def reuse(page): return {'World': [1]}", "judged", "no World: it has"),
    Attack(
        "a World of other things",
        "unmap",
        "from cowlab import World\ndef unmap(world, event): return world._replace(processes=[{}], frames={'Pte': []})",
        "judged",
        "not a whole World|no Pte",
    ),
    Attack(
        "a World that is large",
        "unmap",
        "def unmap(world, event): return world._replace(frames=[(k, f[1]) for k in range(900) for f in world.frames])",
        "judged",
        "whole World|another World|cannot be read",
    ),
    Attack(
        "a script of other signs",
        "trap",
        "def trap(): return 'P: write A @\\u00b2\\nP: fork \\u0421\\n'",
        "judged",
        "expected a page from @0",
    ),
    Attack(
        "a large number", "trap", "def trap(): return 'P: write A @' + '9' * 9_999", "judged", "expected a page from @0"
    ),
    Attack(
        "which child it is",
        "promise",
        "def promise(step): return bool(hash('cowlab') % 2) or len(step.looks) > 1",
        "judged|not deterministic",
        "",
    ),
    Attack(
        "a signal at the end",
        "guess",
        "import signal, resource\nsignal.signal(signal.SIGXCPU, lambda *a: 0)\nresource.setrlimit(resource.RLIMIT_CPU, (1, 21))\n"
        "def guess():\n    while True: pass",
        "timeout|judged",
        "",
    ),
    Attack(
        "stopped",
        "guess",
        "import os, signal\ndef guess():\n    os.kill(os.getpid(), signal.SIGSTOP)",
        "judged",
        "PermissionError",
    ),
    Attack(
        "a crash in C",
        "guess",
        "import itertools\nx = None\nfor n in range(10**6): x = itertools.chain(x or [], [n])\ndef guess(): return next(x)",
        "crash|judged|memory|timeout",
        "",
    ),
]


@pytest.mark.parametrize("hostile", ATTACKS, ids=lambda one: one.name)
def test_what_it_earns_and_why(arena: Session, hostile: Attack) -> None:
    assert not attack(arena, hostile)
    found = graded(arena, notebook(*cells(), cell("x = 1")))  # the next student
    assert [earned(one) for one in found.values()] == ALL


def test_what_a_record_says_of_a_strange_type_is_printable(arena: Session) -> None:
    name = "\\x1b[2J\\u202e<b>"
    found = graded(arena, notebook(*cells(guess=f"def guess(): raise type('{name}', (Exception,), {{}})('x')")))[
        "guess"
    ]
    assert task_record(found, {})["reason"].isprintable() and earned(found) == 0


# --- notebooks -------------------------------------------------------------------------------------------------------


def honest() -> dict[str, Any]:
    return dict(json.loads(notebook(*cells())))


def odd(**more: Any) -> bytes:
    return json.dumps({**honest(), "cells": [{**one, **more} for one in honest()["cells"]]}).encode()


BOOKS = {  # as editors, converters and people write them: all of them are read
    "BOM": b"\xef\xbb\xbf" + notebook(*cells()),
    "UTF-16": json.dumps(honest(), ensure_ascii=False).encode("utf-16"),
    "lines": json.dumps(
        {**honest(), "cells": [{**one, "source": one["source"].splitlines(True)} for one in honest()["cells"]]}
    ).encode(),
    "ids": odd(id={"a": [None]}),
    "the same id": odd(id="x"),
    "attachments": odd(attachments={"a.png": {"image/png": "x" * 1000}}),
    "outputs": odd(
        outputs=[{"output_type": "display_data", "data": {"text/html": "<script>"}, "metadata": float("nan")}] * 9
    ),
    "no metadata of cells": json.dumps(
        {"cells": [{k: v for k, v in one.items() if k != "metadata"} for one in honest()["cells"]]}
    ).encode(),
    "a key twice": notebook(*cells()).replace(b'{"cells"', b'{"cells": 7, "cells"'),
    "magics": notebook(cell("%%bash\nrm -rf /\n"), *cells(guess="%%time\n" + HONEST["guess"])),
    "from the future": notebook(*cells(guess="from __future__ import annotations\n" + HONEST["guess"])),
    "match": notebook(
        *cells(
            reuse="def reuse(page):\n    match page.page_count:\n        case 1: return True\n        case _: return False\n"
        )
    ),
    "generators": notebook(
        *cells(
            promise="def each(step): yield from step.looks\n" + HONEST["promise"].replace("step.looks)", "each(step))")
        )
    ),
    "a lock": notebook(*cells(guess="import threading\nlock = threading.Lock()\n" + HONEST["guess"])),
    "text around": b"\n \t" + notebook(*cells()) + b"\n\n",
}
NONE = {  # and these are none
    "version 3": json.dumps({"worksheets": [{"cells": cells()}], "nbformat": 3}).encode(),
    "two notebooks": notebook(*cells()) * 2,
    "null source": odd(source=None),
    "numbers in a source": odd(source=["x", 1]),
    "null byte": b"\0" + notebook(*cells()),
    "UTF-7": b"+AHs-" + notebook(*cells()),
}


@pytest.mark.parametrize("name", BOOKS)
def test_odd_notebooks_are_read(arena: Session, name: str) -> None:
    assert [earned(one) for one in graded(arena, BOOKS[name]).values()] == ALL


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_notebook_says_so(name: str) -> None:
    with pytest.raises(submission.SubmissionError, match="not a notebook"):
        submission.read("01_copy_on_write.ipynb", NONE[name])


# --- certificates ----------------------------------------------------------------------------------------------------

FORGED = {
    "bounds": ({"bounds": {"processes": 99}}, "bounds: it says"),
    "no bounds": ({"bounds": None}, "bounds: it says"),
    "points": ({"points": 99}, "points: it says"),
    "most": ({"max": 99}, "max: it says"),
    "states": ({"states": 10**9}, "states: it says"),
    "an answer for all": ({"told": [[{"is": True}]]}, "asked something"),
    "no answers": ({"told": []}, "asked something"),
    "another task": ({"task": "guess"}, "asked something"),
    "no task": ({"task": "__class__"}, "not a certificate"),
    "deep": ({"told": [["promise", {"is": json.loads("[" * 900 + "]" * 900)}]]}, "not a certificate"),
    "two answers in one": ({"told": [["promise", {"is": True, "open": "x"}]]}, "asked something"),
    "text": ({"told": "text"}, "not a certificate"),
    "a large seed": ({"seed": 1e999}, "not a certificate"),
    "another model": ({"model": ["x"] * 999}, "made by version"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_certificate_does_not_hold(arena: Session, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    our_lesson(monkeypatch)
    true = certificate.certificate("0" * 64, graded(arena, notebook(*cells()))["promise"])
    assert true is not None and certificate.verify(true).points == 4
    change, says = FORGED[name]
    forged = json.loads(json.dumps({**true, **change}))
    if isinstance(forged["told"], list):
        told = [Told(functions, answer) for *functions, answer in forged["told"]]
        forged["fingerprint"] = certificate.fingerprint(told)
    with pytest.raises(certificate.CertificateError, match=says):
        certificate.verify(forged)


# --- reports, and what is resumed ------------------------------------------------------------------------------------

WORDS = '\n[words]\nkind = "explain"\ntitle = "Words"\npoints = 2\nhint = "none"\nrubric = ["one", "two"]\n'
TEXTS = {  # what students whose folders are called so have written
    "honest": "because it is shared",
    "half a sign": "\ud800 because",
    "no\u00a0break": "it is shared",
    "new\nline": "it is shared",
    "control": "a\0b \x1b[2J",
    "formula": "=cmd|' /C calc'!A0",
}


def test_nobodys_words_spoil_the_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(course, "TASKS", TASKS + WORDS)
    for student, text in TEXTS.items():
        hand_in(tmp_path / "in", student, notebook(*cells(), cell(text, "words", kind="markdown")))
    out = tmp_path / "out"
    command = ("grade", str(tmp_path / "in"), "--out", str(out), "--json")
    with course.made() as folder:
        done = cowlab(folder, *command)
        assert (done.returncode, done.stderr) == (0, "")
        assert len((out / "by-hand.csv").read_text("utf-8-sig").splitlines()) == 1 + len(TEXTS)
        first = json.loads((out / "results.jsonl").read_text().splitlines()[0])
        planted: list[Any] = [
            {**first, name: value} for name in first for value in ([], {}, "x" * 9, float("nan"), None)
        ]
        planted += [
            {**first, "tasks": [{**first["tasks"][0], name: 7}]} for name in ("status", "parts", "witness", "reason")
        ]
        planted += [{name: value for name, value in first.items() if name != left} for left in first]
        (out / "results.jsonl").write_text("".join(json.dumps(one) + "\n" for one in planted))
        done = cowlab(folder, *command)
        assert (done.returncode, done.stderr) == (0, "")
        with (out / "by-hand.csv").open("a") as table:
            table.write("x" * 200_000)
        said = cowlab(folder, *command)
        assert (said.returncode, "Traceback" in said.stderr) == (2, False) and "by-hand.csv, line" in said.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["points"] for record in records] == [sum(ALL)] * len(TEXTS)
    assert all(record["lesson"] == LESSON for record in records)
