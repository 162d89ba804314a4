"""The sandbox as Python has it; what the browser does with it is in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from short import ALL
from walks import along, walks

from cowlab import POLICIES, BadAnswer, ScriptError, World, impossible, parse, play, read_scenario, scenarios
from cowlab.cli import main
from cowlab.events import RULES, parse_event
from cowlab.views import Sandbox
from cowlab.views.menu import ABOUT, menu
from cowlab.views.widget import MIME

SIX = "".join(f"{line}\n" for line in ("P: write A", "P: fork C", "C: vmsplice g", "C: munmap"))


def ask(sandbox: Sandbox, *what: Any) -> str:
    """As the browser asks; what was wrong."""
    sandbox.answer({"count": sandbox.state["count"], "ask": list(what)})
    return str(sandbox.state["error"])


def lines(found: dict[str, Any]) -> dict[str, str]:
    """Every line that the menu offers, with its reason if it cannot happen: put together as the browser does it."""
    offered = {}
    for group in found["groups"]:
        for verb in group["verbs"]:
            for words in _words(verb["parts"], found):
                chosen = " ".join(
                    w for part, w in zip(verb["parts"], words, strict=True) if part not in ("V", "C", "g")
                )
                line = " ".join(filter(None, [f"{group['who']}: {verb['verb']}", *words]))
                offered[line] = verb["no"].get("*") or verb["no"].get(chosen, "")
    return offered


def _words(parts: list[Any], found: dict[str, Any]) -> list[list[str]]:
    if not parts:
        return [[]]
    first, slots = parts[0], found["slots"]
    pages = [f"@{page}" for page in found["pages"]]
    options = pages if first == "@" else [slots[first]] if isinstance(first, str) else first["options"]
    return [[option, *rest] for option in options for rest in _words(parts[1:], found)]


def test_the_menu_is_right_about_what_can_happen() -> None:
    for scenario in scenarios().values():
        trace = play(scenario, "v6.5")
        for index in (0, len(trace.steps) // 2, len(trace.steps)):
            world = trace.moments[index].world
            for line, reason in lines(menu(world, scenario.events[:index])).items():
                assert (impossible(world, parse_event(line)) or "") == reason, (scenario.name, index, line)


@given(walks)
def test_the_menu_is_right_after_random_scripts(walk: list[tuple[str, int]]) -> None:
    world, events = World(), []
    for _, event, step in along(walk, POLICIES["v6.5"]):
        world, events = step.world, [*events, event]
    found = menu(world, events)
    assert all((impossible(world, parse_event(line)) or "") == reason for line, reason in lines(found).items())
    fresh = {found["slots"]["C"], found["slots"]["g"]}
    assert fresh.isdisjoint(process.name for process in world.processes)
    assert fresh.isdisjoint(reference.name for reference in world.references)


def test_every_verb_of_the_grammar_is_in_the_menu() -> None:
    kinds = {"process": "", "kernel": "kernel", "file": "file", "reference": ""}
    told = {(kinds[kind], verb) for kind, verbs in ABOUT.items() for verb in verbs}
    assert told == set(RULES)
    common = [verb for verb in menu(World(), ())["groups"][0]["verbs"] if not verb["more"]]
    assert len(common) == 8


def test_what_is_filled_in() -> None:
    found = menu(play("P: write A\nP: write B\nP: fork C\nP: vmsplice g\nC: exit", "v5.7").moments[-1].world, ())
    assert found["slots"] == {"V": "A", "C": "C", "g": "h", "@": 0}
    box = Sandbox("P: mmap anon @1\nP: write A\nP: fork C\nP: vmsplice g @1\nC: exit\ng: put")
    assert box.state["menu"]["slots"] == {
        "V": "B",
        "C": "D",
        "g": "h",
        "@": 1,
    }  # never used before; the page last touched


def test_what_changes_something_is_offered_first() -> None:
    def first(script: str, verb: str) -> str:
        group = Sandbox(script).state["menu"]["groups"][0]
        (found,) = (entry for entry in group["verbs"] if entry["verb"] == verb)
        return " ".join(part["value"] for part in found["parts"] if not isinstance(part, str))

    assert (first("P: read", "mprotect"), first("P: mprotect r", "mprotect")) == ("r", "rw")
    assert (first("P: read", "uffd_wp"), first("P: uffd_wp on", "uffd_wp")) == ("on", "off")
    assert (first("P: read", "mmap"), first("P: munmap", "mmap"), first("", "mmap")) == (
        "anon  @1",
        "anon  @0",
        "anon  @0",
    )
    assert first("P: fork C", "vm_write") == "C"


def test_one_event_at_a_time() -> None:
    box = Sandbox()
    assert box.script == "" and box.state["undo"] == box.state["redo"] == ""
    for line in SIX.splitlines():
        assert ask(box, "do", line) == ""
    assert box.script == SIX and box.trace.moments[-1].outcome == "done"
    box.do("P: write S  # the secret\ng: read")
    assert box.trace.verdict == "leak" and box.script.endswith("P: write S  # the secret\ng: read\n")


def test_undo_and_redo() -> None:
    box = Sandbox("leak", start="leak@4")
    assert box.script == SIX and (box.state["undo"], box.state["redo"]) == ("C: munmap", "P: write S")
    ask(box, "redo")
    assert box.trace.moments[-1].new and box.state["redo"] == "g: read"
    ask(box, "undo")
    ask(box, "do", "P: read")
    assert box.state["redo"] == "" and box.script == SIX + "P: read\n"
    for _ in range(9):
        box.undo()
    assert box.script == "" and box.state["undo"] == ""
    for _ in range(9):
        box.redo()
    assert box.script == SIX + "P: read\n"


def test_going_on_from_an_earlier_line_and_elsewhere_is_undone_too() -> None:
    box = Sandbox("leak")
    ask(box, "keep", 2)
    assert box.script == "P: write A\nP: fork C\n" and box.state["undo"] == "back to 6 lines"
    ask(box, "load", "cow-basic")
    assert box.state["name"] == "cow-basic" and box.state["undo"] == "back to 2 lines"
    box.load("leak", start=5)
    assert box.state["redo"] == "g: read"
    box.undo()
    box.undo()
    box.undo()
    assert box.script.count("\n") == 6 and box.state["name"] == "leak"
    with pytest.raises(ValueError, match="there is no place 7"):
        box.keep(7)


def test_a_place_names_its_scenario() -> None:
    assert Sandbox(start="leak@4").script == SIX
    for wrong in ("leak@7", "leek@1", 1):
        with pytest.raises(ValueError, match="there is no"):
            Sandbox(start=wrong)


def test_the_policy_changes_under_the_same_script() -> None:
    box = Sandbox("leak")
    ask(box, "switch", 0, 3)
    assert [trace.policy.name for trace in box.traces] == ["v5.7", "v5.9"]
    assert [trace.verdict for trace in box.traces] == ["leak", "ok"] and box.state["stepper"]["part"] == 5
    box.switch("ideal")
    assert box.trace.policy.name == "ideal" and len(box.traces) == 1
    with pytest.raises(ValueError, match="no policy 'v5'"):
        box.switch("v5")
    with pytest.raises(ValueError, match="at least one"):
        box.switch()
    assert box.state["chosen"] == [15]
    assert Sandbox("leak", "v5.7", "v5.7").state["chosen"] == [0]


def test_what_cannot_be_said_or_done() -> None:
    box = Sandbox("leak", start=4)
    before = box.script
    assert ask(box, "do", "P: wirte A").startswith("unknown verb 'wirte'\nDid you mean write?")
    assert ask(box, "do", "P: write A\ng: write A").startswith(
        "this cannot happen: g was taken by vmsplice without write"
    )
    assert box.script == before
    with pytest.raises(ScriptError, match="unknown verb"):
        box.do("P: wirte A")
    assert ask(box, "do", "P: write S") == ""


def test_a_bad_answer_is_a_sentence_and_changes_nothing() -> None:
    def can_reuse(page: Any) -> Any:
        return "yes" if page.mapcount == 1 else False

    mine = POLICIES["v5.7"].with_(reuse=can_reuse)
    box = Sandbox("leak", mine, start=4)
    said = ask(box, "do", "P: write S")
    assert said.startswith("Not done: v5.7(reuse=can_reuse): reuse answered 'yes', expected one of reuse, copy, push")
    assert "mapcount=1" in said and "split" not in said and box.script == SIX
    with pytest.raises(BadAnswer):
        box.do("P: write S")
    box.switch("v5.7")
    box.do("P: write S")
    assert "reuse answered 'yes'" in ask(box, "switch", 16)
    assert box.trace.policy.name == "v5.7"
    box = Sandbox("leak", mine)  # as far as it goes
    assert box.script == SIX and "reuse answered" in box.state["error"] and box.state["redo"] == "P: write S"


def test_a_second_click_is_not_a_second_event() -> None:
    box = Sandbox("leak", start=1)
    click = {"count": box.state["count"], "ask": ["do", "P: fork C"]}
    box.answer(click)
    box.answer(click)
    assert box.script == "P: write A\nP: fork C\n" and box.state["error"] == ""
    box.answer({"count": box.state["count"], "ask": ["close"]})
    assert box.script == "P: write A\nP: fork C\n"


def test_saved_work_is_played_and_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Sandbox("leak", title="note: mine")
    path = box.save(tmp_path / "mine")
    assert path == tmp_path / "mine.cow"
    assert main(["run", str(path), "--policy", "v5.7"]) == 0
    assert "verdict  leak" in capsys.readouterr().out
    saved = read_scenario(path.read_text("utf-8"), "mine")
    assert saved.title == "Note: mine" and saved.header == {"source": "cowlab sandbox, from leak"}
    assert saved.events == box.trace.scenario.events == Sandbox(saved).trace.scenario.events
    box.do("P: read")
    with pytest.raises(FileExistsError, match=r"exists already and was not touched: .*overwrite=True"):
        box.save(path)
    assert path.read_text("utf-8").count("P: read") == 0
    box.save(path, title="Two\nlines", overwrite=True)
    assert path.read_text("utf-8").startswith("# Two lines\n") and path.read_text("utf-8").endswith("P: read\n")
    with pytest.raises(ValueError, match="nothing has happened yet"):
        Sandbox().save(tmp_path / "empty.cow")


def test_the_file_of_the_browser_is_the_same(tmp_path: Path) -> None:
    state = Sandbox("leak").state
    text = Sandbox("leak").save(tmp_path / "a.cow").read_text("utf-8")
    assert text == f"{state['head']}\n{state['script']}" and state["file"] == "my-leak.cow"
    assert parse(text).events == scenarios()["leak"].events


def test_without_a_kernel_it_says_so_and_steps() -> None:
    bundle = Sandbox("leak", "v5.7")._repr_mimebundle_()[0]
    shown = bundle["text/html"].partition("<script")[0]
    assert "The sandbox needs a running kernel" in shown and "line 6 of 6  g: read" in shown
    assert "data:image/svg+xml;base64," in shown and "<button" not in shown
    assert "line 6 of 6  g: read" in bundle["text/plain"]
    assert repr(Sandbox()).endswith("could happen next\n" + NEXT)


def test_as_an_output_the_still_stands_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("cowlab.views.widget.display", lambda data, raw, metadata=None: shown.append(data))
    box = Sandbox("leak")
    box._ipython_display_()
    still, living = shown
    assert box.trace.policy.name in still["text/plain"] == box.text()
    assert "The sandbox needs a running kernel" in still["text/html"]
    assert living[MIME]["model_id"] == box.model_id and living["text/html"] == living["text/plain"] == ""


NEXT = """  P: read, write A, fork C, exit, munmap, mprotect r|rw|none, vmsplice g, register g
  kernel: swap_out P, migrate P
"""


def test_any_scenario_under_any_policy() -> None:
    for name in ("overflow", "leak-thp", "ksm-write", "pin-file-fork", "uffd-wp-read"):
        assert len(Sandbox(name, *ALL).traces) == len(ALL)


def test_names_and_titles_are_data() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    box = Sandbox("P: read", POLICIES["v5.7"]._replace(name=evil), title=evil)
    assert "<img src=x" not in box.still() and re.search(r"&lt;img src=x", box.still())


def test_a_round_trip_is_small(record_property: Any) -> None:
    import json

    from test_stepper import long_script

    sizes = {
        name: len(json.dumps(Sandbox(script).state)) for name, script in (("leak", "leak"), ("60", long_script(60)))
    }
    record_property(
        "measured", f"a state of the sandbox: leak {sizes['leak']:,} bytes, 60 crowded lines {sizes['60']:,}"
    )
    assert sizes["leak"] < 40_000 and sizes["60"] < 250_000
