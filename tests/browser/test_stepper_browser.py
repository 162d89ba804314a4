"""The Stepper in a real browser: by mouse, by keyboard, without a network; and pictures that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from crowds import RIGHTS, TWENTY, VARIETY, long_script
from short import ALL, played

from cowlab import Trace, play, scenarios
from cowlab.views import Layout, Stepper, scene, step_through, text_frame
from cowlab.views.picture import View, pieces, style, svg

pytestmark = pytest.mark.browser
LEGIBLE = (Path(__file__).parent / "legible.js").read_text("utf-8")


def at(page: Any) -> str:
    return str(page.locator(".pos").inner_text())


def words(page: Any) -> list[str]:
    """The text frames that are shown."""
    return [str(text) + "\n" for text in page.locator("pre.words").all_text_contents()]


@pytest.fixture
def leak(page: Any, saved: Any) -> Any:
    page.context.set_offline(True)
    page.goto(saved(step_through("leak", "v5.7", "v5.9").html()))
    return page


def test_every_frame_by_mouse(leak: Any) -> None:
    traces = [play(scenarios()["leak"], policy) for policy in ("v5.7", "v5.9")]
    for index in range(7):
        assert words(leak) == [text_frame(trace, index) for trace in traces]
        assert at(leak) == (f"line {index} of 6" if index else "start")
        leak.get_by_role("button", name="Next (right arrow)").click()
    leak.get_by_role("button", name="First (Home)").click()
    assert at(leak) == "start"
    leak.get_by_role("button", name="First difference").click()
    assert at(leak) == "line 5 of 6"
    leak.get_by_role("button", name="Previous (left arrow)").click()
    assert at(leak) == "line 4 of 6"
    leak.get_by_role("button", name="Last (End)").click()
    assert at(leak) == "line 6 of 6"
    leak.locator("table.trace tbody tr").nth(2).click()
    assert at(leak) == "line 3 of 6"
    assert leak.locator("tr[aria-current]").inner_text().startswith("3\tC: vmsplice g")


def test_what_is_ahead_stays_covered(page: Any, saved: Any) -> None:
    page.goto(saved(step_through("leak", "v5.7", "v5.9", covered=True).html()))
    outcomes = page.locator("table.trace tbody tr td.o:nth-child(3) b")
    wrong, second = page.get_by_text("filled, with ✗: ought to differ"), page.get_by_text("#2 free")
    for index in range(7):
        assert wrong.is_visible() == (index >= 5)
        assert second.all() == [] or not any(place.is_visible() for place in second.all())
        shown = [outcomes.nth(line).is_visible() for line in range(6)]
        assert shown == [line < index for line in range(6)]
        page.get_by_role("button", name="Next (right arrow)").click()
    assert "✗" not in page.locator(".track").inner_text()


def test_by_keyboard(leak: Any) -> None:
    leak.locator("input[type=range]").focus()
    for key, place in (
        *(("ArrowRight", "line 1 of 6"), ("End", "line 6 of 6"), ("ArrowLeft", "line 5 of 6"), ("Home", "start")),
        *(("d", "line 5 of 6"), ("ArrowRight", "line 6 of 6"), ("ArrowRight", "line 6 of 6")),
    ):
        leak.keyboard.press(key)
        assert at(leak) == place, key
    assert leak.locator("input[type=range]").input_value() == "6"


def test_every_control_is_reached_by_tab(leak: Any) -> None:
    reached = []
    for _ in range(10):
        leak.keyboard.press("Tab")
        reached.append(
            leak.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
    assert reached[:7] == [
        *("First (Home)", "Previous (left arrow)", "▶ Play", "Next (right arrow)", "Last (End)"),
        *("Line of the script", "≠ First difference"),
    ]
    assert {"v5.7 in words", "v5.9 in words"} <= set(reached)


def test_keys_work_after_a_click_into_the_picture(leak: Any) -> None:
    leak.locator("section.w svg").first.click()
    leak.keyboard.press("ArrowRight")
    assert at(leak) == "line 1 of 6"


def test_the_keys_stay_inside(leak: Any) -> None:
    leak.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    leak.locator("input[type=range]").focus()
    for key in ("ArrowRight", "d", "x", "Escape", "Control+s"):
        leak.keyboard.press(key)
    assert leak.evaluate("window.heard") == ["Escape", "Control", "s"]


def test_play_goes_on_and_stops(leak: Any) -> None:
    leak.clock.install()
    leak.get_by_role("button", name="Play").click()
    leak.clock.run_for(2000)
    assert at(leak) == "line 2 of 6"
    leak.get_by_role("button", name="Pause").click()
    leak.clock.run_for(5000)
    assert at(leak) == "line 2 of 6"
    leak.keyboard.press("Space")  # on the button: plays again, once
    leak.clock.run_for(9000)
    assert at(leak) == "line 6 of 6"
    assert leak.get_by_role("button", name="Play").is_visible()


def test_a_place_is_in_the_address(leak: Any) -> None:
    leak.goto(leak.url.partition("#")[0] + "#leak@5")
    leak.wait_for_function("document.querySelector('.pos').textContent === 'line 5 of 6'")
    leak.keyboard.press("Tab")
    leak.keyboard.press("ArrowRight")
    leak.wait_for_url("**#leak@6")
    assert leak.locator(".cow-place").inner_text() == "leak@6"
    leak.reload()
    assert at(leak) == "line 6 of 6"


def test_what_changed_is_announced(leak: Any) -> None:
    assert leak.locator("[aria-live=polite]").text_content() == ""
    leak.locator("input[type=range]").focus()
    leak.keyboard.press("d")
    said = leak.locator("[aria-live=polite]").text_content()
    assert said.startswith("Line 5, P: write S. v5.7: reuse. Write fault: mapcount is 1, so P keeps #1")
    assert "v5.9: copy. Write fault: page_count is 2" in said
    label = leak.locator("section.w svg").first.get_attribute("aria-label")
    assert label.startswith("v5.7, line 5: reuse. Write fault")


def test_two_on_one_page_do_not_meet(page: Any, saved: Any) -> None:
    one, two = step_through("leak", "v5.7"), step_through("cow-basic", "v6.5", start=2)
    page.goto(saved(f"<!doctype html><meta charset=utf-8>{one.fragment()}{two.fragment()}{one.fragment()}"))
    page.locator("input[type=range]").nth(2).focus()
    page.keyboard.press("End")
    assert page.locator(".pos").all_inner_texts() == ["start", f"line 2 of {len(two.traces[0].steps)}", "line 6 of 6"]


def test_without_scripts_the_first_frame_and_the_words(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(saved(step_through("leak", "v5.7").html()))
    assert page.locator(".cow-still img").is_visible() and not page.locator(".bar").is_visible()
    assert "line 5 of 6  P: write S  ->  reuse  !! LEAK" in page.locator(".cow-still").inner_text()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_reader(browser: Any, saved: Any, theme: str) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.goto(saved(step_through("leak", "v5.7").html()))
    paper = page.locator(".cow-stepper").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 17, 17)"}[theme]
    page.evaluate(
        "document.body.setAttribute('data-jp-theme-light', 'true')"
    )  # JupyterLab's word goes before the system's
    assert page.locator(".cow-stepper").evaluate("(e) => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


def test_the_page_does_not_move(leak: Any) -> None:
    """Cards stand at the same place at every step; so do the controls under the reader's hand."""
    boxes = set()
    for _ in range(7):
        boxes.add(
            str(
                [
                    leak.locator(query).bounding_box()
                    for query in (".bar", "section.w svg >> nth=0", "section.w svg >> nth=1")
                ]
            )
        )
        leak.get_by_role("button", name="Next (right arrow)").click()
    assert len(boxes) == 1


def test_a_long_trace_opens_at_once(page: Any, saved: Any, record_property: Any) -> None:
    page.goto(saved(step_through(long_script(200), "v5.7", "v6.5").html()))
    opened = page.evaluate("performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart")
    took = page.evaluate(
        """() => { const slider = document.querySelector('input[type=range]'), times = [];
        for (let i = 0; i < 60; i++) { const start = performance.now();
          slider.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
          document.body.offsetHeight; times.push(performance.now() - start); }
        return times.sort((a, b) => a - b); }"""
    )
    line = f"a key of 200 steps, 2 policies: median {took[30]:.1f} ms, p95 {took[57]:.1f} ms; the page opens in {opened} ms"
    record_property("measured", line)
    assert page.locator(".pos").inner_text() == "line 60 of 200"


def drawn(traces: Sequence[Trace], found: dict[str, str]) -> None:
    """Each picture that these traces show side by side, and which it is."""
    layout = Layout.of(traces)
    for trace in traces:
        for index, moment in enumerate(trace.moments):
            before = trace.moments[index - 1].world if index else None
            view = View(moment.world, before, trace.policy, scene.standing(moment))
            name = f"{trace.scenario.name}@{index} {trace.policy.name}, one of {len(traces)}"
            found.setdefault(svg("".join(pieces(view, layout)), layout, "a picture"), name)


def different(traces: Sequence[Trace]) -> list[Trace]:
    """One of those that look the same."""
    looks = {
        (trace.policy.asks, trace.policy.flag, *((m.world, m.standing) for m in trace.moments)): trace
        for trace in traces
    }
    return list(looks.values())


def illegible(page: Any, pictures: dict[str, str]) -> list[str]:
    page.set_content(f"<!doctype html><meta charset=utf-8><style>{style('picture.css')}</style><body></body>")
    texts, found = list(pictures), []
    for first in range(0, len(texts), 250):
        some = texts[first : first + 250]
        found += [f"{pictures[some[number]]}: {complaint}" for number, complaint in page.evaluate(LEGIBLE, some)]
    return found


@pytest.mark.slow
def test_every_frame_of_the_atlas_is_legible(page: Any) -> None:
    """No text over text, none that leaves its card, none that a line crosses or a box cuts: under every policy, alone
    and beside all others, for places and sizes depend on what is compared."""
    pictures: dict[str, str] = {}
    for scenario in scenarios().values():
        traces = different([play(scenario, policy) for policy in ALL])
        drawn(traces, pictures)
        for trace in traces:
            drawn([trace], pictures)
    assert len(pictures) > 7000
    assert illegible(page, pictures) == []


def test_crowded_traces_are_legible(page: Any) -> None:
    pictures: dict[str, str] = {}
    for script in (VARIETY, TWENTY, RIGHTS, long_script(90)):
        drawn([play(script, policy) for policy in ("v5.7", "linus-2021", "v6.5")], pictures)
    assert illegible(page, pictures) == []


BREAKS = (  # what is done to a good picture, and what is complained of
    ("anon</text>", "anon, and much more than there is room for</text>", "leaves its card"),
    (">vmsplice by C<", ">vmsplice by somebody with a long name<", "leaves the picture"),
    ('x="476" y="99"', 'x="476" y="76"', "overlaps"),
    (">@0<", ">@0 here<", "is cut by a box"),
    ("M118 142H134", "M118 142H40", "is crossed by a line"),
    ('cx="140" cy="70"', 'cx="15" cy="70"', "is under a mark"),
    ("</svg>", '<path d="M118 71H150" class="l-r"/></svg>', "two lines run on one stretch"),
    ("</svg>", '<path d="M120 66l8 8m0 -8l-8 8" class="ghostx"/></svg>', "a living line is crossed out"),
)


@pytest.mark.parametrize("good, bad, complaint", BREAKS, ids=[complaint for _, _, complaint in BREAKS])
def test_the_check_sees_what_is_wrong(page: Any, good: str, bad: str, complaint: str) -> None:
    """The third picture of the leak, and the same with one thing broken."""
    pictures: dict[str, str] = {}
    drawn([play(scenarios()["leak"], "v5.9")], pictures)
    picture = list(pictures)[3]
    assert illegible(page, {picture: ""}) == []
    assert good in picture
    assert complaint in " ".join(illegible(page, {picture.replace(good, bad, 1): ""}))


@pytest.mark.parametrize("width", [900, 1280, 1920])
def test_no_part_is_wider_than_the_page(page: Any, saved: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for stepper in (step_through("leak", start=5), Stepper(played("P: write A; P: register g; P: fork C; P: write B"))):
        page.goto(saved(stepper.html()))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(saved(step_through("leak", start=5).html()))
    tops = [box.bounding_box()["y"] for box in page.locator("section.w").all()]
    assert (tops[0] == tops[1]) == (width >= 1280)
