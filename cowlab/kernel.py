"""What the kernel does: step(world, event, policy), one pure function an event, named after the kernel's.

Everything here is what all releases have in common; where they part, a decision of the policy is asked.
Page faults are in fault.py, reclaim and the other things nobody asked for in reclaim.py.
"""

from __future__ import annotations

from collections.abc import Callable

from cowlab.events import TAKERS, Event, impossible
from cowlab.fault import (
    COPIED,
    DONE,
    FAULT,
    HIT,
    REFUSED,
    SHARED,
    SIGSEGV,
    SKIPPED,
    Copy,
    Step,
    do_wp_page,
    handle_read,
    handle_write,
    page_info,
    replace_by_copy,
)
from cowlab.policy import BREAK, COPY, MARK, PROTECT, REFUSE, SKIP, UNSHARE, WHOLE, PageInfo, Policy
from cowlab.reclaim import drop, hold, ksm, migrate, pageout, reap, swap_out
from cowlab.world import ZERO_PAGE, CachePage, Counter, Frame, Process, Pte, Reference, Store, Vma, World, page_count


def step(world: World, event: Event, policy: Policy) -> World | None:
    """The World after that event; None if it cannot happen here (events.impossible says why)."""
    taken = transition(world, event, policy)
    return None if taken is None else taken.world


def transition(world: World, event: Event, policy: Policy) -> Step | None:
    """As step, with the outcome and the copies that were made.

    Raises policy.BadAnswer if a decision of the policy fails.
    """
    if impossible(world, event) is not None:
        return None
    if event.actor in ("kernel", "file"):
        act = KERNEL_EVENTS[event.verb] if event.actor == "kernel" else file_read
    elif world.reference(event.actor) is not None:
        act = REFERENCE_EVENTS[event.verb]
    else:
        act = PROCESS_EVENTS[event.verb]
    if world.fresh and event.verb != "counter":
        world = world._replace(fresh=False)
    taken = act(world, policy, event)
    return taken if taken.world is world else taken._replace(world=reap(taken.world))


# --- loads and stores ------------------------------------------------------------------------------------------------


def write(world: World, policy: Policy, event: Event) -> Step:
    """A CPU store. The entry is what the CPU asks; only a fault looks at the mapping."""
    pte = world.entry(event.actor, event.page)
    if pte.vma is None or (pte.vma.prot != "rw" and not pte.write):
        return Step(world, SIGSEGV)
    touched = handle_write(world, policy, event.actor, event.page)
    return store(touched, event.actor, event.page, event.args[0], by=event.actor)


def store(touched: Step, name: str, page: int, letter: str, *, by: str) -> Step:
    """Put a CPU store into the frame which that process now maps."""
    pte = touched.world.entry(name, page)
    assert pte.frame is not None
    return touched._replace(world=store_in_frame(touched.world, pte.frame, letter, by=by))


def store_in_frame(world: World, number: int, letter: str, *, by: str, device: bool = False) -> World:
    frame = world.frame(number)._replace(holds=Store(letter, (world.stores,), by, device))
    return world.with_frame(number, frame)._replace(stores=world.stores + 1)


def read(world: World, policy: Policy, event: Event) -> Step:
    pte = world.entry(event.actor, event.page)
    if pte.vma is None or pte.vma.prot == "none":
        return Step(world, SIGSEGV)
    return handle_read(world, event.actor, event.page)


# --- get_user_pages() ------------------------------------------------------------------------------------------------


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


# --- references ------------------------------------------------------------------------------------------------------


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


# --- fork and exit ---------------------------------------------------------------------------------------------------


def fork(world: World, policy: Policy, event: Event) -> Step:
    """dup_mmap(): page by page, what the child gets."""
    parent = world.process(event.actor)
    assert parent is not None
    child: list[tuple[int, Pte]] = []
    copies: list[Copy] = []
    for page, pte in parent.ptes:
        world, inherited, copied = copy_pte(world, policy, parent, page, pte, event.args[0])
        child.append((page, inherited))
        copies += copied
    # holds on a process of that name which has exited stay, but nobody can name them any more
    holds = tuple(hold._replace(process="") if hold.process == event.args[0] else hold for hold in world.holds)
    world = world._replace(processes=(*world.processes, Process(event.args[0], tuple(child))), holds=holds)
    return Step(world, COPIED if copies else SHARED, tuple(copies))


def copy_pte(
    world: World, policy: Policy, parent: Process, page: int, pte: Pte, child: str
) -> tuple[World, Pte, tuple[Copy, ...]]:
    """The World with the parent's entry changed, the child's entry, and the copy that was made, if any."""
    if pte.vma is None or pte.vma.dontfork:
        return world, Pte(vma=None), ()
    vma = pte.vma._replace(uffd_wp=False)  # userfaultfd does not follow a fork
    if pte.vma.wipeonfork:
        return world, Pte(vma), ()
    if not vma.cow or pte.frame == ZERO_PAGE:
        return world, pte._replace(vma=vma), ()
    info = page_info(world, parent.name, pte, "fork")
    answer = policy.ask("fork", info)
    if answer == COPY and pte.frame is not None:
        return copy_present_page(world, policy, parent, page, pte, info, child)
    if pte.frame is not None:
        world = world.with_frame(pte.frame, world.frame(pte.frame)._replace(exclusive=False))
    shared = pte._replace(write=False, exclusive=False)
    world = world.with_pte(parent.name, page, shared)
    there = pte.frame is not None or pte.slot is not None
    return world, shared._replace(vma=vma, inherited=pte.inherited or (answer == MARK and there)), ()


def copy_present_page(
    world: World, policy: Policy, parent: Process, page: int, pte: Pte, info: PageInfo, child: str
) -> tuple[World, Pte, tuple[Copy, ...]]:
    """The child gets a copy now, the parent's entry stays as it is. A THP is split first, its PTEs copied one by one."""
    assert pte.vma is not None and pte.frame is not None
    frame = world.frame(pte.frame)
    size = frame.size
    if size == "thp" and policy.ask("huge", info) != WHOLE:
        size = "base"
        world = world.with_pte(parent.name, page, pte._replace(split=True))
    world, number = world.new_frame(Frame(frame.holds, "anon", size, exclusive=True))
    vma = pte.vma._replace(uffd_wp=False)
    entry = Pte(vma, number, write=vma.prot == "rw", rest=pte.rest)
    return world, entry, (Copy(child, page, pte.frame, number, "fork"),)


def exit_(world: World, policy: Policy, event: Event) -> Step:
    """The page tables go; the references stay with whoever holds them."""
    return Step(world._replace(processes=tuple(p for p in world.processes if p.name != event.actor)), DONE)


# --- mappings --------------------------------------------------------------------------------------------------------


def mmap(world: World, policy: Policy, event: Event) -> Step:
    kind, prot = (*event.args, "rw")[:2]
    number = 0
    if kind == "shared":
        used = {page.number for page in world.cache if page.kind == "shared"}
        number = min(set(range(len(used) + 1)) - used)
        world = world.with_cached(CachePage("shared", number))
    process = world.process(event.actor)
    assert process is not None
    ptes = {**dict(process.ptes), event.page: Pte(Vma(kind, prot, number))}
    changed = process._replace(ptes=tuple(sorted(ptes.items())))
    return Step(world._replace(processes=tuple(changed if p is process else p for p in world.processes)), DONE)


def munmap(world: World, policy: Policy, event: Event) -> Step:
    pte = world.entry(event.actor, event.page)
    if pte.vma is None:
        return Step(world, SKIPPED)
    return Step(world.with_pte(event.actor, event.page, Pte(vma=None)), DONE)


def mprotect(world: World, policy: Policy, event: Event) -> Step:
    """change_pte_range(): the mapping's rights change, and so does the entry, as the policy sees fit."""
    name, page, prot = event.actor, event.page, event.args[0]
    pte = world.entry(name, page)
    if pte.vma is None:
        return Step(world, REFUSED)
    if pte.vma.prot == prot:
        return Step(world, DONE)
    new = pte._replace(vma=pte.vma._replace(prot=prot))
    if prot == "rw":
        return Step(world.with_pte(name, page, restore_write(world, policy, name, new, "mprotect")), DONE)
    changed = write_protect(world, policy, name, page, new, "mprotect")
    return Step(world, REFUSED) if changed is None else changed


def write_protect(world: World, policy: Policy, name: str, page: int, new: Pte, asker: str) -> Step | None:
    """Put `new` there without its write bit, if the policy agrees. None: the call is refused."""
    assert new.vma is not None
    old = world.pte(name, page)
    if new.frame is None or not new.vma.cow or new.frame == ZERO_PAGE or old is None:
        return Step(world.with_pte(name, page, new._replace(write=False)), DONE)
    answer = policy.ask("protect", page_info(world, name, old, asker))
    if answer == REFUSE:
        return None
    if answer == SKIP:
        return Step(world.with_pte(name, page, new), SKIPPED)
    if answer == COPY:
        copied = replace_by_copy(world, policy, name, page, write=False, why=asker)
        entry = copied.world.entry(name, page)
        return copied._replace(world=copied.world.with_pte(name, page, entry._replace(vma=new.vma)))
    assert answer == PROTECT
    return Step(world.with_pte(name, page, new._replace(write=False)), DONE)


def restore_write(world: World, policy: Policy, name: str, pte: Pte, asker: str) -> Pte:
    """The entry when the right to write has come back: writable at once, or at the next fault."""
    assert pte.vma is not None
    if pte.frame is None or not pte.vma.writable:
        return pte
    if not pte.vma.cow:
        return pte._replace(write=True)
    mkwrite = policy.ask("mkwrite", page_info(world, name, pte, asker))
    return pte._replace(write=pte.write or mkwrite)


def clear_refs(world: World, policy: Policy, event: Event) -> Step:
    """echo 4 > /proc/PID/clear_refs: soft-dirty tracking write-protects every page, but never looks at hugetlb."""
    process = world.process(event.actor)
    assert process is not None
    outcome = DONE
    copies: list[Copy] = []
    for page, pte in process.ptes:
        if pte.vma is None or pte.frame is None:
            continue
        hugetlb = pte.vma.kind == "hugetlb"
        changed = None if hugetlb else write_protect(world, policy, event.actor, page, pte, "clear_refs")
        if changed is None or changed.outcome == SKIPPED:
            outcome = SKIPPED
        if changed is not None:
            world = changed.world
            copies += changed.copies
    return Step(world, COPIED if copies and outcome == DONE else outcome, tuple(copies))


def uffd_wp(world: World, policy: Policy, event: Event) -> Step:
    """userfaultfd write-protection and its removal; private file pages cannot have it."""
    name, page = event.actor, event.page
    pte = world.entry(name, page)
    if pte.vma is None or pte.vma.kind == "file":
        return Step(world, REFUSED)
    new = pte._replace(vma=pte.vma._replace(uffd_wp=event.args[0] == "on"))
    if event.args[0] == "off":
        return Step(world.with_pte(name, page, restore_write(world, policy, name, new, "uffd_wp")), DONE)
    changed = write_protect(world, policy, name, page, new, "uffd_wp")
    return Step(world.with_pte(name, page, new), SKIPPED) if changed is None else changed


def madvise(world: World, policy: Policy, event: Event) -> Step:
    name, page, advice = event.actor, event.page, event.args[0]
    pte = world.entry(name, page)
    vma = pte.vma
    anonymous_only = advice == "wipeonfork" and vma is not None and vma.kind not in ("anon", "thp")
    if vma is None or anonymous_only or (advice == "pageout" and vma.kind == "hugetlb"):
        return Step(world, REFUSED)
    if advice == "pageout":
        return pageout(world, policy, name, page)
    if advice == "dontneed":
        return Step(world.with_pte(name, page, Pte(vma)), DONE)
    if advice == "mergeable" and vma.kind in ("shared", "hugetlb"):
        return Step(world, SKIPPED)
    advised = {
        "dontfork": vma._replace(dontfork=True),
        "dofork": vma._replace(dontfork=False),
        "wipeonfork": vma._replace(wipeonfork=True),
        "mergeable": vma._replace(mergeable=True),
    }
    return Step(world.with_pte(name, page, pte._replace(vma=advised[advice])), DONE)


# --- the rest --------------------------------------------------------------------------------------------------------


def file_read(world: World, policy: Policy, event: Event) -> Step:
    return Step(world, DONE)


def counter(world: World, policy: Policy, event: Event) -> Step:
    bits, _, bias, *guard = event.args
    return Step(world._replace(counter=Counter(int(bits), int(bias), bool(guard))), DONE)


Act = Callable[[World, Policy, Event], Step]
PROCESS_EVENTS: dict[str, Act] = {
    **{"mmap": mmap, "write": write, "read": read, "fork": fork, "exit": exit_, "munmap": munmap, "mprotect": mprotect},
    **{"madvise": madvise, "clear_refs": clear_refs, "uffd_wp": uffd_wp, "poke": poke, "vm_write": vm_write},
    **dict.fromkeys(TAKERS, take_reference),
}
REFERENCE_EVENTS: dict[str, Act] = {"write": reference_write, "read": reference_read, "put": reference_put}
KERNEL_EVENTS: dict[str, Act] = {
    **{"swap_out": swap_out, "migrate": migrate, "ksm": ksm, "hold": hold, "drop": drop, "counter": counter}
}
