"""The judges: right answers earn all, wrong ones what they deserve, and whatever comes back there is a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cowlab import Pte, World
from cowlab.grading import Exercises, Verdict
from cowlab.grading.judges import judge, question
from cowlab.grading.task import TaskError, read_tasks

TASKS = """
[predict_it]
kind = "predict"
title = "T"
points = 6
hint = "H"
script = '''
P: write A
P: fork C
C: write B
P: read
'''
[predict_it.ask]
first = "line 1 outcome under v5.7"
child = "line 3 outcome under v5.7"
letter = "line 4 reading under v5.7"
mapped = "line 2 mapcount of P under v5.7"
counted = "line 2 page_count of C under v5.7"
faults = "faults under v5.7"

[find_it]
kind = "find"
title = "T"
points = 4
hint = "H"
law = "isolation"
policy = "v5.7"
shortest = 4
keeps = ["v5.9"]
without = ["swap_out"]

[decide_it]
kind = "decide"
title = "T"
points = 8
hint = "H"
base = "v5.7"
cells = { decide_it = "reuse" }
laws = { isolation = 4, economy = 2 }
like = { "v5.9" = 2 }
bounds = { references = 0, holds = 0, events = ["write", "fork", "exit", "munmap"] }

[law_it]
kind = "law"
title = "T"
points = 4
hint = "H"
law = "isolation"
passes = ["leak under v5.9", "get-read-shared under v5.9"]
catches = ["leak under v5.7", "one of ours under v5.8"]
[law_it.scripts]
"one of ours" = '''
P: vmsplice g
P: fork C
P: munmap
C: write S
'''

[rule_it]
kind = "rule"
title = "T"
points = 2
hint = "H"
policy = "v5.7"
[rule_it.cases]
"alone" = '''
P: write A
P: munmap
'''
"shared" = '''
P: write A
P: fork C
C: munmap
'''

[several]
kind = "decide"
title = "T"
points = 4
hint = "H"
base = "v5.9"
functions = ["on_write", "on_fork"]
cells = { on_write = "reuse", on_fork = "fork" }
laws = { isolation = 2 }
copies = { scripts = ["cow-basic", "reuse-after-exit"], best = 1, worst = 3, points = 2 }
bounds = { references = 0, holds = 0, events = ["write", "fork", "exit"] }

[end_it]
kind = "decide"
title = "T"
points = 2
hint = "H"
base = "v5.9"
cells = { end_it = "protect" }
[end_it.ends]
"P: write A\\nP: clear_refs" = ["done", 1]
"P: write A\\nP: register g\\nP: clear_refs" = ["skipped", 1]

[record_it]
kind = "decide"
title = "T"
points = 3
hint = "H"
base = "v5.11"
cells = { record_it = "protect" }
recorded = { "5.10.262 s09_uring_cl*" = 1, "5.10.262" = 2 }
"""
CHECK = Exercises(read_tasks("x", TASKS))


def said(name: str, answer: Callable[..., Any]) -> Verdict:
    answer.__name__ = name
    return CHECK.judged(answer)


RIGHT = {"first": "fault", "child": "copy", "letter": "A", "mapped": 2, "counted": 2, "faults": 2}


def test_a_prediction_is_judged_question_by_question_and_never_told() -> None:
    assert said("predict_it", lambda: RIGHT).points == 6
    verdict = said("predict_it", lambda: {**RIGHT, "letter": "a", "mapped": 1})
    assert verdict.points == 4
    assert "a and A are two" in verdict.text() and "'A'" not in verdict.text()
    assert said("predict_it", lambda: {"first": "Fault", "mapped": 2.0, "counted": True}).points == 2
    assert "a dictionary" in said("predict_it", lambda: [1]).says
    assert "'last' is not asked" in said("predict_it", lambda: {"last": 1}).says


def test_a_prediction_in_a_form_that_nothing_could_have_is_told_what_is_wanted() -> None:
    text = " ".join(
        said("predict_it", lambda: {"first": "copied", "mapped": "2", "letter": "a", "child": "hit"}).text().split()
    )
    assert "'copied'; the words are hit, reuse, copy" in text and "'2'; a number is wanted" in text
    assert "letters count" in text and "'hit';" not in text


def test_answers_of_later_lessons_are_explained_where_they_are_allowed() -> None:
    text = question(CHECK.tasks["decide_it"])
    assert "'push' keeps the frame" in text and "'mark'" not in text and "(or True, False)" in text


FLAG = """
[flag]
kind = "predict"
title = "T"
points = 2
hint = "H"
script = "P: write A\\nP: fork C"
[flag.ask]
before = "line 1 exclusive of P under v5.19"
after = "line 2 exclusive of C under v5.19"
"""


def test_the_exclusive_flag_can_be_asked_for() -> None:
    def flag() -> dict[str, str]:
        return {"before": "yes", "after": "no"}

    check = Exercises(read_tasks("x", FLAG))
    assert check.judged(flag).points == 2


LEAK = "P: fork C\nP: write A\n"
FOUND = "P: write A\nP: fork C\nC: vmsplice g\nC: munmap\nP: write S\n"


def test_a_script_is_played_and_its_length_counts() -> None:
    verdict = said("find_it", lambda: FOUND)
    assert verdict.points == 3.5 and [part.held for part in verdict.parts] == [True, True, False]
    assert said("find_it", lambda: LEAK).points == 0
    assert said("find_it", lambda: "\n    P: fork C\n    P: write A\n    ").witness[0] == LEAK.strip()
    assert "line 5, " in said("find_it", lambda: f"\n\n{FOUND}").text()
    assert said("find_it", lambda: "P: write A\nkernel: swap_out P").says.startswith("it must do without swap_out")
    assert "unknown verb 'fly'" in said("find_it", lambda: "P: fly").says
    assert "no event in it" in said("find_it", lambda: "# nothing").says
    assert "returned 7" in said("find_it", lambda: 7).says


def test_a_decision_is_explored_and_economy_counts_only_with_safety() -> None:
    safe = said("decide_it", lambda page: page.page_count == 1)
    assert safe.points == 8, safe.text()
    wasteful = said("decide_it", lambda page: "copy")
    assert wasteful.points == 4 and "needs" in wasteful.reason
    greedy = said("decide_it", lambda page: "reuse")
    assert greedy.points == 0 and "counts once" in greedy.text()
    script, policy = greedy.witness
    assert policy == "your policy" and script.startswith("P: ")
    assert "expected one of reuse" in said("decide_it", lambda page: "yes").says
    assert "ZeroDivisionError" in said("decide_it", lambda page: 1 / 0).says


def test_a_decision_may_have_to_let_scripts_end_in_some_way() -> None:
    assert said("end_it", lambda page: "skip" if page.maybe_dma_pinned else "protect").points == 2
    never = said("end_it", lambda page: "skip")
    assert never.points == 1 and never.reason == "ends in done: no, in skipped"
    assert never.witness == ("P: write A\nP: clear_refs", "your policy")


def test_a_decision_may_have_to_do_what_a_kernel_did() -> None:
    def right(page: Any) -> str:
        return "skip" if page.asker == "clear_refs" and page.maybe_dma_pinned and page.size == "base" else "protect"

    assert said("record_it", right).points == 3
    never = said("record_it", lambda page: "protect")
    assert never.points == 0 and [part.max for part in never.parts] == [1, 2]
    assert "4 of 4 values differ, first in s09_uring_clearrefs: softdirty is 1->1 there, and 1->0" in never.reason
    assert never.witness[0].endswith("P: read\n") and never.witness[1] == "your policy"
    huge_too = said("record_it", lambda page: "skip" if page.asker == "clear_refs" else "protect")
    assert [part.held for part in huge_too.parts] == [True, False]


@pytest.mark.parametrize("asked", ["5.10.9", "5.10.262 s99*"])
def test_what_was_not_recorded_cannot_be_asked(asked: str) -> None:
    task = read_tasks("x", TASKS)["record_it"]
    task = task._replace(data={**task.data, "recorded": {asked: 1}})
    with pytest.raises(TaskError, match=r"recording of '5\.10\.9'|no scenario 's99\*'"):
        judge(task, lambda function, page: "protect")


def test_several_decisions_and_their_copies() -> None:
    def on_write(page: Any) -> str:
        return "reuse" if page.mapcount == 1 else "copy"

    def on_fork(page: Any) -> str:
        return "share"

    verdict = CHECK.judged(on_write, on_fork)
    assert verdict.points == 4, verdict.text()

    def on_fork(page: Any) -> str:
        return "copy"

    assert CHECK.judged(on_write, on_fork).points == 3
    with pytest.raises(ValueError, match="on_write, on_fork"):
        CHECK.judged(on_write)


def test_a_law_has_to_tell_right_from_wrong() -> None:
    fine = said("law_it", lambda step: all(look.saw == look.now or look.saw in look.past for look in step.looks))
    assert fine.points == 4, fine.text()
    strict = said("law_it", lambda step: all(look.saw == look.now for look in step.looks))
    assert 0 < strict.points < 4 and "is fine, and your law says it is not" in strict.text()
    assert said("law_it", lambda step: True).points == 0
    asked = question(CHECK.tasks["law_it"])
    assert "one of ours is\n\n  P: vmsplice g\n" in asked and max(map(len, asked.splitlines())) <= 88
    assert said("law_it", lambda step: "yes").says.startswith("law_it is to return True or False")


def test_a_rule_is_held_against_the_models_world() -> None:
    def munmap(world: World, event: Any) -> World:
        return world.with_pte(event.actor, event.page, Pte(vma=None))

    assert said("rule_it", munmap).points == 2
    half = said("rule_it", lambda world, event: world.with_pte("P", 0, Pte(vma=None)))
    assert half.points == 1 and "another World" in half.reason
    assert "did you forget return" in said("rule_it", lambda world, event: None).says
    assert "not a whole World" in said("rule_it", lambda world, event: World(processes=(("P",),))).says  # type: ignore[arg-type]


def test_a_stub_is_open_and_costs_nothing_else() -> None:
    def stub(*args: Any) -> None:
        raise NotImplementedError("put your answer here")

    for name in ("predict_it", "find_it", "decide_it", "law_it", "rule_it"):
        verdict = said(name, stub)
        assert verdict.open and verdict.says == "put your answer here" and "not answered yet" in verdict.text()


def test_what_was_found_can_be_stepped_through() -> None:
    said("decide_it", lambda page: "reuse")
    stepper = CHECK.show()
    assert stepper is not None and "leak" in stepper.traces[0].verdict
    said("predict_it", lambda: RIGHT)
    assert CHECK.show() is None
