"""The MatrixView as Python makes it; what the browser does with it is in tests/browser."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from needs import ROOT
from short import ROWS
from test_graphs import unpacked
from test_stepper import data

import cowlab.views.matrix
from cowlab import LAWS, POLICIES, play
from cowlab.matrix import MAX_STATES, explore_policy, matrix
from cowlab.model import Bounds
from cowlab.views import MatrixView, progress
from cowlab.views.compare import first_difference
from cowlab.views.witness import witness

EVENTS = ("write", "fork", "vmsplice", "direct_read", "g: write", "clear_refs")
BOUNDS = Bounds(events=EVENTS)


@cache
def explored(names: tuple[str, ...] = ROWS, bounds: Bounds = BOUNDS, max_states: int = MAX_STATES) -> Any:
    with ThreadPoolExecutor(2) as executor:
        return matrix(names, bounds, executor=executor, max_states=max_states)


@cache
def view() -> MatrixView:
    return MatrixView(explored())


@cache
def sent() -> Any:
    return data(view())


def broken() -> list[tuple[str, str]]:
    """The cells with ✗."""
    return [(name, law) for name, found in explored().items() for law in LAWS if found["laws"][law]["holds"] is False]


def below(frames: Any, index: int) -> str:
    """What opens below a cell, put together as the browser does it."""
    return "".join(frames["packed"]["tokens"][token] for token in frames["cells"][index]["below"])


# --- the table -------------------------------------------------------------------------------------------------------


def test_a_button_for_every_cell() -> None:
    table = sent()["live"].partition("<table")[2]
    labels = re.findall(r'<button type="button" class="cell (\w+)" tabindex="-1" aria-label="([^"]*)"', table)
    assert len(labels) == len(sent()["cells"]) == len(ROWS) * len(LAWS)
    assert labels[0] == ("broken", "v5.7, isolation: broken, 5 lines")
    assert ("cost", "v6.5, economy: broken, 5 lines") in labels
    assert ("complete", "v6.5, isolation: holds, complete within the bounds") in labels
    assert table.count("MERGED KERNELS") == table.count("PROPOSALS") == table.count("SAFETY: MAY NOT BREAK") == 1
    assert "OTHER ROWS" not in table and "◐" not in sent()["live"]


def test_a_bar_for_every_line() -> None:
    bars = re.findall(r">✗ (\d+)<svg[^>]*><path d=\"([^\"]*)\"", sent()["live"])
    assert len(bars) > 30
    for length, path in bars:
        assert path.count("M") == int(length)


def test_only_marks_that_occur_are_explained() -> None:
    legend = sent()["live"].partition("</ul>")[0]
    assert re.findall('class="cell ([a-z]+)"', legend) == ["broken", "complete", "cost"]
    assert "the shortest script has 5 lines" in legend


def test_without_a_law_of_safety_nothing_is_set_apart() -> None:
    with ThreadPoolExecutor(1) as executor:
        rows = matrix(("v5.9", "v6.5"), BOUNDS, ("economy",), executor=executor)
    live = MatrixView(rows).data()["live"]
    assert "SAFETY" not in live and "gap" not in live and live.count("<button") == 2


def test_in_words() -> None:
    lines = str(view()).splitlines()
    assert lines == view().text().splitlines() == view()._repr_mimebundle_()["text/plain"].splitlines()
    assert lines[0].split() == ["policy", *LAWS, "(cost)"]
    assert [line.split()[0] for line in lines[1 : len(ROWS) + 1]] == list(ROWS)
    assert lines[1].split()[:3] == ["v5.7", "✗", "5"]
    assert "within 2 processes, 1 page, 1 reference, 1 hold, kind anon; events write, fork" in str(view())


# --- what opens ------------------------------------------------------------------------------------------------------


def test_every_witness_is_in_it() -> None:
    """Tokens and strings are shared; put back they are those of the cell's own Stepper."""
    frames, buttons = sent(), [(name, law) for name in ROWS for law in LAWS]
    for index, (name, law) in enumerate(buttons):
        number = frames["cells"][index]["stepper"]
        if (name, law) not in broken():
            assert number is None
            continue
        got = unpacked(frames["packed"], number)
        whole = view().stepper(name, law).data()
        tokens = got["tokens"]
        joined = {number: "".join(tokens[t] for t in s) for number, s in enumerate(got["strings"])}
        own = ["".join(whole["tokens"][token] for token in string) for string in whole["strings"]]
        for mine, theirs in zip(got["panels"], whole["panels"], strict=True):
            for now, then in zip(mine, theirs, strict=True):
                assert now[::2] == then[::2]
                assert [joined[number] for number in now[1::2]] == [own[number] for number in then[1::2]]
        assert got["live"] == whole["live"]
        texts = [[tokens[line] for line in frame] for trace in got["texts"] for frame in trace]
        assert texts == [[whole["tokens"][line] for line in frame] for trace in whole["texts"] for frame in trace]
        assert {key: got[key] for key in ("name", "names", "script", "start", "part")} == {
            key: whole[key] for key in ("name", "names", "script", "start", "part")
        }


def test_a_witness_breaks_its_law_at_its_last_line() -> None:
    for name, law in broken():
        found = view()._witnesses[name, law]
        script = explored()[name]["laws"][law]["witness"]
        assert found.breaks_at == len(script) == view().stepper(name, law).start, (name, law)
        assert [line.partition("  ")[2].partition("✗")[0].strip() for line in found.lines] == script
        assert ["✗" in line for line in found.lines] == [False] * (len(script) - 1) + [True]
        if found.beside is not None:
            wrong = {finding.law for _, finding in found.beside.violations if finding.broken}
            assert law not in wrong and not (law == "economy" and found.beside.needless_copies), (name, law)
            assert first_difference((found.trace, found.beside)) is not None


def test_beside_it_stands_the_nearest_that_keeps_the_law() -> None:
    beside = {cell: found.beside and found.beside.policy.name for cell, found in view()._witnesses.items()}
    assert beside["v5.7", "isolation"] == "v5.8"
    assert beside["v5.8", "isolation"] == "v5.9-rc4"
    assert beside["v5.19", "dma-isolation"] == "v6.5"
    # nobody else: it stands alone
    alone = MatrixView(explored(("v5.7",))).stepper("v5.7", "isolation")
    assert [trace.policy.name for trace in alone.traces] == ["v5.7"]


def test_of_two_as_near_the_later() -> None:
    early, late = (POLICIES["v6.5"]._replace(name=since, since=since) for since in ("2020-04", "2020-06"))
    dateless = POLICIES["v6.5"]._replace(name="mine", since="")
    script = "\n".join(explored()["v5.7"]["laws"]["isolation"]["witness"])
    found = witness("isolation", script, POLICIES["v5.7"], [dateless, early, late])
    assert found.beside is not None and found.beside.policy.name == "2020-06"


def test_what_is_said_of_a_broken_law() -> None:
    first = below(sent(), 0)
    assert "<h2>v5.7 breaks isolation</h2>" in first and "5 lines, and within the bounds no shorter script" in first
    assert "v5.8, the nearest in time that keeps isolation on this script" in first
    assert "✗ g sees" in first and "Open in the Stepper" in first
    cost = below(sent(), ROWS.index("v6.5") * len(LAWS) + LAWS.index("economy"))
    assert "<h2>v6.5 makes a needless copy</h2>" in cost and "✗ a copy that no reader needed" in cost


def test_a_law_that_is_kept_says_bounds_states_and_complete() -> None:
    found, kept = explored()["v6.5"], below(sent(), ROWS.index("v6.5") * len(LAWS))
    assert "<h2>v6.5 keeps isolation</h2>" in kept and "<b>Complete</b>" in kept and "<button" not in kept
    assert "2 processes, 1 page, 1 reference, 1 hold, kind anon" in kept and ", ".join(EVENTS) in kept
    assert f"{found['states']:,} states, {found['transitions']:,} transitions, depth {found['depth']}: all" in kept


def test_a_search_that_was_stopped_is_never_called_complete() -> None:
    rows = explored(("v5.9", "v6.5"), max_states=20)
    stopped = MatrixView(rows)
    frames = data(stopped)
    assert "✓" not in frames["live"] and "complete within" not in frames["live"]
    assert re.findall('class="cell ([a-z]+)"', frames["live"].partition("</ul>")[0]) == ["bounded"]
    depth = rows["v6.5"]["depth"] - 1
    assert (
        f'aria-label="v6.5, isolation: none found up to depth {depth}, not complete">◐ to depth {depth}<'
        in frames["live"]
    )
    words = below(frames, len(LAWS))
    assert "<h2>v6.5 may keep isolation</h2>" in words and "<b>Not complete</b>" in words
    assert f"no script of up to {depth} events breaks it" in words and "stopped at 20 states" in words
    with pytest.raises(ValueError, match=r"no script was found by which v6\.5 breaks isolation"):
        stopped.stepper("v6.5", "isolation")


def test_what_never_happened_is_said() -> None:
    never = "never in this search: a reference holds a frame"
    blind = explored(("v6.5",), Bounds(events=("munmap", "get")))
    assert never in below(data(MatrixView(blind)), 0)
    assert never not in below(sent(), ROWS.index("v6.5") * len(LAWS))


# --- rows of one's own, and what is no row ---------------------------------------------------------------------------


def test_a_row_of_ones_own() -> None:
    mine = POLICIES["v6.5"].with_(reuse=lambda page: page.mapcount == 1)._replace(name="mine")
    rows = {**explored(("v6.5",)), "mine": explore_policy(mine, BOUNDS)}
    shown = MatrixView(rows, mine)
    assert "OTHER ROWS" in shown.data()["live"]
    assert play("\n".join(rows["mine"]["laws"]["isolation"]["witness"]), mine).verdict == "leak"
    assert [trace.policy.name for trace in shown.stepper("mine", "isolation").traces] == ["mine", "v6.5"]
    with pytest.raises(ValueError, match="there is no policy 'mine'"):
        MatrixView(rows)


def test_what_is_no_matrix() -> None:
    good = explored(("v5.7", "v6.5"))
    for rows, message in (
        ({}, "nothing to show"),
        ({"v5.7": {}}, "v5.7: this is no exploration"),
        ({"v5.7": 7}, "v5.7: this is no exploration"),
        ({**good, "v6.5": explored(("v6.5",), BOUNDS._replace(references=2))["v6.5"]}, "v6.5: its bounds are not"),
        ({**good, "v6.5": explored(("v6.5",), BOUNDS._replace(events=EVENTS[:2]))["v6.5"]}, "v6.5: its events are not"),
        ({**good, "v6.5": {**good["v6.5"], "laws": {}}}, "v6.5: its laws are not"),
    ):
        with pytest.raises(ValueError, match=message):
            MatrixView(rows)


def test_nothing_breaks_out() -> None:
    evil = "</script><script>alert(1)</script><!--"
    mine = POLICIES["v5.7"]._replace(name=evil, about=evil, since=evil)
    rows = {**explored(("v5.9",)), evil: explore_policy(mine, BOUNDS)}
    for html in (MatrixView(rows, mine, title=evil, lede=evil)._repr_html_(), MatrixView(rows, mine).html()):
        assert "<script>alert" not in html
        assert html.count("<script") == html.count("</script") == 2 and "<!--" not in html
    frames = data(MatrixView(rows, mine))
    for text in (frames["live"], *(below(frames, index) for index in range(len(frames["cells"])))):
        assert "<script" not in text and "<!--" not in text


# --- where it is shown -----------------------------------------------------------------------------------------------


def test_the_whole_stays_small(record_property: Any) -> None:
    size, cells = len(view().fragment().encode()), len(broken())
    apart = sum(len(view().stepper(*cell).fragment().encode()) for cell in broken())
    record_property("measured", f"a matrix with {cells} witnesses: {size / 1e6:.2f} MB; apart {apart / 1e6:.2f} MB")
    assert cells >= 30 and size < 400_000 and size < apart / 4


def test_without_scripts_one_reads_the_table() -> None:
    still = view().fragment().partition('class="cow-still"')[2].partition("<script")[0]
    assert "Cells open once the notebook is trusted" in still
    assert still.count("<td>") == len(ROWS) * len(LAWS) and still.count("<td>✗ 5</td>") > 1
    assert "<button" not in still and "<svg" not in still


def test_the_page_needs_no_network() -> None:
    html = view().html()
    assert not re.search(r'(src|href)="(?!data:)', html) and "@import" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_importing_the_views_loads_no_search() -> None:
    code = "import sys, cowlab.views; sys.exit('cowlab.matrix' in sys.modules or 'anywidget' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- the default matrix ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [0, len(POLICIES)])
def test_the_default_is_recalled_and_only_the_rest_explored(monkeypatch: pytest.MonkeyPatch, known: int) -> None:
    counted: list[int] = []

    def ticking(total: int) -> Any:
        counted.append(total)
        return nullcontext(str)

    module = cowlab.views.matrix
    monkeypatch.setattr(module, "recalled", lambda folder: dict.fromkeys(range(known)))
    monkeypatch.setattr(module, "matrix", lambda cache, done: explored())
    monkeypatch.setattr(module, "ticking", ticking)
    assert str(MatrixView()) == str(view())
    assert counted == ([] if known else [len(POLICIES)])


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook's one line said, one after the other."""
    said: list[str] = []

    def display(bundle: dict[str, str], **options: Any) -> Any:
        assert options == {"raw": True, "display_id": True}
        said.append(bundle["text/plain"])
        return SimpleNamespace(update=lambda bundle, raw: said.append(bundle["text/plain"]))

    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True))
    monkeypatch.setitem(sys.modules, "IPython", shell)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[arg-type]
    return said


def test_a_notebook_gets_one_line_that_is_written_anew(said: list[str]) -> None:
    with progress.ticking(2) as done:
        done("v5.7")
        done("v5.9")
    assert [line.partition(" policies")[0] for line in said] == ["0 of 2", "1 of 2", "2 of 2"]
    assert said[-1].endswith("kept for the next time")


def test_one_search_counts_in_a_notebook(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.counting() as counts:
        explore_policy(POLICIES["v5.9"], BOUNDS, progress=counts)
    assert said[0] == "exploring" and len(said) > 1
    assert re.fullmatch(r"[\d,]+ states, [\d,]+ transitions, depth \d+", said[-1])


def test_where_nobody_reads_it_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.ticking(1) as done:
        done("v5.7")
    with progress.counting() as counts:
        counts(1, 2, 3)
    assert tuple(capsys.readouterr()) == ("", "")
