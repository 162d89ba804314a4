"""Read a submission: a notebook from somebody who may mean harm. Nothing in it is run or believed here.

An answer is found by nbgrader's mark (grade_id) on its cell; where a mark was lost, by the functions that a cell defines.
Of the other cells only those definitions and imports go with it which it needs: a helper works, what another task does costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.source import ALL, Part, definitions, names, parsed, tame
from cowlab.grading.task import Task, lessons, task_names

MAX_BYTES = 20_000_000
MAX_CELLS = 2_000
MAX_SOURCE = 200_000  # characters of one cell
CHECK = "check-"  # begins the mark of a cell that only checks: nothing in it counts
MAX_CODE = 1_000_000  # of the code of all cells: the longest are left out
SHARED = 5_000  # characters of a cell that may be the same in everybody's notebook, and is read once


class SubmissionError(ValueError):
    """A file that cannot be graded; the message says why, for its author."""


class Cell(NamedTuple):
    """A code or text cell: its source, and the mark that nbgrader gave it. parts, needs, tame: of a code cell; see source.py."""

    kind: str
    source: str
    grade_id: str
    parts: tuple[Part, ...] = ()
    needs: frozenset[str] = frozenset()
    tame: bool = True


class Submission(NamedTuple):
    """A notebook that could be read."""

    name: str
    sha256: str
    lesson: str
    cells: tuple[Cell, ...]


class Found(NamedTuple):
    """The answer to one task. source "": there is none, and `says` tells why. helpers: definitions of other cells.

    tame: whether all of it is; see source.py.
    """

    source: str
    helpers: tuple[str, ...] = ()
    says: str = ""
    tame: bool = False


def content(path: Path) -> bytes:
    """The bytes of a regular file that is not too long. Raises SubmissionError."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SubmissionError("not a file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                found = file.read(MAX_BYTES + 1)
        finally:
            os.close(handle)
    except OSError as error:
        says = "a symbolic link is not followed" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise SubmissionError(says) from None
    if len(found) > MAX_BYTES:
        raise SubmissionError(f"longer than {MAX_BYTES // 1_000_000} MB: clear its outputs and hand it in again")
    return found


def read(name: str, data: bytes) -> Submission:
    """The notebook of these bytes; `name` is its path, for the lesson if its cells do not tell. Raises SubmissionError."""
    try:
        found = _cells(json.loads(data)["cells"])
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError, MemoryError):
        raise SubmissionError("not a notebook: it cannot be read as one") from None
    return Submission(name, hashlib.sha256(data).hexdigest(), _lesson(name, found), found)


def _cells(cells: Any) -> tuple[Cell, ...]:
    found = [_cell(cell) for cell in cells[:MAX_CELLS]]
    left = MAX_CODE
    for place in sorted(range(len(found)), key=lambda place: len(found[place].source)):
        one = found[place]
        if one.kind == "code" and not one.grade_id.startswith(CHECK):
            left -= len(one.source)
            found[place] = _read(one) if left >= 0 else one._replace(source="")
    return tuple(found)


def _read(cell: Cell) -> Cell:
    code = _code(cell.source) if len(cell.source) <= SHARED else _code.__wrapped__(cell.source)
    return cell._replace(source=code.source, parts=code.parts, needs=code.needs, tame=code.tame)


@lru_cache(maxsize=64)  # most cells of a notebook are the same in everybody's
def _code(source: str) -> Cell:
    source, body = parsed(source)
    needs = frozenset().union(*map(names, body))
    return Cell("code", source, "", tuple(definitions(body)), needs, all(map(tame, body)))


def _cell(cell: Any) -> Cell:
    source = cell["source"]
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise TypeError
    metadata = cell.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    mark = mark if isinstance(mark, dict) else {}
    return Cell(str(cell.get("cell_type")), source if len(source) <= MAX_SOURCE else "", str(mark.get("grade_id", "")))


def _lesson(name: str, cells: tuple[Cell, ...]) -> str:
    """The lesson whose tasks the marks name; without any mark, the one of the file's name."""
    marks = {cell.grade_id for cell in cells}
    most = max(lessons(), key=lambda lesson: len(marks & task_names(lesson)), default="")
    if most and marks & task_names(most):
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
    unmarked = [cell for cell in cells if not cell.grade_id.startswith(CHECK) and defines(cell, task)]
    chosen = (marked or unmarked or [cell for cell in cells if cell.grade_id == task.name])[-1:]
    if not chosen:
        return Found("", says=f"no cell defines {' and '.join(task.functions)}")
    others = [cell for cell in cells if cell is not chosen[0] and not cell.grade_id.startswith(CHECK)]
    says = "several cells answer this task: the last one counts" if len(marked) > 1 else ""
    parts = helpers(chosen[0], others)
    calm = chosen[0].tame and all(part.tame for part in parts)
    return Found(chosen[0].source, tuple(filter(None, (part.source for part in parts))), says, calm)


def defines(cell: Cell, task: Task) -> bool:
    """Whether the cell defines all functions of the task; of a text, whether it is marked."""
    if task.kind == "explain":
        return cell.grade_id == task.name
    return frozenset().union(*(part.binds for part in cell.parts)) >= set(task.functions)


def helpers(cell: Cell, others: list[Cell]) -> list[Part]:
    """The definitions of other cells that this one needs, and those that they need, in order."""
    parts = [part for other in others for part in other.parts]
    binding: dict[str, list[int]] = {}  # by name, who binds it
    for place, part in enumerate(parts):
        for name in part.binds:
            binding.setdefault(name, []).append(place)
    wanted = [ALL, *cell.needs]
    chosen: set[int] = set()
    while wanted:  # each name is followed once: a chain of definitions may be as long as a notebook
        for place in binding.pop(wanted.pop(), ()):
            if place not in chosen:
                chosen.add(place)
                wanted += parts[place].needs
    return [parts[k] for k in sorted(chosen)]
