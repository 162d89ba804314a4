"""A run on a real kernel beside policies, in a real browser: one index for both, and room for all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs

from cowlab import play
from cowlab.live.beside_view import Alone, Beside

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")


def beside(*policies: str, root: bool = True) -> Beside:
    run = runs.leak(root)
    return Beside(run, *(play(run.scenario, policy) for policy in policies), kernel="6.12.3")


def sentences(page: Any) -> list[str]:
    return list(page.locator(".said").all_inner_texts())


def test_keys_move_both(page: Any, saved: Any) -> None:
    page.context.set_offline(True)
    page.goto(saved(beside("v5.7").html()))
    assert sentences(page) == ["Nothing has happened: P maps one page, never touched."] * 2
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    kernel, policy = sentences(page)
    assert kernel.startswith("new page. P stored A") and policy.startswith("fault.")
    page.keyboard.press("d")
    assert page.locator(".pos").inner_text() == "line 5 of 6"
    kernel, policy = sentences(page)
    assert kernel.startswith("another frame. P stored S") and policy.startswith("reuse.")
    assert page.locator(".cow-kernel .cow-frame").all_inner_texts() == ["#2"]
    assert page.locator(".cow-badges").inner_text() == "≠ v5.7 since line 5"
    said = page.locator("[aria-live=polite]").text_content()
    assert said.startswith("Line 5, P: write S. this kernel: another frame.") and "v5.7: reuse." in said
    assert page.locator("pre.words").first.inner_text().startswith("this kernel, observed on Linux 6.12.3  line 5")
    page.keyboard.press("End")
    assert page.locator(".cow-sight").last.inner_text().split() == ["g", "A", "read", "now", "vmsplice", "by", "C"]


def test_what_is_shared_stands_on_one_another(page: Any, saved: Any) -> None:
    page.goto(saved(beside("v6.5").html()))
    page.locator("table.trace tbody tr").nth(1).click()
    one, two = (chip.bounding_box() for chip in page.locator(".cow-frame").all())
    assert one["x"] == two["x"] and one["y"] < two["y"]
    colours = {chip.evaluate("(e) => getComputedStyle(e).backgroundColor") for chip in page.locator(".cow-frame").all()}
    assert len(colours) == 1


@pytest.mark.parametrize("width", [900, 1280, 1920])
@pytest.mark.parametrize("policies", [("v5.7",), ("v5.7", "v6.5")], ids=len)
def test_no_part_is_wider_than_the_page(page: Any, saved: Any, width: int, policies: tuple[str, ...]) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for root in (True, False):
        page.goto(saved(beside(*policies, root=root).html()))
        for _ in range(7):
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            cut = "[...document.querySelectorAll('.cow-sight *')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map((e) => e.textContent)"
            assert page.evaluate(cut) == []
            page.get_by_role("button", name="Next (right arrow)").click()
    tops = [box.bounding_box()["y"] for box in page.locator("section.w").all()]
    if width == 1280 and len(policies) == 2:
        assert tops[0] < tops[1] == tops[2]
    else:
        assert (len(set(tops)) == 1) == (width >= 1280)


def test_cards_do_not_move(page: Any, saved: Any) -> None:
    page.goto(saved(beside("v5.7", "v6.5").html()))
    boxes = set()
    for _ in range(7):
        boxes.add(str([card.bounding_box() for card in page.locator(".bar, .cow-sight").all()]))
        page.get_by_role("button", name="Next (right arrow)").click()
    assert len(boxes) == 1


def test_why_it_was_not_run_is_in_sight(page: Any, saved: Any) -> None:
    page.goto(saved(Alone("there is no swap", play(runs.leak().scenario, "v5.7")).html()))
    assert page.get_by_role("note").inner_text().startswith("Not run on this kernel: there is no swap.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_can_be_read_in_both_themes(browser: Any, saved: Any, theme: str) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 2400})
    page = context.new_page()
    alone = Alone("there is no swap", play(runs.leak().scenario, "v5.7"))
    for shown in (beside("v5.7", "v6.5"), beside("v5.7", root=False), alone):
        page.goto(saved(shown.html()))
        for _ in range(7):
            page.evaluate("Promise.all(document.getAnimations().map((moves) => moves.finished))")
            assert page.evaluate(CONTRAST) == []
            page.get_by_role("button", name="Next (right arrow)").click()
    context.close()


def test_without_scripts_one_reads_what_was_seen(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(saved(beside("v5.7").html()))
    assert page.locator(".cow-still img").is_visible() and not page.locator(".bar").is_visible()
    assert "this kernel, observed on Linux 6.12.3  line 5 of 6" in page.locator(".cow-still").inner_text()
    context.close()
