"""From files to records: whose they are, and what a worker does with each. many.py keeps many workers busy.

A worker holds a Session. It gets a submission's path or bytes and gives back a record: plain data, ready for a report.
"""

from __future__ import annotations

import atexit
import hashlib
import hmac
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.certificate import certificate, rules
from cowlab.grading.memory import Graded
from cowlab.grading.mistakes import named
from cowlab.grading.sandbox import Limits
from cowlab.grading.session import Session
from cowlab.grading.submission import SubmissionError, content, read
from cowlab.grading.task import lessons, tasks
from cowlab.grading.wire import shown
from cowlab.laws import LAWS

NOTHING_RUN = "nothing was run"
SEED = re.compile(rb"\bSEED = (\d{1,9})\b")  # in the first cell of the exercises


class Item(NamedTuple):
    """A submission to grade: what it is called, whose it is, and its file."""

    name: str
    student: str
    path: str

    @property
    def shown(self) -> tuple[str, str]:
        """Its name and its student's as a record has them: one line of plain text each, whatever a file may be called."""
        name, student = shown(self.name, 300), shown(self.student, 100)
        return name.replace("\n", "\\n").replace("\t", "\\t"), student.replace("\n", "\\n").replace("\t", "\\t")


class Options(NamedTuple):
    """How to grade. isolated: as far as the system lets; trusted: also if that is not enough.

    secret: of the course, from which each student's seed follows; "" for seed 0.
    """

    isolated: bool = True
    trusted: bool = False
    secret: str = ""
    limits: Limits = Limits()
    solutions: str = ""
    certificates: bool = False


def seed_of(student: str, secret: str) -> int:
    """The seed of a student: a number below a million that nobody without the secret can tell."""
    if not secret:
        return 0
    mixed = hmac.new(secret.encode(), os.fsencode(student), hashlib.sha256).digest()
    return int.from_bytes(mixed[:8], "big") % 999_999 + 1


def other_seed(items: Iterable[Item], secret: str) -> list[str]:
    """The students whose notebook says another seed than is theirs: it asked them other questions."""
    found = set()
    for item in items:
        try:
            said = SEED.search(content(Path(item.path)))
        except SubmissionError:
            continue
        if said and int(said[1]) != seed_of(item.student, secret):
            found.add(item.student)
    return sorted(found)


def collect(paths: Iterable[str]) -> list[Item]:
    """The notebooks in these files and folders, each once, by name. Raises SubmissionError for a path that is not there."""
    found: dict[str, Item] = {}
    for given in paths:
        path = Path(given)
        try:
            link, folder, there = path.is_symlink(), path.is_dir(), path.exists()
        except (OSError, ValueError):  # no path at all
            link = folder = there = False
        if folder and not link:
            inside = sorted(p for p in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
            items = [Item(str(p.relative_to(path)), student_of(p, path), str(p)) for p in inside]
        elif link or there:
            items = [Item(path.name, student_of(path, path.parent), str(path))]
        else:
            raise SubmissionError(f"{given:.200}: no such file or folder")
        for item in items:
            found.setdefault(os.path.abspath(item.path), item)
    return list(found.values())


def empty_handed(paths: Iterable[str], items: Iterable[Item]) -> list[str]:
    """The folders of students in which there is no notebook, by name."""
    known = list(items)
    full = {top for item in known for top in Path(item.path).absolute().parents}
    owners = {item.student for item in known}
    # Beside a notebook in a student's own folder there may be anything.
    classes = [path for path in map(Path, paths) if path.is_dir() and path.resolve().name not in owners]
    found = {one.name for path in classes for one in path.iterdir() if one.is_dir() and one.absolute() not in full}
    return sorted(name for name in found if not name.startswith("."))


def student_of(path: Path, top: Path) -> str:
    """Whose it is: ada/01_copy_on_write.ipynb and ada/week1/01_copy_on_write.ipynb are ada's, ada.ipynb too."""
    above = path.relative_to(top).parts[:-1]
    if above:
        return above[0]
    return path.parent.resolve().name if path.stem in lessons() else path.stem


# --- a worker --------------------------------------------------------------------------------------------------------

_local = threading.local()


def session(options: Options) -> Session:
    """This worker's session."""
    if getattr(_local, "options", None) != options:
        if getattr(_local, "session", None) is not None:
            _local.session.close()
        _local.session, _local.mistakes = Session(isolated=options.isolated, limits=options.limits), {}
        _local.options = options
        atexit.register(_local.session.close)
    found: Session = _local.session
    return found


def grade_item(item: Item, options: Options) -> dict[str, Any]:
    """The record of a submission which this worker can read from its file. Whatever happens, there is one."""
    try:
        return grade_bytes(item, content(Path(item.path)), options)
    except SubmissionError as error:
        return unread(item, error)
    except Exception as error:
        return lost(item, f"{type(error).__name__}: {error}")


def grade_bytes(item: Item, data: bytes, options: Options) -> dict[str, Any]:
    """The record of a submission; see record()."""
    start = time.perf_counter()
    worker = session(options)
    seed = seed_of(item.student, options.secret)
    try:
        submission = read(item.name, data)
    except SubmissionError as error:
        return {**unread(item, error), "sha256": hashlib.sha256(data).hexdigest()}
    known = tasks(submission.lesson, seed)
    graded = worker.grade(submission, known)
    why = _mistakes(worker, submission.lesson, seed, options)
    found = record(item, submission.sha256, submission.lesson, seed, graded, why, worker.in_force)
    if options.certificates:
        found["certificates"] = [one for g in graded if (one := certificate(submission.sha256, g)) is not None]
    return {**found, "seconds": round(time.perf_counter() - start, 3)}


def _mistakes(worker: Session, lesson: str, seed: int, options: Options) -> dict[tuple[str, str], str]:
    if not options.solutions or seed:  # with other numbers the same mistake has other answers
        return {}
    if lesson not in _local.mistakes:
        _local.mistakes[lesson] = named(worker, tasks(lesson, seed), Path(options.solutions))
    found: dict[tuple[str, str], str] = _local.mistakes[lesson]
    return found


def record(
    item: Item,
    sha256: str,
    lesson: str,
    seed: int,
    graded: list[Graded],
    why: dict[tuple[str, str], str],
    in_force: tuple[str, ...],
) -> dict[str, Any]:
    """What became of a submission: one line of JSON, and all that a report needs."""
    rows = [task_record(one, why) for one in graded]
    name, student = item.shown
    return {
        "submission": name,
        "student": student,
        "lesson": lesson,
        "sha256": sha256,
        "seed": seed,
        "tasks": rows,
        "points": sum(row["points"] or 0 for row in rows),
        "max": sum(row["max"] for row in rows),
        "isolation": isolation(in_force) if graded else NOTHING_RUN,
        "seconds": 0.0,
        "error": "",
        "rules": rules(lesson) if lesson else "",
    }


def task_record(graded: Graded, why: dict[tuple[str, str], str]) -> dict[str, Any]:
    task, verdict = graded.task, graded.verdict
    parts = () if verdict is None else verdict.parts
    script, policy = ("", "") if verdict is None else verdict.witness
    fell = next((part.name for part in parts if not part.held), "")
    table = None
    if policy == "your policy":
        cells = task.data["cells"]
        table = [
            [cells[t.question[0]], t.question[1]["PageInfo"], t.answer.get("is")] for t in graded.told if t.question
        ]
    return {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "status": graded.status,
        "points": None if verdict is None else verdict.points,
        "max": task.points,
        "law": fell if fell in LAWS else None,
        "reason": shown(graded.says, 2_000),
        "witness": script.splitlines() or None,
        "policy": policy,
        "table": table,
        "parts": [{"name": p.name, "points": p.points, "max": p.max, "says": shown(p.says, 2_000)} for p in parts],
        "answers": graded.answers,
        "mistake": why.get((task.name, graded.answers), ""),
    }


def unread(item: Item, error: Exception) -> dict[str, Any]:
    """The record of a file that is no submission."""
    return {**record(item, "", "", 0, [], {}, ()), "error": shown(str(error), 500)}


def lost(item: Item, says: str) -> dict[str, Any]:
    """The record of a submission that we could not grade: our fault, and nobody's zero."""
    return {**unread(item, Exception(f"our fault: {says}")), "points": None, "max": None}


def isolation(in_force: tuple[str, ...]) -> str:
    """In words: "namespaces (mount, network, ipc, pid, user), seccomp, rlimits"."""
    spaces = [name for name in in_force if name not in ("seccomp", "rlimits", "landlock")]
    words = [f"namespaces ({', '.join(spaces)})"] if spaces else []
    return ", ".join([*words, *(name for name in ("landlock", "seccomp", "rlimits") if name in in_force)]) or "none"
