"""A run of many scenarios as a recording: what is noted, what a second run takes away, and that it can be read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from onkernel import linux, script
from short import ROWS

from cowlab import play, scenarios
from cowlab.live import record
from cowlab.live.agreement import compare, nearest, read_recording, recordings
from cowlab.live.drive import Look, Moment, Run
from cowlab.live.record import Live, as_json, fields_of, noted, observe, recording, run_all, says_something
from cowlab.live.references import Skip

ROOT = Path(__file__).resolve().parent.parent
ONE = script("P: write A; P: read", "one.cow")


def run(letter: str = "A", frame: int | None = 7) -> Run:
    first, second = ONE.events
    looks = {("P", 0): Look(True, frame=frame, value=letter)}
    moments = (
        Moment(0, None, looks=looks),
        Moment(1, first, looks=looks),
        Moment(2, second, value=letter, looks=looks),
    )
    return Run(ONE, moments, {("P", 0): letter})


def test_what_is_noted() -> None:
    assert noted(run()) == {"1 P: write A": "same", "2 P: read": "A"}
    assert noted(run("B", None)) == {"1 P: write A": "?", "2 P: read": "B"}


def test_fields_are_the_lines_that_say_something_and_what_the_recordings_have() -> None:
    assert fields_of(script("P: fork C; P: write A @1; kernel: migrate P; C: exit; file: read; g: put")) == [
        "2 P: write A @1",
        "5 file: read",
        "6 g: put",
    ]
    fields = fields_of(scenarios()["s04_vmsplice_leak_munmap"])
    assert fields[-1] == "verdict" and {"verdict", "child_pipe_sees", "drop_rc"} < set(fields) and "na" not in fields


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("P: fork C", False),
        ("P: exit", False),
        ("P: mmap anon", False),
        ("P: uffd_wp on", False),
        ("P: munmap", True),
        ("kernel: ksm P P @1", False),
        ("g: put", True),
        ("g: fork", False),
    ],
)
def test_lines_that_say_nothing_of_pages(line: str, says: bool) -> None:
    assert says_something(line) is says


@pytest.mark.parametrize("name", ROWS)
def test_every_field_of_the_atlas_can_be_observed(name: str) -> None:
    for scenario in scenarios().values():
        trace = play(scenario, name)
        assert all(observe(scenario, field, trace) for field in fields_of(scenario)), scenario.name


def test_a_recording_can_be_read_again() -> None:
    made = recording([Live(ONE, run()), Live(script("P: fork C", "two"), None, "the moon")])
    assert made.results == {"one.cow": {"1 P: write A": "same", "2 P: read": "A"}, "two": {"na": "the moon"}}
    assert (made.runs, made.method["observed_unit"]) == (1, record.UNIT)
    assert read_recording(as_json(made), "mine.json") == made
    assert as_json(made).startswith('{\n "kernel": ') and as_json(made).endswith("}\n")


def test_the_second_run_takes_away_what_differs() -> None:
    seen = {"1 P: write A": "same", "2 P: read": "A"}
    for again, left in (
        (Live(ONE, run()), seen),
        (Live(ONE, run("B")), {"1 P: write A": "same"}),
        (Live(ONE, run("B", None)), {}),
        (Live(ONE, None, "the moon"), {}),
    ):
        made = recording([Live(ONE, run())], [again])
        assert (made.runs, made.results) == (2, {"one.cow": left})


def test_the_row_is_the_nearest_policys() -> None:
    leak = scenarios()["leak"]
    for row in ("v5.7", "v5.8"):
        trace = play(leak, row)
        events = [moment.event for moment in trace.moments]
        frames = [None, *[7] * 6]
        looks = [{("P", 0): Look(True, frame=frame)} for frame in frames]
        values = [None] * 6 + [trace.readings[0].value]
        moments = tuple(
            Moment(moment.line, event, value=value, looks=seen)
            for moment, event, value, seen in zip(trace.moments, events, values, looks, strict=True)
        )
        made = recording([Live(leak, Run(leak, moments, {}))])
        assert made.row == row
        assert all(cell.agrees or cell.reason for cell in compare(made, None, {"leak": leak}))


def test_each_scenario_becomes_a_run_or_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(scenario: object) -> Run:
        if scenario is not ONE:
            raise Skip("the moon")
        return run()

    monkeypatch.setattr(record, "run", fake)
    other = script("P: read", "other")
    assert list(run_all([other, ONE, other])) == [
        Live(other, None, "the moon"),
        Live(ONE, run()),
        Live(other, None, "the moon"),
    ]


@linux
def test_a_recording_of_this_machine_has_the_form_of_those_that_come_along() -> None:
    made = recording(list(run_all([scenarios()["cow-basic"]])))
    shipped = recordings()["7.3.4"]
    assert list(made._asdict()) == list(shipped._asdict())
    assert {"privileges", "observed_unit"} <= set(made.method) and "observed_unit" in shipped.method
    assert all(isinstance(value, str) for value in [*made.method.values(), *made.legend.values()])


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "recordings").glob("*.json")), ids=lambda path: path.stem)
def test_a_recording_in_the_docs_agrees_with_its_row_in_every_value(path: Path) -> None:
    found = read_recording(path.read_text("utf-8"), path.name)
    cells = [cell for cell in compare(found) if not cell.reason]
    assert found.kernel == path.stem and len(cells) > 500
    assert [cell for cell in cells if not cell.agrees] == []
    assert nearest(found)[0][0] == found.row
