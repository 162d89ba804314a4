"""The records of a run, on disk: what is graded is kept as soon as it is known, so that a crash costs little, and memory nothing.

    FOLDER/results.jsonl                 one record a line; in order when the run is over
    FOLDER/certificates/SHA-SEED-TASK.json

Without a folder they are in a file that has no name.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cowlab.grading.batch import Item
from cowlab.grading.certificate import rules

NAME = "results.jsonl"


class Key(NamedTuple):
    """What a record is about. The same notebook with another seed is another one."""

    submission: str
    student: str
    sha256: str
    seed: int


class Results:
    """Records, by submission and student. Raises OSError where the folder cannot be written."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.places: list[tuple[str, str, int]] = []  # of this run: submission, student, where its line begins
        self.before: dict[Key, int] = {}
        if folder is None:
            self.file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
            return
        (folder / "certificates").mkdir(parents=True, exist_ok=True)
        self.file = (folder / NAME).open("a+b")
        self._look()

    def _look(self) -> None:
        """Learn what an earlier run left. A line that a crash cut off ends here, and is graded again."""
        self.file.seek(0)
        start, line = 0, b""
        for line in self.file:
            if (key := _key(line)) is not None:
                self.before[key] = start
            start += len(line)
        if line and not line.endswith(b"\n"):
            self.file.write(b"\n")

    def again(self, item: Item, sha256: str, seed: int) -> bool:
        """Whether an earlier run graded this very notebook by the rules of today: then that record counts."""
        name, student = item.shown
        place = self.before.get(Key(name, student, sha256, seed))
        if place is not None:
            self.places.append((name, student, place))
        return place is not None

    def keep(self, record: dict[str, Any]) -> None:
        """Write down a record; what its certificates say first, so that none is missing."""
        for one in record.get("certificates", ()):
            if self.folder is not None:
                name = f"{record['sha256'][:16]}-{record['seed']}-{one['task']}.json"
                (self.folder / "certificates" / name).write_text(json.dumps(one) + "\n", "utf-8")
        self.file.seek(0, os.SEEK_END)
        self.places.append((record["submission"], record["student"], self.file.tell()))
        self.file.write(_line(record))
        self.file.flush()

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """In order, each read when it is wanted."""
        for _, _, place in sorted(self.places):
            self.file.seek(place)
            yield json.loads(self.file.readline())

    def finish(self) -> None:
        """Leave the records of this run in order, and no others. Whole or not at all."""
        if self.folder is None:
            return
        fresh = self.folder / f"{NAME}.part"
        places = []
        with fresh.open("wb") as file:
            for record in self:
                places.append((record["submission"], record["student"], file.tell()))
                file.write(_line(record))
        self.file.close()
        fresh.replace(self.folder / NAME)
        self.places, self.file = places, (self.folder / NAME).open("rb")

    def close(self) -> None:
        self.file.close()


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in record.items() if name != "certificates"}).encode() + b"\n"


def _key(line: bytes) -> Key | None:
    """What that line is about; None where it has to be graded again: a broken line, an error, our fault, older rules."""
    from cowlab.grading.report.records import Record, TaskRecord, record

    try:
        one = json.loads(line)
        known = record(one)  # whatever else may stand there: no report could be made of it
        whole = {*Record._fields} <= one.keys() and all({*TaskRecord._fields} <= task.keys() for task in one["tasks"])
        faults = known.error or None in one.values() or any(task.status == "our fault" for task in known.tasks)
        if not whole or faults or one["rules"] != rules(known.lesson) or not line.endswith(b"\n"):
            return None
        return Key(known.submission, known.student, known.sha256, one["seed"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
