"""Check a policy within bounds: which laws hold, and for each that does not the shortest script that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cowlab.compose import Column, Composed, composable
from cowlab.events import Event, format
from cowlab.explore import A_LAW, EVERY_LAW, INTERRUPT, Progress, explore
from cowlab.laws import LAWS
from cowlab.model import REDUCTION, STORES, Bounds, Memory
from cowlab.policy import Policy, Tabulated, tabulated

FIRST_STATES = 1_500
ALONE = "one page with whatever others can do to it, without KSM: its {:,} states"
LETTERS = "ABCDEGHIJKLMNOQRSTUVWXYZabcdefghijklmnopqrstuvwxyz123456789"


class Report(NamedTuple):
    """What a bounded exploration says of a policy. states, transitions, depth: of the last search (see `check`).

    witnesses: for each law that was asked the shortest script that breaks it, or None. stopped: the bound that was
    reached before all states were seen, or "".
    """

    policy: Tabulated
    bounds: Bounds
    states: int
    transitions: int
    depth: int
    stopped: str
    witnesses: dict[str, tuple[Event, ...] | None]
    sometimes: dict[str, bool]
    reduction: str = REDUCTION

    @property
    def complete(self) -> bool:
        """Whether every verdict is certain: a law is broken, or no reachable state within the bounds breaks it."""
        return not self.stopped

    def holds(self, law: str) -> bool | None:
        """True or False; None where no counterexample was found, but not all states were seen."""
        return False if self.witnesses[law] is not None else True if self.complete else None

    def script(self, law: str) -> str | None:
        """The witness as a script for `cowlab run`, with a letter for each store."""
        events = self.witnesses[law]
        if events is None:
            return None
        return format(lettered(events))


def lettered(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events of a path, with a letter for each store."""
    letters = iter(LETTERS * len(events))
    return tuple([e._replace(args=(*e.args[:-1], next(letters))) if e.verb in STORES else e for e in events])


def check(
    policy: Policy,
    bounds: Bounds,
    laws: tuple[str, ...] = LAWS,
    *,
    compose: bool = True,
    max_states: int = 1_000_000,
    max_depth: int | None = None,
    exhausted: Callable[[], str] = str,
    progress: Progress | None = None,
) -> Report:
    """Explore, and say for each law whether it holds.

    compose: several pages are composed from one (compose.py), if they can be. Otherwise, and where max_depth is given, all
    pages are searched directly. An interrupt returns what is known.
    """
    limits: Any = {"max_states": max_states, "exhausted": exhausted, "progress": progress}
    row = tabulated(policy)
    try:
        if bounds.pages > 1 and compose and max_depth is None and composable(row, bounds):
            return _check_composed(row, bounds, laws, limits)
        return _check_directly(row, bounds, laws, {**limits, "max_depth": max_depth})
    except KeyboardInterrupt:  # between two searches: each returns by itself what it knows
        return unexplored(row, bounds, laws)


def unexplored(policy: Policy, bounds: Bounds, laws: tuple[str, ...]) -> Report:
    """Nothing is known, for there was an interrupt."""
    return Report(tabulated(policy), bounds, 0, 0, 0, INTERRUPT, dict.fromkeys(laws), {})


def _check_directly(row: Tabulated, bounds: Bounds, laws: tuple[str, ...], limits: dict[str, Any]) -> Report:
    """A law once broken is not asked again, and what only it could tell apart is left out of the key: then the search
    begins anew with the laws that are left. The first search is a short one, for what breaks early.
    """
    left, witnesses = laws, dict[str, tuple[Event, ...] | None](dict.fromkeys(laws))
    short = limits["max_states"] > FIRST_STATES
    while True:
        model = Memory(row, bounds, left)
        room = FIRST_STATES if short else limits["max_states"]
        found = explore(model, first=not short, **{**limits, "max_states": room})
        witnesses.update({law: (*model.prefix, *path) for law, path in found.witnesses.items() if path is not None})
        left = tuple(law for law in left if witnesses[law] is None)
        again = found.stopped == A_LAW or (short and found.stopped == f"{room:,} states")
        if not (left and again):
            break
        short = False
    stopped = found.stopped if left else ""
    return Report(row, bounds, found.states, found.transitions, found.depth, stopped, witnesses, found.sometimes)


def _check_composed(row: Tabulated, bounds: Bounds, laws: tuple[str, ...], limits: dict[str, Any]) -> Report:
    """What one page breaks, several break too; perhaps sooner, for a pin elsewhere may stand in for one here. So these
    laws are asked again, up to that depth; and those that one page keeps, in all states.
    """
    one = _check_directly(row, bounds._replace(pages=1), laws, {**limits, "max_depth": None})
    prefix = Memory(row, bounds, laws).prefix
    bare = {law: path[len(prefix) - bounds.pages + 1 :] for law, path in one.witnesses.items() if path is not None}
    witnesses = {law: None if law not in bare else (*prefix, *bare[law]) for law in laws}
    found: Report = one._replace(bounds=bounds, witnesses=witnesses)
    if one.stopped:
        return found._replace(depth=0, reduction=f"{REDUCTION}; only one page was searched")
    longest = max(map(len, bare.values()), default=1)
    if bare:
        found = _compose(found, tuple(bare), longest - 1, limits)
    left = tuple(law for law in laws if law not in bare)
    if left and not found.stopped:
        found = _compose(found, left, None, limits)
    return found


def _compose(known: Report, laws: tuple[str, ...], depth: int | None, limits: dict[str, Any]) -> Report:
    """What is known, and what a search of all pages up to that depth adds to it."""
    limits = {**limits, "max_depth": depth}
    column = Column(known.policy, known.bounds, laws).explored(**limits)
    model: Composed | None = None
    search, reduction = column.page, ALONE.format(column.page.states)
    if column.breaks and column.page.stopped in ("", f"depth {depth}"):
        model = Composed(column, known.bounds)
        search, reduction = explore(model, **limits), model.reduction
    witnesses = dict(known.witnesses)
    for law, path in search.witnesses.items():
        before = witnesses[law]
        if model is not None and path is not None:
            script = model.script(law, path)
            witnesses[law] = script if before is None or len(script) < len(before) else before
    ended = search.stopped in ("", EVERY_LAW, f"depth {depth}")
    return known._replace(
        states=search.states,
        transitions=search.transitions,
        depth=search.depth,
        stopped="" if ended else search.stopped,
        witnesses=witnesses,
        sometimes=search.sometimes,
        reduction=f"{REDUCTION.replace('processes and references', 'references')}; {reduction}",
    )
