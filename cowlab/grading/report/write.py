"""The reports as files: the one place where anything is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cowlab.grading.report.classpage import class_page
from cowlab.grading.report.clean import file_name
from cowlab.grading.report.records import Record, shared
from cowlab.grading.report.spreadsheet import spreadsheet
from cowlab.grading.report.student import student_page

OURS = "*" + "[0-9a-f]" * 8 + ".html"  # as file_name ends


def write(folder: Path, records: Iterable[Record], *, anonymous: bool = False) -> list[Path]:
    """Write students/NAME.html for each submission, class-LESSON.html for each lesson, and grades.csv; the files, in this order.

    What is there under these names is replaced, and pages of an earlier run that are not of this one go. anonymous: the
    class pages name nobody; the rest does. The CSV begins with a byte order mark, without which Excel garbles names.
    """
    (folder / "students").mkdir(parents=True, exist_ok=True)
    known: dict[Any, Any] = {}
    kept: list[Record] = []
    written: list[Path] = []
    links: dict[str, str] = {}
    for record in records:
        name = file_name(record.student, record.lesson, record.submission)
        links[record.submission] = f"students/{name}.html"
        written.append(_put(folder / links[record.submission], student_page(record)))
        kept.append(shared(record, known))
    lessons = list(dict.fromkeys(record.lesson for record in kept if record.lesson)) or [""] * bool(kept)
    for lesson in lessons:
        those = [record for record in kept if lesson in _may_be_of(record, lessons)]
        page = class_page(those, anonymous=anonymous, links=links)
        written.append(_put(folder / f"class-{file_name(lesson)}.html", page))
    for old in {*folder.glob("students/" + OURS), *folder.glob("class-" + OURS)} - set(written):
        old.unlink()
    return [*written, _put(folder / "grades.csv", "\ufeff" + spreadsheet(kept))]


def _may_be_of(record: Record, lessons: list[str]) -> list[str]:
    """The lesson of a submission; of one that could not be read those that its name names, or else any."""
    return [record.lesson] if record.lesson else [name for name in lessons if name in record.submission] or lessons


def _put(path: Path, text: str) -> Path:
    """Whole or not at all: a reader never finds half a file."""
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(text, "utf-8", newline="")
    fresh.replace(path)
    return path
