"""The text frame: everything that a picture says, in plain columns, for screen readers, terminals and tests."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from cowlab.events import format as format_event
from cowlab.laws import Finding
from cowlab.policy import Policy
from cowlab.scenario import Moment, Trace
from cowlab.views import scene
from cowlab.views.scene import NOTHING, STATES, Row
from cowlab.views.words import changes, finding
from cowlab.world import World

WIDE = 80  # sentences are broken there; tables are as wide as they are


def text_frame(trace: Trace, index: int) -> str:
    """The moment of that index as text; 0 is the start. Lines are counted as a Stepper shows them: without comments."""
    return "\n".join(frame_lines(trace, index)) + "\n"


def frame_lines(trace: Trace, index: int) -> list[str]:
    moment, policy = trace.moments[index], trace.policy
    found = scene.standing(moment)
    blocks = [
        [head(trace, index)],
        process_lines(moment.world, policy, found),
        card_lines(moment.world, policy),
        slot_lines(moment.world),
        reference_lines(moment.world, found),
        hold_lines(moment.world),
        reading_lines(moment),
        finding_lines(trace, index),
    ]
    if index:
        changed = changes(trace.moments[index - 1].world, moment.world, policy) or ["nothing"]
        blocks.append(["changed", *broken(f"  {line}" for line in changed)])
    lines: list[str] = []
    for block in blocks:
        lines += ["", *block] if lines and block else block
    return lines


def broken(lines: Iterable[str]) -> list[str]:
    """The same sentences on lines that are not too long."""
    fit = textwrap.TextWrapper(WIDE, subsequent_indent="    ", break_on_hyphens=False)
    return [part for line in lines for part in ([line] if len(line) <= WIDE else fit.wrap(line))]


def head(trace: Trace, index: int) -> str:
    moment = trace.moments[index]
    if moment.event is None:
        return f"{trace.policy.name}  start"
    words = (
        f"{trace.policy.name}  line {index} of {len(trace.steps)}  {format_event(moment.event)}  ->  {moment.outcome}"
    )
    return words + "".join(f"  !! {kind.upper()}" for kind in dict.fromkeys(f.kind for f in moment.new if f.broken))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Plain columns, two spaces apart; nothing if there are no rows."""
    if not rows:
        return []
    cells = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def process_lines(world: World, policy: Policy, found: tuple[Finding, ...]) -> list[str]:
    rows = scene.rows(world, policy, found)
    extra = {row[:2]: _more(row, world) for row in rows}
    wide = any(extra.values())
    cells = []
    for row in rows:
        frame = f"#{row.end}" if isinstance(row.end, int) else row.end or "-"
        line = [row.process, f"@{row.page}", STATES[row.state], frame, _plain(row.sees), _ought(row.sees, row.finding)]
        cells.append([*line, extra[row[:2]]] if wide else line)
    return table(("process", "page", "right", "frame", "sees", "ought", *(["also"] if wide else [])), cells)


def _more(row: Row, world: World) -> str:
    words = [
        tag.words + (f" in #{tag.rest}" if tag.rest is not None else "")
        for tag in row.tags
        if row.finding is None or tag != row.tags[0]
    ]
    process = world.process(row.process)
    if process is not None and process.has_pinned and process.ptes[0][0] == row.page:
        words.append("has pinned")
    return ", ".join(words)


def _plain(letter: str) -> str:
    return "-" if letter == NOTHING else letter


def _ought(sees: str, found: Finding | None) -> str:
    if found is None:
        return "same" if sees != NOTHING else "-"
    if found.should is None:
        return f"same  !! {found.kind.upper()}"
    return f"{found.should.letter}  !! {found.kind.upper()}" if found.broken else f"{found.should.letter}, not promised"


def card_lines(world: World, policy: Policy) -> list[str]:
    cards = scene.cards(world, policy).values()
    flags = any(card.pill for card in cards)
    cells = []
    for card in cards:
        line = [f"#{card.number}", card.holds, card.kind, *([card.pill or "-"] if flags else [])]
        cells.append([*line, card.mapcount if card.counted else "-", scene.sum_words(card)])
    return table(("frame", "holds", "kind", *(["flag"] if flags else []), "mapcount", "page_count"), cells)


def slot_lines(world: World) -> list[str]:
    cells = []
    for slot in scene.slots(world).values():
        cached = f"#{slot.cached}" if slot.cached is not None else "-"
        cells.append([slot.name, slot.holds, "shared memory" if slot.shared else slot.entries, cached])
    return table(("slot", "holds", "entries", "also cached in"), cells)


def reference_lines(world: World, found: tuple[Finding, ...]) -> list[str]:
    cells = []
    for ref in scene.refs(world, found).values():
        takes = f"{ref.take}, longterm" if ref.longterm else ref.take
        frame = f"#{ref.frame}" if ref.frame is not None else "-"
        may = "nothing" if ref.dead else "write" if ref.write else "read"
        holder = f"{ref.holder}, {ref.by}"
        cells.append([ref.name, holder, takes, may, frame, _plain(ref.sees), _ought(ref.sees, ref.finding)])
    return table(("reference", "holder", "takes", "may", "frame", "sees", "ought"), cells)


def hold_lines(world: World) -> list[str]:
    cells = []
    for hold in world.holds:
        frame = f"#{hold.frame}" if hold.frame is not None else "nothing any more"
        cells.append([scene.hold_words(hold), f"{hold.process} @{hold.page}", frame])
    return table(("hold", "page", "frame"), cells)


def reading_lines(moment: Moment) -> list[str]:
    reading = moment.reading
    if reading is None:
        return []
    if reading.value == reading.ideal or moment.owed(reading.who):
        return [f"reading  {reading.who} shows {reading.value}, ought to show {reading.ideal}"]
    return [f"reading  {reading.who} shows {reading.value}, not {reading.ideal}, which nobody promised"]


def finding_lines(trace: Trace, index: int) -> list[str]:
    """What is wrong now, each with the line since when."""
    moment = trace.moments[index]
    return broken(
        f"{'finding' if found.broken else 'snapshot'}  {found.law}, since line {index_of(trace, since)}: {finding(found, moment.world)}"
        for since, found in moment.standing
    )


def index_of(trace: Trace, line: int) -> int:
    """Which step a line of the file is: comments and empty lines are not counted."""
    return next(index for index, moment in enumerate(trace.moments) if moment.line == line)
