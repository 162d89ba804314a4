"""Scenarios: reading .cow files, playing them, and what a trace knows."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, ROWS, played
from walks import events, walks

from cowlab import (
    IDEAL,
    POLICIES,
    Ideal,
    Policy,
    Reading,
    ScriptError,
    World,
    format,
    parse,
    play,
    policy_named,
    read_scenario,
    scenarios,
    step,
)

EXAMPLE = """\
# A title, which may have: a colon
# id: S4
# source: 09854ba94c6a; open(2)
# shows: isolation, economy
# story: The first line of a story
#   and: its second line.
# odd: 1

P: write A  # not: a header
# shows: nothing, since the script has begun
P: read
"""

# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_scenario_is_a_title_keys_and_a_script() -> None:
    scenario = read_scenario(EXAMPLE, "mine")
    assert scenario.name == "mine"
    assert scenario.title == "A title, which may have: a colon"
    assert scenario.story == "The first line of a story and: its second line."
    assert scenario.header == {"id": "S4", "source": "09854ba94c6a; open(2)", "shows": "isolation, economy", "odd": "1"}
    assert [format(event) for event in scenario.events] == ["P: write A", "P: read"]
    assert scenario.text == EXAMPLE


@pytest.mark.parametrize(
    "text, title", [("P: read", "mine"), ("# source: x\nP: read", "mine"), ("#\n# A title\nP: read", "A title")]
)
def test_a_title_may_be_missing(text: str, title: str) -> None:
    assert read_scenario(text, "mine").title == title


def test_a_scenario_that_cannot_be_read_names_its_file() -> None:
    with pytest.raises(ScriptError, match=r"^mine\.cow:2: unknown verb 'jump'\n    P: jump"):
        read_scenario("# a title\nP: jump\n", "mine.cow")


# --- the atlas -------------------------------------------------------------------------------------------------------


def test_the_atlas_is_every_file_by_name() -> None:
    files = [file.name for file in resources.files("cowlab").joinpath("atlas").iterdir()]
    assert list(scenarios()) == sorted(name.removesuffix(".cow") for name in files if name.endswith(".cow"))
    assert "leak" in scenarios()


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_has_a_title_a_story_a_source_and_what_it_shows(name: str) -> None:
    scenario = scenarios()[name]
    assert scenario.name == name
    assert scenario.title != name
    assert len(scenario.story.split()) > 10
    assert scenario.header["source"]
    assert scenario.header["shows"]
    assert set(scenario.header) <= {"id", "source", "shows", "recorded"}  # no line of a story is taken for a key


def test_no_two_titles_are_the_same() -> None:
    titles = [scenario.title for scenario in scenarios().values()]
    assert sorted(titles) == sorted(set(titles))


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_plays_to_its_end_under_every_policy(name: str) -> None:
    scenario = scenarios()[name]
    for row in ALL:
        trace = play(scenario, row)
        assert len(trace.steps) == len(scenario.events)


# --- playing ---------------------------------------------------------------------------------------------------------


def test_text_script_and_scenario_play_alike() -> None:
    text = "P: write A\nP: fork C\nP: write B\nC: read\n"
    one, two, three = play(text, "v5.9"), play(parse(text), "v5.9"), play(read_scenario(text, "script"), "v5.9")
    assert one == two == three


def test_a_policy_may_be_a_row_its_name_or_a_hybrid() -> None:
    assert play("P: read", "v5.9") == play("P: read", POLICIES["v5.9"])
    assert play("P: read", "ideal") == play("P: read", IDEAL)
    hybrid = POLICIES["v5.9"].with_(fork=POLICIES["v5.7"].fork)
    assert play("P: read", hybrid).policy is hybrid


def test_the_moments_of_a_trace() -> None:
    trace = play("# a title\n\nP: write A\n# a remark\nP: fork C\nP: write B\nC: read", "v5.9")
    start, *rest = trace.moments
    assert (start.line, start.event, start.outcome, start.world, start.ideal) == (0, None, "", World(), Ideal())
    assert tuple(rest) == trace.steps
    assert [moment.line for moment in rest] == [3, 5, 6, 7]
    assert [moment.outcome for moment in rest] == ["fault", "share", "copy", "hit"]
    assert [moment.copies for moment in rest] == [0, 0, 1, 0]
    assert trace.readings == (Reading(7, "C", "A", "A"),)
    assert (trace.copies, trace.needless_copies, trace.verdict, trace.violations) == (1, 0, "ok", ())


def test_a_trace_is_steps_one_after_the_other() -> None:
    trace = play(scenarios()["leak"], "v5.7")
    for before, moment in zip(trace.moments, trace.steps, strict=False):
        assert moment.event is not None
        assert moment.world == step(before.world, moment.event, trace.policy)


def test_what_is_wrong_stands_until_it_ends_and_is_new_once() -> None:
    trace = played("P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S; P: read; g: put", "v5.7")
    assert [[finding.kind for finding in moment.new] for moment in trace.steps] == [[], [], [], [], ["leak"], [], []]
    assert [[line for line, _ in moment.standing] for moment in trace.steps] == [[], [], [], [], [5], [5], []]
    assert [line for line, _ in trace.violations] == [5]


@pytest.mark.parametrize(
    "line, readings",
    [
        ("P: read; P: write A; P: read", [Reading(1, "P", "0", "0"), Reading(3, "P", "A", "A")]),
        ("P: mmap anon @3; P: read @3", [Reading(2, "P @3", "0", "0")]),
        ("P: write A; P: vmsplice g; g: read", [Reading(3, "g", "A", "A")]),
        ("P: mmap file @1; file: read @1", [Reading(2, "file @1", "F", "F")]),
        ("P: munmap; P: read", []),
        ("P: mprotect none; P: read", []),
        ("P: munmap; P: pin g; g: read", []),
        ("P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S; g: read", [Reading(6, "g", "S", "A")]),
    ],
)
def test_readings_are_the_reads_that_gave_something(line: str, readings: list[Reading]) -> None:
    assert list(played(line, "v5.7").readings) == readings


def test_an_event_that_cannot_happen_is_named_with_what_could() -> None:
    with pytest.raises(ScriptError) as caught:
        play(read_scenario("# a title\nP: write A\nC: read @0\n", "mine.cow"), "v5.7")
    where, shown, hint = str(caught.value).split("\n")
    assert where == "mine.cow:3: this cannot happen: there is no process or reference 'C' now, only P"
    assert shown == "    C: read"
    assert hint.startswith("What could happen instead: ")
    assert "P: fork C" in hint


@pytest.mark.parametrize(
    "text, says",
    [
        ("P: get g\ng: write A", "g: read; g: put"),
        ("P: exit\nP: read", "Nothing can happen any more."),
        ("P: write A\nP: read @1", "P: read; "),
        ("kernel: drop P", "kernel: hold P; kernel: hold P lru"),
    ],
)
def test_what_could_happen_instead_is_about_the_same_actor(text: str, says: str) -> None:
    with pytest.raises(ScriptError) as caught:
        play(text, "v6.5")
    assert says in caught.value.hint


def test_what_could_happen_instead_can_happen() -> None:
    with pytest.raises(ScriptError) as caught:
        play("P: write A\nP: get g\nP: fork g", "v6.5")
    shown = caught.value.hint.removeprefix("What could happen instead: ").split(" (and")[0].rstrip(".")
    for line in shown.split("; "):
        play(f"P: write A\nP: get g\n{line}", "v6.5")


@pytest.mark.parametrize(
    "line", ["kernel: counter 8 bias 4; kernel: counter 8 bias 4", "P: read; kernel: counter 8 bias 4"]
)
def test_play_refuses_a_misplaced_counter_too(line: str) -> None:
    with pytest.raises(ScriptError, match="the counter must be the first event"):
        played(line)


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_policy_by_name() -> None:
    assert [policy_named(name) for name in (*ROWS, "ideal")] == list(ALL)


@pytest.mark.parametrize(
    "name, near", [("v5.91", "v5.9"), ("linus", "linus-2021"), ("jerome-forks", "jerome-fork"), ("Ideal", "ideal")]
)
def test_a_policy_misspelt(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"there is no policy '{name}'") as caught:
        play("P: read", name)
    message = str(caught.value)
    assert f"Did you mean {near}" in message or f"or {near}" in message
    assert all(row in message for row in (*ROWS, "ideal"))


def test_a_policy_that_is_like_none() -> None:
    with pytest.raises(ValueError, match=r"there is no policy 'zzz'\. There are: v5\.7, "):
        play("P: read", "zzz")


# --- whatever happens ------------------------------------------------------------------------------------------------


@given(walks, st.sampled_from(ALL))
def test_whatever_happened_plays_again_from_its_text(walk: list[tuple[str, int]], policy: Policy) -> None:
    happened = events(walk, policy)
    if happened:
        trace = play(format(happened), policy)
        assert list(trace.scenario.events) == happened
        assert trace == play(trace.scenario.script, policy)
        for moment in trace.steps:
            assert (moment.reading is None) or (moment.event is not None and moment.event.verb == "read")
            assert moment.needless <= moment.copies
