"""The lessons: up to date, they run, and no cell shows a student what it should not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
LAPTOP = 88  # columns of code that need no sideways scrolling

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[Any]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: Any) -> str:
    return "".join(cell["source"])


def run(*command: str) -> None:
    """Run it with this Python, away from the pytest that is running us and from its plugins."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_lesson_has_its_notebook() -> None:
    assert NOTEBOOKS
    assert [p.stem for p in sorted((ROOT / "notebooks").glob("[0-9]*.py"))] == [p.stem for p in NOTEBOOKS]


def test_the_notebooks_are_up_to_date() -> None:
    run("tools/notebooks.py", "--check")


@each
def test_it_runs_under_nbval(path: Path) -> None:
    """Every cell runs; cells tagged nbval-check-output print what they printed."""
    options = ("-q", "-p", "nbval.plugin", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env")
    run("-m", "pytest", *options, str(path))


@each
def test_it_was_run_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@each
def test_no_output_embarrasses(path: Path) -> None:
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source(cell)
            assert output.get("name") != "stderr", source(cell)
            plain = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
            assert not re.search(r"\bat 0x[0-9a-f]{6,}", plain), plain


@each
def test_no_code_is_wider_than_a_laptop(path: Path) -> None:
    for cell in cells(path, "code"):
        wide = [line for line in source(cell).splitlines() if len(line) > LAPTOP]
        assert not wide, wide


@each
def test_every_commit_it_names_is_in_the_bibliography(path: Path) -> None:
    prose = " ".join(source(cell) for cell in cells(path, "markdown"))
    bibliography = (ROOT / "docs/kernel.md").read_text("utf-8").partition("## 7.")[2]
    named = set(re.findall(r"\b[0-9a-f]{12}\b", prose))
    assert named, "a lesson names its sources"
    assert not {commit for commit in named if commit not in bibliography}
