"""How points are spread, as columns. Filled: judged; hollow: nothing was judged, and beside the points, not among them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from cowlab.grading.report.tally import Bin
from cowlab.grading.report.words import number

WIDE, HIGH, TOP, BOTTOM = 360, 128, 18, 34  # px; what stands above a column, and below
GAP, ASIDE = 4, 22  # between columns, and before those that stand aside


class Aside(NamedTuple):
    """A column that is not about points: nobody answered, it was stopped, it waits."""

    label: str
    many: int


def chart(points: Sequence[Bin], aside: Sequence[Aside], unit: str) -> str:
    """The SVG, one unit one px. unit: what is counted, for who hears the picture."""
    aside = [column for column in aside if column.many]
    highest = max([*(b.many for b in points), *(a.many for a in aside), 1])
    room = WIDE - 2 - (ASIDE if aside else 0) - sum(_wide(a) for a in aside)
    pitch = min(48.0, room / len(points))
    every = 1 if pitch >= 22 else 2 if pitch >= 13 else 4
    parts, x = [], 1.0
    for k, b in enumerate(points):
        label = number(b.low) if (len(points) - 1 - k) % every == 0 else ""
        parts.append(_column(x, pitch - GAP, b.many, highest, label, "solid"))
        x += pitch
    parts.append(f'<path class="axis" d="M0 {HIGH - BOTTOM}.5H{x - GAP + 2:.0f}"/>')
    parts.append(f'<text class="cap" x="1" y="{HIGH - 4}">points</text>')
    x += ASIDE
    for a in aside:
        parts.append(_column(x, _wide(a) - GAP - 8, a.many, highest, a.label, "hollow"))
        x += _wide(a)
    if aside:
        parts.append(f'<path class="axis" d="M{x - sum(map(_wide, aside)) - 6:.0f} {HIGH - BOTTOM}.5H{x - 4:.0f}"/>')
    return (
        f'<svg class="chart" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        f'aria-label="{escape(told(points, aside, unit))}">{"".join(parts)}</svg>'
    )


def told(points: Sequence[Bin], aside: Sequence[Aside], unit: str) -> str:
    """The same in words: `6 points: 12 answers; ...`."""
    said = [f"{_span(b)} points: {b.many}" for b in reversed(points) if b.many]
    said += [f"{a.label}: {a.many}" for a in aside if a.many]
    return f"{unit} by points. {'; '.join(said) or 'none'}"


def _span(b: Bin) -> str:
    return number(b.low) if b.high - b.low <= 0.5 else f"{number(b.low)} to less than {number(b.high)}"


def _wide(aside: Aside) -> int:
    return 16 + 7 * len(aside.label)


def _column(x: float, wide: float, count: int, highest: int, label: str, cls: str) -> str:
    full = HIGH - TOP - BOTTOM
    high = max(2.0, full * count / highest) if count else 0.0
    foot, middle = HIGH - BOTTOM, x + wide / 2
    box = (
        f'<rect class="{cls}" x="{x:.1f}" y="{foot - high:.1f}" width="{wide:.1f}" height="{high:.1f}"/>'
        if count
        else ""
    )
    above = f'<text x="{middle:.1f}" y="{foot - high - 4:.1f}">{count}</text>' if count else ""
    below = f'<text class="below" x="{middle:.1f}" y="{foot + 14}">{escape(label)}</text>' if label else ""
    return box + above + below
