"""How far a long search over several policies is, said where somebody reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ticking(total: int) -> Iterator[Callable[[str], object]]:
    """What is yielded is called with the name of each policy that is done.

    A line of text in a notebook, a bar on a terminal, nothing anywhere else. The line needs no widget: it is one
    output that is written anew, and what it says at the end may be kept.
    """
    if in_notebook():
        yield _line(total)
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("exploring", total=total)
            yield lambda name: bar.update(task, advance=1, description=name)
    else:
        yield lambda name: None


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _line(total: int) -> Callable[[str], object]:
    from IPython.display import display

    done: list[str] = []

    def words() -> dict[str, str]:
        more = "kept for the next time" if len(done) == total else "it takes minutes, and only this once"
        return {"text/plain": f"{len(done)} of {total} policies explored: {more}"}

    shown = display(words(), raw=True, display_id=True)

    def tick(name: str) -> None:
        done.append(name)
        shown.update(words(), raw=True)

    return tick
