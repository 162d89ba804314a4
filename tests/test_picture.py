"""The picture: fixed places, marks that say what is there, and an SVG that any reader takes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from short import ALL, played, world
from walks import along, walks

from cowlab import POLICIES, Trace, World, play, scenarios
from cowlab.views import Layout, picture, scene
from cowlab.views.lanes import Net, order, price, route
from cowlab.views.layout import DENSE, ROOMY, TIGHT
from cowlab.views.picture import View, pieces


def drawn(line: str, policy: str = "v6.5") -> str:
    trace = played(line, policy)
    before, moment = trace.moments[-2:]
    return picture(moment.world, before.world, policy=trace.policy, findings=scene.standing(moment))


def frames(trace: Trace, layout: Layout) -> list[list[str]]:
    worlds = [moment.world for moment in trace.moments]
    views = [
        View(moment.world, worlds[i - 1] if i else None, trace.policy, scene.standing(moment))
        for i, moment in enumerate(trace.moments)
    ]
    return [pieces(view, layout) for view in views]


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_under_every_policy(name: str) -> None:
    """All pieces are there at every frame, as many and in the same order, for all that is compared."""
    traces = [play(scenarios()[name], policy) for policy in ALL]
    layout = Layout.of(traces)
    counts = {len(frame) for trace in traces for frame in frames(trace, layout)}
    assert len(counts) == 1


def test_it_is_well_formed_and_needs_nothing_else() -> None:
    tree = ET.fromstring(drawn("P: write A; P: fork C; C: vmsplice g; P: write S"))
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    text = ET.tostring(tree, "unicode")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert ET.fromstring(picture(World())) is not None


def test_a_cell_shows_it() -> None:
    assert picture(World())._repr_html_().startswith('<div class="cowlab cow-fit"><svg')


def test_what_may_change_is_solid_and_what_may_look_is_dashed() -> None:
    assert 'class="l-w"' in drawn("P: write A") and 'class="l-r"' not in drawn("P: write A")
    shared = drawn("P: write A; P: fork C")
    assert 'class="l-r"' in shared and 'class="l-w"' not in shared
    assert 'class="l-w ref"' in drawn("P: write A; P: register g")
    assert 'class="l-r ref"' in drawn("P: write A; P: vmsplice g")


def test_the_counter_that_is_asked_is_underlined() -> None:
    def asked(policy: str) -> str:
        found = re.search(r'asked">(\w+)', drawn("P: write A", policy))
        return found[1] if found else ""

    assert asked("v5.7") == "mapcount" and asked("v5.9") == "page_count" and asked("v6.5") == ""


@pytest.mark.parametrize(
    ("line", "policy", "marks"),
    [
        ("P: write A", "v6.5", [">exclusive<"]),
        ("P: write A; P: fork C", "v6.5", [">maybe shared<", ">new<"]),
        ("P: write A; kernel: swap_out P", "v5.7", ["swap slot s0", 'class="l-s"', ">swap<", "#1 free"]),
        ("P: read", "v6.5", ["zero page", "not counted: every process may map it"]),
        ("P: mmap file; P: read", "v6.5", ["dogear", "1 page cache"]),
        ("P: mmap shared; P: write A", "v6.5", ["shared memory", "1 page cache"]),
        ("P: mmap thp; P: write A", "v5.7", ["THP 2 MiB"]),
        ("P: mmap hugetlb; P: write A", "v6.5", ["hugetlb"]),
        ("P: write A; P: mprotect r", "v6.5", [">mapping: r<"]),
        ("P: write A; P: mprotect none", "v6.5", [">mapping: none<", ">–<"]),
        ("P: write A; P: uffd_wp on", "v6.5", [">uffd-wp<"]),
        ("P: write A; P: madvise dontfork", "v6.5", [">dontfork<"]),
        ("P: write A; kernel: hold P", "v6.5", ["1 hold"]),
        ("P: munmap; P: vmsplice g", "v6.5", [">refused<", " dead"]),
        ("P: write A; P: register g", "v6.5", ["1 FOLL_PIN × 1024", "has pinned", ">longterm<"]),
        ("P: write A; P: fork C", "jerome-fork", [">inherited<"]),
        ("P: write A; P: get g", "andrea-2009", [">GUP touched<"]),
        ("P: mmap thp; P: write A; P: fork C; P: write B", "v5.9", ["1 mapping × 511", "other 511"]),
        ("P: write A; kernel: migrate P", "v6.5", [">was #1<"]),
        ("P: write A; P: fork C; P: write B", "v5.7", [">new, a copy<", "ghostx"]),
        ("P: write A; P: write B", "v5.7", [">was A<"]),
    ],
)
def test_marks(line: str, policy: str, marks: list[str]) -> None:
    svg = drawn(line, policy)
    assert [mark for mark in marks if mark not in svg] == []


def test_a_leak_is_red_where_it_is_seen() -> None:
    svg = drawn("P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S", "v5.7")
    assert 'class="plate bad"' in svg and "✗ ought A" in svg and "badcard" in svg


def test_a_snapshot_is_not_a_finding() -> None:
    svg = drawn("P: write A; P: fork C; P: get g; P: write B", "v5.7")
    assert "snapshot, now B" in svg and "plate bad" not in svg


def test_places_are_given_once() -> None:
    """A leak is a straight line from writer to reader, and nothing moves between two steps or two policies."""
    traces = [play(scenarios()["leak"], name) for name in ("v5.7", "v5.9")]
    layout = Layout.of(traces)
    assert layout.size == ROOMY
    assert layout.line("P", 0) == layout.port(1) == layout.ref_ends["g", 1] == layout.refs["g"] + ROOMY.rmid
    assert set(layout.frames) == {1, 2} and set(layout.boxes) == {"P", "C"}


def test_density_is_chosen_once() -> None:
    pages = "; ".join(f"P: mmap anon @{n}; P: write A @{n}" for n in range(1, 4))
    assert Layout.of([played(f"P: write A; {pages}", "v5.7")]).size == DENSE
    copies = "; ".join(f"{name}: write B @{n}" for name in "CDEQ" for n in range(4))
    forks = "; ".join(f"P: fork {name}" for name in "CDEQ")
    assert Layout.of([played(f"P: write A; {pages}; {forks}; {copies}")]).size == TIGHT


def test_lanes_cross_little() -> None:
    nets = {n: Net((10.0 * n,), (100.0 - 10 * n,)) for n in range(5)}
    placed = order(nets)
    cost = sum(price(nets[a], nets[b]) for i, a in enumerate(placed) for b in placed[i + 1 :])
    assert cost <= sum(price(nets[a], nets[b]) for a in nets for b in nets if a < b)
    assert sorted(placed) == sorted(nets) and order({}) == []
    level = {
        "out": Net((90.0,), (50.0,)),
        "in": Net((50.0,), (10.0,)),
    }  # one goes out at the height where the other comes in
    assert order(level) == order(dict(reversed(level.items()))) == ["in", "out"]
    assert route(0, 5, 10, 20, 5) == "M0 5H20"


@given(walks)
@settings(max_examples=40)
def test_any_world_can_be_drawn(walk: list[tuple[str, int]]) -> None:
    for policy in (POLICIES["v5.7"], POLICIES["v6.5"], POLICIES["jerome-fork"]):
        last = World()
        for _, _, step in along(walk, policy):
            ET.fromstring(picture(step.world, last, policy=policy))
            last = step.world


def test_names_cannot_break_out() -> None:
    name = "x" * 60
    svg = picture(world(f"P: fork {name}; {name}: write A; {name}: get {name}g"))
    ET.fromstring(svg)
    assert name not in svg and "x" * 8 + "…" in svg
