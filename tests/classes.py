"""A class of students for the tests of grading: notebooks with chosen answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cowlab.grading.mistakes import mistakes

ROOT = Path(__file__).resolve().parent.parent
FIRST, SECOND = "01_copy_on_write", "03_page_count_one"


def exercise(lesson: str) -> dict[str, Any]:
    """The notebook that a student gets."""
    found: dict[str, Any] = json.loads((ROOT / "exercises" / f"{lesson}.ipynb").read_text("utf-8"))
    return found


def solution(lesson: str) -> dict[str, Any]:
    """The same with all solutions."""
    source = json.loads((ROOT / "solutions" / f"{lesson}.ipynb").read_text("utf-8"))
    answers = {mark(cell): "".join(cell["source"]) for cell in source["cells"] if mark(cell)}
    return answered(lesson, {name: text for name, text in answers.items() if not name.startswith("check-")})


def wrong(lesson: str) -> dict[str, Any]:
    """The same with the first typical wrong answer to each task, and nothing for a person to read."""
    known = mistakes((ROOT / "solutions" / f"{lesson}.py").read_text("utf-8"))
    return answered(lesson, {one.task: one.code for one in reversed(known)})


def worth(lesson: str, task: str = "") -> float:
    """What wrong() earns, in all or for one task."""
    known = mistakes((ROOT / "solutions" / f"{lesson}.py").read_text("utf-8"))
    points = {one.task: one.points for one in reversed(known)}
    return points[task] if task else sum(points.values())


def answered(lesson: str, answers: dict[str, str]) -> dict[str, Any]:
    """The exercise with these answers, by the names of the tasks."""
    notebook = exercise(lesson)
    for cell in notebook["cells"]:
        if mark(cell) in answers:
            cell["source"] = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", answers[mark(cell)])
    return notebook


def mark(cell: dict[str, Any]) -> str:
    """nbgrader's grade_id, or ""."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def hand_in(folder: Path, place: str, notebook: dict[str, Any]) -> Path:
    """Write a notebook to STUDENT/.../NAME.ipynb below the folder."""
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), "utf-8")
    return path
