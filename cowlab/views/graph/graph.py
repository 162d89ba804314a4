"""Graphs: what has no fixed places. Built as DOT with the graphviz package, drawn in the theme's colours, and opened
node by node in the browser without asking Python.

The views are in statespace.py, forktree.py and family.py; render.py finds somebody who draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from html import escape
from typing import Any, NamedTuple

import graphviz

from cowlab.views.graph.drawing import Drawing, as_image
from cowlab.views.graph.render import HINT, Card, render_svg, with_cards
from cowlab.views.packed import Packed
from cowlab.views.stepper import Stepper

PX = 72  # Graphviz counts inches, 72 of its points each; a point is a pixel here
KEYS = (
    "<span>click a node to open it</span><span><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> next node</span>"
    "<span><kbd>Home</kbd> first</span><span><kbd>Enter</kbd> open</span>"
)


class Opened(NamedTuple):
    """What a click on a node shows: HTML, and a Stepper by its number, opened at a line of the script."""

    html: str
    stepper: int | None = None
    at: int = 0


class Graph(Drawing):
    """A graph whose nodes open. As the last value of a notebook's cell it is shown.

    dot: the graph; its nodes have the names of `cards`, which are drawn in them, and of `opens`, which they show.
    note: how much is drawn. legend: triples of what must occur in the drawing, a mark's SVG, and what it means.
    shortcuts: pairs of what is opened and a button's words, for what one looks for first. other: whether some edges are
    of class `other` and can be hidden.
    """

    notice = (
        "Nodes open once the notebook is trusted, or its cell is run. Until then: the graph, and the same in words."
    )

    def __init__(
        self,
        dot: graphviz.Digraph,
        cards: Mapping[str, Card],
        *,
        title: str,
        lede: str,
        words: str,
        note: str = "",
        legend: Iterable[tuple[str, str, str]] = (),
        opens: Mapping[str, Opened] | None = None,
        steppers: Iterable[Stepper] = (),
        shortcuts: Iterable[tuple[str, str]] = (),
        other: bool = False,
    ) -> None:
        super().__init__(title, lede, words)
        self.dot, self.cards, self.opens = dot, dict(cards), dict(opens or {})
        self.note, self.legend, self.steppers = note, tuple(legend), tuple(steppers)
        self.shortcuts, self.other = tuple(shortcuts), other

    @cached_property
    def svg(self) -> str:
        """The graph drawn, in the page's colours; "" where nothing here can draw it."""
        drawn = render_svg(self.dot.source)
        return with_cards(drawn, self.cards) if drawn else ""

    def image(self) -> str:
        said = f"<p>{escape(self.note)}</p>" if self.note else ""
        hint = "" if self.svg else f"<p>{escape(HINT)}</p>"
        return said + hint + as_image(self.svg, f"{self.title}. The text below says the same.")

    def data(self) -> dict[str, Any]:
        opens = {name: opened._asdict() for name, opened in self.opens.items()}
        packed = Packed()
        for stepper in self.steppers:
            packed.add(stepper.data())
        return {"live": self._live(), "opens": opens, "packed": packed.data()}

    def _live(self) -> str:
        """What the browser fills, and what it opens."""
        note = f'<p class="cow-note">{escape(self.note)}</p>' if self.note else ""
        opened = '<div class="cow-opened" role="region" aria-label="What was opened"></div>' if self.opens else ""
        words = in_words(self.words, "graph", shown=not self.svg)
        shown = self._drawn() + words + opened if self.svg else self._undrawn() + opened + words + self._source()
        return f'<div class="sr cow-say" aria-live="polite"></div>{note}{shown}'

    def _drawn(self) -> str:
        """The drawing with its controls and its legend."""
        items = "".join(
            f'<li><svg class="cow-world cow-dag" viewBox="0 0 48 22" width="48" height="22" aria-hidden="true">{mark}</svg>'
            f"{escape(words)}</li>"
            for sign, mark, words in self.legend
            if sign in self.svg
        )
        about = escape(f"{self.title}: a graph, which is told in words below")
        return (
            f'{self._controls()}<p class="keys">{KEYS}</p>'
            f'<div class="cow-drawn other" role="group" aria-label="{about}">{self.svg}</div>'
            f'<ul class="legend" aria-label="Legend">{items}</ul>'
        )

    def _controls(self) -> str:
        buttons = '<button type="button" data-a="fit" aria-pressed="false">Whole graph</button>'
        if self.other:
            buttons += '<button type="button" data-a="other" aria-pressed="true">Other ways</button>'
        for what, said in self.shortcuts:
            buttons += f'<button type="button" class="broken" data-open="{what}">{escape(said)}</button>'
        return f'<div class="bar" role="group" aria-label="The drawing">{buttons}</div>'

    def _undrawn(self) -> str:
        """Where nobody draws: one line that says so, and the nodes as buttons."""
        buttons = "".join(
            f'<button type="button" data-open="{name}">{escape(self.cards[name].name)}</button>'
            for name in self.opens
            if name in self.cards
        )
        return f'<p class="cow-note">{escape(HINT)}</p><div class="cow-list" role="group" aria-label="Nodes">{buttons}</div>'

    def _source(self) -> str:
        return f'<details><summary>As DOT, for another program</summary><pre tabindex="0">{escape(self.dot.source)}</pre></details>'


def in_words(words: str, what: str, *, shown: bool) -> str:
    """The same as text, folded away or not."""
    return (
        f"<details{' open' if shown else ''}><summary>The {what} in words</summary>"
        f'<pre class="words" tabindex="0" role="region" aria-label="The {what} in words">{escape(words)}</pre></details>'
    )


def digraph(name: str, **attributes: str) -> graphviz.Digraph:
    """An empty graph: boxes of a fixed size, for a Card each, and labels in a font whose width is known."""
    return graphviz.Digraph(
        name,
        graph_attr={"bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35", **attributes},
        node_attr={"shape": "box", "fixedsize": "true"},
        edge_attr={"fontname": "Courier", "fontsize": "11", "arrowsize": "0.7"},
    )


def add_card(dot: graphviz.Digraph, ident: str, card: Card, cls: str = "") -> None:
    """A node of the size of its card. Its label is what the card says, for who draws the DOT otherwise."""
    size = {"width": f"{card.width / PX:.3f}", "height": f"{card.height / PX:.3f}"}
    dot.node(ident, label=graphviz.escape(card.name), id=ident, **{"class": cls}, **size)


def add_edge(dot: graphviz.Digraph, source: str, target: str, *lines: str, cls: str, **options: str) -> None:
    """An edge with these lines of text, and some room around them."""
    label = r"\n".join(graphviz.escape(f" {line} ") for line in lines)
    dot.edge(source, target, label=label, id=f"{source}-{target}", **{"class": cls}, **options)
