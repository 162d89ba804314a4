"""The Stepper as Python makes it; what the browser does with it is in tests/browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from crowds import long_script
from short import ALL

from cowlab import POLICIES, play, read_scenario, scenarios
from cowlab.views import Stepper, step_through, text_frame


def data(stepper: Stepper) -> Any:
    found = re.search(
        r'<script type="application/json" class="cow-frames">(.*?)</script>', stepper.fragment(), re.DOTALL
    )
    assert found is not None
    return json.loads(found[1])


def shown(frames: Any, which: int, index: int) -> dict[int, str]:
    """What stands at every place of a panel, put together as the browser does it."""
    now: dict[int, int] = {}
    for step in frames["panels"][which][: index + 1]:
        now |= dict(zip(step[::2], step[1::2], strict=True))
    return {place: "".join(frames["tokens"][t] for t in frames["strings"][string]) for place, string in now.items()}


def test_the_frames_are_all_in_it() -> None:
    stepper = step_through("leak", "v5.7", "v5.9")
    frames = data(stepper)
    assert frames["name"] == "leak" and frames["names"] == ["v5.7", "v5.9"] and frames["part"] == 5
    for which, trace in enumerate(stepper.traces):
        for index in range(len(trace.moments)):
            lines = [frames["tokens"][line] for line in frames["texts"][which][index]]
            assert "\n".join(lines) + "\n" == text_frame(trace, index)
    assert shown(frames, 0, 5)[0] == '<span class="verdict bad">✗ LEAK</span>'
    assert shown(frames, 1, 5)[0] == '<span class="verdict ok">✓ ok so far</span>'
    assert shown(frames, 1, 6)[0] == '<span class="verdict ok">✓ ok</span>'
    more = data(Stepper(*stepper.traces, ended=False))  # there may come more, as in a Sandbox
    assert shown(more, 1, 6)[0] == '<span class="verdict ok">✓ ok so far</span>'
    assert shown(more, 0, 6) == shown(frames, 0, 6)
    assert shown(frames, 0, 5)[1].startswith("<b>reuse</b>. Write fault: mapcount is 1")


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario(name: str) -> None:
    traces = [play(scenarios()[name], policy) for policy in ALL]
    assert data(Stepper(*traces))["live"].count("<section") == len(traces)


def test_a_place_can_be_opened_again() -> None:
    assert step_through("leak", start="leak@5").start == step_through("leak", start=5).start == 5
    assert step_through("leak", start="leak@5").place == "leak@5"
    assert step_through("leak@5").place == "leak@5"
    with pytest.raises(ValueError, match="there is no place '7'"):
        step_through("leak@7")
    for wrong in ("leak@7", "leak", -1, 7):
        with pytest.raises(ValueError, match="there is no place"):
            step_through("leak", start=wrong)


def test_only_one_script_at_a_time() -> None:
    with pytest.raises(ValueError, match="another script"):
        Stepper(play(scenarios()["leak"], "v5.7"), play(scenarios()["cow-basic"], "v5.7"))


def test_without_a_difference_nothing_is_marked() -> None:
    stepper = step_through("leak", "v5.9-rc4", "v5.9")
    assert stepper.part is None and "first difference" not in stepper.fragment()
    assert step_through("leak", "v5.7").part is None


def test_a_flag_that_one_kernel_lacks_is_no_difference() -> None:
    stepper = step_through("P: write A\nP: fork C\nP: write B", "v5.9", "v6.5")
    assert stepper.part is None


def test_every_instance_has_its_own_id() -> None:
    stepper = step_through("leak")
    ids = [re.findall(r'data-cowlab="(cow-[0-9a-f]+-[0-9]+)"', stepper.fragment()) for _ in range(2)]
    assert ids[0] != ids[1] and len(ids[0]) == 1


def test_nothing_breaks_out() -> None:
    evil = "</script><script>alert(1)</script><!--"
    trace = play(read_scenario(f"# {evil}\nP: write A\n", evil), POLICIES["v5.7"]._replace(name=evil))
    for html in (Stepper(trace, title=evil, lede=evil)._repr_html_(), Stepper(trace).html()):
        assert "alert(1)</script>" not in html and "<script>alert" not in html
        assert html.count("<script") == html.count("</script") == 2 and "<!--" not in html


def test_a_notebook_gets_html_and_text() -> None:
    bundle = step_through("leak", "v5.7", start=5)._repr_mimebundle_()
    assert bundle["text/plain"] == text_frame(play(scenarios()["leak"], "v5.7"), 5)
    assert set(bundle) == {"text/html", "text/plain"}


def test_without_scripts_one_reads_the_frames() -> None:
    html = step_through("leak", "v5.7").fragment()
    still = html.partition('class="cow-still"')[2].partition("<script")[0]
    assert "<button" not in html and "<table" not in html
    assert "steps once the notebook is trusted" in still and "data:image/svg+xml;base64," in still
    assert still.count("<pre>") == 7 and "line 5 of 6  P: write S  -&gt;  reuse  !! LEAK" in still


def test_the_page_needs_no_network() -> None:
    html = step_through("leak").html()
    assert not re.search(r'(src|href)="(?!data:)', html) and "@import" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_a_long_trace_stays_small(record_property: Any) -> None:
    script = long_script(200)
    for policies in (("v6.5",), ("v5.7", "v6.5")):
        size = len(step_through(script, *policies).fragment().encode())
        record_property("measured", f"a Stepper of 200 steps, {len(policies)} policies: {size / 1e6:.2f} MB")
        assert size < 1_000_000
