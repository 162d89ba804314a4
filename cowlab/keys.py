"""Canonical keys: what stands for a World beside its ideal, and for all that no asked law can tell from it.

Frames, swap slots and cells are numbered by first use; processes and references stand in the order that gives the
least key. Names and letters are not in a key. Of what the stores are only this is in it: whether a reader sees a
stranger's. No reader ever comes to see what is in another frame now (a mapping keeps its frame, or gets a copy of it,
or a fresh one), and the next store decides anew who is stale. So the space is finite, however many stores are made.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Collection, Iterable
from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import pairwise, permutations
from types import FunctionType
from typing import Any, NamedTuple

from cowlab.ideal import IDEAL, Cell, Contract, Ideal
from cowlab.policy import POLICIES, PageInfo, Policy
from cowlab.world import ZERO_PAGE, Frame, Process, Pte, Reference, Store, World, cached_in, sees

Key = tuple[int, ...]


class ByUse(dict[Any, int]):
    """Numbers things by first use."""

    def __missing__(self, thing: Any) -> int:
        number = self[thing] = len(self)
        return number


class Around(NamedTuple):
    """What the parts of a key look up, whatever order they stand in."""

    cell_of: dict[tuple[str, int], int]  # (process, page) -> its cell
    cells: dict[int, Cell]
    contracts: dict[str, Contract]
    on: dict[int | None, list[int | None]]  # frame -> the cells whose mappings are on it
    met: set[int | None]
    shared: set[int | None]  # frames with several references, of which one can write


class Keys:
    """The keys for one policy and the laws that are asked: what neither can ask for is left out.

    anonymous: whether read pins are taken, whose promise depends on whether anybody has stored to the page.
    holders: whether it matters who took a hold: nobody can take a second one of a kind.
    interchangeable: what may be exchanged: "processes", "references".
    """

    def __init__(
        self,
        policy: Policy,
        laws: Iterable[str],
        *,
        anonymous: bool = False,
        holders: bool = False,
        interchangeable: Collection[str] = ("processes", "references"),
    ) -> None:
        asked = set(laws)
        self.reads = fields_read(policy) | {policy.flag}
        self.nothing = {None, ZERO_PAGE} if zero_page_is_nothing(policy) else {None}
        self.strangers = "coherence" in asked
        self.contracts = bool(asked & {"coherence", "economy"}) or (
            "accounting" in asked and policy.flag == "exclusive"
        )
        self.cells = self.contracts or bool(asked & {"isolation", "dma-isolation"})
        self.anonymous, self.holders, self.interchangeable = anonymous, holders, interchangeable
        self.kinds = ByUse()  # numbers for whatever has few kinds, in the order in which they come up

    def __call__(self, world: World, ideal: Ideal) -> Key:
        around = self.around(world, ideal)
        processes, references = [world.processes], [world.references]
        if "processes" in self.interchangeable:
            processes = orders(world.processes, lambda process: self.process_kind(world, process))
        if "references" in self.interchangeable:
            references = orders(world.references, lambda reference: self.reference_kind(reference, around))
        keys = [self.write(world, around, p, r) for p in processes for r in references]
        return keys[0] if len(keys) == 1 else min(keys)

    def around(self, world: World, ideal: Ideal) -> Around:
        cell_of = {(name, page): cell for name, page, cell in ideal.maps} if self.cells else {}
        contracts = ideal.by_name if self.cells else {}
        on: dict[int | None, list[int | None]] = {}
        for process in world.processes:
            for page, pte in process.ptes:
                if pte.vma is not None:
                    on.setdefault(behind(world, pte, page), []).append(cell_of.get((process.name, page)))
        sharers: dict[int | None, list[bool]] = {}
        for reference in world.references:
            sharers.setdefault(reference.frame, []).append(reference.write)
        shared = {frame for frame, writes in sharers.items() if len(writes) > 1 and any(writes)}
        met = self.met(world, on, contracts) | shared
        return Around(cell_of, dict(ideal.cells), contracts, on, met - self.nothing, shared)

    def process_kind(self, world: World, process: Process) -> int:
        """What can be said of a process without numbering frames: whatever tells two apart spares an order."""
        entries = [
            (self.entry(pte, 0), pte.slot is None, self.frame(world.frame(pte.frame)) if pte.frame else -1)
            for _, pte in process.ptes
        ]
        return self.kinds[process.has_pinned and "mm_has_pinned" in self.reads, *entries]

    def reference_kind(self, reference: Reference, around: Around) -> int:
        """What can be said of a reference without numbering frames; nothing if it only takes up a place."""
        if reference.frame not in around.met and not self.owed(reference, around):
            return -1
        return self.kinds[reference.can_read and self.cells, reference.write and self.cells, reference.take]

    def write(self, world: World, around: Around, processes: Iterable[Process], references: Iterable[Reference]) -> Key:
        """The key with processes and references in that order."""
        frames, slots, cells = ByUse({None: 0}), ByUse({None: 0}), ByUse({None: 0})
        names: dict[str, int] = {}
        out: list[int] = []
        for process in processes:
            out += (-1, process.has_pinned and "mm_has_pinned" in self.reads)
            names[process.name] = len(names)
            for page, pte in process.ptes:
                cell = around.cell_of.get((process.name, page))
                seen = 0 if cell is None else self.seen(contents(world, pte, page), around.cells[cell])
                out += (
                    page,
                    self.entry(pte, seen),
                    frames[None if pte.frame in self.nothing else pte.frame],
                    slots[pte.slot],
                )
                out += (frames[pte.rest], cells[cell])
        for reference in references:
            out.append(-2)
            contract = around.contracts.get(reference.name)
            cell = None if contract is None else contract.cell
            if contract is not None and self.owed(reference, around):
                out += (self.promised(world, reference, contract, around.cells), names.get(contract.owner, -1))
                out += (frames[None if reference.frame in self.nothing else reference.frame], cells[cell])
            elif reference.frame in around.met:
                known = cell in around.on.get(reference.frame, ()) or reference.frame in around.shared
                out += (self.reference_kind(reference, around), frames[reference.frame], cells[cell] if known else -1)
        for hold in world.holds:
            out += (-3, hold.lru, frames[hold.frame] if hold.frame in around.met else 0)
            out += (names.setdefault(hold.process, len(names)),) if self.holders else ()
        for cached in world.cache:
            out += (-4, self.kinds[cached.kind, cached.number], frames[cached.frame], slots[cached.slot])
        for slot in list(slots):
            frames[cached_in(world, slot)]  # the swap cache of an entry
        for number in list(frames):
            if number is not None:
                frame = world.frame(number)
                out += (self.frame(frame), slots[frame.slot])
        return tuple(out)

    def owed(self, reference: Reference, around: Around) -> bool:
        """Whether somebody asks what this reference was promised, and it still is."""
        contract = around.contracts.get(reference.name) if self.contracts else None
        return contract is not None and contract.holds and reference.frame is not None

    def entry(self, pte: Pte, seen: int) -> int:
        exclusive = pte.exclusive and "exclusive" in self.reads
        zero = pte.frame == ZERO_PAGE and pte.vma is not None and pte.vma.kind == "thp"  # else it is as good as nothing
        return self.kinds[pte.vma, pte.write, exclusive, pte.inherited, pte.split, zero, seen]

    def frame(self, frame: Frame) -> int:
        exclusive = frame.exclusive and "exclusive" in self.reads
        gup = frame.gup_flag and "gup_flag" in self.reads
        return self.kinds[frame.kind, frame.size, exclusive, gup, frame.freed, frame.slot is None]

    def seen(self, store: Store, cell: Cell) -> int:
        """What a mapping shows, beside its own cell, and whether that one has ever been stored to."""
        return (stranger(store, cell) if self.strangers else 0) + 4 * (self.anonymous and cell.anonymous)

    def promised(self, world: World, reference: Reference, contract: Contract, cells: dict[int, Cell]) -> int:
        """What a reference whose contract holds is, owes, and shows."""
        shows = 0
        if self.strangers and reference.can_read and reference.frame is not None:
            shows = stranger(world.frame(reference.frame).holds, cells[contract.cell])
        return self.kinds[reference.can_read, reference.write, reference.take, contract.until, contract.page, shows]

    def met(self, world: World, on: Iterable[int | None], contracts: dict[str, Contract]) -> set[int | None]:
        """The frames which somebody may still meet: mapped, named by a swap entry, cached, or owed to a reference.

        A store through one reference can be seen through another, so a shared frame counts too. Whoever else holds a
        frame holds it for nothing but the place that it takes up.
        """
        met = set(on)
        met.update([page.frame for page in world.cache])
        met.update([pte.rest for process in world.processes for _, pte in process.ptes])
        if self.contracts:
            for reference in world.references:
                contract = contracts.get(reference.name)
                if contract is not None and contract.holds:
                    met.add(reference.frame)
        return met


def orders(things: tuple[Any, ...], kind: Callable[[Any], int]) -> list[tuple[Any, ...]]:
    """The orders to try: by kind, and every order among those of one kind."""
    if len(things) < 2:
        return [things]
    kinds = [kind(thing) for thing in things]
    if len(set(kinds)) == len(kinds):
        return [tuple(thing for _, thing in sorted(zip(kinds, things, strict=True)))]
    found = permutations(range(len(things)))
    return [
        tuple([things[i] for i in order]) for order in found if all(kinds[a] <= kinds[b] for a, b in pairwise(order))
    ]


def stranger(seen: Store, cell: Cell) -> int:
    """0: the content of one's own cell, present or past; else a device's store (1), a CPU's (2), or neither (3)."""
    own = seen.same_as(cell.now) or any(seen.same_as(old.store) for old in cell.past)
    return 0 if own else 1 if seen.device else 2 if seen.by else 3


def behind(world: World, pte: Pte, page: int) -> int | None:
    """The frame which that mapping is on, or would be on after a load: mapped, in the swap cache, or in the page cache."""
    assert pte.vma is not None
    if pte.frame is not None or pte.slot is not None:
        return pte.frame if pte.slot is None else cached_in(world, pte.slot)
    cached = world.cached(pte.vma.kind, page if pte.vma.kind == "file" else pte.vma.object) if world.cache else None
    return None if cached is None else cached.frame


def contents(world: World, pte: Pte, page: int) -> Store:
    """What the process would see there if its mapping were readable."""
    assert pte.vma is not None
    seen = sees(world, pte if pte.vma.prot != "none" else pte._replace(vma=pte.vma._replace(prot="r")), page)
    assert seen is not None
    return seen


def zero_page_is_nothing(policy: Policy) -> bool:
    """Whether the row treats the zero page like untouched memory. The rows' own decisions do, but for THP; of others it
    is not known, and they may count who else maps it.
    """
    rows = (*POLICIES.values(), IDEAL)
    cells = ("gup", "mkwrite", "huge")
    return all(any(getattr(policy, cell) is getattr(row, cell) for row in rows) for cell in cells)


def fields_read(policy: Policy) -> frozenset[str]:
    """The fields of PageInfo that the row's decisions can read, from their code; all of them where that cannot be told."""
    found: set[str] = set()
    known: set[Any] = set()
    todo: list[Any] = list(policy.decisions.values())
    while todo:
        function = todo.pop()
        asked = asked_for(function)
        if asked is None:
            return frozenset(PageInfo._fields)
        if function not in known:
            known.add(function)
            found |= asked[0]
            todo += asked[1]
    return frozenset(found)


def asked_for(function: Any) -> tuple[set[str], list[Any]] | None:
    """The fields for which a function asks its only argument, and the functions that it calls.

    None where it does anything else with its argument, or with names: then it may read what it likes.
    """
    function = getattr(function, "reads_as", function)  # a wrapper may say whose questions it asks, and no others
    if type(function) is not FunctionType:
        return None
    code = function.__code__
    starred = code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
    if code.co_freevars or code.co_cellvars or code.co_argcount != 1 or code.co_kwonlyargcount or starred:
        return None
    if any(hasattr(constant, "co_code") for constant in code.co_consts):
        return None
    page, fields, helpers = code.co_varnames[0], set[str](), list[Any]()
    done = [op for op in dis.get_instructions(code) if op.opname != "PRECALL"]
    for before, op, after in zip([None, *done], done, done[1:], strict=False):
        if "FAST" in op.opname:
            *others, last = op.argval if isinstance(op.argval, tuple) else (op.argval,)
            if page in others:
                return None
            if last == page and after.opname == "LOAD_ATTR" and after.argval in PageInfo._fields:
                fields.add(after.argval)
            elif last == page and not (
                before and before.opname == "LOAD_GLOBAL" and (after.opname, after.arg) == ("CALL", 1)
            ):
                return None
        elif op.opname == "LOAD_GLOBAL":
            if op.argval not in function.__globals__:  # a builtin may be eval or vars
                return None
            value = function.__globals__[op.argval]
            helpers += [value] if callable(value) else []
        elif op.opcode in dis.hasname and not (op.opname == "LOAD_ATTR" and op.argval in fields):
            return None
    return fields, helpers
