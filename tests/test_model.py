"""Memory as a model: what the explorer finds is pinned, a search that knows no keys agrees, every witness plays."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short import ROWS

from cowlab import LAWS, POLICIES, BadAnswer, Event, PageInfo, Policy, Trace, World, enabled, play, transition
from cowlab.check import Report, check
from cowlab.explore import Exploration, explore
from cowlab.ideal import Ideal, follow
from cowlab.keys import Key, Keys, fields_read
from cowlab.laws import findings
from cowlab.model import DEFAULT_EVENTS, Bounds, Memory, Situation, event_specs
from cowlab.policy import Tabulated, gup_must_unshare, tabulated


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
    "2 references and rights": of(f"{USUAL}, mprotect r, mprotect rw, direct_read", references=2),
    "default thp": DEFAULT._replace(kind="thp"),
    "default hugetlb": DEFAULT._replace(kind="hugetlb"),
    "default file": DEFAULT._replace(kind="file"),
}
QUICK = ("v5.9-rc4", "andrea-2009", "linus-2021", "jerome-mprotect")
SOME = ("v5.7", "v5.9", "v6.5", "andrea-2009", "jerome-fork-push")
FOR_SOME = ("lru", "force", "fork", "map", "2 pages", "3 processes")  # these take longer
LONG = ("default", "2 references and rights", "default thp", "default hugetlb", "default file")  # see test_presets.py


@cache
def report(policy: str, world: str) -> Report:
    return check(POLICIES[policy], WORLDS[world])


def lengths(found: Report | Exploration) -> str:
    """The length of each law's witness, in the order of LAWS."""
    return " ".join("-" if path is None else str(len(path)) for path in found.witnesses.values())


# The table: for each world and policy states, transitions, depth, and the shortest witness of isolation,
# dma-isolation, coherence, protection, accounting, economy. The counts are of the last search, which asks only for the
# laws that were not broken before (see check.py). Any change of meaning shows here: look at what changed, then write
# the table anew with `python tests/test_model.py`. Presets are looked at in test_presets.py.
TABLE_FILE = Path(__file__).with_name("pinned.txt")


def pinned() -> dict[tuple[str, str], tuple[int, int, int, str]]:
    found = {}
    for line in TABLE_FILE.read_text("utf-8").splitlines():
        world, policy, counts, witnesses = (part.strip() for part in line.split("|"))
        states, transitions, depth = map(int, counts.split())
        found[policy, world] = (states, transitions, depth, witnesses)
    return found


PINNED = pinned()


def measured(policy: str, world: str) -> tuple[int, int, int, str]:
    found = report(policy, world)
    return found.states, found.transitions, found.depth, lengths(found)


def rows(world: str) -> tuple[str, ...]:
    return SOME if world in FOR_SOME else ROWS


CELLS = [(policy, world) for world in WORLDS if world not in LONG for policy in rows(world)]
CELLS += [(policy, "default") for policy in QUICK]
PRESETS = [(policy, world) for world in LONG for policy in ROWS if (policy, world) not in CELLS]
by_cell = pytest.mark.parametrize(("policy", "world"), CELLS)


def as_pinned(policy: str, world: str) -> None:
    assert measured(policy, world) == PINNED[policy, world]
    found = report(policy, world)
    assert found.complete
    assert all(found.sometimes.values()), found.sometimes
    assert [found.holds(law) for law in LAWS] == [found.witnesses[law] is None for law in LAWS]


@by_cell
def test_the_table(policy: str, world: str) -> None:
    as_pinned(policy, world)


def test_nothing_else_is_pinned() -> None:
    assert set(PINNED) == {*CELLS, *PRESETS}


# --- witnesses -------------------------------------------------------------------------------------------------------


def breaks(trace: Trace, law: str) -> list[int]:
    """The lines at which a law is broken in a run."""
    if law == "economy":
        return [moment.line for moment in trace.steps if moment.needless]
    return sorted({line for line, finding in trace.violations if finding.law == law and finding.broken})


def witnesses_play(policy: str, world: str) -> None:
    """And the last line is the first to break the law."""
    found = report(policy, world)
    broken = [law for law in LAWS if found.holds(law) is False]
    assert len(broken) == len(LAWS) - lengths(found).count("-")
    for law in broken:
        script = found.script(law)
        assert script is not None
        assert breaks(play(script, policy), law) == [len(script.splitlines())], script


@by_cell
def test_every_witness_plays(policy: str, world: str) -> None:
    witnesses_play(policy, world)


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

# --- what is in a key ------------------------------------------------------------------------------------------------

TELLING = {  # where something may hide that a key left out
    **{world: WORLDS[world] for world in ("pins", "swap", "lru", "2 references", "3 processes", "map", "thp", "file")},
    "gone": of("write, fork, exit, munmap, vmsplice, put, hold, drop"),
    "objects": of("write, read, fork, munmap, mmap file, mmap shared, get, put, swap_out", kind="file"),
    "zero page": of("write, read, fork, munmap, pin longterm, swap_out, put"),
}
Futures = frozenset[tuple[tuple[str, ...], Key | None]]


def futures(model: Memory, state: Situation) -> Futures:
    """What can come next: the laws that break, or else the key. What changes nothing is no step."""
    found: set[tuple[tuple[str, ...], Key | None]] = set()
    for event in model.events(state):
        after = model.step(state, event)
        if after is not None:
            broken = tuple(sorted(set(model.broken(state, event, after))))
            if broken or after.key != state.key:
                found.add((broken, None if broken else after.key))
    return frozenset(found)


@pytest.mark.parametrize("world", TELLING)
@pytest.mark.parametrize("policy", ("v5.9", "v5.19", "jerome-fork-push"))
def test_states_with_one_key_have_the_same_future(policy: str, world: str) -> None:
    """Every state that is merged with one that was reached before, each fifth where there are many."""
    model = Memory(tabulated(POLICIES[policy]), TELLING[world])
    first, known = {model.start.key: model.start}, dict[Key, Futures]()
    todo, merged = [model.start], 0
    for state in todo:
        for event in model.events(state):
            after = model.step(state, event)
            if after is None or model.broken(state, event, after):
                continue
            same = first.setdefault(after.key, after)
            if same is after:
                todo.append(after)
            elif (same.world, same.ideal) != (after.world, after.ideal):
                merged += 1
                if merged < 200 or merged % 5 == 0:
                    expected = known.setdefault(after.key, futures(model, same))
                    assert futures(model, after) == expected, (same.world, after.world, event)
    assert merged > 10


def by_presence(page: PageInfo) -> str:
    """A learner's: v5.19 mended for a page that was never touched, but not for one that was only read."""
    return "break" if page.kind == "none" else gup_must_unshare(page)


def by_mapcount(page: PageInfo) -> str:
    return "take" if page.mapcount == 1 else "break"


@pytest.mark.parametrize(("row", "gup"), [("v5.19", by_presence), ("v5.7", by_mapcount)])
def test_a_decision_may_tell_the_zero_page_from_none(row: str, gup: Callable[[PageInfo], str]) -> None:
    mine, bounds = tabulated(POLICIES[row].with_(gup=gup)), of("write, read, pin longterm, put")
    assert lengths(explore(Memory(mine, bounds), max_depth=5)) == naive(mine, bounds, 5)
    assert not check(mine, bounds).holds("coherence")


def test_the_flag_of_a_row_is_in_the_key() -> None:
    row = POLICIES["andrea-2021"].with_(flag="exclusive", reuse=lambda page: "push")
    bounds = of("write, fork, exit, clear_refs, pin longterm")
    assert lengths(check(row, bounds)).split()[LAWS.index("accounting")] == "4"


# --- symmetry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", ["pins", "swap", "2 references", "3 processes"])
@pytest.mark.parametrize("policy", SOME)
def test_without_symmetry_there_are_more_states_and_the_same_verdicts(policy: str, world: str) -> None:
    row = tabulated(POLICIES[policy])
    few = explore(Memory(row, WORLDS[world]))
    many = explore(Memory(row, WORLDS[world], interchangeable=()))
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
    tried = list(model.menu(("P", "C"), ("g",), (), True))
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


def by_star(*args: PageInfo, strict: bool = False) -> str:
    return "reuse" if args[0][11] else "copy"


HIDES = {
    "star": by_star,
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


if __name__ == "__main__":  # with names of worlds: only these anew
    anew = sys.argv[1:] or list(WORLDS)
    TABLE_FILE.write_text(
        "".join(
            f"{world:22} | {policy:17} | {c[0]:6} {c[1]:7} {c[2]:3} | {c[3]}\n"
            for policy, world in (*CELLS, *PRESETS)
            for c in [measured(policy, world) if world in anew else PINNED[policy, world]]
        ),
        "utf-8",
    )
