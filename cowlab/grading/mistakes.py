"""Typical wrong answers, for those who have the solutions: what students who gave the same answers may have thought."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from cowlab.grading.session import Session
from cowlab.grading.submission import Found, definitions, parsed
from cowlab.grading.task import Task

CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)
TABLE = re.compile(r"^# \[(\w+)\]$", re.MULTILINE)
STATED = re.compile(r"# ([\d.]+) points?: (.+)")


class Mistake(NamedTuple):
    """A wrong answer to a task: what it earns, why somebody gives it, and its code."""

    task: str
    points: float
    why: str
    code: str


def mistakes(source: str) -> list[Mistake]:
    """The wrong answers in the text of solutions/NN_name.py, those of tasks that are judged."""
    found: list[Mistake] = []
    name = ""
    pieces = CELL.split(source)[1:]
    for head, body in zip(pieces[::2], pieces[1::2], strict=True):
        if '"task"' in head and (table := TABLE.search(body)):
            name = table[1]
        if '"wrong"' in head and "[markdown]" not in head and (stated := STATED.match(body.strip())):
            found.append(Mistake(name, float(stated[1]), stated[2], body.strip()))
    return found


def setup(source: str) -> tuple[str, ...]:
    """The definitions and imports that stand above all tasks, for an answer's helpers."""
    pieces = CELL.split(source)[1:]
    bodies = [body for head, body in zip(pieces[::2], pieces[1::2], strict=True) if '"setup"' in head]
    return tuple(part.source for body in bodies for part in definitions(parsed(body)[1]))


def named(session: Session, known: dict[str, Task], folder: Path) -> dict[tuple[str, str], str]:
    """(task, answers) of each typical wrong answer, and why it is given. {} without solutions."""
    lesson = next(iter(known.values())).lesson
    path = folder / f"{lesson}.py"
    if not path.is_file():
        return {}
    found = {}
    source = path.read_text("utf-8")
    for mistake in mistakes(source):
        if mistake.task in known:
            graded = session.task(known[mistake.task], Found(mistake.code, setup(source)))
            found[mistake.task, graded.answers] = mistake.why
    return found
