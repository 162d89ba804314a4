"""What the published record lets one expect of each rule (history.py) against what the rules do here."""

from __future__ import annotations

import pytest
from history import EXPECTED

from cowlab import POLICIES, Trace, play, scenarios

# Where the record speaks of one thing and the run shows another beside it.
ALSO = {
    ("pin-fork-write", "jerome-fork-reuse"): {"leak"},  # the pin is coherent; the child reads the parent's store
    ("pin-fork-child-reads", "jerome-fork"): {"stale"},  # C is right, as was asked; g is left behind
}
PARTED = {"stale", "snapshot", "dma-leak"}


def kinds(trace: Trace) -> set[str]:
    return {finding.kind for _, finding in trace.violations}


def shows(trace: Trace, code: str) -> bool:
    """Whether the run has that code of history.py in it."""
    done = [(moment.event.verb, moment.outcome) for moment in trace.steps if moment.event]
    found = kinds(trace)
    match code:
        case "OK":
            return not found & {"leak", "stale", "refused"}
        case "LEAK":
            return "leak" in found
        case "INC":
            return bool(found & PARTED)
        case "DMA":
            return "dma-leak" in found
        case "CHG" | "ISO":  # whether the owner of the read-only page sees what the device wrote
            return (trace.readings[-1].value == "D") == (code == "CHG")
        case "REF":
            return any(outcome in ("refused", "skipped") for _, outcome in done)
        case "hit" | "reuse" | "copy" | "share":
            return [outcome for verb, outcome in done if verb in ("write", "fork")][-1] == code
    raise AssertionError(f"history.py has a code {code!r} that is not known here")


CASES = [(name, row, code) for name, codes in EXPECTED.items() for row, code in codes.items() if code]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_rules_do_what_the_record_says(name: str) -> None:
    wrong = []
    for row, code in EXPECTED[name].items():
        trace = play(scenarios()[name], row)
        if code and (name, row) not in ALSO and not shows(trace, code):
            wrong.append((row, code, sorted(kinds(trace)), [moment.outcome for moment in trace.steps]))
    assert wrong == []


@pytest.mark.parametrize("name, row", ALSO)
def test_the_exceptions_are_still_exceptions(name: str, row: str) -> None:
    trace = play(scenarios()[name], row)
    assert not shows(trace, EXPECTED[name][row])
    assert kinds(trace) & {"leak", "stale", "refused"} == ALSO[name, row]


def test_what_an_exception_is_about_holds() -> None:
    pinned = play(scenarios()["pin-fork-write"], "jerome-fork-reuse")
    assert {finding.who for _, finding in pinned.violations if finding.kind == "leak"} == {"C"}
    child = play(scenarios()["pin-fork-child-reads"], "jerome-fork")
    assert {finding.who for _, finding in child.violations} == {"g"}


def test_every_column_is_a_row_and_every_line_a_scenario() -> None:
    assert set(EXPECTED) <= set(scenarios())
    assert all(list(codes) == list(POLICIES) for codes in EXPECTED.values())


def test_the_table_is_as_long_as_the_record() -> None:
    assert len(EXPECTED) >= 38
    assert len(CASES) > 440
    assert {code for _, _, code in CASES} == {
        "OK",
        "LEAK",
        "INC",
        "DMA",
        "CHG",
        "ISO",
        "REF",
        "hit",
        "reuse",
        "copy",
        "share",
    }
