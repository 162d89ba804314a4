"""predict: say what a script will do. The answer is a dictionary with a value for each question.

script   what is played
ask      {key: "[line N] WHAT [of WHO[ @N]] under POLICY"}
         WHAT: outcome, reading, mapcount, page_count, exclusive (of the frame of a process's page, or of a reference;
         exclusive is yes or no), after that line; or without a line of the whole script: verdict, copies, faults, needless
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from typing import Any, NamedTuple

from cowlab.fault import COPIED, FAULT, OUTCOMES, REUSE, SIGSEGV
from cowlab.grading.asking import Ask, Failed
from cowlab.grading.task import Task, TaskError, row_named
from cowlab.grading.verdict import Part
from cowlab.laws import VERDICTS
from cowlab.scenario import Trace, play
from cowlab.world import World, mapcount, page_count

ASKED = re.compile(r"(?:line (\d+) )?(\w+)(?: of (\w+)(?: @(\d+))?)? under (.+)")
FAULTS = (COPIED, FAULT, REUSE, SIGSEGV)
COUNTS = {"mapcount": mapcount, "page_count": page_count}
EXCLUSIVE = "exclusive"


class Asked(NamedTuple):
    key: str
    line: int  # 0: the whole script
    what: str
    who: str
    page: int
    policy: str

    @property
    def words(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        whose = f" of the frame of {self.who}" + (f" @{self.page}" if self.page else "") if self.who else ""
        what = "exclusive flag (yes or no)" if self.what == EXCLUSIVE else self.what
        return f"{where}{what}{whose}, under {self.policy}"


def asked(task: Task) -> list[Asked]:
    """The questions of a task, in order. Raises TaskError for one that cannot be read."""
    found = []
    for key, words in task.data["ask"].items():
        match = ASKED.fullmatch(Template(words).substitute(task.values))
        if match is None:
            raise TaskError(f"{task.name}: cannot read the question {words!r}")
        line, what, who, page, policy = match.groups()
        found.append(Asked(key, int(line or 0), what, who or "", int(page or 0), policy))
    return found


def question(task: Task) -> str:
    script = task.script(task.data["script"]).splitlines()
    lines = [f"{number:3}  {line}" for number, line in enumerate(script, 1)]
    wide = max(map(len, task.data["ask"]))
    lines += ["", "Return a dictionary with these keys:", ""]
    lines += [f"  {one.key:{wide}}   {one.words}" for one in asked(task)]
    return "\n".join(lines)


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    script = task.script(task.data["script"])
    questions = asked(task)
    said = ask(task.functions[0])
    if not isinstance(said, Mapping):
        raise Failed(f"{task.name} is to return a dictionary; it returned {said!r:.60}")
    strange = [key for key in said if key not in task.data["ask"]]
    if strange:
        raise Failed(f"{strange[0]!r} is not asked; the keys are {', '.join(map(repr, task.data['ask']))}")
    each = task.points / len(questions)
    traces = {one.policy: play(script, row_named(one.policy)) for one in questions}
    return tuple(_judged(one, said.get(one.key), traces[one.policy], script, each) for one in questions)


def _judged(one: Asked, said: Any, trace: Trace, script: str, worth: float) -> Part:
    if said is None:
        return Part(one.key, 0, worth, "no answer yet")
    if same(said, true(one, trace)):
        return Part(one.key, worth, worth, f"{said} it is")
    lines = script.splitlines()[: one.line or None]
    says = f"it is not {said!r}{_form(one, said, true(one, trace))}"
    return Part(one.key, 0, worth, says, "\n".join(lines), one.policy)


def true(one: Asked, trace: Trace) -> Any:
    """What is true of it. Raises TaskError for a question that has no answer."""
    if not one.line:
        faults = sum(moment.outcome in FAULTS for moment in trace.steps)
        whole = {"verdict": trace.verdict, "copies": trace.copies, "faults": faults, "needless": trace.needless_copies}
        if one.what in whole:
            return whole[one.what]
        raise TaskError(f"{one.key}: {one.what!r} needs a line")
    moment = trace.steps[one.line - 1]
    if one.what == "outcome":
        return moment.outcome
    if one.what == "reading" and moment.reading is not None:
        return moment.reading.value
    if one.what in COUNTS:
        return COUNTS[one.what](moment.world, _frame(one, moment.world))
    if one.what == EXCLUSIVE:
        return "yes" if moment.world.frame(_frame(one, moment.world)).exclusive else "no"
    raise TaskError(f"{one.key}: {one.what!r} is no answer to line {one.line}")


def _frame(one: Asked, world: World) -> int:
    pte, reference = world.pte(one.who, one.page), world.reference(one.who)
    frame = pte.frame if pte is not None else reference.frame if reference is not None else None
    if frame is None:
        raise TaskError(f"{one.key}: {one.who} has no frame there")
    return frame


def same(said: Any, truth: Any) -> bool:
    """Numbers by value; words whatever their case; letters as they are."""
    if isinstance(said, bool) or isinstance(truth, int) != isinstance(said, int | float):
        return False
    if isinstance(truth, int):
        return bool(said == truth)
    word = str(said).strip()
    return word == truth if len(truth) == 1 else word.casefold() == truth.casefold()


def _form(one: Asked, said: Any, truth: Any) -> str:
    """What is wrong with the form of a wrong answer, if anything is."""
    if isinstance(truth, int):
        return "" if isinstance(said, int | float) and not isinstance(said, bool) else "; a number is wanted, such as 2"
    words = {"outcome": OUTCOMES, "verdict": VERDICTS, EXCLUSIVE: ("yes", "no")}.get(one.what)
    word = str(said).strip().casefold()
    if words is not None:
        return "" if word in words else f"; the words are {', '.join(words)}"
    return " (letters count: a and A are two stores)" if word == truth.casefold() else ""
