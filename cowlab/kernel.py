"""What the kernel does: step(world, event, policy), one pure function an event, named after the kernel's.

Everything here is what all releases have in common; where they part, a decision of the policy is asked.
Page faults are in fault.py, references in gup.py, reclaim and the other things nobody asked for in reclaim.py.
"""

from __future__ import annotations

from collections.abc import Callable

from cowlab.events import TAKERS, Event, impossible
from cowlab.fault import (
    COPIED,
    DONE,
    REFUSED,
    SHARED,
    SIGSEGV,
    SKIPPED,
    Copy,
    Step,
    handle_read,
    handle_write,
    page_info,
    replace_by_copy,
)
from cowlab.gup import poke, reference_put, reference_read, reference_write, store, take_reference, vm_write
from cowlab.policy import COPY, MARK, PROTECT, REFUSE, SKIP, WHOLE, PageInfo, Policy
from cowlab.reclaim import drop, hold, ksm, migrate, pageout, reap, swap_out
from cowlab.world import ZERO_PAGE, CachePage, Counter, Frame, Process, Pte, Vma, World


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


def read(world: World, policy: Policy, event: Event) -> Step:
    pte = world.entry(event.actor, event.page)
    if pte.vma is None or pte.vma.prot == "none":
        return Step(world, SIGSEGV)
    return handle_read(world, event.actor, event.page)


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
