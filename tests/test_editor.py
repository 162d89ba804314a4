"""The PolicyEditor as Python makes it; what the browser does with it is in tests/browser."""

from __future__ import annotations

import re
import threading
from html import unescape
from pathlib import Path

import pytest

pytest.importorskip("anywidget")

from cowlab import LAWS, POLICIES, PageInfo, play, scenarios
from cowlab.views import PolicyEditor
from cowlab.views.editor import exploring
from cowlab.views.editor.differences import atlas_of

RULE = "def rule(page):\n    return page.mapcount == 1"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path))


@pytest.fixture
def editor() -> PolicyEditor:
    return PolicyEditor("v5.9")


def do(editor: PolicyEditor, what: str, **more: object) -> None:
    editor.answer({"do": what, **more})
    editor.wait()


def part(editor: PolicyEditor, name: str) -> str:
    """The words of a part."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", editor.state["parts"][name])).split())


def test_a_row_and_its_cells(editor: PolicyEditor) -> None:
    assert editor.policy is POLICIES["v5.9"]
    cells = part(editor, "cells")
    for cell, decision in POLICIES["v5.9"].decisions.items():
        assert f"{cell} " in cells and decision.__name__ in cells
    assert "reuse_page_count cites 3 commits" in cells and "protect_always cites 1 mail" in cells
    assert editor.state["parts"]["head"].count("<option") == 15
    assert "Nothing is replaced yet" in part(editor, "result")
    assert "✗ 5" in part(editor, "quick") and "v5.9: 1,096 states" in part(editor, "quick")
    links = re.findall(r'href="([^"]+)"', editor.state["parts"]["cell"])
    assert links[0] == "https://git.kernel.org/linus/09854ba94c6a"


def test_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="there is no row 'v9'"):
        PolicyEditor("v9")
    with pytest.raises(ValueError, match=r"there is no cell 'reus'. Did you mean reuse"):
        PolicyEditor(cell="reus")


def test_another_rows_decision(editor: PolicyEditor) -> None:
    do(editor, "choose", value="reuse_swap_page")
    assert editor.policy.name == "v5.9(reuse=reuse_swap_page)"
    assert "was reuse_page_count" in part(editor, "cells")
    assert re.search(r"\d+ of 138 scenarios change their verdict: \d+ worse", part(editor, "result"))
    assert re.search(r"leak How a pipe reads a secret ✓ ok ✗ LEAK ✗ worse breaks isolation", part(editor, "atlas"))
    assert "Within small bounds: better: economy; 5 laws as before." in part(editor, "result")
    assert editor.state["say"].startswith(part(editor, "result").partition(".")[0])
    do(editor, "reset")
    assert editor.policy is POLICIES["v5.9"] and "Nothing is replaced" in part(editor, "result")


def test_what_is_written(editor: PolicyEditor) -> None:
    number = editor.state["text_number"]
    do(editor, "apply", text=RULE)
    assert editor.policy.name == "v5.9(reuse=rule)" and play("leak", editor.policy).verdict == "leak"
    assert editor.state["text_number"] == number  # what is being typed is left alone
    assert editor.state["text"] == RULE and not editor.state["pending"]


def test_a_text_that_cannot_be_read(editor: PolicyEditor) -> None:
    do(editor, "apply", text="def rule(page)\n    return 1")
    assert editor.policy is POLICIES["v5.9"]
    assert part(editor, "problem") == "✗ Line 1: expected ':'." and editor.state["line"] == 1
    assert editor.state["pending"] and editor.state["say"] == "Line 1: expected ':'."
    do(editor, "cell", value="fork")
    assert editor.state["parts"]["problem"] == "" and editor.state["text"].startswith("def page_needs_cow_for_dma(")
    do(editor, "cell", value="reuse")
    assert editor.state["text"].startswith("def rule(page)\n") and editor.state["pending"]


def test_a_wrong_answer_shows_what_was_asked(editor: PolicyEditor) -> None:
    do(editor, "apply", text="def rule(page):\n    if page.mapcount > 1:\n        return COPY")
    assert re.match(
        r"✗ reuse answered None, expected one of reuse, copy, push \(or True, False\); did you forget return\? "
        r"It was asked about PageInfo\(asker='write'.*\) ; all else is as usual. That came up in the scenario [\w-]+$",
        part(editor, "problem"),
    )
    assert "No results" in part(editor, "atlas") and "No results" in part(editor, "quick")
    do(editor, "open", scenario="leak")
    assert editor.state["open"]["frames"]["names"] == ["v5.9"]  # as far as it can be played
    do(editor, "explore")
    assert "answered None" in part(editor, "job")


def test_a_page_that_only_the_exploration_meets(editor: PolicyEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowlab.views.editor.policy_editor.atlas", lambda row: atlas_of("v5.9"))
    do(editor, "apply", text="def rule(page):\n    return 1 / (page.mapcount - 2)")
    wrong = part(editor, "problem")
    assert wrong.startswith("✗ Line 2: reuse raised ZeroDivisionError") and "scenario" not in wrong
    assert editor.state["line"] == 2 and "No results" in part(editor, "quick")


def test_an_interrupt_leaves_it_usable(editor: PolicyEditor) -> None:
    do(editor, "apply", text="def rule(page):\n    raise KeyboardInterrupt")
    assert part(editor, "problem").startswith("✗ Interrupted, so there are no results.")
    do(editor, "choose", value="reuse_exclusive")
    assert editor.state["parts"]["problem"] == "" and "138" in part(editor, "result")


def test_functions_are_handed_over(editor: PolicyEditor) -> None:
    def can_reuse(page: PageInfo) -> bool:
        return page.page_count == 1

    editor.set(reuse=can_reuse, fork=POLICIES["v5.7"].fork)
    assert editor.policy.name == "v5.9(reuse=can_reuse, fork=fork_share)" and editor.policy.reuse is can_reuse
    assert editor.cell == "fork"
    do(editor, "cell", value="reuse")
    assert editor.state["text"].startswith("def can_reuse(page: PageInfo) -> bool:")
    for wrong, said in (({"reus": can_reuse}, "there is no cell 'reus'"), ({"reuse": 3}, "expected a function")):
        with pytest.raises(ValueError, match=said):
            editor.set(**wrong)
    assert editor.policy.reuse is can_reuse
    editor.reset()
    assert editor.policy is POLICIES["v5.9"]


def test_drafts_are_kept(editor: PolicyEditor) -> None:
    do(editor, "cell", value="gup", draft=RULE)
    assert editor.state["text"].startswith("def gup_take")
    do(editor, "cell", value="reuse")
    assert editor.state["text"] == RULE and editor.state["pending"] and editor.policy is POLICIES["v5.9"]
    do(editor, "choose", value="reuse_exclusive")
    do(editor, "choose", value="own")
    assert editor.state["text"] == RULE
    do(editor, "cell", value="gup")
    do(editor, "choose", value="own")
    assert editor.state["text"].startswith("def my_gup(page):")


def test_a_scenario_opens_where_they_part(editor: PolicyEditor) -> None:
    do(editor, "choose", value="reuse_swap_page")
    do(editor, "open", scenario="leak")
    opened = editor.state["open"]
    assert opened["title"] == scenarios()["leak"].title
    assert opened["frames"]["names"] == ["v5.9", "v5.9(reuse=reuse_swap_page)"]
    assert opened["frames"]["part"] == opened["frames"]["start"] == 5
    do(editor, "open", scenario="leak")
    assert editor.state["open"]["key"] != opened["key"]
    do(editor, "close")
    assert editor.state["open"] is None


def test_a_witness_opens_at_its_end(editor: PolicyEditor) -> None:
    do(editor, "choose", value="reuse_swap_page")
    do(editor, "open", which="quick", law="isolation", who="yours")
    opened = editor.state["open"]
    assert opened["title"].startswith("v5.9(reuse=reuse_swap_page) breaks isolation: 5 lines")
    assert opened["frames"]["start"] == len(opened["frames"]["script"]) == 5
    do(editor, "open", which="quick", law="isolation", who="base")
    assert editor.state["open"]["title"].startswith("v5.9 breaks isolation: 5 lines")
    do(editor, "open", which="whole", law="isolation", who="base")  # not explored: nothing happens
    assert editor.state["open"]["title"].startswith("v5.9 breaks isolation: 5 lines")


def test_the_long_exploration(editor: PolicyEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowlab.views.editor.policy_editor.long_bounds", exploring.quick_bounds)  # not so long
    do(editor, "choose", value="reuse_swap_page")
    assert "Explore takes some seconds" in part(editor, "job")
    do(editor, "explore")
    whole = part(editor, "whole")
    assert all(law in whole for law in LAWS) and "complete" in whole and part(editor, "job") == ""
    do(editor, "open", which="whole", law="isolation", who="yours")
    assert editor.state["open"] is not None
    do(editor, "choose", value="reuse_exclusive")  # it is of another row
    assert "Explore" in part(editor, "job") and "isolation" not in part(editor, "whole")


def waiting(editor: PolicyEditor) -> threading.Event:
    """A decision that answers in the second exploration only when it is told to."""
    go = threading.Event()

    def rule(page: PageInfo) -> str:
        if threading.current_thread() is not threading.main_thread() and editor.small_job is None:
            assert go.wait(60)
        return "copy"

    editor.set(reuse=rule)
    return go


def test_it_can_be_stopped(editor: PolicyEditor) -> None:
    go = waiting(editor)
    editor.answer({"do": "explore"})
    assert part(editor, "job").startswith("Stop")
    editor.answer({"do": "stop"})
    go.set()
    editor.wait()
    assert "not finished, stopped by your Stop" in part(editor, "whole") and "◐ to depth" in part(editor, "whole")
    assert part(editor, "job").startswith("Explore again")


def test_how_far_it_is_takes_no_new_state(editor: PolicyEditor) -> None:
    go = waiting(editor)
    editor.answer({"do": "explore"})
    assert editor.job is not None
    before = dict(editor.state)
    editor.job.far = "v5.9: 12 states, depth 3 so far"
    editor._progress(editor.job)
    assert "12 states, depth 3 so far" in editor.now["job"] and editor.state == before
    editor.answer({"do": "stop"})
    go.set()
    editor.wait()
    assert editor.now == {}  # what is known is in the state


def test_another_choice_ends_it(editor: PolicyEditor) -> None:
    go = waiting(editor)
    editor.answer({"do": "explore"})
    job = editor.job
    assert job is not None
    do(editor, "choose", value="reuse_exclusive")
    go.set()
    job.wait()
    assert editor.whole is None and "isolation" not in part(editor, "whole")


def test_what_was_never_asked_proves_nothing(editor: PolicyEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowlab.views.editor.policy_editor.quick_bounds", lambda cells: exploring.quick_bounds([]))
    do(editor, "cell", value="huge")
    do(editor, "choose", value="huge_whole")
    assert "◐ huge was never asked within these bounds" in part(editor, "quick")


def test_in_words(editor: PolicyEditor) -> None:
    editor.set(reuse=POLICIES["v5.7"].reuse)
    lines = editor.text().splitlines()
    assert lines[0] == "v5.9(reuse=reuse_swap_page): as v5.9, but reuse=reuse_swap_page"
    assert [line.split() for line in lines if line.startswith("reuse ")] == [
        ["reuse", "reuse_page_count", "reuse_swap_page"]
    ]
    assert re.search(r"^leak +ok +leak +✗ worse: breaks isolation$", editor.text(), re.MULTILINE)
    assert re.search(r"^isolation +✗ 5 lines +✗ 5 lines$", editor.text(), re.MULTILINE)
    assert "Over the atlas: copies" in editor.text() and "bounds  2 processes, 1 page (anon)" in editor.text()
    assert not re.search(r"\d s\b|0x", editor.text())  # always the same
    bundle = editor._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == editor.text()
    assert "once its cell is run" in data["text/html"] and "✗ worse: breaks isolation" in data["text/html"]
    assert not re.search(r"<(button|input|select|textarea|script)", data["text/html"])


def test_in_words_when_it_fails(editor: PolicyEditor) -> None:
    editor.set(reuse=lambda page: None)
    assert "✗ reuse answered None" in editor.text() and "law " not in editor.text()


def test_nothing_breaks_out(editor: PolicyEditor) -> None:
    evil = "<script>alert(1)</script>"
    text = f'def rule(page):\n    """{evil}"""\n    raise ValueError("{evil}")\n\nrule.__name__ = "{evil}"'
    do(editor, "apply", text=text)
    assert "&lt;script&gt;" in editor.state["parts"]["problem"] and "&lt;script&gt;" in editor.state["parts"]["cells"]
    do(editor, "apply", text=text.replace(f'raise ValueError("{evil}")', "return COPY"))
    do(editor, "open", scenario="leak")
    html = "".join(editor.state["parts"].values()) + editor.still() + editor.state["open"]["frames"]["live"]
    assert "<script" not in html and "&lt;script" in html
