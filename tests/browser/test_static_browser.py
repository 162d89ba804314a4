"""Without a server, without a kernel, without a network: every lesson as `jupyter nbconvert --to html` exports it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from needs import ROOT
from real_lab import answered

pytestmark = pytest.mark.browser
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_an_exported_lesson_steps(offline: Any, saved: Any, lesson: Path) -> None:
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_filename(str(lesson))
    offline.goto(saved(html))
    steppers = offline.locator(".cow-stepper[data-ready]").all()
    assert steppers
    for stepper in map(answered, steppers):
        slider = stepper.locator("input[type=range]")
        last = int(slider.get_attribute("max"))
        slider.focus()
        offline.keyboard.press("End")
        assert stepper.locator(".pos").inner_text() == f"line {last} of {last}"
        stepper.get_by_role("button", name="Previous (left arrow)").click()
        assert f"line {last - 1} of {last}" in stepper.locator("pre.words").first.inner_text()
        assert not stepper.locator(".cow-still").is_visible()
        cut = "(all) => all.filter((fit) => fit.scrollWidth > fit.clientWidth).length"
        assert stepper.locator(".cow-fit").evaluate_all(cut) == 0
