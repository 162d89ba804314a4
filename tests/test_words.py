"""Every event under every policy has a sentence, short and true."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from short import ALL, played
from walks import along, walks

from cowlab import POLICIES, Event, Policy, play, scenarios
from cowlab.events import format as format_event
from cowlab.policy import REUSE, PageInfo
from cowlab.views import changes, note, sentence
from cowlab.views.words.telling import LONGEST, within
from cowlab.views.words.why import deciding


def said(line: str, policy: Policy | str = "v6.5") -> str:
    """The sentence of the last event."""
    trace = played(line, policy)
    return sentence(trace.moments[-2], trace.moments[-1], trace.policy)


def noted(line: str, policy: Policy | str = "v6.5") -> str:
    trace = played(line, policy)
    return note(trace.moments[-2], trace.moments[-1], trace.policy)


LEAK = "P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S"


@pytest.mark.parametrize(
    ("line", "policy", "words"),
    [
        ("P: write A", "v5.7", "Write fault: no frame yet, so P gets a fresh one."),
        ("P: write A; P: fork C", "v5.7", "fork copies nothing: P and C map #1, both read-only now."),
        (LEAK, "v5.7", "Write fault: mapcount is 1, so P keeps #1, which the pipe still reads."),
        (LEAK, "v5.9", "Write fault: page_count is 2, so P gets a copy, and the pipe keeps #1."),
        (LEAK, "v6.5", "Write fault: #1 is not exclusive and page_count is 2, so P gets a copy."),
        ("P: write A; P: fork C; C: vmsplice g", "v5.7", "vmsplice takes FOLL_GET on #1: page_count is 3, mapcount stays 2."),
        ("P: write A; P: fork C; C: vmsplice g; C: munmap", "v5.7", "C unmaps its page: mapcount is 1, the pipe still holds #1."),
        ("P: write A; kernel: swap_out P", "v5.7", "#1 goes to slot s0; P's entry is a swap entry now."),
        ("P: mprotect r; P: write A", "v5.7", "P may not write @0: SIGSEGV."),
        ("P: write A; P: vmsplice g; P: mprotect r", "linus-2021", "mprotect fails with EBUSY: page_count is 2."),
        ("P: write A; P: register g; P: clear_refs", "v5.11", "clear_refs leaves #1 alone: it may be pinned."),
        ("P: write A; P: register g; P: fork C", "v5.9", "fork copies #1 for C: it may be pinned."),
        ("P: write A; P: fork C; P: write B", "jerome-fork-push", "Write fault: P keeps #1 and pushes copies to C."),
        ("P: write A; P: fork C; C: write B", "jerome-fork-push", "Write fault: C inherited #1, so C gets a copy."),
        ("P: read; P: write A", "v6.5", "Write fault: the zero page is never written, so P gets a frame."),
        ("P: write A; kernel: hold P lru; P: clear_refs; P: write B", "v5.18",
         "Write fault: the LRU batch is drained, page_count is 1, so P keeps #1."),
        ("P: write A; P: mmap hugetlb @1; P: write B @1; P: clear_refs; kernel: swap_out P @1", "v6.5",
         "Reclaim leaves #2 alone: hugetlb is not swapped."),
    ],
)  # fmt: skip
def test_the_words(line: str, policy: str, words: str) -> None:
    assert said(line, policy) == words


def test_notes_are_the_why_alone() -> None:
    assert noted(LEAK, "v5.7") == "mapcount is 1"
    assert noted(LEAK, "v5.9") == "page_count is 2"
    assert noted("P: write A; P: fork C") == "both read-only now, on one frame"
    assert noted(f"{LEAK}; g: read", "v5.7") == "g shows S, and ought to show A"


def test_the_start() -> None:
    trace = played("P: write A")
    assert sentence(None, trace.moments[0], trace.policy) == "Nothing has happened: P maps one page, never touched."


@pytest.mark.parametrize("policy", ALL, ids=lambda policy: policy.name)
def test_every_scenario_has_its_words(policy: Policy) -> None:
    for scenario in scenarios().values():
        trace = play(scenario, policy)
        for before, moment in zip(trace.moments, trace.steps, strict=False):
            words = sentence(before, moment, policy)
            assert 10 <= len(words) <= LONGEST and words.endswith("."), words
            assert 0 < len(note(before, moment, policy)) <= LONGEST


@given(walks)
@settings(max_examples=60)
def test_every_walk_has_its_words(walk: list[tuple[str, int]]) -> None:
    for policy in (
        POLICIES["v5.7"],
        POLICIES["v5.11"],
        POLICIES["v6.5"],
        POLICIES["linus-2021"],
        POLICIES["jerome-fork"],
    ):
        events: list[Event] = [event for _, event, _ in along(walk, policy)]
        if not events:
            continue
        trace = play("\n".join(map(format_event, events)), policy)
        for before, moment in zip(trace.moments, trace.steps, strict=False):
            words = sentence(before, moment, policy)
            assert len(words) <= LONGEST and words.endswith("."), words
            changes(before.world, moment.world, policy)


def test_long_names_are_cut_not_wrapped() -> None:
    name = "a" * 90
    assert len(said(f"P: fork {name}")) <= LONGEST
    assert within("b" * 81, "short") == "short"
    assert within("b" * 81) == "b" * 79 + "…"


def test_the_deciding_fact_is_found_by_asking() -> None:
    """Also for a function that somebody wrote just now."""

    def mine(page: PageInfo) -> bool:
        return page.swapcount == 0

    policy = POLICIES["v5.7"].with_(reuse=mine)
    assert deciding(policy, "reuse", PageInfo(swapcount=1)) == ["swapcount"]
    assert deciding(POLICIES["v5.7"], "reuse", PageInfo(mapcount=2)) == ["mapcount"]
    assert deciding(POLICIES["v5.9"], "reuse", PageInfo(mapcount=2, page_count=3)) == ["page_count"]
    assert deciding(POLICIES["v6.5"], "reuse", PageInfo(exclusive=True, page_count=3)) == ["exclusive"]
    assert policy.ask("reuse", PageInfo()) == REUSE


def test_a_decision_that_fails_elsewhere_does_no_harm() -> None:
    def fragile(page: PageInfo) -> bool:
        return [False, True][2 - page.mapcount]

    line = "P: write A; P: fork C; P: write B"
    assert said(line, POLICIES["v5.7"].with_(reuse=fragile)) == "Write fault: mapcount is 2, so P gets a copy."


def test_where_a_decision_fails_no_fact_is_found() -> None:
    """A table of answers has none for a page that did not come up."""
    known = {PageInfo(): "reuse", PageInfo(mapcount=2): "copy"}
    mine = POLICIES["v5.9"].with_(reuse=lambda page: known[page])
    assert deciding(mine, "reuse", PageInfo()) == ["mapcount"]
    assert deciding(mine, "reuse", PageInfo(mapcount=2)) == ["mapcount"]
    alone = POLICIES["v5.9"].with_(reuse=lambda page: {PageInfo(): "reuse"}[page])
    assert deciding(alone, "reuse", PageInfo()) == []


def test_changes() -> None:
    trace = played("P: write A; P: fork C; C: vmsplice g; C: exit", "v6.5")
    steps = [changes(a.world, b.world, trace.policy) for a, b in zip(trace.moments, trace.steps, strict=False)]
    assert steps[0] == ["P @0 is writable #1 (was none)", "#1 is new"]
    assert steps[1] == [
        "C is new",
        "P @0 is read-only #1 (was writable #1)",
        "#1 page_count is 2 mappings = 2 (was 1 mapping = 1)",
        "#1 is maybe shared (was exclusive)",
    ]
    assert steps[2] == ["#1 page_count is 2 mappings + 1 FOLL_GET = 3 (was 2 mappings = 2)", "g is new"]
    assert steps[3] == ["C is gone", "#1 page_count is 1 mapping + 1 FOLL_GET = 2 (was 2 mappings + 1 FOLL_GET = 3)"]
