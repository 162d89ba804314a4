"""The text frame says all that the picture says, in plain columns."""

from __future__ import annotations

import pytest
from short import ALL, played

from cowlab import Trace, play, scenarios
from cowlab.views import scene, text_frame
from cowlab.views.text import table

LEAK_V5_7 = """\
v5.7  line 5 of 6  P: write S  ->  reuse  !! LEAK

process  page  right       frame  sees  ought
P        @0    writable    #1     S     same
C        @0    not mapped  -      -     -

frame  holds  kind  mapcount  page_count
#1     S      anon  1         1 mapping + 1 FOLL_GET = 2

reference  holder               takes     may   frame  sees  ought
g          pipe, vmsplice by C  FOLL_GET  read  #1     S     A  !! LEAK

finding  isolation, since line 5: g sees S, a store of P that C never had

changed
  P @0 is writable #1 (was read-only #1)
  #1 holds S (was A)
"""

LEAK_V5_9 = """\
v5.9  line 5 of 6  P: write S  ->  copy

process  page  right       frame  sees  ought
P        @0    writable    #2     S     same
C        @0    not mapped  -      -     -

frame  holds  kind  mapcount  page_count
#1     A      anon  0         1 FOLL_GET = 1
#2     S      anon  1         1 mapping = 1

reference  holder               takes     may   frame  sees  ought
g          pipe, vmsplice by C  FOLL_GET  read  #1     A     same

changed
  P @0 is writable #2 (was read-only #1)
  #1 page_count is 1 FOLL_GET = 1 (was 1 mapping + 1 FOLL_GET = 2)
  #2 is new
"""

START = """\
v5.7  start

process  page  right  frame  sees  ought
P        @0    none   -      0     same
"""


def leak(policy: str) -> Trace:
    return play(scenarios()["leak"], policy)


def test_the_leak_as_it_is_specified() -> None:
    assert text_frame(leak("v5.7"), 5) == LEAK_V5_7
    assert text_frame(leak("v5.9"), 5) == LEAK_V5_9
    assert text_frame(leak("v5.7"), 0) == START


def test_a_reading_is_told_with_what_it_ought_to_be() -> None:
    assert "\nreading  g shows S, ought to show A\n" in text_frame(leak("v5.7"), 6)
    assert "\nreading  g shows A, ought to show A\n" in text_frame(leak("v5.9"), 6)


def test_lines_are_counted_as_they_are_shown() -> None:
    """An atlas file has its story above the script; the script's own lines are what one steps through."""
    assert leak("v5.7").moments[5].line > 5
    assert "since line 5" in text_frame(leak("v5.7"), 6)


def test_flags_rights_swap_holds_and_refusals_are_said() -> None:
    frame = text_frame(
        played("P: write A; P: madvise mergeable; P: fork C; C: mprotect r; C: register g; P: uffd_wp on"), 6
    )
    assert "C        @0    read-only  #1     A     same   mapping: r, mergeable" in frame
    assert "P        @0    read-only  #1     A     same   uffd-wp, mergeable" in frame
    assert "maybe shared" in frame
    assert "refused, longterm  nothing  -      -     -" in frame
    swapped = text_frame(played("P: write A; P: fork C; kernel: swap_out P; P: read"), 3)
    assert "P        @0    swap entry  s0     A     same" in swapped
    assert "s0    A      2        -" in swapped
    held = text_frame(played("P: write A; kernel: hold P lru; kernel: hold P"), 3)
    assert "1 mapping + 2 holds (1 LRU) = 3" in held
    assert "LRU batch  P @0  #1" in held


def test_huge_pages_by_ptes_count_512() -> None:
    frame = text_frame(played("P: mmap thp; P: write A; P: fork C; P: write B", "v5.9"), 4)
    assert "1 mapping + 1 mapping × 511 = 512" in frame
    assert "other 511 in #1" in frame


def test_a_narrow_counter_shows_what_it_lost() -> None:
    trace = play(scenarios()["overflow"], "v5.7")
    assert "1 mapping + 7 FOLL_GET = 8, counted as 0" in text_frame(trace, 10)
    assert "freed in use" in text_frame(trace, 10)


def test_columns() -> None:
    assert table(("a", "bb"), [("xxx", 1), ("y", "")]) == ["a    bb", "xxx  1", "y"]
    assert table(("a",), []) == []


@pytest.mark.parametrize("name", scenarios())
def test_every_frame_names_everybody(name: str) -> None:
    for policy in ALL:
        trace = play(scenarios()[name], policy)
        for index, moment in enumerate(trace.moments):
            frame = text_frame(trace, index)
            lines = frame.splitlines()
            assert all(line == line.rstrip() for line in lines)
            for row in scene.rows(moment.world):
                assert any(line.startswith(f"{row.process} ") and f"@{row.page}" in line for line in lines)
            for number in scene.used(moment.world):
                assert any(line.startswith(f"#{number} ") for line in lines)
            for reference in moment.world.references:
                assert any(line.startswith(f"{reference.name} ") for line in lines)
            assert frame.count("since line") == len(moment.standing)
