"""cowlab's points in nbgrader's gradebook, through nbgrader's own interface.

    cowlab grade submitted --nbgrader gradebook.db

Each cell gets its points, and the reason as a comment on the answer.

nbgrader gives full marks to a cell that printed nothing, so no cell of ours may keep its points: one that was not graded
here has none and is marked for a person. What a person gave is never touched: it counts more in nbgrader, too. Writing
twice changes nothing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from textwrap import indent
from typing import Any, NamedTuple

from cowlab.grading.feedback import feedback
from cowlab.grading.task import lessons, tasks
from cowlab.grading.wire import shown

OURS = "cowlab:\n\n"  # how a comment of ours begins
NOT_GRADED = "not graded by cowlab: these are not its points"
LAYOUT = "not STUDENT/ASSIGNMENT/NOTEBOOK.ipynb, as below nbgrader's folder `submitted`"
UNKNOWN = "the gradebook knows no notebook of that name; rename the file, run `nbgrader autograde` and this again"
NAME = re.compile(r"\w[\w.@+ -]*")  # of a student

Place = tuple[str, str, str]  # student, assignment, notebook


class GradebookError(ValueError):
    """The gradebook cannot be written; the message says why."""


class Mark(NamedTuple):
    """What a cell is to have. points: a share from 0 to 1, or None for none yet. look: a person ought to look at it."""

    points: float | None
    says: str
    look: bool = False


ABSENT = Mark(0.0, "not handed in")


class Written(NamedTuple):
    """How many cells have cowlab's points, in how many that changed something, and what could not be written, a sentence each."""

    cells: int
    changed: int
    said: tuple[str, ...]


def write(database: str, records: Iterable[dict[str, Any]]) -> Written:
    """Put the points of the records (see batch.py) into a gradebook: its file, or an address as postgresql://...

    Raises GradebookError; ImportError without nbgrader.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import SQLAlchemyError

    said: list[str] = []
    found = _placed(records, said)
    try:
        with Gradebook(address(database), "") as book:
            written = _write(book, found, said)
            book.db.commit()
    except SQLAlchemyError as error:
        raise GradebookError(f"{database}: {str(error).splitlines()[0]}") from None
    return written._replace(said=tuple(said))


def address(database: str) -> str:
    """The address of a gradebook, given as one or as the name of its file. Raises GradebookError if there is no such file."""
    if "://" in database:
        return database
    if not Path(database).is_file():  # nbgrader would make an empty one
        raise GradebookError(f"{database}: no such gradebook; `nbgrader generate_assignment` makes it")
    return f"sqlite:///{Path(database).resolve()}"


def _placed(records: Iterable[dict[str, Any]], said: list[str]) -> dict[Place, dict[str, Any]]:
    """The records by their place in nbgrader's course."""
    found = {}
    for record in records:
        parts = PurePath(record["submission"]).parts
        if len(parts) == 3 and NAME.fullmatch(parts[0]):
            found[parts[0], parts[1], PurePath(parts[2]).stem] = record
        else:
            said.append(f"{record['submission']}: {LAYOUT}")
    return found


def _write(book: Any, found: dict[Place, dict[str, Any]], said: list[str]) -> Written:
    ours = {name for lesson in lessons() for name in tasks(lesson)}
    cells = changed = 0
    known = {assignment.name: {one.name for one in assignment.notebooks} for assignment in book.assignments}
    for student, assignment, notebook in found:
        if notebook in known.get(assignment, ()):
            _enter(book, student, assignment)
        else:
            said.append(
                f"{student}/{assignment}/{notebook}.ipynb: {UNKNOWN} (it knows {_names(known.get(assignment))})"
            )
    whose = {place[:2] for place in found}
    for name in dict.fromkeys(place[1] for place in found):
        for submission in book.assignment_submissions(name):
            graded = (submission.student.id, name) in whose
            for notebook in submission.notebooks:
                record = found.get((submission.student.id, name, notebook.name))
                for grade, comment, task in _cells(notebook, ours):
                    mark = _mark(record, task) if record else ABSENT if graded else _unknown(grade, comment)
                    cells += mark is not None
                    changed += mark is not None and _put(grade, comment, mark)
    return Written(cells, changed, ())


def _names(notebooks: set[str] | None) -> str:
    return ", ".join(sorted(notebooks or ())) or "no such assignment"


def _enter(book: Any, student: str, assignment: str) -> None:
    """Make sure that there is an entry. nbgrader's autograde makes none where it fails, and then stops for all."""
    from nbgrader.api import MissingEntry

    try:
        book.find_submission(assignment, student)
    except MissingEntry:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's own way to add one makes SQLAlchemy 2 talk
            book.update_or_create_student(student)
            book.add_submission(assignment, student)


def _cells(notebook: Any, ours: set[str]) -> Iterator[tuple[Any, Any, str]]:
    """The cells of a notebook that have points: the grade, the comment on the answer, the task's name.

    The points are those of the cell `check-NAME`, or of the answer itself where a person reads it.
    """
    comments = {comment.name: comment for comment in notebook.comments}
    for grade in notebook.grades:
        name = grade.name.removeprefix("check-")
        if name in ours:
            yield grade, comments.get(name), name


def _mark(record: dict[str, Any], name: str) -> Mark:
    """What a record says of a task."""
    for task in record["tasks"]:
        if task["task"] == name:
            if task["points"] is None:
                return Mark(None, feedback(task) if task["kind"] != "explain" else "", look=True)
            # A share, for an instructor may have changed what the cell is worth.
            return Mark(task["points"] / task["max"], feedback(task))
    if record["points"] is None:
        return Mark(None, record["error"], look=True)
    return Mark(0.0, record["error"] or f"this notebook answers exercises of {record['lesson']}", look=True)


def _unknown(grade: Any, comment: Any) -> Mark | None:
    """A cell without a record. It keeps what cowlab gave it before, and a zero; nbgrader's own points go."""
    if not grade.auto_score or (comment is not None and str(comment.auto_comment).startswith(OURS)):
        return None
    return Mark(None, NOT_GRADED, look=True)


def _put(grade: Any, comment: Any, mark: Mark) -> bool:
    """Whether that changed anything. A person who has given other points is asked to look again, as nbgrader does."""
    points = None if mark.points is None else round(mark.points * grade.max_score, 4)
    # Four spaces make it a block of code in nbgrader's pages, where no sign of a student's has a meaning.
    text = indent(shown(mark.says, 5_000).replace("\t", " "), "    ", lambda line: True)
    says = OURS + text if mark.says else None
    if grade.auto_score == points and (comment is None or comment.auto_comment == says):
        return False
    grade.auto_score = points
    grade.needs_manual_grade = mark.look or grade.manual_score is not None
    if comment is not None:
        comment.auto_comment = says
    return True
