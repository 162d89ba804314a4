"""A run of many scenarios on this kernel, as a recording: the format of those that come with the course."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from cowlab.live.agreement import Recording, lines_of, place_of, recordings
from cowlab.live.drive import Run, Skip, run
from cowlab.live.ran import Ran
from cowlab.live.watched import NOTHING
from cowlab.scenario import Scenario

SILENT = ("fork", "exit", "mmap", "uffd_wp")  # what such a line returns says nothing about pages


class Live(NamedTuple):
    """What became of a scenario here: a run, or the reason why there is none."""

    scenario: Scenario
    run: Run | None
    skipped: str = ""


def run_all(chosen: Iterable[Scenario]) -> Iterator[Live]:
    for scenario in chosen:
        try:
            yield Live(scenario, run(scenario))
        except Skip as skip:
            yield Live(scenario, None, str(skip))


def fields_of(scenario: str) -> list[str]:
    """What is noted of a scenario: what the recordings have, and each line that can answer."""
    known = dict.fromkeys(field for recording in recordings().values() for field in recording.results.get(scenario, {}))
    lines = [f"{number} {text}" for number, text in lines_of(scenario).items() if says_something(text)]
    return [*(field for field in known if field != "na"), *lines]


def says_something(event: str) -> bool:
    actor, _, rest = event.partition(": ")
    return actor != "kernel" and rest.split()[0] not in SILENT


def noted(ran: Ran) -> dict[str, str]:
    """Field by field, in the words of the recordings."""
    found = {}
    for field in fields_of(ran.scenario):
        observer = place_of(ran.scenario, field)
        assert observer is not None, field
        found[field] = observer(ran)
    return found


def recording(live: Iterable[Live], kernel: str, **about: Any) -> Recording:
    results = {one.scenario.name: {"na": one.skipped} if one.run is None else noted(Ran(one.run)) for one in live}
    return Recording(kernel=kernel, results=results, **about)
