"""Observers: what the program that recorded a kernel would have noted, had it run in the simulator.

An observer reads a finished Trace and answers in the words of the recordings' legend. It is told who is looked at, and
after which line; it knows no policy, no kernel and no outcome. A line is named by its text (the first that reads so)
or is END, the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from itertools import pairwise

from cowlab.events import Event, format
from cowlab.fault import REFUSED, SIGSEGV, SKIPPED
from cowlab.scenario import Moment, Trace
from cowlab.world import ZERO_PAGE, Store, World, in_file, looks, mapcount
from cowlab.world import sees as sees_through

Observer = Callable[[Trace], str]
END = ""
NOTHING = "?"  # no frame is there that could be named

# A page holds one value; the device wrote last. Where a recording lets the CPU write another byte than the device's
# and looks at the device's byte, this store covers the whole page here. Where it is what one sees, the device's byte
# still holds what its writer saw before it: the page without the device's data.
ANOTHER_BYTE = "P: write P"
IN_ANOTHER_BYTE = ("s09_*", "s11_uring_*", "s13_thp_uring_clearrefs", "s19_*")
# The recorded file is full of A; a file's page reads F here.
FILE_LETTER = "A"


def another_byte(scenario: str, event: Event | None) -> bool:
    """Whether a recording let the CPU write another byte than the device's there."""
    return event is not None and format(event) == ANOTHER_BYTE and matches(scenario, IN_ANOTHER_BYTE)


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def position(trace: Trace, line: str) -> int:
    """Which moment is the one after that line."""
    if line == END:
        return len(trace.moments) - 1
    return next(n for n, moment in enumerate(trace.moments) if moment.event and format(moment.event) == line)


def moment_after(trace: Trace, line: str) -> Moment:
    return trace.moments[position(trace, line)]


# --- values ----------------------------------------------------------------------------------------------------------


def sees(who: str, after: str = END, page: int = 0) -> Observer:
    """The letter that a process, a reference or the file (`file`) shows."""

    def observe(trace: Trace) -> str:
        store = seen(moment_after(trace, after).world, who, page)
        return "err11" if store is None else letter(trace, store)

    return observe


def seen(world: World, who: str, page: int) -> Store | None:
    """What one sees there; None if looking fails."""
    if who == "file":
        return in_file(world, page)
    reference, pte = world.reference(who), world.pte(who, page)
    if reference is not None:
        return looks(world, reference)
    return None if pte is None else sees_through(world, pte, page)


def letter(trace: Trace, store: Store) -> str:
    """How the recording would write it down; see ANOTHER_BYTE and FILE_LETTER."""
    if matches(trace.scenario.name, IN_ANOTHER_BYTE):
        for last, moment in pairwise(trace.moments):
            event = moment.event
            if event and format(event) == ANOTHER_BYTE and store.ids == (last.world.stores,):
                before = seen(last.world, event.actor, event.page)
                return NOTHING if before is None else before.letter
    return FILE_LETTER if store.letter == "F" else store.letter


# --- frames ----------------------------------------------------------------------------------------------------------


def frame_of(world: World, who: str, page: int = 0) -> int | None:
    """The frame that a process maps, or that a reference holds."""
    reference, pte = world.reference(who), world.pte(who, page)
    if reference is not None:
        return reference.frame
    return None if pte is None else pte.frame


def in_use(world: World, number: int) -> bool:
    """Whether that frame has not been freed."""
    frame = world.frames[number] if number < len(world.frames) else None
    return frame is not None and not frame.freed


def frame(who: str, since: str, until: str = END, page: int = 0) -> Observer:
    """same or moved: the frame then and now. A number that was freed in between names another frame."""

    def observe(trace: Trace) -> str:
        first, last = position(trace, since), position(trace, until)
        old = frame_of(trace.moments[first].world, forebear(trace, who, first, last), page)
        new = frame_of(trace.moments[last].world, who, page)
        if old is None or new is None:
            return NOTHING
        kept = all(in_use(moment.world, old) for moment in trace.moments[first : last + 1])
        return "same" if old == new and kept else "moved"

    return observe


def forebear(trace: Trace, who: str, first: int, last: int) -> str:
    """Who had the page at moment `first` that `who` has at moment `last`: a child got it from its parent."""
    for moment in reversed(trace.moments[first + 1 : last + 1]):
        if moment.event and moment.event.verb == "fork" and moment.event.args[0] == who:
            who = moment.event.actor
    return who


def mappings(who: str, after: str = END) -> Observer:
    """kpagecount: how many processes map what `who` maps."""

    def observe(trace: Trace) -> str:
        world = moment_after(trace, after).world
        number = frame_of(world, who)
        return NOTHING if number is None else str(mapcount(world, number))

    return observe


def mapped_once(who: str, after: str = END) -> Observer:
    """pagemap's "exclusively mapped", which is about mappings and not about PG_anon_exclusive."""

    def observe(trace: Trace) -> str:
        count = mappings(who, after)(trace)
        return count if count == NOTHING else str(int(count == "1"))

    return observe


def swap_entry(who: str, after: str) -> Observer:
    def observe(trace: Trace) -> str:
        pte = moment_after(trace, after).world.pte(who, 0)
        return str(int(pte is not None and pte.slot is not None))

    return observe


def zero_page(who: str, after: str) -> Observer:
    return lambda trace: str(int(frame_of(moment_after(trace, after).world, who) == ZERO_PAGE))


def merged(line: str) -> Observer:
    """Whether that line made two pages one frame."""

    def observe(trace: Trace) -> str:
        return str(int(_merge(trace, line)[1] is not None))

    return observe


def merged_frame(line: str) -> Observer:
    """Which of the two pages had the frame before that line."""

    def observe(trace: Trace) -> str:
        before, now = _merge(trace, line)
        return f"page{before.index(now) + 1}" if now in before else "new"

    return observe


def _merge(trace: Trace, line: str) -> tuple[list[int | None], int | None]:
    """Both frames before that line, and the one frame after it, if it is one."""
    number = position(trace, line)
    event = trace.moments[number].event
    assert event is not None
    places = list(zip(event.args, event.pages, strict=True))
    before = [frame_of(trace.moments[number - 1].world, *place) for place in places]
    one, two = (frame_of(trace.moments[number].world, *place) for place in places)
    return before, one if one == two else None


# --- calls, bits and verdicts ----------------------------------------------------------------------------------------


def result(line: str) -> Observer:
    """What the call returned: succeeds or refused."""
    return lambda trace: "refused" if moment_after(trace, line).outcome == REFUSED else "succeeds"


def signal(line: str) -> Observer:
    return lambda trace: "SIGSEGV" if moment_after(trace, line).outcome == SIGSEGV else "ok"


def finished(reference: str, before: str) -> Observer:
    """Whether the transfer was over when that line was done."""
    return lambda trace: str(int(moment_after(trace, before).world.reference(reference) is None))


def soft_dirty(who: str, after: str) -> Observer:
    return lambda trace: _dirty(trace, who, position(trace, after))


def soft_dirty_change(who: str, line: str) -> Observer:
    def observe(trace: Trace) -> str:
        number = position(trace, line)
        return f"{_dirty(trace, who, number - 1)}->{_dirty(trace, who, number)}"

    return observe


def _dirty(trace: Trace, who: str, number: int) -> str:
    """A store sets the bit; clear_refs clears it where it protects the page, and leaves it where it skips the page."""
    dirty = "0"
    for moment in trace.moments[: number + 1]:
        if moment.event and moment.event.actor == who:
            if moment.event.verb == "write" and moment.outcome != SIGSEGV:
                dirty = "1"
            elif moment.event.verb == "clear_refs" and moment.outcome != SKIPPED:
                dirty = "0"
    return dirty


def coherent(reference: str, who: str) -> Observer:
    """Whether the reference and the memory are still one frame."""

    def observe(trace: Trace) -> str:
        world = trace.moments[-1].world
        return "coherent" if frame_of(world, reference) == frame_of(world, who) is not None else "stale"

    return observe


def arrived(who: str) -> Observer:
    """Whether the data of a finished direct read are in the memory of the one who looks."""

    def observe(trace: Trace) -> str:
        store = seen(trace.moments[-1].world, who, 0)
        return "coherent" if store is not None and store.device else "LOST"

    return observe


def leaks(reference: str) -> Observer:
    """Whether the reference shows what another process than its owner wrote after it was taken."""

    def observe(trace: Trace) -> str:
        held, store = trace.moments[-1].world.reference(reference), seen(trace.moments[-1].world, reference, 0)
        if held is None or store is None:
            return NOTHING
        taken = next(moment.world for moment in trace.moments if moment.world.reference(reference) is not None)
        later = store.by not in ("", held.owner) and min(store.ids) >= taken.stores
        return "LEAK" if later else "ok"

    return observe
