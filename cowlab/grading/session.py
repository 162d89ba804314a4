"""Grade one submission: ask one child, judge, ask another child the same in another order, and compare.

A judge's questions follow from the answers it got. So what it asks next, and its verdict in the end, are remembered by the answers so
far: a submission that answers like an earlier one costs its questions and no exploration. What is remembered is in the parent only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from cowlab.grading.asking import understood
from cowlab.grading.judges import judge
from cowlab.grading.judges.explain import STUBS
from cowlab.grading.memory import Graded, Memory, Told, digest, start
from cowlab.grading.sandbox import BAD, CHANGES, MEMORY, OURS, Child, Limits, SandboxError, Trouble, Zygote
from cowlab.grading.source import normal
from cowlab.grading.submission import Found, Submission, answer
from cowlab.grading.task import Task
from cowlab.grading.verdict import Verdict
from cowlab.grading.wire import Question

MAX_QUESTIONS = 20_000
BATCH = 100
T = TypeVar("T")
Asker = Callable[[Question], dict[str, Any]]
MAX_USUAL = 300
TIRED = 1.0  # seconds that a child may have taken for a task and still be asked the next one


class Session:
    """Two zygotes, and the children of the submission at hand."""

    def __init__(self, *, isolated: bool = True, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        self.limits, self.isolated = limits, isolated
        self.memory = Memory()
        self.zygotes: list[Zygote] = []
        self.kept: dict[int, Child] = {}
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
        self.dismiss()
        for zygote in self.zygotes:
            zygote.close()

    def grade(self, submission: Submission, known: dict[str, Task]) -> list[Graded]:
        """Each task of the lesson, in order. What an answer does costs or earns nothing elsewhere.

        Children stay for the next task only where the code was tame and nothing went wrong.
        """
        try:
            return [self.task(task, answer(submission, task)) for task in known.values()]
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """Be rid of the children: another submission, or another task, needs others."""
        for child in self.kept.values():
            child.close()
        self.kept.clear()

    def task(self, task: Task, found: Found) -> Graded:
        """One task."""
        if task.kind == "explain":
            if found.source and found.source.strip() in STUBS:
                blank = Verdict(task.name, task.points, says="nothing is written there yet", open=True)
                return Graded(task, "open", blank.says, blank)
            return Graded(task, "by hand" if found.source else "missing", found.says or "to be read by a person", None)
        if not found.source:
            return Graded(task, "missing", found.says, Verdict(task.name, task.points, says=found.says))
        text = normal(found.source) if found.tame and not found.says else ""
        code = digest([start(task), text, found.helpers]) if text else ""
        if code in self.memory.same:
            return self.memory.same[code]._replace(task=task)
        again = {OURS, MEMORY} if self.kept else {OURS}  # a zygote may have died, a task before this one held memory
        graded = self.attempted(task, found)
        if graded.status in again:
            self.dismiss()
            graded = self.attempted(task, found)
        well = found.tame and graded.status in ("judged", "open")
        if not well or not all(map(self.fresh, self.kept.values())):
            self.dismiss()
        if code and well and all("failed" not in one.answer for one in graded.told):  # that may quote the code
            self.memory.keep_same(code, graded)
        return graded

    def fresh(self, child: Child) -> bool:
        """Whether it can be asked another task as if it were new."""
        return child.alive and child.left > self.limits.seconds - TIRED

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

    def child(self, number: int) -> Child:
        """The child of that zygote; a new one, of a new zygote, where they are gone. Raises Trouble."""
        if number in self.kept:
            return self.kept[number]
        if not self.zygotes[number].alive():
            self.zygotes[number].close()
            self.zygotes[number] = Zygote(self.isolated)
        child = self.kept[number] = self.zygotes[number].fork(self.limits)
        if missing := set(self.in_force) - set(child.in_force):
            raise Trouble(OURS, f"a child is not confined as the first one was: no {', '.join(sorted(missing))}")
        return child

    def asked(self, task: Task, found: Found, told: list[Told]) -> Verdict:
        """Ask the first child, by what is remembered as far as that goes, then by the judge."""
        place = start(task)
        loaded, asker = self.loaded(task, found, place)
        if "loaded" not in loaded:
            told.append(Told([], loaded))
            return judge(task, lambda function, *args: understood(loaded))
        known = self.memory.next.get(place)
        while isinstance(known, Question):
            place = self.hear(known, asker, told, place)
            known = self.memory.next.get(place)
        return known if known is not None else self.judged(task, asker, told, place)

    def loaded(self, task: Task, found: Found, place: str) -> tuple[dict[str, Any], Asker]:
        """The first child with the answer's code in it, and who asks it one question. Raises Trouble.

        What others were asked is asked at once, because one message costs less than a hundred. Only tame code can be asked
        more than the judge wants to know; where it does not like that, it is asked one by one.
        """
        child = self.child(0)
        loaded = child.load(found.helpers, found.source, task.functions)
        usual = self.memory.usual.setdefault(place, {})
        ready: dict[str, dict[str, Any]] = {}
        with suppress(Trouble):
            for part in batches(list(usual.values()) if found.tame and "loaded" in loaded else []):
                ready.update(zip((one.text for one in part), child.ask(part), strict=True))
        if found.tame and not self.fresh(child):  # what it took for questions that nobody has to ask it is given back
            self.dismiss()
            ready, child = {}, self.child(0)
            loaded = child.load(found.helpers, found.source, task.functions)

        def ask(question: Question) -> dict[str, Any]:
            if question.text not in ready:
                ready[question.text] = child.ask([question])[0]
                if len(usual) < MAX_USUAL:
                    usual[question.text] = question
            return ready[question.text]

        return loaded, ask

    def hear(self, question: Question, asker: Asker, told: list[Told], place: str) -> str:
        """Ask, and write down what was told. Returns where that leads in what is remembered."""
        answer = asker(question)
        told.append(Told(question.plain, answer, question))
        return digest([place, answer])

    def judged(self, task: Task, asker: Asker, told: list[Told], place: str) -> Verdict:
        """Let the judge ask; what was asked already is not asked again."""
        self.memory.judged += 1
        before = list(told)
        position = 0

        def ask(function: str, *args: Any) -> Any:
            nonlocal position, place
            question = self.memory.question(function, args)
            position += 1
            if position <= len(before):
                if before[position - 1].question != question.plain:
                    raise Trouble(OURS, "a judge asked something else than before")
                return understood(before[position - 1].answer)
            if position > MAX_QUESTIONS:
                raise Trouble(BAD, "its answers lead to more questions than can be asked")
            self.memory.keep(place, question)
            place = self.hear(question, asker, told, place)
            return understood(told[-1].answer)

        verdict = judge(task, ask)
        self.memory.keep(place, verdict)
        return verdict

    def compare(self, task: Task, found: Found, told: list[Told]) -> None:
        """Ask the second child all of it in another order. Raises Trouble if an answer differs."""
        asked = [one for one in told if one.question]
        child = self.child(1)
        loaded = child.load(found.helpers, found.source, task.functions)
        if "loaded" not in loaded:
            if asked or same(loaded) != same(told[0].answer):
                raise Trouble(CHANGES, "it could be read once, and once it could not")
            return
        random.Random(len(asked)).shuffle(asked)
        for part in batches(asked):
            for one, other in zip(part, child.ask([one.sent for one in part if one.sent]), strict=True):
                if one.answer != other and same(one.answer) != same(other):
                    raise Trouble(CHANGES, f"{one.question[0]} answers differently when it is asked again")


def batches(questions: list[T]) -> Iterator[list[T]]:
    for first in range(0, len(questions), BATCH):
        yield questions[first : first + BATCH]


def same(said: dict[str, Any]) -> Any:
    """What of an answer has to be the same: what was returned, or that nothing was."""
    return ("is", said["is"]) if "is" in said else next(iter(said), "")
