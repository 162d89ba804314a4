"""References: get_user_pages(), pin_user_pages(), those who call them, and what they do with the page."""

from __future__ import annotations

from cowlab.events import Event
from cowlab.fault import COPIED, DONE, FAULT, HIT, REFUSED, Step, do_wp_page, handle_read, handle_write, page_info
from cowlab.policy import BREAK, UNSHARE, PageInfo, Policy
from cowlab.world import Reference, Store, World, page_count


def gup(
    world: World, policy: Policy, name: str, page: int, *, write: bool, asker: str, force: bool = False
) -> Step | None:
    """Fault the page in as a reference needs it. None: the call fails with EFAULT. force: FOLL_FORCE."""
    pte = world.pte(name, page)
    if pte is None or pte.vma is None:
        return None
    if write:
        allowed = pte.vma.prot == "rw" or (force and pte.vma.cow)
        return handle_write(world, policy, name, page) if allowed else None
    if pte.vma.prot == "none":
        return None
    return gup_read(world, policy, name, page, asker)


def gup_read(world: World, policy: Policy, name: str, page: int, asker: str) -> Step:
    pte = world.entry(name, page)
    assert pte.vma is not None
    answer = policy.ask("gup", page_info(world, name, pte, asker)) if pte.vma.cow else None
    if answer == BREAK:
        return handle_write(world, policy, name, page)
    if pte.frame is None:  # fault it in to look at it, then ask again
        faulted = handle_read(world, name, page)
        taken = gup_read(faulted.world, policy, name, page, asker)
        return taken if taken.outcome == COPIED else taken._replace(outcome=FAULT)
    if answer == UNSHARE:
        return do_wp_page(world, policy, name, page, unshare=True)
    return Step(world, HIT)


def take_reference(world: World, policy: Policy, event: Event) -> Step:
    """vmsplice, O_DIRECT, io_uring registration, and the bare get_user_pages() and pin_user_pages()."""
    verb, flags = event.verb, event.args[1:]
    take = {"get": "GET", "pin": "PIN"}.get(verb) or policy.ask("users", PageInfo(asker=verb))
    write = verb in ("direct_read", "register") or "write" in flags
    longterm = verb == "register" or "longterm" in flags
    asker = "get" if take == "GET" else "longterm" if longterm else "pin"
    reference = Reference(event.args[0], verb, event.actor, event.page, take, write, longterm, None)
    touched = gup(world, policy, event.actor, event.page, write=write, asker=asker)
    if touched is None:
        return Step(world._replace(references=(*world.references, reference)), REFUSED)
    world = touched.world
    pte = world.entry(event.actor, event.page)
    assert pte.frame is not None
    if not try_get_page(world, pte.frame):
        return Step(world._replace(references=(*world.references, reference)), REFUSED, touched.copies)
    world = set_gup_flag(world, pte.frame)
    if take == "PIN":
        world = mm_set_has_pinned(world, event.actor)
    reference = reference._replace(frame=pte.frame)
    copies = tuple(copy._replace(why="gup") if copy.why == "fault" else copy for copy in touched.copies)
    return Step(world._replace(references=(*world.references, reference)), touched.outcome, copies)


def try_get_page(world: World, number: int) -> bool:
    """With the guard a reference is refused once the count, as a signed number, is not positive."""
    if world.counter is None or not world.counter.guard:
        return True
    return 0 < page_count(world, number) < 1 << (world.counter.bits - 1)


def set_gup_flag(world: World, number: int) -> World:
    """PG_gup of 2009: once set, it stays."""
    frame = world.frame(number)
    return world.with_frame(number, frame._replace(gup_flag=True)) if frame.kind == "anon" else world


def mm_set_has_pinned(world: World, name: str) -> World:
    processes = (p._replace(has_pinned=True) if p.name == name else p for p in world.processes)
    return world._replace(processes=tuple(processes))


def poke(world: World, policy: Policy, event: Event) -> Step:
    """A FOLL_FORCE write of a debugger: into a private mapping whatever its rights."""
    return _remote_write(world, policy, event, event.actor, event.args[0], force=True)


def vm_write(world: World, policy: Policy, event: Event) -> Step:
    """process_vm_writev(): as any write reference, so a read-only mapping refuses it."""
    return _remote_write(world, policy, event, event.args[0], event.args[1], force=False)


def _remote_write(world: World, policy: Policy, event: Event, target: str, letter: str, *, force: bool) -> Step:
    touched = gup(world, policy, target, event.page, write=True, asker="get", force=force)
    if touched is None:
        return Step(world, REFUSED)
    pte = touched.world.entry(target, event.page)
    assert pte.frame is not None
    touched = touched._replace(world=set_gup_flag(touched.world, pte.frame))
    return store(touched, target, event.page, letter, by=event.actor)


# --- what the holder does --------------------------------------------------------------------------------------------


def reference_write(world: World, policy: Policy, event: Event) -> Step:
    """The device stores: no page table is asked, so no protection binds it."""
    reference = world.reference(event.actor)
    assert reference is not None
    if reference.frame is None:
        return Step(world, REFUSED)
    return Step(store_in_frame(world, reference.frame, event.args[0], by=event.actor, device=True), DONE)


def reference_read(world: World, policy: Policy, event: Event) -> Step:
    reference = world.reference(event.actor)
    assert reference is not None
    return Step(world, REFUSED if reference.frame is None else DONE)


def reference_put(world: World, policy: Policy, event: Event) -> Step:
    """put_page() or unpin_user_page()."""
    outcome = reference_read(world, policy, event).outcome
    return Step(world._replace(references=tuple(r for r in world.references if r.name != event.actor)), outcome)


# --- stores ----------------------------------------------------------------------------------------------------------


def store(touched: Step, name: str, page: int, letter: str, *, by: str) -> Step:
    """Put a CPU store into the frame which that process now maps."""
    pte = touched.world.entry(name, page)
    assert pte.frame is not None
    return touched._replace(world=store_in_frame(touched.world, pte.frame, letter, by=by))


def store_in_frame(world: World, number: int, letter: str, *, by: str, device: bool = False) -> World:
    frame = world.frame(number)._replace(holds=Store(letter, (world.stores,), by, device))
    return world.with_frame(number, frame)._replace(stores=world.stores + 1)
