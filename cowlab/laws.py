"""The laws: what must hold after every event, judged beside the ideal.

After each event every reader looks, whether or not the script reads. A finding is (law, who, which store is seen).

    isolation      nobody sees a CPU store that is not in the present or past of their ideal cell      leak
    dma-isolation  the same for a device's store                                                       dma-leak
    coherence      nobody sees an older value of their own cell where the present one was promised     stale
                   (where it was not promised: snapshot, worth seeing, not a broken law)
    protection     after mprotect r the owner's stores fault; mprotect is not refused                  unprotected, refused
    accounting     no frame is freed in use, no pin is overlooked, a promised pin is exclusive         accounting
    economy        no copy is made that no reader needed; a cost, it never sets a verdict              needless
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cowlab.events import Event
from cowlab.fault import REFUSED, SIGSEGV, Copy, Step
from cowlab.ideal import Cell, Ideal
from cowlab.policy import Policy
from cowlab.world import Store, World, cached_in, looks, maybe_dma_pinned, sees

LAWS = ("isolation", "dma-isolation", "coherence", "protection", "accounting", "economy")
VERDICTS = ("leak", "dma-leak", "stale", "refused", "unprotected", "snapshot", "ok")


class Finding(NamedTuple):
    """One thing that is wrong. saw and should are stores; promised is None where no promise is in question."""

    law: str
    kind: str
    who: str
    saw: Store | None = None
    should: Store | None = None
    promised: bool | None = None

    @property
    def key(self) -> tuple[str, str, str, tuple[int, ...]]:
        """What makes it the same finding as an earlier one: the store that is seen, not the one that is missed."""
        return self.law, self.kind, self.who, self.saw.ids if self.saw else ()

    @property
    def broken(self) -> bool:
        """Whether it breaks the law; an unpromised snapshot does not."""
        return self.promised is not False


class Reader(NamedTuple):
    """Somebody who looks: a readable mapping, or a reference through which one can look."""

    who: str
    sees: Store
    cell: Cell
    current: bool  # is promised to see every firm store


def place(name: str, page: int) -> str:
    """How a page of a process is named: P, or P @2."""
    return f"{name} @{page}" if page else name


def readers(world: World, ideal: Ideal) -> Iterator[Reader]:
    for process in world.processes:
        for page, pte in process.ptes:
            seen, number = sees(world, pte, page), ideal.cell_at(process.name, page)
            if seen is not None and number is not None:
                yield Reader(place(process.name, page), seen, ideal.cell(number), True)
    contracts = ideal.by_name
    for reference in world.references:
        looked, contract = looks(world, reference), contracts.get(reference.name)
        if looked is not None and contract is not None:
            yield Reader(reference.name, looked, ideal.cell(contract.cell), contract.holds)


def findings(before: World, event: Event, step: Step, ideal: Ideal, policy: Policy) -> list[Finding]:
    """What is wrong after this event, economy aside. What was wrong before and still is comes again, with the same key."""
    found = [finding for reader in readers(step.world, ideal) if (finding := look(reader)) is not None]
    found += protection(before, event, step)
    found += accounting(before, step.world, ideal, policy)
    return found


def look(reader: Reader) -> Finding | None:
    """isolation, dma-isolation and coherence, for one reader."""
    seen, cell = reader.sees, reader.cell
    if seen.same_as(cell.now):
        return None
    for old in reversed(cell.past):
        if seen.same_as(old.store):
            promised = old.missed and reader.current
            return Finding("coherence", "stale" if promised else "snapshot", reader.who, seen, cell.now, promised)
    if seen.device:
        return Finding("dma-isolation", "dma-leak", reader.who, seen, cell.now)
    if seen.by:
        return Finding("isolation", "leak", reader.who, seen, cell.now)
    return Finding("coherence", "stale", reader.who, seen, cell.now, True)


def protection(before: World, event: Event, step: Step) -> Iterator[Finding]:
    pte = before.pte(event.actor, event.page) if event.pages else None
    if pte is None or pte.vma is None:
        return
    who = place(event.actor, event.page)
    if event.verb == "mprotect" and step.outcome == REFUSED:
        yield Finding("protection", "refused", who)
    if event.verb == "write" and pte.vma.prot != "rw" and step.outcome != SIGSEGV:
        yield Finding("protection", "unprotected", who, Store(event.args[0], (before.stores,), event.actor))


def accounting(before: World, world: World, ideal: Ideal, policy: Policy) -> Iterator[Finding]:
    if world.counter is not None:  # no other count goes down to 0 while somebody is left
        known = before.frames
        for number, frame in enumerate(world.frames):
            old = known[number] if number < len(known) else None
            if frame is not None and frame.freed and not (old is not None and old.freed):
                yield Finding("accounting", "accounting", _user(world, number))
    if not world.references:
        return
    contracts = ideal.by_name
    for reference in world.references:
        contract = contracts.get(reference.name)
        if reference.take != "PIN" or reference.frame is None or contract is None:
            continue
        frame = world.frame(reference.frame)
        narrow = world.counter is not None and frame.kind != "zero"  # 1024 are in a whole count whatever else is
        overlooked = narrow and not maybe_dma_pinned(world, reference.frame)
        shared = policy.flag == "exclusive" and contract.holds and frame.kind in ("anon", "ksm") and not frame.exclusive
        if overlooked or shared:
            yield Finding("accounting", "accounting", reference.name)


def _user(world: World, number: int) -> str:
    """The first who uses that frame."""
    for process in world.processes:
        for page, pte in process.ptes:
            if number in (pte.frame, pte.rest):
                return place(process.name, page)
    return next((r.name for r in world.references if r.frame == number), "kernel")


def needless(before: World, ideal: Ideal, copy: Copy) -> bool:
    """economy: whether nobody needed this copy, judged by who read the page just before.

    Of a huge page only the page looked at counts: who maps the other 511 reads nothing of it.
    """
    if copy.why == "fork":
        users = [r for r in before.references if r.frame == copy.old]
        contracts = (ideal.contract(reference.name) for reference in users)
        return not any(r.write for r in users) and not any(c is not None and c.holds for c in contracts)
    pte = before.pte(copy.process, copy.page)
    assert pte is not None
    number = pte.frame if pte.frame is not None else cached_in(before, pte.slot)
    if number is None and pte.slot is None:  # it was not there: a file's page or the zero page has been copied
        return False
    frame = None if number is None else before.frame(number)
    if frame is not None and frame.kind != "anon":
        return False
    slot = pte.slot if frame is None else frame.slot
    mine = ideal.cell_at(copy.process, copy.page)
    for process in before.processes:
        for page, other in process.ptes:
            mapped = other.frame is not None and other.frame == number
            reads = mapped or (other.slot is not None and other.slot == slot)
            if reads and ideal.cell_at(process.name, page) != mine:
                return False
    held = (ideal.contract(r.name) for r in before.references if number is not None and r.frame == number)
    return all(contract is None or contract.cell == mine for contract in held)


def verdict(kinds: list[str]) -> str:
    """The first of VERDICTS that was found."""
    return next((kind for kind in VERDICTS if kind in kinds), "ok")
