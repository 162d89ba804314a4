"""From a key press to the changed page, in a real JupyterLab: the Stepper beside the same frames through the kernel.

The peer is what one would otherwise write: an IntSlider that Python observes, and an ipywidgets.HTML whose value is set
to a frame drawn before. Both show the same panels, pictures and text frames, in one notebook.

    python benchmarks/bench_stepper.py [--presses N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from html import escape
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# The browser and the JupyterLab are those of the tests.
sys.path[:0] = [str(HERE.parent / folder) for folder in (".", "tests", "tests/browser")]

import pytest
from crowds import long_script
from needs import running_browser
from real_lab import Lab, command, jupyterlab, notebook, open_in

from cowlab.scenario import Trace
from cowlab.views import Layout, Stepper, panel, text_frame
from cowlab.views.picture import svg

STEPPED = {  # a script, and the policies side by side
    "leak, 7 frames, 2 policies": ("leak", "v5.7", "v5.9"),
    "200 steps of 5 processes x 4 pages": (long_script(200), "v6.5"),
    "the same, 2 policies": (long_script(200), "v5.7", "v6.5"),
}


class Times(NamedTuple):
    """Milliseconds from a key press to the changed page, and to the page that is laid out again."""

    changed: list[float]
    laid_out: list[float]


class Measured(NamedTuple):
    """What one notebook showed: both sides; seconds from our cell's run until it can be stepped, bytes of its output."""

    ours: Times
    peers: Times
    opened: float
    size: int


def peer(stepper: Stepper) -> Any:
    """The same frames through the kernel."""
    import ipywidgets

    indices = range(len(stepper.traces[0].moments))
    frames = ["".join(_frame(trace, index, stepper.layout) for trace in stepper.traces) for index in indices]
    slider, html = ipywidgets.IntSlider(max=len(frames) - 1), ipywidgets.HTML(frames[0])
    slider.observe(lambda change: setattr(html, "value", frames[change["new"]]), "value")
    return ipywidgets.VBox([slider, html])


def _frame(trace: Trace, index: int, layout: Layout) -> str:
    """Everything that a Stepper shows of one policy at that step."""
    verdict, said, below, *pieces = panel.panel(trace, index, layout)
    drawn = svg("".join(pieces), layout, trace.policy.name)
    words = f"<pre>{escape(text_frame(trace, index))}</pre>"
    return f'<section class="cowlab w">{verdict}<p class="said">{said}</p>{drawn}{below}{words}</section>'


def measured(page: Any, lab: Lab, name: str, presses: int) -> Measured:
    path = lab.course / f"{len(name)}.ipynb"
    shown = f"step_through(*STEPPED[{name!r}])"
    imports = "from bench_stepper import STEPPED, peer\nfrom cowlab.views import step_through"
    path.write_text(notebook(f"import sys\nsys.path.insert(0, {str(HERE)!r})\n{imports}", shown, f"peer({shown})"))
    open_in(page, lab, path.name)
    page.evaluate(RUN, [0, ""])
    opened = page.evaluate(RUN, [1, ".cow-stepper[data-ready]"])
    page.evaluate(RUN, [2, ".noUi-handle"])
    command(page, "docmanager:save")
    output = json.loads(path.read_text("utf-8"))["cells"][1]["outputs"]
    ours = stepped(page, ".cow-stepper input[type=range]", ".cow-stepper .cow-live", presses)
    peers = stepped(page, ".noUi-handle", ".widget-html-content", presses)
    return Measured(ours, peers, opened, len(json.dumps(output, ensure_ascii=False).encode()))


# Run a cell, wait for what it shows: seconds.
RUN = """async ([number, shown]) => {
  const start = performance.now();
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
  await window.jupyterapp.commands.execute("notebook:run-cell");
  while (shown && !document.querySelector(shown)) await new Promise(requestAnimationFrame);
  document.body.getBoundingClientRect();
  return (performance.now() - start) / 1000;
}"""
# From now on, by the clock of the page: what a key press takes until the box has changed, and until it is laid out again.
CLOCK = """(box) => {
  let pressed = 0;
  window.times = [];
  addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  const seen = () => {
    if (!pressed) return;
    const changed = performance.now() - pressed;
    box.getBoundingClientRect();
    window.times.push([changed, performance.now() - pressed]);
    pressed = 0;
  };
  new MutationObserver(seen).observe(box, { childList: true, subtree: true, characterData: true });
}"""


def stepped(page: Any, control: str, box: str, presses: int) -> Times:
    """Step so often with the arrow keys: to the last frame, back to the first, and so on."""
    slider = page.locator(control)
    slider.scroll_into_view_if_needed()
    page.locator(box).evaluate(CLOCK)
    slider.focus()
    last = int(float(slider.get_attribute("max") or slider.get_attribute("aria-valuemax")))
    for number in range(presses):
        page.keyboard.press("ArrowLeft" if number // last % 2 else "ArrowRight")
        page.wait_for_function(f"window.times.length === {number + 1}")
    return Times(*(list(times) for times in zip(*page.evaluate("window.times"), strict=True)))


def report(name: str, found: Measured) -> None:
    print(name)
    for who, times in (("  Stepper", found.ours), ("  ipywidgets.HTML and IntSlider", found.peers)):
        print(f"{who:<36}" + "".join(f"{median(t):>20.1f}{quantiles(t, n=20)[-1]:>7.1f}" for t in times))
    ratios = [median(theirs) / median(ours) for ours, theirs in zip(found.ours, found.peers, strict=True)]
    print(f"{'  ratio of the medians':<36}{ratios[0]:>20.1f}{ratios[1]:>27.1f}")
    print(f"  opens in {found.opened:.2f} s, Python included; adds {found.size / 1e6:.2f} MB to the notebook")


def main() -> None:
    parser = argparse.ArgumentParser(description="from a key press to the changed page, beside frames from the kernel")
    parser.add_argument("--presses", type=int, default=60)
    presses = parser.parse_args().presses
    try:
        with tempfile.TemporaryDirectory() as home, running_browser() as browser, jupyterlab(Path(home)) as lab:
            print(f"{'ms from a key press to':<36}{'the changed page':>27}{'and laid out again':>27}")
            print(f"{'':<36}" + f"{'median':>20}{'p95':>7}" * 2)
            for name in STEPPED:
                page = browser.new_page(viewport={"width": 1500, "height": 1000})
                report(name, measured(page, lab, name, presses))
                page.close()
    except pytest.skip.Exception as why:
        print(f"the Stepper was not measured: {why}")


if __name__ == "__main__":
    main()
