"""What an observer may ask of a script that was played or run, and the simulator's answers.

Moments are numbered: 0 is the start, 1 the first line that holds an event. None: it cannot be seen, or nothing is there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import pairwise

from cowlab.events import Event, format
from cowlab.fault import REFUSED, SIGSEGV, SKIPPED
from cowlab.scenario import Trace
from cowlab.world import ZERO_PAGE, Store, World, in_file, looks, mapcount
from cowlab.world import sees as sees_through

END = ""
NOTHING = "?"  # no frame is there that could be named, or it may not be seen
NO_LOOK = "err11"

# A page holds one value; the device wrote last. Where a recording lets the CPU write another byte than the device's
# and looks at the device's byte, this store covers the whole page here. Where it is what one sees, the device's byte
# still holds what its writer saw before it: the page without the device's data.
ANOTHER_BYTE = "P: write P"
IN_ANOTHER_BYTE = ("s09_*", "s11_uring_*", "s13_thp_uring_clearrefs", "s19_*")
# The recorded file is full of A; a file's page reads F here.
FILE_LETTER = "A"


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def another_byte(scenario: str, event: Event | None) -> bool:
    """Whether a recording let the CPU write another byte than the device's there."""
    return event is not None and format(event) == ANOTHER_BYTE and matches(scenario, IN_ANOTHER_BYTE)


class Watched(ABC):
    """A script of that name. events: of the moments; lines: their numbers."""

    scenario: str
    events: tuple[Event | None, ...]
    lines: tuple[int, ...]

    def position(self, line: str | int) -> int:
        """Which moment is the one after that line. Raises StopIteration if there is none."""
        if line == END:
            return len(self.events) - 1
        if isinstance(line, int):
            return self.lines.index(line)
        return next(n for n, event in enumerate(self.events) if event and format(event) == line)

    def forebear(self, who: str, first: int, last: int) -> str:
        """Who had the page at moment `first` that `who` has at moment `last`: a child got it from its parent."""
        for event in reversed(self.events[first + 1 : last + 1]):
            if event and event.verb == "fork" and event.args[0] == who:
                who = event.actor
        return who

    def over(self, n: int, reference: str) -> bool:
        """Whether that reference was given up by then."""
        return any(event and event.actor == reference and event.verb == "put" for event in self.events[: n + 1])

    @abstractmethod
    def letter(self, n: int, who: str, page: int = 0) -> str:
        """What a process, a reference or the `file` shows; NO_LOOK if looking fails."""

    @abstractmethod
    def kept(self, first: int, last: int, who: str, page: int = 0) -> bool | None:
        """Whether who has the same frame at both moments."""

    @abstractmethod
    def is_process(self, n: int, who: str) -> bool: ...

    @abstractmethod
    def private(self, n: int, who: str, page: int) -> bool:
        """Whether that page is anonymous memory of its own."""

    @abstractmethod
    def mapcount(self, n: int, who: str) -> int | None: ...

    @abstractmethod
    def mapped_once(self, n: int, who: str) -> bool | None: ...

    @abstractmethod
    def swapped(self, n: int, who: str) -> bool | None: ...

    @abstractmethod
    def zero_page(self, n: int, who: str) -> bool | None: ...

    @abstractmethod
    def pair(self, n: int) -> tuple[list[int | None], int | None]:
        """Of an event with two pages: both frames before it, and the one frame after it, if it is one."""

    @abstractmethod
    def returned(self, n: int) -> str:
        """succeeds or refused; a kernel's number."""

    @abstractmethod
    def refused(self, n: int) -> bool: ...

    @abstractmethod
    def killed(self, n: int) -> bool:
        """Whether the line met SIGSEGV."""

    @abstractmethod
    def soft_dirty(self, n: int, who: str) -> bool | None: ...

    @abstractmethod
    def together(self, reference: str, who: str) -> bool:
        """Whether in the end the reference and the memory are one frame."""

    @abstractmethod
    def arrived(self, who: str) -> bool:
        """Whether in the end who sees what a device wrote."""

    @abstractmethod
    def leaked(self, reference: str) -> bool | None:
        """Whether in the end the reference shows what another than its owner wrote after it was taken."""


class Played(Watched):
    """A trace of the simulator."""

    def __init__(self, trace: Trace) -> None:
        self.moments, self.scenario = trace.moments, trace.scenario.name
        self.events = tuple(moment.event for moment in trace.moments)
        self.lines = tuple(moment.line for moment in trace.moments)

    def letter(self, n: int, who: str, page: int = 0) -> str:
        store = self.store(n, who, page)
        if store is None:
            return NO_LOOK
        for last, moment in pairwise(self.moments):  # see ANOTHER_BYTE
            event = moment.event
            if event and another_byte(self.scenario, event) and store.ids == (last.world.stores,):
                before = seen(last.world, event.actor, event.page)
                return NOTHING if before is None else before.letter
        return FILE_LETTER if store.letter == "F" else store.letter

    def store(self, n: int, who: str, page: int = 0) -> Store | None:
        return seen(self.moments[n].world, who, page)

    def frame(self, n: int, who: str, page: int = 0) -> int | None:
        """The frame that a process maps, or that a reference holds."""
        reference, pte = self.moments[n].world.reference(who), self.moments[n].world.pte(who, page)
        return reference.frame if reference is not None else None if pte is None else pte.frame

    def kept(self, first: int, last: int, who: str, page: int = 0) -> bool | None:
        old, new = self.frame(first, self.forebear(who, first, last), page), self.frame(last, who, page)
        if old is None or new is None:
            return None
        # A number that was freed in between names another frame.
        return old == new and all(in_use(moment.world, old) for moment in self.moments[first : last + 1])

    def is_process(self, n: int, who: str) -> bool:
        return self.moments[n].world.process(who) is not None

    def private(self, n: int, who: str, page: int) -> bool:
        pte = self.moments[n].world.pte(who, page)
        return pte is not None and pte.vma is not None and pte.vma.kind not in ("file", "shared")

    def mapcount(self, n: int, who: str) -> int | None:
        number = self.frame(n, who)
        return None if number is None else mapcount(self.moments[n].world, number)

    def mapped_once(self, n: int, who: str) -> bool | None:
        count = self.mapcount(n, who)
        return None if count is None else count == 1

    def swapped(self, n: int, who: str) -> bool | None:
        pte = self.moments[n].world.pte(who, 0)
        return pte is not None and pte.slot is not None

    def zero_page(self, n: int, who: str) -> bool | None:
        return self.frame(n, who) == ZERO_PAGE

    def pair(self, n: int) -> tuple[list[int | None], int | None]:
        event = self.events[n]
        assert event is not None
        places = list(zip(event.args, event.pages, strict=True))
        before = [self.frame(n - 1, *place) for place in places]
        one, two = (self.frame(n, *place) for place in places)
        return before, one if one == two else None

    def returned(self, n: int) -> str:
        return "refused" if self.refused(n) else "succeeds"

    def refused(self, n: int) -> bool:
        return self.moments[n].outcome == REFUSED

    def killed(self, n: int) -> bool:
        return self.moments[n].outcome == SIGSEGV

    def soft_dirty(self, n: int, who: str) -> bool | None:
        """A store sets the bit; clear_refs clears it where it protects the page, and leaves it where it skips the page."""
        dirty = False
        for moment in self.moments[: n + 1]:
            if moment.event and moment.event.actor == who:
                if moment.event.verb == "write" and moment.outcome != SIGSEGV:
                    dirty = True
                elif moment.event.verb == "clear_refs" and moment.outcome != SKIPPED:
                    dirty = False
        return dirty

    def together(self, reference: str, who: str) -> bool:
        return self.frame(-1, reference) == self.frame(-1, who) is not None

    def arrived(self, who: str) -> bool:
        store = self.store(-1, who)
        return store is not None and store.device

    def leaked(self, reference: str) -> bool | None:
        held, store = self.moments[-1].world.reference(reference), self.store(-1, reference)
        if held is None or store is None:
            return None
        taken = next(moment.world for moment in self.moments if moment.world.reference(reference) is not None)
        return store.by not in ("", held.owner) and min(store.ids) >= taken.stores


def seen(world: World, who: str, page: int) -> Store | None:
    """What one sees there; None if looking fails."""
    if who == "file":
        return in_file(world, page)
    reference, pte = world.reference(who), world.pte(who, page)
    if reference is not None:
        return looks(world, reference)
    return None if pte is None else sees_through(world, pte, page)


def in_use(world: World, number: int) -> bool:
    """Whether that frame has not been freed."""
    frame = world.frames[number] if number < len(world.frames) else None
    return frame is not None and not frame.freed
