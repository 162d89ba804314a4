"""Graphs and charts in a real browser: opened by mouse and by keyboard, in both themes, and legible."""

from __future__ import annotations

from typing import Any

import pytest
from needs import missing
from real_lab import Lab, first_output, notebook, outputs_in_view, run_all, shoot, somebody_elses, theme

from cowlab import POLICIES, play, read_scenario
from cowlab.views import cost_chart, fork_costs, fork_tree, policy_tree, state_graph, text_frame
from cowlab.views.graph import render
from cowlab.views.graph.graph import Graph
from cowlab.views.graph.stategraph import SMALL

pytestmark = pytest.mark.browser
FORKS = "P: write A\nP: fork C\nC: vmsplice g\nC: fork D\nC: exit\nD: register buf\nP: fork E1\nbuf: put\nP: direct_read d\n"


def drawn(graph: Graph) -> Graph:
    if not graph.svg:
        missing("no Graphviz renderer is installed")
    return graph


@pytest.fixture
def states(page: Any, saved: Any) -> Any:
    page.context.set_offline(True)
    page.goto(saved(drawn(state_graph("v5.7")).html()))
    return page


def heading(page: Any) -> str:
    return str(page.locator(".cow-opened h2").first.inner_text())


def focused(page: Any) -> str:
    return str(page.evaluate("(e => e.dataset.node || e.dataset.edge || '')(document.activeElement)"))


def test_a_click_opens_the_frame_and_its_script(states: Any) -> None:
    graph = state_graph("v5.7")
    for state in (1, 15, 34):
        states.locator(f"[data-node=s{state}]").click()
        assert heading(states).startswith(f"State {state}, ")
        trace = graph.steppers[state - 1].traces[0]
        assert states.locator(".cow-opened .pos").inner_text() == f"line {len(trace.steps)} of {len(trace.steps)}"
        assert states.locator(".cow-opened pre.words").text_content() + "\n" == text_frame(trace, len(trace.steps))
        assert states.locator(".cow-opened section.w svg").is_visible()
        assert states.locator('[aria-current="true"][data-node]').count() == 1
    states.get_by_role("button", name="Previous (left arrow)").click()
    assert states.locator(".cow-opened .pos").inner_text() == "line 4 of 5"
    states.locator("[data-node=s0]").click()
    assert heading(states) == "The start" and states.locator(".cow-opened svg").is_visible()


def test_one_walks_from_state_to_state(states: Any) -> None:
    states.get_by_role("button", name="✗ isolation", exact=True).click()
    assert heading(states) == "State 34, 5 events from the start"
    assert "✗ LEAK" in states.locator(".cow-opened .verdict").inner_text()
    states.get_by_role("button", name="P: munmap → 35").click()
    assert heading(states).startswith("State 35, ")
    states.locator('[data-edge="s34-s34"] text').first.click()
    assert heading(states).endswith("✗ isolation")
    assert states.locator("[aria-live=polite]").first.text_content().startswith("Opened below: ")


def test_by_keyboard(states: Any) -> None:
    states.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    tabs = 0
    while focused(states) != "s0":
        states.keyboard.press("Tab")
        tabs += 1
        assert tabs < 12, "the first node is a tab stop"
    box = states.locator("[data-node=s0]").bounding_box()
    for key, expected in (("ArrowRight", {"s1", "s2", "s3", "s4"}), ("Home", {"s0"})):
        states.keyboard.press(key)
        assert focused(states) in expected
    assert states.locator("[data-node=s0]").bounding_box() == box
    states.keyboard.press("ArrowRight")
    here = focused(states)
    assert states.locator(".edge.lit").count() > 0
    states.keyboard.press("Enter")
    assert heading(states).startswith(f"State {here[1:]}, ") and focused(states) == here
    top = states.locator(".cow-opened h2").first.bounding_box()["y"]
    assert 0 <= top < states.viewport_size["height"]  # what opened is seen
    states.keyboard.press("d")
    assert states.evaluate("window.heard.filter((key) => key !== 'Tab')") == []
    states.keyboard.press("Tab")
    assert focused(states) == ""  # one tab stop for all nodes


def test_whole_graph_and_other_ways(states: Any) -> None:
    svg, other = states.locator(".cow-drawn > svg"), states.locator(".edge.other").first
    wide = svg.bounding_box()["height"]
    states.get_by_role("button", name="Whole graph").click()
    assert svg.bounding_box()["height"] < states.locator(".cow-drawn").bounding_box()["height"] < wide
    assert other.is_visible()
    states.get_by_role("button", name="Other ways").click()
    assert not other.is_visible() and states.locator(".edge.first").first.is_visible()


def test_every_node_has_a_name_and_a_role(states: Any) -> None:
    nodes = states.locator(".cow-drawn [role=button]")
    names = nodes.evaluate_all("(all) => all.map((g) => g.getAttribute('aria-label'))")
    assert "state 5: P read-only #1, C read-only #1" in names and "C: write ✗ isolation" in names
    assert all(names) and nodes.evaluate_all("(all) => all.filter((g) => g.tabIndex === 0).length") == 1


def test_fork_tree_and_family_open(page: Any, saved: Any) -> None:
    page.goto(saved(drawn(fork_tree("leak")).html()))
    page.locator("[data-node=n2]").click()
    assert heading(page).startswith("reference g, pipe, FOLL_GET, taken by vmsplice at line 3")
    assert page.locator(".cow-opened .pos").inner_text() == "line 3 of 6"
    page.goto(saved(policy_tree().html()))
    page.locator("[data-node=n6]").click()
    assert heading(page) == "v5.19" and page.locator("tr.changed").count() == 4


def test_without_a_renderer_nodes_open_all_the_same(page: Any, saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "RENDERERS", {})
    page.goto(saved(state_graph("v5.7").html()))
    assert page.locator(".cow-live").get_by_text("No Graphviz here to draw this").is_visible()
    page.get_by_role("button", name="state 15: ").click()
    assert page.locator(".cow-opened .pos").inner_text() == "line 3 of 3"
    assert page.locator("pre.words", has_text="the shortest script that breaks isolation").is_visible()


def test_nothing_breaks_out(page: Any, saved: Any) -> None:
    evil = "<img src=x onerror=window.hacked=1></script>"
    policy = POLICIES["v5.7"]._replace(name=evil, about=evil)
    trace = play(read_scenario(f"# {evil}\nP: write A\nP: fork C\n", evil), policy)
    for graph in (state_graph(policy), fork_tree(trace), policy_tree(policy)):
        page.goto(saved(drawn(graph).html()))
        page.locator("[data-node]").last.click()
        assert page.locator(".cow-opened h2").count() > 0
        assert page.evaluate("window.hacked === undefined")


# Every text stays in its card, and none is over another; labels of lines stay off the cards. Boxes in page pixels.
LEGIBLE = """() => {
  const ink = (e) => { const b = e.getBoundingClientRect(); return {x: b.x, y: b.y + b.height * .2, w: b.width, h: b.height * .6, s: e.textContent.trim()}; };
  const meet = (a, b) => a.x < b.x + b.w - 1 && b.x < a.x + a.w - 1 && a.y < b.y + b.h - 1 && b.y < a.y + a.h - 1;
  const svg = document.querySelector('.cow-drawn > svg, .cow-chart'), found = [];
  const texts = [...svg.querySelectorAll('text')].map((e) => ({...ink(e), card: e.closest('.node'), e})).filter((t) => t.w);
  const cards = [...svg.querySelectorAll('.node')].map((node) => ({node, ...(b => ({x: b.x, y: b.y, w: b.width, h: b.height}))(node.querySelector('rect').getBoundingClientRect())}));
  texts.forEach((t, i) => {
    texts.slice(i + 1).forEach((o) => meet(t, o) && found.push(`"${t.s}" overlaps "${o.s}"`));
    cards.forEach((c) => { if (c.node !== t.card && meet(t, c)) found.push(`"${t.s}" is on a card`); });
    const home = cards.find((c) => c.node === t.card);
    if (home && (t.x < home.x + 2 || t.x + t.w > home.x + home.w - 2 || t.y + t.h > home.y + home.h)) found.push(`"${t.s}" leaves its card`);
    const box = svg.getBoundingClientRect();
    if (t.x < box.x || t.x + t.w > box.right || t.y < box.y || t.y + t.h > box.bottom) found.push(`"${t.s}" leaves the drawing`);
  });
  return found;
}"""


def test_every_text_can_be_read(page: Any, saved: Any) -> None:
    pins = SMALL._replace(events=("write", "fork", "register", "put", "swap_out", "hold"), holds=1)
    graphs = [
        state_graph("v5.7"),
        state_graph("v6.5", pins, at_most=60),
        fork_tree("leak"),
        fork_tree(FORKS),
        policy_tree(),
    ]
    graphs += [state_graph("jerome-fork", SMALL._replace(pages=2, events=("write", "fork", "register")), at_most=30)]
    for graph in graphs:
        page.goto(saved(drawn(graph).html()))
        assert page.evaluate(LEGIBLE) == [], graph.title
    page.evaluate("document.querySelector('.cow-drawn text').textContent = 'far too long for any card of this graph'")
    assert "leaves its card" in " ".join(page.evaluate(LEGIBLE))


def chart(**options: Any) -> Any:
    shown = cost_chart(fork_costs(**options))
    if not shown.svg:
        missing("matplotlib is not installed")
    return shown


def test_every_name_of_a_chart_can_be_read(page: Any, saved: Any) -> None:
    for verb in ("register", "direct_read", "vmsplice"):
        page.goto(saved(chart(verb=verb).html()))
        assert page.evaluate(LEGIBLE) == [], verb
        assert page.get_by_role("img", name="Three line charts").is_visible()
        assert page.locator("table.cow-numbers").count() == 3


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_colours_follow_the_reader(browser: Any, saved: Any, look: str) -> None:
    ink = {"light": "rgb(27, 31, 36)", "dark": "rgb(232, 234, 237)"}[look]
    context = browser.new_context(color_scheme=look)
    page = context.new_page()
    page.goto(saved(drawn(state_graph("v5.7")).html()))
    assert page.locator(".edge text").first.evaluate("(e) => getComputedStyle(e).fill") == ink
    page.goto(saved(chart().html()))
    lines = page.locator(".cow-chart path").evaluate_all("(all) => all.map((e) => getComputedStyle(e).stroke)")
    texts = page.locator(".cow-chart text").evaluate_all("(all) => all.map((e) => getComputedStyle(e).fill)")
    assert ink in lines and ink in texts
    context.close()


def test_without_scripts_an_image_and_the_words(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for shown in (drawn(fork_tree("leak")), chart()):
        page.goto(saved(shown.html()))
        image = page.locator(".cow-still img")
        assert image.is_visible() and image.bounding_box()["width"] > 200 and shown.title in page.content()
        assert page.locator(".cow-still pre").inner_text().strip() == shown.text().strip()
    context.close()


@pytest.mark.parametrize("width", [900, 1280, 1920])
def test_no_part_is_wider_than_the_page(page: Any, saved: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for shown in (drawn(state_graph("v5.7")), policy_tree(), chart()):
        page.goto(saved(shown.html()))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, shown.title


SOURCES = (
    "from cowlab.views import cost_chart, fork_costs, fork_tree, policy_tree, state_graph",
    'state_graph("v5.7")',
    'fork_tree("leak")',
    "policy_tree()",
    "cost_chart(fork_costs())",
)


@pytest.mark.slow
def test_in_jupyterlab(open_notebook: Any, lab: Lab) -> None:
    drawn(fork_tree("leak"))
    (lab.course / "graphs.ipynb").write_text(notebook(*SOURCES), "utf-8")
    page = open_notebook("graphs.ipynb")
    run_all(page)
    outputs_in_view(page)
    views = page.locator(".cow-graph[data-ready]")
    assert views.count() == 4
    states, cells = views.nth(0), page.locator(".jp-Cell").count()
    first = states.locator("[data-node=s0]")
    first.scroll_into_view_if_needed()
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    page.keyboard.press("d")  # in JupyterLab's command mode that would delete the cell
    page.keyboard.press("Enter")
    assert page.locator(".jp-Cell").count() == cells
    assert states.locator(".cow-opened h2").first.inner_text().startswith("State ")
    states.locator(".cow-opened input[type=range]").focus()
    page.keyboard.press("Home")
    assert states.locator(".cow-opened .pos").inner_text() == "start"
    views.nth(1).locator("[data-node=n1]").click()
    views.nth(2).locator("[data-node=n9]").click()
    assert "andrea-2021" in views.nth(2).locator(".cow-opened h2").first.inner_text()
    if not chart().svg:
        missing("matplotlib is not installed")
    for look, paper in (("dark", "rgb(17, 17, 17)"), ("light", "rgb(255, 255, 255)")):
        theme(page, look)
        for number in range(4):
            view = views.nth(number)
            assert view.evaluate("(e) => getComputedStyle(e).backgroundColor") == paper
            shoot(view, f"graphs-{number}-{look}")
    (lab.course / "untrusted.ipynb").write_text(somebody_elses(policy_tree()._repr_mimebundle_()), "utf-8")
    page = open_notebook("untrusted.ipynb")
    shown = first_output(page)
    assert "Nodes open once the notebook is trusted" in shown.inner_text() and shown.locator("button").count() == 0
    assert shown.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 500")
    shoot(page, "graphs-untrusted")
