"""What fork costs: numbers that were played, and the chart of them."""

from __future__ import annotations

import importlib.util
import re
import sys
from itertools import pairwise

import pytest
from needs import missing

from cowlab import POLICIES, play
from cowlab.views import cost_chart, fork_costs
from cowlab.views.graph.chart import LINE, Line, _apart, _wrapped
from cowlab.views.graph.costs import HINT, Cost, curves, script


def costs(policy: str, verb: str, measure: str) -> list[int]:
    return [getattr(row, measure) for row in fork_costs([policy], 4, verb=verb)]


def test_pinned() -> None:
    rising, falling = [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]
    for policy, verb, copies, protected, later in (
        ("v5.7", "register", [0] * 5, [4] * 5, [0] * 5),
        ("v5.9-rc4", "register", [0] * 5, [4] * 5, rising),  # late copies: the device keeps the old frames
        ("v5.9", "register", rising, falling, [0] * 5),
        ("v6.5", "register", rising, falling, [0] * 5),
        ("v5.19", "direct_read", [0] * 5, [4] * 5, rising),  # FOLL_GET is not noticed
        ("v6.5", "direct_read", rising, falling, [0] * 5),
        ("v6.5", "vmsplice", [0] * 5, [4] * 5, rising),
        ("linus-2021", "vmsplice", rising, falling, [0] * 5),
        ("jerome-fork", "register", [0] * 5, [4] * 5, rising),
        ("jerome-fork-reuse", "register", [0] * 5, [4] * 5, [0] * 5),
        ("ideal", "register", [4] * 5, [0] * 5, [0] * 5),
    ):
        found = [costs(policy, verb, measure) for measure in ("copies", "protected", "later")]
        assert found == [copies, protected, later], (policy, verb)


def test_the_numbers_come_from_a_script() -> None:
    text, fork = script("register", 3, 2)
    trace = play(text, "v5.9")
    assert trace.steps[fork - 1].event is not None and trace.steps[fork - 1].event.verb == "fork"
    row = fork_costs(["v5.9"], 3, [2])[0]
    assert row == Cost("v5.9", "register", 3, 2, 2, 1, 0) and trace.copies == row.copies + row.later


def test_a_rule_of_your_own() -> None:
    mine = POLICIES["v5.9"].with_(fork=lambda page: "copy")
    assert [row.copies for row in fork_costs([mine], 3)] == [3, 3, 3, 3]


def test_what_cannot_be_asked() -> None:
    for options, said in (
        ({"verb": "write"}, "takes no reference: expected one of vmsplice"),
        ({"pages": 0}, "expected 1 to 64, found 0"),
        ({"pages": 65}, "expected 1 to 64"),
        ({"pages": 2, "pinned": [0, 3]}, "3 of 2 pages cannot be held"),
        ({"policies": ["v5.10"]}, "there is no policy 'v5.10'"),
    ):
        with pytest.raises(ValueError, match=said):
            fork_costs(**options)
    for rows in ([], [*fork_costs(["v5.7"], 2), *fork_costs(["v5.7"], 3)]):
        with pytest.raises(ValueError, match="one verb and one number of pages"):
            cost_chart(rows)


def test_equal_policies_are_one_line_with_all_names() -> None:
    lines = curves(fork_costs(["v5.7", "v5.9", "v5.8", "v6.5"], 3), "copies")
    assert lines == [Line(("v5.7", "v5.8"), (0, 1, 2, 3), (0,) * 4), Line(("v5.9", "v6.5"), (0, 1, 2, 3), (0, 1, 2, 3))]


def test_names_never_meet() -> None:
    long = tuple(f"a-policy-{n}" for n in range(12))
    for ends in ([0.0, 0.0, 0.0], [128.0, 128.0, 120.0], [0.0, 64.0, 128.0]):
        panel = [Line(long[: 4 + k], (0, 1), (0, 1)) for k in range(3)]
        places = _apart(panel, ends, 0)
        tops = sorted(zip(places, panel, strict=True), key=lambda pair: -pair[0])
        for (upper, line), (lower, _) in pairwise(tops):
            assert upper - LINE * len(_wrapped(line)) >= lower


def test_without_matplotlib_the_same_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_svg"):
        monkeypatch.setitem(sys.modules, module, None)
    chart = cost_chart(fork_costs(["v5.7", "v5.9"], 3))
    assert chart.svg == "" and HINT in chart.still()
    assert "No matplotlib here" in chart.data()["live"] and chart.data()["live"].count("<table") == 3
    assert chart.text().startswith("fork of a process with 3 pages, some of them held by register\n")


def test_the_chart() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        missing("matplotlib is not installed")
    rows = fork_costs()
    chart, again = cost_chart(rows), cost_chart(rows)
    assert chart.svg == again.svg and chart.figure.axes[0].lines
    assert not re.search(r"#[0-9a-f]{6}\b", chart.svg) and "var(--ink)" in chart.svg
    assert "<style" not in chart.svg and "font-family" not in chart.svg
    assert 'role="img"' in chart.svg and "ideal: always 8" in chart.alt and "v5.9, v5.11" in chart.alt
    for name in (*POLICIES, "ideal"):
        assert name in chart.svg
    html = chart.fragment()
    assert html.count("<script") == 2 and "<img src=" in chart.still()


def test_lines_are_told_apart_without_colour() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        missing("matplotlib is not installed")
    for axes in cost_chart(fork_costs()).figure.axes:
        looks = [(line.get_linestyle(), line.get_marker(), str(line._dash_pattern)) for line in axes.lines]
        assert len(set(looks)) == len(looks) > 1
