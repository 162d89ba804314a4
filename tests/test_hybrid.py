"""A row with cells replaced, and the text that stands for each."""

from __future__ import annotations

import pytest

from cowlab import POLICIES, PageInfo, scenarios
from cowlab.policy import reuse_exclusive, reuse_page_count
from cowlab.views.editor.decisions import CannotRead, Limited, source_of, stub
from cowlab.views.editor.hybrid import HANDED, Hybrid

RULE = "# mine\ndef rule(page):\n    return page.mapcount == 1"


def test_a_row_as_it_is() -> None:
    hybrid = Hybrid("v5.9")
    assert hybrid.policy is POLICIES["v5.9"] and hybrid.runnable is None
    assert hybrid.text("reuse") == source_of(reuse_page_count)
    assert hybrid.ours("reuse") and not hybrid.pending("reuse")
    with pytest.raises(ValueError, match=r"there is no row 'v5.1'. Did you mean v5"):
        Hybrid("v5.1")


def test_a_decision_of_another_row() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.put("reuse", reuse_exclusive)
    assert hybrid.policy.name == "v5.9(reuse=reuse_exclusive)" and hybrid.policy.reuse is reuse_exclusive
    assert hybrid.runnable == hybrid.policy  # what is of the table needs no limit
    assert hybrid.ours("reuse") and hybrid.text("reuse") == source_of(reuse_exclusive)
    hybrid.put("reuse", reuse_page_count)
    assert hybrid.policy is POLICIES["v5.9"]


def test_what_is_written() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.write("reuse", RULE)
    assert hybrid.policy.name == "v5.9(reuse=rule)" and hybrid.policy.reuse(PageInfo()) is True
    assert hybrid.runnable is not None and isinstance(hybrid.runnable.reuse, Limited)
    assert hybrid.text("reuse") == RULE  # comments and all
    assert not hybrid.ours("reuse") and not hybrid.pending("reuse")


def test_a_text_that_cannot_be_read_is_kept() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.write("reuse", RULE)
    with pytest.raises(CannotRead):
        hybrid.write("reuse", "def rule(page)")
    assert hybrid.policy.name == "v5.9(reuse=rule)"
    assert hybrid.text("reuse") == "def rule(page)" and hybrid.pending("reuse")


def test_drafts_come_back() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.own("reuse")
    assert hybrid.text("reuse") == stub("reuse") and hybrid.pending("reuse") and not hybrid.ours("reuse")
    hybrid.draft("reuse", RULE)
    hybrid.put("reuse", reuse_exclusive)
    assert hybrid.text("reuse") == source_of(reuse_exclusive) and not hybrid.pending("reuse")
    hybrid.own("reuse")
    assert hybrid.text("reuse") == RULE


def test_another_row_under_the_same_cells() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.write("fork", "def never(page):\n    return SHARE")
    hybrid.put("reuse", reuse_exclusive)
    assert hybrid.policy.name == "v5.9(reuse=reuse_exclusive, fork=never)"  # in the order of the cells
    hybrid.rebase("v6.5")
    assert hybrid.policy.name == "v6.5(fork=never)"
    hybrid.reset()
    assert hybrid.policy is POLICIES["v6.5"] and hybrid.ours("fork")


def test_a_function_without_a_source() -> None:
    hybrid = Hybrid("v5.9")
    hybrid.put("reuse", eval("lambda page: True"))
    assert hybrid.text("reuse") == HANDED + stub("reuse") and not hybrid.ours("reuse")


def test_traces() -> None:
    hybrid, leak = Hybrid("v5.9"), scenarios()["leak"]
    assert [trace.verdict for trace in hybrid.traces(leak)] == ["ok"]
    hybrid.write("reuse", RULE)
    assert [trace.verdict for trace in hybrid.traces(leak)] == ["ok", "leak"]
    hybrid.write("reuse", "def rule(page):\n    pass")
    assert [trace.policy.name for trace in hybrid.traces(leak)] == ["v5.9"]
