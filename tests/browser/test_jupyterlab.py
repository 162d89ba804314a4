"""Every lesson in a real JupyterLab: run from top to bottom, then stepped by mouse and by keyboard in both themes."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from needs import ROOT
from real_lab import Lab, answered, first_output, notebook, run_all, shoot, somebody_elses, steppers, theme

from cowlab import play, scenarios
from cowlab.views import step_through, text_frame

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SMALL = "small.ipynb"
SOURCES = (  # two Steppers in one notebook
    "from cowlab.views import step_through",
    'step_through("leak", "v5.7", "v5.9")',
    'step_through("leak", "v6.5", start="leak@5")',
)
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 17, 17)"}
LESSONS = [SMALL, *sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))]


def walk(page: Any, stepper: Any) -> None:
    """To the end and back by keyboard, to the end by mouse: everywhere the frame is the one that is named."""
    position, slider = stepper.locator(".pos"), stepper.locator("input[type=range]")
    last = int(slider.get_attribute("max"))
    cells = page.locator(".jp-Cell").count()
    slider.scroll_into_view_if_needed()
    slider.focus()
    page.keyboard.press("Home")
    assert position.inner_text() == "start"
    for index in range(1, last + 1):
        page.keyboard.press("ArrowRight")
        assert position.inner_text() == f"line {index} of {last}"
    page.keyboard.press("ArrowLeft")
    assert position.inner_text() == (f"line {last - 1} of {last}" if last > 1 else "start")
    page.keyboard.press("d")
    page.keyboard.press("d")  # in JupyterLab's command mode that would delete the cell
    assert page.locator(".jp-Cell").count() == cells
    stepper.get_by_role("button", name="First (Home)").click()
    for index in range(1, last + 1):
        stepper.get_by_role("button", name="Next (right arrow)").click()
        assert position.inner_text() == f"line {index} of {last}"
        for frame in stepper.locator("pre.words").all_text_contents():
            assert f"line {index} of {last}" in frame


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_and_steps(open_notebook: Any, lab: Lab, name: str) -> None:
    if name == SMALL:
        (lab.course / SMALL).write_text(notebook(*SOURCES), "utf-8")
    else:
        shutil.copy(ROOT / "notebooks" / name, lab.course)
    page = open_notebook(name)
    run_all(page)
    for stepper in steppers(page):
        walk(page, answered(stepper))
    if name == SMALL:
        first, second = steppers(page)
        assert second.locator(".pos").inner_text() == "line 6 of 6"
        expected = [text_frame(play(scenarios()["leak"], policy), 6) for policy in ("v5.7", "v5.9")]
        assert [text + "\n" for text in first.locator("pre.words").all_text_contents()] == expected
    for look in ("dark", "light"):
        theme(page, look)
        for stepper in steppers(page):
            assert stepper.evaluate("(e) => getComputedStyle(e).backgroundColor") == PAPER[look]
            stepper.scroll_into_view_if_needed()
            shoot(page, f"{name}-{look}")


def test_a_click_into_the_picture_and_a_key(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "clicked.ipynb").write_text(notebook(*SOURCES), "utf-8")
    page = open_notebook("clicked.ipynb")
    run_all(page)
    stepper = steppers(page)[0]
    stepper.locator("table.trace tbody tr").nth(4).click()
    assert stepper.locator(".pos").inner_text() == "line 5 of 6"
    stepper.locator("section.w svg").first.click()
    page.keyboard.press("ArrowRight")
    assert stepper.locator(".pos").inner_text() == "line 6 of 6"


def test_an_untrusted_notebook_shows_the_first_frame_and_the_words(open_notebook: Any, lab: Lab) -> None:
    """Saved with its outputs by somebody else, opened here, and not run."""
    (lab.course / "foreign.ipynb").write_text(somebody_elses(step_through("leak", "v5.7")._repr_mimebundle_()), "utf-8")
    page = open_notebook("foreign.ipynb")
    output = first_output(page)
    shown = output.inner_text()
    assert "This steps once the notebook is trusted" in shown
    assert "v5.7  line 5 of 6  P: write S  ->  reuse  !! LEAK" in shown
    assert output.locator("[data-ready]").count() == 0 and output.locator("button, input, table").count() == 0
    assert output.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 500")
    shoot(page, "untrusted")
