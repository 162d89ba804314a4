"""Make docs/images/*.png anew: what the views show, in a real browser.

    pictures.py [NAME...]

To add one: a row in PICTURES. Look at what came out before you commit it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# The browser is that of the tests, and so are the scripts that fill a picture.
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

import nbformat
from crowds import VARIETY
from nbconvert import HTMLExporter
from needs import running_browser

from cowlab.views import MatrixView, Predict, step_through
from notebooks import execute

FOLDER = ROOT / "docs" / "images"


class Picture(NamedTuple):
    """What is shown, in which theme, and how much of it: the upper part of the page, or one element; after which keys."""

    html: Callable[[], str]
    theme: str = "light"
    height: int = 840
    element: str = ""
    keys: tuple[str, ...] = ()


def checked() -> str:
    """Some cells of an exercise, with an answer that is wrong, run and made a page."""
    notebook = nbformat.read(ROOT / "exercises" / "03_page_count_one.ipynb", as_version=4)
    cells = notebook.cells
    at = next(
        n
        for n, cell in enumerate(cells)
        if "def leave_alone" in cell.source and "answer" in cell.metadata.get("tags", ())
    )
    setup = next(cell for cell in cells if "setup" in cell.metadata.get("tags", ()))
    cells[at].source = re.sub(r"raise NotImplementedError.*", WRONG, cells[at].source)
    first = max(n for n in range(at) if cells[n].cell_type == "markdown")
    notebook.cells = [setup, *cells[first : at + 2]]
    execute(notebook, ROOT / "exercises")
    notebook.cells = notebook.cells[1:]
    return str(HTMLExporter(template_name="lab").from_notebook_node(notebook)[0])


WRONG = 'return "skip" if page.maybe_dma_pinned else "protect"'
PICTURES = {
    "picture-crowded": Picture(step_through(VARIETY, "v6.5", start=36).html, element="section.w svg"),
    "predict": Picture(Predict("leak", "v5.7", ask={5: ("outcome", "g")}).html, keys=("End",)),
    "matrix": Picture(lambda: MatrixView().html(), height=900),
    "exercise": Picture(checked, height=760),
}


def take(browser: Any, name: str, picture: Picture) -> None:
    context = browser.new_context(color_scheme=picture.theme, viewport={"width": 1280, "height": picture.height})
    page = context.new_page()
    page.set_content(picture.html())
    if picture.keys:
        page.locator(".cow-stepper").first.focus()
    for key in picture.keys:
        page.keyboard.press(key)
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("Promise.all(document.getAnimations().map((moves) => moves.finished))")
    part = page.locator(picture.element).first if picture.element else page
    part.screenshot(path=FOLDER / f"{name}.png")
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PICTURES)} (default: all)")
    names = parser.parse_args().names or list(PICTURES)
    if wrong := set(names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(wrong))}")
    with running_browser() as browser:
        for name in names:
            take(browser, name, PICTURES[name])


if __name__ == "__main__":
    main()
