"""Two policies over the whole atlas: where a verdict changes, where only a line does, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from cowlab.laws import LAWS
from cowlab.policy import BadAnswer, Policy, tabulated
from cowlab.scenario import Trace, play, policy_named, scenarios

WORSE, MIXED, BETTER, OTHER = "worse", "mixed", "better", "other"
SIGNS = {WORSE: "✗", MIXED: "≠", BETTER: "✓", OTHER: "≠"}


class Judged(NamedTuple):
    """What came of one scenario: its verdict, the laws that were broken, each line's outcome, the copies."""

    verdict: str
    laws: tuple[str, ...]
    outcomes: tuple[str, ...]
    copies: int
    needless: int


class Change(NamedTuple):
    """A scenario with another verdict, or with other laws broken."""

    scenario: str
    before: Judged
    after: Judged

    @property
    def breaks(self) -> tuple[str, ...]:
        return tuple(law for law in self.after.laws if law not in self.before.laws)

    @property
    def mends(self) -> tuple[str, ...]:
        return tuple(law for law in self.before.laws if law not in self.after.laws)

    @property
    def word(self) -> str:
        if self.breaks:
            return MIXED if self.mends else WORSE
        return BETTER if self.mends else OTHER


class Differences(NamedTuple):
    """changes: the worst first. quiet: scenarios where only some line does something else. same: how many do not differ.

    copies, needless: over the whole atlas, before and after.
    """

    changes: tuple[Change, ...]
    quiet: tuple[str, ...]
    same: int
    copies: tuple[int, int]
    needless: tuple[int, int]

    def count(self, word: str) -> int:
        return sum(change.word == word for change in self.changes)


class Failed(Exception):
    """A decision failed in a scenario."""

    def __init__(self, scenario: str, error: BadAnswer) -> None:
        super().__init__(f"{scenario}: {error}")
        self.scenario, self.error = scenario, error


def judged(trace: Trace) -> Judged:
    broken = {finding.law for _, finding in trace.violations if finding.broken}
    laws = tuple(law for law in LAWS if law in broken)
    outcomes = tuple(step.outcome for step in trace.steps)
    return Judged(trace.verdict, laws, outcomes, trace.copies, trace.needless_copies)


def atlas(policy: Policy) -> dict[str, Judged]:
    """Every scenario under one policy. Raises Failed for the first in which a decision fails."""
    row, found = tabulated(policy), {}
    for name, scenario in scenarios().items():
        try:
            found[name] = judged(play(scenario, row))
        except BadAnswer as error:
            raise Failed(name, error) from error
    return found


@cache
def atlas_of(name: str) -> dict[str, Judged]:
    """The same of a row of the table."""
    return atlas(policy_named(name))


def differences(before: dict[str, Judged], after: dict[str, Judged]) -> Differences:
    changes = [
        Change(name, old, after[name])
        for name, old in before.items()
        if (old.verdict, old.laws) != (after[name].verdict, after[name].laws)
    ]
    changes.sort(key=lambda change: (list(SIGNS).index(change.word), change.scenario))
    changed = {change.scenario for change in changes}
    rest = [name for name in before if name not in changed]
    quiet = tuple(name for name in rest if before[name] != after[name])
    copies = (sum(one.copies for one in before.values()), sum(one.copies for one in after.values()))
    needless = (sum(one.needless for one in before.values()), sum(one.needless for one in after.values()))
    return Differences(tuple(changes), quiet, len(rest) - len(quiet), copies, needless)


def summary(found: Differences) -> Iterator[str]:
    """The same in sentences: verdicts, what changes without one, costs."""
    total = len(found.changes) + len(found.quiet) + found.same
    if found.changes:
        words = ", ".join(f"{n} {word}" for word in SIGNS if (n := found.count(word)))
        yield f"{len(found.changes)} of {total} scenarios change their verdict: {words}."
    else:
        yield f"No verdict changes in {total} scenarios."
    more = " more" if found.changes else ""
    yield f"In {len(found.quiet)}{more} a line does something else, {found.same} are as before."
    yield f"Over the atlas: {moved('copies', *found.copies)}; {moved('needless copies', *found.needless)}."


def moved(what: str, before: int, after: int) -> str:
    return f"{what} {before} → {after} ({after - before:+d})" if before != after else f"{what} {before} as before"
