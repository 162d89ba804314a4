"""Line charts with matplotlib: lines told apart by dashes and markers, each with its names at its end.

Drawn once, in Python, as an SVG whose colours are the page's variables: no script is needed, and it follows the theme.
"""

from __future__ import annotations

import io
import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cowlab.views.graph.render import SVG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The palette on white paper (picture.css). In the page each is the variable of that name.
COLOURS = {"ink": "#1b1f24", "ink2": "#515a66", "edge": "#7a8490", "hair": "#d3d9e0", "paper": "#ffffff"}
DASHES: tuple[Any, ...] = ("solid", (0, (6, 4)), (0, (1.5, 2.5)), (0, (9, 3, 2, 3)), (0, (12, 4)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# Measures in px: one unit of the SVG is one CSS pixel.
WIDTH, LEFT, PLOT = 730, 30, 300
HEIGHT, HEAD, FOOT = 128, 62, 44
LABEL, CHARACTERS, LINE, GAP = 402, 46, 15, 8
DPI = 72


class Line(NamedTuple):
    """One line: everybody whose values these are."""

    names: tuple[str, ...]
    xs: tuple[int, ...]
    ys: tuple[int, ...]


def draw(panels: Mapping[str, Sequence[Line]], below: str) -> Figure:
    """The panels one below the other, with one scale. below: what the horizontal axis counts.

    Raises ModuleNotFoundError without matplotlib.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    height = len(panels) * (HEAD + HEIGHT) + FOOT - 18
    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI)
    FigureCanvasSVG(figure)  # no pyplot: it keeps figures, and would draw a second time in a notebook
    lines = [line for panel in panels.values() for line in panel]
    top = max(1, *(max(line.ys) for line in lines))
    for number, (title, panel) in enumerate(panels.items()):
        bottom = height - (number + 1) * (HEAD + HEIGHT) + 18
        axes = figure.add_axes((LEFT / WIDTH, bottom / height, PLOT / WIDTH, HEIGHT / height))
        _scales(axes, sorted({x for line in lines for x in line.xs}), top)
        figure.text(0, (bottom + HEIGHT + 20) / height, title, size=13, weight="bold", color=COLOURS["ink"])
        if number == len(panels) - 1:
            axes.set_xlabel(below, size=12, color=COLOURS["ink"], loc="left")
        ends = [bottom + HEIGHT * line.ys[-1] / top for line in panel]
        for look, (line, end, y) in enumerate(zip(panel, ends, _apart(panel, ends, bottom), strict=True)):
            _line(axes, line, look)
            _names(figure, line, look, end, y)
    return figure


def _scales(axes: Any, xs: Sequence[int], top: int) -> None:
    axes.set_xlim(xs[0], max(xs[-1], xs[0] + 1))
    axes.set_ylim(0, top)
    axes.set_xticks(xs if len(xs) <= 17 else xs[:: len(xs) // 8])
    axes.set_yticks(sorted({0, top // 2, top}))
    axes.grid(axis="y", color=COLOURS["hair"], linewidth=1)
    axes.tick_params(colors=COLOURS["ink2"], labelsize=11, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(COLOURS["edge"])


def _look(number: int) -> dict[str, Any]:
    """Dashes and marker; every other marker is hollow."""
    fill = COLOURS["paper" if number % 2 else "ink"]
    look = {"linestyle": DASHES[number % len(DASHES)], "marker": MARKERS[number % len(MARKERS)], "markersize": 7}
    return {**look, "color": COLOURS["ink"], "linewidth": 1.8, "markerfacecolor": fill, "markeredgewidth": 1.5}


def _line(axes: Any, line: Line, look: int) -> None:
    axes.plot(line.xs, line.ys, clip_on=False, zorder=3, **_look(look))


def _names(figure: Any, line: Line, look: int, end: float, y: float) -> None:
    """The names, after a piece of their line, which a thin one ties to its end. y: the first of them."""
    from matplotlib.lines import Line2D

    size = figure.get_size_inches() * DPI

    def place(xs: Sequence[float], ys: Sequence[float], **how: Any) -> None:
        figure.add_artist(Line2D([x / size[0] for x in xs], [at / size[1] for at in ys], **how))

    start, middle = LEFT + PLOT + 9, y + 4
    place((start, LABEL - 38), (end, middle), color=COLOURS["edge"], linewidth=0.8)
    place((LABEL - 32, LABEL - 18, LABEL - 4), (middle, middle, middle), markevery=[1], **_look(look))
    for number, words in enumerate(_wrapped(line)):
        figure.text((LABEL + 4) / size[0], (y - number * LINE) / size[1], words, size=12, color=COLOURS["ink"])


def _wrapped(line: Line) -> list[str]:
    return textwrap.wrap(", ".join(line.names), CHARACTERS, break_on_hyphens=False)


def _apart(panel: Sequence[Line], ends: Sequence[float], bottom: float) -> list[float]:
    """For each line where its names begin: beside its end, but none over others, and none above the panel's top."""
    order = sorted(range(len(panel)), key=lambda which: (ends[which], -which))
    tall = [LINE * (len(_wrapped(line)) - 1) for line in panel]
    places, floor = [0.0] * len(panel), bottom - LINE
    for which in order:
        places[which] = max(floor + tall[which], ends[which] - 4 + tall[which] / 2)
        floor = places[which] + LINE + GAP
    ceiling = bottom + HEIGHT + 2
    for which in reversed(order):
        places[which] = min(places[which], ceiling)
        ceiling = places[which] - tall[which] - LINE - GAP
    return places


def in_page_colours(figure: Figure, alt: str) -> str:
    """The figure as an SVG with the page's colours and fonts, for who looks and, as `alt`, for who does not."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cowlab"}):  # words stay words; always the same
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return plain(out.getvalue(), alt)


def plain(svg: str, alt: str) -> str:
    """Without matplotlib's style sheet, which would be for the whole page, its fonts, and ids that nothing refers to."""
    root = ET.fromstring(svg)
    _, _, width, height = root.get("viewBox", "").split()
    for unwanted in ("metadata", "defs"):
        for child in root.findall(f"{{{SVG}}}{unwanted}"):
            root.remove(child)
    used = set(re.findall(r'#(\w+)[")]', svg))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        style = re.sub(r"font-family:[^;]*(;|$)", "", element.get("style", ""))
        for name, colour in COLOURS.items():
            style = style.replace(colour, f"var(--{name})")
        if style:
            element.set("style", style.strip("; "))
    root.attrib.clear()
    root.attrib.update({"class": "cow-world cow-chart", "viewBox": f"0 0 {width} {height}"})
    root.attrib.update({"width": width, "height": height, "role": "img", "aria-label": alt})
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ET.tostring(root, encoding="unicode")
