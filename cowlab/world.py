"""The World: processes, page tables, frames, references and swap, as one immutable value.

Vocabulary (the kernel's):

    frame       a page of memory. Frame 0 is the zero page; the others are numbered from 1, lowest free first.
    Pte         what one process has at one page: the rights of its mapping (Vma), and a frame, a swap entry or nothing.
    reference   somebody who is not a page table and holds a frame: a pipe, a disk transfer, an RDMA card.
    hold        a transient reference: a speculative lookup, or the per-CPU LRU batch.

mapcount and page_count are *counted* here from what holds the frame, never stored: one fact, one place.
"""

from __future__ import annotations

from typing import NamedTuple

ZERO_PAGE = 0
PIN_BIAS = 1024  # GUP_PIN_COUNTING_BIAS
HUGE_PTES = 512  # entries of a 2 MiB page that is mapped by PTEs


class Store(NamedTuple):
    """One store. `letter` is how it is shown, `ids` is what it is: two equal letters are still two stores.

    KSM merges pages with equal bytes; what the merged page holds has the ids of both.
    """

    letter: str
    ids: tuple[int, ...]
    by: str = ""
    device: bool = False

    def same_as(self, other: Store) -> bool:
        return self.ids == other.ids or not set(self.ids).isdisjoint(other.ids)


ZERO = Store("0", (0,))
FILE = Store("F", (-1,))


class Vma(NamedTuple):
    """The mapping which a process asked for, one per page."""

    kind: str = "anon"  # anon, thp, hugetlb, file, shared
    prot: str = "rw"  # rw, r, none
    object: int = 0  # which shared memory object (kind shared)
    dontfork: bool = False
    wipeonfork: bool = False
    mergeable: bool = False
    uffd_wp: bool = False

    @property
    def writable(self) -> bool:
        """Whether an entry may have the write bit: not while userfaultfd wants to hear of stores."""
        return self.prot == "rw" and not self.uffd_wp

    @property
    def cow(self) -> bool:
        """is_cow_mapping(): private, so a store must never reach anybody else."""
        return self.kind != "shared"


class Pte(NamedTuple):
    """One page of one process. vma None: not mapped. frame and slot None: mapped, never touched."""

    vma: Vma | None = Vma()
    frame: int | None = None
    slot: int | None = None
    write: bool = False
    exclusive: bool = False  # of a swap entry: pte_swp_exclusive()
    inherited: bool = False  # got at fork, under a policy that marks such pages
    split: bool = False  # a huge page mapped by 512 PTEs instead of one PMD
    rest: int | None = None  # the huge page that the other 511 PTEs still map after one was copied


class Frame(NamedTuple):
    """One page of memory. The flags are kept under every policy, so that any hybrid may look at them."""

    holds: Store
    kind: str = "anon"  # anon, ksm, file, shared, zero
    size: str = "base"  # base, thp, hugetlb
    exclusive: bool = False  # PG_anon_exclusive
    gup_flag: bool = False  # PG_gup of the 2009 proposal: a reference was taken once
    slot: int | None = None  # in the swap cache, for this slot
    freed: bool = False  # freed although used: only a counter that overflows can do that


class Reference(NamedTuple):
    """A reference taken by get_user_pages() or pin_user_pages(). frame None: the call was refused."""

    name: str
    verb: str  # vmsplice, direct_read, direct_write, register, get, pin
    owner: str
    page: int
    take: str  # GET or PIN
    write: bool
    longterm: bool
    frame: int | None

    @property
    def can_read(self) -> bool:
        """Whether one can look at the page through it: not while a direct read is in flight."""
        return self.frame is not None and self.verb != "direct_read"


class Hold(NamedTuple):
    """A transient reference to what `process` mapped at `page`. frame None: nothing was there, or it was drained."""

    process: str
    page: int
    lru: bool
    frame: int | None


class Process(NamedTuple):
    name: str
    ptes: tuple[tuple[int, Pte], ...] = ((0, Pte()),)  # (page number, entry), by page number
    has_pinned: bool = False  # mm->has_pinned, later MMF_HAS_PINNED


class CachePage(NamedTuple):
    """A page of an object that mappings share: a file's page cache, or shared memory (which may be swapped out)."""

    kind: str  # file, shared
    number: int
    frame: int | None = None
    slot: int | None = None


class Counter(NamedTuple):
    """A page_count of `bits` bits in which a pin counts `bias`; guard: try_get_page() refuses near the overflow."""

    bits: int
    bias: int
    guard: bool = False


class World(NamedTuple):
    """Everything. Two kernels that did the same are equal."""

    processes: tuple[Process, ...] = (Process("P"),)
    frames: tuple[Frame | None, ...] = (Frame(ZERO, "zero"),)
    references: tuple[Reference, ...] = ()
    holds: tuple[Hold, ...] = ()
    slots: tuple[Store | None, ...] = ()
    cache: tuple[CachePage, ...] = ()
    counter: Counter | None = None
    stores: int = 1  # the id of the next store
    fresh: bool = True  # nothing has happened yet, but for a counter: the first event may replace the mapping of @0

    def process(self, name: str) -> Process | None:
        for process in self.processes:
            if process.name == name:
                return process
        return None

    def pte(self, name: str, page: int) -> Pte | None:
        """The entry of that process at that page; None if it never had a mapping there."""
        for process in self.processes:
            if process.name == name:
                for number, pte in process.ptes:
                    if number == page:
                        return pte
        return None

    def entry(self, name: str, page: int) -> Pte:
        """As pte, for a page that the process is known to have."""
        pte = self.pte(name, page)
        assert pte is not None, f"{name} has no page @{page}"
        return pte

    def reference(self, name: str) -> Reference | None:
        for reference in self.references:
            if reference.name == name:
                return reference
        return None

    def frame(self, number: int) -> Frame:
        """The frame of that number, which must exist."""
        frame = self.frames[number]
        assert frame is not None, f"#{number} is free"
        return frame

    def cached(self, kind: str, number: int) -> CachePage | None:
        for page in self.cache:
            if page.kind == kind and page.number == number:
                return page
        return None

    # changes: each gives a new World

    def with_pte(self, name: str, page: int, pte: Pte) -> World:
        processes = []
        for process in self.processes:
            if process.name == name:
                ptes = tuple((n, pte if n == page else old) for n, old in process.ptes)
                process = Process(name, ptes, process.has_pinned)
            processes.append(process)
        return World(tuple(processes), *self[1:])

    def with_frame(self, number: int, frame: Frame | None) -> World:
        return World(self.processes, (*self.frames[:number], frame, *self.frames[number + 1 :]), *self[2:])

    def new_frame(self, frame: Frame) -> tuple[World, int]:
        """Put `frame` where one was freed in error (allocators hand out first what they got last), else lowest."""
        for number, old in enumerate(self.frames):
            if old is not None and old.freed:
                return self.with_frame(number, frame), number
        if None in self.frames:
            number = self.frames.index(None)
            return self.with_frame(number, frame), number
        return World(self.processes, (*self.frames, frame), *self[2:]), len(self.frames)

    def with_cached(self, page: CachePage) -> World:
        """Put a page into the page cache, in the place of what it held for that page before."""
        others = [p for p in self.cache if (p.kind, p.number) != (page.kind, page.number)]
        return self._replace(cache=tuple(sorted([*others, page])))


PARTS = ("mapping", "mapping", "mapping", "swap cache", "page cache", "FOLL_GET", "FOLL_PIN", "hold")


class Part(NamedTuple):
    """One named contributor to page_count: `count` of them, counting `weight` each."""

    count: int  # type: ignore[assignment]  # tuple.count() is not missed here
    what: str  # one of PARTS
    weight: int = 1


def parts(world: World, number: int) -> tuple[Part, ...]:
    """What page_count of that frame is the sum of, in the order in which it is shown."""
    frame = world.frames[number]
    if frame is None:
        return ()
    whole = split = rest = get = pin = 0
    for process in world.processes:
        for _, pte in process.ptes:
            if pte.frame == number:
                if pte.split and frame.size == "thp":
                    split += 1
                else:
                    whole += 1
            elif pte.rest == number:
                rest += 1
    for reference in world.references:
        if reference.frame == number:
            if reference.take == "PIN":
                pin += 1
            else:
                get += 1
    cached = bool(world.cache) and any(page.frame == number for page in world.cache)
    held = sum(hold.frame == number for hold in world.holds) if world.holds else 0
    counts = (whole, split, rest, frame.slot is not None, cached, get, pin, held)
    weights = (1, HUGE_PTES, HUGE_PTES - 1, 1, 1, 1, pin_weight(world, frame), 1)
    return tuple([Part(int(n), what, weight) for n, what, weight in zip(counts, PARTS, weights, strict=True) if n])


def pin_weight(world: World, frame: Frame) -> int:
    """What one FOLL_PIN adds to page_count: the bias on a small page; a large one counts its pins apart."""
    if frame.size != "base":
        return 1
    return world.counter.bias if world.counter else PIN_BIAS


def page_count(world: World, number: int) -> int:
    """The frame's reference count, as wide as the counter is."""
    total = sum(part.count * part.weight for part in parts(world, number))
    return total % (1 << world.counter.bits) if world.counter else total


def maybe_dma_pinned(world: World, number: int) -> bool:
    """Whether it may be pinned: from the count on a small page, false positives included; exact on a large one."""
    if world.frame(number).size != "base":
        return any(r.take == "PIN" and r.frame == number for r in world.references)
    return page_count(world, number) >= (world.counter.bias if world.counter else PIN_BIAS)


def mapcount(world: World, number: int) -> int:
    """How many page-table entries map the page looked at."""
    return sum(pte.frame == number for process in world.processes for _, pte in process.ptes)


def swapcount(world: World, slot: int | None) -> int:
    """How many page-table entries are swap entries for that slot."""
    if slot is None:
        return 0
    return sum(pte.slot == slot for process in world.processes for _, pte in process.ptes)


def cached_in(world: World, slot: int | None) -> int | None:
    """The frame which the swap cache has for that slot."""
    if slot is not None:
        for number, frame in enumerate(world.frames):
            if frame is not None and frame.slot == slot:
                return number
    return None


def in_slot(world: World, slot: int) -> Store:
    """What a swap slot holds: its frame in the swap cache is newer than what was written out."""
    number = cached_in(world, slot)
    if number is not None:
        return world.frame(number).holds
    store = world.slots[slot]
    assert store is not None, f"slot {slot} is free"
    return store


def in_file(world: World, page: int) -> Store:
    """What the file holds at that page."""
    cached = world.cached("file", page)
    return FILE if cached is None or cached.frame is None else world.frame(cached.frame).holds


def sees(world: World, pte: Pte, page: int) -> Store | None:
    """What a process with that entry reads at that page; None if it cannot."""
    if pte.vma is None or pte.vma.prot == "none":
        return None
    if pte.frame is not None:
        return world.frame(pte.frame).holds
    if pte.slot is not None:
        return in_slot(world, pte.slot)
    if pte.vma.kind == "file":
        return in_file(world, page)
    if pte.vma.kind == "shared":
        cached = world.cached("shared", pte.vma.object)
        if cached is not None and cached.frame is not None:
            return world.frame(cached.frame).holds
        if cached is not None and cached.slot is not None:
            return in_slot(world, cached.slot)
    return ZERO


def looks(world: World, reference: Reference) -> Store | None:
    """What one sees through that reference; None if one cannot look through it."""
    if not reference.can_read or reference.frame is None:
        return None
    return world.frame(reference.frame).holds
