"""The specification: another kernel, which really copies at fork.

It knows cells. Each private page of a process is a cell of its own; fork gives the child a new cell with the parent's
content and past. A shared mapping is one cell for all who inherit it. munmap, dontneed and exit let a cell go, a new
mapping is a fresh one. A reference keeps the cell on which it was taken.

Run beside any policy, it says what every reader ought to read, and which readers were promised to stay current.
"""

from __future__ import annotations

from typing import NamedTuple

from cowlab.events import TAKERS, Event
from cowlab.fault import REFUSED, SIGSEGV, Step
from cowlab.policy import BREAK, COPY, REUSE, TAKE, V5_7, PageInfo, Policy, huge_whole, reuse_swap_page
from cowlab.world import FILE, ZERO, Reference, Store, Vma, World


class Past(NamedTuple):
    """An older content of a cell. missed: a later store was one that a mapping is promised to see."""

    store: Store
    missed: bool


class Cell(NamedTuple):
    """The content of one page as its owner ought to see it, and what it was before."""

    now: Store
    past: tuple[Past, ...] = ()
    anonymous: bool = False  # somebody has stored to it, or to the cell it was forked from

    def after(self, store: Store, firm: bool, shown: set[int]) -> Cell:
        """The cell after a store; firm: mappings are promised to see it. Past contents nobody shows are forgotten."""
        past = ((old.store, old.missed or firm) for old in (*self.past, Past(self.now, False)))
        return Cell(store, tuple(Past(old, missed) for old, missed in past if not shown.isdisjoint(old.ids)), True)


class Contract(NamedTuple):
    """What a reference was promised. until: fork (or unmapping), unmap, or "" for nothing."""

    name: str
    owner: str
    page: int
    cell: int
    until: str

    @property
    def holds(self) -> bool:
        return bool(self.until)


class Ideal(NamedTuple):
    """Cells by number, which process and page has which, and the contracts of the references."""

    cells: tuple[tuple[int, Cell], ...] = ((0, Cell(ZERO)),)
    maps: tuple[tuple[str, int, int], ...] = (("P", 0, 0),)  # process, page, cell
    contracts: tuple[Contract, ...] = ()

    def cell(self, number: int) -> Cell:
        return next(cell for n, cell in self.cells if n == number)

    def cell_at(self, name: str, page: int) -> int | None:
        """The number of the cell which that process has at that page."""
        return next((cell for owner, at, cell in self.maps if (owner, at) == (name, page)), None)

    @property
    def by_name(self) -> dict[str, Contract]:
        """All contracts, for whoever asks for more than one."""
        return {contract.name: contract for contract in self.contracts}

    def contract(self, name: str) -> Contract | None:
        return next((contract for contract in self.contracts if contract.name == name), None)


def follow(ideal: Ideal, before: World, event: Event, step: Step) -> Ideal:
    """The ideal after the event, which the kernel answered with `step`. What failed there does not happen here."""
    if step.outcome in (SIGSEGV, REFUSED) or event.actor in ("kernel", "file"):
        return _put(ideal, event.actor) if event.verb == "put" else ideal
    reference = before.reference(event.actor)
    if reference is not None:
        return _reference_event(ideal, before, event, step.world)
    if event.verb in ("write", "poke", "vm_write"):
        target = event.args[0] if event.verb == "vm_write" else event.actor
        number = ideal.cell_at(target, event.page)
        return _store(ideal, number, Store(event.args[-1], (before.stores,), event.actor), step.world, firm=True)
    if event.verb in TAKERS:
        taken = step.world.reference(event.args[0])
        assert taken is not None
        return _take(ideal, taken)
    if event.verb == "fork":
        return _fork(ideal, event.actor, event.args[0], step.world)
    if event.verb == "exit":
        contracts = (_ended(c) if c.owner == event.actor else c for c in ideal.contracts)
        return _tidy(
            ideal._replace(maps=tuple(m for m in ideal.maps if m[0] != event.actor), contracts=tuple(contracts))
        )
    if event.verb in ("munmap", "mmap") or event.args[:1] == ("dontneed",):
        return _remap(ideal, event.actor, event.page, before, step.world)
    return ideal


def _reference_event(ideal: Ideal, before: World, event: Event, after: World) -> Ideal:
    if event.verb == "put":
        return _put(ideal, event.actor)
    contract = ideal.contract(event.actor)
    if event.verb == "read" or contract is None:
        return ideal
    store = Store(event.args[0], (before.stores,), event.actor, device=True)
    return _store(ideal, contract.cell, store, after, firm=contract.holds)


def _store(ideal: Ideal, number: int | None, store: Store, after: World, *, firm: bool) -> Ideal:
    shown = {id_ for frame in after.frames if frame is not None for id_ in frame.holds.ids}
    shown.update(id_ for holds in after.slots if holds is not None for id_ in holds.ids)
    cells = tuple((n, cell.after(store, firm, shown) if n == number else cell) for n, cell in ideal.cells)
    return ideal._replace(cells=cells)


def _take(ideal: Ideal, reference: Reference) -> Ideal:
    number = ideal.cell_at(reference.owner, reference.page)
    assert number is not None
    until = promise(reference, anonymous=ideal.cell(number).anonymous)
    contract = Contract(reference.name, reference.owner, reference.page, number, until)
    return ideal._replace(contracts=(*ideal.contracts, contract))


def promise(reference: Reference, *, anonymous: bool) -> str:
    """How long a reference is coherent with its owner's page. It belongs to the verb, the same under every policy."""
    if reference.verb == "register" or (
        reference.verb == "pin" and (reference.write or reference.longterm or anonymous)
    ):
        return "unmap"
    if reference.verb == "direct_read" or (reference.verb == "get" and reference.write):
        return "fork"
    return ""


def _ended(contract: Contract) -> Contract:
    return contract._replace(until="")


def _put(ideal: Ideal, name: str) -> Ideal:
    return _tidy(ideal._replace(contracts=tuple(c for c in ideal.contracts if c.name != name)))


def _fork(ideal: Ideal, parent: str, child: str, after: World) -> Ideal:
    cells, maps = list(ideal.cells), list(ideal.maps)
    for owner, page, number in ideal.maps:
        pte = after.pte(child, page)
        if owner != parent or pte is None or pte.vma is None:
            continue
        if pte.vma.cow:
            fresh = 1 + max(n for n, _ in cells)
            cells.append((fresh, Cell(ZERO) if pte.vma.wipeonfork else ideal.cell(number)))
            number = fresh
        maps.append((child, page, number))
    contracts = (_ended(c) if c.owner == parent and c.until == "fork" else c for c in ideal.contracts)
    return Ideal(tuple(cells), tuple(sorted(maps)), tuple(contracts))


def _remap(ideal: Ideal, name: str, page: int, before: World, after: World) -> Ideal:
    """munmap, mmap and dontneed: the old cell goes, and what is mapped now is fresh. Shared memory is kept by others."""
    pte, number = after.pte(name, page), ideal.cell_at(name, page)
    old = before.pte(name, page)
    contracts = tuple(_ended(c) if (c.owner, c.page) == (name, page) else c for c in ideal.contracts)
    maps, cells = [m for m in ideal.maps if m[:2] != (name, page)], list(ideal.cells)
    if pte is not None and pte.vma is not None:
        kept = old is not None and old.vma is not None and not pte.vma.cow
        if number is None or not kept:
            number = 1 + max((n for n, _ in cells), default=-1)
            cells.append((number, Cell(_first(pte.vma))))
        maps.append((name, page, number))
    return _tidy(Ideal(tuple(cells), tuple(sorted(maps)), contracts))


def _first(vma: Vma) -> Store:
    return FILE if vma.kind == "file" else ZERO


def _tidy(ideal: Ideal) -> Ideal:
    """Forget the cells that nobody has."""
    used = {cell for _, _, cell in ideal.maps} | {contract.cell for contract in ideal.contracts}
    return ideal._replace(cells=tuple((n, cell) for n, cell in ideal.cells if n in used))


# --- the same, as a row that can be played: copy at fork, break at every reference ------------------------------------


def _copy(page: PageInfo) -> str:
    return COPY


def _break(page: PageInfo) -> str:
    return TAKE if page.writable else BREAK


def _swap_unheld(page: PageInfo) -> bool:
    counted = page.mapcount * page.share + page.in_swapcache
    return page.page_count == counted if page.asker == "reclaim" else page.mapcount + page.swapcount == 1


def _reuse_mine(page: PageInfo) -> str:
    return REUSE if page.kind != "ksm" and reuse_swap_page(page) == REUSE else COPY


IDEAL: Policy = V5_7._replace(
    name="ideal",
    about="fork really copies, and a reference gets the page for itself",
    since="",
    reuse=_reuse_mine,
    gup=_break,
    fork=_copy,
    swap=_swap_unheld,
    huge=huge_whole,
)
