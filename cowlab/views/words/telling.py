"""One step as it is told: both Worlds, the outcome, and the small questions that every sentence asks of them."""

from __future__ import annotations

from typing import NamedTuple

from cowlab.events import Event
from cowlab.policy import Policy
from cowlab.scenario import Moment
from cowlab.views.scene import HOLDERS
from cowlab.views.words.why import facts, told
from cowlab.world import Pte, Reference, World, page_count

LONGEST = 80
NO_FRAME = "no frame"


class Said(NamedTuple):
    sentence: str
    note: str


def within(*choices: str) -> str:
    """The first that is short enough; the last, cut, if none is: names may be long."""
    words = next((words for words in choices if len(words) <= LONGEST), choices[-1])
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"


class Telling(NamedTuple):
    """One step, from both sides."""

    before: World
    moment: Moment
    policy: Policy

    @property
    def event(self) -> Event:
        assert self.moment.event is not None
        return self.moment.event

    @property
    def after(self) -> World:
        return self.moment.world

    @property
    def outcome(self) -> str:
        return self.moment.outcome

    @property
    def who(self) -> str:
        return self.event.actor

    @property
    def at(self) -> str:
        return f"@{self.event.page}"

    def old(self, name: str = "") -> Pte | None:
        return self.before.pte(name or self.who, self.event.page)

    def new(self, name: str = "") -> Pte | None:
        return self.after.pte(name or self.who, self.event.page)

    def frame(self, name: str = "") -> str:
        """Where the page is now, `#1`."""
        return numbered(self.new(name))

    def was(self, name: str = "") -> str:
        """Where it was before."""
        return numbered(self.old(name))

    def why(self, cell: str, asker: str, name: str = "", most: int = 2, frame: str = "") -> str:
        """The facts that decided, joined with `and`; empty if none is to be had. frame: what the frame is called."""
        page = told(drained(self), name or self.who, self.event.page, asker)
        if page is None:
            return ""
        called = frame or (self.was(name) if self.was(name) != NO_FRAME else "it")
        return " and ".join(list(facts(self.policy, cell, page, called, name or self.who))[:most])


def numbered(pte: Pte | None) -> str:
    return f"#{pte.frame}" if pte is not None and pte.frame is not None else NO_FRAME


def drained(step: Telling) -> World:
    """The World before, without the LRU references which the kernel dropped before it looked at the count."""
    lost = {(h.process, h.page) for h in step.after.holds if h.lru and h.frame is None}
    held = (h._replace(frame=None) if h.lru and (h.process, h.page) in lost else h for h in step.before.holds)
    return step.before._replace(holds=tuple(held))


def was_drained(step: Telling) -> bool:
    return drained(step) != step.before


def holds(world: World, number: int | None, one: str, many: str) -> str:
    """Who else has that frame, with a verb: `the pipe keeps`, `2 references keep`; empty if nobody."""
    held = [reference for reference in world.references if number is not None and reference.frame == number]
    if len(held) == 1:
        return f"{holder_of(held[0])} {one}"
    return f"{len(held)} references {many}" if held else ""


def holder_of(reference: Reference) -> str:
    return "the " + HOLDERS[reference.verb].removesuffix(", in flight")


def counts(world: World, number: int) -> str:
    return f"page_count is {page_count(world, number)}"


def ought(moment: Moment, verb: str) -> str:
    """What a reading ought to have been, if something else: as a law, or as what nobody promised."""
    reading = moment.reading
    if reading is None or reading.value == reading.ideal:
        return ""
    if moment.owed(reading.who) or reading.who.startswith("file"):
        return f", and ought to {verb} {reading.ideal}"
    return f", not {reading.ideal}, which nobody promised"
