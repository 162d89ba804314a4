"""The lines: mappings of one frame join like wires, references come from the other side."""

from __future__ import annotations

from typing import NamedTuple

from cowlab.views import marks
from cowlab.views.lanes import route, stub
from cowlab.views.layout import End, Layout
from cowlab.views.scene import Ref, Row

NARROW = 9  # px: a shorter stretch has no room for a cross
LINES = {"w": "l-w", "r": "l-r", "closed": "l-r", "swap": "l-s"}


class Wire(NamedTuple):
    """One mapping on its way: the height at which it starts, how it is drawn, whether it is new."""

    y: float
    state: str
    changed: bool


class Gone(NamedTuple):
    """A mapping that went away: the height at which it started, and where its row's line ends now."""

    y: float
    now: End | None


def wires(layout: Layout, rows: list[Row], before: dict[tuple[str, int], Row] | None) -> dict[End, list[Wire]]:
    """What runs to each frame and slot."""
    found: dict[End, list[Wire]] = {}
    for row in rows:
        old = before.get((row.process, row.page)) if before is not None else row
        if row.end is not None:
            changed = old is None or (old.state, old.end) != (row.state, row.end)
            found.setdefault(row.end, []).append(Wire(layout.line(row.process, row.page), row.state, changed))
        for line, tag in enumerate(row.tags, 1):
            if tag.rest is not None:
                changed = old is None or all(was.rest != tag.rest for was in old.tags)
                found.setdefault(tag.rest, []).append(Wire(layout.line(row.process, row.page, line), "r", changed))
    return found


def gone(layout: Layout, rows: list[Row], before: dict[tuple[str, int], Row] | None) -> dict[End, list[Gone]]:
    """What went away, by the frame that it mapped."""
    found: dict[End, list[Gone]] = {}
    for row in rows:
        old = (before or {}).get((row.process, row.page))
        if old is not None and old.end is not None and old.end != row.end:
            found.setdefault(old.end, []).append(Gone(layout.line(row.process, row.page), row.end))
    return found


def net(layout: Layout, end: End, live: list[Wire], left: list[Gone]) -> str:
    """Everything that runs in the lane of `end`: old ways, halos, gaps in what lies below, lines."""
    size, lane, port = layout.size, layout.lanes[end], layout.port(end)
    drawn = [_ghost(layout, end, old, live) for old in left]
    if len(layout.lanes) > 1:
        still = [wire for wire in live if not wire.changed]  # a halo cuts what lies below as well
        drawn += [marks.path(route(size.pw + 4, wire.y, lane, size.fx - 9, port), "casing") for wire in still]
    way = [route(size.pw, wire.y, lane, size.fx - 9, port) for wire in live if wire.changed]
    drawn += [marks.path(d, "halo") for d in way]
    for d, wire, _ in _trunk(layout, end, live):
        drawn.append(marks.path(d, LINES[wire.state]))
    return "".join(drawn)


def ends(layout: Layout, end: End, live: list[Wire]) -> str:
    """The dots where wires join, and the mark at the frame or slot."""
    if not live:
        return ""
    drawn = [marks.circle(layout.lanes[end], dot, 3.2, "joint") for _, _, dot in _trunk(layout, end, live) if dot]
    x, y = layout.size.fx, layout.port(end)
    drawn.append(marks.glyph(x - 6, y, "swapc") if isinstance(end, str) else marks.glyph(x - 5, y, "map"))
    return "".join(drawn)


def _trunk(layout: Layout, end: End, live: list[Wire]) -> list[tuple[str, Wire, float | None]]:
    """The path of each wire, and where it joins: the longest is drawn whole, so that dashes never lie on dashes."""
    size, lane, port = layout.size, layout.lanes[end], layout.port(end)
    found: list[tuple[str, Wire, float | None]] = []
    longest_first = sorted(live, key=lambda wire: (wire.state != "w", -abs(wire.y - port)))
    for i, wire in enumerate(longest_first):
        joins = any((other.y - port) * (wire.y - port) > 0 for other in longest_first[:i])
        if not i:
            found.append((route(size.pw, wire.y, lane, size.fx - 9, port), wire, None))
        elif joins or abs(wire.y - port) < 1:
            found.append((_joined(layout, end, wire, longest_first[:i]), wire, wire.y))
        else:
            found.append((stub(size.pw, wire.y, lane, port), wire, port))
    return found


def _joined(layout: Layout, end: End, wire: Wire, before: list[Wire]) -> str:
    """A wire up to the trunk: straight, or along the lane if what it joins is shorter than itself (solid goes first)."""
    lane, port = layout.lanes[end], layout.port(end)
    same = [other for other in before if (other.y - port) * (wire.y - port) > 0]
    reach = max((abs(other.y - port) for other in same), default=0)
    if reach >= abs(wire.y - port) or not same:
        return f"M{layout.size.pw:g} {wire.y:g}H{lane:g}"
    nearest = max(same, key=lambda other: abs(other.y - port)).y
    return stub(layout.size.pw, wire.y, lane, nearest)


def _ghost(layout: Layout, end: End, old: Gone, live: list[Wire]) -> str:
    """Where a mapping went before: grey dots, and a cross on a part that no living line uses, if there is one."""
    size, lane, port, y = layout.size, layout.lanes[end], layout.port(end), old.y
    start = size.pw if old.now is None else min(layout.lanes[old.now], lane)  # so far its row's new line covers it
    if not live:
        x = size.fx - 7 if size.lc < 60 else (lane + size.fx) / 2
        return marks.path(route(start, y, lane, size.fx - 12, port), "ghost") + marks.cross(x, port)
    if all((wire.y - port) * (y - port) <= 0 for wire in live) and abs(y - port) > NARROW:
        return marks.path(stub(start, y, lane, port), "ghost") + marks.cross(lane, (y + port) / 2)
    room = min((other for other in layout.lanes.values() if other > start), default=start) - start
    cross = marks.cross(start + room / 2, y) if room > NARROW else ""
    return marks.path(f"M{start:g} {y:g}H{lane:g}", "ghost") + cross if lane > start else ""


def ref_line(layout: Layout, ref: Ref, changed: bool) -> str:
    """A reference's own line; solid if the device may store."""
    if ref.frame is None:
        return ""
    size = layout.size
    end = layout.ref_ends[ref.name, ref.frame]
    d = route(size.rx, layout.refs[ref.name] + size.rmid, layout.ref_lanes[ref.name], size.fr + 8, end)
    halo = marks.path(d, "halo") if changed else ""
    casing = marks.path(d, "casing") if len(layout.ref_lanes) > 1 and not changed else ""
    return halo + casing + marks.path(d, "l-w ref" if ref.write else "l-r ref")


def ref_end(layout: Layout, ref: Ref) -> str:
    if ref.frame is None:
        return ""
    kind = "pin" if ref.take == "FOLL_PIN" else "get"
    return marks.glyph(layout.size.fr + 4.5, layout.ref_ends[ref.name, ref.frame], kind)
