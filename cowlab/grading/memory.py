"""What a grader remembers: what judges asked, what they found, and whose code was the same. Of answers, never of people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from cowlab.grading import wire
from cowlab.grading.task import Task
from cowlab.grading.verdict import Verdict
from cowlab.grading.wire import Question

MAX_REMEMBERED = 50_000
MAX_SAME = 1_000


class Told(NamedTuple):
    """A question, as [function, arguments...], and the answer to it, both as JSON has them; and what was sent."""

    question: list[Any]
    answer: dict[str, Any]
    sent: Question | None = None


class Graded(NamedTuple):
    """What became of one task. verdict None: by hand, or our fault. told: all questions with their answers."""

    task: Task
    status: str
    says: str
    verdict: Verdict | None
    told: tuple[Told, ...] = ()

    @property
    def answers(self) -> str:
        """12 hex digits that are equal for equal answers; "" without any."""
        return fingerprint(self.told) if self.told else ""


class Memory:
    """What judges asked next, and what they found, by task and the answers so far."""

    def __init__(self) -> None:
        self.next: dict[str, Question | Verdict] = {}
        self.known: dict[str, Question] = {}  # each text once
        self.usual: dict[str, dict[str, Question]] = {}  # by task, the questions that came up
        self.same: dict[str, Graded] = {}  # by code: the same code that can do nothing else gives the same answers
        self.judged = 0  # how often a judge had to work

    def keep_same(self, code: str, graded: Graded) -> None:
        if len(self.same) >= MAX_SAME:
            self.same.clear()
        self.same[code] = graded

    def keep(self, place: str, what: Question | Verdict) -> None:
        if len(self.next) >= MAX_REMEMBERED:  # nothing is lost but time
            self.next.clear()
            self.known.clear()
        self.next[place] = what

    def question(self, function: str, args: tuple[Any, ...]) -> Question:
        found = wire.question(function, *args)
        return self.known.setdefault(found.text, found)


def start(task: Task) -> str:
    """Where a task begins in what is remembered."""
    return digest([task.lesson, task.name, task.seed, task.points, task.data])


def fingerprint(told: Iterable[Told]) -> str:
    """12 hex digits: of what was answered, and by which functions. What was asked follows from it."""
    return digest([[one.question[:1], one.answer] for one in told])[:12]


CODER = json.JSONEncoder(sort_keys=True, default=str)


def digest(value: Any) -> str:
    return hashlib.sha256(CODER.encode(value).encode()).hexdigest()
