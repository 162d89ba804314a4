"""Where hostile submissions are graded: five small tasks, an honest answer to each, and a look at what was left behind.

Needs nothing but the standard library and cowlab, so that another user's Python can run it too.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.memory import Graded
from cowlab.grading.sandbox import Limits
from cowlab.grading.session import Session
from cowlab.grading.submission import read
from cowlab.grading.task import TaskError, read_tasks

SECRET = "nobody-may-read-this-4711"  # in the hints of the tasks, and thereby in the parent's memory
MARK = "tamper-left-this"  # in the name of every file that a submission tries to write
LESSON = "01_tamper"
TASKS = f"""
[guess]
kind = "predict"
title = "Guess"
points = 6
hint = "{SECRET}"
script = '''
P: write A
P: fork C
C: write B
P: read
'''
[guess.ask]
first = "line 1 outcome under v5.7"
child = "line 3 outcome under v5.7"
letter = "line 4 reading under v5.7"
mapped = "line 2 mapcount of P under v5.7"
counted = "line 2 page_count of C under v5.7"
faults = "faults under v5.7"

[trap]
kind = "find"
title = "Trap"
points = 4
hint = "{SECRET}"
law = "isolation"
policy = "v5.7"
shortest = 5

[reuse]
kind = "decide"
title = "Reuse"
points = 6
hint = "{SECRET}"
base = "v5.7"
cells = {{ reuse = "reuse" }}
laws = {{ isolation = 4, economy = 2 }}
bounds = {{ references = 0, holds = 0, events = ["write", "fork", "exit", "munmap"] }}

[promise]
kind = "law"
title = "Promise"
points = 4
hint = "{SECRET}"
law = "isolation"
passes = ["leak under v5.9"]
catches = ["leak under v5.7"]

[unmap]
kind = "rule"
title = "Unmap"
points = 2
hint = "{SECRET}"
policy = "v5.7"
[unmap.cases]
"alone" = '''
P: write A
P: munmap
'''
"shared" = '''
P: write A
P: fork C
C: munmap
'''
"""
HONEST = {
    "guess": 'def guess():\n    return {"first": "fault", "child": "copy", "letter": "A", "mapped": 2, "counted": 2, "faults": 2}\n',
    "trap": 'def trap():\n    return "P: write A\\nP: fork C\\nC: vmsplice g\\nC: munmap\\nP: write S"\n',
    "reuse": "def reuse(page):\n    return page.page_count == 1\n",
    "promise": "def promise(step):\n    return all(look.saw == look.now or look.saw in look.past for look in step.looks)\n",
    "unmap": "def unmap(world, event):\n    return world.with_pte(event.actor, event.page, Pte(vma=None))\n",
}
POINTS = {"guess": 6, "trap": 4, "reuse": 6, "promise": 4, "unmap": 2}
SETUP = "import json\nfrom cowlab import play, Pte\n"
KNOWN = read_tasks(LESSON, TASKS)
QUICK = Limits(seconds=3.0, cpu=20, megabytes=256)


class Attack(NamedTuple):
    """A hostile answer to one task. says: a pattern that the reason has to match; points: what it earns all the same."""

    name: str
    task: str
    source: str
    status: str
    says: str
    points: float = 0


def cell(source: str, grade_id: Any = None, kind: str = "code", **more: Any) -> dict[str, Any]:
    """A cell as nbformat has it. grade_id None: without nbgrader's mark."""
    mark = {"nbgrader": {"grade_id": grade_id, "solution": True, "grade": False, "locked": False, **more}}
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": {} if grade_id is None else mark, **extra}


def cells(**answers: str) -> list[dict[str, Any]]:
    """Setup, and the honest cells with these in their place."""
    return [cell(SETUP), *(cell({**HONEST, **answers}[name], name) for name in HONEST)]


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def graded(session: Session, data: bytes) -> dict[str, Graded]:
    """What became of each task of a notebook."""
    submission = read("01_copy_on_write.ipynb", data)._replace(lesson=LESSON)
    return {one.task.name: one for one in session.grade(submission, KNOWN)}


def attack(session: Session, hostile: Attack) -> str:
    """Grade the hostile answer among honest ones, and hold it against what it should earn. "", or what is wrong."""
    with nothing_left() as left:
        found = graded(session, notebook(*cells(**{hostile.task: hostile.source})))
    one = found.pop(hostile.task)
    wrong = [
        f"{name} has {earned(other)} points: {other.says}"
        for name, other in found.items()
        if earned(other) != POINTS[name]
    ]
    if (
        not re.fullmatch(hostile.status, one.status)
        or not re.search(hostile.says, one.says)
        or earned(one) != hostile.points
    ):
        wrong.append(f"{one.status}, {earned(one)} points: {one.says}")
    if SECRET in one.says:
        wrong.append("it knows the secret")
    return "; ".join(wrong + left)


def earned(one: Graded) -> float | None:
    return None if one.verdict is None else one.verdict.points


def probe(session: Session, code: str) -> str:
    """What code found out inside a child, as the reason tells it: it leaves its findings in `out`."""
    lines = "\n".join(f"    {line}" for line in code.strip().splitlines())
    source = f"def guess():\n    out = None\n{lines}\n    raise RuntimeError(f'out={{out!r}}')\n"
    return graded(session, notebook(*cells(guess=source)))["guess"].says


# --- what is left behind ---------------------------------------------------------------------------------------------


def adopt_orphans() -> None:
    """Whatever our children leave behind becomes our child: nothing can hide by losing its parent."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def descendants() -> set[int]:
    """All processes that descend from this one; dead ones that nobody has waited for, too, but for orphans that we adopted."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                state, parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            if (state, int(parent)) != ("Z", os.getpid()):
                parents[int(name)] = int(parent)
    found = {os.getpid()}
    while born := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= born
    return found - {os.getpid()}


def state() -> dict[str, Any]:
    """Processes, files with our mark, mounts and open descriptors."""
    places = {tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/", os.getcwd(), os.path.expanduser("~")}
    marked = {f"{place}/{name}" for place in places if os.path.isdir(place) for name in _names(place) if MARK in name}
    mounts = Path("/proc/self/mountinfo").read_text()
    return {
        "processes": descendants(),
        "files": marked,
        "mounts": mounts,
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []


@contextmanager
def nothing_left(patience: float = 10) -> Iterator[list[str]]:
    """Fills the list with what is there afterwards and was not before. A process may take a moment to be gone."""
    before, left = state(), list[str]()
    yield left
    until = time.monotonic() + patience
    while (found := more(before, state())) and time.monotonic() < until:
        time.sleep(0.02)
    left += found


def more(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What there is now and was not before."""
    found = [f"{what}: {new}" for what in ("processes", "files") if (new := after[what] - before[what])]
    return found + [f"{what}: {after[what]}" for what in ("mounts", "descriptors") if after[what] != before[what]]


def our_lesson(monkeypatch: Any) -> None:
    """Put the arena's tasks in the place of the course's, in this process."""
    from cowlab.grading import batch, certificate, submission

    def tasks(lesson: str, seed: int = 0) -> dict[str, Any]:
        if lesson != LESSON:
            raise TaskError(f"no exercises of {lesson!r}")
        return read_tasks(lesson, TASKS, seed)

    for module in (batch, certificate):
        monkeypatch.setattr(module, "tasks", tasks)
    monkeypatch.setattr(submission, "task_names", lambda lesson: tasks(lesson).keys())
    for module in (batch, submission):
        monkeypatch.setattr(module, "lessons", lambda: (LESSON,))
    certificate.rules.cache_clear()
