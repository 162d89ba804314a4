"""Observers: what the program that recorded a kernel noted, of a script that was played by the simulator or run here.

An observer is told who is looked at, and after which line, and answers in the words of the recordings' legend. It asks a
Watched: watched.py has the simulator's, which knows what would have been noted; ran.py that of a run on this kernel, which
was. A line is named by its text (the first that reads so), by its number, or is END, the last one.
"""

from __future__ import annotations

from collections.abc import Callable

from cowlab.live.watched import END, NOTHING, Played, Watched
from cowlab.scenario import Trace

Observer = Callable[[Trace | Watched], str]
Line = str | int


def looking(answer: Callable[[Watched], str]) -> Observer:
    """An observer of both."""
    return lambda run: answer(Played(run) if isinstance(run, Trace) else run)


def bit(value: bool | None) -> str:
    return NOTHING if value is None else str(int(value))


# --- values and frames -----------------------------------------------------------------------------------------------


def sees(who: str, after: Line = END, page: int = 0) -> Observer:
    """The letter that a process, a reference or the file (`file`) shows; err11 if looking fails."""
    return looking(lambda run: run.letter(run.position(after), who, page))


def frame(who: str, since: Line, until: Line = END, page: int = 0) -> Observer:
    """same or moved: the frame then and now."""

    def answer(run: Watched) -> str:
        kept = run.kept(run.position(since), run.position(until), who, page)
        return NOTHING if kept is None else "same" if kept else "moved"

    return looking(answer)


def mappings(who: str, after: Line = END) -> Observer:
    """kpagecount: how many processes map what `who` maps."""

    def answer(run: Watched) -> str:
        count = run.mapcount(run.position(after), who)
        return NOTHING if count is None else str(count)

    return looking(answer)


def mapped_once(who: str, after: Line = END) -> Observer:
    """pagemap's "exclusively mapped", which is about mappings and not about PG_anon_exclusive."""
    return looking(lambda run: bit(run.mapped_once(run.position(after), who)))


def swap_entry(who: str, after: Line) -> Observer:
    return looking(lambda run: bit(run.swapped(run.position(after), who)))


def zero_page(who: str, after: Line) -> Observer:
    return looking(lambda run: bit(run.zero_page(run.position(after), who)))


def merged(line: Line) -> Observer:
    """Whether that line made two pages one frame."""

    def answer(run: Watched) -> str:
        before, now = run.pair(run.position(line))
        return NOTHING if None in before else bit(now is not None)

    return looking(answer)


def merged_frame(line: Line) -> Observer:
    """Which of the two pages had the frame before that line."""

    def answer(run: Watched) -> str:
        before, now = run.pair(run.position(line))
        return NOTHING if None in before else f"page{before.index(now) + 1}" if now in before else "new"

    return looking(answer)


# --- calls, bits and verdicts ----------------------------------------------------------------------------------------


def result(line: Line) -> Observer:
    """What the call returned."""
    return looking(lambda run: run.returned(run.position(line)))


def signal(line: Line) -> Observer:
    return looking(lambda run: "SIGSEGV" if run.killed(run.position(line)) else "ok")


def finished(reference: str, before: Line) -> Observer:
    """Whether the transfer was over when that line was done."""
    return looking(lambda run: bit(run.over(run.position(before), reference)))


def soft_dirty(who: str, after: Line) -> Observer:
    return looking(lambda run: bit(run.soft_dirty(run.position(after), who)))


def soft_dirty_change(who: str, line: Line) -> Observer:
    def answer(run: Watched) -> str:
        number = run.position(line)
        return "->".join(bit(run.soft_dirty(n, who)) for n in (number - 1, number))

    return looking(answer)


def coherent(reference: str, who: str) -> Observer:
    """Whether the reference and the memory are still one frame."""
    return looking(lambda run: "coherent" if run.together(reference, who) else "stale")


def arrived(who: str) -> Observer:
    """Whether the data of a finished direct read are in the memory of the one who looks."""
    return looking(lambda run: "coherent" if run.arrived(who) else "LOST")


def leaks(reference: str) -> Observer:
    """Whether the reference shows what another process than its owner wrote after it was taken."""

    def answer(run: Watched) -> str:
        leaked = run.leaked(reference)
        return NOTHING if leaked is None else "LEAK" if leaked else "ok"

    return looking(answer)


# --- any line --------------------------------------------------------------------------------------------------------


def line(number: int) -> Observer:
    """What that line says of itself: what a read reads; of a store SIGSEGV, or same or moved; what another call returned."""

    def answer(run: Watched) -> str:
        n = run.position(number)
        event = run.events[n]
        assert event is not None
        if event.verb == "read" and not run.refused(n):
            return run.letter(n, event.actor, event.page)
        if event.verb != "write" or not run.is_process(n - 1, event.actor):
            return run.returned(n)
        if run.killed(n):
            return "SIGSEGV"
        kept = run.kept(n - 1, n, event.actor, event.page) if run.private(n - 1, event.actor, event.page) else None
        return NOTHING if kept is None else "same" if kept else "moved"

    return looking(answer)
