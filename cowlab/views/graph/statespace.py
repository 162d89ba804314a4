"""The state space of a small exploration: every state once, and the events that lead from one to another.

The search is explore.explore, which knows nothing of this: it is given a model that takes notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cowlab.check import lettered
from cowlab.events import Event, Script, format
from cowlab.explore import explore
from cowlab.ideal import Ideal
from cowlab.keys import Key
from cowlab.laws import LAWS
from cowlab.model import STORES, Bounds, Memory, Situation
from cowlab.policy import Policy, tabulated
from cowlab.scenario import Moment, Scenario, Trace, play, policy_named, read_scenario
from cowlab.views.lawmarks import COSTS
from cowlab.world import World


class Arrow(NamedTuple):
    """An event that leads from one state to another, by their numbers, and the laws that this breaks."""

    source: int
    target: int
    event: Event
    laws: tuple[str, ...]

    @property
    def words(self) -> str:
        """`P: write`, without the letter: a state does not know it. Then what it breaks."""
        words = format(self.event).split(" ")
        if self.event.verb in STORES:
            del words[len(words) - 1 - words[::-1].index(self.event.args[-1])]
        words += [f"✗ {law}" for law in self.laws if law not in COSTS]
        return " ".join([*words, *(["(needless copy)"] if "economy" in self.laws else [])])

    @property
    def broken(self) -> bool:
        return any(law not in COSTS for law in self.laws)


class Notes:
    """A model that writes down what a search sees of another one. To the search it is the other one."""

    def __init__(self, model: Memory) -> None:
        self.model, self.start, self.sometimes = model, model.start, model.sometimes
        self.laws = (*model.laws, "")  # one more, which nothing breaks: the search goes on when all others are broken
        self.numbers: dict[Key, int] = {model.start.key: 0}
        self.arrows: dict[tuple[int, Event], Arrow] = {}
        self.first: dict[int, Arrow] = {}  # how each state was come to first: the shortest way
        self.followed: set[int] = set()

    def events(self, state: Situation) -> tuple[Event, ...]:
        self.followed.add(self.numbers[state.key])
        return self.model.events(state)

    def step(self, state: Situation, event: Event) -> Situation | None:
        return self.model.step(state, event)

    def canonical(self, state: Situation) -> Key:
        return self.model.canonical(state)

    def broken(self, before: Situation, event: Event, after: Situation) -> list[str]:
        laws = self.model.broken(before, event, after)
        source, target = self.numbers[before.key], self.numbers.setdefault(after.key, len(self.numbers))
        arrow = Arrow(source, target, event, tuple(dict.fromkeys(laws)))
        self.arrows.setdefault((source, event), arrow)
        if target:
            self.first.setdefault(target, arrow)
        return laws


class Space(NamedTuple):
    """The states of an exploration, numbered from the start (0), nearest first.

    arrows: between these states; `outside` lead to others, which are left out. first: for each state but the start how
    it was come to first. followed: the states whose events were tried. complete: whether these are all.
    """

    policy: Policy
    bounds: Bounds
    laws: tuple[str, ...]
    states: int
    arrows: tuple[Arrow, ...]
    outside: tuple[Arrow, ...]
    first: dict[int, Arrow]
    followed: frozenset[int]
    complete: bool
    prefix: tuple[Event, ...]

    def path(self, state: int) -> tuple[Event, ...]:
        """The events that lead to a state, without those that make its pages."""
        events: list[Event] = []
        while state:
            arrow = self.first[state]
            events.append(arrow.event)
            state = arrow.source
        return tuple(events[::-1])

    def script(self, *events: Event) -> str:
        """A path as a script, with what makes the pages, and a letter for each store."""
        return format(lettered((*self.prefix, *events)))

    def played(self, events: tuple[Event, ...], name: str) -> Trace:
        """A path, played. At the start there may be nothing to play."""
        text = self.script(*events)
        if not text:
            nothing = Scenario(name, name, "", {}, Script(), "")
            return Trace(nothing, self.policy, (Moment(0, None, "", World(), Ideal()),), ())
        return play(read_scenario(text, name), self.policy)

    @property
    def breaking(self) -> dict[str, Arrow]:
        """The first arrow that breaks each law: no other takes fewer events."""
        found = {law: arrow for arrow in reversed(self.arrows) for law in arrow.laws if law not in COSTS}
        return {law: found[law] for law in self.laws if law in found}


def state_space(policy: Policy | str, bounds: Bounds, laws: Iterable[str] = LAWS, at_most: int = 200) -> Space:
    """Explore, and keep at most so many states, nearest first, and every event between two of them.

    Raises ValueError for an unknown policy or event, policy.BadAnswer if a decision fails.
    """
    row, asked = policy_named(policy) if isinstance(policy, str) else policy, tuple(laws)
    notes = Notes(Memory(tabulated(row), bounds, asked))
    found = explore(notes, max_states=at_most + 1)
    states = min(at_most, len(notes.numbers))
    kept = [arrow for arrow in notes.arrows.values() if arrow.source < states]
    return Space(
        row,
        bounds,
        asked,
        states,
        tuple(arrow for arrow in kept if arrow.target < states),
        tuple(arrow for arrow in kept if arrow.target >= states),
        {target: arrow for target, arrow in notes.first.items() if target < states},
        frozenset(state for state in notes.followed if state < states),
        found.complete,
        notes.model.prefix,
    )
