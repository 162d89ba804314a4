"""Where points go besides our own reports: nbgrader, Gradescope, GitHub Classroom. The options of `cowlab grade` for them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from cowlab.grading import classroom, gradebook, gradescope
from cowlab.grading.task import lessons, tasks

BY_HAND = "by-hand.csv"
HANDED_IN = "hand in exactly one notebook; {}"


class Records(Protocol):
    """Records that can be gone through again and again."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[dict[str, Any]]: ...


class View:
    """Records as they are shown, each changed when it is wanted: none need be in memory."""

    def __init__(self, records: Records, *changes: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.records, self.changes = records, changes

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for record in self.records:
            for change in self.changes:
                record = change(record)
            yield record


class OutletError(Exception):
    """Points that cannot be put where they were wanted; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--anonymous", action="store_true", help="the class pages of --out name nobody")
    parser.add_argument("--lesson", metavar="NAME", help="what was asked for: exercises of another lesson earn nothing")
    group = parser.add_argument_group("for a course's own system (docs/instructors.md)")
    group.add_argument("--student", metavar="NAME", help="whose notebook it is (default: the name of its folder)")
    group.add_argument("--nbgrader", metavar="FILE", help="put the points into this gradebook.db")
    group.add_argument("--gradescope", metavar="FILE", help="write one notebook's points as results.json")
    group.add_argument(
        "--visibility",
        choices=gradescope.VISIBILITY,
        default="visible",
        help="when Gradescope shows its tests to students (default: visible)",
    )
    group.add_argument("--classroom", metavar="FILE", help="append one notebook's points to $GITHUB_OUTPUT")


def check_arguments(args: argparse.Namespace) -> None:
    """Raises OutletError for what cannot be meant, before anything is graded."""
    if args.lesson and args.lesson not in lessons():
        raise OutletError(f"no exercises of {args.lesson!r}; there are those of {', '.join(lessons())}")
    if args.nbgrader and args.student:
        raise OutletError("--nbgrader takes the students from their folders: leave out --student")
    if args.nbgrader:
        try:
            gradebook.address(args.nbgrader)
        except gradebook.GradebookError as error:
            raise OutletError(str(error)) from None
    for file in filter(None, (args.gradescope, args.classroom)):
        if not Path(file).absolute().parent.is_dir():
            raise OutletError(f"{file}: there is no such folder")


def asked_for(record: dict[str, Any], lesson: str | None) -> dict[str, Any]:
    """The record; without any points if another lesson was asked for, or the notebook was none."""
    if not lesson or record["points"] is None or record["lesson"] == lesson:
        return record
    says = record["error"] or f"this notebook answers exercises of {record['lesson']}; those of {lesson} were asked for"
    most = sum(task.points for task in tasks(lesson).values())
    return {**record, "lesson": lesson, "tasks": [], "certificates": [], "points": 0, "max": most, "error": says}


def reports(args: argparse.Namespace, records: View, files: Mapping[str, str]) -> View:
    """Write the reports of --out. Returns the records with what people gave by hand. Raises OutletError, OSError."""
    from cowlab.grading.byhand import HandError, by_hand
    from cowlab.grading.report import record as read_record
    from cowlab.grading.report import write

    try:
        found = View(records, by_hand(Path(args.out) / BY_HAND, records, files))
    except HandError as error:
        raise OutletError(str(error)) from None
    known = (read_record({**record, "max": record["max"] or 0}) for record in found)
    write(Path(args.out), known, anonymous=args.anonymous)
    return found


def put(args: argparse.Namespace, records: View) -> list[str]:
    """Put the points where the options say. Returns what the instructor should be told. Raises OutletError, OSError."""
    told: list[str] = []
    try:
        if args.nbgrader:
            told += _nbgrader(args.nbgrader, records)
        if args.gradescope:
            document = gradescope.results(_one(records), args.visibility)
            Path(args.gradescope).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        if args.classroom:
            with Path(args.classroom).open("a", encoding="utf-8") as file:
                file.write(classroom.output(_one(records)))
    except ImportError:
        raise OutletError("--nbgrader needs nbgrader: pip install 'cowlab[teach]'") from None
    except (gradebook.GradebookError, gradescope.NoResult) as error:
        raise OutletError(str(error)) from None
    return told


def _nbgrader(database: str, records: View) -> list[str]:
    written = gradebook.write(database, records)
    return [
        *written.said,
        f"{database}: {written.cells} cells have cowlab's points; {written.changed} of them were changed",
    ]


def _one(records: View) -> dict[str, Any]:
    """The only record, or the only one with answers. A student who handed in none or several gets no points, and reads why."""
    answers = [record for record in records if record["tasks"]] or list(records)
    if len(answers) == 1:
        return answers[0]
    names = ", ".join(record["submission"] for record in records)
    found = f"found were {names}" if names else "there was none"
    blank = {"submission": "", "student": "", "lesson": "", "sha256": "", "seed": 0, "seconds": 0.0, "tasks": []}
    return {**blank, "points": 0, "max": 0, "isolation": "none was needed", "error": HANDED_IN.format(found)}
