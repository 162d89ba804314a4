"""Mutants: every row of the table with one cell changed, and who notices the change.

A cell is replaced by every other decision that some row has there, and negated: each answer exchanged for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from cowlab import POLICIES, PageInfo, Policy, World
from cowlab.check import check
from cowlab.ideal import Ideal
from cowlab.model import Bounds
from cowlab.policy import ANSWERS, Answer, Decision
from cowlab.scenario import Moment, Scenario, _advance, scenarios

NOT = "not"  # the replacement of a negated cell
EXCHANGED: dict[str, dict[Answer, Answer]] = {
    "reuse": {"reuse": "copy", "copy": "reuse", "push": "copy"},
    "gup": {"take": "break", "break": "take", "unshare": "take"},
    "fork": {"share": "copy", "copy": "share", "mark": "copy"},
    "protect": {"protect": "skip", "skip": "protect", "refuse": "protect", "copy": "protect"},
    "swap": {True: False, False: True},
    "users": {"GET": "PIN", "PIN": "GET"},
    "huge": {"whole": "split", "split": "whole"},
    "drain": {True: False, False: True},
    "mkwrite": {True: False, False: True},
}


class Mutant(NamedTuple):
    row: str
    cell: str
    replacement: str  # the name of a decision, or NOT

    @property
    def decision(self) -> Decision:
        if self.replacement == NOT:
            own = getattr(POLICIES[self.row], self.cell)
            return lambda page: EXCHANGED[self.cell][own(page)]
        return decisions(self.cell)[self.replacement]

    @property
    def policy(self) -> Policy:
        return POLICIES[self.row].with_(**{self.cell: self.decision})


@cache
def decisions(cell: str) -> dict[str, Decision]:
    """The decisions that the rows have in that cell, by name."""
    return {getattr(row, cell).__name__: getattr(row, cell) for row in POLICIES.values()}


def mutants() -> Iterator[Mutant]:
    for name, row in POLICIES.items():
        for cell in ANSWERS:
            own = getattr(row, cell).__name__
            yield from (Mutant(name, cell, other) for other in (*decisions(cell), NOT) if other != own)


# --- the atlas -------------------------------------------------------------------------------------------------------


class Listening(Policy):
    """A row that notes what it is asked."""

    heard: list[tuple[str, PageInfo, Answer]]

    def ask(self, cell: str, page: PageInfo) -> Answer:
        answer = super().ask(cell, page)
        self.heard.append((cell, page, answer))
        return answer


class Played(NamedTuple):
    """A scenario under a row. asked: for each cell (moment before the question, PageInfo, answer)."""

    scenario: Scenario
    moments: tuple[Moment, ...]
    asked: dict[str, list[tuple[int, PageInfo, Answer]]]


@cache
def atlas(name: str) -> tuple[Played, ...]:
    """Every scenario under that row."""
    found = []
    row = Listening(*POLICIES[name])
    for scenario in scenarios().values():
        asked: dict[str, list[tuple[int, PageInfo, Answer]]] = {cell: [] for cell in ANSWERS}
        moments, known = [Moment(0, None, "", World(), Ideal())], {}
        for index, line in enumerate(scenario.script.steps):
            row.heard = []
            moments.append(_advance(scenario, row, moments[-1], line, known))
            for cell, page, answer in row.heard:
                asked[cell].append((index, page, answer))
        found.append(Played(scenario, tuple(moments), asked))
    return tuple(found)


Shown = Callable[[Moment], tuple[Any, ...]]


def everything(moment: Moment) -> tuple[Any, ...]:
    """What somebody sees of a moment without looking at the World behind it."""
    return (moment.outcome, moment.copies, moment.reading, *laws_and_costs(moment))


def laws_and_costs(moment: Moment) -> tuple[Any, ...]:
    return moment.standing, moment.needless


def noticed_in(mutant: Mutant, shown: Shown = everything) -> str | None:
    """The first scenario in which something else is shown than under the row; None if there is none.

    Until the changed cell first answers otherwise, row and mutant do the same: so that is where the replay begins.
    """
    policy = mutant.policy
    for scenario, moments, asked in atlas(mutant.row):
        parts = (index for index, page, answer in asked[mutant.cell] if policy.ask(mutant.cell, page) != answer)
        first = next(parts, None)
        if first is None:
            continue
        known = {finding.key: since for moment in moments[: first + 1] for since, finding in moment.standing}
        moment = moments[first]
        for line, expected in zip(scenario.script.steps[first:], moments[first + 1 :], strict=True):
            moment = _advance(scenario, policy, moment, line, known)
            if shown(moment) != shown(expected):
                return scenario.name
    return None


# --- a search --------------------------------------------------------------------------------------------------------

EVENTS = (
    "write",
    "fork",
    "exit",
    "mprotect r",
    "mprotect rw",
    "swap_out",
    "vmsplice",
    "pin longterm",
    "g: write",
    "put",
)


def verdicts(policy: Policy) -> dict[str, int | None]:
    """For each law the length of the shortest script that breaks it, one page and two processes at most."""
    report = check(policy, Bounds(events=EVENTS))
    assert report.complete
    return {law: None if witness is None else len(witness) for law, witness in report.witnesses.items()}


row_verdicts = cache(lambda name: verdicts(POLICIES[name]))


def noticed_by_search(mutant: Mutant) -> bool:
    return verdicts(mutant.policy) != row_verdicts(mutant.row)


# --- who is left -----------------------------------------------------------------------------------------------------

NOT_READ = "fork marks the child's entry instead of just sharing it, and no decision of this row reads the mark"
NOT_SET = "the decision differs on entries marked at fork only, and the fork of this row marks none"

# (row, cell, replacement): why no law, cost or outcome can notice it.
SURVIVORS: dict[tuple[str, str, str], str] = {
    ("v5.7", "fork", "fork_mark"): NOT_READ,
    ("v5.8", "fork", "fork_mark"): NOT_READ,
    ("v5.9-rc4", "fork", "fork_mark"): NOT_READ,
    ("linus-2021", "reuse", "reuse_not_inherited"): NOT_SET,
    ("linus-2021", "swap", "swap_not_inherited"): NOT_SET,
    ("jerome-mprotect", "reuse", "reuse_not_inherited"): NOT_SET,
    ("jerome-mprotect", "swap", "swap_not_inherited"): NOT_SET,
}
