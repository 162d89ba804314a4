"""decide: write decisions of a policy. The answers are asked for one PageInfo after the other, by an exploration.

base       the row in which the decisions are put
cells      {function: cell}
laws       {law: points}; economy earns only where the other laws hold: never to copy is cheap as well
bounds     processes, pages, references, holds, kind, events: how large a world is explored
like       {policy: points}: the decisions are to answer what that policy's do, wherever they are asked
copies     {scripts, best, worst, points}: copies made in these scenarios, in all; earns only where the laws hold
ends       {script: [outcome of its last line, points]}: what no law asks, such as that a call does something at all
recorded   {"KERNEL SCENARIOS": points}: the row is to do what that kernel did in those scenarios (a pattern; by default all)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from textwrap import wrap
from typing import Any

from cowlab.check import Report, check
from cowlab.events import format as format_script
from cowlab.grading.asking import Ask, Failed, NoAnswer
from cowlab.grading.task import Task, TaskError, row_named
from cowlab.grading.verdict import Part
from cowlab.live.agreement import compare, recordings
from cowlab.matrix import bounds_words
from cowlab.model import Bounds
from cowlab.policy import ANSWERS, BadAnswer, PageInfo, Policy, tabulated
from cowlab.scenario import play, scenarios

MAX_STATES = 30_000
# Answers that need more than their name. Most tasks want others, and the lesson that has them may be ahead.
UNUSUAL = {
    "reuse": "'push' keeps the frame, and everybody else gets a copy (lesson 5)",
    "gup": "'break' treats the page first as a store would; 'unshare' copies it first if need be,"
    " and leaves it read-only (lesson 6)",
    "fork": "'mark' shares, and notes in the child's entry that the page was inherited (lesson 5)",
}


def question(task: Task) -> str:
    data = task.data
    who = "The function is" if len(data["cells"]) == 1 else "Each function is"
    lines = [f"{who} given a PageInfo and takes the place of a decision of {data['base']}:", ""]
    for function, cell in data["cells"].items():
        also = " (or True, False)" if cell == "reuse" else ""
        lines.append(f"  {function}(page)   {cell}: returns {', '.join(map(repr, ANSWERS[cell]))}{also}")
    for cell in filter(UNUSUAL.__contains__, data["cells"].values()):
        lines += wrap(UNUSUAL[cell], 84, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    looked = [*data.get("laws", {}).items(), *((f"as {name}", points) for name, points in data.get("like", {}).items())]
    looked += [(f"as recorded on {' in '.join(asked.split())}", points) for asked, points in _asked(data)]
    if copies := data.get("copies"):
        looked.append((f"few copies in {', '.join(copies['scripts'])}", copies["points"]))
    for text, (outcome, points) in data.get("ends", {}).items():
        looked.append((f"{'; '.join(task.script(text).splitlines())}  ->  {outcome}", points))
    lines += ["", "What is looked at, with its points:", ""]
    for what, points in looked:
        lines += wrap(f"  {points:4g}  {what}", 86, subsequent_indent=" " * 8, break_on_hyphens=False)
    if "laws" in data:
        within = bounds(task)
        lines += ["", f"Within {bounds_words({'bounds': within._asdict()})}, and these events:"]
        lines += wrap(", ".join(within.events), 84)
    return "\n".join(lines)


def bounds(task: Task) -> Bounds:
    wanted = dict(task.data.get("bounds", {}))
    if "events" in wanted:
        wanted["events"] = tuple(wanted["events"])
    return Bounds(**wanted)


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    row = asking_row(task, ask)
    try:
        parts = _laws(task, row) if "laws" in task.data else []
        kept = all(part.held for part in parts if part.name != "economy")
        parts += [_like(task, row, name, points) for name, points in task.data.get("like", {}).items()]
        parts += [_copies(row, task.data["copies"], kept)] if "copies" in task.data else []
        parts += [_end(row, task.script(text), *wanted) for text, wanted in task.data.get("ends", {}).items()]
        parts += [_recorded(row, asked, points) for asked, points in _asked(task.data)]
    except BadAnswer as error:
        if isinstance(error.__cause__, NoAnswer):
            raise error.__cause__ from None
        raise Failed(str(error)) from None
    return tuple(parts)


def asking_row(task: Task, ask: Ask) -> Policy:
    """The base with the learner's decisions in it, each asked once a PageInfo."""

    def asks(function: str) -> Callable[[PageInfo], Any]:
        return lambda page: ask(function, page)

    cells = {cell: asks(function) for function, cell in task.data["cells"].items()}
    return tabulated(row_named(task.data["base"]).with_(**cells)._replace(name="your policy"))


def _laws(task: Task, row: Policy) -> list[Part]:
    laws: dict[str, float] = task.data["laws"]
    report = check(row, bounds(task), tuple(laws), max_states=MAX_STATES)
    parts = [_law(report, law, points) for law, points in laws.items()]
    if all(part.held for part in parts if part.name != "economy"):
        return parts
    late = "counts once the other laws hold"
    return [part._replace(points=0, says=late, witness="") if part.name == "economy" else part for part in parts]


def _law(report: Report, law: str, points: float) -> Part:
    holds = report.holds(law)
    if holds:
        says = f"holds in all {report.states:,} states within the bounds"
        return Part(law, points, points, says, states=report.states)
    if holds is None:
        return Part(law, 0, points, f"not decided: stopped at {report.stopped}", states=report.states)
    script = report.script(law) or ""
    what = "a copy that nobody needs" if law == "economy" else "broken"
    says = f"{what}; the shortest script that shows it has {len(script.splitlines())} lines"
    return Part(law, 0, points, says, script, "your policy", report.states)


def _like(task: Task, row: Policy, name: str, points: float) -> Part:
    """Whether the decisions answer as those of another policy do, wherever an exploration of that one asks."""
    other = check(row_named(name), bounds(task), (), max_states=MAX_STATES).policy
    asked = 0
    for cell in task.data["cells"].values():
        for page, answer in sorted(other.tables[cell].items()):
            asked += 1
            mine = row.ask(cell, page)
            if mine != answer:
                return Part(f"as {name}", 0, points, f"{cell} answers {mine!r} where {name} does not: {_shown(page)}")
    return Part(f"as {name}", points, points, f"the same answers in all {asked} cases that come up")


def _shown(page: PageInfo) -> str:
    """The fields in which a page differs from the plainest one."""
    plain = PageInfo()
    told = [f"{k}={v!r}" for k, v in page._asdict().items() if k == "page_count" or v != getattr(plain, k)]
    return f"PageInfo({', '.join(told)})"


def _asked(data: Mapping[str, Any]) -> list[tuple[str, float]]:
    return list(data.get("recorded", {}).items())


def _recorded(row: Policy, asked: str, points: float) -> Part:
    """Whether the row does what was recorded on a kernel, in the scenarios whose names fit the pattern."""
    kernel, _, pattern = asked.partition(" ")
    if kernel not in recordings():
        raise TaskError(f"no recording of {kernel!r}")
    recording = recordings()[kernel]
    some = {name: noted for name, noted in recording.results.items() if fnmatchcase(name, pattern or "*")}
    cells = [cell for cell in compare(recording._replace(results=some), row) if not cell.reason]
    if not cells:
        raise TaskError(f"{kernel} has no scenario {pattern!r}")
    wrong = [cell for cell in cells if not cell.agrees]
    if not wrong:
        return Part(asked, points, points, f"as recorded, in all {len(cells)} values")
    one = wrong[0]
    says = f"{len(wrong)} of {len(cells)} values differ, first in {one.scenario}: {one.field} is {one.recorded} there"
    script = format_script(scenarios()[one.scenario].events)
    return Part(asked, 0, points, f"{says}, and {one.model} by your rule", script, row.name)


def _copies(row: Policy, wanted: dict[str, Any], kept: bool) -> Part:
    """The fewer copies the more points, from none at `worst` to all at `best`."""
    copies = sum(play(name, row).copies for name in wanted["scripts"])
    points, best, worst = wanted["points"], wanted["best"], wanted["worst"]
    scripts = f"{copies} cop{'y' if copies == 1 else 'ies'} in {', '.join(wanted['scripts'])}"
    if not kept:
        return Part("few copies", 0, points, f"{scripts}; counts once the laws hold")
    earned = points * min(max((worst - copies) / (worst - best), 0), 1)
    says = scripts if earned >= points else f"{scripts}; fewer are possible"
    return Part("few copies", earned, points, says)


def _end(row: Policy, script: str, outcome: str, points: float) -> Part:
    """Whether the last line of that script has that outcome."""
    found = play(script, row).steps[-1].outcome
    name = f"ends in {outcome}"
    if found == outcome:
        return Part(name, points, points, f"yes: {script.splitlines()[-1]}")
    return Part(name, 0, points, f"no, in {found}", script, row.name)
