"""Predict as Python makes it; what the browser does with it is in tests/browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from test_stepper import long_script

from cowlab import POLICIES, read_scenario
from cowlab.events import ScriptError
from cowlab.views import Predict, text_frame

EVIL = "</script><script>alert(1)</script><!--"


def data(predict: Predict) -> Any:
    found = re.search(r'class="cow-frames">(.*?)</script>', predict.fragment(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_answers_are_in_the_page() -> None:
    found = data(Predict("leak", "v5.7", "v5.9"))
    assert found["lines"]["5"][0] == [
        {"question": "outcome", "label": "outcome", "truth": "reuse"},
        {"question": "g", "label": "g sees", "truth": "S"},
        {"question": "mapcount", "label": "mapcount of #1", "truth": "1"},
    ]
    assert [question["truth"] for question in found["lines"]["5"][1]] == ["copy", "A", "1"]
    assert found["why"]["5"][0] == "Write fault: mapcount is 1, so P keeps #1, which the pipe still reads."
    assert found["stepper"]["covered"] and found["stepper"]["part"] is None
    assert list(found["lines"]) == ["1", "2", "3", "4", "5"] == list(found["why"])


def test_but_not_in_the_form() -> None:
    """The form is the same whatever is true: the same questions, the same choices."""
    always, never = (
        POLICIES["v5.9"].with_(reuse=lambda page, said=said: said)._replace(name="rule") for said in (True, False)
    )
    ask = {5: ("outcome", "g", "page_count")}
    forms = [data(Predict("leak", policy, ask=ask))["form"] for policy in (always, never)]
    assert forms[0] == forms[1]
    assert re.findall(r'type="radio" name="q5-0-0" value="(\w+)"', forms[0]) == [
        "hit",
        "reuse",
        "copy",
        "fault",
        "sigsegv",
    ]


def test_two_policies_are_the_default() -> None:
    assert data(Predict("leak"))["stepper"]["names"] == ["v5.7", "v5.9"]


def test_a_lesson_chooses_what_is_asked() -> None:
    found = data(Predict("leak", "v6.5", ask={5: "outcome"}))
    assert [list(found["lines"]), found["lines"]["5"][0][0]["truth"]] == [["5"], "copy"]
    nothing = Predict("P: write A", "v5.7", ask={})
    assert nothing.text().endswith("Nothing is asked.") and data(nothing)["lines"] == {}


def test_errors_speak() -> None:
    with pytest.raises(ValueError, match="there is no scenario 'leek'"):
        Predict("leek")
    with pytest.raises(
        ValueError, match="line 6 does not answer 'exclusive'; it answers outcome, page_count, mapcount, P, g"
    ):
        Predict("leak", ask={6: "exclusive"})
    with pytest.raises(ScriptError, match="unknown verb"):
        Predict("P: wirte A")


def test_in_words() -> None:
    predict = Predict("leak", "v5.7", ask={5: ("outcome", "g")})
    assert repr(predict) == (
        text_frame(predict.stepper.traces[0], 0)
        + "\nline 5  P: write S\n  v5.7  outcome: hit, reuse, copy, fault or sigsegv?\n  v5.7  g sees: ?\n"
    )
    assert predict._repr_mimebundle_()["text/plain"] == predict.text()


def test_without_scripts_one_reads_questions_and_answers() -> None:
    still = Predict("leak", "v5.7").fragment().partition('class="cow-still"')[2].partition("<script")[0]
    before, _, answers = still.partition("<details>")
    assert "once the notebook is trusted" in before and "data:image/svg+xml;base64," in before
    assert "outcome: hit, reuse, copy, fault or sigsegv?" in before and "LEAK" not in before
    assert "line 5 of 6  P: write S  -&gt;  reuse  !! LEAK" in answers


def test_nothing_breaks_out() -> None:
    scenario = read_scenario(f"# {EVIL}\nP: write A\nP: fork C\n", EVIL)
    html = Predict(scenario, POLICIES["v5.7"]._replace(name=EVIL), title=EVIL, lede=EVIL).html()
    assert "<script>alert" not in html and "<!--" not in html.removeprefix("<!doctype html>")
    assert html.count("<script") == html.count("</script") == 2


def test_the_page_needs_no_network() -> None:
    html = Predict("leak").html()
    assert not re.search(r'(src|href)="(?!data:)', html) and "@import" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_a_long_trace_stays_small(record_property: pytest.RecordProperty) -> None:
    size = len(Predict(long_script(200), "v6.5").fragment().encode())
    record_property("measured", f"a Predict of 200 steps: {size / 1e6:.2f} MB")
    assert size < 1_000_000
