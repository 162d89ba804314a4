"""A run of many scenarios on this kernel, as a recording: the format of those that come with the course."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cowlab.live.agreement import Recording, lines_of, nearest, place_of, recordings
from cowlab.live.drive import Run, run
from cowlab.live.machine import machine
from cowlab.live.ran import Ran
from cowlab.live.references import Skip
from cowlab.live.watched import Watched
from cowlab.scenario import Scenario, Trace

UNIT = "each scenario in processes of its own on one processor, driven line by line from another process"
LEGEND = {
    "letters": "what the first byte of a page shows: the letter of a store; 0 zero byte; errN errno or signal",
    "frames": "same/moved: PFN of the page in that process (from /proc/self/pagemap) compared with before; ? hidden",
    "lines": "`14 g: read` is line 14 of the scenario: what a read shows; same, moved or SIGSEGV of a store; what another call returned",
    "na": "could not run there, with the reason",
}
SILENT = ("fork", "exit", "mmap", "uffd_wp")  # what such a line returns says nothing about pages


class Live(NamedTuple):
    """What became of a scenario here: a run, or the reason why there is none."""

    scenario: Scenario
    run: Run | None
    skipped: str = ""


def atlas(live: Iterable[Live]) -> dict[str, Scenario]:
    """Their scenarios by name, for what looks a recording's up."""
    return {one.scenario.name: one.scenario for one in live}


def run_all(chosen: Iterable[Scenario]) -> Iterator[Live]:
    """Each of them, one after the other."""
    for scenario in chosen:
        try:
            yield Live(scenario, run(scenario))
        except Skip as skip:
            yield Live(scenario, None, str(skip))


def fields_of(scenario: Scenario) -> list[str]:
    """What is noted of a scenario: each line that can answer, and what the recordings have."""
    known = dict.fromkeys(field for kernel in recordings().values() for field in kernel.results.get(scenario.name, {}))
    lines = [f"{number} {text}" for number, text in lines_of(scenario).items() if says_something(text)]
    return [*lines, *(field for field in known if field != "na")]


def says_something(event: str) -> bool:
    """Whether what that line returns says something about pages."""
    actor, _, rest = event.partition(": ")
    return actor != "kernel" and rest.split()[0] not in SILENT


def noted(run: Run) -> dict[str, str]:
    """Field by field, in the words of the recordings."""
    return {field: observe(run.scenario, field, Ran(run)) for field in fields_of(run.scenario)}


def observe(scenario: Scenario, field: str, run: Trace | Watched) -> str:
    """What that field says of a run here, or of a trace."""
    observer = place_of(scenario, field)
    assert observer is not None, field
    return observer(run)


def recording(live: Sequence[Live], again: Iterable[Live] = ()) -> Recording:
    """What was noted of these, as a recording of this machine. again: the same once more; what differs is left out."""
    here = machine()
    results = {one.scenario.name: _result(one) for one in live}
    runs = 1
    for one in again:
        runs, name, second = 2, one.scenario.name, _result(one)
        results[name] = {field: value for field, value in results[name].items() if second.get(field) == value}
    method = {"privileges": here.privileges, "observed_unit": UNIT, **here.facts}
    found = Recording(here.kernel, here.package, "v6.5", runs, method, LEGEND, results)
    return found._replace(row=nearest(found, atlas(live))[0][0])


def _result(one: Live) -> dict[str, str]:
    return {"na": one.skipped} if one.run is None else noted(one.run)


def as_json(recording: Recording) -> str:
    """As a file. Raises nothing that read_recording would refuse."""
    return json.dumps(recording._asdict(), indent=1, ensure_ascii=False) + "\n"
