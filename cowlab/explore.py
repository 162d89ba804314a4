"""Breadth-first search over any model. It knows nothing of memory: tests/test_explore.py begins with two water jugs.

A model has a start, the events to try in a state, a step, laws over steps, and a canonical form:

    start                          a state
    events(state)                  the events to try, in an order that is always the same
    step(state, event)             the next state, or None if the event cannot happen
    canonical(state)               what stands for the state and for all that differ from it in names only: hashable
    laws                           the names of the laws
    broken(before, event, after)   the laws which this step breaks, by name
    sometimes                      name -> predicate of a state that must come true somewhere, or the model is vacuous

Laws are judged on every edge, before the duplicate test: two edges into one state may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

State = TypeVar("State")


class Model(Protocol[State]):
    @property
    def start(self) -> State: ...
    @property
    def laws(self) -> tuple[str, ...]: ...
    @property
    def sometimes(self) -> Mapping[str, Callable[[State], bool]]: ...
    def events(self, state: State) -> Iterable[Any]: ...
    def step(self, state: State, event: Any) -> State | None: ...
    def canonical(self, state: State) -> Hashable: ...
    def broken(self, before: State, event: Any, after: State) -> Iterable[str]: ...


class Exploration(NamedTuple):
    """What a search found, and how far it went. stopped: the bound that ended it, or "" if it was complete.

    witnesses: for each law the shortest sequence of events that breaks it, or None. depth: events to the farthest
    state. transitions: edges followed, those into known states included.
    """

    states: int
    transitions: int
    depth: int
    stopped: str
    witnesses: dict[str, tuple[Any, ...] | None]
    sometimes: dict[str, bool]

    @property
    def complete(self) -> bool:
        return not self.stopped


class ReplayError(RuntimeError):
    """A path could not be replayed: the step is not a function of its state, or depends on hidden things."""


A_LAW, EVERY_LAW, INTERRUPT = "a law is broken", "every law is broken", "an interrupt"


class StopSearch(Exception):
    """Nothing is left to look for."""


Progress = Callable[[int, int, int], object]  # states, transitions, depth


def explore(
    model: Model[State],
    *,
    max_states: int = 1_000_000,
    max_depth: int | None = None,
    first: bool = False,
    exhausted: Callable[[], str] = str,
    progress: Progress | None = None,
) -> Exploration:
    """Every state that can be reached, nearest first.

    max_states, max_depth: bounds. first: end when the first law is broken, not only when all are. exhausted() is asked now and then and names another bound that is reached, if any.
    An interrupt (KeyboardInterrupt) returns what is known so far. Raises ReplayError if a witness does not replay.
    """
    links: list[tuple[int, Any]] = [(-1, None)]  # how each state was found: from which one, by which event
    found = {model.canonical(model.start)}
    edges: dict[str, tuple[int, Any]] = {}
    hoped = {name: holds(model.start) for name, holds in model.sometimes.items()}
    frontier, depth, transitions, stopped = [(0, model.start)], 0, 0, ""
    try:
        while frontier and not stopped:
            if max_depth is not None and depth >= max_depth:
                stopped = f"depth {max_depth}"
                break
            following: list[tuple[int, State]] = []
            for index, before in frontier:
                for event in model.events(before):
                    after = model.step(before, event)
                    if after is None:
                        continue
                    transitions += 1
                    for law in model.broken(before, event, after):
                        edges.setdefault(law, (index, event))
                    if edges and (first or len(edges) == len(model.laws)):
                        raise StopSearch
                    if (state := model.canonical(after)) not in found:
                        found.add(state)
                        following.append((len(links), after))
                        links.append((index, event))
                        for name, holds in model.sometimes.items():
                            hoped[name] = hoped[name] or holds(after)
                if index % 256 == 0:
                    stopped = exhausted()
                    if progress is not None:
                        progress(len(links), transitions, depth)
                if len(links) >= max_states:
                    stopped = f"{max_states:,} states"
                if stopped:
                    break
            depth += bool(following)
            frontier = following
    except StopSearch:
        stopped = EVERY_LAW if len(edges) == len(model.laws) else A_LAW
    except KeyboardInterrupt:
        stopped = INTERRUPT
    witnesses = {law: witness(model, links, law, *edges[law]) if law in edges else None for law in model.laws}
    return Exploration(len(links), transitions, len(path(links, -1)), stopped, witnesses, hoped)


def witness(model: Model[State], links: list[tuple[int, Any]], law: str, index: int, event: Any) -> tuple[Any, ...]:
    """The events from the start to the edge that breaks the law, checked by replay."""
    events = [*path(links, index), event]
    if law not in replay(model, events):
        raise ReplayError(f"{law} is not broken when its witness is replayed: {events}")
    return tuple(events)


def path(links: list[tuple[int, Any]], index: int) -> list[Any]:
    """The events from the start to a state; index -1 is the farthest."""
    events = []
    index %= len(links)
    while index > 0:
        index, event = links[index]
        events.append(event)
    return events[::-1]


def replay(model: Model[State], events: Sequence[Any]) -> set[str]:
    """The laws which the last of these events breaks. Raises ReplayError if one cannot happen."""
    state, broken = model.start, set[str]()
    for event in events:
        after = model.step(state, event)
        if after is None:
            raise ReplayError(f"{event} cannot happen after {events[: events.index(event)]}")
        broken = set(model.broken(state, event, after))
        state = after
    return broken
