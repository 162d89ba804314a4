"""Questions and answers as JSON: what goes out comes back, and what is too much or too strange is said."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowlab import POLICIES, PageInfo, World, enabled, play, scenarios, step
from cowlab.grading import wire
from cowlab.grading.judges.law import seen
from cowlab.grading.wire import WireError


@pytest.mark.parametrize("name", sorted(scenarios())[::9])
def test_every_world_and_step_of_a_scenario_comes_back_equal(name: str) -> None:
    trace = play(name, "v6.5")
    for before, moment in zip(trace.moments, trace.steps, strict=False):
        for value in (moment.world, moment.event, seen(before, moment)):
            assert wire.loads(wire.dumps(value)) == value


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_worlds_that_nobody_thought_of_come_back_equal(seed: int, steps: int) -> None:
    world = World()
    for number in range(steps):
        events = list(enabled(world))
        if not events:  # the last process has exited
            break
        world = step(world, events[(seed >> (3 * number)) % len(events)], POLICIES["v6.5"]) or world
    assert wire.loads(wire.dumps(world)) == world
    assert isinstance(wire.loads(wire.dumps(PageInfo(page_count=seed))), PageInfo)


def test_plain_answers_stay_what_they_are() -> None:
    answer = {"copies": 3, "words": ["copy", "reuse"], "none": None, "yes": True, "half": 0.5}
    assert wire.loads(wire.dumps(answer)) == answer


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, "out of range"),
        (10**5000, "out of range"),
        (math.inf, "out of range"),
        ("\ud800", "surrogates"),
        ("x" * 30_000, "30,000 characters"),
        (["x" * 10_000] * 20, "bytes; at most"),
        ({1: 2}, "as a key"),
        (object, "found type"),
        ({1, 2}, "found set"),
    ],
    ids=range(9),
)
def test_what_cannot_be_read_is_said(value: object, says: str) -> None:
    with pytest.raises(WireError, match=says):
        wire.dumps(value)


def test_nesting_has_an_end() -> None:
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(WireError, match="deep"):
        wire.dumps(value)
    with pytest.raises(WireError, match="not JSON"):
        wire.loads("[" * 50_000)


def test_something_that_only_looks_like_a_world_is_refused() -> None:
    with pytest.raises(WireError, match="no World"):
        wire.loads('{"World":[1,2,3,4,5,6,7,8,9,10,11,12]}')

    class Fake(PageInfo):
        """A subclass may lie about its fields; it travels as a plain list."""

    assert not isinstance(wire.loads(wire.dumps(Fake())), PageInfo)
