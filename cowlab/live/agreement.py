"""How far the simulator agrees with recorded kernels, field by field.

A recording says of every scenario what was noted on a kernel. The same scenario of the atlas is played under that
kernel's policy row, and an observer (observe.py) reads the same thing from the trace. What is in the tables below is
where a field is noted, never what it ought to be.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from cowlab.events import Line, Script, format
from cowlab.live.observe import (
    Observer,
    arrived,
    coherent,
    finished,
    frame,
    leaks,
    line,
    mapped_once,
    mappings,
    merged,
    merged_frame,
    result,
    sees,
    signal,
    soft_dirty,
    soft_dirty_change,
    swap_entry,
    zero_page,
)
from cowlab.live.watched import END, matches
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import Scenario, play, scenarios

Atlas = Mapping[str, Scenario]
START = "P: write A"  # the page is there, full of A
STORE = "P: write P"
FORK = "P: fork C"
KSM = "kernel: ksm P P @1"

# Where a field is noted, unless its scenario is in PLACES.
FIELDS: dict[str, Observer] = {
    # who sees what
    "parent_sees": sees("P"),
    "child_sees": sees("C"),
    "child_sees_at_end": sees("C"),
    "other_sees": sees("P", "P: read"),
    "file_sees": sees("file"),
    "pipe_sees": sees("g"),
    "child_pipe_sees": sees("g"),
    "parent_pipe_sees": sees("g"),
    # the same frame as before, or another
    "parent_frame": frame("P", START),
    "child_frame": frame("C", START),
    "pinned_frame": frame("P", START),
    "frame_after_pin": frame("P", START, "P: register g"),
    "child_frame_after_fork": frame("C", START, FORK),
    "child_frame_after_child_write": frame("C", START, "C: write C"),
    "parent_frame_after_child_write": frame("P", START, "C: write C"),
    "parent_frame_after_parent_write": frame("P", START, STORE),
    "parent_frame_after_cpu_write": frame("P", START),
    "first_writer_frame": frame("P", KSM, "P: write P @1", page=1),
    "last_writer_frame": frame("P", KSM),
    # the verdict on a reference
    "verdict": coherent("g", "P"),
    # what kind of page, and how often mapped
    "excl_before_fork": mapped_once("P", START),
    "excl_after_fork": mapped_once("P", FORK),
    "mapcount": mappings("P"),
    "mapcount_after_fork": mappings("P", FORK),
    "mapcount_after_child_write": mappings("P", "C: write C"),
    "merged": merged(KSM),
    "merged_frame_is": merged_frame(KSM),
    "pinned_is_zero_page": zero_page("P", "P: vmsplice g"),
    "pte_became_swap_entry": swap_entry("P", "P: madvise pageout"),
    "softdirty": soft_dirty_change("P", "P: clear_refs"),
    "softdirty_before": soft_dirty("P", START),
    "softdirty_after": soft_dirty("P", "P: clear_refs"),
    "softdirty_after_write": soft_dirty("P", STORE),
    # what a call returned, what a store met
    "drop_rc": result("C: munmap"),
    "mprotect_rc": result("P: mprotect r"),
    "io_res": result("g: write D"),
    "finished_before_cpu_write": finished("g", STORE),
    "cpu_write": signal(STORE),
    "cpu_write_after": signal("P: write Q"),
    "child_cpu_write_after": signal("C: write Q"),
}

# Scenarios in which a field is noted at lines of their own. The first pattern that has the field counts.
PLACES: tuple[tuple[str, dict[str, Observer]], ...] = (
    ("s*_fork_child_writes", {"parent_sees": sees("P", "P: read"), "child_sees": sees("C", "C: read")}),
    ("s04_*_dontneed", {"drop_rc": result("C: madvise dontneed")}),
    ("s*_leak*", {"verdict": leaks("g")}),
    # The zero page was there before the pipe took it; an untouched page is there since.
    ("s11_zeropage_*", {"parent_frame": frame("P", "P: read"), "pinned_is_zero_page": zero_page("P", "P: read")}),
    ("s11_untouched_*", {"parent_frame": frame("P", "P: vmsplice g")}),
    ("s11_uring_zeropage", {"frame_after_pin": frame("P", "P: read", "P: register g")}),
    ("s11_uring_untouched", {"frame_after_pin": frame("P", "P: madvise dontneed", "P: register g")}),
    ("s15_forcewrite_*", {"rc": result("P: poke P")}),
    ("s15_forcewrite_file", {"parent_frame": frame("P", "P: read")}),
    ("s15_ptrace_*", {"rc": result("C: poke P")}),
    ("s17_*", {"parent_sees": sees("P", "P: read")}),
    ("s19_*", {"verdict": arrived("P")}),
    ("s21_*", {"rc": result("P: vm_write P P"), "rc_on_read_only": result(END)}),
)


class NotModelled(NamedTuple):
    """What the World has no word for: cells by patterns of scenario, field and recorded value."""

    scenario: str
    field: str
    recorded: str
    reason: str
    without: str = ""  # the call that did not happen there: the rest is compared with a run without it


# Only a configuration, a race between processors, or a tool's own errno may stand here.
NOT_MODELLED = (
    NotModelled("*", "na", "*", "configuration: this kernel cannot run the scenario at all"),
    NotModelled("*", "*", "[?]", "configuration: the program had no right to see this"),
    NotModelled(
        "s15_forcewrite_*", "rc", "-*", "configuration: writes through /proc/PID/mem are switched off", without="poke"
    ),
)
UNKNOWN_SCENARIO = "unknown scenario"
UNKNOWN_FIELD = "unknown field"


class Recording(NamedTuple):
    """What one kernel did. results: scenario -> field -> value, in the words of the legend."""

    kernel: str
    package: str
    row: str  # the policy that stands for this kernel
    runs: int
    method: dict[str, str]
    legend: dict[str, str]
    results: dict[str, dict[str, str]]


class Cell(NamedTuple):
    """One recorded value and what the simulator says. A reason: they are not compared."""

    kernel: str
    scenario: str
    field: str
    recorded: str
    model: str
    reason: str = ""

    @property
    def agrees(self) -> bool:
        return not self.reason and self.model in (self.recorded, returned(self.recorded))


def returned(value: str) -> str:
    """A return value: which errno, and how many bytes, is the caller's affair."""
    return ("refused" if value.startswith("-") else "succeeds") if re.fullmatch("-?[0-9]+", value) else value


def read_recording(text: str, name: str) -> Recording:
    """Read a recording. Raises ValueError, naming it, if it is not one."""
    try:
        found: dict[str, Any] = json.loads(text)
        recording = Recording(**{field: found[field] for field in Recording._fields})
        texts = [value for fields in recording.results.values() for value in fields.values()] + [recording.kernel]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} is not a recording of a kernel: {what_is_wrong(error)}") from error
    if not all(isinstance(value, str) for value in texts):
        raise ValueError(f"{name} is not a recording of a kernel: a value is not a text")
    return recording


def what_is_wrong(error: Exception) -> str:
    """Why that text could not be read, in words."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON ({error.msg})"
    if isinstance(error, KeyError):
        return f"it has no field {error}"
    return "its JSON has another form"


@cache
def recordings() -> dict[str, Recording]:
    """The recordings that come with the course, by kernel, oldest first."""
    folder = resources.files("cowlab").joinpath("live", "recordings")
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    files.sort(key=lambda file: [int(number) for number in re.findall("[0-9]+", file.name)])
    found = (read_recording(file.read_text("utf-8"), file.name) for file in files)
    return {recording.kernel: recording for recording in found}


def compare(recording: Recording, policy: Policy | str | None = None, atlas: Atlas | None = None) -> list[Cell]:
    """Every recorded cell beside what the policy's row does; by default the row that stands for the kernel.

    atlas: where the scenarios are, by default those of the course. Raises ValueError for an unknown policy.
    """
    row = recording.row if policy is None else policy
    known = scenarios() if atlas is None else atlas
    return [
        cell
        for name, fields in recording.results.items()
        for cell in _compare_scenario(recording.kernel, name, known.get(name), fields, row)
    ]


def _compare_scenario(
    kernel: str, name: str, scenario: Scenario | None, fields: dict[str, str], policy: Policy | str
) -> Iterator[Cell]:
    if scenario is None:
        yield from (Cell(kernel, name, field, recorded, "", UNKNOWN_SCENARIO) for field, recorded in fields.items())
        return
    excuses = {field: why_not(name, field, recorded) for field, recorded in fields.items()}
    for excuse in excuses.values():
        if excuse and excuse.without:
            scenario = without(scenario, excuse.without)
    trace = play(scenario, policy)
    for field, recorded in fields.items():
        excuse, observer = excuses[field], place_of(scenario, field)
        if observer is None or (excuse and excuse.without):
            yield Cell(kernel, name, field, recorded, "", excuse.reason if excuse else UNKNOWN_FIELD)
            continue
        cell = Cell(kernel, name, field, recorded, observer(trace))
        # What both say needs no excuse: there may be no frame to see.
        yield cell if cell.agrees or not excuse else cell._replace(reason=excuse.reason)


def place_of(scenario: Scenario, field: str) -> Observer | None:
    """The observer for that field there, which may be a line: `6 g: read`; None if nobody knows such a field."""
    for pattern, fields in PLACES:
        if field in fields and matches(scenario.name, [pattern]):
            return fields[field]
    number, space, text = field.partition(" ")
    if space and number.isdigit() and lines_of(scenario).get(int(number)) == text:
        return line(int(number))
    return FIELDS.get(field)


def lines_of(scenario: Scenario) -> dict[int, str]:
    """Its events by the number of their line."""
    return {line.number: format(line.event) for line in scenario.script if line.event is not None}


def why_not(scenario: str, field: str, recorded: str) -> NotModelled | None:
    """Why that cell is not modelled, if so."""
    for row in NOT_MODELLED:
        if matches(scenario, [row.scenario]) and matches(field, [row.field]) and matches(recorded, [row.recorded]):
            return row
    return None


def without(scenario: Scenario, verb: str) -> Scenario:
    """The scenario with the lines of that verb left empty."""
    lines = (Line(line.number, None) if line.event and line.event.verb == verb else line for line in scenario.script)
    return scenario._replace(script=Script(lines))


def nearest(recording: Recording, atlas: Atlas | None = None) -> list[tuple[str, int, int]]:
    """(policy, cells that agree, cells compared), the best first; equals in the order of the policies.

    A value that nobody could see (?) is not counted: there it could not have been another.
    """
    found = []
    for name in POLICIES:
        compared = [cell for cell in compare(recording, name, atlas) if not cell.reason and cell.recorded != "?"]
        found.append((name, sum(cell.agrees for cell in compared), len(compared)))
    return sorted(found, key=lambda row: -row[1])


def summary(cells: Iterable[Cell]) -> str:
    """agreement: A of B cells; C not modelled"""
    cells = list(cells)
    compared = [cell for cell in cells if not cell.reason]
    agreed = sum(cell.agrees for cell in compared)
    return f"agreement: {agreed} of {len(compared)} cells; {len(cells) - len(compared)} not modelled"


def main() -> int:
    """Print how far the shipped recordings agree. 1 if one cell does not."""
    cells = [cell for recording in recordings().values() for cell in compare(recording)]
    print(summary(cells))
    wrong = [cell for cell in cells if not cell.reason and not cell.agrees]
    for title, shown in (("disagreements", wrong), ("not modelled", [cell for cell in cells if cell.reason])):
        if shown:
            print(f"\n{title}:")
        for cell in shown:
            said = cell.reason or f"the model says {cell.model}"
            print(f"  {cell.kernel:9} {cell.scenario:38} {cell.field:31} {cell.recorded:19} {said}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
