"""Every notebook of the course in a real JupyterLab, at the size of a laptop: nobody scrolls sideways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Watched
from lessons import LESSONS, SOLUTIONS
from real_lab import Lab, notebook, open_in, shoot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Whatever would have to be scrolled sideways to be read: code, outputs, and what scrolls inside them; but for graphs, which
# are wandered through, and have a button that shows the whole.
TOO_WIDE = """() => [...document.querySelectorAll(".jp-Notebook .cm-scroller, .jp-OutputArea-output, .jp-OutputArea-output *")]
  .filter((part) => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
  .filter((part) => !part.closest(".jp-OutputArea-output *") || /auto|scroll/.test(getComputedStyle(part).overflowX))
  .filter((part) => !part.matches(".cow-drawn") && !part.closest("details:not([open])"))
  .map((part) => (part.innerText || part.textContent).slice(0, 120))"""
SCREEN = 600  # pixels that one turn goes on: less than what is seen at once


@pytest.fixture
def laptop(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    watched = Watched(context.new_page())
    yield watched.page
    context.close()
    assert not watched.ours, watched.ours


@pytest.mark.parametrize("path", [*LESSONS, *SOLUTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_laptop_is_wide_enough(laptop: Any, lab: Lab, path: Path) -> None:
    name = f"{path.parent.name}-{path.name}"
    shutil.copy(path, lab.course / name)
    assert not too_wide(laptop, lab, name)


def test_what_is_too_wide_is_noticed(laptop: Any, lab: Lab) -> None:
    (lab.course / "wide.ipynb").write_text(notebook(*["'short'"] * 60, f"'{'long' * 60}'"), "utf-8")
    assert [text[:5] for text in too_wide(laptop, lab, "wide.ipynb")] == ["'long"]


def too_wide(laptop: Any, lab: Lab, name: str) -> list[str]:
    """What of that notebook does not fit, seen by scrolling through it from top to bottom."""
    open_in(laptop, lab, name)
    laptop.evaluate("void window.jupyterapp.commands.execute('notebook:trust')")
    laptop.locator(".jp-Dialog .jp-mod-accept").click()
    found: dict[str, None] = {}
    top = "document.querySelector('.jp-WindowedPanel-outer').scrollTop"  # a wheel would be caught by a graph
    for turn in range(300):
        found.update(dict.fromkeys(laptop.evaluate(TOO_WIDE)))
        shoot(laptop, f"{name}-{turn:03}")
        before = laptop.evaluate(top)
        laptop.evaluate(f"{top} += {SCREEN}")
        laptop.wait_for_timeout(40)
        if laptop.evaluate(top) == before:
            assert turn > 2, "nothing was scrolled"
            break
    return list(found)
