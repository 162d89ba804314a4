"""Fork time as a chart: over written pages, and over pinned ones beside what the simulator copies.

Drawn here and not by matplotlib: a terminal may have only the standard library, and the page is the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

from cowlab.live.forktime import Fit, ForkTimes, Point, alike, as_text, fits, in_words, model_copies, rounded
from cowlab.views.graph.drawing import Drawing, as_image

LEDE = (
    "A process forks, again and again, and its children leave at once. What counts is how long the CPU works on fork in "
    "the parent. A dot is the median; the bar through it spans half of the runs."
)
SAME = " Both charts have the same scale of time."
WRITTEN = (
    "For each page fork copies the entry and takes the right to write from it, in the parent too. No page is copied."
)
PINNED = (
    "Since v5.9 fork copies a pinned page at once, for the child: the parent keeps the page that the device uses, and may "
    "go on writing to it."
)

# Measures in px: one unit of the SVG is one CSS pixel.
WIDTH, HEIGHT = 640, 284
LEFT, TOP, RIGHT, BOTTOM = 50, 40, 470, 240
LABEL, LINE = 486, 16


class Series(NamedTuple):
    """One chart: the points over xs, the line through them, and one to compare it with."""

    title: str
    below: str
    xs: tuple[int, ...]
    points: tuple[Point, ...]
    fit: Fit | None
    other: Fit | None = None


class ForkTime(Drawing):
    """What `measure` found. As the last value of a notebook's cell it is shown."""

    def __init__(self, times: ForkTimes) -> None:
        lede = f"{times.machine}; pages of {times.page_bytes // 1024} KiB. {LEDE}{SAME if times.pinned else ''}"
        super().__init__("How long fork takes here", lede, as_text(times))
        self.times = times

    @property
    def charts(self) -> tuple[str, str]:
        """The two as SVG, in the page's colours; "" for one without points."""
        top = max((point.upper for point in self.times.points), default=1)
        written, pinned = (draw(one, top) if one.points else "" for one in series(self.times))
        return written, pinned

    def image(self) -> str:
        both = zip(self.charts, series(self.times), strict=True)
        return "".join(as_image(svg, about(one)) for svg, one in both)

    def data(self) -> dict[str, Any]:
        charts, said = self.charts, in_words(self.times)
        why = (self.times.skipped, self.times.pins_skipped)
        asides = (WRITTEN, PINNED)
        rows = [row(*each) for each in zip(charts, said, why, asides, ("", model()), strict=True)]
        live = f'<div class="cow-forktime">{"".join(rows)}</div>{numbers(self.times.points)}'
        return {"live": live, "opens": {}, "packed": None}


def row(chart: str, said: str, why: str, aside: str, more: str) -> str:
    """A chart, what it says, and what stands beside it. why: what is missing."""
    missing = f'<p class="cow-note">Not measured: {escape(why)}.</p>' if why else ""
    first = f'<p class="cow-said">{escape(said)}</p>' if said else ""
    drawn = f'<div class="cow-fit">{chart}</div>' if chart else ""
    return f"<section>{drawn}<div>{first}{missing}<p>{escape(aside)}</p>{more}</div></section>"


def series(times: ForkTimes) -> tuple[Series, Series]:
    """What the two charts show. The second one has a line for as many written pages, to compare."""
    mapped, pinned = fits(times)
    like = Fit(pinned.start, mapped.slope, 0, True) if pinned and mapped and mapped.clear else None
    title = f"Fork time in µs when some of {times.of} written pages are pinned"
    return (
        Series(
            "Fork time in µs, nothing pinned",
            "written pages",
            tuple(point.pages for point in times.mapped),
            times.mapped,
            mapped,
        ),
        Series(title, "pinned pages", tuple(point.pinned for point in times.pinned), times.pinned, pinned, like),
    )


def about(one: Series) -> str:
    """The chart in a sentence, for who does not see it."""
    values = (f"{x}: {point.median:.0f}" for x, point in zip(one.xs, one.points, strict=True))
    return f"{one.title}, medians over {one.below}: {'; '.join(values)}."


# --- drawing ---------------------------------------------------------------------------------------------------------


def draw(one: Series, top: float) -> str:
    """One chart as an SVG. top: the longest time in either."""
    reach = max(one.xs) or 1
    xs, ys = [x for x in ticks(reach) if x <= reach], ticks(top)
    across = scale(reach, LEFT, RIGHT)
    up = scale(ys[-1], BOTTOM, TOP)
    parts = [f"<title>{escape(one.title)}</title><desc>{escape(about(one))}</desc>"]
    parts += [text(0, 16, one.title, "t-head"), *axes(xs, ys, across, up, one.below)]
    ends = []
    for line, look in ((one.other, "like"), (one.fit, "fit")):
        if line:
            end = up(line.start + line.slope * reach)
            start = f"M{across(0):.1f} {up(max(0, line.start)):.1f}"
            parts += [f'<path class="{look}" d="{start}L{across(reach):.1f} {end:.1f}"/>']
            ends += [(end, label(one, line, look))]
    parts += [dot(across(x), point, up) for x, point in zip(one.xs, one.points, strict=True)]
    parts += names(ends)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cow-world cow-chart cow-times" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">{"".join(parts)}</svg>'
    )


def ticks(top: float) -> list[int]:
    """From 0 to at least `top`, four to six of them, at round numbers."""
    rough = max(top, 4) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, next(int(power * k) for k in (1, 2, 5, 10) if power * k >= rough))
    return list(range(0, math.ceil(top / step) * step + 1, step))


def scale(most: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (end - start) * value / most


def text(x: float, y: float, words: str, cls: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{cls}" text-anchor="{anchor}">{escape(words)}</text>'


def axes(
    xs: Sequence[int], ys: Sequence[int], across: Callable[[float], float], up: Callable[[float], float], below: str
) -> list[str]:
    parts = [f'<path class="hair" d="M{LEFT} {up(y):.1f}H{RIGHT}"/>' for y in ys[1:]]
    parts += [f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>']
    parts += [text(LEFT - 12, up(y) + 4, str(y), "t-sub", "end") for y in ys]
    for x in xs:
        parts += [f'<path class="axis" d="M{across(x):.1f} {BOTTOM}v4"/>']
        parts += [text(across(x), BOTTOM + 18, str(x), "t-sub", "middle")]
    return [*parts, text(LEFT, BOTTOM + 38, below)]


def dot(x: float, point: Point, up: Callable[[float], float]) -> str:
    """The median on its bar, wider than the dot: most bars are short."""
    said = f"median {point.median:.0f} µs, half of {point.runs} runs from {point.lower:.0f} to {point.upper:.0f} µs"
    low, high = up(point.lower), up(point.upper)
    bar = f"M{x - 7:.1f} {high:.1f}h14M{x - 7:.1f} {low:.1f}h14M{x:.1f} {high:.1f}V{low:.1f}"
    middle = f'<circle cx="{x:.1f}" cy="{up(point.median):.1f}" r="3.5"/>'
    return f'<g class="point"><title>{said}</title><path d="{bar}"/>{middle}</g>'


def label(one: Series, line: Fit, look: str) -> list[str]:
    """What stands at the end of a line."""
    if look == "like":
        return ["as many written", "pages instead"]
    what = one.below.removesuffix("s")
    return (
        [f"about {rounded(line.slope)} µs", f"a {what}"] if line.clear else ["no rise that stands", "out of the noise"]
    )


def names(ends: Sequence[tuple[float, Sequence[str]]]) -> list[str]:
    """The labels at the ends of their lines, the lower one first, moved up where they would meet."""
    parts, floor = [], float(BOTTOM)
    for end, lines in sorted(ends, reverse=True):
        last = min(floor, end + 4 + LINE * (len(lines) - 1) / 2)
        parts += [text(LABEL, last - LINE * (len(lines) - 1 - n), words) for n, words in enumerate(lines)]
        floor = last - LINE * len(lines) - 4
    return parts


# --- tables ----------------------------------------------------------------------------------------------------------


def model() -> str:
    """What fork copies in the simulator, policy by policy."""
    copies = model_copies()
    most = max(map(len, copies.values()))
    heads = "".join(f'<th scope="col">{count}</th>' for count in range(most))
    body = "".join(
        f'<tr><th scope="row">{escape(names)}</th>' + "".join(f"<td>{count}</td>" for count in counts) + "</tr>"
        for names, counts in alike(copies)
    )
    return (
        '<table class="rows cow-cells cow-numbers"><caption>In the simulator: frames that fork copies</caption>'
        f'<thead><tr><th scope="col">pinned, of {most - 1}</th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def numbers(points: Sequence[Point]) -> str:
    """Every point as a row, folded away."""
    if not points:
        return ""
    heads = ("written pages", "pinned", "median, µs", "lower quartile", "upper quartile", "runs", "on the clock")
    body = "".join(
        f'<tr><th scope="row">{point.pages}</th><td>{point.pinned}</td><td>{point.median:.1f}</td>'
        f"<td>{point.lower:.1f}</td><td>{point.upper:.1f}</td><td>{point.runs}</td><td>{point.clock:.1f}</td></tr>"
        for point in points
    )
    return (
        "<details><summary>The numbers</summary>"
        '<table class="rows cow-cells cow-numbers"><thead><tr>'
        + "".join(f'<th scope="col">{head}</th>' for head in heads)
        + f"</tr></thead><tbody>{body}</tbody></table></details>"
    )
