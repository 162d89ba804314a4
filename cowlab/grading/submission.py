"""Read a submission: a notebook from somebody who may mean harm. Nothing in it is run or believed here.

An answer is found by nbgrader's mark (grade_id) on its cell; where a mark was lost, by the functions that a cell defines.
Of the other cells only definitions and imports go with it: a helper works, a loop in another task costs nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.task import Task, lessons, tasks

MAX_BYTES = 20_000_000
MAX_CELLS = 2_000
MAX_SOURCE = 200_000  # characters of one cell
MAX_HELPERS = 1_000_000  # and of all that goes with an answer
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


class SubmissionError(ValueError):
    """A file that cannot be graded; the message says why, for its author."""


class Cell(NamedTuple):
    """A code or text cell: its source, and the mark that nbgrader gave it."""

    kind: str
    source: str
    grade_id: str
    answers: bool  # marked as what a student writes


class Submission(NamedTuple):
    """A notebook that could be read."""

    name: str
    sha256: str
    lesson: str
    cells: tuple[Cell, ...]


class Found(NamedTuple):
    """The answer to one task. source "": there is none, and `says` tells why. helpers: definitions of other cells."""

    source: str
    helpers: tuple[str, ...] = ()
    says: str = ""


def content(path: Path) -> bytes:
    """The bytes of a regular file that is not too long. Raises SubmissionError."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        link = path.is_symlink()
        raise SubmissionError(
            "a symbolic link is not followed" if link else f"cannot be read: {error.strerror}"
        ) from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise SubmissionError("not a file")
        found = file.read(MAX_BYTES + 1)
    if len(found) > MAX_BYTES:
        raise SubmissionError(f"longer than {MAX_BYTES // 1_000_000} MB: clear its outputs and hand it in again")
    return found


def read(name: str, data: bytes) -> Submission:
    """The notebook of these bytes; `name` is its path, for the lesson if its cells do not tell. Raises SubmissionError."""
    try:
        cells = json.loads(data)["cells"]
        found = tuple(_cell(cell) for cell in cells[:MAX_CELLS])
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        raise SubmissionError("not a notebook: it cannot be read as one") from None
    return Submission(name, hashlib.sha256(data).hexdigest(), _lesson(name, found), found)


def _cell(cell: Any) -> Cell:
    source = cell["source"]
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise TypeError
    metadata = cell.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    mark = mark if isinstance(mark, dict) else {}
    source = source if len(source) <= MAX_SOURCE else ""
    return Cell(str(cell.get("cell_type")), source, str(mark.get("grade_id", "")), mark.get("solution") is True)


def _lesson(name: str, cells: tuple[Cell, ...]) -> str:
    """The lesson whose tasks the marks name; without any mark, the one of the file's name."""
    marks = {cell.grade_id for cell in cells}
    most = max(lessons(), key=lambda lesson: len(marks & tasks(lesson).keys()), default="")
    if most and marks & tasks(most).keys():
        return most
    stem = Path(name).stem
    if stem in lessons():
        return stem
    raise SubmissionError(f"no exercise of this course: there are those of {', '.join(lessons())}")


def answer(submission: Submission, task: Task) -> Found:
    """What the submission answers to a task. The last cell wins, as it does in a notebook."""
    kind = "markdown" if task.kind == "explain" else "code"
    cells = [cell for cell in submission.cells if cell.kind == kind]
    marked = [cell for cell in cells if cell.grade_id == task.name and defines(cell, task)]
    unmarked = [cell for cell in cells if not cell.grade_id.startswith("check-") and defines(cell, task)]
    chosen = (marked or unmarked or [cell for cell in cells if cell.grade_id == task.name])[-1:]
    if not chosen:
        return Found("", says=f"no cell defines {' and '.join(task.functions)}")
    others = [cell for cell in cells if cell is not chosen[0] and not cell.grade_id.startswith("check-")]
    helpers = tuple(part for cell in others for part in definitions(cell.source))
    if sum(map(len, helpers)) > MAX_HELPERS:
        helpers = ()
    says = "several cells answer this task: the last one counts" if len(marked) > 1 else ""
    return Found(chosen[0].source, helpers, says)


def defines(cell: Cell, task: Task) -> bool:
    """Whether the cell defines all functions of the task; of a text, whether it is marked."""
    if task.kind == "explain":
        return cell.grade_id == task.name
    names = {node.name for node in parsed(cell.source) if isinstance(node, ast.FunctionDef)}
    names |= {
        t.id
        for node in parsed(cell.source)
        if isinstance(node, ast.Assign)
        for t in node.targets
        if isinstance(t, ast.Name)
    }
    return names >= set(task.functions)


def definitions(source: str) -> list[str]:
    """The imports, functions, classes and names of a cell, each by itself, so that one that fails takes no other along."""
    return [text for node in parsed(source) if isinstance(node, DEFINITIONS) and (text := _text(node))]


def _text(node: ast.stmt) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return ""


def parsed(source: str) -> list[ast.stmt]:
    """The statements of a cell without its %magics and !commands; [] if it is no Python."""
    lines = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
