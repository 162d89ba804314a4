"""Predict in a real browser: what lies ahead stays hidden, by keyboard and by mouse, and what it keeps of the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cowlab import POLICIES, Policy, play, scenarios
from cowlab.views import Predict, text_frame

pytestmark = pytest.mark.browser
ASK = {2: ("outcome", "page_count"), 5: ("outcome", "g")}


def at(page: Any) -> str:
    return str(page.locator(".pos").inner_text())


def asks(page: Any) -> str:
    """What the form says it is about."""
    return " ".join(page.locator(".cow-what").inner_text().split())


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.textContent"))


@pytest.fixture
def leak(page: Any, saved: Any) -> Any:
    """Two policies, two lines that ask: eight questions."""
    page.context.set_offline(True)
    page.goto(saved(Predict("leak", "v5.7", "v5.9", ask=ASK).html()))
    page.locator(".cow-stepper input[type=range]").focus()
    return page


def test_all_of_it_by_keyboard(leak: Any) -> None:
    press(leak, "ArrowRight")
    assert at(leak) == "line 1 of 6" and asks(leak) == "Line 2 P: fork C What will it do?"
    press(leak, "ArrowRight")  # no further: the first question has the focus now
    assert at(leak) == "line 1 of 6" and focused(leak) == "q2-0-0"
    press(leak, "2", "Tab", "2", "Tab", "1", "Tab", "0", "2", "Enter")
    assert at(leak) == "line 2 of 6" and asks(leak) == "Line 2 P: fork C 3 of 4 right."
    told = leak.locator("[data-on] .told").all_inner_texts()
    assert ["".join(words.split()) for words in told] == ["✓shareright", "✓2right", "✗shareyousaidcopy", "✓2right"]
    assert (
        leak.locator("[data-on] .because").all_inner_texts()
        == ["fork copies nothing: P and C map #1, both read-only now."] * 2
    )
    assert focused(leak) == "Go on ▶"
    press(leak, "ArrowRight", "ArrowRight")
    assert at(leak) == "line 4 of 6" and asks(leak) == "Line 5 P: write S What will it do?"
    press(leak, "2", "Tab")
    leak.keyboard.type("S")
    press(leak, "Tab", "ArrowRight", "ArrowRight", "Tab")  # in a choice the arrows choose: from hit to copy
    leak.keyboard.type("A")
    press(leak, "Enter")
    assert leak.locator(".cow-score").inner_text() == "Score: 7 of 8 right" and at(leak) == "line 5 of 6"
    assert leak.locator("td.mark").all_inner_texts() == [
        "",
        "3 of 4 right",
        "",
        "",
        "≠ first difference✓ 4 of 4 right",
        "",
    ]
    traces = [play(scenarios()["leak"], policy) for policy in ("v5.7", "v5.9")]
    assert [text + "\n" for text in leak.locator("pre.words").all_text_contents()] == [text_frame(t, 5) for t in traces]
    press(leak, "Enter")
    assert at(leak) == "line 6 of 6" and asks(leak) == "Line 6 g: read asks nothing. The end."
    press(leak, "Home")
    assert at(leak) == "start"
    press(leak, "End")
    assert at(leak) == "line 6 of 6"


def test_nobody_gets_past_a_question(leak: Any) -> None:
    ways = [
        lambda: press(leak, "End"),
        lambda: press(leak, "d"),
        lambda: button(leak, "Next (right arrow)").click(),
        lambda: button(leak, "Last (End)").click(),
        lambda: leak.locator("table.trace tbody tr").nth(4).click(),
        lambda: leak.locator(".cow-stepper input[type=range]").fill("6"),
    ]
    for way in ways:
        button(leak, "First (Home)").click()
        way()
        way()
        assert at(leak) in ("start", "line 1 of 6")
        assert leak.locator(".cow-stepper input[type=range]").input_value() in "01"
    leak.clock.install()
    button(leak, "▶ Play").click()
    leak.clock.run_for(10_000)
    assert at(leak) == "line 1 of 6" and button(leak, "▶ Play").is_visible()
    assert asks(leak) == "Line 2 P: fork C What will it do?" and focused(leak) == "q2-0-0"


def test_going_back_is_free(leak: Any) -> None:
    press(leak, "ArrowRight", "ArrowRight")
    button(leak, "Show me").click()
    press(leak, "ArrowRight", "ArrowRight", "ArrowRight")
    assert asks(leak).startswith("Line 5")
    button(leak, "Previous (left arrow)").click()
    button(leak, "Previous (left arrow)").click()
    assert at(leak) == "line 2 of 6" and asks(leak) == "Line 2 P: fork C 0 of 4 right."
    assert button(leak, "Go on ▶").is_visible()
    button(leak, "First (Home)").click()
    assert asks(leak) == "Start The first line asks nothing." and not button(leak, "Answer").is_visible()
    button(leak, "Last (End)").click()
    assert at(leak) == "line 4 of 6" and asks(leak).startswith("Line 5")


def rule(answer: bool) -> Policy:
    """Two rows that nobody can tell apart before they have decided."""
    return POLICIES["v5.9"].with_(reuse=lambda page: answer)._replace(name="rule", about="a rule")


def test_nothing_ahead_is_given_away(page: Any, saved: Any) -> None:
    """Before an answer the same can be seen and heard, whatever is true."""
    ask = {2: "outcome", 5: ("outcome", "g")}
    seen = []
    for said in (True, False):
        page.goto(saved(Predict("leak", rule(said), "v5.9", ask=ask, lede="Who keeps the frame?").html()))
        states = []
        for key in ("Home", "ArrowRight", "ArrowRight", "show", "ArrowRight", "ArrowRight", "ArrowRight", "show"):
            if key == "show":
                button(page, "Show me").click()
            else:
                page.locator(".cow-stepper").press(key)
            hidden = page.evaluate(
                "[...document.querySelectorAll('.sr, [aria-valuetext]')].map((e) => e.textContent + e.ariaValueText)"
            )
            text = " ".join(page.locator("body").inner_text().split())
            states.append((page.locator("body").aria_snapshot(), text, hidden))
        seen.append(states)
    assert seen[0][:-1] == seen[1][:-1] and "your turn" not in seen[0][-1][1]
    assert all(kept != copied for kept, copied in zip(seen[0][-1], seen[1][-1], strict=True))


def test_what_is_left_open_is_said(leak: Any) -> None:
    press(leak, "ArrowRight", "ArrowRight", "1", "Enter")
    assert leak.locator(".cow-hint").inner_text() == "3 of 4 still open: answer all, or choose Show me."
    assert at(leak) == "line 1 of 6" and focused(leak) == "q2-0-1"
    leak.keyboard.type("two")
    press(leak, "Tab", "1", "Tab", "2", "Enter")
    assert leak.locator(".cow-hint").inner_text() == "A count is a number." and focused(leak) == "q2-0-1"
    press(leak, "Control+a", "2", "Enter")
    assert at(leak) == "line 2 of 6"


def test_show_me_counts_what_was_answered(leak: Any) -> None:
    press(leak, "ArrowRight", "ArrowRight", "2")
    button(leak, "Show me").click()
    assert asks(leak) == "Line 2 P: fork C 1 of 4 right."
    assert leak.locator(".cow-score").inner_text() == "Score: 1 of 4 right, 4 to come"
    assert leak.locator("[data-on] .told").nth(1).inner_text().split() == ["–", "2", "shown"]
    told = leak.locator(".cow-tell").text_content()
    assert told.startswith("v5.7, outcome: share, right. v5.7, page_count of #1: 2, shown. v5.9,")
    assert told.endswith("Score: 1 of 4 right, 4 to come.")
    assert "v5.7: share. fork copies nothing" in leak.locator(".cow-say").text_content()
    button(leak, "Again").click()
    assert at(leak) == "start" and leak.locator(".cow-score").inner_text() == "8 to come"
    press(leak, "End")
    assert focused(leak) == "q2-0-0" and leak.locator("input:checked").count() == 0


def test_answers_are_taken_away_as_json(leak: Any) -> None:
    press(leak, "End", "2", "Tab", "3")
    button(leak, "Show me").click()
    with leak.expect_download() as download:
        button(leak, "Export").click()
    assert download.value.suggested_filename == "predict-leak.json"
    record = json.loads(Path(download.value.path()).read_text("utf-8"))
    kept = {
        "line": 2,
        "policy": "v5.7",
        "question": "page_count",
        "answer": "3",
        "truth": "2",
        "right": False,
        "shown": False,
    }
    assert record["answers"][1] == kept
    assert record["answers"][3] == {**kept, "policy": "v5.9", "answer": None, "shown": True}
    assert {**record, "answers": len(record["answers"])} == {
        **{"scenario": "leak", "policies": ["v5.7", "v5.9"]},
        **{"answers": 4, "right": 1, "asked": 4},
    }
    leak.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button(leak, "Copy").click()
    leak.wait_for_function("document.querySelector('.cow-hint').textContent.startsWith('Copied')")
    assert json.loads(leak.evaluate("navigator.clipboard.readText()")) == record


def test_the_keys_stay_inside(leak: Any) -> None:
    leak.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    press(leak, "End", "2", "ArrowLeft", "Enter", "d", "Escape", "Control+s")
    assert leak.evaluate("window.heard") == ["Escape", "Control", "s"]
    assert at(leak) == "line 1 of 6" and leak.locator("[name=q2-0-1]").input_value() == "d"
    button(leak, "Show me").press("Enter")  # in JupyterLab it would go into the cell's source
    assert at(leak) == "line 2 of 6" and leak.evaluate("window.heard.length") == 3


def test_every_control_is_reached_by_tab(leak: Any) -> None:
    press(leak, "ArrowRight")
    reached = []
    for _ in range(10):
        press(leak, "Tab")
        reached.append(
            leak.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.name || document.activeElement.textContent"
            )
        )
    fields = ["q2-0-0", "v5.7: page_count of #1", "q2-1-0", "v5.9: page_count of #1"]
    assert reached[:9] == ["Again", "Export", "Copy", *fields, "Answer", "Show me"]
    groups = leak.get_by_role("radiogroup").evaluate_all("(all) => all.map((e) => e.ariaLabel)")
    assert groups == ["v5.7: outcome", "v5.9: outcome"]


@pytest.mark.parametrize(("width", "together"), [(900, True), (1280, True), (1920, True), (620, False)])
def test_nothing_moves_nor_meets(page: Any, saved: Any, width: int, together: bool) -> None:
    """At every step the controls, the form and the pictures stand where they stood; no words on words, none outside."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(saved(Predict("leak", "v5.7", "v5.9").html()))
    boxes, left = [], []
    for _ in range(12):
        boxes.append([n for query in FIXED for n in page.locator(query).bounding_box().values()])
        left += page.evaluate(MEETS)
        tops = [box.bounding_box()["y"] for box in page.locator("[data-on] > *").all()]
        assert not tops or (tops[0] == tops[1]) == together
        if button(page, "Show me").is_visible():
            button(page, "Show me").click()
        else:
            button(page, "Next (right arrow)").click()
    assert at(page) == "line 6 of 6"
    assert left == []
    assert max(max(places) - min(places) for places in zip(*boxes, strict=True)) < 1  # the rule where they part: 1 px
    assert page.evaluate("document.documentElement.scrollWidth") <= width


FIXED = (".bar", ".cow-ask", "section.w svg >> nth=0")
MEETS = """() => {
  const form = document.querySelector(".cow-ask"), home = form.getBoundingClientRect();
  const shown = [...form.querySelectorAll(".lab, .cow-what, .cow-score, button, h3, .of, label, input[type=text], .told, .because, .cow-hint, kbd")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && (e.textContent || e.matches("input")));
  const box = (e) => e.getBoundingClientRect(), found = [];
  shown.forEach((a, i) => {
    const p = box(a);
    if (p.left < home.left || p.right > home.right || p.top < home.top || p.bottom > home.bottom) found.push(`${a.textContent} leaves the form`);
    shown.slice(i + 1).filter((b) => !a.contains(b)).forEach((b) => {
      const q = box(b);
      if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1)
        found.push(`${a.textContent} meets ${b.textContent}`);
    });
  });
  return found;
}"""


def test_a_name_from_a_learner_is_only_a_name(page: Any, saved: Any) -> None:
    evil = "<img src=x onerror=window.hurt=1>"
    policy = POLICIES["v5.7"]._replace(name=evil)
    page.goto(saved(Predict("P: write A\nP: fork C", policy, title=evil, lede=evil).html()))
    button(page, "Show me").click()
    assert page.evaluate("window.hurt") is None and page.locator("h3").first.inner_text() == evil


def test_two_on_one_page_do_not_meet(page: Any, saved: Any) -> None:
    one = Predict("leak", "v5.7")
    page.goto(saved(f"<!doctype html><meta charset=utf-8>{one.fragment()}{one.fragment()}"))
    second = page.locator(".cow-predict").nth(1)
    second.locator("input[type=radio]").first.focus()
    press(page, "4", "Enter")
    assert page.locator(".pos").all_inner_texts() == ["start", "line 1 of 6"]
    assert page.locator(".cow-score").all_inner_texts() == ["9 to come", "Score: 1 of 1 right, 8 to come"]


def test_without_scripts_questions_and_answers(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(saved(Predict("leak", "v5.7").html()))
    still = page.locator(".cow-still")
    assert still.locator("img").is_visible() and "outcome: hit, reuse, copy, fault or sigsegv?" in still.inner_text()
    assert "!! LEAK" not in still.inner_text()
    page.locator("summary").click()
    assert "line 5 of 6  P: write S  ->  reuse  !! LEAK" in still.inner_text()
    context.close()


def test_a_small_letter_is_told_from_a_capital_one(page: Any, saved: Any) -> None:
    page.goto(saved(Predict("P: write B\nP: fork C\nP: write D\nC: read", "v5.7", ask={4: "C"}).html()))
    page.locator(".cow-stepper input[type=range]").focus()
    press(page, "End")
    page.keyboard.type("b")
    press(page, "Enter")
    assert "you said b, another letter" in page.locator("[data-on] .told").inner_text()
