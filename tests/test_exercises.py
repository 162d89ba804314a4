"""The exercises: each solution earns all points, each stub none, each typical wrong answer what it is said to earn."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import pytest

from cowlab.check import check
from cowlab.events import parse
from cowlab.grading import Exercises, Task, Verdict, exercises, tasks
from cowlab.grading.asking import Here
from cowlab.grading.judges import judge, predict, question
from cowlab.grading.judges.decide import bounds
from cowlab.grading.task import row_named
from cowlab.model import Bounds

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "solutions").glob("[0-9]*.py"))
STATED = re.compile(r"(?:# )?([\d.]+) points?: (.+)")


class Answers(NamedTuple):
    """What a source has for one task: the solution, and the typical wrong answers, each with its points and why."""

    task: Task
    setup: str
    solution: str
    wrong: tuple[tuple[float, str, str], ...]


def answers(source: Path) -> Iterator[Answers]:
    """The tasks of a source in order, with their answers."""
    known = tasks(source.stem)
    setup, found = "", dict[str, list[Any]]()
    name = ""
    for cell in jupytext.read(source).cells:
        marks = cell.metadata.get("tags", [])
        if "setup" in marks:
            setup = cell.source
        if "task" in marks:
            name = re.match(r"\[(\w+)\]", cell.source)[1]  # type: ignore[index]
            found[name] = ["", []]
        if "answer" in marks:
            found[name][0] = cell.source
        if "wrong" in marks:
            stated = STATED.match(cell.source)
            assert stated, f"{source.name}: a wrong answer begins with `N points: why`, not with\n{cell.source}"
            found[name][1].append((float(stated[1]), stated[2], cell.source))
    for name, (solution, wrong) in found.items():
        yield Answers(known[name], setup, solution, tuple(wrong))


ALL = [one for source in SOURCES for one in answers(source)]
JUDGED = [one for one in ALL if one.task.kind != "explain"]
each = pytest.mark.parametrize("one", JUDGED, ids=lambda one: f"{one.task.lesson}-{one.task.name}")
every = pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.task.lesson}-{one.task.name}")
lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)


def judged(one: Answers, code: str) -> Verdict:
    """The verdict on an answer's code."""
    space: dict[str, Any] = {}
    exec(one.setup, space)  # as the first cell of the notebook
    exec(code, space)
    return judge(one.task, Here({name: space[name] for name in one.task.functions}))


def stub(one: Answers) -> str:
    """What the learner gets in the place of the solution."""
    notebook = json.loads((ROOT / "exercises" / f"{one.task.lesson}.ipynb").read_text("utf-8"))
    found = [cell for cell in notebook["cells"] if grade_id(cell) == one.task.name]
    assert len(found) == 1, f"{one.task.name} has {len(found)} answer cells"
    return "".join(found[0]["source"])


def grade_id(cell: Any) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


# --- each task -------------------------------------------------------------------------------------------------------


@each
def test_the_solution_earns_all_points(one: Answers) -> None:
    verdict = judged(one, one.solution)
    assert verdict.points == verdict.max == one.task.points, verdict.text()


@each
def test_the_stub_earns_none_and_says_what_to_do(one: Answers) -> None:
    verdict = judged(one, stub(one))
    assert verdict.open and verdict.points == 0
    assert verdict.says.startswith(one.task.name) and len(verdict.says) > len(one.task.name) + 20


@each
def test_a_wrong_answer_earns_what_is_said_each_for_another_reason(one: Answers) -> None:
    reasons = set()
    for points, why, code in one.wrong:
        verdict = judged(one, code)
        assert verdict.points == points < one.task.points, f"{why}:\n{verdict.text()}"
        assert verdict.reason
        reasons.add((verdict.reason, tuple(part.held for part in verdict.parts)))
    assert len(reasons) == len(one.wrong) >= 3


@each
def test_the_stub_matches_its_solution(one: Answers) -> None:
    """The same functions with the same parameters and docstrings, nothing of the bodies."""

    def heads(code: str) -> list[tuple[str, str, str | None]]:
        functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
        return [(f.name, ast.unparse(f.args), ast.get_docstring(f)) for f in functions]

    assert heads(stub(one)) == heads(one.solution)
    assert {name for name, _, _ in heads(stub(one))} >= set(one.task.functions)
    assert all(doc for name, _, doc in heads(stub(one)) if name in one.task.functions)
    for line in solution_lines(one):
        assert line not in stub(one), f"the stub gives this away: {line}"


@every
def test_the_hint_gives_nothing_away(one: Answers) -> None:
    assert len(one.task.hint) > 20
    for line in solution_lines(one):
        assert line not in one.task.hint


def solution_lines(one: Answers) -> list[str]:
    inside = one.solution.partition("BEGIN SOLUTION")[2].partition("### END SOLUTION")[0]
    return [line.strip() for line in inside.splitlines() if len(line.strip()) > 12]


@every
def test_what_is_asked_can_be_printed(one: Answers) -> None:
    for seed in (0, 1, 7):
        text = question(tasks(one.task.lesson, seed)[one.task.name])
        assert text.strip() and "$" not in text
        assert max(map(len, text.splitlines())) <= 110, text


# --- by kind ---------------------------------------------------------------------------------------------------------

PREDICTIONS = [one for one in JUDGED if one.task.kind == "predict"]
FINDS = [one for one in JUDGED if one.task.kind == "find"]


@pytest.mark.parametrize("one", PREDICTIONS, ids=lambda one: one.task.name)
def test_a_prediction_can_be_right_for_every_seed(one: Answers) -> None:
    for seed in range(6):
        task = tasks(one.task.lesson, seed)[one.task.name]
        traces = {
            ask.policy: predict.play(task.script(task.data["script"]), row_named(ask.policy))
            for ask in predict.asked(task)
        }
        truth = {ask.key: predict.true(ask, traces[ask.policy]) for ask in predict.asked(task)}
        verdict = judge(task, lambda function, truth=truth: truth)
        assert verdict.points == task.points, verdict.text()
    assert len(one.task.data["ask"]) >= 6, "fewer are guessed too easily"


@pytest.mark.parametrize("one", FINDS, ids=lambda one: one.task.name)
def test_the_shortest_script_is_as_long_as_an_exploration_says(one: Answers) -> None:
    data = one.task.data
    if "law" not in data or any(key in data for key in ("keeps", "uses", "without")):
        assert "shortest" in data  # the solution has that many lines: see the first test
        return
    report = check(row_named(data["policy"]), Bounds(references=1), (data["law"],), max_states=20_000)
    script = report.script(data["law"])
    assert script is not None and len(script.splitlines()) == data["shortest"]


@pytest.mark.parametrize("one", [o for o in JUDGED if o.task.kind == "decide"], ids=lambda one: one.task.name)
def test_a_decision_is_explored_within_small_bounds(one: Answers) -> None:
    found = bounds(one.task)
    assert found.pages == 1 and found.references <= 2
    assert sum(one.task.data.get("laws", {}).values()) <= one.task.points


# --- each lesson -----------------------------------------------------------------------------------------------------


@lesson
def test_a_lesson_has_enough_tasks_of_enough_kinds(source: Path) -> None:
    found = [one.task for one in answers(source)]
    assert len(found) >= 4
    assert len({task.kind for task in found}) >= 3
    assert all(len(one.wrong) >= 3 for one in answers(source)), "three typical wrong answers each"


@lesson
def test_the_exercise_has_no_solution_and_valid_metadata(source: Path) -> None:
    text = (ROOT / "exercises" / f"{source.stem}.ipynb").read_text("utf-8")
    for mark in ("BEGIN SOLUTION", "HIDDEN TESTS", '"wrong"', '"task":true'):
        assert mark not in text
    cells = json.loads(text)["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    ids = [grade_id(cell) for cell in cells if grade_id(cell)]
    assert len(ids) == len(set(ids))
    for task in tasks(source.stem).values():
        graded = [
            c for c in cells if grade_id(c) in (task.name, f"check-{task.name}") and c["metadata"]["nbgrader"]["grade"]
        ]
        assert [cell["metadata"]["nbgrader"]["points"] for cell in graded] == [task.points]


def test_there_are_exercises_for_every_lesson() -> None:
    assert [source.stem for source in SOURCES] == [p.stem for p in sorted((ROOT / "notebooks").glob("[0-9]*.py"))]


# --- a notebook's own way in -----------------------------------------------------------------------------------------


def test_check_says_what_to_do_with_what_is_no_function(capsys: pytest.CaptureFixture[str]) -> None:
    check: Exercises = exercises("01_copy_on_write")
    check("P: write A")  # type: ignore[arg-type]
    assert "the function itself" in capsys.readouterr().out

    def nothing() -> None: ...

    check(nothing)
    assert "No task is answered by 'nothing'" in capsys.readouterr().out


def test_a_script_with_other_letters_is_still_the_same_script() -> None:
    one = next(task for task in tasks("01_copy_on_write").values() if task.kind == "predict")
    other = tasks("01_copy_on_write", 3)[one.name]
    before, after = parse(one.script(one.data["script"])), parse(other.script(other.data["script"]))
    assert [event.verb for event in before.events][:2] == [event.verb for event in after.events][:2]
    assert before.events != after.events
