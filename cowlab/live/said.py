"""What a line of a script did on this kernel, as far as it was observed: a word, a note for a table, a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cowlab.events import TAKERS, Event
from cowlab.live.drive import Moment
from cowlab.live.sights import Sight, Sights, errno_name, errno_words
from cowlab.live.watched import another_byte

NEEDS_ROOT = "frame not shown: needs root"
CANNOT = "Cannot be seen from user space: rights (R, W), PG_anon_exclusive, page_count."


class Said(NamedTuple):
    """letter: what a read read. The note stands before it."""

    outcome: str
    note: str
    sentence: str
    letter: str = ""


def said(sights: Sights, n: int) -> Said:
    """Of that moment; 0 is the start."""
    moment = sights.run.moments[n]
    event = moment.event
    if event is None:
        return Said("", "", "Nothing has happened: P maps one page, never touched.")
    if moment.outcome == "refused":
        name, words = errno_name(moment.errno), errno_words(moment.errno)
        return Said("refused", name, f"{event.actor}'s {event.verb} was refused: {name}, {words}.")
    if moment.outcome == "sigsegv":
        verb = "store to" if event.verb == "write" else "look at"
        return Said("SIGSEGV", "", f"{event.actor} may not {verb} @{event.page}: SIGSEGV.")
    tell = VERBS.get((kind(sights, event), event.verb), _other)
    return tell(sights, n, event)


def kind(sights: Sights, event: Event) -> str:
    """Who acts: kernel, file, reference or process."""
    if event.actor in ("kernel", "file"):
        return event.actor
    taken = any(take.event and take.event.args[0] == event.actor for take in sights.takes)
    return "reference" if taken else "process"


def first_hidden(sights: Sights) -> int | None:
    """The first line which only root could say more of: there it is said, once."""
    return (
        next((n for n, moment in enumerate(sights.run.moments) if _is_store(moment)), None) if sights.hidden else None
    )


def _is_store(moment: Moment) -> bool:
    return moment.event is not None and moment.event.verb == "write" and bool(moment.event.pages)


# --- stores and loads ------------------------------------------------------------------------------------------------


def _write(sights: Sights, n: int, event: Event) -> Said:
    beside = ", in another byte than the one that is looked at" if another_byte(sights.run.scenario.name, event) else ""
    return _stored(sights, n, event.actor, event.page, f"{event.actor} stored {event.args[0]}{beside}")


def _poke(sights: Sights, n: int, event: Event) -> Said:
    head = f"{event.actor} forced {event.args[0]} in through /proc/self/mem"
    return _stored(sights, n, event.actor, event.page, head)


def _vm_write(sights: Sights, n: int, event: Event) -> Said:
    who, letter = event.args
    return _stored(sights, n, who, event.page, f"{event.actor} stored {letter} into {who} by process_vm_writev")


def _stored(sights: Sights, n: int, who: str, page: int, head: str) -> Said:
    """A store succeeded: in which frame is the page now?"""
    if (who, page) not in sights.places:
        return Said("done", "", f"{head}.")
    old, new = sights.page(n - 1, (who, page)), sights.page(n, (who, page))
    whose = f"{who}'s page" + (f" @{page}" if page else "")
    if not new.label:
        note = NEEDS_ROOT if n == first_hidden(sights) else ""
        return Said("done", note, f"{head}. In which frame, only root may see.")
    if not old.label:
        return Said("new page", f"#{new.label}", f"{head}: where {_no(old)}, there is #{new.label} now.")
    if old.label == new.label:
        return Said("same frame", f"#{new.label}", f"{head}, and {whose} is still in #{new.label}.")
    note = f"#{new.label}, was #{old.label}"
    return Said("another frame", note, f"{head}, and {whose} is in #{new.label} now, no longer in #{old.label}.")


def _no(old: Sight) -> str:
    return "no page was" if old.words == "no page" else f"it was {old.words}"


def _read(sights: Sights, n: int, event: Event) -> Said:
    letter = sights.run.moments[n].value or ""
    shows = "reads" if kind(sights, event) == "process" else "shows"
    past = "read" if shows == "reads" else "showed"
    who = "The file" if event.actor == "file" else event.actor
    return Said("done", f"{event.actor} {shows}", f"{who} {past} {letter}.", letter)


# --- calls -----------------------------------------------------------------------------------------------------------


def _fork(sights: Sights, n: int, event: Event) -> Said:
    parent, child = event.actor, event.args[0]
    pages = [
        (sights.page(n, (parent, page)), one) for one in sights.pages(n) if one.who == child for page in [one.page]
    ]
    shared = ", ".join(f"#{one.label}" for other, one in pages if one.label and one.label == other.label)
    own = ", ".join(f"#{one.label}" for other, one in pages if one.label and one.label != other.label)
    if shared:
        more = f", and {own} of its own" if own else ""
        return Said("done", f"{child} shares {shared}", f"{child} is where {parent} is, in {shared}{more}.")
    if own:
        return Said("done", f"{child} has {own}", f"{child} has a page of its own from the start, {own}.")
    if any(not one.words for _, one in pages):
        return Said("done", "", f"{child} is there. Whether it shares {parent}'s frame, only root may see.")
    words = pages[0][1].words if pages else "not mapped"
    return Said("done", f"{child}: {words}", f"{child} is there; of its page one sees: {words}.")


def _take(sights: Sights, n: int, event: Event) -> Said:
    """Taking a page may move it: another is there, then, than before."""
    name, at = event.args[0], (event.actor, event.page)
    moved = at in sights.places and sights.page(n, at).label != sights.page(n - 1, at).label
    if moved:
        label = sights.page(n, at).label
        return Said("done", f"it is #{label} now", f"{name} holds {event.actor}'s page, which is #{label} since then.")
    return Said("done", f"{name} holds it", f"{name} holds {event.actor}'s page; no program can ask in which frame.")


def _device(sights: Sights, n: int, event: Event) -> Said:
    letter = event.args[0]
    shown = [one.name for one in sights.pages(n) if one.letter == letter]
    tail = (
        f"; {' and '.join(shown)} shows it" if len(shown) == 1 else f"; {' and '.join(shown)} show it" if shown else ""
    )
    return Said("done", "", f"The device stored {letter} through {event.actor}{tail}.")


def _put(sights: Sights, n: int, event: Event) -> Said:
    return Said("done", "", f"{event.actor} was given up.")


def _ksm(sights: Sights, n: int, event: Event) -> Said:
    one, two = (sights.page(n, place) for place in zip(event.args, event.pages, strict=True))
    if one.label and one.label == two.label:
        return Said(
            "done", f"one frame, #{one.label}", f"ksmd came round: {one.name} and {two.name} are one frame now."
        )
    if one.label and two.label:
        return Said("done", "still two frames", f"ksmd came round, and left {one.name} and {two.name} apart.")
    return Said("done", "", "ksmd came round. Whether it merged them, only root may see.")


def _hold(sights: Sights, n: int, event: Event) -> Said:
    return Said("done", "", "Fresh pages stay in this processor's batch for the LRU list.")


def _other(sights: Sights, n: int, event: Event) -> Said:
    """It was done, and what is seen of it."""
    seen = sights.changes(n)
    words = " ".join([event.verb, *(arg for arg in event.args if event.verb in ("madvise", "mprotect", "mmap"))])
    tail = f"; {', '.join(seen[:2])}" if seen else "; nothing is seen of it"
    return Said("done", "", f"{event.actor}'s {words} was done{tail}.")


VERBS: dict[tuple[str, str], Callable[[Sights, int, Event], Said]] = {
    ("process", "write"): _write,
    ("process", "read"): _read,
    ("process", "poke"): _poke,
    ("process", "vm_write"): _vm_write,
    ("process", "fork"): _fork,
    **{("process", verb): _take for verb in TAKERS},
    ("reference", "read"): _read,
    ("reference", "write"): _device,
    ("reference", "put"): _put,
    ("file", "read"): _read,
    ("kernel", "ksm"): _ksm,
    ("kernel", "hold"): _hold,
}
