"""Make docs/images/*.png anew: what the views show, in a real browser.

    pictures.py [NAME...]

To add one: a row in PICTURES. Look at what came out before you commit it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# The browser is that of the tests, and so are the scripts that fill a picture.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from crowds import VARIETY
from needs import running_browser

from cowlab.views import Stepper, step_through

FOLDER = ROOT / "docs" / "images"


class Picture(NamedTuple):
    """What is shown, in which theme, and how much of it: the upper part of the page, or one element."""

    shown: Stepper
    theme: str = "light"
    height: int = 840
    element: str = ""


LEAK = step_through("leak", "v5.7", "v5.9", start="leak@5")
PICTURES = {
    "stepper-light": Picture(LEAK),
    "stepper-dark": Picture(LEAK, "dark"),
    "picture-crowded": Picture(step_through(VARIETY, "v6.5", start=36), element="section.w svg"),
}


def take(browser: Any, name: str, picture: Picture) -> None:
    context = browser.new_context(color_scheme=picture.theme, viewport={"width": 1280, "height": picture.height})
    page = context.new_page()
    page.set_content(picture.shown.html())
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
