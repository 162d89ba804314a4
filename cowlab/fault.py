"""The page-fault path: handle_mm_fault() and below, and what a policy is told about a page."""

from __future__ import annotations

from typing import NamedTuple

from cowlab.policy import COPY, PUSH, WHOLE, PageInfo, Policy
from cowlab.world import (
    FILE,
    HUGE_PTES,
    ZERO,
    ZERO_PAGE,
    CachePage,
    Frame,
    Pte,
    World,
    cached_in,
    mapcount,
    maybe_dma_pinned,
    page_count,
    swapcount,
)

HIT, REUSE, COPIED, FAULT, SHARED, SWAPPED = "hit", "reuse", "copy", "fault", "share", "swapped"
SIGSEGV, REFUSED, SKIPPED, DONE = "sigsegv", "refused", "skipped", "done"
OUTCOMES = (HIT, REUSE, COPIED, FAULT, SHARED, SWAPPED, SIGSEGV, REFUSED, SKIPPED, DONE)


class Copy(NamedTuple):
    """One page copied: for which process and page, from and to which frame, and why."""

    process: str
    page: int
    old: int
    new: int
    why: str  # fault, gup, fork, mprotect, clear_refs, uffd_wp, push


class Step(NamedTuple):
    """What one event did."""

    world: World
    outcome: str
    copies: tuple[Copy, ...] = ()


def page_info(world: World, name: str, pte: Pte, asker: str) -> PageInfo:
    """What the policy is told about the page behind that entry."""
    process = world.process(name)
    assert process is not None and pte.vma is not None
    if pte.frame is None:
        size = pte.vma.kind if pte.vma.kind in ("thp", "hugetlb") else "base"
        entries = swapcount(world, pte.slot)
        return PageInfo(
            asker, "none", size, mapcount=0, swapcount=entries, page_count=0, share=0, mm_has_pinned=process.has_pinned,
            exclusive=pte.exclusive, inherited=pte.inherited,
        )  # fmt: skip
    frame = world.frame(pte.frame)
    split = pte.split and frame.size == "thp"
    return PageInfo(
        asker=asker,
        kind=frame.kind,
        size=frame.size,
        split=split,
        mapcount=mapcount(world, pte.frame) + rest_mappings(world, pte.frame),
        swapcount=swapcount(world, frame.slot),
        page_count=page_count(world, pte.frame),
        share=HUGE_PTES if split else 1,
        in_swapcache=frame.slot is not None,
        lru_held=any(hold.lru and hold.frame == pte.frame for hold in world.holds),
        maybe_dma_pinned=maybe_dma_pinned(world, pte.frame),
        mm_has_pinned=process.has_pinned,
        exclusive=frame.exclusive,
        gup_flag=frame.gup_flag,
        inherited=pte.inherited,
        writable=pte.write,
    )


def rest_mappings(world: World, number: int) -> int:
    """How many processes still map the other pages of a huge page by PTEs: page_trans_huge_mapcount() has them in."""
    return sum(pte.rest == number for process in world.processes for _, pte in process.ptes)


def handle_read(world: World, name: str, page: int) -> Step:
    """A load by a process whose mapping allows it."""
    pte = world.entry(name, page)
    if pte.frame is not None:
        return Step(world, HIT)
    if pte.slot is not None:
        return Step(swap_in(world, name, page, pte), FAULT)
    return do_read_fault(world, name, page, pte)


def handle_write(world: World, policy: Policy, name: str, page: int) -> Step:
    """A store by a process whose mapping allows it, or by FOLL_FORCE: then the entry stays read-only."""
    pte = world.entry(name, page)
    if pte.frame is None:
        if pte.slot is not None:
            return do_swap_page(world, policy, name, page, pte)
        return do_write_fault(world, name, page, pte)
    return Step(world, HIT) if pte.write else do_wp_page(world, policy, name, page)


# --- nothing there yet -----------------------------------------------------------------------------------------------


def do_read_fault(world: World, name: str, page: int, pte: Pte) -> Step:
    """do_anonymous_page() maps the zero page, a file or shared mapping its page; hugetlb has no zero page."""
    assert pte.vma is not None
    if pte.vma.kind == "hugetlb":
        world, number = world.new_frame(Frame(ZERO, "anon", "hugetlb", exclusive=True))
    elif pte.vma.cow and pte.vma.kind != "file":
        number = ZERO_PAGE
    else:
        world, number = find_get_page(world, pte, page)
    entry = pte._replace(frame=number, write=not pte.vma.cow and pte.vma.writable)
    return Step(world.with_pte(name, page, entry), FAULT)


def do_write_fault(world: World, name: str, page: int, pte: Pte) -> Step:
    """A fresh frame; for a private file page a copy of it (do_cow_fault())."""
    assert pte.vma is not None
    if not pte.vma.cow:
        return do_read_fault(world, name, page, pte)
    entry = pte._replace(write=pte.vma.writable)
    if pte.vma.kind == "file":
        world, old = find_get_page(world, pte, page)
        world, number = world.new_frame(Frame(world.frame(old).holds, exclusive=True))
        copy = Copy(name, page, old, number, "fault")
        return Step(world.with_pte(name, page, entry._replace(frame=number)), COPIED, (copy,))
    size = pte.vma.kind if pte.vma.kind in ("thp", "hugetlb") else "base"
    world, number = world.new_frame(Frame(ZERO, "anon", size, exclusive=True))
    return Step(world.with_pte(name, page, entry._replace(frame=number)), FAULT)


def find_get_page(world: World, pte: Pte, page: int) -> tuple[World, int]:
    """The frame in the page cache behind a file or shared mapping, read in if need be."""
    assert pte.vma is not None
    kind = pte.vma.kind
    number = page if kind == "file" else pte.vma.object
    cached = world.cached(kind, number) or CachePage(kind, number)
    if cached.frame is not None:
        return world, cached.frame
    holds = FILE if kind == "file" else ZERO
    if cached.slot is not None:
        slot = world.slots[cached.slot]
        assert slot is not None
        holds = slot
    world, frame = world.new_frame(Frame(holds, kind))
    return world.with_cached(CachePage(kind, number, frame)), frame


# --- swapped out -----------------------------------------------------------------------------------------------------


def swap_in(world: World, name: str, page: int, pte: Pte) -> World:
    """Map what the swap entry names, read-only, through the swap cache. The entry's exclusive bit becomes the flag."""
    slot = pte.slot
    assert slot is not None
    number = cached_in(world, slot)
    if number is None:
        holds = world.slots[slot]
        assert holds is not None
        world, number = world.new_frame(Frame(holds, slot=slot))
    frame = world.frame(number)
    world = world.with_frame(number, frame._replace(exclusive=pte.exclusive))
    return world.with_pte(name, page, pte._replace(frame=number, slot=None, exclusive=False))


def do_swap_page(world: World, policy: Policy, name: str, page: int, pte: Pte) -> Step:
    """A write to a swap entry: mapped writable if it is mine alone, else as any write fault after the swap-in."""
    world = swap_in(world, name, page, pte)
    world, info = ask_after_drain(world, policy, name, page, "swapin", "swap", False)
    if info.kind != "ksm" and policy.ask("swap", info):
        return wp_page_reuse(world, name, page, write=True)._replace(outcome=FAULT)
    done = do_wp_page(world, policy, name, page)
    return done if done.outcome == COPIED else done._replace(outcome=FAULT)


def ask_after_drain(
    world: World, policy: Policy, name: str, page: int, asker: str, cell: str, no: object
) -> tuple[World, PageInfo]:
    """The PageInfo to decide by. If the answer would be no, a release that drains the LRU batch does so first."""
    pte = world.entry(name, page)
    assert pte.frame is not None
    info = page_info(world, name, pte, asker)
    if info.lru_held and policy.ask(cell, info) == no and policy.ask("drain", info):
        world = drain_lru_batch(world, pte.frame)
        info = page_info(world, name, pte, asker)
    return world, info


def drain_lru_batch(world: World, number: int) -> World:
    """The page goes to its LRU list, and the batch lets go of it."""
    holds = (hold._replace(frame=None) if hold.lru and hold.frame == number else hold for hold in world.holds)
    return world._replace(holds=tuple(holds))


# --- mapped read-only ------------------------------------------------------------------------------------------------


def do_wp_page(world: World, policy: Policy, name: str, page: int, *, unshare: bool = False) -> Step:
    """A write fault on a present page: reuse or copy. unshare: a fault for a read pin, which gets no write bit."""
    pte = world.entry(name, page)
    assert pte.vma is not None and pte.frame is not None
    write = not unshare
    if not pte.vma.cow:
        return Step(world.with_pte(name, page, pte._replace(write=write and pte.vma.writable)), REUSE)
    if world.frame(pte.frame).kind in ("zero", "file"):
        return replace_by_copy(world, policy, name, page, write=write, why="fault")
    asker = "unshare" if unshare else "write"
    world, info = ask_after_drain(world, policy, name, page, asker, "reuse", COPY)
    answer = policy.ask("reuse", info)
    if answer == COPY:
        return replace_by_copy(world, policy, name, page, write=write, why="fault")
    copies: tuple[Copy, ...] = ()
    if answer == PUSH:
        world, copies = push_copies(world, name, page, pte.frame)
    return wp_page_reuse(world, name, page, write=write)._replace(copies=copies)


def wp_page_reuse(world: World, name: str, page: int, *, write: bool) -> Step:
    """Keep the frame: it is exclusive now, no longer KSM's, and leaves a swap cache that no entry needs."""
    pte = world.entry(name, page)
    assert pte.vma is not None and pte.frame is not None
    frame = world.frame(pte.frame)
    slot = frame.slot if swapcount(world, frame.slot) else None
    world = world.with_frame(pte.frame, frame._replace(kind="anon", exclusive=True, slot=slot))
    entry = pte._replace(write=write and pte.vma.writable, inherited=False)
    return Step(world.with_pte(name, page, entry), REUSE)


def replace_by_copy(world: World, policy: Policy, name: str, page: int, *, write: bool, why: str) -> Step:
    """wp_page_copy(): map a copy instead. Of a huge page, all of it or the one page looked at."""
    pte = world.entry(name, page)
    assert pte.vma is not None and pte.frame is not None
    old = world.frame(pte.frame)
    size, rest = old.size, pte.rest
    if pte.vma.kind == "thp" and (size == "thp" or old.kind == "zero"):
        whole = not pte.split and policy.ask("huge", page_info(world, name, pte, "write")) == WHOLE
        size = "thp" if whole else "base"
        rest = pte.frame if old.size == "thp" and not whole else rest
    world, number = world.new_frame(Frame(old.holds, "anon", size, exclusive=True))
    entry = Pte(pte.vma, number, write=write and pte.vma.writable, rest=rest)
    return Step(world.with_pte(name, page, entry), COPIED, (Copy(name, page, pte.frame, number, why),))


def push_copies(world: World, name: str, page: int, number: int) -> tuple[World, tuple[Copy, ...]]:
    """Give every other mapping of the frame a copy of its own, and swap entries what the slot holds."""
    frame, copies = world.frame(number), []
    for process in world.processes:
        for where, pte in process.ptes:
            if pte.frame == number and (process.name, where) != (name, page):
                world, new = world.new_frame(Frame(frame.holds, "anon", frame.size, exclusive=True))
                world = world.with_pte(process.name, where, Pte(pte.vma, new, split=pte.split))
                copies.append(Copy(process.name, where, number, new, "push"))
    if frame.slot is not None:
        slots = tuple(frame.holds if slot == frame.slot else old for slot, old in enumerate(world.slots))
        world = world.with_frame(number, frame._replace(slot=None))._replace(slots=slots)
    return world, tuple(copies)
