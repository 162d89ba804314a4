"""The simulator's answers to what an observer asks, beyond those of the recordings."""

from __future__ import annotations

import pytest
from onkernel import script

from cowlab import play
from cowlab.live import observe
from cowlab.live.observe import Observer
from cowlab.live.watched import Played, another_byte, matches


def played(text: str) -> Played:
    return Played(play(script(text), "v6.5"))


LINES: list[tuple[str, Observer, str]] = [
    ("moved", observe.line(3), "P: write A; P: fork C; P: write B"),
    ("same", observe.line(2), "P: write A; P: write B"),
    ("?", observe.line(1), "P: write A"),  # no frame was there
    ("?", observe.line(2), "P: mmap file; P: write A"),
    ("SIGSEGV", observe.line(2), "P: munmap; P: write A"),
    ("SIGSEGV", observe.line(3), "P: write A; P: mprotect r; P: write B"),
    ("A", observe.line(2), "P: mmap file; P: read"),
    ("0", observe.line(1), "P: read"),
    ("err11", observe.line(2), "P: mprotect none; P: read"),
    ("succeeds", observe.line(1), "P: vmsplice g"),
    ("refused", observe.line(2), "P: munmap; P: register g"),
    ("refused", observe.line(3), "P: munmap; P: register g; g: read"),
    ("succeeds", observe.line(2), "P: register g; g: write D"),
    ("?", observe.merged("kernel: ksm P P @1"), "P: mmap anon @1; P: write A; kernel: ksm P P @1"),
    ("?", observe.leaks("g"), "P: write A; P: vmsplice g; g: put"),
    ("stale", observe.coherent("g", "P"), "P: write A; P: munmap"),
    ("0", observe.swap_entry("C", "P: read"), "P: read"),
]


@pytest.mark.parametrize(("answer", "observer", "text"), LINES)
def test_a_line_says_of_itself(answer: str, observer: Observer, text: str) -> None:
    assert observer(play(script(text), "v6.5")) == answer


def test_a_position_is_a_line_a_number_or_the_end() -> None:
    run = Played(play(script("# first; P: read; ; P: read; P: write A"), "v6.5"))
    assert [run.position(line) for line in ("P: read", 2, 4, "P: write A", "")] == [1, 1, 2, 3, 3]


def test_a_page_comes_from_the_one_who_forked() -> None:
    run = played("P: write A; P: fork C; C: fork D; C: exit; P: fork C")
    assert [run.forebear("D", first, 5) for first in range(5)] == ["P", "P", "C", "D", "D"]
    assert (run.forebear("C", 0, 5), run.forebear("C", 2, 3)) == ("P", "C")


@pytest.mark.parametrize(
    ("name", "line", "other"),
    [
        ("s09_uring_mprotect", "P: write P", True),
        ("s19_direct_nothing", "P: write P", True),
        ("s13_thp_uring_clearrefs", "P: write P", True),
        ("s09_uring_mprotect", "P: write Q", False),
        ("s08_uring_fork_parent_writes", "P: write P", False),
    ],
)
def test_which_store_goes_beside_the_devices_byte(name: str, line: str, other: bool) -> None:
    assert another_byte(name, script(line).events[0]) is other


def test_no_event_goes_nowhere_and_patterns_mind_case() -> None:
    assert not another_byte("s19_direct_nothing", None)
    assert matches("s19_x", ["S19*", "s1?_x"]) and not matches("s19_x", ["S19*"]) and not matches("x", [])
