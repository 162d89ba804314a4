"""`cowlab explore` and `cowlab matrix`."""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowlab.laws import LAWS
from cowlab.matrix import (
    MAX_MEGABYTES,
    MAX_STATES,
    bounds_words,
    cache_folder,
    cell_words,
    explore_policy,
    matrix,
    recall,
    remember,
)
from cowlab.model import DEFAULT_EVENTS, Bounds, event_specs
from cowlab.policy import POLICIES
from cowlab.scenario import unknown
from cowlab.terminal import Problem, check_free, console, find_policy, table

if TYPE_CHECKING:
    from rich.console import Console

SHORT = {"dma-isolation": "dma-isol.", "coherence": "coherent", "protection": "protect.", "accounting": "account."}
KINDS = ("anon", "thp", "hugetlb", "file", "shared")


def add_bounds(parser: argparse.ArgumentParser) -> None:
    """The options of both commands."""
    default = Bounds()
    parser.add_argument("--law", action="append", metavar="LAW", help=f"only this law: {', '.join(LAWS)}")
    for name in ("processes", "pages", "references", "holds"):
        value = getattr(default, name)
        parser.add_argument(
            f"--{name}", type=int, default=value, metavar="N", help=f"at most so many at once ({value})"
        )
    parser.add_argument("--kind", choices=KINDS, default=default.kind, help="what the pages are (anon)")
    parser.add_argument("--events", metavar="LIST", help=f"verbs, by commas (default: {','.join(DEFAULT_EVENTS)})")
    parser.add_argument("--max-states", type=int, default=MAX_STATES, metavar="N", help=f"stop there ({MAX_STATES:,})")
    parser.add_argument(
        "--max-memory", type=int, default=MAX_MEGABYTES, metavar="MB", help=f"stop there ({MAX_MEGABYTES:,})"
    )


def read_bounds(args: argparse.Namespace) -> tuple[Bounds, tuple[str, ...]]:
    """The bounds and laws that were asked for. Raises Problem."""
    for name, least, most in (("processes", 1, 8), ("pages", 1, 8), ("references", 0, 8), ("holds", 0, 8)):
        if not least <= getattr(args, name) <= most:
            raise Problem(f"--{name}: expected {least} to {most}, found {getattr(args, name)}")
    if args.max_states < 1 or args.max_memory < 1:
        raise Problem("--max-states and --max-memory: expected at least 1")
    laws = tuple(args.law or LAWS)
    for law in laws:
        if law not in LAWS:
            raise Problem(unknown("law", law, list(LAWS)))
    bounds = Bounds(args.processes, args.pages, args.references, args.holds, args.kind)
    return bounds._replace(events=read_events(args.events)) if args.events is not None else bounds, laws


def read_events(text: str) -> tuple[str, ...]:
    """An event set: `mprotect` alone stands for all of its kinds. Raises Problem for what is not in the grammar."""
    specs, found = event_specs(), dict[str, None]()
    verbs = list(dict.fromkeys(spec.split()[0].rstrip(":") if spec != "g: write" else spec for spec in specs))
    for word in filter(None, (word.strip() for word in text.split(","))):
        meant = [spec for spec in specs if spec == word] or [spec for spec in specs if spec.split()[0] == word]
        if not meant:
            near = difflib.get_close_matches(word, dict.fromkeys([*specs, *verbs]), 3, 0.5)
            guess = f" Did you mean {' or '.join(near)}?" if near else ""
            raise Problem(f"there is no event {word!r}.{guess} There are: {', '.join(verbs)}.")
        found |= dict.fromkeys(meant)
    if not found:
        raise Problem("--events: expected verbs by commas, like write,fork,munmap,vmsplice")
    return tuple(found)


# --- explore ---------------------------------------------------------------------------------------------------------


def command_explore(args: argparse.Namespace) -> int:
    bounds, laws = read_bounds(args)
    policy = find_policy(args.policy)
    limits: dict[str, Any] = {"max_states": args.max_states, "max_megabytes": args.max_memory}
    cache = None if args.no_cache else cache_folder()
    found = recall(cache, policy.name, bounds, laws, args.max_states)
    if found is None:
        from cowlab.views.progress import counting

        with counting() as progress:
            found = explore_policy(policy, bounds, laws, progress=progress, **limits)
        remember(cache, policy.name, bounds, laws, args.max_states, found)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print_exploration(found, console(args))
    return int(args.check and any(law["holds"] is False for name, law in found["laws"].items() if name != "economy"))


def print_exploration(found: dict[str, Any], out: Console) -> None:
    rows = table("law", "verdict", "shortest script that breaks it")
    for law, result in found["laws"].items():
        rows.add_row(law, mark(result, found), "\n".join(result["witness"] or ()))
    out.print(f"[bold]{found['policy']}[/]  {within(found)}\n")
    out.print(rows)
    end = "all of them: complete" if found["complete"] else f"stopped at {found['stopped']}: not complete"
    if found["complete"] and all(law["holds"] is False for law in found["laws"].values()):
        end = "every law that was asked is broken, so the search ended there"
    out.print(
        f"{found['states']:,} states, {found['transitions']:,} transitions, depth {found['depth']}; {end}; "
        f"{found['seconds']:.1f} s"
    )
    if found["bounds"]["pages"] > 1:
        out.print(found["reduction"].rpartition("; ")[2])
    for what, seen in found["sometimes"].items():
        if not seen:
            out.print(f"[yellow]careful[/]  never in this search: {what}")


def within(found: dict[str, Any]) -> str:
    return f"within {bounds_words(found)}; events {', '.join(found['events'])}"


def mark(result: dict[str, Any], found: dict[str, Any]) -> str:
    style = {False: "bold red", True: "green"}.get(result["holds"], "yellow")
    return f"[{style}]{cell_words(result, found)}[/]"


# --- matrix ----------------------------------------------------------------------------------------------------------


def command_matrix(args: argparse.Namespace) -> int:
    from cowlab.views.progress import ticking

    bounds, laws = read_bounds(args)
    if args.html is not None:
        check_free(args.html)
    cache = None if args.no_cache else cache_folder()
    with ticking(len(POLICIES)) as done:
        limits: dict[str, Any] = {"max_states": args.max_states, "max_megabytes": args.max_memory}
        rows = matrix(POLICIES, bounds, laws, cache=cache, done=done, **limits)
    if args.html is not None:
        write_page(args.html, rows)
    if args.json:
        print(json.dumps({name: cells(found) for name, found in rows.items()}, indent=1))
    elif args.html is not None:
        print(f"{args.html}: written. It needs no network: open it in a browser.")
    else:
        print_matrix(rows, laws, console(args))
    return 0


def print_matrix(rows: dict[str, dict[str, Any]], laws: tuple[str, ...], out: Console) -> None:
    narrow = out.width < 100
    heads = [SHORT.get(law, law) if narrow else law for law in laws]
    shown = table("policy", *(() if narrow else ("since",)), *heads)
    if narrow:
        shown.padding = (0, 1, 0, 0)
    for name, found in rows.items():
        marks = [mark(found["laws"][law], found) for law in laws]
        since = () if narrow else (POLICIES[name].since,)
        shown.add_row(name, *since, *([text.replace(" complete", "") for text in marks] if narrow else marks))
    out.print(shown)
    out.print(within(next(iter(rows.values()))))
    out.print("✗ 5       broken, by a script of 5 lines: cowlab explore shows it")
    out.print(f"{'✓' if narrow else '✓ complete':9} holds in all states within the bounds")
    out.print("◐         nothing found, but not all states were seen")
    out.print("economy   is a cost, not a promise: ✗ where a needless copy can be made")


def write_page(file: str, rows: dict[str, dict[str, Any]]) -> None:
    """The matrix as a page of its own. Raises Problem."""
    from cowlab.views import MatrixView

    html = MatrixView(rows).html()
    try:
        with Path(file).open("x", encoding="utf-8") as page:
            page.write(html)
    except OSError as error:
        raise Problem(f"{file}: cannot be written ({error.strerror})") from None


def cells(found: dict[str, Any]) -> dict[str, Any]:
    """One row of the matrix: each law with its bounds, so that a cell stands on its own."""
    about = {name: found[name] for name in ("complete", "states", "bounds", "events", "reduction")}
    return {law: {**result, **about} for law, result in found["laws"].items()}
