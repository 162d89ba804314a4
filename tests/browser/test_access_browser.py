"""The Stepper for whoever does not use a mouse, does not see the picture, or is made sick by what moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crowds import RIGHTS, VARIETY

from cowlab.views import Stepper, step_through

pytestmark = pytest.mark.browser
CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
SHOWN = [  # together they have every mark, and every colour
    step_through("leak", "v5.7", "v5.9", start=5),
    step_through(VARIETY, "v6.5", start=36),
    step_through(RIGHTS, "v6.5", "linus-2021", start=20),
    step_through("overflow", "v5.7", start=11),
]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1280, "height": 3600})
    yield context.new_page()
    context.close()


def test_all_can_be_read_in_both_themes(themed: Any, saved: Any) -> None:
    for stepper in SHOWN:
        themed.goto(saved(stepper.html()))
        themed.add_style_tag(content=".cowlab .script { max-height: none !important }")  # no line is scrolled away
        themed.evaluate("Promise.all(document.getAnimations().map((moves) => moves.finished))")
        assert themed.evaluate(CONTRAST) == []
    themed.add_style_tag(content=".cowlab { --ink2: var(--card) !important; --edge: var(--card) !important }")
    complaints = " ".join(themed.evaluate(CONTRAST))
    assert '"vmsplice by P" has' in complaints and "card has" in complaints  # the check can fail


def test_controls_have_names_and_say_where_they_are(page: Any, saved: Any) -> None:
    page.goto(saved(step_through("leak", "v5.7", "v5.9", start=5).html()))
    assert page.locator(".bar").aria_snapshot().splitlines()[:8] == [
        '- group "Step through the script":',
        '  - button "First (Home)": "|◀"',
        '  - button "Previous (left arrow)": ◀',
        '  - button "▶ Play"',
        '  - button "Next (right arrow)": ▶',
        '  - button "Last (End)": ▶|',
        '  - slider "Line of the script": "5"',
        "  - text: start 1 2 3 4 5 ≠ ✗ 6",
    ]
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "Line 5, P: write S. "
    for name in ("v5.7", "v5.9"):
        assert page.get_by_role("region", name=name, exact=True).get_by_role("img").count() == 1
        assert "FOLL_GET" in page.get_by_role("region", name=f"{name} in words").inner_text()
    heads = page.get_by_role("table", name="Script and outcomes").get_by_role("columnheader")
    assert heads.all_inner_texts() == ["line", "SCRIPT", "v5.7", "v5.9", "remark"]
    assert page.get_by_role("row", name="P: write S").get_attribute("aria-current") == "step"


def test_a_long_script_can_be_scrolled_by_keyboard(page: Any, saved: Any) -> None:
    page.goto(saved(SHOWN[1].html()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "The whole script"
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    page.wait_for_function("document.querySelector('.script').scrollTop > 100")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_whoever_asks_for_that(browser: Any, saved: Any, motion: str) -> None:
    """Play still plays."""
    context = browser.new_context(reduced_motion=motion)
    page = context.new_page()
    page.goto(saved(step_through("leak", "v5.7", "v5.9").html()))
    page.clock.install()
    moves = "document.body.getBoundingClientRect() && document.getAnimations().length > 0"
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(moves) == (motion == "no-preference")
    page.keyboard.press("Space")
    page.clock.run_for(1000)
    assert page.locator(".pos").inner_text() == "line 2 of 6"
    assert page.evaluate(moves) == (motion == "no-preference")
    assert (
        page.locator("[aria-live=polite]")
        .text_content()
        .startswith("Line 2, P: fork C. v5.7: share. fork copies nothing")
    )
    context.close()


def test_keys_do_not_depend_on_what_has_the_focus(page: Any, saved: Any) -> None:
    """From the first control to the last: the arrow steps, and the focus stays where it is."""
    stepper = step_through("leak", "v5.7", "v5.9")
    assert isinstance(stepper, Stepper)
    page.goto(saved(stepper.html()))
    for _ in range(10):
        page.keyboard.press("Tab")
        focus = page.evaluate_handle("document.activeElement")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert page.locator(".pos").inner_text() == "line 1 of 6"
        assert page.evaluate("(element) => document.activeElement === element", focus)
