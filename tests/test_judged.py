"""The laws over what a kernel showed: runs made by hand of what each policy would have shown."""

from __future__ import annotations

import pytest
from onkernel import script
from short import ROWS

from cowlab import Trace, play, scenarios
from cowlab.live.drive import Look, Moment, Run
from cowlab.live.judged import findings, likest, readings, verdict_of
from cowlab.live.watched import Played, seen


def shown(trace: Trace) -> Run:
    """What a kernel that does as that policy does would have shown to somebody who may see all."""
    moments, names = [], {"P"}
    for n, moment in enumerate(trace.moments):
        looks = {}
        for process in moment.world.processes:
            names.add(process.name)
            for page, pte in process.ptes:
                there = pte.frame is not None
                store = seen(moment.world, process.name, page) if there else None
                looks[process.name, page] = Look(there, frame=pte.frame, value=store.letter if store else None)
        value = moment.reading.value if moment.reading else None
        outcome = moment.outcome if moment.outcome in ("sigsegv", "refused") else "done"
        moments.append(Moment(moment.line, moment.event, outcome, 13 * (outcome == "refused"), value, looks=looks))
        assert n == len(moments) - 1
    played, last = Played(trace), trace.moments[-1].world
    ends = {
        (process.name, page): played.letter(-1, process.name, page)
        for process in last.processes
        for page, _ in process.ptes
    }
    ends |= {(one.name, 0): played.letter(-1, one.name) for one in last.references}
    return Run(trace.scenario, tuple(moments), ends)


CLASSIC = (
    "leak",
    "leak-reverse",
    "pin-fork-dma",
    "mprotect-refused",
    "cow-basic",
    "leak-mprotect",
    "fixed-buffer-fork",
)


@pytest.mark.parametrize("policy", ROWS)
@pytest.mark.parametrize("name", CLASSIC)
def test_the_verdict_is_the_policys(name: str, policy: str) -> None:
    trace = play(scenarios()[name], policy)
    assert verdict_of(shown(trace)) == trace.verdict


def test_a_leak_is_told_with_its_line_and_letters() -> None:
    run = shown(play(scenarios()["leak"], "v5.7"))
    ((line, finding),) = findings(run)
    assert (line, finding.kind, finding.who) == (13, "leak", "g")
    assert finding.saw is not None and finding.should is not None
    assert (finding.saw.letter, finding.should.letter) == ("S", "A")
    assert [reading._asdict() for reading in readings(run)] == [{"line": 13, "who": "g", "value": "S", "ideal": "A"}]


def test_the_likest_policy_lends_its_ideal() -> None:
    for policy in ("v5.7", "v5.8", "v6.5"):
        trace = play(scenarios()["leak"], policy)
        assert [r.value for r in likest(shown(trace)).readings] == [r.value for r in trace.readings]


def test_a_letter_that_nobody_stored_is_a_leak() -> None:
    run = shown(play(script("P: write A; P: read"), "v6.5"))
    odd = run._replace(moments=(*run.moments[:-1], run.moments[-1]._replace(value="z")), ends={("P", 0): "z"})
    ((line, finding),) = findings(odd)
    assert (line, finding.kind, finding.saw and finding.saw.by) == (2, "leak", "nobody")


def test_a_store_past_protection_is_found_and_a_refusal_that_no_policy_knows() -> None:
    run = shown(play(script("P: write A; P: mprotect r; P: write B"), "v6.5"))
    assert verdict_of(run) == "ok"
    passed = run._replace(moments=(*run.moments[:-1], run.moments[-1]._replace(outcome="done")))
    assert [(line, finding.kind) for line, finding in findings(passed)] == [(3, "unprotected")]
    middle = run.moments[2]._replace(outcome="refused", errno=13)
    refused = run._replace(moments=(*run.moments[:2], middle, run.moments[3]))
    assert (2, "refused") in [(line, finding.kind) for line, finding in findings(refused)]


def test_what_is_not_seen_is_not_judged() -> None:
    run = shown(play(scenarios()["leak"], "v5.7"))
    blind = run._replace(moments=tuple(one._replace(looks={}, value=None) for one in run.moments), ends={})
    assert findings(blind) == [] and verdict_of(blind) == "ok" and readings(blind) == []


def test_a_store_beside_the_devices_byte_is_not_looked_at() -> None:
    """In that scenario the byte that is looked at never shows the other store."""
    scenario = scenarios()["s19_direct_nothing"]
    run = shown(play(scenario, "v6.5"))
    old = tuple(
        one._replace(looks={at: look._replace(value="A") for at, look in one.looks.items()}) for one in run.moments
    )
    assert findings(run._replace(moments=old)) == []
