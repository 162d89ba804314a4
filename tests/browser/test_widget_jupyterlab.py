"""What a widget leaves in a notebook: seen when its kernel is gone, and not while it lives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from real_lab import Lab, notebook, open_in, outputs_in_view, run_all, save_and_lose_the_kernel, shoot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SOURCES = (
    'from cowlab.views import Sandbox, step_through\nbox = Sandbox("leak", start=4)\nbox',
    'Sandbox("cow-basic", "v6.5")',
    'step_through("leak")',
)
LOOKS = "(e) => { const s = getComputedStyle(e); return [s.fontFamily, s.fontSize, s.fontWeight, s.lineHeight, s.padding]; }"


def test_a_trusted_notebook_without_its_kernel(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "left.ipynb").write_text(notebook(*SOURCES), "utf-8")
    page = open_notebook("left.ipynb")
    run_all(page)
    outputs_in_view(page)
    page.locator(".cow-sandbox").nth(1).wait_for()
    assert page.locator(".cow-instead:visible").count() == 0
    assert page.locator(".cow-sandbox").nth(0).locator(".verdict").inner_text() == "✓ ok so far"
    shoot(page, "widget-alive")
    save_and_lose_the_kernel(page)

    open_in(page, lab, "left.ipynb")
    outputs_in_view(page)
    page.locator(".cow-instead:visible").nth(1).wait_for()
    page.wait_for_timeout(1500)
    assert page.get_by_text("The sandbox needs a running kernel").count() == 2
    for words in ("Error displaying widget", "Loading widget"):
        assert not any(said.is_visible() for said in page.get_by_text(words).all())
    assert page.locator(".cow-sandbox").count() == 0
    page.locator(".cow-instead input[type=range]").nth(0).focus()
    page.keyboard.press("ArrowLeft")  # it steps all the same
    assert page.locator(".cow-instead .pos").nth(0).inner_text() == "line 3 of 4"
    shoot(page, "widget-left")

    run_all(page)
    outputs_in_view(page)
    page.locator(".cow-sandbox").nth(1).wait_for()
    assert page.locator(".cow-instead:visible").count() == 0


def test_an_untrusted_notebook_shows_it_too(open_notebook: Any, lab: Lab) -> None:
    """The same outputs, as they come from somebody else."""
    (lab.course / "mine.ipynb").write_text(notebook(*SOURCES), "utf-8")
    page = open_notebook("mine.ipynb")
    run_all(page)
    save_and_lose_the_kernel(page)
    theirs = json.loads((lab.course / "mine.ipynb").read_text("utf-8"))
    theirs["cells"][1]["source"] = "1 + 1"  # and so the signature is another
    (lab.course / "theirs.ipynb").write_text(json.dumps(theirs), "utf-8")
    open_in(page, lab, "theirs.ipynb")
    outputs_in_view(page)
    page.get_by_text("The sandbox needs a running kernel").nth(1).wait_for()
    assert page.get_by_text("Error displaying widget").count() == 0
    assert page.locator("[data-ready]").count() == 0
    shoot(page, "widget-untrusted")


def test_keys_look_the_same_in_an_output_and_in_a_page(open_notebook: Any, lab: Lab, page: Any, saved: Any) -> None:
    from cowlab.views import step_through

    (lab.course / "keys.ipynb").write_text(
        notebook(SOURCES[2].replace("step", "from cowlab.views import *; step")), "utf-8"
    )
    there = open_notebook("keys.ipynb")
    run_all(there)
    outputs_in_view(there)
    page.goto(saved(step_through("leak").html()))
    assert there.locator("kbd").first.evaluate(LOOKS) == page.locator("kbd").first.evaluate(LOOKS)
    shoot(there, "widget-keys")
