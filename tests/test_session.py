"""A session: two children must agree, equal answers are judged once, and a fault of ours is nobody's zero."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from arena import KNOWN, QUICK, TASKS, cells, earned, graded, notebook

from cowlab.grading import memory
from cowlab.grading import session as module
from cowlab.grading.memory import Graded
from cowlab.grading.sandbox import OURS, SandboxError, Trouble, Zygote
from cowlab.grading.session import Session
from cowlab.grading.submission import Found
from cowlab.grading.task import Task, read_tasks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    made = Session(limits=QUICK)
    yield made
    made.close()


def test_what_is_in_force_is_known_before_anything_is_graded(session: Session) -> None:
    assert {"seccomp", "rlimits"} <= set(session.in_force) and session.lacks == []


def test_equal_answers_are_judged_once_however_they_are_written(session: Session) -> None:
    first = graded(session, notebook(*cells()))["reuse"]
    before = session.memory.judged
    again = graded(
        session, notebook(*cells(reuse="import math\ndef reuse(page):\n    return math.prod([page.page_count]) < 2\n"))
    )["reuse"]
    assert session.memory.judged == before
    assert (again.verdict, again.answers) == (first.verdict, first.answers) and len(first.answers) == 12
    other = graded(session, notebook(*cells(reuse="def reuse(page): return False")))["reuse"]
    assert session.memory.judged == before + 1 and other.answers != first.answers and earned(other) == 4


def test_the_same_code_is_not_asked_again_unless_what_it_says_quotes_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    right = Session.attempted

    def attempted(self: Session, task: Task, found: Found) -> Graded:
        asked.append(task.name)
        return right(self, task, found)

    monkeypatch.setattr(Session, "attempted", attempted)
    session.memory.same.clear()
    sources = [
        "def guess(): return {'faults': 2}",
        '# mine\ndef guess():\n    return {"faults": 2}',
        "def guess(): return {'faults': 3}",
    ]
    found = [graded(session, notebook(*cells(guess=source)))["guess"] for source in sources]
    assert (asked.count("guess"), asked.count("trap")) == (2, 1)
    assert found[0] == found[1] and [earned(one) for one in found] == [1, 1, 0]
    for source in (
        "def guess(): 1 / 0",
        "def guess(): 1 / 0  # mine",
        "import time\ndef guess(): return 1",
        "def guess(): return {'a': 1",
    ):
        for _ in range(2):
            graded(session, notebook(*cells(guess=source)))
    assert asked.count("guess") == 10


def test_answers_of_one_task_or_seed_are_not_those_of_another(session: Session) -> None:
    dearer = read_tasks("01_tamper", TASKS.replace("isolation = 4, economy = 2", "isolation = 1, economy = 1"))["reuse"]
    source = Found("def reuse(page): return page.page_count == 1")
    assert earned(session.task(KNOWN["reuse"], source)) == 6
    assert earned(session.task(dearer, source)) == 2


def test_what_is_remembered_has_an_end(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_REMEMBERED", 5)
    for number in range(5):
        found = graded(session, notebook(*cells(guess=f"def guess(): return {{'faults': {number}}}")))
        assert sum(earned(one) or 0 for one in found.values()) == (17 if number == 2 else 16)
    assert len(session.memory.next) <= 5


def test_a_zygote_that_dies_is_replaced(session: Session) -> None:
    for number in (0, 1):
        session.memory.same.clear()
        session.zygotes[number].process.kill()
        assert sum(earned(one) or 0 for one in graded(session, notebook(*cells())).values()) == 22
        assert all(zygote.alive() for zygote in session.zygotes)
        assert session.zygotes[0].hash != session.zygotes[1].hash


def test_zygotes_that_die_again_and_again_are_our_fault(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*args: object) -> None:
        raise Trouble(OURS, "no child")

    session.memory.same.clear()
    with monkeypatch.context() as patched:
        patched.setattr(Zygote, "fork", dead)
        found = graded(session, notebook(*cells()))
        assert {(one.status, one.verdict) for one in found.values()} == {(OURS, None)}
        with pytest.raises(SandboxError, match="no child"):
            Session()
    assert sum(earned(one) or 0 for one in graded(session, notebook(*cells())).values()) == 22


def test_a_judge_that_fails_is_our_fault_and_costs_no_other_task(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = module.judge

    def confused(task: object, ask: object) -> object:
        if getattr(task, "name", "") == "unmap":
            raise RecursionError("too deep")
        return right(task, ask)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "judge", confused)
    session.memory.next.clear()
    session.memory.same.clear()
    found = graded(session, notebook(*cells()))
    assert (found["unmap"].status, found["unmap"].verdict) == (OURS, None) and "RecursionError" in found["unmap"].says
    assert sum(earned(one) or 0 for one in found.values()) == 20


def test_a_stub_is_open_and_an_explanation_is_read_by_hand(session: Session) -> None:
    stub = "def guess(): raise NotImplementedError('say what happens')"
    found = graded(session, notebook(*cells(guess=stub)))["guess"]
    assert (found.status, found.says) == ("open", "say what happens") and earned(found) == 0
    explain = read_tasks("x", '[why]\nkind = "explain"\ntitle = "T"\npoints = 3\nhint = "H"\n')["why"]
    assert session.task(explain, Found("because"))[1:4] == ("by hand", "to be read by a person", None)
    assert session.task(explain, Found("", says="no cell"))[1:4] == ("missing", "no cell", None)
