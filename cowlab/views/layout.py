"""Fixed places: what appears anywhere in the traces that are compared gets its place once, in order of appearance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cowlab.laws import Finding
from cowlab.policy import Policy
from cowlab.scenario import Trace
from cowlab.views import scene
from cowlab.views.lanes import Net, order
from cowlab.views.scene import Card, Row
from cowlab.world import Part, World

TOP = 34  # below the column heads
TAG = 15  # one more line in a row
SHRINK = (
    0.88  # so far a picture shrinks, then it is scrolled: two stand side by side in an exported notebook of 1280 px
)
CHARACTER = 6.7  # px of a wide system font at 12 px: used to decide where a sum breaks, never to place text

End = int | str  # a frame's number or a slot's name
Shown = tuple[World, Policy | None, tuple[Finding, ...]]


class Size(NamedTuple):
    """The measures of one density, in px."""

    pw: float  # process card
    lc: float  # channel left of the frames
    fw: float  # frame card
    rc: float  # channel right of the frames
    rw: float  # reference card
    row: float
    phead: float
    fh: float
    fgap: float
    rh: float
    rgap: float
    plate: float  # the box of what a frame holds
    ptop: float
    rmid: float  # where a line leaves a reference card
    gap: float  # between processes

    @property
    def dense(self) -> bool:
        return self.fh < 90

    @property
    def tight(self) -> bool:
        return self.plate < 30

    @property
    def fx(self) -> float:
        return self.pw + self.lc

    @property
    def fr(self) -> float:
        """The right edge of the frames."""
        return self.fx + self.fw

    @property
    def rx(self) -> float:
        return self.fr + self.rc

    @property
    def sum_width(self) -> float:
        if not self.dense:
            return self.fw - 24
        return self.fw - (210 if self.tight else 78)


ROOMY = Size(118, 38, 276, 34, 144, 28, 22, 96, 16, 92, 16, 44, 14, 36, 16)
DENSE = Size(124, 196, 440, 124, 256, 25, 27, 56, 17, 62, 52, 38, 9, 42, 12)
TIGHT = DENSE._replace(fw=500, fh=30, fgap=7, plate=22, ptop=4)


class Places(NamedTuple):
    """Everything that ever appears, in order of appearance."""

    rows: dict[str, dict[int, int]]  # process -> page -> how many tags its row has at most
    frames: tuple[int, ...]
    slots: tuple[str, ...]
    refs: tuple[str, ...]
    users: dict[End, set[tuple[str, int, int]]]  # who maps it: process, page, line in the row
    held: dict[int, tuple[str, ...]]  # frame -> references that are ever on it
    cards: tuple[Card, ...]
    long_words: bool = False  # a longterm reference with a finding: both do not fit on one line


class Layout(NamedTuple):
    size: Size
    boxes: dict[str, tuple[float, float]]  # process -> top and height of its card
    rows: dict[tuple[str, int], float]
    frames: dict[int, float]
    slots: dict[str, float]
    refs: dict[str, float]
    lanes: dict[End, float]
    ref_lanes: dict[str, float]
    ref_ends: dict[tuple[str, int], float]
    height: float

    @classmethod
    def of(cls, traces: Iterable[Trace]) -> Layout:
        """The places for all moments of these traces, so that what is compared stands at the same place."""
        moments = [[(m.world, t.policy, scene.standing(m)) for m in t.moments] for t in traces]
        longest = max(map(len, moments))
        return cls.around(line[i] for i in range(longest) for line in moments if i < len(line))

    @classmethod
    def around(cls, shown: Iterable[Shown]) -> Layout:
        """The places for these Worlds."""
        places = collect(shown)
        size = density(places)
        boxes, rows = _processes(places, size)
        frames = {number: TOP + i * (size.fh + size.fgap) for i, number in enumerate(places.frames)}
        below = TOP + len(frames) * (size.fh + size.fgap)
        slots = {name: below + i * (44 + size.fgap) for i, name in enumerate(places.slots)}
        bottoms = [top + height for top, height in boxes.values()]
        bottoms += [top + size.fh + 8 for top in frames.values()] + [top + 52 for top in slots.values()]
        refs = _refs(places, size, max(bottoms, default=TOP))
        ends = _ref_ends(places, size, frames, refs)
        bottoms += [top + size.rh + 8 for top in refs.values()]
        layout = cls(size, boxes, rows, frames, slots, refs, {}, {}, ends, max(bottoms, default=TOP) + 2)
        return layout._replace(lanes=layout._lanes(places), ref_lanes=layout._ref_lanes())

    @property
    def width(self) -> float:
        return self.size.rx + self.size.rw

    @property
    def least(self) -> float:
        """The width below which it is scrolled."""
        return SHRINK * (self.width + 12)

    def port(self, end: End) -> float:
        """The height at which mappings reach a frame or slot."""
        if isinstance(end, str):
            return self.slots[end] + 22
        return self.frames[end] + self.size.ptop + self.size.plate / 2

    def line(self, process: str, page: int, line: int = 0) -> float:
        """The height at which a line leaves a row, or the n-th tag of it."""
        y = self.rows[process, page]
        return y if not line else y + self.size.row / 2 + TAG * (line - 0.5)

    def _lanes(self, places: Places) -> dict[End, float]:
        ends: list[End] = [*self.frames, *self.slots]
        nets: dict[End, Net] = {}
        for end in ends:
            if users := places.users.get(end):
                nets[end] = Net(tuple(sorted(self.line(*user) for user in users)), (self.port(end),))
        lanes = order(nets)
        apart = (self.size.lc - 28) / (len(lanes) - 1) if len(lanes) > 1 else 0
        return {end: self.size.pw + 12 + apart * i for i, end in enumerate(lanes)}

    def _ref_lanes(self) -> dict[str, float]:
        size = self.size
        outs = {name: tuple(y for (n, _), y in self.ref_ends.items() if n == name) for name in self.refs}
        nets = {name: Net((top + size.rmid,), outs[name]) for name, top in self.refs.items() if outs[name]}
        lanes = order(nets)
        if len(lanes) == 1:
            return {lanes[0]: (size.fr + size.rx) / 2}
        apart = (size.rc - 28) / (len(lanes) - 1) if lanes else 0
        return {name: size.rx - 12 - apart * i for i, name in enumerate(lanes)}


def collect(shown: Iterable[Shown]) -> Places:
    """Everything that ever appears in these Worlds."""
    places = Places({}, (), (), (), {}, {}, ())
    frames: dict[int, None] = {}
    slots: dict[str, None] = {}
    refs: dict[str, None] = {}
    cards: dict[Card, None] = {}
    long_words = False
    for world, policy, findings in shown:
        for row in scene.rows(world, policy, findings):
            _collect_row(places, row)
        for number, card in scene.cards(world, policy).items():
            frames.setdefault(number)
            cards.setdefault(card)
        slots |= dict.fromkeys(scene.slots(world))
        for ref in scene.refs(world, findings).values():
            refs.setdefault(ref.name)
            long_words |= ref.longterm and ref.finding is not None
            if ref.frame is not None and ref.name not in places.held.get(ref.frame, ()):
                places.held[ref.frame] = (*places.held.get(ref.frame, ()), ref.name)
    found = places._replace(frames=tuple(frames), slots=tuple(slots), refs=tuple(refs), cards=tuple(cards))
    return found._replace(long_words=long_words)


def _collect_row(places: Places, row: Row) -> None:
    pages = places.rows.setdefault(row.process, {})
    pages[row.page] = max(pages.get(row.page, 0), len(row.tags))
    if row.end is not None:
        places.users.setdefault(row.end, set()).add((row.process, row.page, 0))
    for line, tag in enumerate(row.tags, 1):
        if tag.rest is not None:
            places.users.setdefault(tag.rest, set()).add((row.process, row.page, line))


def density(places: Places) -> Size:
    """ROOMY, DENSE or TIGHT, chosen once; frames and cards are as large as the longest of what they show asks for."""
    frames, most = len(places.frames), max(map(len, places.held.values()), default=0)
    wide = any(card.page_count >= 1000 for card in places.cards)  # "page_count 1025→1026" is long
    pills = any(card.pill for card in places.cards)
    if frames + len(places.slots) <= 3 and len(places.refs) <= 2:
        size = ROOMY._replace(fw=ROOMY.fw + 36 * wide + 16 * pills)
    elif frames <= 10 or most > 3 or _most_lines(places, TIGHT) > 1:
        size = DENSE._replace(fw=DENSE.fw + 64 * (wide and pills))
    else:
        size = TIGHT
    if size.dense and places.long_words:
        size = size._replace(rh=size.rh + 16)
    height = size.fh + 16 * (_most_lines(places, size) - 1)
    return size._replace(fh=max(height, 12 + 9 * most))


def _most_lines(places: Places, size: Size) -> int:
    return max((len(sum_lines(card, size)) for card in places.cards), default=1)


def sum_lines(card: Card, size: Size) -> list[list[Part]]:
    """The parts of a sum, broken into lines that fit the card with room to spare."""
    budget = size.sum_width / CHARACTER
    lines: list[list[Part]] = [[]]
    left = budget
    for i, part in enumerate(card.parts):
        needed = (5 if lines[-1] else 2) + len(scene.part_words(part, card.lru))  # its mark, and the plus before it
        needed += 3 + len(scene.total_words(card)) if i == len(card.parts) - 1 else 0
        if needed > left and lines[-1]:
            lines.append([])
            left = budget
        lines[-1].append(part)
        left -= needed
    return lines


def _processes(places: Places, size: Size) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, int], float]]:
    boxes, rows, y = {}, {}, float(TOP)
    for name, pages in places.rows.items():
        top = y
        y += size.phead
        for page in sorted(pages):
            rows[name, page] = y + size.row / 2
            y += size.row + TAG * pages[page]
        y += 6
        boxes[name] = (top, y - top)
        y += size.gap
    return boxes, rows


def _refs(places: Places, size: Size, bottom: float) -> dict[str, float]:
    """The tops of the references: as far apart as they may be, but closer where they would make the picture longer."""
    number = len(places.refs)
    room = (bottom - TOP - 8 - number * size.rh) / (number - 1) if number > 1 else size.rgap
    gap = min(size.rgap, max(ROOMY.rgap, room))
    return {name: TOP + i * (size.rh + gap) for i, name in enumerate(places.refs)}


def _ref_ends(
    places: Places, size: Size, frames: dict[int, float], refs: dict[str, float]
) -> dict[tuple[str, int], float]:
    """Where each reference ends on each frame that it is ever on: in the order of the cards, so that they do not cross."""
    ends = {}
    for frame, names in places.held.items():
        apart = min(20, (size.fh - 12) / max(1, len(names) - 1))
        middle = frames[frame] + size.fh / 2
        first = middle - apart * (len(names) - 1) / 2
        if not size.dense or len(names) == 1:  # on one height with the writer: a leak is a straight line
            first = frames[frame] + size.ptop + size.plate / 2
        for i, name in enumerate(sorted(names, key=refs.__getitem__)):
            ends[name, frame] = first + apart * i
    return ends
