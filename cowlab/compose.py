"""Several pages, composed from one.

Pages meet only in fork, exit and clear_refs, which act on all of them, in mm_has_pinned, which a pin on any of them
sets, and in the bounds on references and holds, which they share. (And in KSM, which is in no event set.) So one page is
explored with the usual step, its states are numbered, those that no asked law can tell apart are merged, and several
pages are a tuple of such numbers.

Processes are named by their place, in all pages alike; pages of one kind are interchangeable.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

from cowlab.events import Event
from cowlab.explore import Exploration, ReplayError, explore
from cowlab.gup import mm_set_has_pinned
from cowlab.keys import Key, zero_page_is_nothing
from cowlab.model import Bounds, Memory, Situation
from cowlab.policy import Policy
from cowlab.world import World

JOINT = ("fork", "exit", "clear_refs")  # what happens to all pages of a process at once
PINNED = "pinned elsewhere"  # what another page does to this one: mm_set_has_pinned()


def composable(policy: Policy, bounds: Bounds) -> bool:
    """Whether pages meet nowhere else: not in shared memory, whose objects are numbered for all pages, and not on the
    zero page, which a decision of somebody's own may count.
    """
    return "shared" not in " ".join((bounds.kind, *bounds.events)) and zero_page_is_nothing(policy)


class Label(NamedTuple):
    """What other pages can tell of a page."""

    processes: int
    pinned: tuple[bool, ...]
    references: int
    holds: int
    hopes: tuple[bool, ...]  # which of the model's `sometimes` came true


class Move(NamedTuple):
    """A step of one page. act: what the other pages must do too, as (verb, place of the process), or () for nothing."""

    act: tuple[Any, ...]
    broken: frozenset[str]
    to: int


class Column(Memory):
    """The model of one page that has others beside it. It records its moves, and never stops at a broken law."""

    def __init__(self, policy: Policy, bounds: Bounds, laws: tuple[str, ...]) -> None:
        super().__init__(policy, bounds._replace(pages=1), laws, interchangeable=("references",))
        self.page = Exploration(0, 0, 0, "not explored", {}, {})
        self.moves: dict[tuple[Key, tuple[Any, ...], frozenset[str], Key], None] = {}
        self.labels = {self.start.key: self.label(self.start)}

    def explored(self, **limits: Any) -> Column:
        """This page, explored with whatever other pages can do to it."""
        self.page = explore(self, **limits)
        return self

    @property
    def breaks(self) -> bool:
        """Whether any move breaks a law. If none does, none does in several pages: each only moves as it could here."""
        return any(broken for _, _, broken, _ in self.moves)

    def label(self, state: Situation) -> Label:
        world = state.world
        pinned = tuple([p.has_pinned and "mm_has_pinned" in self.keys.reads for p in world.processes])
        hopes = tuple([holds(state) for holds in self.sometimes.values()])
        return Label(len(world.processes), pinned, len(world.references), len(world.holds), hopes)

    def events(self, state: Situation) -> tuple[Event, ...]:
        pinned = [Event(process.name, PINNED) for process in state.world.processes if not process.has_pinned]
        return (*super().events(state), *(pinned if "mm_has_pinned" in self.keys.reads else ()))

    def step(self, state: Situation, event: Event) -> Situation | None:
        if event.verb == PINNED:
            world = mm_set_has_pinned(state.world, event.actor)
            after: Situation | None = Situation(world, state.ideal, self.keys(world, state.ideal))
        else:
            after = super().step(state, event)
        if after is not None:
            place = [process.name for process in state.world.processes].index
            act = (event.verb, place(event.actor)) if event.verb in (*JOINT, PINNED) else ()
            broken = super().broken(state, event, after) if after.step is not None else []
            if act or broken or after.key != state.key:
                self.moves[state.key, act, frozenset(broken), after.key] = None
            self.labels.setdefault(after.key, self.label(after))
        return after

    def broken(self, before: Situation, event: Event, after: Situation) -> list[str]:
        return []


class Composed:
    """The model of several pages, for `explore`. A state is the classes of its pages, sorted.

    column: one of them, explored. merge: whether states are merged that no asked law can tell apart.
    """

    def __init__(self, column: Column, bounds: Bounds, *, merge: bool = True) -> None:
        self.bounds, self.laws, self.column = bounds, column.laws, column
        self.direct = Memory(column.policy, bounds, column.laws, interchangeable=("references",))
        number = {key: n for n, key in enumerate(column.labels)}
        edges: list[list[Move]] = [[] for _ in number]
        for before, act, broken, after in column.moves:
            edges[number[before]].append(Move(act, broken, number[after]))
        labels = [*column.labels.values()]
        classes = merged(labels, edges) if merge else list(range(len(number)))
        self.class_of = {key: classes[n] for key, n in number.items()}
        self.labels: dict[int, Label] = {}
        self.local: dict[int, list[Move]] = {}
        self.joint: dict[int, dict[tuple[Any, ...], Move]] = {}
        for one, label, moves in zip(classes, labels, edges, strict=True):
            if one not in self.labels:
                known = dict.fromkeys(move._replace(to=classes[move.to]) for move in moves)
                self.labels[one] = label
                self.local[one] = [move for move in known if not move.act and (move.broken or move.to != one)]
                self.joint[one] = {move.act: move for move in known if move.act}
        self.start = (classes[0],) * bounds.pages
        self.reduction = (
            f"pages composed of one, without KSM: its {len(number):,} states in {len(self.labels):,} classes"
        )
        self.sometimes: dict[str, Callable[[tuple[int, ...]], bool]] = {
            what: lambda state, k=k: any(self.labels[page].hopes[k] for page in state)  # type: ignore[misc]
            for k, what in enumerate(column.sometimes)
        }

    def events(self, state: tuple[int, ...]) -> Iterator[tuple[int, Move]]:
        """(page, its move): a move of one page alone; or (-1, the move of the first) where all pages move."""
        for act, move in self.joint[state[0]].items():
            if act[0] != PINNED:
                yield -1, move
        for k, page in enumerate(state):
            if k == 0 or page != state[k - 1]:
                for move in self.local[page]:
                    yield k, move

    def step(self, state: tuple[int, ...], event: tuple[int, Move]) -> tuple[int, ...] | None:
        return self.after(state, event)[0]

    def after(self, state: tuple[int, ...], event: tuple[int, Move]) -> tuple[tuple[int, ...] | None, frozenset[str]]:
        """The next state, and the laws that are broken on the way. None: the bounds leave no room."""
        k, move = event
        if k < 0:
            moves = [self.joint[page][move.act] for page in state]
            return tuple(sorted(m.to for m in moves)), frozenset().union(*(m.broken for m in moves))
        pages = [*state[:k], *state[k + 1 :]]
        was, now = self.labels[state[k]], self.labels[move.to]
        for kind, most in (("references", self.bounds.references), ("holds", self.bounds.holds)):
            used = getattr(now, kind) + sum(getattr(self.labels[page], kind) for page in pages)
            if getattr(now, kind) > getattr(was, kind) and used > most:
                return None, frozenset()
        for place, (before, after) in enumerate(zip(was.pinned, now.pinned, strict=True)):
            if after and not before:
                pages = [self.joint[page][PINNED, place].to for page in pages]
        return tuple(sorted([*pages, move.to])), move.broken

    def canonical(self, state: tuple[int, ...]) -> Hashable:
        return state

    def broken(self, before: tuple[int, ...], event: tuple[int, Move], after: tuple[int, ...]) -> frozenset[str]:
        return self.after(before, event)[1]

    # --- back to events ------------------------------------------------------------------------------------------------

    def script(self, law: str, path: tuple[tuple[int, Move], ...]) -> tuple[Event, ...]:
        """A path as real events, found by stepping all pages directly along it. Raises ReplayError if there are none."""
        state, at, events = self.start, self.direct.start, list[Event]()
        for moved in path:
            after, broken = self.after(state, moved)
            assert after is not None
            for event in self.direct.events(at):
                then = self.direct.step(at, event)
                if then is None or self.pages(then) != after:
                    continue
                if broken.issubset(self.direct.broken(at, event, then)):
                    break
            else:
                raise ReplayError(f"no event does what the composition says after {events}")
            state, at = after, then
            events.append(event)
        if law not in broken:
            raise ReplayError(f"{law} is not broken by {events}")
        return (*self.direct.prefix, *events)

    def pages(self, state: Situation) -> tuple[int | None, ...]:
        """The classes of the pages of a real state."""
        keys = [self.column.keys(*alone(state, page)) for page in range(self.bounds.pages)]
        return tuple(sorted(self.class_of.get(key, -1) for key in keys))


def alone(state: Situation, page: int) -> tuple[World, Any]:
    """One page of a World and of its ideal, as if there were no other: it is page 0."""
    world, ideal = state.world, state.ideal
    here = World(
        tuple(p._replace(ptes=tuple((0, pte) for at, pte in p.ptes if at == page)) for p in world.processes),
        world.frames,
        tuple(r._replace(page=0) for r in world.references if r.page == page),
        tuple(hold._replace(page=0) for hold in world.holds if hold.page == page),
        world.slots,
        tuple(c._replace(number=0) for c in world.cache if c.kind == "file" and c.number == page),
    )
    maps = tuple((owner, 0, cell) for owner, at, cell in ideal.maps if at == page)
    contracts = tuple(c._replace(page=0) for c in ideal.contracts if c.page == page)
    return here, ideal._replace(maps=maps, contracts=contracts)


def merged(labels: list[Label], edges: list[list[Move]]) -> list[int]:
    """The class of each state: the coarsest partition in which equals look alike to other pages and move alike.

    A move that breaks nothing and stays in its class is none.
    """
    kinds: dict[Any, int] = {}
    classes = [kinds.setdefault(label, len(kinds)) for label in labels]
    while True:
        found: dict[Any, int] = {}
        finer = []
        for n, moves in enumerate(edges):
            to = frozenset(
                (m.act, m.broken, classes[m.to]) for m in moves if m.act or m.broken or classes[m.to] != classes[n]
            )
            finer.append(found.setdefault((classes[n], to), len(found)))
        if len(found) == len(set(classes)):
            return classes
        classes = finer
