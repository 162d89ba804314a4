"""The simulator beside what real kernels did: every recorded value that the World has a word for."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources

import pytest

from cowlab import POLICIES, Policy, format, parse, play, scenarios
from cowlab.live import agreement, observe
from cowlab.live.agreement import NOT_MODELLED, Cell, Recording, compare, nearest, recordings, summary
from cowlab.live.observe import Observer

KERNELS = {
    **{"5.4.1": "v5.7", "5.8.18": "v5.8", "5.10.262": "v5.11"},
    **{"5.18.12": "v5.18", "6.12.117": "v6.5", "7.3.4": "v6.5"},
}


def shipped() -> list[Cell]:
    return [cell for recording in recordings().values() for cell in compare(recording)]


def wrong(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if not cell.reason and not cell.agrees]


def one(name: str, policy: str | Policy | None = None, **fields: str) -> list[Cell]:
    """A recording of a single scenario, compared."""
    return compare(Recording("test", "", "v6.5", 1, {}, {}, {name: fields}), policy)


def test_the_simulator_agrees_with_every_recorded_kernel(record_property: Callable[[str, object], None]) -> None:
    cells = shipped()
    record_property("measured", summary(cells))
    assert not wrong(cells)


def test_what_is_not_modelled_has_a_listed_reason_and_no_reason_is_idle() -> None:
    # An unprivileged observer sees no frames; the shipped recordings were made by root.
    hidden = one("s02_child_exits_parent_writes", parent_frame="?")
    used = {cell.reason for cell in [*shipped(), *hidden]} - {""}
    assert used == {row.reason for row in NOT_MODELLED}


def test_nothing_that_was_seen_is_left_out() -> None:
    left_out = {cell.field for cell in shipped() if cell.reason}
    assert left_out == {"na", "rc"}


def test_every_recording_stands_on_its_own() -> None:
    assert {kernel: recording.row for kernel, recording in recordings().items()} == KERNELS
    recorded = {name for name, scenario in scenarios().items() if scenario.header.get("recorded") == name}
    for recording in recordings().values():
        assert recording.runs >= 2 and recording.package and recording.method and recording.legend
        assert set(recording.results) == recorded


def test_recordings_have_a_stable_form() -> None:
    for file in resources.files("cowlab").joinpath("live", "recordings").iterdir():
        text = file.read_text("utf-8")
        assert json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n" == text, file.name


def test_recorded_scripts_are_in_canonical_form() -> None:
    for name in recordings()["7.3.4"].results:
        text = scenarios()[name].text
        assert format(parse(text)) == text


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_other_row_disagrees_somewhere(kernel: str) -> None:
    (best, agree, of), *others = nearest(recordings()[kernel])
    assert (best, agree) == (KERNELS[kernel], of)
    assert {best, *(policy for policy, _, _ in others)} == set(POLICIES)
    assert all(agreed < compared for _, agreed, compared in others)


def test_another_rule_is_caught_in_the_leak() -> None:
    missed = {(cell.scenario, cell.field): cell for cell in wrong(compare(recordings()["5.4.1"], "v6.5"))}
    leak = missed["s04_vmsplice_leak_munmap", "verdict"]
    assert (leak.recorded, leak.model) == ("LEAK", "ok")
    for field in ("child_pipe_sees", "parent_frame"):
        assert ("s04_vmsplice_leak_munmap", field) in missed
    assert ("s33_reverse_leak_thp", "verdict") in missed


def test_every_cell_is_compared_for_what_it_says() -> None:
    """Recordings in which every value is turned into another one: nothing may agree with them."""
    opposite = {"same": "moved", "moved": "same", "SIGSEGV": "0", "0": "-14", "1": "-14"}
    for recording in recordings().values():
        for name, fields in recording.results.items():
            kept = {field: value for field, value in fields.items() if field in ("na", "rc")}
            turned = {field: opposite.get(value, "z") for field, value in fields.items()} | kept
            cells = compare(recording._replace(results={name: turned}))
            assert not [cell for cell in cells if cell.agrees and cell.field not in kept]


def test_a_call_that_a_configuration_refused_did_not_happen() -> None:
    refused = {"rc": "-5", "parent_sees": "A", "parent_frame": "same"}
    cells = one("s15_forcewrite_shared", **refused)
    assert [bool(cell.reason) for cell in cells] == [True, False, False]
    assert not wrong(cells)
    # A refusal by the kernel's own rules is no configuration.
    assert len(wrong(one("s21_process_vm_writev", **refused))) == 3


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    assert [cell.reason for cell in one("s02_child_exits_parent_writes", moon="full")] == ["unknown field"]
    assert [cell.reason for cell in one("s99_new", parent_sees="A")] == ["unknown scenario"]


def test_another_policy_may_be_a_row_or_a_name() -> None:
    hybrid = POLICIES["v6.5"].with_(reuse=POLICIES["v5.7"].reuse)
    (cell,) = one("s04_vmsplice_leak_munmap", hybrid, child_pipe_sees="P")
    assert cell.agrees
    with pytest.raises(ValueError, match=r"v6\.6"):
        one("s04_vmsplice_leak_munmap", "v6.6", child_pipe_sees="P")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kernel": "x"}', "null", '{"results": 7}'])
def test_a_file_that_is_no_recording_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"mine\.json is not a recording"):
        agreement.read_recording(text, "mine.json")


def test_a_recording_holds_texts_only() -> None:
    text = json.dumps(recordings()["5.4.1"]._replace(results={"s": {"f": 1}})._asdict())
    with pytest.raises(ValueError, match="not a text"):
        agreement.read_recording(text, "mine.json")


def test_it_prints_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert agreement.main() == 0
    assert capsys.readouterr().out.startswith("agreement: ")
    other = recordings()["5.4.1"]._replace(row="v6.5")
    monkeypatch.setattr(agreement, "recordings", lambda: {"5.4.1": other})
    assert agreement.main() == 1
    assert "the model says ok" in capsys.readouterr().out


# Each observer on a script of its own, for each of its answers. Steps are separated by ";".
A, PIPE, FORK = "P: write A", "P: vmsplice g", "P: fork C"
OUT, BACK = "P: madvise pageout", "P: read"
ANSWERS: list[tuple[str, Observer, str]] = [
    ("A", observe.sees("P"), A),
    ("0", observe.sees("P"), BACK),
    ("A", observe.sees("g"), f"{A}; {PIPE}; P: munmap"),
    ("A", observe.sees("P", A), f"{A}; P: write P"),
    ("err11", observe.sees("P"), f"{A}; P: mprotect none"),
    ("err11", observe.sees("C"), f"{A}; {FORK}; C: exit"),
    ("A", observe.sees("file"), "P: mmap file r; P: read"),
    ("same", observe.frame("P", A), f"{A}; P: write P"),
    ("moved", observe.frame("P", A), f"{A}; {FORK}; P: write P"),
    ("same", observe.frame("C", A), f"{A}; {FORK}"),
    ("moved", observe.frame("C", A), f"{A}; P: register g; {FORK}"),
    ("same", observe.frame("D", A), f"{A}; {FORK}; C: fork D; C: exit; P: exit"),
    ("?", observe.frame("P", A), f"{A}; {OUT}"),
    ("?", observe.frame("P", "P: mmap anon"), f"P: mmap anon; {A}"),
    # A number that was freed names another frame when it comes back, unless somebody kept the frame.
    ("moved", observe.frame("P", A), f"{A}; {OUT}; {BACK}"),
    ("same", observe.frame("P", A), f"{A}; {PIPE}; {OUT}; {BACK}"),
    ("moved", observe.frame("P", A), f"{A}; P: madvise dontneed; P: write B"),
    ("moved", observe.frame("P", A), f"{A}; kernel: migrate P"),
    ("2", observe.mappings("P"), f"{A}; {FORK}"),
    ("1", observe.mappings("P"), f"{A}; {FORK}; C: write C"),
    ("?", observe.mappings("P"), f"{A}; {OUT}"),
    ("0", observe.mapped_once("P"), f"{A}; {FORK}"),
    ("1", observe.mapped_once("P"), f"{A}; {PIPE}"),
    ("1", observe.swap_entry("P", OUT), f"{A}; {OUT}; {BACK}"),
    ("0", observe.swap_entry("P", OUT), f"{A}; P: register g; {OUT}"),
    ("1", observe.zero_page("P", BACK), BACK),
    ("0", observe.zero_page("P", BACK), f"{A}; {BACK}"),
    ("succeeds", observe.result("P: mprotect r"), f"{A}; P: mprotect r"),
    ("refused", observe.result("P: mprotect r"), f"{A}; P: munmap; P: mprotect r"),
    ("SIGSEGV", observe.signal("P: write P"), f"{A}; P: mprotect r; P: write P"),
    ("ok", observe.signal("P: write P"), f"{A}; P: write P"),
    ("0", observe.finished("g", "P: write P"), "P: direct_read g; P: write P; g: put"),
    ("1", observe.finished("g", "P: write P"), "P: direct_read g; g: put; P: write P"),
    ("1->0", observe.soft_dirty_change("P", "P: clear_refs"), f"{A}; P: clear_refs"),
    ("1->1", observe.soft_dirty_change("P", "P: clear_refs"), f"{A}; P: register g; P: clear_refs"),
    ("0->0", observe.soft_dirty_change("P", "P: clear_refs"), "P: read; P: clear_refs"),
    ("1", observe.soft_dirty("P", "P: write P"), f"{A}; P: clear_refs; P: write P"),
    ("coherent", observe.coherent("g", "P"), f"{A}; {PIPE}; P: write P"),
    ("stale", observe.coherent("g", "P"), f"{A}; {PIPE}; {FORK}; P: write P"),
    ("stale", observe.coherent("g", "P"), f"{A}; {PIPE}; P: munmap"),
    ("coherent", observe.arrived("P"), f"{A}; P: direct_read g; g: write D"),
    ("LOST", observe.arrived("P"), f"{A}; P: direct_read g"),
    ("ok", observe.leaks("g"), f"{A}; {FORK}; C: vmsplice g; P: write P"),
    ("ok", observe.leaks("g"), f"{A}; {PIPE}; P: write P"),
    ("LEAK", observe.leaks("g"), f"P: mmap hugetlb; {A}; {FORK}; C: vmsplice g; C: munmap; P: write P"),
]
TWO = "P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; P: madvise mergeable @1; "
KSM = "kernel: ksm P P @1"
SWAPPED = "kernel: ksm P @1 P"
ANSWERS += [
    ("1", observe.merged(KSM), TWO + KSM),
    ("0", observe.merged(KSM), f"{TWO}{PIPE}; {KSM}"),
    ("page1", observe.merged_frame(KSM), TWO + KSM),
    ("page1", observe.merged_frame(SWAPPED), TWO + SWAPPED),
    ("new", observe.merged_frame(KSM), f"{TWO}{PIPE}; {KSM}"),
]


@pytest.mark.parametrize(("answer", "observer", "script"), ANSWERS)
def test_an_observer_gives_each_of_its_answers(answer: str, observer: Observer, script: str) -> None:
    assert observer(play("\n".join(script.split("; ")) + "\n", "v6.5")) == answer


def test_what_nobody_could_see_is_not_counted() -> None:
    hidden = {"9 P: write A": "?", "13 P: write P": "?", "child_pipe_sees": "A"}
    found = recordings()["7.3.4"]._replace(results={"s04_vmsplice_leak_munmap": hidden})
    assert {of for _, _, of in nearest(found)} == {1}
