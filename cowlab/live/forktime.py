"""How long fork takes on this machine: against the pages that a process has written, and against those that are pinned.

    python -m cowlab.live.forktime [--json | --html FILE]

forking.py forks, in a process of its own; here it is asked, watched, and its numbers are made rows. Beside them stands
how many frames fork copies in the simulator. Times are microseconds of CPU time, of the parent, until fork has returned. Where something cannot be measured the result
says why: nothing here raises for a machine that lacks something.
"""

from __future__ import annotations

import argparse
import json
import math
import mmap
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.live.apart import ask
from cowlab.scenario import play

PROGRAM = Path(__file__).with_name("forking.py")
MAPPED = (0, 1000, 2000, 4000, 8000, 16000)
PINNED = (0, 250, 500, 1000, 2000)  # RLIMIT_MEMLOCK is 8 MiB on most systems: 2048 pages of 4 KiB
OF = 4000  # the pages of which some are pinned
MOST_BYTES = 256 * 2**20  # pages of 64 KiB would fill a small machine
MODEL = ("v5.7", "v5.9", "v5.11", "v6.5")
CANNOT_TELL = "cannot be told from the noise"


class Point(NamedTuple):
    """Times of fork with so many written pages, of which so many pinned: median and quartiles, in microseconds.

    clock: the median of what passed on the clock. It is longer where others had the CPU in the midst of fork.
    """

    pages: int
    pinned: int
    median: float
    lower: float
    upper: float
    runs: int
    clock: float


class Fit(NamedTuple):
    """The straight line through the medians: what one more page adds, and how far a median is from it at most."""

    start: float
    slope: float
    farthest: float
    clear: bool  # whether it rises by more than the quartiles are apart


class ForkTimes(NamedTuple):
    """What was measured. skipped: why not all points, or none, are there. pins_skipped: why not those with pins."""

    machine: str
    page_bytes: int
    of: int
    points: tuple[Point, ...]
    skipped: str = ""
    pins_skipped: str = ""

    @property
    def mapped(self) -> tuple[Point, ...]:
        """The points without pins."""
        return tuple(point for point in self.points if not point.pinned)

    @property
    def pinned(self) -> tuple[Point, ...]:
        """The points with `of` pages; none if not one of them is pinned."""
        found = tuple(point for point in self.points if point.pages == self.of)
        return found if any(point.pinned for point in found) else ()


def measure(
    mapped: Iterable[int] = MAPPED,
    pinned: Iterable[int] = PINNED,
    of: int = OF,
    runs: int = 25,
    seed: int = 1,
    seconds: float = 20,
) -> ForkTimes:
    """Fork with so many written pages, and with so many pinned `of` some, `runs` times each; at most so many seconds.

    Raises ValueError for negative numbers, no runs, no time, or more pinned than there are.
    """
    points = sorted({(pages, 0) for pages in mapped} | {(of, count) for count in pinned})
    if runs < 1 or seconds <= 0 or any(not 0 <= count <= pages for pages, count in points):
        raise ValueError(f"expected runs, seconds, and from 0 to {of} pinned pages")
    fitting = [point for point in points if point[0] * mmap.PAGESIZE <= MOST_BYTES]
    large = "" if fitting == points else f"more than {MOST_BYTES // 2**20} MiB are not written"
    if sys.platform != "linux":
        return ForkTimes(
            machine(), mmap.PAGESIZE, of, (), f"fork is measured on Linux only, and this is {sys.platform}"
        )
    question = {"points": fitting, "runs": runs, "seed": seed, "seconds": seconds}
    lines, why = ask(PROGRAM, question, seconds + 5)
    refused = sorted((line["pinned"], line["refused"]) for line in lines if "refused" in line)
    times: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for line in lines:
        if "ns" in line:
            times.setdefault((line["pages"], line["pinned"]), []).append((line["ns"] / 1000, line["clock"] / 1000))
    rows = tuple(_point(*point, times[point]) for point in sorted(times, key=lambda point: (point[1] > 0, point)))
    return ForkTimes(machine(), mmap.PAGESIZE, of, rows, why or large, refused[0][1] if refused else "")


def _point(pages: int, pinned: int, times: list[tuple[float, float]]) -> Point:
    worked = [worked for worked, _ in times]
    lower, median, upper = statistics.quantiles(worked * 2 if len(times) == 1 else worked, n=4, method="inclusive")
    clock = statistics.median(clock for _, clock in times)
    return Point(pages, pinned, round(median, 3), round(lower, 3), round(upper, 3), len(times), round(clock, 3))


def machine() -> str:
    """What was measured on, in words. That it is a virtual one is known on x86 only."""
    here = f"{platform.system()} {platform.release()} on {platform.machine()}"
    with suppress(OSError):
        words = Path("/proc/cpuinfo").read_text("utf-8", "replace").partition("\nflags")[2].partition("\n")[0].split()
        here += ", a virtual machine" if "hypervisor" in words else ""
    return here


# --- what it says ----------------------------------------------------------------------------------------------------


def fit(xs: Sequence[int], points: Sequence[Point]) -> Fit | None:
    """The line through the medians by least squares; None for fewer than three, since two are always on one."""
    if len(set(xs)) < 3:
        return None
    medians = [point.median for point in points]
    slope, start = statistics.linear_regression(xs, medians)
    farthest = max(abs(median - start - slope * x) for x, median in zip(xs, medians, strict=True))
    apart = statistics.median(point.upper - point.lower for point in points)
    return Fit(start, slope, farthest, slope * (max(xs) - min(xs)) > apart)


def fits(times: ForkTimes) -> tuple[Fit | None, Fit | None]:
    """The lines over mapped and over pinned pages."""
    mapped, pinned = times.mapped, times.pinned
    return fit([point.pages for point in mapped], mapped), fit([point.pinned for point in pinned], pinned)


def model_copies(policies: Iterable[str] = MODEL, pages: int = 4) -> dict[str, tuple[int, ...]]:
    """For each policy the frames that fork copies in the simulator, with none to all of the pages pinned."""
    return {policy: tuple(_copies(policy, pages, count) for count in range(pages + 1)) for policy in policies}


def _copies(policy: str, pages: int, pinned: int) -> int:
    lines = [f"P: mmap anon @{page}" for page in range(1, pages)] + [f"P: write A @{page}" for page in range(pages)]
    lines += [f"P: register g{page} @{page}" for page in range(pinned)]
    return play("\n".join([*lines, "P: fork C"]), policy).moments[-1].copies


def in_words(times: ForkTimes) -> tuple[str, str]:
    """What a mapped page costs, and what a pinned one; "" for what was not measured often enough."""
    mapped, pinned = fits(times)
    first = second = ""
    if mapped:
        first = f"A written page adds about {rounded(mapped.slope)} µs to fork."
        first = first if mapped.clear else f"What a written page adds to fork {CANNOT_TELL}."
    if pinned:
        second = f"Pinning a page adds about {rounded(pinned.slope)} µs"
        if mapped and mapped.clear:
            ratio = pinned.slope / mapped.slope
            second += f", about as much as {ratio:.0f} more written pages" if ratio >= 2 else ""
        second = f"{second}." if pinned.clear else f"What a pin adds to fork {CANNOT_TELL}."
    return first, second


def rounded(value: float) -> str:
    """Two digits: no more is known."""
    known = float(f"{value:.2g}")
    return f"{known:.{max(0, 1 - math.floor(math.log10(abs(known) or 1)))}f}"


def alike(copies: dict[str, tuple[int, ...]]) -> list[tuple[str, tuple[int, ...]]]:
    """Those that copy the same in one row, with all their names."""
    rows: dict[tuple[int, ...], list[str]] = {}
    for policy, counts in copies.items():
        rows.setdefault(counts, []).append(policy)
    return [(", ".join(names), counts) for counts, names in rows.items()]


def as_text(times: ForkTimes) -> str:
    """All of it for a terminal."""
    lines = [
        "how long fork takes here, in microseconds of CPU time",
        f"{times.machine}; pages of {times.page_bytes // 1024} KiB",
    ]
    if times.points:
        lines += ["", "written pages  pinned    median  half of the runs      runs  on the clock"]
    for point in times.points:
        middle = f"{point.lower:8.1f} to {point.upper:8.1f}"
        lines += [
            f"{point.pages:13}  {point.pinned:6}  {point.median:8.1f}  {middle}  {point.runs:4}  {point.clock:12.1f}"
        ]
    said = [*in_words(times), *(f"Not measured: {why}." for why in (times.skipped, times.pins_skipped) if why)]
    if drawn := [found for found in fits(times) if found]:
        said += [f"No median is farther than {max(found.farthest for found in drawn):.0f} µs from its straight line."]
    copies = model_copies()
    most = max(map(len, copies.values())) - 1
    lines += [
        "",
        *filter(None, said),
        "",
        f"frames that fork copies in the simulator, 0 to {most} of {most} pages pinned",
    ]
    lines += [f"  {names:20}" + "".join(f"{count:3}" for count in counts) for names, counts in alike(copies)]
    return "\n".join(lines) + "\n"


def as_json(times: ForkTimes) -> dict[str, Any]:
    """All of it for json.dumps."""
    mapped, pinned = (found and found._asdict() for found in fits(times))
    document = {**times._asdict(), "points": [point._asdict() for point in times.points]}
    return {**document, "fits": {"written": mapped, "pinned": pinned}, "model_copies": model_copies()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m cowlab.live.forktime", description=__doc__.partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    how.add_argument("--html", metavar="FILE", type=Path, help="write a page with the chart")
    asked = parser.parse_args(arguments)
    times = measure()
    if asked.html:
        from cowlab.live.forkchart import ForkTime

        asked.html.write_text(ForkTime(times).html(), "utf-8")
    else:
        print(json.dumps(as_json(times), indent=1) if asked.json else as_text(times), end="\n" if asked.json else "")
    return 0 if times.points else 1


if __name__ == "__main__":
    sys.exit(main())
