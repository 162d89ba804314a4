"""What is known of one graded submission, and how it stands in a file: a line of JSON each.

`line` is pure ASCII, so that no sign of a submission can end it early. `read` takes the lines of such a file and leaves out
a last one that was cut off, as a crash leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from cowlab.grading.verdict import Part

JUDGED, OPEN, MISSING, BY_HAND, OUR_FAULT = "judged", "open", "missing", "by hand", "our fault"
STOPPED = ("timeout", "memory", "crash", "bad answer", "not deterministic")
STATUSES = (JUDGED, OPEN, MISSING, *STOPPED, BY_HAND, OUR_FAULT)
LATER = (BY_HAND, OUR_FAULT)  # no points yet; never a zero

# What a decision answered: (cell, fields of the PageInfo, answer) for each that was asked.
Table = tuple[tuple[str, tuple[Any, ...], Any], ...]
H = TypeVar("H", bound=Hashable)


class RecordError(ValueError):
    """A record, or a line that should be one, is not as it must be; the message says what and where."""


class TaskRecord(NamedTuple):
    """One task of a submission.

    points: None where nobody has judged it yet (`by hand`, `our fault`). witness: the lines of a script that shows what
    failed, to be played under `policy`; `table` is what "your policy" answers. answers: 12 hex digits that equal answers
    share. mistake: what is behind a wrong answer that is known.
    """

    task: str
    title: str
    kind: str
    status: str
    points: float | None
    max: float
    law: str = ""
    reason: str = ""
    witness: tuple[str, ...] | None = None
    policy: str = ""
    table: Table | None = None
    parts: tuple[Part, ...] = ()
    answers: str = ""
    mistake: str = ""

    @property
    def full(self) -> bool:
        """Whether it earned all there is."""
        return self.points is not None and self.points >= self.max


class Record(NamedTuple):
    """One submission. error: why it could not be read at all, if so; points is None if that was a fault of ours."""

    submission: str
    student: str
    lesson: str
    sha256: str
    seed: int
    tasks: tuple[TaskRecord, ...]
    points: float | None
    max: float
    isolation: str
    seconds: float = 0.0
    error: str = ""


class _Part(NamedTuple):
    """What is written of a Part: its witness is the task's."""

    name: str
    points: float
    max: float
    says: str


# What JSON has in the fields; all others are text.
NUMBERS = ("points", "max", "seed", "seconds")
LARGE = 10**12  # and neither infinite nor NaN
LISTS = ("tasks", "parts", "witness", "table")
NULL = ("points", "witness", "table")  # which mean something without a value; elsewhere null is as good as nothing


class Read(NamedTuple):
    """What a file held. said: what was left out, in a sentence; "" if nothing was."""

    records: list[Record]
    said: str = ""


# --- out -------------------------------------------------------------------------------------------------------------


def plain(record: Record) -> dict[str, Any]:
    """The record as JSON has it."""
    tasks = []
    for task in record.tasks:
        parts = [_Part(*part[:4])._asdict() for part in task.parts]
        tasks.append({**task._asdict(), "parts": parts})
    return {**record._asdict(), "tasks": tasks}


def line(record: Record) -> str:
    """The record as one line of a file, with its newline. Raises ValueError for points that are no number."""
    return json.dumps(plain(record), allow_nan=False, separators=(",", ":")) + "\n"


# --- in --------------------------------------------------------------------------------------------------------------


def read(lines: Iterable[str]) -> Read:
    """The records of a file, or of any lines; what many have in common is kept once.

    Raises RecordError for a line that is no record, unless it is the last one and was cut off: that is left out, and said.
    """
    records: list[Record] = []
    known: dict[Any, Any] = {}
    broken = ""
    for number, text in enumerate(lines, 1):
        if broken:
            raise RecordError(broken)
        if not text.strip():
            continue
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            broken = f"line {number} is not JSON: {error}"
            continue
        records.append(shared(record(data, f"line {number}"), known))
    said = f"The last line was cut off and is left out: {broken}. What it told is to be graded again." if broken else ""
    return Read(records, said)


def record(data: Any, where: str = "record") -> Record:
    """A Record from its JSON. Fields that are not known are passed over. Raises RecordError."""
    known = _fields(Record, data, where)
    tasks = [_task(task, f"{where}, tasks[{k}]") for k, task in enumerate(known["tasks"])]
    return Record(**{**known, "tasks": tuple(tasks)})


def shared(record: Record, known: dict[Any, Any]) -> Record:
    """The same record, with what others had before as the same objects: a thousand equal answers take the room of one."""

    def once(value: H) -> H:
        kept: H = known.setdefault(value, value)
        return kept

    tasks = [once(t._replace(witness=once(t.witness), table=once(t.table), parts=once(t.parts))) for t in record.tasks]
    return record._replace(tasks=tuple(tasks), isolation=once(record.isolation))


def _task(data: Any, where: str) -> TaskRecord:
    known = _fields(TaskRecord, data, where)
    if known["status"] not in STATUSES:
        raise RecordError(f"{where}: status is one of {', '.join(STATUSES)}, not {known['status']!r:.40}")
    for name, change in (("parts", _parts), ("witness", _lines), ("table", _table)):
        if known.get(name) is not None:
            known[name] = change(known[name], f"{where}, {name}")
    return TaskRecord(**known)


def _parts(value: list[Any], where: str) -> tuple[Part, ...]:
    return tuple(Part(*_fields(_Part, part, where).values()) for part in value)


def _lines(value: list[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in value):
        raise RecordError(f"{where}: expected lines of text")
    return tuple(value)


def _table(value: list[Any], where: str) -> Table:
    try:
        rows = [(str(cell), tuple(page), answer) for cell, page, answer in value]
        hash(tuple(page for _, page, _ in rows))
    except (TypeError, ValueError):
        raise RecordError(f"{where}: expected [cell, [fields of a PageInfo], answer] for each question") from None
    return tuple(row for row in rows if isinstance(row[2], str | bool))  # all others answer nothing


def _fields(kind: type[Any], data: Any, where: str) -> dict[str, Any]:
    """The fields of that kind which the data has, each of its type, in order. Raises RecordError."""
    if not isinstance(data, Mapping):
        raise RecordError(f"{where}: expected an object, found {data!r:.40}")
    missing = [name for name in kind._fields if name not in data and name not in kind._field_defaults]
    if missing:
        raise RecordError(f"{where}: {missing[0]} is missing")
    found = {name: data[name] for name in kind._fields if name in data}
    for name, value in found.items():
        expected, nothing, fits = _expected(name, value)
        if value is None and kind is not _Part:
            found[name] = None if name in NULL else nothing
        elif not fits:
            raise RecordError(f"{where}: {name} is {value!r:.40}, expected {expected}")
    return found


def _expected(name: str, value: Any) -> tuple[str, Any, bool]:
    """What belongs into that field, what stands for nothing, and whether this may be it; what has parts is looked at later."""
    if name in NUMBERS:
        return "a number", 0, isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGE
    if name in LISTS:
        return "a list", [], isinstance(value, list)
    return "text", "", isinstance(value, str)
