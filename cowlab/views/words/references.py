"""The words for references: how they are taken, what passes through them, and that they go."""

from __future__ import annotations

from collections.abc import Callable

from cowlab.events import TAKERS
from cowlab.fault import COPIED, FAULT, REFUSED, REUSE
from cowlab.policy import BREAK, PageInfo
from cowlab.views.scene import slot_name, told_mapcount, used
from cowlab.views.words.telling import Said, Telling, counts, holder_of, ought, within
from cowlab.views.words.why import told
from cowlab.world import Reference, page_count

CALLS = {"direct_read": "O_DIRECT read", "direct_write": "O_DIRECT write", "register": "registering"}


def take(step: Telling) -> Said:
    """vmsplice and the other calls that take a reference."""
    reference = step.after.reference(step.event.args[0])
    assert reference is not None
    call = CALLS.get(step.event.verb, step.event.verb)
    call = call if step.event.verb == "vmsplice" else call[0].upper() + call[1:]
    if step.outcome == REFUSED:
        return _refused(step, call, reference)
    if step.outcome in (COPIED, REUSE):
        return _broken(step, call, reference)
    takes, frame = f"FOLL_{reference.take}", step.frame()
    number = reference.frame
    assert number is not None
    if step.outcome == FAULT:
        old = step.old()
        where = f"from {slot_name(old.slot)}" if old is not None and old.slot is not None else "fresh"
        where = "the zero page" if number == 0 else where
        return Said(f"{call} faults the page in ({frame}, {where}), then takes {takes}.", f"faulted in, then {takes}")
    if number == 0:
        return Said(f"{call} takes {takes} on the zero page, which is not counted.", "the zero page is not counted")
    if step.after.frame(number).freed and not step.before.frame(number).freed:
        return Said(
            f"{call} takes {takes} on {frame}: page_count is 0, so {frame} counts as free.", "page_count overflows to 0"
        )
    count = f"page_count is {page_count(step.after, number)}, mapcount stays {told_mapcount(step.after, number)}"
    return Said(f"{call} takes {takes} on {frame}: {count}.", f"{holder_of(reference)} takes {takes}")


def _broken(step: Telling, call: str, reference: Reference) -> Said:
    """The call faulted first, as if for a write, or to unshare."""
    who, name, frame = step.who, reference.name, step.frame()
    page = _asked(step, reference)
    breaks = reference.write or step.policy.ask("gup", page) == BREAK
    first = "breaks COW first" if breaks else "unshares first"
    old = step.old()
    kind = step.before.frame(old.frame).kind if old is not None and old.frame is not None else ""
    why = step.why("reuse", "write" if breaks else "unshare", most=1) if kind not in ("zero", "file") else ""
    if kind in ("zero", "file"):
        why = "it is the zero page" if kind == "zero" else "it is the file's page"
    because = f"{why}, so " if why else ""
    does = "gets a copy" if step.outcome == COPIED else f"keeps {frame}"
    words = f"{call} {first}: {because}{who} {does}"
    note = f"{first}: a copy" if step.outcome == COPIED else f"{first}: kept"
    return Said(within(f"{words}, and {name} holds it.", f"{words}.", f"{call} {first}: {who} {does}."), note)


def _asked(step: Telling, reference: Reference) -> PageInfo:
    """What the gup decision was told."""
    asker = "get" if reference.take == "GET" else "longterm" if reference.longterm else "pin"
    page = told(step.before, step.who, step.event.page, asker)
    assert page is not None
    return page


def _refused(step: Telling, call: str, reference: Reference) -> Said:
    old, new, guard = step.old(), step.new(), step.after.counter is not None and step.after.counter.guard
    assert old is not None
    allowed = old.vma is not None and (old.vma.prot == "rw" or (old.vma.prot == "r" and not reference.write))
    if allowed and guard and new is not None and new.frame is not None:
        return Said(f"{call} is refused: {counts(step.after, new.frame)}, near the overflow.", "too near the overflow")
    why = f"{step.who} may not {'write' if reference.write else 'read'} {step.at}"
    why = why if old.vma is not None else f"{step.at} is not mapped"
    return Said(f"{call} fails with EFAULT: {why}.", why)


def write(step: Telling) -> Said:
    reference = step.before.reference(step.who)
    assert reference is not None
    if reference.frame is None:
        return Said(f"{step.who} was refused when it was taken: nothing is stored.", "it was refused")
    where = f"#{reference.frame}" if reference.frame else "the zero page"
    nobody = reference.frame and not told_mapcount(step.after, reference.frame)
    words = f"{_subject(reference)} stores {step.event.args[0]} into {where}"
    if nobody:
        return Said(f"{words}, which nobody maps any more.", "into a page nobody maps")
    return Said(f"{words}: no page table is asked.", "no page table is asked")


def read(step: Telling) -> Said:
    reference, reading = step.before.reference(step.who), step.moment.reading
    assert reference is not None
    if reading is None:
        return Said(f"{step.who} was refused when it was taken: it shows nothing.", "it was refused")
    if reading.value == reading.ideal:
        return Said(
            f"{_subject(reference)} shows {reading.value}, as it ought to.", f"{step.who} shows {reading.value}"
        )
    wrong = f"shows {reading.value}{ought(step.moment, 'show')}"
    return Said(f"{_subject(reference)} {wrong}.", f"{step.who} {wrong}")


def _subject(reference: Reference) -> str:
    return holder_of(reference).capitalize()


def put(step: Telling) -> Said:
    reference = step.before.reference(step.who)
    assert reference is not None
    number, name = reference.frame, step.who
    if number is None:
        return Said(f"{name} was refused when it was taken: there is nothing to put.", "it was refused")
    if number == 0:
        return Said(f"{name} lets go of the zero page, which is not counted.", "the zero page is not counted")
    left = counts(step.after, number) if number in used(step.after) else "nobody uses it any more"
    return Said(f"{name} lets go of #{number}: {left}.", left)


VERBS: dict[tuple[str, str], Callable[[Telling], Said]] = {
    **{("process", verb): take for verb in TAKERS},
    ("reference", "write"): write,
    ("reference", "read"): read,
    ("reference", "put"): put,
}
