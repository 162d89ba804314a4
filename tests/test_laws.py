"""The laws: what is found, at which line, once; what was promised; what is needless; and which verdict it makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, ROWS, findings, played
from walks import events, walks

from cowlab import LAWS, POLICIES, VERDICTS, Finding, PageInfo, Policy, Store, format, play, policy
from cowlab.ideal import Cell, Past
from cowlab.laws import Reader, look, place, verdict

ZERO, A, B = Store("0", (0,)), Store("A", (1,), "P"), Store("B", (2,), "P")
D = Store("D", (3,), "g", device=True)

# --- one look --------------------------------------------------------------------------------------------------------

CELL = Cell(B, (Past(ZERO, True), Past(A, True)))
LOOKED = {
    "the present": (B, CELL, True, None),
    "the present, merged with another's": (Store("B", (2, 9), "Q"), CELL, True, None),
    "the past": (A, CELL, True, ("coherence", "stale", True)),
    "the past, merged with another's": (Store("A", (1, 9), "Q"), CELL, True, ("coherence", "stale", True)),
    "the distant past": (ZERO, CELL, True, ("coherence", "stale", True)),
    "the past, which nobody promised to renew": (A, CELL, False, ("coherence", "snapshot", False)),
    "the past, but what was missed was not promised": (
        A, Cell(B, (Past(ZERO, True), Past(A, False))), True, ("coherence", "snapshot", False)
    ),
    "another's store": (Store("S", (7,), "Q"), CELL, True, ("isolation", "leak", None)),
    "another's equal letter": (Store("B", (7,), "Q"), CELL, True, ("isolation", "leak", None)),
    "another's store, where nothing was promised": (Store("S", (7,), "Q"), CELL, False, ("isolation", "leak", None)),
    "a device's store": (D, CELL, True, ("dma-isolation", "dma-leak", None)),
    "a device's store in the present": (D, Cell(D, (Past(A, True),)), True, None),
    "a device's store in the past": (D, Cell(B, (Past(D, True),)), True, ("coherence", "stale", True)),
}  # fmt: skip


@pytest.mark.parametrize("seen, cell, current, expected", LOOKED.values(), ids=LOOKED)
def test_one_look(seen: Store, cell: Cell, current: bool, expected: tuple[str, str, bool | None] | None) -> None:
    found = look(Reader("P", seen, cell, current))
    if expected is None:
        assert found is None
    else:
        law, kind, promised = expected
        assert found == Finding(law, kind, "P", seen, cell.now, promised)
        assert found.broken == (promised is not False)


@pytest.mark.parametrize("name, page, expected", [("P", 0, "P"), ("C", 2, "C @2"), ("file", 0, "file")])
def test_who_is_the_name_and_the_page_unless_it_is_the_first(name: str, page: int, expected: str) -> None:
    assert place(name, page) == expected


def test_the_words_of_the_design() -> None:
    assert LAWS == ("isolation", "dma-isolation", "coherence", "protection", "accounting", "economy")
    assert VERDICTS == ("leak", "dma-leak", "stale", "refused", "unprotected", "snapshot", "ok")


# --- findings of scripts ---------------------------------------------------------------------------------------------

SKIPS = POLICIES["linus-2021"].with_(protect=lambda page: "skip" if policy.held(page) else "protect")
TAKES = POLICIES["v5.19"].with_(gup=policy.gup_take)
SHARES = POLICIES["v5.19"].with_(fork=policy.fork_share)
KSM = "P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; P: madvise mergeable @1; kernel: ksm P P @1"
SEVEN = "; ".join(f"P: vmsplice g{n}" for n in range(1, 8))

FOUND: dict[str, tuple[str, str | Policy, list[str]]] = {
    # isolation
    "the leak": (
        "P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S", "v5.7", ["5 isolation leak g S not A"]
    ),
    "the leak, mended": ("P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S", "v5.9", []),
    "found without a read, and not again by one": (
        "P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S; g: read; g: read",
        "v5.7",
        ["5 isolation leak g S not A"],
    ),
    "another store is another finding": (
        "P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S; P: write T; P: write T",
        "v5.7",
        ["5 isolation leak g S not A", "6 isolation leak g T not A", "7 isolation leak g T not A"],
    ),
    "the reverse": (
        "P: write A; P: vmsplice g; P: fork C; P: munmap; C: write S", "v5.8", ["5 isolation leak g S not A"]
    ),
    "another page": (
        "P: mmap anon @2; P: write A @2; P: fork C; P: vmsplice g @2; P: write S @2",
        "jerome-fork-reuse",
        ["5 isolation leak C @2 S not A"],
    ),
    "a second reader": (
        "P: write A; P: register h; P: fork C; P: fork D; P: write S",
        "jerome-fork-reuse",
        ["5 isolation leak C S not A", "5 isolation leak D S not A"],
    ),
    "nobody looks who may not": (
        "P: write A; P: register h; P: fork C; C: mprotect none; P: write S", "jerome-fork-reuse", []
    ),
    "until they may": (
        "P: write A; P: register h; P: fork C; C: mprotect none; P: write S; C: mprotect r",
        "jerome-fork-reuse",
        ["6 isolation leak C S not A"],
    ),
    "shared memory is no leak": ("P: mmap shared; P: write A; P: vmsplice g; P: fork C; C: write S", "v5.7", []),
    "an inherited value is no leak": ("P: write A; P: fork C; P: exit; C: read", "v5.7", []),
    # dma-isolation
    "a device after fork": (
        "P: write A; P: register g; P: fork C; g: write D", "v5.7", ["4 dma-isolation dma-leak C D not A"]
    ),
    "a device before fork": ("P: write A; P: register g; g: write D; P: fork C", "v5.7", []),
    # coherence
    "a pin left behind": (
        "P: write A; P: register g; P: fork C; P: write B", "v5.7", ["4 coherence stale g A not B"]
    ),
    "a pipe left behind": (
        "P: write A; P: vmsplice g; P: fork C; P: write B", "v5.7", ["4 coherence snapshot g A not B"]
    ),
    "an owner left behind": (
        "P: write A; P: direct_read g; P: clear_refs; P: write B; g: write D",
        "v5.9",
        ["5 coherence stale P B not D"],
    ),
    "an owner left behind after a fork, as was to be expected": (
        "P: write A; P: direct_read g; P: fork C; P: write B; g: write D",
        "v5.9",
        ["5 dma-isolation dma-leak C D not A", "5 coherence snapshot P B not D"],
    ),
    "parted on purpose": ("P: write A; P: register g; P: munmap; P: mmap anon; P: write B; g: read", "v5.7", []),
    "the same store, seen again after the truth": (
        "P: write A; P: register g; P: fork C; P: write B; P: write D", "v5.7", ["4 coherence stale g A not B"]
    ),
    # protection
    "a call that fails": ("P: write A; P: vmsplice g; P: mprotect r", "linus-2021", ["3 protection refused P"]),
    "a call that fails on another page": (
        "P: mmap anon @1; P: write A @1; P: vmsplice g @1; P: mprotect r @1",
        "linus-2021",
        ["4 protection refused P @1"],
    ),
    "after a call that failed a store may succeed": (
        "P: write A; P: vmsplice g; P: mprotect r; P: write B", "linus-2021", ["3 protection refused P"]
    ),
    "a store that ought to fault": (
        "P: write A; P: vmsplice g; P: mprotect r; P: write B", SKIPS, ["4 protection unprotected P B"]
    ),
    "every such store": (
        "P: write A; P: vmsplice g; P: mprotect r; P: write B; P: write B",
        SKIPS,
        ["4 protection unprotected P B", "5 protection unprotected P B"],
    ),
    "a store that faults": ("P: write A; P: mprotect r; P: write B", "v5.7", []),
    "a debugger may": ("P: write A; P: mprotect r; P: poke B", "v5.7", []),
    "protecting nothing is refused by everybody": ("P: munmap; P: mprotect r", "linus-2021", []),
    # accounting
    "a frame freed in use": (
        f"kernel: counter 3 bias 4; P: write A; {SEVEN}", "v5.7", ["9 accounting accounting P"]
    ),
    "and what comes of it": (
        f"kernel: counter 3 bias 4; P: fork Q; P: write A; {SEVEN}; Q: write S",
        "v5.7",
        ["10 accounting accounting P", "11 isolation leak P S not A"]
        + [f"11 isolation leak g{n} S not A" for n in range(1, 8)],
    ),
    "a pin that nobody notices": (
        "kernel: counter 3 bias 4; P: write A; P: pin g write; P: pin h write",
        "v5.7",
        ["4 accounting accounting g", "4 accounting accounting h"],
    ),
    "a promised pin on a page that is shared": (
        "P: write A; P: fork C; P: pin g", TAKES, ["3 accounting accounting g"]
    ),
    "a pinned page that loses its flag": (
        "P: write A; P: pin g write; P: fork C", SHARES, ["3 accounting accounting g"]
    ),
    "a promised pin of KSM's page": (f"{KSM}; P: pin g", TAKES, ["7 accounting accounting g"]),
    "the zero page counts nobody's pins": (
        "kernel: counter 3 bias 4; P: read; P: pin g; P: pin h", "v5.7", []
    ),
    "where the flag is looked at it stays": ("P: write A; P: pin g write; P: fork C; P: write B", "v5.19", []),
    "where no flag is looked at none is missed": ("P: write A; P: fork C; P: pin g", "v5.9", []),
    "a pipe needs no flag": ("P: write A; P: vmsplice g; P: fork C", "v5.19", []),
}  # fmt: skip


@pytest.mark.parametrize("line, row, expected", FOUND.values(), ids=FOUND)
def test_what_is_found(line: str, row: str | Policy, expected: list[str]) -> None:
    assert sorted(findings(line, row)) == sorted(expected)


# --- what was promised -----------------------------------------------------------------------------------------------

# How a reference is left behind: v5.9-rc4 does so at any write-protection, v5.7 at fork only.
LEFT_BEHIND = {
    "vmsplice g": (False, False),  # by clear_refs, by fork
    "get g": (False, False),
    "direct_write g": (False, False),
    "get g write": (True, False),
    "pin g": (True, True),
    "pin g write": (True, True),
    "pin g longterm": (True, True),
    "register g": (True, True),
}


@pytest.mark.parametrize("verb", LEFT_BEHIND)
def test_what_was_promised_to_a_reference(verb: str) -> None:
    for event, promised in zip(("P: clear_refs", "P: fork C"), LEFT_BEHIND[verb], strict=True):
        kind = "stale" if promised else "snapshot"
        trace = played(f"P: write A; P: {verb}; {event}; P: write B", "v5.9-rc4")
        assert [(finding.kind, finding.who, finding.promised) for _, finding in trace.violations] == [
            (kind, "g", promised)
        ]
        assert trace.verdict == kind


def test_a_pin_on_a_page_that_was_not_anonymous_is_promised_nothing() -> None:
    line = "P: read; P: pin g; P: write B"
    assert findings(line, "v5.19") == ["3 coherence snapshot g 0 not B"]
    assert findings(line.replace("pin g", "pin g longterm"), "v5.19") == ["3 coherence stale g 0 not B"]
    assert findings(line.replace("pin g", "pin g longterm"), "v6.5") == []


# --- economy ---------------------------------------------------------------------------------------------------------

NEVER = POLICIES["v5.9"].with_(reuse=lambda page: "copy")
EAGER = POLICIES["v5.9"].with_(fork=lambda page: "copy")
WASTED: dict[str, tuple[str, str | Policy, int, int]] = {  # copies, needless ones
    "nobody else": ("P: write A; P: fork C; C: exit; P: write B", NEVER, 1, 1),
    "the child reads it": ("P: write A; P: fork C; P: write B", "v5.9", 1, 0),
    "the child's pipe reads it": ("P: write A; P: fork C; C: vmsplice g; C: munmap; P: write B", "v5.9", 1, 0),
    "one's own pipe": ("P: write A; P: vmsplice g; P: clear_refs; P: write B", "v5.9", 1, 1),
    "a look-up is no reader": ("P: write A; kernel: hold P; P: clear_refs; P: write B", "v5.9", 1, 1),
    "a dead reference is no reader": ("P: write A; P: fork C; C: munmap; C: get g; C: exit; P: write B", NEVER, 1, 1),
    "swapped out and read": ("P: write A; kernel: swap_out P; P: read; P: write B", "v5.9", 1, 1),
    "swapped out from two": ("P: write A; P: fork C; kernel: swap_out P; P: write B", "v5.9", 1, 0),
    "swapped in by one of two": ("P: write A; P: fork C; kernel: swap_out P; P: read; P: write B", "v5.9", 1, 0),
    "swapped out alone": ("P: write A; kernel: swap_out P; P: write B", POLICIES["v5.9"].with_(
        swap=lambda page: page.asker == "reclaim"
    ), 1, 1),
    "the zero page": ("P: read; P: write A", "v5.9", 1, 0),
    "a file's page": ("P: mmap file; P: read; P: write A", "v5.9", 1, 0),
    "a file's page never read": ("P: mmap file; P: write A", "v5.9", 1, 0),
    "KSM's page": (f"{KSM}; P: write B", "v5.9", 1, 0),
    "KSM's page, the last of it": (f"{KSM}; P: write B; P: write D @1", "v5.9", 2, 0),
    "the inherited page of one who is alone": ("P: write A; P: fork C; P: exit; C: write B", "jerome-fork", 1, 1),
    "pushed to one who reads it": ("P: write A; P: fork C; P: write B", "jerome-fork-push", 1, 0),
    "a pin of a page that the other reads": ("P: write A; P: fork C; P: pin g", "v5.19", 1, 0),
    "a pin of a page that was looked up": (
        "P: write A; P: fork C; C: exit; kernel: hold P; P: pin g", "v5.19", 1, 1
    ),
    "mprotect that copies": ("P: write A; P: vmsplice g; P: mprotect r", "jerome-mprotect", 1, 1),
    "fork, for a device that writes": ("P: write A; P: register g; P: fork C", "v5.9", 1, 0),
    "fork, for a reference that may write": ("P: write A; P: get g write; P: fork C", "linus-2021", 1, 0),
    "fork, for a pin that is promised coherence": ("P: write A; P: pin g; P: fork C", "v5.9", 1, 0),
    "fork, for a pipe": ("P: write A; P: vmsplice g; P: fork C", "linus-2021", 1, 1),
    "fork, for a direct write": ("P: write A; P: direct_write g; P: fork C", "linus-2021", 1, 1),
    "fork, for a look-up": ("P: write A; kernel: hold P; P: fork C", "linus-2021", 1, 1),
    "fork, for nobody": ("P: write A; P: fork C", EAGER, 1, 1),
    "fork, two pages and one device": (
        "P: mmap anon @1; P: write A; P: write A @1; P: register g; P: fork C", EAGER, 2, 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("line, row, copies, wasted", WASTED.values(), ids=WASTED)
def test_which_copies_are_needless(line: str, row: str | Policy, copies: int, wasted: int) -> None:
    trace = played(line, row)
    assert (trace.copies, trace.needless_copies) == (copies, wasted)


def test_economy_never_sets_the_verdict() -> None:
    trace = played("P: write A; P: fork C; C: exit; P: write B", NEVER)
    assert (trace.needless_copies, trace.verdict, trace.violations) == (1, "ok", ())


@pytest.mark.parametrize("name", ["v5.7", "v5.18", "v5.19", "v6.5"])
def test_a_lone_holder_never_copies(name: str) -> None:
    line = "P: write A; P: fork C; C: write B; P: write D; C: exit; P: fork E; E: munmap; P: write G; P: clear_refs; P: write H"
    assert played(line, name).needless_copies == 0


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kinds, expected",
    [
        ([], "ok"),
        (["needless"], "ok"),
        (["accounting"], "ok"),
        (["snapshot"], "snapshot"),
        (["snapshot", "unprotected"], "unprotected"),
        (["unprotected", "refused"], "refused"),
        (["refused", "stale", "snapshot"], "stale"),
        (["stale", "dma-leak"], "dma-leak"),
        (["snapshot", "dma-leak", "leak", "ok"], "leak"),
    ],
)
def test_the_verdict_is_the_first_that_applies(kinds: list[str], expected: str) -> None:
    assert verdict(kinds) == expected


def test_the_verdict_of_a_run_is_of_all_its_lines() -> None:
    line = "P: write A; P: vmsplice g; P: fork C; P: write B; P: register h; P: write D; P: exit"
    assert played(line, "v5.7").verdict == "snapshot"


# --- whatever happens ------------------------------------------------------------------------------------------------


@given(walks, st.sampled_from(ALL))
def test_a_finding_is_reported_once_and_by_the_laws_own_words(walk: list[tuple[str, int]], policy: Policy) -> None:
    happened = events(walk, policy)
    if not happened:
        return
    trace = play(format(happened), policy)
    keys = [finding.key for _, finding in trace.violations]
    assert len(set(keys)) == len(keys)
    lines = [number for number, _ in trace.violations]
    assert lines == sorted(lines)
    kinds = {
        "isolation": {"leak"},
        "dma-isolation": {"dma-leak"},
        "coherence": {"stale", "snapshot"},
        "protection": {"refused", "unprotected"},
        "accounting": {"accounting"},
    }
    for _, finding in trace.violations:
        assert finding.kind in kinds[finding.law]
        assert (finding.promised is False) == (finding.kind == "snapshot")
        assert (finding.promised is None) == (finding.law != "coherence")
    assert trace.verdict == next((k for k in VERDICTS if k in {f.kind for _, f in trace.violations}), "ok")
    assert 0 <= trace.needless_copies <= trace.copies


@given(walks, st.sampled_from(ROWS))
def test_without_a_counter_no_frame_is_lost_and_no_pin_overlooked(walk: list[tuple[str, int]], name: str) -> None:
    happened = events(walk, POLICIES[name])
    if happened:
        trace = play(format(happened), name)
        assert [finding for _, finding in trace.violations if finding.law == "accounting"] == []


@given(walks, st.sampled_from(["v5.18", "v5.19", "v6.5"]))
def test_since_v5_18_nothing_leaks_but_hugetlb(walk: list[tuple[str, int]], name: str) -> None:
    happened = events(walk, POLICIES[name])
    if happened and not any("hugetlb" in event.args for event in happened):
        trace = play(format(happened), name)
        assert [finding for _, finding in trace.violations if finding.kind == "leak"] == []


@given(walks, st.sampled_from(["v5.19", "v6.5"]))
def test_since_v5_19_a_promise_is_kept(walk: list[tuple[str, int]], name: str) -> None:
    """But for long-term pins of the zero page and of files, which v6.2 mended."""
    happened = events(walk, POLICIES[name])
    if happened:
        trace = play(format(happened), name)
        stale = [finding for _, finding in trace.violations if finding.kind == "stale"]
        assert all(finding.saw in (Store("0", (0,)), Store("F", (-1,))) for finding in stale)
        assert name == "v5.19" or not stale


def test_a_page_info_is_all_that_a_law_breaking_rule_sees() -> None:
    asked: list[PageInfo] = []

    def spy(page: PageInfo) -> str:
        asked.append(page)
        return "copy"

    played("P: write A; P: fork C; P: write B", POLICIES["v5.9"].with_(reuse=spy))
    assert asked == [PageInfo(mapcount=2, page_count=2)]
