"""A recording beside the policies and the recorded kernels: who shows the same, where they part, what would tell more."""

from __future__ import annotations

import pytest
from onkernel import script

from cowlab import POLICIES, scenarios
from cowlab.live import beside
from cowlab.live.agreement import Recording, recordings
from cowlab.live.beside import (
    Nearest,
    Telling,
    closest,
    differences,
    first_differences,
    like_recorded,
    parting,
    same_words,
    told_apart,
)

LEAK, EXIT = "s04_vmsplice_leak_munmap", "s02_child_exits_parent_writes"


def made(**results: dict[str, str]) -> Recording:
    return Recording("mine", "", "v6.5", 1, {}, {}, results)


def test_the_closest_are_those_that_agree_most() -> None:
    assert closest(made(**{LEAK: {"child_pipe_sees": "P"}})) == Nearest(
        ["v5.7", "jerome-fork-push", "jerome-fork-reuse"], 1, 1
    )
    near = closest(made(**{LEAK: {"child_pipe_sees": "A", "verdict": "LEAK"}}))
    assert (near.agree, near.values, near.whole) == (1, 2, False)


def test_each_recorded_kernel_is_closest_to_its_own_row() -> None:
    for recording in recordings().values():
        near = closest(recording)
        assert near.policies == [recording.row] and near.whole


def test_where_nothing_ran_nobody_is_close() -> None:
    for nothing in (made(), made(**{LEAK: {"na": "no vmsplice"}}), made(**{LEAK: {"verdict": "?"}})):
        assert closest(nothing) == Nearest([], 0, 0) and not closest(nothing).whole


def test_the_first_difference_of_each_scenario() -> None:
    mine = recordings()["5.4.1"]
    found = first_differences(mine, POLICIES["v6.5"])
    assert LEAK in found and EXIT not in found
    cell = found[LEAK]
    assert cell.field == next(
        field for field, value in mine.results[LEAK].items() if value != recordings()["7.3.4"].results[LEAK][field]
    )
    assert first_differences(recordings()["7.3.4"], POLICIES["v6.5"]) == {}


def test_own_scripts_are_compared_by_their_own_atlas() -> None:
    own = script("P: write A; P: read", "own.cow")
    wrong = made(**{"own.cow": {"2 P: read": "B"}})
    assert first_differences(wrong, POLICIES["v6.5"], {"own.cow": own})["own.cow"].model == "A"
    assert first_differences(wrong, POLICIES["v6.5"]) == {}  # nobody knows it


@pytest.mark.parametrize(
    ("mine", "theirs", "differ"),
    [
        ({"f": "A"}, {"f": "A"}, []),
        ({"f": "A"}, {"f": "B"}, ["f"]),
        ({"f": "A", "g": "B"}, {"f": "B", "g": "A"}, ["f", "g"]),
        ({"f": "A"}, {"g": "B"}, []),
        ({"f": "?"}, {"f": "B"}, []),
        ({"f": "1->?"}, {"f": "1->0"}, []),
        ({"rc": "-1"}, {"rc": "-13"}, []),
        ({"rc": "-1"}, {"rc": "4096"}, ["rc"]),
        ({"io_res": "512"}, {"io_res": "4096"}, []),
        ({"mapcount": "1"}, {"mapcount": "2"}, ["mapcount"]),
    ],
)
def test_what_differs_between_two_kernels(mine: dict[str, str], theirs: dict[str, str], differ: list[str]) -> None:
    cells = list(differences(made(s=mine), made(s=theirs), "s"))
    assert [cell.field for cell in cells] == differ
    assert [(cell.recorded, cell.model) for cell in cells] == [(mine[field], theirs[field]) for field in differ]
    assert list(differences(made(s=mine), made(t=theirs), "s")) == []


def test_only_fields_of_calls_are_made_plain() -> None:
    assert [same_words("rc", value) for value in ("0", "-14", "?")] == ["succeeds", "refused", "?"]
    assert [same_words("mapcount", value) for value in ("0", "-14")] == ["0", "-14"]


def test_which_recorded_kernels_show_the_same() -> None:
    assert like_recorded(made(**{LEAK: {"child_pipe_sees": "P"}}), LEAK) == ["5.4.1"]
    assert like_recorded(made(**{LEAK: {"verdict": "x"}}), LEAK) == []
    assert like_recorded(made(leak={}), "leak") == []
    for kernel, recording in recordings().items():
        assert kernel in like_recorded(recording, LEAK)


def test_two_policies_part_in_a_field_or_nowhere() -> None:
    leak = scenarios()[LEAK]
    assert parting(leak, "v5.7", "v6.5") != "" == parting(leak, "v5.19", "v6.5")
    assert parting(leak, "v6.5", "v6.5") == ""


def test_what_would_tell_the_nearest_apart() -> None:
    apart = {EXIT: "no time", "mine.cow": "no file", LEAK: "no vmsplice"}
    (telling,) = told_apart(Nearest(["v5.7", "v6.5"], 1, 1), apart)
    assert telling == Telling(("v5.7", "v6.5"), LEAK, parting(scenarios()[LEAK], "v5.7", "v6.5"), "no vmsplice")
    assert list(told_apart(Nearest(["v6.5"], 1, 1), apart)) == []
    assert list(told_apart(Nearest(["v5.7", "v6.5"], 1, 1), {EXIT: "no time"})) == []


def test_of_many_not_every_two_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "parting", lambda scenario, one, other: "f")
    names = list(POLICIES)
    assert len(list(told_apart(Nearest(names, 1, 1), {LEAK: "no"}))) == 6  # of the first 4
