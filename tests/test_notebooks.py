"""The lessons: up to date, they run, and no cell shows a student what it should not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lessons import LESSONS, ROOT, cells, check_outputs, check_width, nbval, run, source

each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def test_every_lesson_has_its_notebook() -> None:
    assert LESSONS
    assert [p.stem for p in sorted((ROOT / "notebooks").glob("[0-9]*.py"))] == [p.stem for p in LESSONS]


@each
def test_it_is_up_to_date(path: Path) -> None:
    run("tools/notebooks.py", "--check", path.stem)


@each
def test_it_runs_under_nbval(path: Path) -> None:
    nbval(path)


@each
def test_no_output_embarrasses(path: Path) -> None:
    check_outputs(path)


@each
def test_no_code_is_wider_than_a_laptop(path: Path) -> None:
    check_width(path)


@each
def test_every_commit_it_names_is_in_the_bibliography(path: Path) -> None:
    prose = " ".join(source(cell) for cell in cells(path, "markdown"))
    bibliography = (ROOT / "docs/kernel.md").read_text("utf-8").partition("## 7.")[2]
    named = set(re.findall(r"\b[0-9a-f]{12}\b", prose))
    assert named, "a lesson names its sources"
    assert not {commit for commit in named if commit not in bibliography}


@each
def test_what_a_machine_showed_is_not_kept(path: Path) -> None:
    own = [cell for cell in cells(path, "code") if "own-machine" in cell["metadata"].get("tags", ())]
    assert not any(cell["outputs"] for cell in own)
    assert own or path.stem != "08_real_kernels"
