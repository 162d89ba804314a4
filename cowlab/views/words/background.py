"""The words for what the kernel does on its own: reclaim, migration, KSM, transient references, a narrow counter."""

from __future__ import annotations

from collections.abc import Callable

from cowlab.fault import DONE, SKIPPED
from cowlab.views.scene import held, slot_name, slots, told_mapcount, used
from cowlab.views.words.telling import Said, Telling, counts, numbered
from cowlab.world import Pte


def swap_out(step: Telling) -> Said:
    return reclaimed(step, step.event.args[0], "Reclaim")


def reclaimed(step: Telling, name: str, call: str) -> Said:
    old = step.old(name)
    if step.outcome == SKIPPED:
        why = _not_reclaimed(step, name, old, call)
        frame = numbered(old) if old is not None and old.frame else f"{step.at} of {name}"
        return Said(f"{call} leaves {frame} alone: {why}.", why)
    assert old is not None and old.frame is not None
    frame, new = numbered(old), step.new(name)
    assert new is not None
    if step.outcome == DONE:
        kept = old.frame in used(step.after)
        tail = "somebody holds it, so it stays in the page cache" if kept else "it can be read in again"
        return Said(f"{call} unmaps {frame}: {tail}.", tail.partition(",")[0])
    if new.slot is None:
        return Said(f"{call} writes {frame}, shared memory, to swap.", "shared memory goes to swap")
    slot = slot_name(new.slot)
    entries = slots(step.after)[slot or ""].entries
    who = f"{name}'s entry is a swap entry now" if entries == 1 else f"{entries} entries are swap entries now"
    stays = ", still in the swap cache" if old.frame in used(step.after) else ""
    return Said(f"{frame} goes to slot {slot}{stays}; {who}.", f"{frame} goes to {slot}{stays}")


def _not_reclaimed(step: Telling, name: str, old: Pte | None, call: str) -> str:
    if old is None or old.vma is None:
        return "it is not mapped"
    if old.frame is None:
        return "no frame is there"
    frame = step.before.frame(old.frame)
    if frame.kind == "zero":
        return "the zero page is not swapped"
    mapped = told_mapcount(step.before, old.frame)
    if call == "MADV_PAGEOUT" and mapped > 1:
        return f"mapcount is {mapped}"
    if frame.size == "hugetlb":
        return "hugetlb is not swapped"
    if frame.size == "thp" and held(step.before, old.frame):
        return "a held THP cannot be split"
    return step.why("swap", "reclaim", name, 1, frame="it") or "the policy says so"


def migrate(step: Telling) -> Said:
    name = step.event.args[0]
    old = step.old(name)
    if step.outcome != SKIPPED:
        return Said(f"{numbered(old)} moves to {step.frame(name)}, and every entry follows.", "every count is known")
    if old is None or old.frame is None:
        return Said(f"Migration finds no frame at {step.at} of {name}.", "no frame is there")
    if old.frame == 0:
        return Said("Migration leaves the zero page alone.", "the zero page stays")
    return Said(f"Migration leaves {numbered(old)} alone: somebody holds it.", "somebody holds it")


def ksm(step: Telling) -> Said:
    (one, two), (page, other) = step.event.args, step.event.pages
    first, second = step.before.pte(one, page), step.before.pte(two, other)
    if step.outcome != SKIPPED:
        kept, gone = step.after.pte(one, page), (first, second)
        lost = next(
            (numbered(pte) for pte in gone if pte is not None and kept is not None and pte.frame != kept.frame), ""
        )
        return Said(
            f"KSM finds equal bytes: {lost} merges into {numbered(kept)}, read-only for all.", "equal bytes, one frame"
        )
    why = _not_merged(step, first, second)
    return Said(f"KSM merges nothing: {why}.", why)


def _not_merged(step: Telling, first: Pte | None, second: Pte | None) -> str:
    for pte in (first, second):
        if pte is None or pte.vma is None or not pte.vma.mergeable:
            return "one is not mergeable"
        if pte.frame is None or pte.frame == 0:
            return "one has no frame of its own"
        if step.before.frame(pte.frame).kind != "ksm" and held(step.before, pte.frame):
            return f"somebody holds {numbered(pte)}"
    assert first is not None and second is not None and first.frame is not None and second.frame is not None
    if first.frame == second.frame:
        return "they are one already"
    if step.before.frame(first.frame).holds.letter != step.before.frame(second.frame).holds.letter:
        return "they hold different bytes"
    return "KSM takes small anonymous pages only"


def hold(step: Telling) -> Said:
    name = step.event.args[0]
    pte = step.before.pte(name, step.event.page)
    if step.outcome == SKIPPED or pte is None or pte.frame is None:
        return Said(f"There is nothing to hold at {step.at} of {name}.", "nothing is there")
    who = "The per-CPU LRU batch" if "lru" in step.event.args else "A speculative lookup"
    return Said(f"{who} holds #{pte.frame}: {counts(step.after, pte.frame)}.", counts(step.after, pte.frame))


def drop(step: Telling) -> Said:
    taken = next((h for h in step.before.holds if (h.process, h.page) == (step.event.args[0], step.event.page)), None)
    if taken is None or taken.frame is None:
        return Said("The hold goes: it was on nothing any more.", "it was drained before")
    left = counts(step.after, taken.frame) if taken.frame in used(step.after) else "nobody uses it any more"
    return Said(f"The hold on #{taken.frame} goes: {left}.", left)


def counter(step: Telling) -> Said:
    bits, bias, guard = step.after.counter or (0, 0, False)
    guarded = "; try_get_page() guards it" if guard else ""
    return Said(
        f"page_count has {bits} bits now, and a pin counts {bias}{guarded}.", f"{bits} bits, a pin counts {bias}"
    )


VERBS: dict[tuple[str, str], Callable[[Telling], Said]] = {
    ("kernel", "swap_out"): swap_out,
    ("kernel", "migrate"): migrate,
    ("kernel", "ksm"): ksm,
    ("kernel", "hold"): hold,
    ("kernel", "drop"): drop,
    ("kernel", "counter"): counter,
}
