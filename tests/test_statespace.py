"""The graph of an exploration holds what the search found, no more and no less."""

from __future__ import annotations

import pytest

from cowlab import POLICIES, play
from cowlab.check import check
from cowlab.explore import explore
from cowlab.laws import LAWS
from cowlab.model import Bounds, Memory
from cowlab.policy import tabulated
from cowlab.views import state_graph
from cowlab.views.graph.stategraph import SMALL, note
from cowlab.views.graph.statespace import Notes, state_space

PIN = SMALL._replace(events=("write", "fork", "register", "g: write", "put"))
TWO = Bounds(pages=2, kind="thp", events=("write", "fork"))


@pytest.mark.parametrize("bounds", [SMALL, PIN, TWO])
@pytest.mark.parametrize("policy", ["v5.7", "v5.9", "v6.5", "jerome-fork"])
def test_as_many_states_and_events_as_the_search(policy: str, bounds: Bounds) -> None:
    space = state_space(policy, bounds, at_most=500)
    model = Memory(tabulated(POLICIES[policy]), bounds, LAWS)
    found = explore(Notes(model))
    assert (space.states, len(space.arrows), space.complete) == (found.states, found.transitions, True)
    assert max(len(space.path(state)) for state in range(space.states)) == found.depth
    assert not space.outside and space.followed == frozenset(range(space.states))


def test_pinned() -> None:
    for policy, expected in {"v5.7": (36, 152), "v5.9": (34, 144), "v6.5": (34, 144)}.items():
        space = state_space(policy, SMALL)
        assert (space.states, len(space.arrows)) == expected


@pytest.mark.parametrize("bounds", [SMALL, PIN, TWO])
def test_every_script_leads_to_its_state(bounds: Bounds) -> None:
    space = state_space("v5.7", bounds)
    notes = Notes(Memory(tabulated(POLICIES["v5.7"]), bounds, LAWS))
    explore(notes)
    for key, number in notes.numbers.items():
        moment = space.played(space.path(number), "script").moments[-1]
        assert notes.model.keys(moment.world, moment.ideal) == key, number


def test_the_shortest_scripts_are_those_of_the_explorer() -> None:
    for policy in ("v5.7", "v5.9-rc4", "jerome-fork-reuse"):
        space, report = state_space(policy, PIN), check(POLICIES[policy], PIN)
        lengths = {law: len(space.path(arrow.source)) + 1 for law, arrow in space.breaking.items()}
        assert lengths == {law: len(w) for law, w in report.witnesses.items() if w and law != "economy"}


def test_a_red_arrow_breaks_its_law_when_played() -> None:
    space = state_space("v5.7", PIN)
    broken = [arrow for arrow in space.arrows if arrow.broken]
    assert {law for arrow in broken for law in arrow.laws} >= {"coherence", "dma-isolation"}
    for arrow in broken:
        last = space.played((*space.path(arrow.source), arrow.event), "script").moments[-1]
        standing = {finding.law for _, finding in last.standing}
        assert {law for law in arrow.laws if law != "economy"} <= standing


def test_red_arrows_open_and_say_their_law() -> None:
    graph = state_graph("v5.7")
    assert [said for _, said in graph.shortcuts] == ["✗ isolation"]
    for name, _ in graph.shortcuts:
        opened = graph.opens[name]
        assert opened.stepper is not None
        trace = graph.steppers[opened.stepper].traces[0]
        assert trace.verdict == "leak" and opened.at == len(trace.steps) == 5
    assert graph.dot.source.count('class="first broken"') == 2 and "C: write ✗ isolation" in graph.dot.source
    script = graph.text().partition("the shortest script that breaks isolation\n")[2]
    assert play(script, "v5.7").verdict == "leak"
    assert "✓ none breaks a law" in state_graph("v5.9").note


def test_what_is_left_out_is_said() -> None:
    whole = state_space("v5.7", SMALL, at_most=36)
    assert whole.complete and "Complete" in note(whole)
    graph = state_graph("v5.7", at_most=20)
    assert len(graph.cards) == 20 and "Not complete: these are the 20 states" in graph.note
    space = state_space("v5.7", SMALL, at_most=20)
    assert not space.complete and graph.dot.source.count("class=beyond") == 20 - len(space.followed) > 0
    assert graph.note in graph.fragment() and "Not complete" in graph.text()
    left_out = [arrow.source for arrow in space.outside]
    assert left_out and "left out" in graph.opens[f"s{left_out[0]}"].html
    for wrong in (0, 201):
        with pytest.raises(ValueError, match="1 to 200 states"):
            state_graph("v5.7", at_most=wrong)


def test_nothing_that_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match=r"there is no policy 'v5.10'\. Did you mean"):
        state_graph("v5.10")
    with pytest.raises(ValueError, match="not an event set: sing"):
        state_graph("v5.7", SMALL._replace(events=("sing",)))


def test_the_start_shows_its_picture() -> None:
    start = state_graph("v5.7").opens["s0"]
    assert start.stepper is None and "<svg" in start.html and "P: fork C → 2" in start.html
    prepared = state_graph("v5.7", TWO).opens["s0"]
    assert prepared.stepper == 0 and prepared.at == 2
