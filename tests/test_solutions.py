"""The notebooks of solutions and exercises: up to date, they run; an exercise answers kindly while it is empty."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from lessons import EXERCISES, ROOT, SOLUTIONS, check_outputs, check_width, nbval, run

from cowlab.grading import tasks

sys.path.insert(0, str(ROOT / "tools"))
from notebooks import execute

solutions = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
exercises = pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)


def test_every_solution_has_its_notebooks() -> None:
    sources = [path.stem for path in sorted((ROOT / "solutions").glob("[0-9]*.py"))]
    assert sources == [path.stem for path in SOLUTIONS] == [path.stem for path in EXERCISES]


@solutions
def test_what_is_derived_is_up_to_date(path: Path) -> None:
    run("tools/exercises.py", "--check", path.stem)


@solutions
def test_a_solution_runs_under_nbval(path: Path) -> None:
    nbval(path)


@solutions
def test_no_output_embarrasses(path: Path) -> None:
    check_outputs(path)


@solutions
def test_no_code_is_wider_than_a_laptop(path: Path) -> None:
    check_width(path)


@exercises
def test_an_empty_exercise_runs_and_says_what_to_do(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)  # raises if a cell does
    printed = [text for cell in notebook.cells for text in outputs(cell)]
    for task in tasks(path.stem).values():
        if task.kind != "explain":
            assert any(text.startswith(f"{task.name}: not answered yet") for text in printed), task.name


def outputs(cell: nbformat.NotebookNode) -> list[str]:
    found = cell.get("outputs", [])
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in found), cell.source
    return [output.text for output in found if output.output_type == "stream"]
