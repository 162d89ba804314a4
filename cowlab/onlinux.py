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
from cowlab.terminal import Problem, check_free, console, find_policy, find_scenario, table

if TYPE_CHECKING:
    from rich.console import Console

FEW = 3  # scenarios of which each line is shown
STYLES = {"ok": "green", "snapshot": "yellow"}
POLICY = "v6.5"
LIKE = "cowlab live leak --compare mine.json 5.4.1"
RUNS = ("policy", "record", "check")  # options that ask for a run
MEANS = {  # of the verdicts but ok
    "leak": "somebody sees a store that they never had",
    "dma-leak": "somebody sees a device's store that they never had",
    "stale": "a reader that was promised the present value sees an older one",
    "refused": "mprotect fails",
    "unprotected": "a store succeeds after mprotect r",
    "snapshot": "a reader sees an older value, and nobody promised the present one",
}
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
        explain(out, (value for one in ran for value in found.results[one.scenario.name].values()))
    skipped(out, live)
    summary(out, live, found, different)


def plain(text: str) -> str:
    """As it stands: the name of a file may look like markup."""
    from rich.markup import escape

    return escape(text)


def overview(out: Console, ran: list[Live], found: Recording, policy: str, different: dict[str, Cell]) -> None:
    """A scenario a row: the verdict here, whether the policy shows the same, and which recorded kernels do."""
    rows = table("scenario", "here", policy, "recorded kernels that show the same")
    rows.columns[-1].no_wrap = False  # so that on a narrow terminal no other column gives way
    same = {one.scenario.name: alike(found, one.scenario.name) for one in ran}
    verdicts = {one.scenario.name: verdict_of(one.run) for one in ran if one.run is not None}
    for name, verdict in verdicts.items():
        mark = "[red]≠[/]" if name in different else "[green]✓[/]"
        rows.add_row(plain(name), f"[{STYLES.get(verdict, 'red')}]{verdict}[/]", mark, same[name])
    if not any(same.values()):
        rows.columns.pop()  # none of these is among what was recorded
    out.print(rows)
    out.print(f"✓ every value is as under {policy}   ≠ one is not   here: the verdict of what was seen")
    for verdict in sorted(set(verdicts.values()) & set(MEANS)):
        out.print(f"{verdict}: {MEANS[verdict]}")
    if different:
        parted(out, policy, different)


def alike(found: Recording, name: str) -> str:
    """The recorded kernels that show the same in that scenario, in few words; "" where none of them ran it."""
    if not any(runs(other, name) for other in recordings().values()):
        return ""
    same = like_recorded(found, name)
    others = [kernel for kernel in recordings() if kernel not in same]
    if 0 < len(others) <= 2:
        return "all but " + ", ".join(others)
    return ", ".join(same) if others and same else "none" if others else "all"


def parted(out: Console, policy: str, different: dict[str, Cell]) -> None:
    """Of each scenario that differs, the first value that does."""
    rows = table("scenario", "differs first at", "here", policy)
    for name, cell in different.items():
        rows.add_row(*map(plain, (name, cell.field, cell.recorded, cell.model)))
    out.print()
    out.print(rows)


def lines(out: Console, one: Live, found: Recording) -> None:
    """Each value of a scenario: here, and in the policies and recorded kernels, those together that show the same."""
    seen = found.results[one.scenario.name]
    groups = {tuple(same_words(field, value) for field, value in seen.items()): ["this kernel"]}
    for name, shows in others(one.scenario, seen).items():
        groups.setdefault(marked(seen, shows), []).append(name)
    out.print(f"\n[bold]{plain(one.scenario.name)}[/]  {plain(one.scenario.title)}")
    for some in side_by_side(groups, out.width - max(map(len, seen), default=0) - 3):
        rows = table("value", *("\n".join(groups[values]) for values in some))
        for field, *values in zip(seen, *some, strict=True):
            rows.add_row(plain(field), *(f"[bold red]{v}[/]" if v.startswith("≠") else v for v in values))
        out.print(rows)


def marked(seen: dict[str, str], shows: dict[str, str]) -> tuple[str, ...]:
    """What another shows, the first difference with a sign; without what nobody could see here, which tells no two apart."""
    first, values = first_other(seen, shows), []
    for field, here in seen.items():
        value = "" if field not in shows else "?" if here == "?" else same_words(field, shows[field])
        values.append(f"≠ {value}" if field == first else value)
    return tuple(values)


def side_by_side(groups: dict[tuple[str, ...], list[str]], room: int) -> Iterator[list[tuple[str, ...]]]:
    """As many tables as the width of the terminal asks for; each begins with this kernel."""
    here, *others = groups
    some, used = [here], width(here, groups)
    for values in others:
        if len(some) > 1 and used + width(values, groups) > room:
            yield some
            some, used = [here], width(here, groups)
        some.append(values)
        used += width(values, groups)
    yield some


def width(values: tuple[str, ...], groups: dict[tuple[str, ...], list[str]]) -> int:
    """Of that column, with the space beside it."""
    return max(map(len, (*values, *groups[values]))) + 3


def explain(out: Console, values: Iterable[str]) -> None:
    """The words of such a table, if they are in it."""
    words = set(values)
    if {"same", "moved"} & words:
        out.print("same, moved: after the store the page is in the frame of before, or in another")
    if "?" in words:
        out.print("?: there was no frame before, or you may not see it; such a value is not compared")


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
        out.print()
        out.print(rows)


def reason(skipped: str) -> str:
    """Without the line at which it showed: `line 7, P: clear_refs: why`."""
    return skipped.split(": ", 2)[-1] if skipped.startswith("line ") else skipped


def summary(out: Console, live: list[Live], found: Recording, different: dict[str, Cell]) -> None:
    """What to take home, a word before each sentence."""
    from rich.table import Table

    rows = Table.grid(padding=(0, 2))
    for label, text in in_short(live, found, different):
        rows.add_row(label, plain(text))
    out.print()
    out.print(rows)


def in_short(live: list[Live], found: Recording, different: dict[str, Cell]) -> Iterator[tuple[str, str]]:
    near, ran = closest(found, atlas(live)), sum(one.run is not None for one in live)
    yield "ran", f"{ran} of {len(live)} scenarios"
    if not ran:
        yield "next", "python -m cowlab.live.agreement: compares the recorded kernels, and runs nothing"
        return
    if near.values:
        how_many = "all" if near.whole else f"{near.agree} of"
        yield "nearest", f"{', '.join(near.policies)}: {how_many} {near.values} values that could be seen are the same"
    why = {one.scenario.name: reason(one.skipped) for one in live if one.run is None}
    for telling in told_apart(near, why):
        one, other = telling.policies
        yield "", f"{one} and {other} would part in {telling.scenario} ({telling.field}): {telling.skipped}"
    for line in more_as_root():
        yield "", line
    if len(live) > FEW:
        yield "next", f"cowlab live {look_at(live, different)}: each value of that scenario, beside all policies"


def look_at(live: list[Live], different: dict[str, Cell]) -> str:
    """A scenario to begin with: one that differs, or the leak of lesson 1."""
    ran = [one.scenario.name for one in live if one.run is not None]
    return next(iter(different), "leak" if "leak" in ran else ran[0])


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


def runs(recording: Recording, scenario: str) -> bool:
    """Whether it ran there."""
    return scenario in recording.results and "na" not in recording.results[scenario]
