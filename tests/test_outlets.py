"""Gradescope, GitHub Classroom and any CI: the documents by their published formats, the scripts and the workflow run as they are."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from classes import FIRST, ROOT, SECOND, answered, exercise, hand_in, solution, worth, wrong

from cowlab.cli import main
from cowlab.grading import classroom, gradescope, tasks
from cowlab.grading.batch import Item, record, seed_of
from cowlab.grading.feedback import feedback
from cowlab.grading.outlets import asked_for
from cowlab.grading.sandbox import Limits
from cowlab.grading.session import Session
from cowlab.grading.submission import read

TOOLS = ROOT / "tools"
SCHEMA = json.loads((ROOT / "tests" / "gradescope.schema.json").read_text("utf-8"))
NASTY = "</script><img src=x>\\x1b[2J\\u202e\\r\\n::error::=1+1"
ANSWERS = {
    "solved": solution(SECOND),
    "empty": exercise(SECOND),
    "wrong": wrong(SECOND),
    "nasty": answered(SECOND, {"count_it": f"def count_it():\n    raise ValueError('{NASTY}')"}),
    "gone": {**exercise(SECOND), "cells": exercise(SECOND)["cells"][:2]},
}


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Any]]:
    """A record for each of ANSWERS."""
    session = Session(limits=Limits(seconds=5))
    known = tasks(SECOND)
    found = {}
    for name, notebook in ANSWERS.items():
        submission = read(f"{SECOND}.ipynb", json.dumps(notebook).encode())
        graded = session.grade(submission, known)
        item = Item(f"{name}/{SECOND}.ipynb", name, "")
        found[name] = record(item, submission.sha256, SECOND, 0, graded, {}, session.in_force)
    session.close()
    return found


def broken(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A record in which the grader failed at one task."""
    first, *others = records["solved"]["tasks"]
    failed = {**first, "status": "our fault", "points": None, "parts": [], "reason": "no child"}
    return {**records["solved"], "tasks": [failed, *others]}


# --- what a student reads --------------------------------------------------------------------------------------------


def test_feedback_says_what_the_notebook_says(records: dict[str, dict[str, Any]]) -> None:
    (first, *_, hand) = records["wrong"]["tasks"]
    assert feedback(first).startswith(f"count_it: {first['points']:g} of {first['max']:g} points\n  ")
    assert "✗" in feedback(first) and "What shows it (under v5.7)" in feedback(first)
    assert "not answered yet" in feedback(hand)
    assert "no points yet" in feedback(records["solved"]["tasks"][-1])
    assert "no points yet, of 9 (our fault)" in feedback(broken(records)["tasks"][0])


def test_feedback_has_no_sign_that_a_terminal_would_obey(records: dict[str, dict[str, Any]]) -> None:
    said = feedback(records["nasty"]["tasks"][0])
    assert "img src=x" in said and not set(said) & set("\x1b\u202e\r")


# --- Gradescope ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_results_are_as_gradescope_says(records: dict[str, dict[str, Any]], name: str) -> None:
    document = json.loads(json.dumps(gradescope.results(records[name]), allow_nan=False))
    jsonschema.validate(document, SCHEMA)
    assert document["score"] == records[name]["points"] == sum(test.get("score", 0) for test in document["tests"])
    assert len(document["tests"]) == len(tasks(SECOND))


def test_the_schema_can_fail(records: dict[str, dict[str, Any]]) -> None:
    document = gradescope.results(records["wrong"])
    for change in ({"output_format": "html"}, {"visibility": "never"}, {"more": 1}, {"tests": [{"score": 1}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, **change}, SCHEMA)


def test_what_a_person_reads_has_no_score(records: dict[str, dict[str, Any]]) -> None:
    last = gradescope.results(records["solved"])["tests"][-1]
    assert "score" not in last and last["status"] == "passed" and "no points yet" in last["output"]


def test_a_fault_of_ours_is_no_score(records: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(gradescope.NoResult, match="count_it"):
        gradescope.results(broken(records))
    with pytest.raises(gradescope.NoResult, match="died"):
        gradescope.results({**records["solved"], "points": None, "error": "our fault: it died"})


def test_students_see_the_tests_when_the_instructor_wants(records: dict[str, dict[str, Any]]) -> None:
    assert gradescope.results(records["solved"], "after_published")["visibility"] == "after_published"
    with pytest.raises(ValueError, match="after_due_date"):
        gradescope.results(records["solved"], "sometimes")


@pytest.fixture
def cowlab(tmp_path: Path) -> Path:
    """A command `cowlab` that runs this code."""
    path = tmp_path / "bin" / "cowlab"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cowlab "$@"\n')
    path.chmod(0o755)
    return path


def test_run_autograder_runs(tmp_path: Path, cowlab: Path) -> None:
    """As Gradescope calls it: one notebook, several, none, one of another lesson."""
    place = tmp_path / "autograder"
    shutil.copytree(TOOLS / "gradescope", place / "source")
    (place / "results").mkdir()
    (place / "source" / "lesson").write_text(f"{FIRST}\n")
    metadata = {"users": [{"email": "cy@example.com", "id": 1, "name": "Cy"}]}
    (place / "submission_metadata.json").write_text(json.dumps(metadata))

    def run(*notebooks: dict[str, Any]) -> dict[str, Any]:
        shutil.rmtree(place / "submission", ignore_errors=True)
        (place / "submission").mkdir()
        for number, notebook in enumerate(notebooks):
            hand_in(place / "submission", f"my work ({number}).ipynb", notebook)
        environment = {**os.environ, "AUTOGRADER": str(place), "COWLAB": str(cowlab)}
        done = subprocess.run(
            [place / "source" / "run_autograder"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads((place / "results" / "results.json").read_text("utf-8"))
        jsonschema.validate(document, SCHEMA)
        return document

    assert run(wrong(FIRST))["score"] == worth(FIRST)
    assert run(wrong(FIRST), solution(SECOND))["score"] == worth(FIRST), "only one of them answers this lesson"
    twice = run(wrong(FIRST), solution(FIRST))
    assert twice["score"] == 0 and "exactly one notebook" in twice["output"]
    assert run()["score"] == 0
    other = run(solution(SECOND))
    assert other["score"] == 0 and f"those of {FIRST} were asked for" in other["output"]
    (place / "source" / "secret").write_text("a secret of the course")
    assert run(exercise(FIRST))["extra_data"]["seed"] == seed_of("cy@example.com", "a secret of the course")


def test_setup_is_a_script(tmp_path: Path) -> None:
    """It needs a fresh machine to run; here only its grammar, and that what it names is there."""
    text = (TOOLS / "gradescope" / "setup.sh").read_text()
    subprocess.run(["bash", "-n", TOOLS / "gradescope" / "setup.sh"], check=True)
    assert "/opt/cowlab" in text and "/opt/cowlab/bin/cowlab" in (TOOLS / "gradescope" / "run_autograder").read_text()
    assert os.access(TOOLS / "gradescope" / "run_autograder", os.X_OK)


# --- GitHub Classroom, and any CI ------------------------------------------------------------------------------------


def test_the_report_of_a_step(records: dict[str, dict[str, Any]]) -> None:
    for name, status in (("solved", "pass"), ("wrong", "fail"), ("empty", "fail"), ("gone", "fail")):
        found = classroom.result(records[name])
        assert found["status"] == status
        assert sum(test["score"] for test in found["tests"]) == records[name]["points"]
        assert found["max_score"] == sum(t.points for t in tasks(SECOND).values() if t.kind != "explain")
        assert {test["status"] for test in found["tests"]} <= {"pass", "fail"}
    assert classroom.result(broken(records))["status"] == "error"


def test_nothing_in_a_submission_begins_another_line(records: dict[str, dict[str, Any]]) -> None:
    line = classroom.output(records["nasty"])
    assert line.count("\n") == 1 and "::" not in line
    assert json.loads(base64.b64decode(line.partition("=")[2])) == classroom.result(records["nasty"])


def test_the_workflow_grades(tmp_path: Path, cowlab: Path) -> None:
    """Its own command, in a repository that looks like a student's."""
    workflow = yaml.safe_load((TOOLS / "classroom" / "classroom.yml").read_text())
    steps = {step.get("id", step.get("name")): step for step in workflow["jobs"]["grade"]["steps"]}
    assert steps["Report"]["env"] == {"COWLAB_RESULTS": "${{ steps.cowlab.outputs.result }}"}
    assert steps["Report"]["with"]["runners"] == "cowlab"
    lesson = workflow["env"]["LESSON"]
    environment = {**os.environ, "PATH": f"{cowlab.parent}:{os.environ['PATH']}", "LESSON": lesson}
    environment |= {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_ACTOR": "cy"}
    most = sum(task.points for task in tasks(lesson).values() if task.kind != "explain")
    for notebook, code, points in (
        (solution(lesson), 0, most),
        (wrong(lesson), 1, worth(lesson)),
        (exercise(lesson), 1, 0),
    ):
        hand_in(tmp_path, f"exercises/{lesson}.ipynb", notebook)
        (tmp_path / "output").write_text("before=1\n")
        done = subprocess.run(
            ["bash", "-e", "-c", steps["cowlab"]["run"]], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        before, line = (tmp_path / "output").read_text().splitlines()
        assert before == "before=1"
        found = json.loads(base64.b64decode(line.removeprefix("result=")))
        assert sum(test["score"] for test in found["tests"]) == points
        assert "fork_bill" in done.stdout or code == 0, "the log says why"


# --- another lesson, bad options ------------------------------------------------------------


def test_exercises_of_another_lesson_earn_nothing(records: dict[str, dict[str, Any]]) -> None:
    mine = records["solved"]
    assert asked_for(mine, None) is mine and asked_for(mine, SECOND) is mine
    other = asked_for(mine, FIRST)
    most = sum(task.points for task in tasks(FIRST).values())
    assert (other["points"], other["max"], other["tasks"]) == (0, most, [])
    jsonschema.validate(gradescope.results(other), SCHEMA)
    assert classroom.result(other)["status"] == "fail"


@pytest.mark.parametrize(
    "options",
    [
        ["--lesson", "99_nothing"],
        ["--nbgrader", "nowhere.db"],
        ["--gradescope", "/nowhere/results.json"],
        ["--classroom", "/nowhere/output"],
        ["--nbgrader", "x.db", "--student", "ada"],
    ],
)
def test_bad_options_are_told_before_anything_is_graded(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hand_in(tmp_path, f"{FIRST}.ipynb", exercise(FIRST))
    assert main(["grade", str(path), *options]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("cowlab: ") and err.count("\n") == 1


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_is_positive(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["grade", "x", f"--jobs={jobs}"])
    assert "from 1 upwards" in capsys.readouterr().err
