"""Memory as a model for explore.py: a World beside its ideal, the events within bounds, and the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from cowlab.events import TAKERS, Event, candidates, format
from cowlab.explore import A_LAW, Progress, explore
from cowlab.fault import REFUSED, SKIPPED, Step
from cowlab.ideal import Ideal, follow
from cowlab.kernel import transition
from cowlab.keys import Key, Keys
from cowlab.laws import LAWS, accounting, findings, needless, protection
from cowlab.policy import Policy, Tabulated, tabulated
from cowlab.world import World

DEFAULT_EVENTS = (
    *("write", "read", "fork", "exit", "munmap", "madvise dontneed", "mprotect r", "mprotect rw", "clear_refs"),
    *("swap_out", "hold", "drop", "vmsplice", "direct_read", "register", "pin longterm", "g: write", "put"),
)
NAMED = (*TAKERS, "fork", "swap_out", "migrate", "hold", "drop")  # their first word is a name
STORES = ("write", "poke", "vm_write")  # and these have a letter
FIRST_STATES = 1_500
POINTLESS = (*TAKERS, "hold")  # where they fail they leave a name behind that holds nothing, and only takes up room
REDUCTION = "frames, slots and cells by first use; processes and references interchangeable; stores by who may see them"


def event_specs() -> tuple[str, ...]:
    """Everything that may stand in an event set. KSM does not: it compares contents, which are in no key."""
    found = {"g: write": None}
    for event in candidates(("P", "C"), ("g",), (0,), None, "A"):
        if event.actor == "P" or (event.actor == "kernel" and event.verb != "ksm") or event.verb == "put":
            found[" ".join(spec_of(event))] = None
    return tuple(found)


def spec_of(event: Event) -> tuple[str, ...]:
    """An event without its names, letters and pages: its verb, and the words that choose a kind of it."""
    return (event.verb, *(() if event.verb in STORES else event.args[event.verb in NAMED :]))


class Bounds(NamedTuple):
    """How large a world is explored, and with which events.

    kind: what the pages are: anon, thp, hugetlb, file, shared. events: verbs, with the words that choose a kind of
    it (`mprotect r`, `pin longterm`, `hold lru`); `g: write` is a device's store.
    """

    processes: int = 2
    pages: int = 1
    references: int = 1
    holds: int = 1
    kind: str = "anon"
    events: tuple[str, ...] = DEFAULT_EVENTS


class Situation(NamedTuple):
    """A World and the ideal beside it; `step` led here, `key` stands for it."""

    world: World
    ideal: Ideal
    key: Key
    step: Step | None = None


class Memory:
    """The model of one policy within bounds, with the laws that are asked.

    Raises ValueError for what may not stand in an event set: it would never be tried, and all would seem to hold.
    """

    def __init__(self, policy: Policy, bounds: Bounds, laws: tuple[str, ...] = LAWS, *, symmetry: bool = True) -> None:
        if strange := sorted({*bounds.events} - {*event_specs()}):
            raise ValueError(f"not an event set: {', '.join(strange)}")
        self.policy, self.bounds, self.laws = policy, bounds, laws
        self.specs = [tuple(spec.removeprefix("g: ").split()) for spec in bounds.events if spec != "g: write"]
        self.device = "g: write" in bounds.events
        self.keys = Keys(policy, laws, anonymous=("pin",) in self.specs, symmetry=symmetry)
        self.menus: dict[tuple[tuple[str, ...], tuple[str, ...], bool], tuple[Event, ...]] = {}
        verbs = {spec[0] for spec in self.specs}
        self.sometimes: dict[str, Callable[[Situation], bool]] = {}
        if "fork" in verbs and bounds.processes > 1 and "write" in verbs:
            self.sometimes["two processes live"] = lambda state: len(state.world.processes) > 1
        if bounds.references and verbs.intersection(TAKERS):
            self.sometimes["a reference holds a frame"] = lambda state: any(r.frame for r in state.world.references)

    @property
    def prefix(self) -> tuple[Event, ...]:
        """What makes the pages that are explored: the first lines of every witness."""
        first = () if self.bounds.kind == "anon" else (Event("P", "mmap", (self.bounds.kind,), (0,)),)
        return (*first, *(Event("P", "mmap", (self.bounds.kind,), (page,)) for page in range(1, self.bounds.pages)))

    @cached_property
    def start(self) -> Situation:
        """The World after the prefix, which is no event of the search."""
        world, ideal = World(fresh=False), Ideal()
        for event in self.prefix:
            step = transition(world._replace(fresh=event.page == 0), event, self.policy)
            assert step is not None
            world, ideal = step.world, follow(ideal, world, event, step)
        return Situation(world, ideal, self.keys(world, ideal))

    def events(self, state: Situation) -> tuple[Event, ...]:
        world = state.world
        processes = tuple([process.name for process in world.processes])
        references = tuple([reference.name for reference in world.references])
        menu = (processes, references, len(world.holds) < self.bounds.holds)
        if menu not in self.menus:
            self.menus[menu] = tuple(self.menu(*menu))
        return self.menus[menu]

    def menu(self, processes: tuple[str, ...], references: tuple[str, ...], hold: bool) -> Iterator[Event]:
        """The events to try with these names: those of the event set, as long as the bounds leave room."""
        for event in candidates(processes, references, tuple(range(self.bounds.pages)), None, "A"):
            if event.actor in references:  # looking through a reference changes nothing
                wanted = self.device if event.verb == "write" else event.verb == "put" and ("put",) in self.specs
            else:
                wanted = spec_of(event) in self.specs and event.actor != "file"
            room = {"fork": len(processes) < self.bounds.processes, "hold": hold}.get(event.verb, True)
            if wanted and room and (event.verb not in TAKERS or len(references) < self.bounds.references):
                yield event

    def step(self, state: Situation, event: Event) -> Situation | None:
        step = transition(state.world, event, self.policy)
        if step is None or (event.verb in POINTLESS and step.outcome in (REFUSED, SKIPPED)):
            return None
        ideal = follow(state.ideal, state.world, event, step) if self.keys.cells else state.ideal
        if step.world is state.world and ideal is state.ideal:
            return Situation(state.world, ideal, state.key, step)
        return Situation(step.world, ideal, self.keys(step.world, ideal), step)

    def canonical(self, state: Situation) -> Key:
        return state.key

    def broken(self, before: Situation, event: Event, after: Situation) -> list[str]:
        """The laws, of those asked, which anything breaks after this step, or which the step itself breaks."""
        step = after.step
        assert step is not None
        if after.world is before.world and step.outcome != REFUSED:
            return []
        if self.keys.cells and event.verb in STORES:  # only a store makes a stranger, or somebody stale
            found = findings(before.world, event, step, after.ideal, self.policy)
        else:
            found = [*protection(before.world, event, step)]
            found += accounting(before.world, after.world, after.ideal, self.policy)
        broken = [finding.law for finding in found if finding.broken and finding.law in self.laws]
        if step.copies and "economy" in self.laws:
            broken += ["economy"] * any(needless(before.world, before.ideal, copy) for copy in step.copies)
        return broken


class Report(NamedTuple):
    """What a bounded exploration says of a policy. states, transitions, depth: of the last search (see `check`).

    witnesses: for each law that was asked the shortest script that breaks it, or None. stopped: the bound that was
    reached before all states were seen, or "".
    """

    policy: Tabulated
    bounds: Bounds
    states: int
    transitions: int
    depth: int
    stopped: str
    witnesses: dict[str, tuple[Event, ...] | None]
    sometimes: dict[str, bool]

    @property
    def complete(self) -> bool:
        """Whether every verdict is certain: a law is broken, or no reachable state within the bounds breaks it."""
        return not self.stopped

    def holds(self, law: str) -> bool | None:
        """True or False; None where no counterexample was found, but not all states were seen."""
        return False if self.witnesses[law] is not None else True if self.complete else None

    def script(self, law: str) -> str | None:
        """The witness as a script for `cowlab run`, with a letter for each store."""
        events = self.witnesses[law]
        if events is None:
            return None
        return format(lettered(events))


def lettered(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events of a path, with a letter for each store."""
    letters = iter("ABCDEGHIJKLMNOQRSTUVWXYZabcdefghijklmnopqrstuvwxyz123456789" * len(events))
    return tuple([e._replace(args=(*e.args[:-1], next(letters))) if e.verb in STORES else e for e in events])


def check(
    policy: Policy,
    bounds: Bounds,
    laws: tuple[str, ...] = LAWS,
    *,
    max_states: int = 1_000_000,
    max_depth: int | None = None,
    exhausted: Callable[[], str] = str,
    progress: Progress | None = None,
) -> Report:
    """Explore, and say for each law whether it holds.

    A law once broken is not asked again, and what only it could tell apart is left out of the key: then the search
    begins anew with the laws that are left. The first search is a short one, for what breaks early.
    """
    row, left = tabulated(policy), laws
    witnesses: dict[str, tuple[Event, ...] | None] = dict.fromkeys(laws)
    limits: Any = {"max_depth": max_depth, "exhausted": exhausted, "progress": progress}
    short = max_states > FIRST_STATES
    while True:
        model = Memory(row, bounds, left)
        room = FIRST_STATES if short else max_states
        found = explore(model, max_states=room, first=not short, **limits)
        witnesses.update({law: (*model.prefix, *path) for law, path in found.witnesses.items() if path is not None})
        left = tuple(law for law in left if witnesses[law] is None)
        again = found.stopped == A_LAW or (short and found.states >= room)
        if not (left and again):
            break
        short = False
    stopped = found.stopped if left else ""
    return Report(row, bounds, found.states, found.transitions, found.depth, stopped, witnesses, found.sometimes)
