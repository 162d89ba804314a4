"""Several pages composed from one: as a search of all of them says, and every witness is made of real events."""

from __future__ import annotations

from typing import Any

import pytest
from short import ROWS
from test_model import breaks, lengths, of

from cowlab import LAWS, POLICIES, PageInfo, Policy, play
from cowlab.check import check
from cowlab.compose import Column, Composed, Label, Move, alone, merged
from cowlab.explore import ReplayError, explore
from cowlab.model import Bounds, Memory
from cowlab.policy import tabulated

WORLDS = {
    "cve": of("write, fork, munmap, vmsplice, put", pages=2),
    "pins": of("write, fork, exit, munmap, register, put", pages=2),
    "swap": of("write, fork, swap_out, register", pages=2),
    "clear_refs": of("write, fork, clear_refs, register, put", pages=2),
    "holds": of("write, fork, exit, hold, drop, munmap", pages=2),
    "file": of("write, fork, register, get, put", pages=2, kind="file"),
    "2 references": of("write, fork, register, vmsplice, put", pages=2, references=2),
    "3 pages": of("write, fork, register", pages=3),
}
SLOW = ("file", "2 references", "3 pages")
SOME = ("v5.7", "v5.9", "v6.5", "andrea-2009", "jerome-fork-push")
CELLS = [(policy, world) for world in WORLDS for policy in (SOME if world in SLOW else ROWS)]


def composed(row: Policy, bounds: Bounds, *, merge: bool = True) -> Composed:
    return Composed(Column(row, bounds, LAWS).explored(), bounds, merge=merge)


@pytest.mark.parametrize(("policy", "world"), CELLS)
def test_composed_or_direct_it_is_the_same(policy: str, world: str) -> None:
    bounds = WORLDS[world]
    direct = check(POLICIES[policy], bounds, compose=False)
    found = check(POLICIES[policy], bounds)
    assert direct.complete and found.complete
    assert lengths(found) == lengths(direct)
    assert found.sometimes == direct.sometimes
    assert found.states < direct.states
    for law in LAWS:
        if (script := found.script(law)) is not None:
            assert breaks(play(script, policy), law) == [len(script.splitlines())], script


def test_the_reduction_is_named() -> None:
    found = check(POLICIES["v6.5"], WORLDS["pins"])
    assert found.reduction.endswith("; one page with whatever others can do to it, without KSM: its 147 states")
    assert "composed" not in check(POLICIES["v6.5"], WORLDS["pins"], compose=False).reduction


@pytest.mark.parametrize("policy", ["v5.7", "v5.9", "v5.19"])
def test_without_merging_there_are_more_states_and_the_same_witnesses(policy: str) -> None:
    row = tabulated(POLICIES[policy])
    few, many = (explore(composed(row, WORLDS["cve"], merge=merge)) for merge in (True, False))
    assert few.states < many.states
    assert lengths(few) == lengths(many)


def test_a_pin_on_one_page_is_known_on_the_other() -> None:
    """mm_has_pinned is the process's: here it wastes a copy of a page that nobody holds, which one page cannot show."""

    def copies_all_once_pinned(page: PageInfo) -> str:
        return "copy" if page.mm_has_pinned and page.page_count == 1 else "share"

    row, bounds = POLICIES["v5.7"].with_(fork=copies_all_once_pinned), of("write, fork, register", pages=2)
    assert check(row, bounds._replace(pages=1), ("economy",)).holds("economy")
    found = check(row, bounds, ("economy",))
    assert lengths(found) == lengths(check(row, bounds, ("economy",), compose=False))
    assert "; pages composed of one, without KSM: its" in found.reduction
    assert sorted((found.script("economy") or "").splitlines()) == [
        *("P: fork C", "P: mmap anon @1", "P: register g @1", "P: write A")
    ]


def test_references_and_holds_are_shared_by_all_pages() -> None:
    model = composed(tabulated(POLICIES["v5.9"]), of("write, get, put, hold, drop, fork", pages=3))
    seen = set()
    todo, known = [model.start], {model.start}
    for state in todo:
        labels = [model.labels[page] for page in state]
        seen.add((sum(label.references for label in labels), sum(label.holds for label in labels)))
        assert len({label.processes for label in labels}) == len({label.pinned for label in labels}) == 1
        for event in model.events(state):
            after = model.step(state, event)
            if after is not None and after not in known:
                known.add(after)
                todo.append(after)
    assert seen == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_page_alone_is_the_page_of_a_smaller_world() -> None:
    """What is done on @1 only looks, to @1 alone, as if it were @0 of a world with one page."""
    two = Memory(tabulated(POLICIES["v5.9"]), of("write, fork, munmap, vmsplice", pages=2))
    one = Memory(tabulated(POLICIES["v5.9"]), of("write, fork, munmap, vmsplice"))
    pair, single = two.start, one.start
    for verb in ("write", "fork", "vmsplice", "munmap"):
        event = next(e for e in two.events(pair) if e.verb == verb and e.page == (0 if verb == "fork" else 1))
        same = event._replace(pages=(0,) * len(event.pages))
        pair, single = two.step(pair, event), one.step(single, same)  # type: ignore[assignment]
        assert one.keys(*alone(pair, 1)) == single.key


def counts(page: PageInfo) -> str:
    return "take" if page.mapcount == 1 else "break"


@pytest.mark.parametrize(
    ("row", "bounds"),
    [
        (POLICIES["v5.9"], of("write, fork, munmap", pages=2, kind="shared")),
        (POLICIES["v5.9"], of("write, fork, munmap, mmap shared", pages=2)),
        (POLICIES["v5.9"].with_(gup=counts), of("write, read, get, put", pages=2)),
    ],
)
def test_where_pages_meet_elsewhere_they_are_searched_directly(row: Policy, bounds: Bounds) -> None:
    """Shared memory is numbered for all pages, and the zero page is one for all who may count it."""
    assert check(row, bounds) == check(row, bounds, compose=False)
    assert "composed" not in check(row, bounds).reduction


def test_whatever_ends_a_composed_search_is_said() -> None:
    """At every number of states, and at every time: no traceback, and complete only where the lengths are the shortest."""

    def share_unless_pinned(page: PageInfo) -> str:
        return "copy" if page.mm_has_pinned and page.page_count == 1 else "share"

    row = POLICIES["v5.7"].with_(fork=share_unless_pinned)
    bounds = of("write, fork, register, munmap, mmap anon", pages=2)
    shortest = lengths(check(row, bounds))
    for most in range(5, 300, 7):
        found = check(row, bounds, max_states=most)
        assert not found.complete or lengths(found) == shortest
    for times in range(1, 8):
        asked = iter(range(times))
        found = check(row, bounds, exhausted=lambda asked=asked: "" if next(asked, None) is not None else "no memory")
        assert found.stopped == "no memory" or lengths(found) == shortest


def test_an_interrupt_is_a_bound() -> None:
    def interrupt(times: int) -> Any:
        asked = iter(range(times))

        def progress(*counts: int) -> None:
            if next(asked, None) is None:
                raise KeyboardInterrupt

        return check(POLICIES["v5.9"], WORLDS["pins"], progress=progress)

    stopped = [interrupt(times).stopped for times in range(12)]
    assert stopped[0] == "an interrupt" and stopped[-1] == ""
    assert set(stopped) == {"an interrupt", ""}


def test_a_bound_on_one_page_is_a_bound_on_all() -> None:
    found = check(POLICIES["v5.9"], Bounds(pages=2), max_states=50)
    assert (found.complete, found.stopped) == (False, "50 states")
    assert found.holds("isolation") is None
    assert check(POLICIES["v5.9"], Bounds(pages=2), exhausted=lambda: "no memory").stopped == "no memory"


def test_a_path_that_no_event_follows_is_an_error() -> None:
    model = composed(tabulated(POLICIES["v5.9"]), WORLDS["cve"])
    with pytest.raises(ReplayError, match="no event does"):  # nothing leaks at the first line
        model.script("isolation", ((0, Move((), frozenset({"isolation"}), model.start[0])),))


def test_merging_is_by_what_can_be_told_apart() -> None:
    """a and b differ in name only; c can break a law."""
    label = Label(1, (False,), 0, 0, ())
    nothing: list[Move] = []
    step, breaks_law = Move((), frozenset(), 2), Move((), frozenset({"isolation"}), 2)
    assert merged([label] * 3, [nothing, nothing, nothing]) == [0, 0, 0]
    assert merged([label, label, label._replace(holds=1)], [[step], [step], nothing]) == [0, 0, 1]
    assert merged([label, label, label._replace(holds=1)], [[step], [breaks_law], nothing]) == [0, 1, 2]
