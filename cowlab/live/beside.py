"""A run on this kernel beside the policies and the recorded kernels: who shows the same, and where they part first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from cowlab.live.agreement import Atlas, Cell, Recording, compare, nearest, recordings, returned
from cowlab.live.record import fields_of, observe
from cowlab.live.watched import NOTHING
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import Scenario, play, scenarios

RETURNED = ("rc", "rc_on_read_only", "drop_rc", "mprotect_rc", "io_res")  # fields that hold what a call returned
MANY = 4  # policies that show the same: beyond that not every two of them are told apart


class Nearest(NamedTuple):
    """The policies that agree with a recording in most values, how many those are, and of how many."""

    policies: list[str]
    agree: int
    values: int

    @property
    def whole(self) -> bool:
        """Whether they agree in all that could be observed."""
        return self.agree == self.values > 0


class Telling(NamedTuple):
    """A scenario in which two policies would show something else, and why it did not run."""

    policies: tuple[str, str]
    scenario: str
    field: str
    skipped: str


def closest(recording: Recording, atlas: Atlas | None = None) -> Nearest:
    ranks = nearest(recording, atlas)
    _, best, values = ranks[0]
    return Nearest([name for name, agree, _ in ranks if values and agree == best], best, values)


def first_differences(recording: Recording, policy: Policy, atlas: Atlas | None = None) -> dict[str, Cell]:
    """Of each scenario in which that policy shows something else: the first value that differs, by line."""
    found: dict[str, Cell] = {}
    for cell in compare(recording, policy, atlas):
        if not cell.reason and not cell.agrees:
            found.setdefault(cell.scenario, cell)
    return found


def recorded(recording: Recording, other: Recording, scenario: str) -> Cell | None:
    """The first value of that scenario in which another kernel differs; None if none does, or none is in both."""
    return next(differences(recording, other, scenario), None)


def differences(recording: Recording, other: Recording, scenario: str) -> Iterator[Cell]:
    """The values of that scenario that both have seen and that differ."""
    there = other.results.get(scenario, {})
    for field, value in recording.results.get(scenario, {}).items():
        if field in there and not alike(field, value, there[field]):
            yield Cell(recording.kernel, scenario, field, value, there[field])


def same_words(field: str, value: str) -> str:
    """A value that can be compared: which errno, and how many bytes, is the caller's affair."""
    number, _, event = field.partition(" ")
    call = field in RETURNED or (number.isdigit() and not event.endswith("read") and ": read " not in event)
    return returned(value) if call else value


def runs(recording: Recording, scenario: str) -> bool:
    """Whether it ran there."""
    return scenario in recording.results and "na" not in recording.results[scenario]


def others(scenario: Scenario, seen: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each policy shows of the values that were seen, and what each recorded kernel showed that ran the scenario."""
    found = {}
    for name, policy in POLICIES.items():
        trace = play(scenario, policy)
        found[name] = {field: observe(scenario, field, trace) for field in seen}
    for kernel, other in recordings().items():
        if runs(other, scenario.name):
            results = other.results[scenario.name]
            found[kernel] = {field: results[field] for field in seen if field in results}
    return found


def first_other(seen: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """The first value in which they differ; None if none does that both have."""
    return next((field for field in seen if field in other and not alike(field, seen[field], other[field])), None)


def alike(field: str, here: str, there: str) -> bool:
    """What is hidden on one side is not compared."""
    return NOTHING in here + there or same_words(field, here) == same_words(field, there)


def like_recorded(recording: Recording, scenario: str) -> list[str]:
    """The recorded kernels that showed the same in that scenario."""
    return [
        kernel
        for kernel, other in recordings().items()
        if runs(other, scenario) and not recorded(recording, other, scenario)
    ]


def told_apart(near: Nearest, skipped: dict[str, str]) -> Iterator[Telling]:
    """For each two of the nearest: the first scenario of the atlas that did not run and would tell them apart."""
    for one, other in combinations(near.policies[:MANY], 2):
        for name, why in skipped.items():
            field = name in scenarios() and parting(scenarios()[name], one, other)
            if field:
                yield Telling((one, other), name, field, why)
                break


def parting(scenario: Scenario, one: str, other: str) -> str:
    """The first field of that scenario in which two policies differ; "" if there is none."""
    first, second = (play(scenario, POLICIES[name]) for name in (one, other))
    fields = fields_of(scenario)
    return next((f for f in fields if observe(scenario, f, first) != observe(scenario, f, second)), "")
