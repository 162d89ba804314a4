"""The words that reports share: what a status means, numbers, the name of a lesson."""

from __future__ import annotations

import re
from typing import NamedTuple

from cowlab.grading.report.records import BY_HAND, JUDGED, MISSING, OPEN, OUR_FAULT, Record, TaskRecord


class State(NamedTuple):
    """A status in words. brief: one; short: a few; told: a sentence to the student."""

    brief: str
    short: str
    told: str


STATES = {
    JUDGED: State("judged", "judged", ""),
    OPEN: State("open", "not answered", "The stub is still there, so there was nothing to judge."),
    MISSING: State(
        "missing", "no such cell", "The notebook has no cell that answers this task. Was it deleted or renamed?"
    ),
    "timeout": State(
        "time-out", "took too long", "The answer took too long and was stopped. Look for a loop that does not end."
    ),
    "memory": State(
        "memory", "too much memory", "The answer wanted more memory than there is for it, and was stopped."
    ),
    "crash": State("crash", "ended by itself", "The process that was asked ended before it had answered."),
    "bad answer": State("unusable", "no usable answer", "What came back could not be used as an answer."),
    "not deterministic": State(
        "unsteady", "two answers", "Asked twice, it answered differently. The same question must get the same answer."
    ),
    BY_HAND: State("by hand", "to be read by a person", "Its points come later."),
    OUR_FAULT: State(
        "ours", "a fault of ours", "The grader failed here, not you. This is no zero: it is graded again."
    ),
}


def state(status: str) -> State:
    return STATES[status]


def number(points: float) -> str:
    """As short as it is exact enough: 4, 2.5, 1.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def points_of(points: float | None, most: float) -> str:
    """`4 of 6 points`."""
    of = f"{number(most)} point{'' if most == 1 else 's'}"
    return f"of {of}" if points is None else f"{number(points)} of {of}"


def count(n: int, one: str, many: str = "") -> str:
    """`1 student`, `2 students`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def mark(points: float | None, most: float) -> str:
    """✓ all of it, ◐ a part, ✗ nothing, – not judged."""
    if points is None:
        return "–"
    return "✓" if points >= most else "✗" if points <= 0 else "◐"


def lesson_title(lesson: str) -> str:
    """`Lesson 1, copy on write` of 01_copy_on_write."""
    found = re.fullmatch(r"0*(\d+)_(\w+)", lesson, re.ASCII)
    return f"Lesson {found[1]}, {found[2].replace('_', ' ')}" if found else lesson or "Submission"


def summary(task: TaskRecord) -> str:
    """What became of a task, in a few words."""
    if task.status != JUDGED:
        return state(task.status).short
    held = sum(part.held for part in task.parts)
    if not task.parts:
        return "no points" if not task.points else ""
    if task.kind == "explain":  # no part of it held or fell: a person gave points
        return "read by a person"
    return "all held" if held == len(task.parts) else f"{held} of {len(task.parts)} parts held"


def pending(record: Record) -> str:
    """A sentence on what has no points yet; "" if everything has."""
    hand = [task for task in record.tasks if task.status == BY_HAND]
    ours = [task for task in record.tasks if task.status == OUR_FAULT]
    said = []
    if hand:
        said.append(
            f"{count(len(hand), 'task')} ({_worth(hand)}) {'is' if len(hand) == 1 else 'are'} still to be read by a person."
        )
    if ours:
        said.append(
            f"{count(len(ours), 'task')} ({_worth(ours)}) could not be graded through a fault of ours: no zero, graded again."
        )
    return " ".join(said)


def _worth(tasks: list[TaskRecord]) -> str:
    worth = sum(task.max for task in tasks)
    return f"{number(worth)} point{'' if worth == 1 else 's'}"
