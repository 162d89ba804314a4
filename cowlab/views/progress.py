"""How far a long search is, said where somebody reads it: a line in a notebook, more on a terminal, else nothing.

The line needs no widget: it is one output that is written anew, and what it says at the end may be kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ticking(total: int) -> Iterator[Callable[[str], object]]:
    """What is yielded is called with the name of each policy that is done."""
    if in_notebook():
        done: list[str] = []
        line = Line(f"0 of {total} policies explored")

        def tick(name: str) -> None:
            done.append(name)
            more = "kept for the next time" if len(done) == total else "it takes minutes, and only this once"
            line.say(f"{len(done)} of {total} policies explored: {more}")

        yield tick
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("exploring", total=total)
            yield lambda name: bar.update(task, advance=1, description=name)
    else:
        yield lambda name: None


@contextmanager
def counting() -> Iterator[Callable[[int, int, int], object]]:
    """What is yielded is the `progress` of a search: called with states, transitions and depth."""
    if in_notebook():
        line = Line("exploring")
        yield lambda *counts: line.say(_counts(*counts), pause=0.2)
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("exploring") as status:
            yield lambda *counts: status.update(_counts(*counts))
    else:
        yield lambda states, transitions, depth: None


def _counts(states: int, transitions: int, depth: int) -> str:
    return f"{states:,} states, {transitions:,} transitions, depth {depth}"


class Line:
    """One output of a notebook's cell that is written anew."""

    def __init__(self, text: str) -> None:
        from IPython.display import display

        self.said = time.monotonic()
        self.shown = display({"text/plain": text}, raw=True, display_id=True)

    def say(self, text: str, pause: float = 0) -> None:
        """Say this instead, unless something was said less than `pause` seconds ago."""
        if self.shown is not None and time.monotonic() - self.said >= pause:
            self.said = time.monotonic()
            self.shown.update({"text/plain": text}, raw=True)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
