"""What graphs have in common: shown in a notebook, in a page, as text, and where nobody draws."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cowlab import POLICIES, play, read_scenario
from cowlab.views import Stepper, fork_tree, policy_tree, state_graph
from cowlab.views.graph import render
from cowlab.views.graph.graph import Graph
from cowlab.views.graph.render import HINT
from cowlab.views.packed import Packed


def graphs() -> list[Graph]:
    return [state_graph("v5.7"), fork_tree("leak"), policy_tree()]


def unpacked(packed: dict[str, Any], number: int) -> dict[str, Any]:
    """What cowlab.js makes of it."""
    own = packed["steppers"][number]
    panels = [[packed["steps"][step] for step in panel] for panel in own["panels"]]
    live = "".join(packed["parts"][part] for part in own["live"])
    return {**own, "panels": panels, "live": live, "tokens": packed["tokens"], "strings": packed["strings"]}


def plain(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a Stepper without the numbers."""
    string = ["".join(data["tokens"][token] for token in coded) for coded in data["strings"]]
    panels = [[[string[n] if k % 2 else n for k, n in enumerate(step)] for step in panel] for panel in data["panels"]]
    texts = [[[data["tokens"][line] for line in frame] for frame in frames] for frames in data["texts"]]
    rest = {name: data[name] for name in ("name", "names", "script", "start", "part", "page", "live")}
    return {**rest, "panels": panels, "texts": texts}


def test_what_was_packed_comes_out_again() -> None:
    steppers = [
        *(Stepper(play("leak", policy), start=3) for policy in ("v5.7", "v6.5")),
        Stepper(play("cow-basic", "v5.9"), play("cow-basic", "v6.5")),
    ]
    several = Packed()
    assert [several.add(stepper.data()) for stepper in steppers] == [0, 1, 2]
    packed = json.loads(json.dumps(several.data()))
    for number, stepper in enumerate(steppers):
        assert plain(unpacked(packed, number)) == plain(stepper.data())
    assert len(json.dumps(packed)) < sum(len(json.dumps(stepper.data())) for stepper in steppers)


def test_what_opens_exists() -> None:
    for graph in graphs():
        data = graph.data()
        assert set(graph.cards) <= set(data["opens"])
        for opened in data["opens"].values():
            assert "<h2" in opened["html"]
            if opened["stepper"] is not None:
                assert opened["at"] <= len(data["packed"]["steppers"][opened["stepper"]]["script"])
        for name in re.findall(r'data-open=\\?"([\w-]+)', json.dumps(data)):
            assert name in data["opens"]


def test_a_notebook_gets_html_and_text() -> None:
    for graph in graphs():
        bundle = graph._repr_mimebundle_()
        assert set(bundle) == {"text/html", "text/plain"} and bundle["text/plain"] == graph.text() == repr(graph)


def test_the_same_every_time() -> None:
    for one, other in zip(graphs(), graphs(), strict=True):
        assert (one.dot.source, one.svg, one.text(), one.data()) == (
            other.dot.source,
            other.svg,
            other.text(),
            other.data(),
        )


def test_where_nobody_draws_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "RENDERERS", {})
    for graph in graphs():
        data = graph.data()
        assert (
            graph.svg == ""
            and data["live"].count("No Graphviz here") == 1
            and graph.still().count("No Graphviz here") == 1
        )
        assert "<svg" not in data["live"] and "digraph" in data["live"]
        assert data["live"].count("data-open=") == len(graph.cards)
    assert "`pip install" in HINT and "\n" not in HINT


def test_nothing_breaks_out() -> None:
    evil = "</script><script>alert(1)</script><!--"
    policy = POLICIES["v5.7"]._replace(name=evil, about=evil)
    trace = play(read_scenario(f"# {evil}\nP: write A\nP: fork C\n", evil), policy)
    for graph in (state_graph(policy), fork_tree(trace), policy_tree(policy)):
        for html in (graph.fragment(), graph.html()):
            assert "alert(1)</script>" not in html and html.count("<script") == html.count("</script") == 2
            assert "<!--" not in html
        data = graph.data()  # the words of text frames are not in it: they are set as text
        assert "<script" not in json.dumps([data["live"], data["opens"], data["packed"]["parts"]])


def test_the_page_needs_no_network() -> None:
    for graph in graphs():
        html = graph.html()
        assert not re.search(r'(src=|<link|@import|url\()"?(?!data:|\\?"data:)', html), graph.title
