"""`cowlab live`: the scripts of the atlas on this machine's kernel, beside the policies and the recorded kernels."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowlab.live.agreement import Cell, Recording, read_recording, recordings
from cowlab.live.beside import (
    closest,
    differences,
    first_differences,
    first_other,
    like_recorded,
    others,
    same_words,
    told_apart,
)
from cowlab.live.judged import readings, verdict_of
from cowlab.live.machine import machine, more_as_root
from cowlab.live.record import Live, as_json, noted, recording, run_all
from cowlab.scenario import Scenario, play, scenarios
from cowlab.terminal import Problem, console, find_policy, find_scenario, table

if TYPE_CHECKING:
    from rich.console import Console

FEW = 3  # scenarios of which each line is shown
STYLES = {"ok": "green", "snapshot": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="names or .cow files (default: the whole atlas)"
    )
    parser.add_argument("--policy", default="v6.5", metavar="NAME", help="the policy to compare with (default v6.5)")
    parser.add_argument("--record", metavar="FILE", help="run all twice and keep what was seen; FILE must be new")
    parser.add_argument(
        "--compare",
        nargs="+",
        metavar="FILE",
        help="tell how recordings differ, and run nothing: files of --record, or recorded kernels like 5.4.1",
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a value differs from the policy's")
    parser.add_argument(
        "--fork-time", action="store_true", help="measure how long fork takes, with written and with pinned pages"
    )
    parser.add_argument("--html", metavar="FILE", help="with --fork-time: a page with the chart; FILE must be new")


def command_live(args: argparse.Namespace) -> int:
    if args.html and not args.fork_time:
        raise Problem("--html is for --fork-time")
    if args.fork_time:
        return command_fork_time(args)
    if args.compare:
        return command_compare(args)
    policy = find_policy(args.policy)
    chosen = [find_scenario(name) for name in args.scenarios] or list(scenarios().values())
    must_be_new(args.record)
    for scenario in chosen:
        play(scenario, policy)  # one that cannot be played is not run either
    out = None if args.json else console(args)
    live = list(followed(chosen, "run", args))
    found = recording(live, followed(chosen, "run again", args) if args.record else ())
    if args.record:
        keep(as_json(found), args.record)
    different = first_differences(found, policy, atlas(live))
    if out is None:
        print(json.dumps(document(live, found), indent=1))
    else:
        show(out, live, found, policy.name, different)
        if args.record:
            out.print(f"Recorded in {args.record}.", markup=False)
    return int(args.check and bool(different))


def atlas(live: Iterable[Live]) -> dict[str, Scenario]:
    return {one.scenario.name: one.scenario for one in live}


def followed(chosen: list[Scenario], what: str, args: argparse.Namespace) -> Iterator[Live]:
    """Run them, with a bar on a terminal."""
    if args.json or not sys.stderr.isatty():
        yield from run_all(chosen)
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(run_all(chosen), what, len(chosen), console=Console(stderr=True), transient=True)


def must_be_new(name: str | None) -> None:
    if name and Path(name).exists():
        raise Problem(f"{name}: is there already; nothing is overwritten: give a new name")


def keep(text: str, name: str) -> None:
    try:
        with Path(name).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Problem(f"{name}: cannot be written ({error.strerror})") from None


# --- as JSON ---------------------------------------------------------------------------------------------------------


def document(live: list[Live], found: Recording) -> dict[str, Any]:
    """What `cowlab live --json` prints."""
    near = closest(found, atlas(live))
    return {
        "kernel": found.kernel,
        "privileges": found.method["privileges"],
        "machine": found.method,
        "results": {one.scenario.name: result(one) for one in live},
        "nearest": near.policies,
        "agree": near.agree,
        "values": near.values,
    }


def result(one: Live) -> dict[str, Any]:
    if one.run is None:
        return {"verdict": None, "readings": [], "seen": {}, "others": {}, "skipped": one.skipped}
    shown, seen = [reading._asdict() for reading in readings(one.run)], noted(one.run)
    beside = {
        name: {"first_difference": first_other(seen, shows), **shows}
        for name, shows in others(one.scenario, seen).items()
    }
    return {"verdict": verdict_of(one.run), "readings": shown, "seen": seen, "others": beside, "skipped": None}


# --- on a terminal ---------------------------------------------------------------------------------------------------


def show(out: Console, live: list[Live], found: Recording, policy: str, different: dict[str, Cell]) -> None:
    here = machine()
    out.print(f"[bold]{here.package}[/]", markup=True)
    out.print(f"{here.privileges}; " + ", ".join(f"{name}: {value}" for name, value in here.facts.items()) + "\n")
    ran = [one for one in live if one.run is not None]
    if ran:
        overview(out, ran, found, policy, different)
    if len(live) <= FEW:
        for one in ran:
            lines(out, one, found)
    skipped(out, live)
    summary(out, live, found)


def plain(text: str) -> str:
    """As it stands: the name of a file may look like markup."""
    from rich.markup import escape

    return escape(text)


def overview(out: Console, ran: list[Live], found: Recording, policy: str, different: dict[str, Cell]) -> None:
    """A scenario a row: the verdict here, whether the policy shows the same, and which recorded kernels do."""
    rows = table("scenario", "here", policy, "recorded kernels that show the same", "why")
    for one in ran:
        assert one.run is not None
        name, verdict = one.scenario.name, verdict_of(one.run)
        cell = different.get(name)
        says = "" if cell is None else f"{cell.field}: {cell.recorded} here, {cell.model} in {policy}"
        same = ", ".join(like_recorded(found, name))
        mark = "[green]✓[/]" if cell is None else "[red]≠[/]"
        rows.add_row(plain(name), f"[{STYLES.get(verdict, 'red')}]{verdict}[/]", mark, same, says)
    if not different:
        rows.columns.pop()
    out.print(rows)


def lines(out: Console, one: Live, found: Recording) -> None:
    """Each value of a scenario: here, and in the policies and recorded kernels, those together that show the same."""
    seen = found.results[one.scenario.name]
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, shows in others(one.scenario, seen).items():
        first = first_other(seen, shows)
        marked = (f"[bold red]≠ {shows[field]}[/]" if field == first else shows.get(field, "") for field in seen)
        groups.setdefault(tuple(marked), []).append(name)
    rows = table("value", "this kernel", *("\n".join(names) for names in groups.values()))
    for field, here, *values in zip(seen, seen.values(), *groups, strict=True):
        rows.add_row(field, same_words(field, here), *values)
    out.print(f"[bold]{plain(one.scenario.name)}[/]")
    out.print(rows)


def skipped(out: Console, live: list[Live]) -> None:
    """What did not run, by reason."""
    reasons: dict[str, list[str]] = {}
    for one in live:
        if one.run is None:
            reasons.setdefault(reason(one.skipped), []).append(one.scenario.name)
    if reasons:
        rows = table("skipped", "why")
        for why, names in sorted(reasons.items(), key=lambda pair: -len(pair[1])):
            some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            rows.add_row(str(len(names)), f"{plain(why)}\n[dim]{plain(some)}[/]")
        out.print(rows)


def reason(skipped: str) -> str:
    """Without the line at which it showed: `line 7, P: clear_refs: why`."""
    return skipped.split(": ", 2)[-1] if skipped.startswith("line ") else skipped


def summary(out: Console, live: list[Live], found: Recording) -> None:
    near = closest(found, atlas(live))
    if not near.values:
        out.print("Nothing could be run here. `python -m cowlab.live.agreement` compares the recorded kernels.")
        return
    names = ", ".join(near.policies)
    all_of = "all" if near.whole else f"{near.agree} of"
    out.print(f"nearest  [bold]{names}[/]: {all_of} {near.values} values that could be observed")
    why = {one.scenario.name: reason(one.skipped) for one in live if one.run is None}
    for telling in told_apart(near, why):
        one, other = telling.policies
        told = f"         {one} and {other} would part in {telling.scenario} ({telling.field}): {telling.skipped}"
        out.print(told, markup=False)
    for line in more_as_root():
        out.print(line)


# --- how long fork takes ---------------------------------------------------------------------------------------------


def command_fork_time(args: argparse.Namespace) -> int:
    from cowlab.live import forktime

    must_be_new(args.html)
    times = forktime.measure()
    if args.html:
        from cowlab.live.forkchart import ForkTime

        keep(ForkTime(times).html(), args.html)
    print(
        json.dumps(forktime.as_json(times), indent=1) if args.json else forktime.as_text(times),
        end="\n" if args.json else "",
    )
    return 0


# --- recordings beside each other ------------------------------------------------------------------------------------


def command_compare(args: argparse.Namespace) -> int:
    if len(args.compare) < 2:
        raise Problem("--compare needs two recordings or more: files, or recorded kernels like 5.4.1")
    first, *others = (find_recording(name) for name in args.compare)
    wanted = args.scenarios or list(first.results)
    for name in wanted:
        if name not in first.results:
            find_scenario(name)
    if args.json:
        cells = [[cell._asdict() for name in wanted for cell in differences(first, other, name)] for other in others]
        print(json.dumps(dict(zip(args.compare[1:], cells, strict=True)), indent=1))
        return 0
    out = console(args)
    for other in others:
        compared(out, first, other, wanted)
    return 0


def find_recording(name: str) -> Recording:
    """A recorded kernel, or a file of --record. Raises Problem."""
    if name in recordings():
        return recordings()[name]
    try:
        return read_recording(Path(name).read_text("utf-8", errors="replace"), name)
    except OSError as error:
        known = ", ".join(recordings())
        raise Problem(f"{name}: cannot be read ({error.strerror}); recorded kernels are {known}") from None
    except ValueError as error:
        raise Problem(str(error)) from None


def compared(out: Console, first: Recording, other: Recording, wanted: list[str]) -> None:
    one_kernel, other_kernel = plain(first.kernel), plain(other.kernel)
    both = [name for name in wanted if runs(first, name) and runs(other, name)]
    cells = [cell for name in both for cell in differences(first, other, name)]
    out.print(
        f"[bold]{one_kernel} and {other_kernel}[/]: {len(both)} scenarios ran on both, {len(cells)} values differ"
    )
    for one, another in ((first, other), (other, first)):
        only = [name for name in wanted if runs(one, name) and not runs(another, name)]
        if only:
            some = ", ".join(only[:4]) + (" ..." if len(only) > 4 else "")
            out.print(f"only on {one.kernel}: {len(only)}: {some}", markup=False)
    if cells:
        rows = table("scenario", "value", one_kernel, other_kernel)
        for cell in cells:
            rows.add_row(*map(plain, (cell.scenario, cell.field, cell.recorded, cell.model)))
        out.print(rows)


def runs(recording: Recording, scenario: str) -> bool:
    """Whether it ran there."""
    return scenario in recording.results and "na" not in recording.results[scenario]
