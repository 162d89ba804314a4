"""The legend, drawn by the same code as the picture. Items wrap and never shrink; only marks that occur are explained."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from cowlab.views import marks


def _line(cls: str, head: str) -> str:
    return marks.path("M1 11H36", cls) + marks.glyph(40, 11, head)


ITEMS: tuple[tuple[str, str, str], ...] = (  # what must occur for it to be shown, words, drawing
    ("", "solid: may store (W)", _line("l-w", "map")),
    ("", "dashed: may only look (R)", _line("l-r", "map")),
    ("get", "ring: FOLL_GET, counts 1", _line("l-r ref", "get")),
    ("pin", "block: FOLL_PIN, counts {bias}", _line("l-w ref", "pin")),
    ("", "a boxed letter: what is seen here", marks.box(14, 1, 20, "A")),
    ("bad", "filled, with ✗: ought to differ", marks.box(14, 1, 20, "S", "bad")),
    ("", "changed by this line", marks.rect(6, 2, 36, 18, "mark", 3) + marks.text(11, 15, "was", "t-was")),
    ("ghost", "where a mapping went before", marks.path("M3 11H32", "ghost") + marks.cross(39, 11)),
    ("asked", "the counter this kernel asks", marks.text(7, 15, "count", "t-sub asked")),
    (
        "exclusive",
        "filled pill: only one owner",
        marks.rect(6, 2, 36, 18, "b-x", 9) + marks.text(24, 15, "excl", "t-x", "middle"),
    ),
    (
        "joint",
        "dot: they join; gap: they cross",
        marks.path("M1 11H47M24 11V1", "l-r") + marks.circle(24, 11, 3.4, "joint"),
    ),
    ("pile", "a pile: 2 MiB{pile}", marks.rect(11, 7, 26, 13, "card") + marks.rect(8, 4, 32, 13, "card")),
    ("file", "a folded corner: a file's page", marks.path("M10 3h20l8 8v8h-28z", "card")),
    ("swap", "dotted, hatched: a swap entry", _line("l-s", "swapc")),
    ("swap cache", "counted: the swap cache", marks.spans(18, 16, [marks.span("▨", "c-swapc")])),
    ("page cache", "counted: the page cache", marks.spans(18, 16, [marks.span("▤", "c-filec")])),
    ("hold", "counted: a transient hold", marks.spans(18, 16, [marks.span("◌", "c-hold")])),
    ("mapping:", "mapping: what the mapping allows", marks.text(2, 15, "map: r", "t-tag")),
    ("rest", "other 511: the rest of a split THP", marks.text(2, 15, "511", "t-tag")),
    ("dead", "hollow, no line: refused, dead", marks.rect(6, 2, 36, 18, "card dead")),
)

# How to see in the text of the drawings whether a mark occurs.
SIGNS = {
    "get": "g-get",
    "pin": "g-pin",
    "bad": "plate bad",
    "ghost": '"ghost"',
    "asked": "asked",
    "exclusive": "b-x",
    "joint": '"joint"',
    "pile": " pile",
    "file": "dogear",
    "swap": '"l-s"',
    "swap cache": "▨",
    "page cache": "▤",
    "hold": "◌",
    "mapping:": "mapping:",
    "rest": "other 511",
    "dead": " dead",
}


def _sign(sign: str) -> str:
    """For a Stepper that covers what lies ahead: what must have been drawn before this mark is explained."""
    return f' data-sign="{escape(SIGNS[sign])}"' if sign else ""


def legend(drawn: Iterable[str], bias: int) -> str:
    """Explain the marks that occur in these drawings."""
    text = "".join(drawn)
    pile = "; pins count 1 there" if SIGNS["pin"] in text else " in one frame"
    items = [
        f'<li{_sign(sign)}><svg class="cow-world" viewBox="0 0 48 22" width="48" height="22" aria-hidden="true">{drawing}</svg>'
        f"{words.format(bias=bias, pile=pile)}</li>"
        for sign, words, drawing in ITEMS
        if not sign or SIGNS[sign] in text
    ]
    return f'<ul class="legend" aria-label="Legend">{"".join(items)}</ul>'
