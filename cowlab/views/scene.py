"""What a picture and a text frame have to say of a World: rows, frames, slots and references, as words and numbers.

Both are drawn from here, so that one never says more than the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from cowlab.laws import Finding, place
from cowlab.policy import Policy
from cowlab.scenario import Moment
from cowlab.world import HUGE_PTES, ZERO_PAGE, Hold, Part, Pte, Reference, World, cached_in, in_slot, looks, parts, sees

NOTHING = "–"  # where somebody cannot look
KEPT = 512  # Worlds whose rows and frames are kept: picture, words and text frame ask for the same ones
HOLDERS = {
    "vmsplice": "pipe",
    "direct_read": "disk, in flight",
    "direct_write": "disk, in flight",
    "register": "io_uring buffer",
    "get": "driver",
    "pin": "device",
}
STATES = {
    "w": "writable",
    "r": "read-only",
    "closed": "no access",
    "swap": "swap entry",
    "none": "none",
    "unmapped": "not mapped",
}


class Tag(NamedTuple):
    """One more line of a row: a right, an advice, a mark, or what is wrong."""

    words: str
    bad: bool = False
    rest: int | None = None  # the huge page that 511 other entries still map: this line has an end of its own


class Row(NamedTuple):
    """One page of one process."""

    process: str
    page: int
    state: str  # a key of STATES
    frame: int | None
    slot: int | None
    sees: str
    tags: tuple[Tag, ...] = ()
    finding: Finding | None = None

    @property
    def end(self) -> int | str | None:
        """Where its line ends: a frame, a slot, nowhere."""
        return self.frame if self.frame is not None else slot_name(self.slot)

    @property
    def same_entry(self) -> tuple[object, ...]:
        """What must be equal for the row not to have changed."""
        return self.state, self.end, tuple(tag for tag in self.tags if not tag.bad)


class Card(NamedTuple):
    """One frame."""

    number: int
    holds: str
    kind: str  # as it is shown: anon, THP, hugetlb, zero page, KSM, file, shared memory
    pill: str  # freed in use, exclusive, maybe shared, GUP touched, or nothing
    parts: tuple[Part, ...]
    mapcount: int
    page_count: int
    lru: int = 0  # how many of the holds are in the LRU batch
    freed: bool = False

    @property
    def counted(self) -> bool:
        return self.number != ZERO_PAGE


class Slot(NamedTuple):
    """One swap slot."""

    name: str
    holds: str
    entries: int
    cached: int | None
    shared: bool  # it is shared memory that was written out


class Ref(NamedTuple):
    """One reference as it is shown."""

    name: str
    holder: str
    by: str
    take: str  # FOLL_GET, FOLL_PIN or refused
    write: bool
    longterm: bool
    frame: int | None
    sees: str
    finding: Finding | None = None

    @property
    def dead(self) -> bool:
        return self.frame is None


def slot_name(slot: int | None) -> str | None:
    return None if slot is None else f"s{slot}"


def standing(moment: Moment) -> tuple[Finding, ...]:
    return tuple(finding for _, finding in moment.standing)


def of(findings: Iterable[Finding], who: str) -> Finding | None:
    """The worst that is wrong with that reader."""
    mine = [finding for finding in findings if finding.who == who]
    return next((finding for finding in mine if finding.broken), mine[0] if mine else None)


def sees_wrong(finding: Finding | None) -> bool:
    """Whether it is about what is seen; a refused call or a miscounted frame is not."""
    return finding is not None and finding.broken and finding.should is not None


def ought(finding: Finding) -> str:
    """What is written beside a reader that sees the wrong thing."""
    if finding.should is None:
        return f"✗ {finding.kind}"
    return f"✗ ought {finding.should.letter}" if finding.broken else f"snapshot, now {finding.should.letter}"


def rows(world: World, policy: Policy | None = None, findings: Iterable[Finding] = ()) -> list[Row]:
    """Every page of every process, in order."""
    return list(_rows(world, _flag(policy), tuple(findings)))


@lru_cache(KEPT)
def _rows(world: World, flag: str, found: tuple[Finding, ...]) -> tuple[Row, ...]:
    return tuple(
        _row(world, process.name, page, pte, flag, of(found, place(process.name, page)))
        for process in world.processes
        for page, pte in process.ptes
    )


def _row(world: World, name: str, page: int, pte: Pte, flag: str, finding: Finding | None) -> Row:
    seen = sees(world, pte, page)
    tags = [Tag(ought(finding), finding.broken)] if finding else []
    tags += [Tag(words) for words in _rights(pte, flag)]
    if pte.rest is not None:
        tags.append(Tag(f"other {HUGE_PTES - 1}", rest=pte.rest))
    letter = seen.letter if seen else NOTHING
    return Row(name, page, _state(pte), pte.frame, pte.slot, letter, tuple(tags), finding)


def _state(pte: Pte) -> str:
    if pte.vma is None:
        return "unmapped"
    if pte.frame is not None:
        return "closed" if pte.vma.prot == "none" else "w" if pte.write else "r"
    return "none" if pte.slot is None else "swap"


def _rights(pte: Pte, flag: str) -> list[str]:
    """What the mapping says besides the entry: its right if it is not the usual one, the advice, the marks."""
    vma = pte.vma
    if vma is None:
        return []
    found = {
        f"mapping: {vma.prot}": vma.prot != "rw",
        "uffd-wp": vma.uffd_wp,
        "dontfork": vma.dontfork,
        "wipeonfork": vma.wipeonfork,
        "mergeable": vma.mergeable,
        "inherited": pte.inherited and flag == "inherited",
        f"by {HUGE_PTES} PTEs": pte.split and pte.frame is not None,
        "exclusive entry": pte.exclusive and pte.slot is not None and flag == "exclusive",
    }
    return [words for words, shown in found.items() if shown]


def _flag(policy: Policy | None) -> str:
    return policy.flag if policy else ""


def used(world: World) -> set[int]:
    """The frames that have a place: all, but the zero page only while somebody has it."""
    numbers = {number for number, frame in enumerate(world.frames) if frame is not None and number != ZERO_PAGE}
    entries = (pte.frame for process in world.processes for _, pte in process.ptes)
    held = (reference.frame for reference in world.references)
    return numbers | ({ZERO_PAGE} & {*entries, *held})


def cards(world: World, policy: Policy | None = None) -> dict[int, Card]:
    return dict(_cards(world, _flag(policy)))


@lru_cache(KEPT)
def _cards(world: World, flag: str) -> dict[int, Card]:
    return {number: card(world, number, flag) for number in sorted(used(world))}


def card(world: World, number: int, flag: str) -> Card:
    frame, pill = world.frame(number), ""
    if frame.freed:
        pill = "freed in use"
    elif flag == "exclusive" and frame.kind == "anon":
        pill = "exclusive" if frame.exclusive else "maybe shared"
    elif flag == "gup_flag" and frame.gup_flag:
        pill = "GUP touched"
    lru = sum(hold.lru and hold.frame == number for hold in world.holds)
    found = parts(world, number)
    mapped, total = _mappings(found), sum(part.count * part.weight for part in found)
    if world.counter is not None:
        total %= 1 << world.counter.bits
    return Card(number, frame.holds.letter, _kind(world, number), pill, found, mapped, total, lru, frame.freed)


def told_mapcount(world: World, number: int) -> int:
    """mapcount as a decision is told it: whoever still maps another part of a huge page is in it."""
    return _mappings(parts(world, number))


def _mappings(found: Iterable[Part]) -> int:
    return sum(part.count for part in found if part.what == "mapping")


def held(world: World, number: int) -> bool:
    """Whether somebody besides page tables and caches is in the count."""
    return any(part.what in ("FOLL_GET", "FOLL_PIN", "hold") for part in parts(world, number))


def _kind(world: World, number: int) -> str:
    frame = world.frame(number)
    words = {"zero": "zero page", "ksm": "KSM", "shared": "shared memory"}.get(frame.kind, frame.kind)
    which = next((page.number for page in world.cache if page.frame == number), 0)
    if frame.kind == "file" and which:
        return f"file @{which}"
    if frame.kind == "shared" and which:
        return f"shared memory {which + 1}"
    return {"thp": "THP", "hugetlb": "hugetlb"}.get(frame.size, words)


def slots(world: World) -> dict[str, Slot]:
    found = {}
    for number, store in enumerate(world.slots):
        if store is not None:
            entries = sum(pte.slot == number for process in world.processes for _, pte in process.ptes)
            shared = any(page.slot == number for page in world.cache)
            name = f"s{number}"
            found[name] = Slot(name, in_slot(world, number).letter, entries, cached_in(world, number), shared)
    return found


def refs(world: World, findings: Iterable[Finding] = ()) -> dict[str, Ref]:
    found = tuple(findings)
    return {reference.name: _ref(world, reference, of(found, reference.name)) for reference in world.references}


def _ref(world: World, reference: Reference, finding: Finding | None) -> Ref:
    looked = looks(world, reference)
    take = "refused" if reference.frame is None else f"FOLL_{reference.take}"
    by = f"{reference.verb} by {place(reference.owner, reference.page)}"
    letter = looked.letter if looked else NOTHING
    return Ref(
        reference.name,
        HOLDERS[reference.verb],
        by,
        take,
        reference.write,
        reference.longterm,
        reference.frame,
        letter,
        finding,
    )


def hold_words(hold: Hold) -> str:
    return "LRU batch" if hold.lru else "lookup"


def part_words(part: Part, lru: int = 0) -> str:
    """`2 mappings`, `1 FOLL_PIN × 1024`."""
    plural = "s" if part.count > 1 and part.what in ("mapping", "hold") else ""
    words = f"{part.count} {part.what}{plural}"
    if part.what == "hold" and lru:
        words += " (LRU)" if lru == part.count else f" ({lru} LRU)"
    return f"{words} × {part.weight}" if part.weight != 1 else words


def sum_words(shown: Card) -> str:
    """`2 mappings + 1 FOLL_GET = 3`."""
    if not shown.counted:
        return "not counted: every process may map it"
    words = " + ".join(part_words(part, shown.lru) for part in shown.parts)
    return f"{words} {total_words(shown)}" if words else "0"


def total_words(shown: Card) -> str:
    """`= 3`; a narrow counter that lost its upper bits says so."""
    total = sum(part.count * part.weight for part in shown.parts)
    return f"= {total}" if total == shown.page_count else f"= {total}, counted as {shown.page_count}"
