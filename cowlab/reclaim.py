"""What the kernel does on its own: reclaim, migration, KSM, transient references, and the freeing of frames."""

from __future__ import annotations

from collections.abc import Callable

from cowlab.events import Event
from cowlab.fault import DONE, SKIPPED, SWAPPED, Step, drain_lru_batch, page_info, rest_mappings
from cowlab.policy import Policy
from cowlab.world import CachePage, Frame, Hold, Pte, Store, World, mapcount, page_count, parts


def swap_out(world: World, policy: Policy, event: Event) -> Step:
    return shrink_page(world, policy, event.args[0], event.page)


def pageout(world: World, policy: Policy, name: str, page: int) -> Step:
    """MADV_PAGEOUT leaves alone what is mapped more than once."""
    pte = world.pte(name, page)
    if pte is None or pte.frame is None or mapcount(world, pte.frame) + rest_mappings(world, pte.frame) != 1:
        return Step(world, SKIPPED)
    return shrink_page(world, policy, name, page)


def shrink_page(world: World, policy: Policy, name: str, page: int) -> Step:
    """shrink_page_list() for one page: unmap it from everybody, write it out, free it unless somebody still holds it."""
    pte = world.pte(name, page)
    if pte is None or pte.vma is None or pte.frame is None:
        return Step(world, SKIPPED)
    number, frame = pte.frame, world.frame(pte.frame)
    world = drain_lru_batch(world, number)  # a page in the batch is on no list that reclaim could take it from
    stays = frame.kind == "zero" or frame.size == "hugetlb" or frame.freed
    if stays or (frame.size == "thp" and held_otherwise(world, number)):
        return Step(world, SKIPPED)
    if frame.kind in ("file", "shared"):
        return shrink_cache_page(world, number, frame)
    writable = any(e.write for p in world.processes for _, e in p.ptes if e.frame == number)
    if not policy.ask("swap", page_info(world, name, pte._replace(write=writable), "reclaim")):
        return Step(world, SKIPPED)
    world, slot = (world, frame.slot) if frame.slot is not None else new_slot(world, frame.holds)
    world = change_entries(world, number, lambda old: try_to_unmap(old, number, slot, frame.exclusive))
    slots = tuple(frame.holds if n == slot else old for n, old in enumerate(world.slots))
    kept = frame._replace(slot=slot, exclusive=False) if held_otherwise(world, number) else None
    return Step(world.with_frame(number, kept)._replace(slots=slots), SWAPPED)


def try_to_unmap(pte: Pte, number: int, slot: int, exclusive: bool) -> Pte:
    """The entry with the frame replaced by a swap entry, which remembers whether the page was exclusive."""
    if pte.rest == number:
        return pte._replace(rest=None)
    return Pte(pte.vma, slot=slot, exclusive=exclusive, inherited=pte.inherited, rest=pte.rest)


def shrink_cache_page(world: World, number: int, frame: Frame) -> Step:
    """A file page is dropped, a shared one written to swap; one that somebody holds stays in the page cache."""
    world = change_entries(world, number, lambda old: Pte(old.vma))
    cached = next(page for page in world.cache if page.frame == number)
    outcome = SWAPPED if frame.kind == "shared" else DONE
    if held_otherwise(world, number):
        return Step(world, outcome)
    slot = None
    if frame.kind == "shared":
        world, slot = new_slot(world, frame.holds)
    world = world.with_cached(CachePage(cached.kind, cached.number, None, slot))
    return Step(world.with_frame(number, None), outcome)


def held_otherwise(world: World, number: int) -> bool:
    """Whether somebody besides page tables and caches is in the count: then the page cannot be moved or freed."""
    return any(part.what in ("FOLL_GET", "FOLL_PIN", "hold") for part in parts(world, number))


def new_slot(world: World, holds: Store) -> tuple[World, int]:
    for slot, old in enumerate(world.slots):
        if old is None:
            return world._replace(slots=(*world.slots[:slot], holds, *world.slots[slot + 1 :])), slot
    return world._replace(slots=(*world.slots, holds)), len(world.slots)


def change_entries(world: World, number: int, change: Callable[[Pte], Pte]) -> World:
    """Change every entry that maps that frame, wholly or in part: the rmap walk."""
    processes = []
    for process in world.processes:
        ptes = ((page, change(pte) if number in (pte.frame, pte.rest) else pte) for page, pte in process.ptes)
        processes.append(process._replace(ptes=tuple(ptes)))
    return world._replace(processes=tuple(processes))


def migrate(world: World, policy: Policy, event: Event) -> Step:
    """Move the frame. Every count must be known, so a page that somebody holds stays where it is, as does a free one."""
    pte = world.pte(event.args[0], event.page)
    if pte is None or pte.frame is None or held_otherwise(world, pte.frame):
        return Step(world, SKIPPED)
    old, frame = pte.frame, world.frame(pte.frame)
    if frame.kind == "zero" or frame.freed:
        return Step(world, SKIPPED)
    world, new = world.new_frame(frame)

    def moved(entry: Pte) -> Pte:
        return entry._replace(rest=new) if entry.rest == old else entry._replace(frame=new)

    cache = tuple(page._replace(frame=new) if page.frame == old else page for page in world.cache)
    return Step(change_entries(world, old, moved).with_frame(old, None)._replace(cache=cache), DONE)


def ksm(world: World, policy: Policy, event: Event) -> Step:
    """try_to_merge_two_pages(): two pages with equal bytes, both mergeable and held by nobody, become one KSM page."""
    (one, two), (page_one, page_two) = event.args, event.pages
    first, second = world.pte(one, page_one), world.pte(two, page_two)
    if first is None or second is None or not (mergeable(world, first) and mergeable(world, second)):
        return Step(world, SKIPPED)
    assert first.frame is not None and second.frame is not None
    a, b = world.frame(first.frame), world.frame(second.frame)
    if first.frame == second.frame or a.holds.letter != b.holds.letter or a.kind == b.kind == "ksm":
        return Step(world, SKIPPED)
    kept, gone = (second, (one, page_one, first)) if b.kind == "ksm" else (first, (two, page_two, second))
    assert kept.frame is not None
    frame = world.frame(kept.frame)
    both = frame.holds._replace(ids=tuple(sorted({*a.holds.ids, *b.holds.ids})))
    world = world.with_frame(kept.frame, frame._replace(kind="ksm", exclusive=False, holds=both))
    world = change_entries(world, kept.frame, lambda pte: pte._replace(write=False))
    name, page, pte = gone
    return Step(world.with_pte(name, page, Pte(pte.vma, kept.frame, rest=pte.rest)), DONE)


def mergeable(world: World, pte: Pte) -> bool:
    if pte.vma is None or not pte.vma.mergeable or pte.frame is None:
        return False
    frame = world.frame(pte.frame)
    if frame.kind == "ksm":
        return True
    return frame.kind == "anon" and frame.size == "base" and not held_otherwise(world, pte.frame)


def hold(world: World, policy: Policy, event: Event) -> Step:
    """Somebody looks at the page for a moment. With nothing there, the hold is on nothing."""
    pte = world.pte(event.args[0], event.page)
    number = pte.frame if pte is not None and pte.frame != 0 else None
    taken = Hold(event.args[0], event.page, "lru" in event.args[1:], number)
    return Step(world._replace(holds=(*world.holds, taken)), SKIPPED if number is None else DONE)


def drop(world: World, policy: Policy, event: Event) -> Step:
    """The oldest hold on that page goes."""
    oldest = next(h for h in world.holds if (h.process, h.page) == (event.args[0], event.page))
    holds = list(world.holds)
    holds.remove(oldest)
    return Step(world._replace(holds=tuple(holds)), SKIPPED if oldest.frame is None else DONE)


def reap(world: World) -> World:
    """Free what nobody uses any more: shared memory, swap cache, frames, slots. Gives the normal form of a World."""
    if world.cache:
        objects = {pte.vma.object for p in world.processes for _, pte in p.ptes if pte.vma and pte.vma.kind == "shared"}
        kept = tuple(page for page in world.cache if page.kind == "file" or page.number in objects)
        world = world if kept == world.cache else world._replace(cache=kept)
    mapped, held, named = users(world)
    frames = list(world.frames)
    for number, frame in enumerate(frames):
        if number and frame is not None:
            if frame.slot is not None and frame.slot not in named and number not in mapped:
                frame = frames[number] = frame._replace(slot=None)
            if number not in mapped and number not in held and frame.slot is None:
                frames[number] = None
            elif frame.slot is not None:
                named.add(frame.slot)
    while frames[-1] is None:
        frames.pop()
    slots = [holds if slot in named else None for slot, holds in enumerate(world.slots)]
    while slots and slots[-1] is None:
        slots.pop()
    freed = tuple(frames), tuple(slots)
    if freed != (world.frames, world.slots):
        world = world._replace(frames=freed[0], slots=freed[1])
    return world if world.counter is None else free_overflown(world)


def users(world: World) -> tuple[set[int | None], set[int | None], set[int | None]]:
    """Which frames page tables map, which ones others hold, and which swap slots are named."""
    mapped: set[int | None] = set()
    named: set[int | None] = {page.slot for page in world.cache}
    for process in world.processes:
        for _, pte in process.ptes:
            mapped.add(pte.frame)
            mapped.add(pte.rest)
            named.add(pte.slot)
    held = {reference.frame for reference in world.references}
    held.update(hold.frame for hold in world.holds)
    held.update(page.frame for page in world.cache)
    return mapped, held, named


def free_overflown(world: World) -> World:
    """A narrow counter that got to zero frees its frame although it is in use; the next allocation will take it."""
    for number, frame in enumerate(world.frames):
        if number and frame is not None and not frame.freed and page_count(world, number) == 0:
            world = world.with_frame(number, frame._replace(freed=True))
    return world
