"""`cowlab live`: the scripts of the atlas on this machine's kernel, beside the policies and the recorded kernels."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowlab.live.agreement import Recording, read_recording, recordings
from cowlab.live.beside import closest, differences, first_differences, first_other, others, runs
from cowlab.live.judged import likest, readings, verdict_of
from cowlab.live.record import Live, as_json, atlas, noted, recording, run_all
from cowlab.scenario import Scenario, play, scenarios
from cowlab.showing import plain, show
from cowlab.terminal import Problem, check_free, console, find_policy, find_scenario, table

if TYPE_CHECKING:
    from rich.console import Console

POLICY = "v6.5"
LIKE = "cowlab live leak --compare mine.json 5.4.1"
RUNS = ("policy", "record", "check")  # options that ask for a run
ABOUT = """Run scripts of the atlas on this machine's kernel, and compare what it shows with the simulator's policies.

A script's processes are real ones, small, and gone when it ends. No setting of the machine is changed and no
file is left, but for --record and --html. No root is needed; root sees more. The whole atlas takes some seconds."""
EXAMPLES = """examples:
  cowlab live                        the whole atlas, a scenario a row
  cowlab live leak                   up to three scenarios: each value, beside all policies
  cowlab live mine.cow --policy v5.7 a script of your own, beside the rules of v5.7
  cowlab live leak --compare 5.4.1 5.8.18   what two recorded kernels showed; scenarios come first
docs/live.md says how each line is done, and what no program can see."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = ABOUT, EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="names or .cow files (default: the whole atlas)"
    )
    parser.add_argument("--policy", metavar="NAME", help=f"the policy to compare with (default {POLICY})")
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
    go_together(args)
    if args.fork_time:
        return command_fork_time(args)
    if args.compare:
        return command_compare(args)
    policy = find_policy(POLICY if args.policy is None else args.policy)
    if policy.name == "ideal":
        raise Problem("the ideal is no kernel: it does not say which frame a page is in; give a policy like v5.7")
    named = [find_scenario(name) for name in dict.fromkeys(args.scenarios)]  # twice is once
    chosen = named or list(scenarios().values())
    if args.record is not None:
        check_free(args.record)
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


def go_together(args: argparse.Namespace) -> None:
    """Raises Problem for an option that would do nothing beside another."""
    if args.html is not None and not args.fork_time:
        raise Problem("--html is for --fork-time")
    alone = {"fork_time": ("it runs no script", (*RUNS, "compare", "scenarios")), "compare": ("it runs nothing", RUNS)}
    for option, (why, excluded) in alone.items():
        for other in excluded if getattr(args, option) else ():
            if getattr(args, other) not in (None, False, []):
                extra = f"scenarios ({args.scenarios[0]})" if other == "scenarios" else f"--{other}"
                raise Problem(f"--{option.replace('_', '-')} takes no {extra}: {why}; leave one of the two out")


def followed(chosen: list[Scenario], what: str, args: argparse.Namespace) -> Iterator[Live]:
    """Run them, with a bar on a terminal."""
    if args.json or not sys.stderr.isatty():
        yield from run_all(chosen)
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(run_all(chosen), what, len(chosen), console=Console(stderr=True), transient=True)


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
    likely, seen = likest(one.run), noted(one.run)
    shown = [reading._asdict() for reading in readings(one.run, likely)]
    beside = {
        name: {"first_difference": first_other(seen, shows), **shows}
        for name, shows in others(one.scenario, seen).items()
    }
    return {"verdict": verdict_of(one.run, likely), "readings": shown, "seen": seen, "others": beside, "skipped": None}


# --- how long fork takes ---------------------------------------------------------------------------------------------


def command_fork_time(args: argparse.Namespace) -> int:
    from cowlab.live import forktime

    if args.html is not None:
        check_free(args.html)
    if sys.stderr.isatty():
        print("measuring, a few seconds ...", file=sys.stderr)
    times = forktime.measure()
    if args.html:
        from cowlab.live.forkchart import ForkTime

        keep(ForkTime(times).html(), args.html)
    if args.json:
        print(json.dumps(forktime.as_json(times), indent=1))
        return 0
    print(forktime.as_text(times), end="")
    if args.html:
        print(f"\n{args.html}: written. It needs no network: open it in a browser.")
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
        if name in scenarios():
            raise Problem(f"{name} is a scenario: name it before --compare, like `{LIKE}`") from None
        known = ", ".join(recordings())
        raise Problem(f"{name}: cannot be read ({error.strerror}); recorded kernels are {known}") from None
    except ValueError as error:
        raise Problem(str(error)) from None


def compared(out: Console, first: Recording, other: Recording, wanted: list[str]) -> None:
    one_kernel, other_kernel = plain(first.kernel), plain(other.kernel)
    both = [name for name in wanted if runs(first, name) and runs(other, name)]
    cells = [cell for name in both for cell in differences(first, other, name)]
    out.print(
        f"[bold]{one_kernel} and {other_kernel}[/]: scenarios that ran on both: {len(both)}; "
        f"values that differ: {len(cells)}"
    )
    for one, another in ((first, other), (other, first)):
        only = [name for name in wanted if runs(one, name) and not runs(another, name)]
        if only:
            some = ", ".join(only[:4]) + (" ..." if len(only) > 4 else "")
            out.print(f"only on {one.kernel}: {len(only)}: {some}", markup=False)
    neither = [name for name in wanted if name not in first.results and name not in other.results]
    if neither:
        out.print(f"in neither of them: {', '.join(neither)}", markup=False)
    if cells:
        rows = table("scenario", "value", one_kernel, other_kernel)
        for cell in cells:
            rows.add_row(*map(plain, (cell.scenario, cell.field, cell.recorded, cell.model)))
        out.print(rows)
