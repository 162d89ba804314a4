"""The marks of the picture as SVG text. No font is ever measured: text is anchored, and spans follow each other."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

GLYPHS = {"map": "▸", "get": "○", "pin": "■", "swapc": "▨", "filec": "▤", "hold": "◌"}
PARTS = {
    "mapping": "map",
    "FOLL_GET": "get",
    "FOLL_PIN": "pin",
    "swap cache": "swapc",
    "page cache": "filec",
    "hold": "hold",
}


def text(x: float, y: float, words: object, cls: str = "", anchor: str = "") -> str:
    return spans(x, y, [escape(str(words))], cls, anchor)


def spans(x: float, y: float, parts: Iterable[str], cls: str = "", anchor: str = "") -> str:
    """One line of text out of several spans: the browser sets them one after another."""
    return f'<text x="{x:g}" y="{y:g}"{_class(cls)}{_anchor(anchor)}>{"".join(parts)}</text>'


def span(words: object, cls: str = "") -> str:
    return f"<tspan{_class(cls)}>{escape(str(words))}</tspan>" if cls else escape(str(words))


def _class(cls: str) -> str:
    return f' class="{cls}"' if cls else ""


def _anchor(anchor: str) -> str:
    return f' text-anchor="{anchor}"' if anchor else ""


def rect(x: float, y: float, w: float, h: float, cls: str, radius: float = 4) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius:g}" class="{cls}"/>'


def path(d: str, cls: str) -> str:
    return f'<path d="{d}" class="{cls}"/>'


def circle(x: float, y: float, radius: float, cls: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{cls}"/>'


def badge(x: float, y: float, mode: str) -> str:
    """26 x 18, centre-left at (x, y). Filled W: may store. Hollow, a lock and R: may only look; a lock alone: not even that."""
    if mode == "w":
        return rect(x, y - 9, 26, 18, "b-w", 3) + text(x + 13, y + 4.5, "W", "t-w", "middle")
    shift = 4 if mode == "closed" else 0
    lock = path(f"M{x + 5 + shift:g} {y - 1:g}v-2.2a2.6 2.6 0 0 1 5.2 0v2.2", "lock-o")
    lock += rect(x + 3.6 + shift, y - 1.2, 8, 6.4, "lock-b", 1)
    letter = "" if shift else text(x + 18.6, y + 4.3, "R", "t-r", "middle")
    return rect(x, y - 9, 26, 18, "b-r", 3) + lock + letter


def swap_badge(x: float, y: float) -> str:
    return rect(x, y - 9, 40, 18, "b-s", 3) + text(x + 20, y + 4, "swap", "t-r", "middle")


def box(x: float, y: float, size: float, letter: str, cls: str = "") -> str:
    """What is seen or held: a letter in a box."""
    big = "p-xl" if size > 40 else "p-l" if size > 30 else "p-s"
    drop = size * 0.21 if size > 30 else 5
    frame = rect(x, y, size, size, f"plate {cls}".strip(), 3)
    return frame + text(x + size / 2, y + size / 2 + drop, letter, f"{big} {cls}".strip(), "middle")


def pill(x: float, y: float, words: str) -> str:
    """A flag of the frame: filled if it is set, hollow if not."""
    cls = {"maybe shared": "nx", "freed in use": "bad"}.get(words, "x")
    width = pill_width(words)
    return rect(x, y, width, 18, f"b-{cls}", 9) + text(
        x + width / 2, y + 13, words, "t-" + cls.replace("bad", "onbad"), "middle"
    )


def pill_width(words: str) -> int:
    return {"exclusive": 68, "maybe shared": 90, "GUP touched": 92, "freed in use": 88}[words]


def glyph(x: float, y: float, kind: str) -> str:
    """The mark at a line's end, 9 px, centre (x, y). The sum repeats it as a character."""
    if kind == "map":
        return path(f"M{x - 4:g} {y - 4.5:g}l9 4.5l-9 4.5z", "g-map")
    if kind == "get":
        return circle(x, y, 4, "g-get")
    if kind == "pin":
        return rect(x - 4.5, y - 4.5, 9, 9, "g-pin", 0)
    return rect(x - 4.5, y - 4.5, 9, 9, "g-swap", 0) + path(
        f"M{x - 4:g} {y + 1:g}l5 -5M{x - 1:g} {y + 4:g}l5 -5", "g-swap"
    )


def cross(x: float, y: float) -> str:
    """Where something went away."""
    return path(f"M{x - 4:g} {y - 4:g}l8 8m0 -8l-8 8", "ghostx")


def fit(words: str, length: int) -> str:
    """At most so many characters: names may be as long as their author likes."""
    return words if len(words) <= length else words[: length - 1] + "…"
