"""Two rows explored within the same bounds, and what sets them apart: in the laws, and in what a decision answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cowlab.check import Report, check
from cowlab.laws import LAWS
from cowlab.matrix import MAX_MEGABYTES, MAX_STATES, cache_folder, document, memory_ceiling, recall, remember
from cowlab.model import DEFAULT_EVENTS, Bounds
from cowlab.policy import Answer, PageInfo, Policy

SOME_EVENTS = (
    *("write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs", "swap_out"),
    *("vmsplice", "register", "pin longterm", "g: write"),
)
SOME_STATES = 3_000
_known: dict[tuple[str, Bounds, int], dict[str, Any]] = {}

Document = dict[str, Any]
Stop = Callable[[], str]  # as explore's `exhausted`
Tell = Callable[[str, int, int], object]  # the name of a row, states, depth


def quick_bounds(replaced: Collection[str]) -> Bounds:
    """Bounds that answer in about a second, with what it takes for these cells to be asked."""
    return _bounds(SOME_EVENTS, replaced)


def long_bounds(replaced: Collection[str]) -> Bounds:
    """The bounds of `cowlab explore`, with what it takes for these cells to be asked."""
    return _bounds(DEFAULT_EVENTS, replaced)


def _bounds(events: tuple[str, ...], replaced: Collection[str]) -> Bounds:
    needed = [event for cell, event in (("drain", "hold lru"), ("users", "direct_read")) if cell in replaced]
    more = (event for event in needed if event not in events)
    return Bounds(kind="thp" if "huge" in replaced else "anon", events=(*events, *more))


def bounds_words(bounds: Bounds) -> str:
    """The bounds in words, the event set at the end."""

    def some(count: int, one: str, many: str) -> str:
        return f"{count} {one if count == 1 else many}"

    return (
        f"{some(bounds.processes, 'process', 'processes')}, {some(bounds.pages, 'page', 'pages')} ({bounds.kind}), "
        f"{some(bounds.references, 'reference', 'references')}, {some(bounds.holds, 'hold', 'holds')}; "
        f"events: {', '.join(bounds.events)}"
    )


def nobody(name: str, states: int, depth: int) -> None:
    """Who wants to hear nothing."""


class Otherwise(NamedTuple):
    """A question that the two rows answer differently."""

    cell: str
    page: PageInfo
    before: Answer
    after: Answer


class Explored(NamedTuple):
    """Two rows within the same bounds, as documents. after: None where nothing is replaced.

    asked: how many different questions each replaced cell was asked; otherwise: those with another answer.
    """

    bounds: Bounds
    before: Document
    after: Document | None = None
    asked: Mapping[str, int] = MappingProxyType({})
    otherwise: tuple[Otherwise, ...] = ()


def shift(found: Explored, law: str) -> str:
    """What becomes of a law: worse, better, sooner or later broken, unknown, same."""
    if found.after is None:
        return "same"
    before, after = found.before["laws"][law], found.after["laws"][law]
    if None in (before["holds"], after["holds"]):
        return "unknown"
    if before["holds"] != after["holds"]:
        return "better" if after["holds"] else "worse"
    if before["length"] == after["length"]:
        return "same"
    return "sooner" if after["length"] < before["length"] else "later"


def explored_words(found: Explored) -> str:
    """The same of all laws, in a sentence."""
    words = {law: shift(found, law) for law in LAWS}
    groups = (("worse", "worse"), ("better", "better"), ("sooner", "broken sooner"), ("later", "broken later"))
    told = [
        f"{say}: {', '.join(laws)}"
        for word, say in (*groups, ("unknown", "not known"))
        if (laws := [law for law in LAWS if words[law] == word])
    ]
    same = sum(word == "same" for word in words.values())
    told += [f"{same} law{'s' if same > 1 else ''} as before"] if same else []
    return f"Within small bounds: {'; '.join(told)}."


def explore_both(
    base: Policy, other: Policy | None, bounds: Bounds, max_states: int, stop: Stop = str, tell: Tell = nobody
) -> Explored:
    """The other row first: it is what one waits for. Raises BadAnswer if a decision fails."""
    if other is None:
        return Explored(bounds, explored_base(base, bounds, max_states, stop, tell))
    report, after = explored(other, bounds, max_states, stop, tell)
    before = explored_base(base, bounds, max_states, stop, tell)
    tables = {c: table for c, table in report.policy.tables.items() if getattr(base, c) is not getattr(other, c)}
    otherwise = [
        Otherwise(cell, page, asked, answer)
        for cell, table in tables.items()
        for page, answer in table.items()
        if (asked := base.ask(cell, page)) != answer
    ]
    return Explored(bounds, before, after, {cell: len(table) for cell, table in tables.items()}, tuple(otherwise))


def explored(row: Policy, bounds: Bounds, max_states: int, stop: Stop, tell: Tell) -> tuple[Report, Document]:
    ceiling = memory_ceiling(MAX_MEGABYTES)
    start = time.perf_counter()
    report = check(
        row,
        bounds,
        max_states=max_states,
        exhausted=lambda: stop() or ceiling(),
        progress=lambda states, _, depth: tell(row.name, states, depth),
    )
    return report, document(report, time.perf_counter() - start)


def explored_base(base: Policy, bounds: Bounds, max_states: int, stop: Stop, tell: Tell) -> Document:
    """A row of the table, explored once. The long ones are kept where `cowlab matrix` keeps its own."""
    key = (base.name, bounds, max_states)
    folder = cache_folder() if max_states == MAX_STATES else None
    found = _known.get(key) or recall(folder, base.name, bounds, LAWS, max_states)
    if found is None:
        _, found = explored(base, bounds, max_states, stop, tell)
        remember(folder, base.name, bounds, LAWS, max_states, found)
    if found["stopped"] in ("", f"{max_states:,} states"):
        _known[key] = found
    return found


class Job:
    """An exploration in a thread of its own, so that the notebook stays free. `stop` ends it with what is known.

    tell(job) is called now and then: `far` says how far it is. done(job, found) is called at the end, with what was
    found or what went wrong.
    """

    STOPPED = "your Stop"
    EVERY = 0.5  # seconds between two calls of tell

    def __init__(self, tell: Callable[[Job], object], done: Callable[[Job, Explored | Exception], object]) -> None:
        self.tell, self.done = tell, done
        self.far = ""
        self.told = time.monotonic()
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, base: Policy, other: Policy | None, bounds: Bounds, max_states: int) -> None:
        args = (base, other, bounds, max_states)
        self.thread = threading.Thread(target=self.run, args=args, daemon=True)
        try:
            self.thread.start()
        except RuntimeError:  # a Python without threads, as in a browser
            self.thread = None
            self.run(*args)

    def stop(self) -> None:
        self.stopping.set()

    def wait(self) -> None:
        if self.thread is not None:
            self.thread.join()

    def run(self, base: Policy, other: Policy | None, bounds: Bounds, max_states: int) -> None:
        found: Explored | Exception
        try:
            found = explore_both(base, other, bounds, max_states, self.exhausted, self.progress)
        except Exception as error:
            found = error
        self.done(self, found)

    def exhausted(self) -> str:
        return self.STOPPED if self.stopping.is_set() else ""

    def progress(self, name: str, states: int, depth: int) -> None:
        self.far = f"{name}: {states:,} states, depth {depth} so far"
        if time.monotonic() - self.told > self.EVERY:
            self.told = time.monotonic()
            self.tell(self)
