"""What `cowlab live` shows on a terminal: tables as wide as there is room, and the words beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cowlab.live.agreement import Cell, Recording, recordings
from cowlab.live.beside import closest, first_other, like_recorded, others, runs, same_words, told_apart
from cowlab.live.judged import verdict_of
from cowlab.live.machine import machine, more_as_root
from cowlab.live.record import Live, atlas
from cowlab.terminal import table

if TYPE_CHECKING:
    from rich.console import Console

FEW = 3  # scenarios of which each line is shown
STYLES = {"ok": "green", "snapshot": "yellow"}
MEANS = {  # of the verdicts but ok
    "leak": "somebody sees a store that they never had",
    "dma-leak": "somebody sees a device's store that they never had",
    "stale": "a reader that was promised the present value sees an older one",
    "refused": "mprotect fails",
    "unprotected": "a store succeeds after mprotect r",
    "snapshot": "a reader sees an older value, and nobody promised the present one",
}


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
