"""law: write a law. The answer is asked for one step after the other: True where it holds, False where it is broken.

passes    "SCRIPT under POLICY": it has to hold at every step
catches   the same: it has to be broken at some step; at the right one first, if `law` names one of laws.py
scripts   {name: text}: scripts which are not in the atlas
"""

from __future__ import annotations

from cowlab.events import format as format_script
from cowlab.grading.asking import Ask, Failed
from cowlab.grading.task import Task, row_named
from cowlab.grading.verdict import Part
from cowlab.grading.wire import Look, Seen
from cowlab.laws import readers
from cowlab.scenario import Moment, Trace, play

CONSTANT = "it always answers {}: a law has to tell right from wrong"


def question(task: Task) -> str:
    lines = [f"{task.name}(step) returns True where the law holds, and False where it is broken.", ""]
    lines += ["  step.before, step.after    the Worlds before and after the event"]
    lines += ["  step.event, step.outcome   the event, and what it did"]
    lines += ["  step.looks                 for each reader who, saw, now, past, promised", ""]
    for what, cases in (("It has to hold in", "passes"), ("and to be broken in", "catches")):
        lines += [what, "", *(f"  {case}" for case in task.data[cases]), ""]
    for name, text in task.data.get("scripts", {}).items():
        lines += [f"{name} is", "", *(f"  {line}" for line in task.script(text).splitlines()), ""]
    return "\n".join(lines).rstrip()


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    cases = [(True, name) for name in task.data["passes"]] + [(False, name) for name in task.data["catches"]]
    answers: set[bool] = set()
    parts = [_case(task, ask, name, holds, task.points / len(cases), answers) for holds, name in cases]
    if len(answers) == 1:
        raise Failed(CONSTANT.format(*answers))
    return tuple(parts)


def seen(before: Moment, moment: Moment) -> Seen:
    """What a law is shown of one step."""
    assert moment.event is not None
    looks = [
        Look(reader.who, reader.sees, reader.cell.now, tuple(old.store for old in reader.cell.past), reader.current)
        for reader in readers(moment.world, moment.ideal)
    ]
    return Seen(before.world, moment.event, moment.outcome, moment.world, tuple(looks))


def traced(task: Task, case: str) -> Trace:
    script, _, policy = case.partition(" under ")
    own = task.data.get("scripts", {})
    return play(task.script(own[script]) if script in own else script, row_named(policy))


def _case(task: Task, ask: Ask, name: str, holds: bool, worth: float, answers: set[bool]) -> Part:
    trace = traced(task, name)
    first = None
    for number, (before, moment) in enumerate(zip(trace.moments, trace.steps, strict=False), 1):
        answer = ask(task.functions[0], seen(before, moment))
        if not isinstance(answer, bool):
            raise Failed(f"{task.name} is to return True or False; it returned {answer!r:.40}")
        answers.add(answer)
        if not answer and first is None:
            first = number
    return _part(task, trace, name, holds, worth, first)


def _part(task: Task, trace: Trace, name: str, holds: bool, worth: float, first: int | None) -> Part:
    policy = trace.policy.name
    if holds:
        if first is None:
            return Part(name, worth, worth, "holds, as it should")
        return Part(name, 0, worth, f"line {first} is fine, and your law says it is not", _script(trace, first), policy)
    if first is None:
        return Part(name, 0, worth, "something is wrong here, and your law does not see it", _script(trace), policy)
    right = _first_broken(task, trace)
    if right is not None and first != right:
        when = "before" if first < right else "later than"
        return Part(name, 0, worth, f"caught at line {first}, {when} it is broken", _script(trace, first), policy)
    return Part(name, worth, worth, f"caught, at line {first}")


def _first_broken(task: Task, trace: Trace) -> int | None:
    """The first step at which the law of laws.py that the task names is broken."""
    for number, moment in enumerate(trace.steps, 1):
        if any(found.law == task.data.get("law") and found.broken for found in moment.new):
            return number
    return None


def _script(trace: Trace, last: int | None = None) -> str:
    return format_script(trace.scenario.events[:last])
