"""The words for fork, exit and the calls that change a mapping."""

from __future__ import annotations

from collections.abc import Callable

from cowlab.fault import COPIED, REFUSED, SKIPPED
from cowlab.views.scene import told_mapcount, used
from cowlab.views.words.background import reclaimed
from cowlab.views.words.telling import NO_FRAME, Said, Telling, counts, holds, numbered, within
from cowlab.views.words.why import facts, told
from cowlab.world import Pte


def fork(step: Telling) -> Said:
    who, child = step.who, step.event.args[0]
    if step.outcome == COPIED:
        return _fork_copies(step, who, child)
    mapped = [pte for _, pte in _pages(step, child) if pte.frame]
    if not mapped:
        parent = [pte for _, pte in _pages(step, who)]
        if any(pte.slot is not None for pte in parent):
            return Said("fork copies nothing: parent and child have the same swap entry.", "the swap entry is shared")
        if any(pte.frame for pte in parent):
            return Said(f"fork copies nothing: {child} is not given the page.", "the child does not get it")
        return Said("fork copies nothing: there is no frame to share yet.", "no frame to share yet")
    frames = {numbered(pte) for pte in mapped}
    what = frames.pop() if len(frames) == 1 else f"{len(frames)} frames"
    if any(pte.inherited for pte in mapped) and step.policy.flag == "inherited":
        return Said(
            f"fork copies nothing: {who} and {child} map {what}, {child}'s entry is marked.",
            "shared, marked for the child",
        )
    if all(pte.vma is not None and not pte.vma.cow for pte in mapped):
        return Said(f"fork copies nothing: {who} and {child} share {what} on purpose.", "shared memory stays shared")
    if any(pte.vma is not None and pte.vma.prot == "none" for pte in mapped):
        return Said(
            f"fork copies nothing: {who} and {child} map {what}, which no one may read now.",
            "shared, with no right to read",
        )
    one = "on one frame" if what.startswith("#") else f"on {what}"
    both = f"{who} and {child} map {what}, both read-only now"
    return Said(
        within(f"fork copies nothing: {both}.", "fork copies nothing: both are read-only now."),
        f"both read-only now, {one}",
    )


def _pages(step: Telling, name: str) -> tuple[tuple[int, Pte], ...]:
    process = step.after.process(name)
    return process.ptes if process else ()


def _fork_copies(step: Telling, who: str, child: str) -> Said:
    copied = [
        page for page, pte in _pages(step, child) if pte.frame and _parents(step, who, page) not in (None, pte.frame)
    ]
    page = copied[0] if copied else 0
    info = told(step.before, who, page, "fork")
    pte = step.before.pte(who, page)
    why = ""
    if info is not None and pte is not None:
        why = next(iter(facts(step.policy, "fork", info, "it", who)), "")
    what = numbered(pte) if len(copied) == 1 else f"{len(copied)} frames"
    because = f": {why}" if why and len(copied) == 1 else ""
    return Said(
        within(f"fork copies {what} for {child}{because}.", f"fork copies {what}{because}."), why or "fork copies"
    )


def _parents(step: Telling, who: str, page: int) -> int | None:
    pte = step.before.pte(who, page)
    return pte.frame if pte is not None else None


def exit_(step: Telling) -> Said:
    freed = sorted(used(step.before) - used(step.after) - {0})
    goes = (
        f"; {', '.join(f'#{n}' for n in freed)} is free"
        if len(freed) == 1
        else f"; {len(freed)} frames are free"
        if freed
        else ""
    )
    kept = [r for r in step.after.references if r.owner == step.who and r.frame]
    stays = f", {len(kept)} reference{'s stay' if len(kept) > 1 else ' stays'}" if kept else ""
    return Said(
        within(f"{step.who} exits: its mappings go{stays}{goes}.", f"{step.who} exits: its mappings go."),
        "its mappings go" + stays,
    )


def mmap(step: Telling) -> Said:
    kind = {
        "anon": "private memory",
        "thp": "a THP",
        "hugetlb": "a hugetlb page",
        "file": "a file, privately",
        "shared": "shared memory",
    }
    prot = ", read-only" if step.event.args[1:2] == ("r",) else ""
    return Said(f"{step.who} maps {kind[step.event.args[0]]} at {step.at}{prot}: no frame yet.", "mapped, no frame yet")


def munmap(step: Telling) -> Said:
    who, old = step.who, step.old()
    assert old is not None
    if step.outcome == SKIPPED:
        return Said(f"{step.at} of {who} is not mapped: there is nothing to unmap.", "it was not mapped")
    return _let_go(step, f"{who} unmaps its page")


def _let_go(step: Telling, head: str) -> Said:
    """A mapping went; what is left of the frame."""
    old = step.old()
    assert old is not None
    if old.frame is None or old.frame == 0:
        slot = (
            f", and slot s{old.slot} loses an entry"
            if old.slot is not None
            else ": it had no frame"
            if old.frame is None
            else ""
        )
        return Said(f"{head}{slot}.", "no frame of its own")
    if old.frame not in used(step.after):
        return Said(f"{head}: nobody uses #{old.frame} any more, it is free.", f"#{old.frame} is free")
    who = holds(step.after, old.frame, "still holds", "still hold")
    stays = f", {who} #{old.frame}" if who else f" and {counts(step.after, old.frame)}"
    note = (
        f"{step.who} lets go, {who.rpartition(' still')[0]} {'do' if who.endswith('hold') else 'does'} not"
        if who
        else f"{step.who} lets go"
    )
    return Said(within(f"{head}: mapcount is {told_mapcount(step.after, old.frame)}{stays}.", f"{head}."), note)


# --- rights ----------------------------------------------------------------------------------------------------------


def mprotect(step: Telling) -> Said:
    who, prot, frame = step.who, step.event.args[0], step.frame()
    if step.outcome == REFUSED:
        old = step.old()
        if old is None or old.vma is None:
            return Said(f"mprotect fails with ENOMEM: {step.at} is not mapped.", "it is not mapped")
        why = step.why("protect", "mprotect", most=1)
        return Said(f"mprotect fails with EBUSY: {why or 'the policy refuses'}.", why or "refused")
    if step.outcome == COPIED:
        why = step.why("protect", "mprotect", most=1)
        return Said(
            within(
                f"mprotect copies: {why}, so {who} goes on with {frame}.",
                f"mprotect copies: {who} goes on with {frame}.",
            ),
            why or "a copy",
        )
    if step.outcome == SKIPPED:
        return _left_alone(step, "mprotect", "mprotect")
    if prot == "rw":
        return _right_back(step, "mprotect")
    if prot == "none":
        return Said(f"mprotect takes every right: {who} may not even read {step.at}.", "every right is gone")
    if frame == NO_FRAME:
        return Said(f"mprotect takes the right to write: {who} may only read {step.at}.", "the right to write is gone")
    return Said(
        f"mprotect takes the right to write: {who}'s entry of {frame} is read-only.", "read-only, whoever holds it"
    )


def _right_back(step: Telling, call: str) -> Said:
    new, old = step.new(), step.old()
    assert new is not None and old is not None
    if new.write and not old.write:
        why = (
            step.why("mkwrite", "mprotect" if call == "mprotect" else "uffd_wp", most=1, frame="it")
            if new.vma and new.vma.cow
            else ""
        )
        because = f": {why}" if why else ""
        return Said(
            f"{call} gives the right to write back, and {step.frame()} is writable{because}.", why or "writable at once"
        )
    faults = ": the next write still faults" if new.frame is not None and not new.write else ""
    return Said(
        f"{call} gives the right to write back{faults}.",
        "the next write still faults" if faults else "the right is back",
    )


def _left_alone(step: Telling, call: str, asker: str) -> Said:
    old = step.old()
    why = step.why("protect", asker, most=1, frame="it") if old is not None and old.frame is not None else ""
    because = f": {why}" if why else ""
    return Said(f"{call} leaves {step.was()} alone{because}.", why or "left alone")


def clear_refs(step: Telling) -> Said:
    who = step.who
    process = step.before.process(who)
    pages = [(n, pte) for n, pte in process.ptes if pte.frame] if process else []
    if step.outcome == SKIPPED:
        return _skipped_page(step, pages)
    if step.outcome == COPIED:
        return Said(f"clear_refs write-protects {who}'s pages, some as copies.", "some as copies")
    frames = sorted({f"#{pte.frame}" for _, pte in pages})
    if not frames:
        return Said(f"clear_refs finds nothing to write-protect in {who}.", "nothing is mapped")
    what = frames[0] if len(frames) == 1 else f"{len(frames)} frames"
    return Said(f"clear_refs write-protects {what}: {who}'s next write faults.", "write-protected, to see who writes")


def _skipped_page(step: Telling, pages: list[tuple[int, Pte]]) -> Said:
    for page, pte in pages:
        if pte.vma is not None and pte.vma.kind == "hugetlb":
            return Said(
                f"clear_refs never looks at hugetlb: {numbered(pte)} stays writable.", "hugetlb is not looked at"
            )
        info = told(step.before, step.who, page, "clear_refs")
        if info is not None and step.policy.ask("protect", info) in ("skip", "refuse"):
            why = next(iter(facts(step.policy, "protect", info, "it", step.who)), "")
            return Said(f"clear_refs leaves {numbered(pte)} alone: {why or 'the policy says so'}.", why or "left alone")
    return Said("clear_refs leaves a page alone.", "left alone")


def uffd_wp(step: Telling) -> Said:
    who, old = step.who, step.old()
    assert old is not None
    if step.outcome == REFUSED:
        why = f"{step.at} is not mapped" if old.vma is None else "a private file page cannot have it"
        return Said(f"uffd_wp fails: {why}.", why)
    if step.event.args[0] == "off":
        return _right_back(step, "uffd_wp off")
    if step.outcome == SKIPPED:
        return _left_alone(step, "uffd_wp", "uffd_wp")
    if step.outcome == COPIED:
        return Said(f"uffd_wp copies: {who} goes on with {step.frame()}, write-protected.", "a copy, write-protected")
    what = f"{who}'s entry of {step.frame()}" if old.frame is not None else f"{step.at}"
    return Said(f"uffd_wp write-protects {what}: a store waits for its monitor.", "a store waits for its monitor")


ADVICE = {
    "dontfork": ("children will not inherit", "children will not inherit it"),
    "dofork": ("children will inherit", "children will inherit it"),
    "wipeonfork": ("children will find nothing in", "children will find it empty"),
    "mergeable": ("KSM may merge", "KSM may merge it"),
}


def madvise(step: Telling) -> Said:
    who, advice, old = step.who, step.event.args[0], step.old()
    assert old is not None
    if step.outcome == REFUSED:
        why = f"{step.at} is not mapped" if old.vma is None else "only private anonymous memory can be wiped"
        return Said(f"madvise fails: {why}.", why)
    if advice == "pageout":
        return reclaimed(step, who, "MADV_PAGEOUT")
    if advice == "dontneed":
        return _let_go(step, f"{who} drops its page")
    if step.outcome == SKIPPED:
        return Said("KSM takes neither shared memory nor hugetlb: nothing changes.", "not for KSM")
    words, note = ADVICE[advice]
    return Said(f"From now on {words} {step.at} of {who}.", note)


VERBS: dict[tuple[str, str], Callable[[Telling], Said]] = {
    ("process", "fork"): fork,
    ("process", "exit"): exit_,
    ("process", "mmap"): mmap,
    ("process", "munmap"): munmap,
    ("process", "mprotect"): mprotect,
    ("process", "clear_refs"): clear_refs,
    ("process", "uffd_wp"): uffd_wp,
    ("process", "madvise"): madvise,
}
