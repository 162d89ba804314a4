"""A witness as something to look at: the script played again under the policy that it was found under.

Under "your policy" nothing of the submission runs: a row is made that answers from the table of what it has answered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from cowlab.events import format as format_event
from cowlab.grading.report.records import Table, TaskRecord
from cowlab.grading.task import TaskError, row_named, tasks
from cowlab.laws import LAWS
from cowlab.policy import ANSWERS, PageInfo, Policy, tabulated
from cowlab.scenario import Scenario, Trace, play, read_scenario
from cowlab.views import Layout, Stepper, panel
from cowlab.views.witness import Witness, breaks
from cowlab.views.words.why import FIELDS

YOURS = "your policy"
MAX_LINES, MAX_WIDE = (
    60,
    60,
)  # of a script that is drawn; a longer or wider one is shown as text, for drawing takes time


class Played(NamedTuple):
    """A witness that was played. at: the index where it shows what failed. lines: the script, numbered and marked there.

    data: of its Stepper. moment: what the Stepper shows at that index, place by place.
    """

    trace: Trace
    at: int
    lines: tuple[str, ...]
    layout: Layout
    data: dict[str, Any]
    moment: list[str]


def played(task: TaskRecord, lesson: str, yours: str = YOURS) -> Played | None:
    """The witness of a task, played; None if it has none, or it cannot be played, or does not show what it should.

    yours: what "your policy" is called.
    """
    if not task.witness:
        return None
    base = _base(lesson, task.task) if task.policy == YOURS else ""
    return _played("\n".join(task.witness), task.kind, task.law, task.policy, task.table, base, yours)


@lru_cache(256)  # in a class the same answers come again and again
def _played(script: str, kind: str, law: str, policy: str, table: Table | None, base: str, yours: str) -> Played | None:
    try:
        scenario = read_scenario(script, "script")
        lines = [format_event(event) for event in scenario.events]
        if not 0 < len(lines) <= MAX_LINES or max(map(len, lines)) > MAX_WIDE:
            return None
        trace = play(scenario, row_named(policy)) if policy != YOURS else _own(scenario, table or (), base, yours)
        found = Witness(_law(trace, kind, law), trace, None)
        if any(breaks(moment, found.law) for moment in trace.moments):
            return _drawn(trace, found.breaks_at, found.lines)
        if kind == "decide" and law in LAWS:
            return None  # the verdict says that it breaks the law: better no picture than one that says otherwise
        numbered = [f"{number:>{len(str(len(lines)))}}  {line}" for number, line in enumerate(lines, 1)]
        return _drawn(trace, len(lines), numbered)
    except Exception:  # whatever is wrong with it: the script is shown as text, and the others are still played
        return None


def _law(trace: Trace, kind: str, law: str) -> str:
    """The law that it is about; of a script that a student found, the first one that it breaks."""
    broken = (found.law for _, found in trace.violations if found.broken)
    return law if law in LAWS or kind != "find" else next(broken, "")


def _drawn(trace: Trace, at: int, lines: list[str]) -> Played:
    stepper = Stepper(trace, start=at)
    return Played(trace, at, tuple(lines), stepper.layout, stepper.data(), panel.panel(trace, at, stepper.layout))


def _own(scenario: Scenario, table: Table, base: str, yours: str) -> Trace:
    """Played under the submission's own answers; the row that it names can also tell what decided."""
    row = row_named(base) if base else None
    return play(scenario, answering(table, row, yours))._replace(policy=answering(table, row, yours, guess=True))


def _base(lesson: str, task: str) -> str:
    """The row into which the decisions of that task are put; "" if it is not known here."""
    try:
        return str(tasks(lesson)[task].data.get("base", ""))
    except (TaskError, KeyError):
        return ""


def answering(table: Table, base: Policy | None = None, name: str = YOURS, guess: bool = False) -> Policy:
    """A row that answers from the table. Cells that are not in it at all are those of `base`.

    guess: whether it answers what is not in the table as well, by what explains the rest: to say why, never to play.
    Raises ValueError for a cell that no row has; when it is asked what it cannot answer, it raises BadAnswer.
    """
    answers: dict[str, dict[PageInfo, Any]] = {cell: {} for cell in ANSWERS} if base is None else {}
    for cell, page, answer in table:
        answers.setdefault(cell, {})[PageInfo(*page)] = answer
    cells = {cell: _asked(known, guess) for cell, known in answers.items()}
    row = (base or Policy(name, "", "")).with_(**cells)
    return tabulated(row._replace(name=name, about="the decisions as they were submitted"))


def _asked(known: dict[PageInfo, Any], guess: bool) -> Callable[[PageInfo], Any]:
    return lambda page: known[page] if page in known or not guess else _explained(known, page)


def _explained(known: dict[PageInfo, Any], page: PageInfo) -> Any:
    """The answer for that page if one fact alone explains all answers to this asker. Raises LookupError if none or several do."""
    asked = {other: answer for other, answer in known.items() if other.asker == page.asker}
    ways = [way for field in FIELDS if (way := _by(field, asked))]
    if len(ways) != 1:
        raise LookupError("no fact explains it")
    field, answers = ways[0]
    return answers[getattr(page, field)]


def _by(field: str, asked: dict[PageInfo, Any]) -> tuple[str, dict[Any, Any]] | None:
    """The answer for each value of that field, if it depends on nothing else."""
    answers: dict[Any, Any] = {}
    for page, answer in asked.items():
        if answers.setdefault(getattr(page, field), answer) != answer:
            return None
    return field, answers
