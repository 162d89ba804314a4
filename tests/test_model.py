"""Memory as a model: what the explorer finds is pinned, a search that knows no keys agrees, every witness plays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short import ROWS

from cowlab import LAWS, POLICIES, BadAnswer, Event, PageInfo, Policy, Trace, World, enabled, play, transition
from cowlab.explore import Exploration, explore
from cowlab.ideal import Ideal, follow
from cowlab.keys import Key, Keys, fields_read
from cowlab.laws import findings
from cowlab.model import DEFAULT_EVENTS, Bounds, Memory, Report, Situation, check, event_specs
from cowlab.policy import Tabulated, tabulated


def of(events: str, **bounds: Any) -> Bounds:
    """Bounds with the events that are named, by commas."""
    return Bounds(events=tuple(event.strip() for event in events.split(",")), **bounds)


def without(*events: str) -> Bounds:
    """The default event set without some."""
    return Bounds(events=tuple(event for event in DEFAULT_EVENTS if event not in events))


DEFAULT = Bounds()
USUAL = "write, fork, munmap, vmsplice, register, g: write, put"
WORLDS = {
    "cve": of("write, fork, munmap, vmsplice"),
    "pins": of("write, fork, exit, munmap, register, pin longterm, g: write, put"),
    "anonymous": of("write, read, fork, munmap, madvise dontneed, pin, put"),
    "protect": of("write, fork, mprotect r, mprotect rw, clear_refs, uffd_wp on, uffd_wp off, register, put"),
    "swap": of("write, read, fork, munmap, swap_out, register, put, hold, drop"),
    "lru": of("write, fork, exit, hold, hold lru, drop, pin, put", holds=2),
    "force": of("write, fork, mprotect r, poke, migrate, get write, direct_write, g: write, put"),
    "fork": of("write, fork, madvise dontfork, madvise wipeonfork, get, put"),
    "map": of("write, fork, munmap, mmap anon, mmap file r, pin write, put"),
    "thp": of(USUAL, kind="thp"),
    "hugetlb": of("write, fork, exit, munmap, vmsplice, direct_read, register, g: write, put", kind="hugetlb"),
    "file": of("write, read, fork, munmap, vmsplice, register, pin longterm, g: write, put", kind="file"),
    "shared": of(USUAL, kind="shared"),
    "2 references": of(USUAL, references=2),
    "2 pages": of("write, fork, munmap, vmsplice, put", pages=2),
    "3 processes": of("write, fork, munmap, register, put", processes=3),
    "default": DEFAULT,
}
QUICK = ("v5.9-rc4", "andrea-2009", "linus-2021", "jerome-mprotect")
SOME = ("v5.7", "v5.9", "v6.5", "andrea-2009", "jerome-fork-push")
FOR_SOME = ("lru", "force", "fork", "map", "2 pages", "3 processes")  # these take longer


@cache
def report(policy: str, world: str) -> Report:
    return check(POLICIES[policy], WORLDS[world])


def lengths(found: Report | Exploration) -> str:
    """The length of each law's witness, in the order of LAWS."""
    return " ".join("-" if path is None else str(len(path)) for path in found.witnesses.values())


# The table: for each world and policy states, transitions, depth, and the shortest witness of isolation,
# dma-isolation, coherence, protection, accounting, economy. The counts are of the last search, which asks only for the
# laws that were not broken before (see model.check). Any change of meaning shows here: look at what changed, then print
# the table anew with `python tests/test_model.py`.
PINNED: dict[tuple[str, str], tuple[int, int, int, str]] = {
    ("v5.7", "cve"): (36, 152, 5, "5 - - - - -"),
    ("v5.8", "cve"): (29, 126, 4, "4 - - - - -"),
    ("v5.9-rc4", "cve"): (34, 144, 4, "- - - - - 5"),
    ("v5.9", "cve"): (34, 144, 4, "- - - - - 5"),
    ("v5.11", "cve"): (34, 144, 4, "- - - - - 5"),
    ("v5.18", "cve"): (34, 144, 4, "- - - - - 5"),
    ("v5.19", "cve"): (34, 144, 4, "- - - - - 5"),
    ("v6.5", "cve"): (34, 144, 4, "- - - - - 5"),
    ("andrea-2009", "cve"): (29, 124, 4, "- - - - - 3"),
    ("andrea-2021", "cve"): (37, 156, 5, "5 - - - - -"),
    ("linus-2021", "cve"): (34, 144, 4, "- - - - - 3"),
    ("jerome-mprotect", "cve"): (34, 144, 4, "- - - - - 3"),
    ("jerome-fork", "cve"): (44, 187, 4, "- - - - - 4"),
    ("jerome-fork-push", "cve"): (42, 177, 5, "4 - - - - 4"),
    ("jerome-fork-reuse", "cve"): (49, 208, 5, "3 - - - - 4"),
    ("v5.7", "pins"): (188, 1348, 12, "4 3 2 - - -"),
    ("v5.8", "pins"): (169, 1221, 12, "4 3 3 - - -"),
    ("v5.9-rc4", "pins"): (162, 1164, 11, "- 3 2 - - 4"),
    ("v5.9", "pins"): (142, 1037, 8, "- - 2 - - 5"),
    ("v5.11", "pins"): (142, 1037, 8, "- - 2 - - 5"),
    ("v5.18", "pins"): (142, 1037, 8, "- - 2 - - 5"),
    ("v5.19", "pins"): (133, 997, 8, "- - 2 - - -"),
    ("v6.5", "pins"): (101, 764, 8, "- - - - - -"),
    ("andrea-2009", "pins"): (75, 550, 8, "- - 2 - - -"),
    ("andrea-2021", "pins"): (90, 676, 8, "- - - - - -"),
    ("linus-2021", "pins"): (68, 467, 7, "- - 2 - - 5"),
    ("jerome-mprotect", "pins"): (68, 467, 7, "- - 2 - - 5"),
    ("jerome-fork", "pins"): (206, 1486, 12, "- 3 2 - - 4"),
    ("jerome-fork-push", "pins"): (206, 1463, 11, "4 3 2 - - 4"),
    ("jerome-fork-reuse", "pins"): (299, 2158, 12, "3 3 2 - - 4"),
    ("v5.7", "anonymous"): (49, 424, 7, "5 - 4 - - -"),
    ("v5.8", "anonymous"): (93, 819, 7, "4 - 4 - - -"),
    ("v5.9-rc4", "anonymous"): (42, 361, 5, "- - 4 - - 5"),
    ("v5.9", "anonymous"): (101, 895, 7, "- - 4 - - 5"),
    ("v5.11", "anonymous"): (101, 895, 7, "- - 4 - - 5"),
    ("v5.18", "anonymous"): (101, 895, 7, "- - 4 - - 5"),
    ("v5.19", "anonymous"): (100, 892, 7, "- - - - - -"),
    ("v6.5", "anonymous"): (100, 892, 7, "- - - - - -"),
    ("andrea-2009", "anonymous"): (50, 438, 7, "- - - - - -"),
    ("andrea-2021", "anonymous"): (88, 779, 7, "- - - - - -"),
    ("linus-2021", "anonymous"): (42, 361, 5, "- - 4 - - 5"),
    ("jerome-mprotect", "anonymous"): (42, 361, 5, "- - 4 - - 5"),
    ("jerome-fork", "anonymous"): (57, 498, 5, "- - 4 - - 4"),
    ("jerome-fork-push", "anonymous"): (67, 588, 7, "4 - 4 - - 4"),
    ("jerome-fork-reuse", "anonymous"): (80, 708, 7, "3 - 4 - - 4"),
    ("v5.7", "protect"): (175, 2031, 8, "4 - 3 - - -"),
    ("v5.8", "protect"): (175, 2031, 8, "4 - 3 - - -"),
    ("v5.9-rc4", "protect"): (216, 2503, 8, "- - 3 - - 3"),
    ("v5.9", "protect"): (311, 3613, 10, "- - 3 - - 3"),
    ("v5.11", "protect"): (311, 3613, 11, "- - 4 - - 4"),
    ("v5.18", "protect"): (311, 3613, 11, "- - 4 - - 4"),
    ("v5.19", "protect"): (340, 3955, 9, "- - - - - -"),
    ("v6.5", "protect"): (317, 3671, 9, "- - - - - -"),
    ("andrea-2009", "protect"): (275, 3201, 9, "5 - 4 - - -"),
    ("andrea-2021", "protect"): (220, 2531, 9, "- - - - - -"),
    ("linus-2021", "protect"): (97, 1076, 7, "- - - 2 - -"),
    ("jerome-mprotect", "protect"): (168, 1911, 8, "- - 4 - - 2"),
    ("jerome-fork", "protect"): (282, 3272, 8, "- - 3 - - 2"),
    ("jerome-fork-push", "protect"): (210, 2414, 8, "- - 4 - - 2"),
    ("jerome-fork-reuse", "protect"): (543, 6386, 12, "3 - 4 - - 2"),
    ("v5.7", "swap"): (285, 2831, 10, "4 - 3 - - -"),
    ("v5.8", "swap"): (285, 2831, 10, "4 - 3 - - -"),
    ("v5.9-rc4", "swap"): (589, 5834, 17, "5 - 3 - - 4"),
    ("v5.9", "swap"): (948, 9525, 17, "5 - 4 - - 4"),
    ("v5.11", "swap"): (400, 4104, 12, "- - - - - 4"),
    ("v5.18", "swap"): (400, 4104, 11, "- - - - - 4"),
    ("v5.19", "swap"): (543, 5626, 12, "- - - - - 5"),
    ("v6.5", "swap"): (543, 5626, 12, "- - - - - 5"),
    ("andrea-2009", "swap"): (412, 4181, 11, "5 - 4 - - 4"),
    ("andrea-2021", "swap"): (492, 4968, 11, "5 - 4 - - -"),
    ("linus-2021", "swap"): (148, 1480, 10, "- - - - - 3"),
    ("jerome-mprotect", "swap"): (148, 1480, 10, "- - - - - 3"),
    ("jerome-fork", "swap"): (443, 4485, 15, "- - 3 - - 4"),
    ("jerome-fork-push", "swap"): (247, 2499, 14, "- - - - - 4"),
    ("jerome-fork-reuse", "swap"): (369, 3773, 15, "3 - - - - 4"),
    ("v5.7", "lru"): (1384, 8518, 14, "5 - 4 - - -"),
    ("v5.9", "lru"): (1445, 9527, 14, "- - 4 - - 5"),
    ("v6.5", "lru"): (1497, 10220, 14, "- - - - - 5"),
    ("andrea-2009", "lru"): (927, 6067, 13, "- - - - - 5"),
    ("jerome-fork-push", "lru"): (1089, 6893, 11, "4 - 4 - - 4"),
    ("v5.7", "force"): (152, 1441, 8, "4 3 - - - -"),
    ("v5.9", "force"): (161, 1525, 9, "- 3 3 - - 3"),
    ("v6.5", "force"): (429, 4249, 12, "- 3 - - - 3"),
    ("andrea-2009", "force"): (136, 1285, 6, "5 4 - - - 3"),
    ("jerome-fork-push", "force"): (165, 1565, 9, "4 3 3 - - 2"),
    ("v5.7", "fork"): (266, 1884, 9, "5 - - - - -"),
    ("v5.9", "fork"): (250, 1772, 8, "- - - - - 5"),
    ("v6.5", "fork"): (250, 1772, 8, "- - - - - 5"),
    ("andrea-2009", "fork"): (372, 2718, 10, "- - - - - 3"),
    ("jerome-fork-push", "fork"): (310, 2198, 9, "4 - - - - -"),
    ("v5.7", "map"): (67, 367, 7, "4 - 3 - - -"),
    ("v5.9", "map"): (116, 659, 9, "- - - - - -"),
    ("v6.5", "map"): (116, 659, 9, "- - - - - -"),
    ("andrea-2009", "map"): (67, 372, 7, "- - - - - -"),
    ("jerome-fork-push", "map"): (62, 342, 8, "- - - - - 4"),
    ("v5.7", "thp"): (80, 450, 8, "5 4 4 - - -"),
    ("v5.8", "thp"): (76, 437, 8, "5 4 4 - - 5"),
    ("v5.9-rc4", "thp"): (159, 906, 11, "5 4 4 - - 5"),
    ("v5.9", "thp"): (236, 1326, 10, "6 - - - - 5"),
    ("v5.11", "thp"): (236, 1326, 10, "6 - - - - 5"),
    ("v5.18", "thp"): (233, 1311, 10, "- - - - - 5"),
    ("v5.19", "thp"): (233, 1311, 10, "- - - - - 5"),
    ("v6.5", "thp"): (233, 1311, 10, "- - - - - 5"),
    ("andrea-2009", "thp"): (52, 301, 5, "- - - - - 4"),
    ("andrea-2021", "thp"): (270, 1537, 10, "6 - - - - 5"),
    ("linus-2021", "thp"): (88, 493, 6, "- - - - - 4"),
    ("jerome-mprotect", "thp"): (88, 493, 6, "- - - - - 4"),
    ("jerome-fork", "thp"): (174, 988, 11, "- 4 4 - - 5"),
    ("jerome-fork-push", "thp"): (176, 994, 11, "5 4 - - - 5"),
    ("jerome-fork-reuse", "thp"): (197, 1119, 11, "4 4 - - - 5"),
    ("v5.7", "hugetlb"): (189, 1426, 12, "5 4 4 - - -"),
    ("v5.8", "hugetlb"): (181, 1352, 12, "5 4 4 - - -"),
    ("v5.9-rc4", "hugetlb"): (189, 1426, 12, "5 4 4 - - -"),
    ("v5.9", "hugetlb"): (402, 3102, 12, "5 4 4 - - -"),
    ("v5.11", "hugetlb"): (402, 3102, 12, "5 4 4 - - -"),
    ("v5.18", "hugetlb"): (346, 2679, 12, "5 4 - - - -"),
    ("v5.19", "hugetlb"): (364, 2819, 12, "5 4 - - - -"),
    ("v6.5", "hugetlb"): (150, 1127, 8, "5 - - - - -"),
    ("andrea-2009", "hugetlb"): (70, 540, 8, "- - - - - 3"),
    ("andrea-2021", "hugetlb"): (399, 3100, 12, "5 4 4 - - -"),
    ("linus-2021", "hugetlb"): (61, 448, 6, "5 - - - - 4"),
    ("jerome-mprotect", "hugetlb"): (61, 448, 6, "5 - - - - 4"),
    ("jerome-fork", "hugetlb"): (250, 1890, 12, "5 4 4 - - -"),
    ("jerome-fork-push", "hugetlb"): (250, 1890, 12, "5 4 4 - - -"),
    ("jerome-fork-reuse", "hugetlb"): (250, 1890, 12, "5 4 4 - - -"),
    ("v5.7", "file"): (150, 1128, 8, "5 4 3 - - -"),
    ("v5.8", "file"): (97, 762, 8, "5 4 4 - - -"),
    ("v5.9-rc4", "file"): (146, 1096, 8, "- 4 3 - - 5"),
    ("v5.9", "file"): (224, 1685, 8, "- - 3 - - 6"),
    ("v5.11", "file"): (224, 1685, 8, "- - 3 - - 6"),
    ("v5.18", "file"): (224, 1685, 8, "- - 3 - - 6"),
    ("v5.19", "file"): (237, 1802, 8, "- - 3 - - 6"),
    ("v6.5", "file"): (179, 1383, 7, "- - - - - 6"),
    ("andrea-2009", "file"): (106, 822, 5, "- - 3 - - 4"),
    ("andrea-2021", "file"): (159, 1227, 7, "6 - - - - -"),
    ("linus-2021", "file"): (94, 692, 5, "- - 3 - - 4"),
    ("jerome-mprotect", "file"): (94, 692, 5, "- - 3 - - 4"),
    ("jerome-fork", "file"): (183, 1378, 8, "- 4 3 - - 5"),
    ("jerome-fork-push", "file"): (177, 1327, 8, "5 4 3 - - 5"),
    ("jerome-fork-reuse", "file"): (201, 1517, 8, "4 4 3 - - 5"),
    ("v5.7", "shared"): (23, 127, 3, "- - - - - -"),
    ("v5.8", "shared"): (23, 127, 3, "- - - - - -"),
    ("v5.9-rc4", "shared"): (23, 127, 3, "- - - - - -"),
    ("v5.9", "shared"): (48, 265, 7, "- - - - - -"),
    ("v5.11", "shared"): (48, 265, 7, "- - - - - -"),
    ("v5.18", "shared"): (48, 265, 7, "- - - - - -"),
    ("v5.19", "shared"): (48, 265, 7, "- - - - - -"),
    ("v6.5", "shared"): (48, 265, 7, "- - - - - -"),
    ("andrea-2009", "shared"): (23, 127, 3, "- - - - - -"),
    ("andrea-2021", "shared"): (48, 265, 7, "- - - - - -"),
    ("linus-2021", "shared"): (23, 127, 3, "- - - - - -"),
    ("jerome-mprotect", "shared"): (23, 127, 3, "- - - - - -"),
    ("jerome-fork", "shared"): (23, 127, 3, "- - - - - -"),
    ("jerome-fork-push", "shared"): (23, 127, 3, "- - - - - -"),
    ("jerome-fork-reuse", "shared"): (23, 127, 3, "- - - - - -"),
    ("v5.7", "2 references"): (338, 2430, 9, "4 3 3 - - -"),
    ("v5.8", "2 references"): (248, 1820, 9, "4 3 3 - - -"),
    ("v5.9-rc4", "2 references"): (274, 1965, 9, "- 3 3 - - 4"),
    ("v5.9", "2 references"): (269, 1837, 8, "- - - - - 5"),
    ("v5.11", "2 references"): (269, 1837, 8, "- - - - - 5"),
    ("v5.18", "2 references"): (269, 1837, 8, "- - - - - 5"),
    ("v5.19", "2 references"): (269, 1837, 8, "- - - - - 5"),
    ("v6.5", "2 references"): (269, 1837, 8, "- - - - - 5"),
    ("andrea-2009", "2 references"): (127, 900, 6, "- - - - - 3"),
    ("andrea-2021", "2 references"): (319, 2187, 9, "5 6 - - - -"),
    ("linus-2021", "2 references"): (109, 745, 5, "- - - - - 3"),
    ("jerome-mprotect", "2 references"): (109, 745, 5, "- - - - - 3"),
    ("jerome-fork", "2 references"): (312, 2230, 9, "- 3 3 - - 4"),
    ("jerome-fork-push", "2 references"): (280, 1966, 9, "4 3 - - - 4"),
    ("jerome-fork-reuse", "2 references"): (341, 2416, 9, "3 3 - - - 4"),
    ("v5.7", "2 pages"): (544, 5025, 7, "6 - - - - -"),
    ("v5.9", "2 pages"): (488, 4521, 6, "- - - - - 6"),
    ("v6.5", "2 pages"): (488, 4521, 6, "- - - - - 6"),
    ("andrea-2009", "2 pages"): (1285, 12488, 11, "- - - - - 4"),
    ("jerome-fork-push", "2 pages"): (788, 7286, 8, "5 - - - - 5"),
    ("v5.7", "3 processes"): (129, 919, 7, "4 - 3 - - -"),
    ("v5.9", "3 processes"): (197, 1471, 11, "- - - - - -"),
    ("v6.5", "3 processes"): (197, 1471, 11, "- - - - - -"),
    ("andrea-2009", "3 processes"): (143, 1085, 8, "- - - - - -"),
    ("jerome-fork-push", "3 processes"): (97, 699, 6, "- - - - - 4"),
    ("v5.9-rc4", "default"): (1355, 28215, 11, "5 3 2 - - 3"),
    ("andrea-2009", "default"): (2557, 54629, 13, "5 4 2 - - 3"),
    ("linus-2021", "default"): (2095, 42242, 12, "- - 2 2 - 3"),
    ("jerome-mprotect", "default"): (2095, 42363, 11, "- - 2 - - 2"),
}


def measured(policy: str, world: str) -> tuple[int, int, int, str]:
    found = report(policy, world)
    return found.states, found.transitions, found.depth, lengths(found)


def rows(world: str) -> tuple[str, ...]:
    return QUICK if world == "default" else SOME if world in FOR_SOME else ROWS


CELLS = [(policy, world) for world in WORLDS for policy in rows(world)]
by_cell = pytest.mark.parametrize(("policy", "world"), CELLS)


@by_cell
def test_the_table(policy: str, world: str) -> None:
    assert measured(policy, world) == PINNED[policy, world]
    found = report(policy, world)
    assert found.complete
    assert all(found.sometimes.values()), found.sometimes
    assert [found.holds(law) for law in LAWS] == [found.witnesses[law] is None for law in LAWS]


# --- witnesses -------------------------------------------------------------------------------------------------------


def breaks(trace: Trace, law: str) -> list[int]:
    """The lines at which a law is broken in a run."""
    if law == "economy":
        return [moment.line for moment in trace.steps if moment.needless]
    return sorted({line for line, finding in trace.violations if finding.law == law and finding.broken})


@by_cell
def test_every_witness_plays_and_its_last_line_is_the_first_to_break_the_law(policy: str, world: str) -> None:
    found = report(policy, world)
    broken = [law for law in LAWS if found.holds(law) is False]
    assert len(broken) == len(LAWS) - lengths(found).count("-")
    for law in broken:
        script = found.script(law)
        assert script is not None
        assert breaks(play(script, policy), law) == [len(script.splitlines())], script


def test_every_store_of_a_script_has_its_own_letter() -> None:
    script = report("v5.7", "cve").script("isolation") or ""
    assert [line[-1] for line in script.splitlines() if "write" in line] == ["A", "B", "C"]
    many = Report(*report("v5.7", "cve"))._replace(witnesses={"isolation": (Event("P", "write", ("A",), (0,)),) * 70})
    letters = [line[-1] for line in (many.script("isolation") or "").splitlines()]
    assert len(set(letters)) == 59  # all but 0 and F, and P, which reads like the process
    assert letters[59:] == letters[:11]


# --- a naive search --------------------------------------------------------------------------------------------------


class NoKeys(Keys):
    """What the naive search knows of states."""

    def __call__(self, world: World, ideal: Ideal) -> Key:
        return ()


def naive(policy: Policy, bounds: Bounds, depth: int) -> str:
    """The length of each law's shortest witness up to a depth: every sequence of events is tried, nothing is merged."""
    model = Memory(policy, bounds)
    model.keys = NoKeys(policy, LAWS)
    best = dict.fromkeys(LAWS, 99)

    def search(state: Situation, length: int) -> None:
        for event in model.events(state):
            after = model.step(state, event)
            if after is None:
                continue
            for law in model.broken(state, event, after):
                best[law] = min(best[law], length)
            if length < depth:
                search(after, length + 1)

    search(model.start, 1)
    return " ".join("-" if length == 99 else str(length) for length in best.values())


DEPTHS = {"cve": 5, "pins": 4, "shared": 4, "2 references": 4, "3 processes": 4, "map": 4}


@by_cell
def test_a_search_without_keys_agrees(policy: str, world: str) -> None:
    """With all laws, and with each law alone: the key leaves out what only other laws need."""
    bounds, depth = WORLDS[world], DEPTHS.get(world, 3)
    row = tabulated(POLICIES[policy])
    expected = naive(row, bounds, depth)
    assert lengths(explore(Memory(row, bounds), max_depth=depth)) == expected
    alone = [lengths(explore(Memory(row, bounds, (law,)), max_depth=depth)) for law in LAWS]
    assert " ".join(alone) == expected


@pytest.mark.parametrize("world", ["pins", "swap", "2 references"])
@pytest.mark.parametrize("policy", ROWS)
def test_each_law_alone_gives_the_same_as_all_together(policy: str, world: str) -> None:
    """Without a bound on depth."""
    row = tabulated(POLICIES[policy])
    alone = [lengths(check(row, WORLDS[world], (law,))) for law in LAWS]
    assert " ".join(alone) == PINNED[policy, world][3]


@pytest.mark.parametrize("policy", ["v5.19"])
def test_a_check_in_phases_finds_what_one_search_finds(policy: str) -> None:
    row = tabulated(POLICIES[policy])
    found = explore(Memory(row, LARGE))
    assert found.states > 1500  # where `check` begins anew
    assert lengths(found) == lengths(check(row, LARGE))


LARGE = of("write, read, fork, exit, munmap, mprotect r, mprotect rw, vmsplice, direct_read, register, g: write, put")

# --- symmetry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", ["pins", "swap", "2 references", "3 processes"])
@pytest.mark.parametrize("policy", SOME)
def test_without_symmetry_there_are_more_states_and_the_same_verdicts(policy: str, world: str) -> None:
    row = tabulated(POLICIES[policy])
    few = explore(Memory(row, WORLDS[world]))
    many = explore(Memory(row, WORLDS[world], symmetry=False))
    assert few.complete
    assert many.complete
    assert few.states < many.states
    assert lengths(few) == lengths(many) == PINNED[policy, world][3]


# --- the history, retold ---------------------------------------------------------------------------------------------


def shortest(policy: str, law: str, bounds: Bounds = DEFAULT) -> str | None:
    """The shortest script that breaks a law; None if it holds in all states."""
    found = check(POLICIES[policy], bounds, (law,))
    assert found.complete
    return found.script(law)


def test_v5_7_leaks_in_four_events_by_a_write_reference_taken_before_fork() -> None:
    script = "P: register g\nP: fork C\nP: write A\nC: write B\n"
    assert shortest("v5.7", "isolation") == script
    assert shortest("v5.7", "isolation", without("hold", "drop", "swap_out")) == script


CVE_2020_29374 = "P: write A\nP: fork C\nC: vmsplice g\nC: munmap\nP: write B\n"


def test_among_these_verbs_the_leak_is_as_short_as_cve_2020_29374() -> None:
    """One keeps a read reference on the shared frame, the other comes to own the frame, and writes."""
    script = shortest("v5.7", "isolation", WORLDS["cve"])
    assert script == "P: write A\nP: fork C\nP: vmsplice g\nP: write B\nC: write C\n"
    for leak in (script, CVE_2020_29374):
        assert breaks(play(leak, "v5.7"), "isolation") == [5]
        assert play(leak, "v5.9").verdict in ("ok", "snapshot")


SHARES_AT_FORK = ("v5.7", "v5.8", "v5.9-rc4", "v5.9", "v5.11", "v5.18", "v5.19")


@pytest.mark.parametrize("policy", SHARES_AT_FORK)
def test_a_device_leaks_wherever_fork_shares_what_direct_io_took(policy: str) -> None:
    assert shortest(policy, "dma-isolation") == "P: direct_read g\nP: fork C\ng: write A\n"


def test_since_v6_5_direct_io_pins() -> None:
    assert shortest("v6.5", "dma-isolation", LARGE) is None
    assert play("P: direct_read g\nP: fork C\ng: write A", "v6.5").verdict == "ok"


def test_v5_9_leaks_no_base_page_without_swap_but_breaks_promises() -> None:
    assert shortest("v5.9", "isolation", without("swap_out")) is None
    assert shortest("v5.9", "isolation", of("write, fork, register, swap_out, hold, drop")) is not None
    assert shortest("v5.9", "coherence", without("swap_out", "pin longterm")) is not None


LONGTERM = "P: pin g longterm\nP: write A\n"


def test_v5_19_breaks_the_promise_of_a_long_term_pin_on_a_page_not_yet_anonymous() -> None:
    assert shortest("v5.19", "coherence") == LONGTERM
    assert shortest("v6.5", "coherence", WORLDS["pins"]) is None


def test_without_that_pin_v5_19_keeps_its_promises() -> None:
    """In the whole default set too: complete with 39,160 states, which takes half a minute."""
    assert shortest("v5.19", "coherence", LARGE) is None
    assert shortest("v5.18", "coherence", LARGE) is not None


def test_the_prices_of_the_proposals() -> None:
    assert shortest("linus-2021", "protection") == "P: direct_read g\nP: mprotect r\n"  # EBUSY
    assert shortest("jerome-mprotect", "protection", LARGE) is None
    assert shortest("jerome-mprotect", "coherence", LARGE) is not None  # the holder is left with an old page
    assert shortest("jerome-fork", "dma-isolation") == "P: direct_read g\nP: fork C\ng: write A\n"
    assert shortest("jerome-fork", "isolation", LARGE) is None
    assert shortest("linus-2021", "dma-isolation", LARGE) is None
    wasted = [len((shortest(name, "economy") or "").splitlines()) for name in ("jerome-fork", "linus-2021", "v6.5")]
    assert wasted == [2, 3, 5]


# --- the event set ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", event_specs())
def test_whatever_may_stand_in_an_event_set_is_tried(spec: str) -> None:
    """Each alone, where there are two processes, a reference that can write, and a hold."""
    model = Memory(POLICIES["v6.5"], of(spec, processes=3, references=2, holds=2))
    tried = list(model.menu(("P", "C"), ("g",), True))
    verbs = {event.verb for event in tried}
    assert verbs == {spec.removeprefix("g: ").split()[0]}
    assert {event.actor for event in tried} <= {"g"} if spec in ("g: write", "put") else {"P", "C", "kernel"}


def test_what_may_stand_in_an_event_set() -> None:
    specs = event_specs()
    assert set(DEFAULT_EVENTS) < set(specs)
    assert len(specs) == len(set(specs))
    assert {"mprotect none", "pin write longterm", "hold lru", "mmap file r", "vm_write", "uffd_wp on"} < set(specs)
    assert not {"ksm", "counter", "mprotect", "pin g", "g: read", "file: read"} & set(specs)


@pytest.mark.parametrize("spec", ["ksm", "mprotect", "wrte", "counter", ""])
def test_what_would_never_be_tried_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=f"not an event set: {spec}"):
        Memory(POLICIES["v6.5"], Bounds(events=("write", spec)))


def test_bounds_are_kept() -> None:
    class Counted(Memory):
        most = (0, 0, 0)

        def canonical(self, state: Situation) -> Key:
            world = state.world
            self.most = tuple(map(max, self.most, map(len, (world.processes, world.references, world.holds))))
            return super().canonical(state)

    for bounds in (of("write, fork, get, put, hold, drop", processes=3, references=2, holds=1), DEFAULT):
        model = Counted(tabulated(POLICIES["v5.9"]), bounds)
        explore(model, max_depth=4)
        assert model.most == (bounds.processes, bounds.references, bounds.holds)


# --- bounds on the search --------------------------------------------------------------------------------------------


def test_where_the_search_was_stopped_no_law_is_said_to_hold() -> None:
    found = check(POLICIES["v6.5"], DEFAULT, max_states=300)
    assert (found.complete, found.stopped) == (False, "300 states")
    assert {found.holds(law) for law in LAWS} == {None}
    assert not any(found.script(law) for law in LAWS)
    assert check(POLICIES["v6.5"], DEFAULT, exhausted=lambda: "9 MB of memory").stopped == "9 MB of memory"


def test_what_was_found_before_the_stop_is_certain() -> None:
    found = check(POLICIES["v5.19"], DEFAULT, max_states=300)
    assert (found.holds("coherence"), found.holds("isolation"), found.complete) == (False, None, False)
    assert found.script("coherence") == LONGTERM
    only = check(POLICIES["v5.19"], DEFAULT, ("coherence", "dma-isolation"), max_states=300)
    assert only.complete  # both are broken: nothing is left to see


def test_a_model_in_which_nothing_happens_says_so() -> None:
    alone = check(POLICIES["v6.5"], of("write, fork, vmsplice", processes=2, references=0))
    assert alone.sometimes == {"two processes live": True}
    idle = check(POLICIES["v6.5"], of("write, read, munmap, get", processes=1))
    assert idle.sometimes == {"a reference holds a frame": True}


# --- policies as tables ----------------------------------------------------------------------------------------------


def by_index(page: PageInfo) -> str:
    return "reuse" if page[PageInfo._fields.index("exclusive")] else "copy"


def plain_index(page: PageInfo) -> str:
    return "reuse" if page[11] else "copy"


TABLE = {PageInfo(): "reuse"}
USUALLY = PageInfo()


def by_table(page: PageInfo) -> str:
    return TABLE[page]


def by_comparison(page: PageInfo) -> str:
    return "reuse" if page == USUALLY else "copy"


def by_unpacking(page: PageInfo) -> str:
    *_, flag, _gup, _inherited, _writable = page
    return "reuse" if flag else "copy"


def inherited(page: PageInfo) -> bool:
    """A helper that is named like a field."""
    return page.exclusive


def by_helper(page: PageInfo) -> str:
    return "reuse" if inherited(page) else "copy"


def by_alias(page: PageInfo) -> str:
    other = page
    return "reuse" if other.exclusive and other.gup_flag else "copy"


def by_default(page: PageInfo, field: str = "exclusive") -> str:
    return "reuse" if getattr(page, field) else "copy"


def by_keyword(page: PageInfo, *, ask: Callable[[PageInfo], bool] = inherited) -> str:
    return "reuse" if ask(page) else "copy"


def by_closure(field: str) -> Callable[[PageInfo], str]:
    return lambda page: "reuse" if getattr(page, field) else "copy"


class Rule:
    def __call__(self, page: PageInfo) -> str:
        return "reuse" if page.exclusive else "copy"

    def method(self, page: PageInfo) -> str:
        return "reuse" if page.exclusive else "copy"


HIDES = {
    "index": by_index,
    "plain index": plain_index,
    "table": by_table,
    "comparison": by_comparison,
    "unpacking": by_unpacking,
    "alias": by_alias,
    "default": by_default,
    "keyword": by_keyword,
    "closure": by_closure("exclusive"),
    "object": Rule(),
    "method": Rule().method,
    "partial": partial(by_default, field="gup_flag"),
    "getattr": lambda page: getattr(page, "exclusive"),  # noqa: B009
    "_asdict": lambda page: page._asdict()["exclusive"],
    "nested": lambda page: any(p.exclusive for p in [page]),
    "format": lambda page: "reuse" if "exclusive=True" in f"{page}" else "copy",
    "eval": lambda page: eval("page.exclusive"),
    "returned": lambda page: identity(page).exclusive,
}


def identity(page: PageInfo) -> PageInfo:
    return page


@pytest.mark.parametrize("way", HIDES)
def test_where_it_cannot_be_told_what_a_decision_reads_it_may_read_all(way: str) -> None:
    assert fields_read(POLICIES["v5.8"].with_(reuse=HIDES[way])) == set(PageInfo._fields)


def test_what_a_decision_reads_by_name_is_told() -> None:
    usual = fields_read(POLICIES["v5.8"]) - {"in_swapcache", "page_count", "size", "kind"}  # these the reuse cell reads
    assert usual == {"asker", "mapcount", "swapcount"}
    assert fields_read(POLICIES["v5.8"].with_(reuse=by_helper)) == usual | {"exclusive"}
    lambdas = POLICIES["v5.8"].with_(reuse=lambda page: page.gup_flag and not page.share > page.page_count)
    assert fields_read(lambdas) == usual | {"gup_flag", "share", "page_count"}


def test_what_a_built_in_row_reads() -> None:
    flags = {"exclusive", "gup_flag", "inherited", "mm_has_pinned"}
    read = {name: fields_read(policy) & flags for name, policy in POLICIES.items()}
    assert {name for name in ROWS if "exclusive" in read[name]} == {"v5.19", "v6.5"}
    assert {name for name in ROWS if "gup_flag" in read[name]} == {"andrea-2009"}
    assert {name for name in ROWS if "inherited" in read[name]} == {name for name in ROWS if "jerome-fork" in name}
    assert {"v5.9", "v5.11", "v5.18", "v5.19", "v6.5", "andrea-2021"} == {n for n in ROWS if "mm_has_pinned" in read[n]}


@pytest.mark.parametrize("reuse", [by_table, plain_index, by_helper, by_alias, by_unpacking])
def test_what_a_decision_may_read_is_in_the_key(reuse: Callable[[PageInfo], str]) -> None:
    """A search whose keys left it out would merge states that go on differently."""
    TABLE.clear()
    TABLE.update({page: "reuse" for page in asked_by("v5.19", "pins") if page.exclusive})
    row = tabulated(
        POLICIES["v5.9"].with_(reuse=lambda page: TABLE.get(page, "copy") if reuse is by_table else reuse(page))
    )
    plain = POLICIES["v5.9"].with_(reuse=reuse if reuse is not by_table else by_get)
    assert lengths(explore(Memory(tabulated(plain), WORLDS["pins"]))) == lengths(explore(Memory(row, WORLDS["pins"])))


def by_get(page: PageInfo) -> str:
    return TABLE.get(page, "copy")


def asked_by(policy: str, world: str) -> list[PageInfo]:
    return list(report(policy, world).policy.tables["reuse"])


def test_a_decision_is_asked_once_a_page_info() -> None:
    asked: list[PageInfo] = []

    def mine(page: PageInfo) -> bool:
        asked.append(page)
        return page.mapcount == 1

    found = check(POLICIES["v5.8"].with_(reuse=mine), WORLDS["pins"])
    assert found.transitions > 20 * len(asked) > 0
    assert len(asked) == len(set(asked))
    assert found.policy.tables["reuse"] == {page: "reuse" if page.mapcount == 1 else "copy" for page in asked}


def test_a_learners_five_lines_are_explored_like_a_built_in_row() -> None:
    def mine(page: PageInfo) -> str:
        if page.kind == "ksm":
            return "copy"
        count = page.page_count
        return "reuse" if count == 1 else "copy"

    theirs, built_in = check(POLICIES["v5.8"].with_(reuse=mine), WORLDS["pins"]), None
    built_in = check(POLICIES["v5.8"].with_(reuse=POLICIES["v5.9"].reuse), WORLDS["pins"])
    assert theirs[2:] == built_in[2:]
    assert theirs.policy.fingerprint == built_in.policy.fingerprint
    assert theirs.policy.name != built_in.policy.name


def test_other_answers_are_another_fingerprint() -> None:
    prints = {report(policy, "pins").policy.fingerprint for policy in ROWS}
    same = {report(policy, "pins").policy.fingerprint for policy in ("linus-2021", "jerome-mprotect")}
    assert len(same) == 1  # they differ in mprotect only, which is not among these events
    assert len(prints) > 8
    assert all(len(text) == 12 for text in prints)


def test_a_table_answers_like_its_row() -> None:
    row = tabulated(POLICIES["v6.5"])
    assert isinstance(row, Tabulated)
    assert row == POLICIES["v6.5"]
    page = PageInfo(exclusive=True)
    assert [row.ask("reuse", page), row.ask("reuse", page)] == ["reuse"] * 2
    assert row.tables["reuse"] == {page: "reuse"}
    assert tabulated(row).tables["reuse"] == {}


def raises(page: PageInfo) -> bool:
    return page.mapcount / (page.page_count - 1) > 1


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (raises, "reuse raised ZeroDivisionError"),
        (lambda page: None, "reuse answered None, expected one of reuse, copy, push"),
        (lambda page: "Copy", "reuse answered 'Copy', expected one of reuse, copy, push"),
    ],
)
def test_a_bad_answer_is_reported_with_what_was_asked(mine: Callable[[PageInfo], Any], said: str) -> None:
    with pytest.raises(BadAnswer, match=said) as caught:
        check(POLICIES["v5.8"].with_(reuse=mine), WORLDS["cve"])
    assert "when asked about PageInfo(asker='write', kind='anon', size='base'" in str(caught.value)


# --- far beyond the bounds -------------------------------------------------------------------------------------------

FAR = tuple(verb for verb in {spec.split()[0] for spec in event_specs()} - {"g:", "mmap", "exit"} for _ in "ab")


@pytest.mark.parametrize("policy", ROWS)
@settings(max_examples=20)
@given(walk=st.lists(st.integers(0, 10_000), min_size=40, max_size=120))
def test_long_walks_never_break_the_accounting(policy: str, walk: list[int]) -> None:
    """Without a narrow counter: up to three processes, two pages, four references."""
    row, world, ideal = POLICIES[policy], World(), Ideal()
    for number in walk:
        verb = sorted(FAR)[number % len(FAR)]
        if verb == "fork" and len(world.processes) == 3:
            verb = "exit"
        elif len(world.references) == 4 and verb in (
            "get",
            "pin",
            "register",
            "vmsplice",
            "direct_read",
            "direct_write",
        ):
            verb = "put"
        possible = list(enabled(world, (verb,), pages=(0, 1)))
        if possible:
            event = possible[number // len(FAR) % len(possible)]
            step = transition(world, event, row)
            assert step is not None
            after = follow(ideal, world, event, step)
            broken = [f for f in findings(world, event, step, after, row) if f.law == "accounting"]
            assert not broken, (event, broken)
            world, ideal = step.world, after


if __name__ == "__main__":
    for cell in CELLS:
        print(f"    {cell!r}: {measured(*cell)!r},".replace("'", '"'))
