"""What a person reads: a table with every answer in words, to be filled in with points, and read again by the next run.

by-hand.csv has a line an answer: whose, which task, what is looked for, the answer, and two columns to fill in, points and
remark. A line is known by student, task and text: points stay while the text stays, and no line with points is ever dropped.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.report.clean import cell
from cowlab.grading.submission import SubmissionError, answer, content, read
from cowlab.grading.task import tasks

HEAD = ("student", "task", "of", "points", "remark", "answer", "rubric", "key")
LONGEST = 10_000  # characters of an answer in the table

Record = dict[str, Any]


class HandError(ValueError):
    """The table is not as it must be; the message says in which line."""


class Given(NamedTuple):
    """What a person gave for an answer. row: its line, as it was read."""

    points: float
    remark: str
    row: tuple[str, ...]


def by_hand(path: Path, records: Iterable[Record], files: Mapping[str, str]) -> Callable[[Record], Record]:
    """Write the table anew, with an empty line for each answer that nobody has read. files: of submissions, by their names.

    Returns what puts the points that people filled in into a record. Raises HandError, OSError.
    """
    given = filled_in(path)
    rows: list[tuple[str, ...]] = []
    keys: dict[tuple[str, str, str], str] = {}  # of submission, student and task
    for record in records:
        for task, text in _texts(record, files).items():
            rows.append(_row(record, task, text, given))
            keys[record["submission"], record["student"], task] = rows[-1][-1]
    kept = [one.row for key, one in given.items() if key not in {row[-1] for row in rows}]
    if rows or kept:
        fresh = path.with_name(path.name + ".part")
        fresh.write_text("\ufeff" + _table([*rows, *kept]), "utf-8", newline="")
        fresh.replace(path)
    return lambda record: _marked(record, keys, given)


def filled_in(path: Path) -> dict[str, Given]:
    """The points in such a table, by key; {} if there is none. Spreadsheets may save commas as semicolons or tabs."""
    if not path.exists():
        return {}
    text = path.read_text("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    found = {}
    for line in _read(lines, path.name):
        row = tuple(str(line.get(name) or "") for name in HEAD)
        if row[3].strip():
            if not row[-1]:
                raise HandError(f"{path}, line {lines.line_num}: points without a key; leave the other columns alone")
            found[row[-1]] = Given(_points(row, f"{path}, line {lines.line_num}"), row[4], row)
    return found


def _read(lines: csv.DictReader[str], name: str) -> Iterator[dict[str, str]]:
    """The lines of a table. Raises HandError for what is none."""
    try:
        yield from lines
    except csv.Error as error:
        raise HandError(f"{name}, line {lines.line_num}: {error}") from None


def _points(row: tuple[str, ...], where: str) -> float:
    try:
        most, points = (float(row[place].strip().replace(",", ".")) for place in (2, 3))
    except ValueError:
        raise HandError(f"{where}: points are a number, not {row[3]!r:.40}") from None
    if not 0 <= points <= most:
        raise HandError(f"{where}: points are from 0 to {most:g}, not {points:g}")
    return points


def _texts(record: Record, files: Mapping[str, str]) -> dict[str, str]:
    """The answers that a person reads, by task, from the submission itself; {} if it is not what was graded."""
    waiting = [task["task"] for task in record["tasks"] if task["status"] == "by hand"]
    if not waiting or record["submission"] not in files:
        return {}
    try:
        submission = read(record["submission"], content(Path(files[record["submission"]])))
    except SubmissionError:
        return {}
    if submission.sha256 != record["sha256"]:
        return {}
    known = tasks(record["lesson"], record["seed"])
    return {name: answer(submission, known[name]).source for name in waiting}


def _row(record: Record, name: str, text: str, given: Mapping[str, Given]) -> tuple[str, ...]:
    """The line of an answer: what a student wrote made safe, what a person filled in as it was."""
    task = tasks(record["lesson"], record["seed"])[name]
    whose = f"{record['student']}\n{name}\n{text}".encode(errors="surrogatepass")  # JSON can hold half a character
    key = hashlib.sha256(whose).hexdigest()[:12]
    points, remark = (given[key].row[3], given[key].remark) if key in given else ("", "")
    rubric = "; ".join(task.data.get("rubric", ()))
    return cell(record["student"]), name, f"{task.points:g}", points, remark, cell(text, LONGEST), rubric, key


def _marked(record: Record, keys: Mapping[tuple[str, str, str], str], given: Mapping[str, Given]) -> Record:
    """The record with what was given for its answers."""
    rows = []
    for task in record["tasks"]:
        one = given.get(keys.get((record["submission"], record["student"], task["task"]), ""))
        if one is not None:
            # A remark is for one student: the reason, which the class page shows, has nothing of it.
            part = {"name": "by hand", "points": one.points, "max": task["max"], "says": one.remark or "no remark"}
            task = {**task, "status": "judged", "points": one.points, "reason": "read by a person", "parts": [part]}
        rows.append(task)
    points = record["points"] if rows == record["tasks"] else sum(row["points"] or 0 for row in rows)
    return {**record, "tasks": rows, "points": points}


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(HEAD)
    for row in rows:
        write(row)
    return out.getvalue()
