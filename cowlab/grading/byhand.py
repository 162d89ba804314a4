"""What a person reads: a table with every answer in words, to be filled in with points, and read again by the next run.

by-hand.csv has a line an answer: whose, which task, what is looked for, the answer, and two columns to fill in, points and
remark. A line is known by student, task and text: points stay while the text stays, and no line with points is ever dropped.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.report.clean import cell
from cowlab.grading.submission import SubmissionError, answer, content, read
from cowlab.grading.task import tasks

HEAD = ("student", "task", "of", "points", "remark", "answer", "rubric", "key")
LONGEST = 10_000  # characters of an answer in the table


class HandError(ValueError):
    """The table is not as it must be; the message says in which line."""


class Given(NamedTuple):
    """What a person gave for an answer. row: its line, as it was read."""

    points: float
    remark: str
    row: tuple[str, ...]


def by_hand(path: Path, records: list[dict[str, Any]], files: Mapping[str, str]) -> list[dict[str, Any]]:
    """The records with the points that people filled in. files: where each submission is, by its name.

    Writes the table anew, with an empty line for each answer that nobody has read. Raises HandError, OSError.
    """
    given = filled_in(path)
    rows: list[tuple[str, ...]] = []
    found = []
    for record in records:
        waiting = [task["task"] for task in record["tasks"] if task["status"] == "by hand"]
        if waiting and record["submission"] in files:
            texts = _texts(record, waiting, files[record["submission"]])
            rows += _rows(record, texts, given)
            record = _marked(record, texts, given)
        found.append(record)
    kept = [one.row for key, one in given.items() if key not in {row[-1] for row in rows}]
    if rows or kept:
        fresh = path.with_name(path.name + ".part")
        fresh.write_text("\ufeff" + _table([*rows, *kept]), "utf-8", newline="")
        fresh.replace(path)
    return found


def filled_in(path: Path) -> dict[str, Given]:
    """The points in such a table, by key; {} if there is none. Spreadsheets may save commas as semicolons or tabs."""
    if not path.exists():
        return {}
    text = path.read_text("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    found = {}
    for line in lines:
        row = tuple(str(line.get(name) or "") for name in HEAD)
        if row[3].strip():
            if not row[-1]:
                raise HandError(
                    f"{path.name}, line {lines.line_num}: points without a key; leave the other columns alone"
                )
            found[row[-1]] = Given(_points(row, f"{path.name}, line {lines.line_num}"), row[4], row)
    return found


def _points(row: tuple[str, ...], where: str) -> float:
    try:
        most, points = (float(row[place].strip().replace(",", ".")) for place in (2, 3))
    except ValueError:
        raise HandError(f"{where}: points are a number, not {row[3]!r:.40}") from None
    if not 0 <= points <= most:
        raise HandError(f"{where}: points are from 0 to {most:g}, not {points:g}")
    return points


def _texts(record: dict[str, Any], waiting: list[str], file: str) -> dict[str, str]:
    """The answers to these tasks, from the submission itself; {} if it is not what was graded."""
    try:
        submission = read(record["submission"], content(Path(file)))
    except SubmissionError:
        return {}
    if submission.sha256 != record["sha256"]:
        return {}
    known = tasks(record["lesson"], record["seed"])
    return {name: answer(submission, known[name]).source for name in waiting}


def _key(record: dict[str, Any], task: str, text: str) -> str:
    return hashlib.sha256(f"{record['student']}\n{task}\n{text}".encode()).hexdigest()[:12]


def _rows(record: dict[str, Any], texts: dict[str, str], given: Mapping[str, Given]) -> Iterable[tuple[str, ...]]:
    known = tasks(record["lesson"], record["seed"])
    for name, text in texts.items():
        key = _key(record, name, text)
        rubric = "; ".join(known[name].data.get("rubric", ()))
        points, remark = (given[key].row[3], given[key].remark) if key in given else ("", "")
        words = (cell(record["student"]), name, f"{known[name].points:g}", points, remark)
        yield (*words, cell(text, LONGEST), rubric, key)


def _marked(record: dict[str, Any], texts: dict[str, str], given: Mapping[str, Given]) -> dict[str, Any]:
    """The record with what was given for its answers."""
    rows = []
    for task in record["tasks"]:
        one = given.get(_key(record, task["task"], texts[task["task"]])) if task["task"] in texts else None
        if one is not None:
            says = one.remark or "read by a person"
            part = {"name": "by hand", "points": one.points, "max": task["max"], "says": says}
            task = {**task, "status": "judged", "points": one.points, "reason": says, "parts": [part]}
        rows.append(task)
    return {**record, "tasks": rows, "points": sum(row["points"] or 0 for row in rows)}


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(HEAD)
    for row in rows:  # what a student wrote was made safe before; what a person filled in stays as it is
        write(row)
    return out.getvalue()
