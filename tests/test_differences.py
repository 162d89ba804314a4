"""Two policies over the atlas: what changes, and what it costs."""

from __future__ import annotations

import pytest

from cowlab import POLICIES, PageInfo, play, scenarios
from cowlab.views.editor.differences import Change, Failed, Judged, atlas, atlas_of, differences, summary


def between(one: str, other: str) -> dict[str, Change]:
    return {change.scenario: change for change in differences(atlas_of(one), atlas_of(other)).changes}


def test_it_is_what_play_says() -> None:
    row = POLICIES["v5.7"]
    for name, one in atlas(row).items():
        trace = play(scenarios()[name], row)
        assert (one.verdict, one.copies, one.needless) == (trace.verdict, trace.copies, trace.needless_copies)
        assert set(one.laws) == {finding.law for _, finding in trace.violations if finding.broken}


def test_the_leak() -> None:
    changes = between("v5.7", "v5.9")
    assert changes["leak"].word == "better" and changes["leak"].mends == ("isolation",)
    assert between("v5.9", "v5.7")["leak"].word == "worse"
    assert between("v5.9", "v5.7")["leak"].breaks == ("isolation",)


def test_every_scenario_is_counted_once() -> None:
    found = differences(atlas_of("v5.9"), atlas_of("v6.5"))
    assert len(found.changes) + len(found.quiet) + found.same == len(scenarios())
    assert not set(found.quiet) & {change.scenario for change in found.changes}
    words = [change.word for change in found.changes]
    assert words == sorted(words, key=["worse", "mixed", "better", "other"].index) and len(set(words)) > 1
    none = differences(atlas_of("v5.9"), atlas_of("v5.9"))
    assert (none.changes, none.quiet, none.same) == ((), (), len(scenarios()))
    assert none.copies[0] == none.copies[1]


def judged(verdict: str, *laws: str) -> Judged:
    return Judged(verdict, laws, (), 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (judged("ok"), judged("leak", "isolation"), "worse"),
        (judged("leak", "isolation"), judged("snapshot"), "better"),
        (judged("leak", "isolation"), judged("stale", "coherence"), "mixed"),
        (judged("ok"), judged("snapshot"), "other"),
        (judged("ok"), judged("ok", "accounting"), "worse"),  # which sets no verdict
        (judged("leak", "isolation", "coherence"), judged("leak", "isolation"), "better"),
    ],
)
def test_a_word_for_a_change(before: Judged, after: Judged, word: str) -> None:
    (change,) = differences({"x": before}, {"x": after}).changes
    assert change.word == word


def test_costs_are_summed() -> None:
    before = {"a": Judged("ok", (), ("hit",), 1, 1), "b": Judged("ok", (), ("copy",), 2, 0)}
    after = {"a": Judged("ok", (), ("hit",), 1, 1), "b": Judged("ok", (), ("reuse",), 5, 0)}
    found = differences(before, after)
    assert (found.copies, found.needless, found.quiet, found.same) == ((3, 6), (1, 1), ("b",), 1)
    assert list(summary(found)) == [
        "No verdict changes in 2 scenarios.",
        "In 1 a line does something else, 1 are as before.",
        "Over the atlas: copies 3 → 6 (+3); needless copies 1 as before.",
    ]


def test_a_decision_that_fails_names_the_scenario() -> None:
    def rule(page: PageInfo) -> None:
        return None

    with pytest.raises(Failed) as caught:
        atlas(POLICIES["v5.9"].with_(reuse=rule))
    assert caught.value.scenario in scenarios() and caught.value.error.cell == "reuse"
