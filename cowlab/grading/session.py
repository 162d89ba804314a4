"""Grade one submission: ask one child, judge, ask another child the same in another order, and compare.

A judge's questions follow from the answers it got. So what it asks next, and its verdict in the end, are remembered by the answers so
far: a submission that answers like an earlier one costs its questions and no exploration. What is remembered is in the parent only.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from cowlab.grading import wire
from cowlab.grading.asking import understood
from cowlab.grading.judges import judge
from cowlab.grading.judges.explain import STUBS
from cowlab.grading.sandbox import BAD, CHANGES, MEMORY, OURS, Child, Limits, SandboxError, Trouble, Zygote
from cowlab.grading.submission import Found, Submission, answer
from cowlab.grading.task import Task
from cowlab.grading.verdict import Verdict

MAX_QUESTIONS = 20_000
BATCH = 50
MAX_REMEMBERED = 50_000


class Told(NamedTuple):
    """A question, as [function, arguments...], and the answer to it, both as JSON has them."""

    question: list[Any]
    answer: dict[str, Any]


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
        return digest([told._asdict() for told in self.told])[:12] if self.told else ""


class Memory:
    """What judges asked next, and what they found, by task and the answers so far."""

    def __init__(self) -> None:
        self.next: dict[str, list[Any] | Verdict] = {}
        self.judged = 0  # how often a judge had to work

    def keep(self, place: str, what: list[Any] | Verdict) -> None:
        if len(self.next) >= MAX_REMEMBERED:  # nothing is lost but time
            self.next.clear()
        self.next[place] = what


class Session:
    """Two zygotes, and the children of the submission at hand."""

    def __init__(self, *, isolated: bool = True, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        self.limits, self.isolated = limits, isolated
        self.memory = Memory()
        self.zygotes: list[Zygote] = []
        try:
            for _ in range(2):
                self.zygotes.append(Zygote(isolated))
            while self.zygotes[0].hash == self.zygotes[1].hash:  # an answer must not depend on the order of a set
                self.zygotes.pop().close()
                self.zygotes.append(Zygote(isolated))
            child = self.zygotes[0].fork(limits)
        except (Trouble, OSError) as trouble:
            self.close()
            raise SandboxError(f"no process to grade in can be started: {trouble}") from None
        self.in_force, self.lacks = tuple(child.in_force), child.lacks()
        child.close()

    def close(self) -> None:
        for zygote in self.zygotes:
            zygote.close()

    def grade(self, submission: Submission, known: dict[str, Task]) -> list[Graded]:
        """Each task of the lesson, in order."""
        return [self.task(task, answer(submission, task)) for task in known.values()]

    def task(self, task: Task, found: Found) -> Graded:
        """One task. What a child does costs or earns nothing elsewhere: each task has children of its own."""
        if task.kind == "explain":
            if found.source and found.source.strip() in STUBS:
                blank = Verdict(task.name, task.points, says="nothing is written there yet", open=True)
                return Graded(task, "open", blank.says, blank)
            return Graded(task, "by hand" if found.source else "missing", found.says or "read by a person", None)
        if not found.source:
            return Graded(task, "missing", found.says, Verdict(task.name, task.points, says=found.says))
        graded = self.attempted(task, found)
        return self.attempted(task, found) if graded.status == OURS else graded  # a zygote may have died

    def attempted(self, task: Task, found: Found) -> Graded:
        """One task that has an answer; our fault if we could not judge it."""
        told: list[Told] = []
        try:
            verdict = self.asked(task, found, told)
            self.compare(task, found, told)
        except Trouble as trouble:
            nothing = None if trouble.status == OURS else Verdict(task.name, task.points, says=str(trouble))
            return Graded(task, trouble.status, str(trouble), nothing, tuple(told))
        except Exception as error:  # a judge that an answer confused: nobody's zero
            return Graded(
                task, OURS, f"the judge could not cope with it: {type(error).__name__}: {error}", None, tuple(told)
            )
        says = "; ".join(filter(None, (found.says, verdict.reason)))
        status = "open" if verdict.open else MEMORY if any("memory" in t.answer for t in told) else "judged"
        return Graded(task, status, says, verdict, tuple(told))

    # --- asking ------------------------------------------------------------------------------------------------------

    @contextmanager
    def child(self, number: int) -> Iterator[Child]:
        """A child of that zygote, or of a new one if it is gone. Raises Trouble."""
        if not self.zygotes[number].works:
            self.zygotes[number].close()
            self.zygotes[number] = Zygote(self.isolated)
        child = self.zygotes[number].fork(self.limits)
        try:
            if missing := set(self.in_force) - set(child.in_force):
                raise Trouble(OURS, f"a child is not confined as the first one was: no {', '.join(sorted(missing))}")
            yield child
        finally:
            child.close()

    def asked(self, task: Task, found: Found, told: list[Told]) -> Verdict:
        """Ask the first child, by what is remembered as far as that goes, then by the judge."""
        with self.child(0) as child:
            return self.heard(task, found, told, child)

    def heard(self, task: Task, found: Found, told: list[Told], child: Child) -> Verdict:
        loaded = child.load(found.helpers, found.source, task.functions)
        place = digest([task.lesson, task.name, task.seed, task.data])
        if "loaded" not in loaded:
            told.append(Told([], loaded))
            return self.judged(task, child, told, place)
        known = self.memory.next.get(place)
        while isinstance(known, list):
            told.append(Told(known, child.ask([known])[0]))
            place = digest([place, told[-1].answer])
            known = self.memory.next.get(place)
        return known if known is not None else self.judged(task, child, told, place)

    def judged(self, task: Task, child: Child, told: list[Told], place: str) -> Verdict:
        """Let the judge ask; what was asked already is not asked again."""
        self.memory.judged += 1
        before = [one for one in told if one.question]
        blank = [one.answer for one in told if not one.question]
        position = 0

        def ask(function: str, *args: Any) -> Any:
            nonlocal position, place
            if blank:
                return understood(blank[0])
            question = [function, *map(wire.plain, args)]
            position += 1
            if position <= len(before):
                if before[position - 1].question != question:
                    raise Trouble(OURS, "a judge asked something else than before")
                return understood(before[position - 1].answer)
            if position > MAX_QUESTIONS:
                raise Trouble(BAD, "its answers lead to more questions than can be asked")
            self.memory.keep(place, question)
            told.append(Told(question, child.ask([question])[0]))
            place = digest([place, told[-1].answer])
            return understood(told[-1].answer)

        verdict = judge(task, ask)
        if not blank:
            self.memory.keep(place, verdict)
        return verdict

    def compare(self, task: Task, found: Found, told: list[Told]) -> None:
        """Ask the second child all of it in another order. Raises Trouble if an answer differs."""
        asked = [one for one in told if one.question]
        with self.child(1) as child:
            loaded = child.load(found.helpers, found.source, task.functions)
            if "loaded" not in loaded:
                if asked or same(loaded) != same(told[0].answer):
                    raise Trouble(CHANGES, "it could be read once, and once it could not")
                return
            random.Random(len(asked)).shuffle(asked)
            for start in range(0, len(asked), BATCH):
                batch = asked[start : start + BATCH]
                for one, other in zip(batch, child.ask([one.question for one in batch]), strict=True):
                    if one.answer != other and same(one.answer) != same(other):
                        raise Trouble(CHANGES, f"{one.question[0]} answers differently when it is asked again")


def same(said: dict[str, Any]) -> Any:
    """What of an answer has to be the same: what was returned, or that nothing was."""
    return ("is", said["is"]) if "is" in said else next(iter(said), "")


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
