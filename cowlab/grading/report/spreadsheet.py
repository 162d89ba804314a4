"""The points as CSV, for a gradebook: a line a submission, a column a task.

Where nobody has judged yet the cell is empty, never 0, and the last column says why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from cowlab.grading.report.clean import cell
from cowlab.grading.report.records import JUDGED, Record, TaskRecord
from cowlab.grading.report.words import number, state

FIRST, LAST = ("student", "lesson", "submission"), ("points", "max", "remarks")


def spreadsheet(records: Iterable[Record]) -> str:
    """The CSV, with a head. Tasks of several lessons are named `lesson/task`."""
    known = list(records)
    columns = dict.fromkeys((record.lesson, task.task) for record in known for task in record.tasks)
    several = len({record.lesson for record in known if record.lesson}) > 1
    out = io.StringIO()
    write = csv.writer(out).writerow
    write([*FIRST, *(cell(f"{lesson}/{task}" if several else task) for lesson, task in columns), *LAST])
    for record in known:
        points = {(record.lesson, task.task): _points(task.points) for task in record.tasks}
        who = [cell(text) for text in (record.student, record.lesson, record.submission)]
        end = (_points(record.points), number(record.max), cell(remarks(record)))
        write([*who, *(points.get(column, "") for column in columns), *end])
    return out.getvalue()


def remarks(record: Record) -> str:
    """What the points alone do not say: which tasks were not judged, and why."""
    said = [record.error] if record.error else []
    return "; ".join([*said, *(_remark(task) for task in record.tasks if task.status != JUDGED)])


def _remark(task: TaskRecord) -> str:
    return f"{task.task}: {state(task.status).short}"


def _points(points: float | None) -> str:
    return "" if points is None else number(points)
