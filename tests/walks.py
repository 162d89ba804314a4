"""Random scripts for Hypothesis: walks over the events that can happen."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from cowlab import Event, Policy, World, enabled, transition
from cowlab.events import RULES
from cowlab.fault import Step

VERBS = tuple(sorted({verb for _, verb in RULES if verb != "counter"}))
OFTEN = ("write", "fork", "read", "vmsplice", "register", "get", "pin")  # where the trouble is
CHOICES = VERBS + OFTEN * 2
PROCESSES = 3

# A walk is a list of pairs: which verb, and which of the events that it can be here. Hypothesis by itself likes lists
# of five; trouble needs more.
choices = st.tuples(st.sampled_from(CHOICES), st.integers(0, 60))
walks = st.integers(0, 30).flatmap(lambda length: st.lists(choices, min_size=length, max_size=length))


def candidates(world: World, verb: str) -> list[Event]:
    """The events of that verb that can happen here, on pages @0 and @1, with at most three processes."""
    crowded = verb == "fork" and len(world.processes) >= PROCESSES
    return [] if crowded else list(enabled(world, (verb,), values="AB", pages=(0, 1)))


def chosen(world: World, verb: str, number: int) -> Event | None:
    possible = candidates(world, verb)
    return possible[number % len(possible)] if possible else None


def along(
    walk: list[tuple[str, int]], policy: Policy, start: World | None = None
) -> Iterator[tuple[World, Event, Step]]:
    """Each World on the way, the event that happened there, and what it did."""
    world = start or World()
    for verb, number in walk:
        event = chosen(world, verb, number)
        if event is not None:
            step = transition(world, event, policy)
            assert step is not None, f"{event} was said to be possible"
            yield world, event, step
            world = step.world


def events(walk: list[tuple[str, int]], policy: Policy) -> list[Event]:
    return [event for _, event, _ in along(walk, policy)]
