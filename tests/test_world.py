"""The World: literals, what is counted from them, and what every step leaves in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, script, world
from walks import along, walks

from cowlab import (
    POLICIES,
    Frame,
    Policy,
    Process,
    Pte,
    Reference,
    Store,
    Vma,
    World,
    mapcount,
    page_count,
    parts,
    play,
)
from cowlab.reclaim import reap
from cowlab.world import (
    FILE,
    ZERO,
    CachePage,
    Counter,
    Hold,
    cached_in,
    in_file,
    in_slot,
    looks,
    maybe_dma_pinned,
    sees,
    swapcount,
)

A = Store("A", (1,), "P")
ZERO_FRAME = Frame(ZERO, "zero")


def one_page(*ptes: Pte, frame: Frame | None = None, **rest: object) -> World:
    """A World in which P, Q, R, ... have these entries at @0, and frame 1 is `frame`."""
    processes = tuple(Process(name, ((0, pte),)) for name, pte in zip("PQRST", ptes, strict=False))
    return World(processes, (ZERO_FRAME, frame or Frame(A)), **rest)  # type: ignore[arg-type]


def reference(name: str, take: str = "GET", verb: str = "get", frame: int | None = 1) -> Reference:
    return Reference(name, verb, "P", 0, take, False, False, frame)


# --- the fresh world -------------------------------------------------------------------------------------------------


def test_a_fresh_world_has_p_with_one_private_anonymous_page_never_touched() -> None:
    fresh = World()
    assert fresh.processes == (Process("P", ((0, Pte(Vma("anon", "rw"))),)),)
    assert fresh.frames == (ZERO_FRAME,)
    assert (fresh.references, fresh.holds, fresh.slots, fresh.cache, fresh.counter) == ((), (), (), (), None)


def test_worlds_with_the_same_history_are_equal_and_can_be_keys() -> None:
    text = script("P: write A; P: fork C; C: vmsplice g; C: munmap")
    one, two = (play(text, "v5.7").moments[-1].world for _ in range(2))
    assert one == two
    assert {one: "found"}[two] == "found"


def test_what_cannot_be_found_is_none() -> None:
    fresh = World()
    assert (fresh.process("Q"), fresh.reference("g"), fresh.pte("P", 1), fresh.pte("Q", 0)) == (None,) * 4
    assert fresh.cached("file", 0) is None


def test_changes_give_a_new_world_and_leave_the_old() -> None:
    fresh = World()
    changed = fresh.with_pte("P", 0, Pte(frame=1)).with_frame(0, Frame(A))
    assert changed.pte("P", 0) == Pte(frame=1)
    assert changed.frame(0) == Frame(A)
    assert fresh == World()


@pytest.mark.parametrize(
    "frames, expected",
    [
        ((ZERO_FRAME,), 1),
        ((ZERO_FRAME, Frame(A)), 2),
        ((ZERO_FRAME, None, Frame(A)), 1),
        ((ZERO_FRAME, Frame(A), Frame(A, freed=True)), 2),
    ],
)
def test_a_new_frame_takes_the_lowest_free_place(frames: tuple[Frame | None, ...], expected: int) -> None:
    made, number = World(frames=frames).new_frame(Frame(FILE))
    assert number == expected
    assert made.frame(number) == Frame(FILE)


# --- counting --------------------------------------------------------------------------------------------------------

MAPPED = Pte(frame=1)
COUNTS = {
    "one mapping": (one_page(MAPPED), "1 mapping", 1, 1),
    "two mappings": (one_page(MAPPED, MAPPED), "2 mapping", 2, 2),
    "a FOLL_GET adds 1": (
        one_page(MAPPED, references=(reference("g"), reference("h"))), "1 mapping, 2 FOLL_GET", 1, 3
    ),
    "a FOLL_PIN adds 1024": (
        one_page(MAPPED, references=(reference("g", "PIN"),)), "1 mapping, 1 FOLL_PIN x 1024", 1, 1025
    ),
    "a refused reference adds nothing": (
        one_page(MAPPED, references=(reference("g", "PIN", frame=None),)), "1 mapping", 1, 1
    ),
    "a hold adds 1": (one_page(MAPPED, holds=(Hold("P", 0, False, 1),)), "1 mapping, 1 hold", 1, 2),
    "the swap cache adds 1": (
        one_page(MAPPED, Pte(slot=0), frame=Frame(A, slot=0), slots=(A,)), "1 mapping, 1 swap cache", 1, 2
    ),
    "the page cache adds 1": (
        one_page(MAPPED, frame=Frame(FILE, "file"), cache=(CachePage("file", 0, 1),)), "1 mapping, 1 page cache", 1, 2
    ),
    "a pin of a large page counts once": (
        one_page(MAPPED, frame=Frame(A, size="thp"), references=(reference("g", "PIN"),)), "1 mapping, 1 FOLL_PIN", 1, 2
    ),
    "a split THP is mapped by 512 entries": (
        one_page(Pte(frame=1, split=True), frame=Frame(A, size="thp")), "1 mapping x 512", 1, 512
    ),
    "who copied one page of a THP still maps 511": (
        one_page(MAPPED, Pte(frame=2, rest=1), frame=Frame(A, size="thp")), "1 mapping, 1 mapping x 511", 1, 512
    ),
    "the counter may have another bias": (
        one_page(MAPPED, references=(reference("g", "PIN"),), counter=Counter(8, 4)), "1 mapping, 1 FOLL_PIN x 4", 1, 5
    ),
    "a narrow counter wraps": (
        one_page(MAPPED, references=tuple(map(reference, "abcd")), counter=Counter(2, 3)), "1 mapping, 4 FOLL_GET", 1, 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("world, summands, mappings, count", COUNTS.values(), ids=COUNTS)
def test_counts_are_sums_of_named_parts(world: World, summands: str, mappings: int, count: int) -> None:
    shown = (f"{part.count} {part.what}" + f" x {part.weight}" * (part.weight > 1) for part in parts(world, 1))
    assert ", ".join(shown) == summands
    assert mapcount(world, 1) == mappings
    assert page_count(world, 1) == count


def test_a_free_frame_has_no_parts() -> None:
    assert parts(World(frames=(ZERO_FRAME, None, Frame(A))), 1) == ()


@pytest.mark.parametrize(
    "made, expected",
    [
        (one_page(MAPPED, references=(reference("g", "PIN"),)), True),
        (one_page(MAPPED, references=(reference("g", "GET"),)), False),
        (one_page(MAPPED, references=tuple(reference(f"g{n}") for n in range(1022))), False),
        (one_page(MAPPED, references=tuple(reference(f"g{n}") for n in range(1023))), True),
        (one_page(MAPPED, references=tuple(map(reference, "abc")), counter=Counter(16, 4)), True),
        (one_page(MAPPED, frame=Frame(A, size="thp"), references=tuple(map(reference, "abc"))), False),
        (one_page(MAPPED, frame=Frame(A, size="thp"), references=(reference("g", "PIN"),)), True),
        (one_page(MAPPED, frame=Frame(A, size="hugetlb"), references=(reference("g", "PIN"),)), True),
    ],
    ids=["pin", "get", "1023", "1024-is-a-false-positive", "other-bias", "thp-exact", "thp-pin", "hugetlb-pin"],
)
def test_maybe_dma_pinned(made: World, expected: bool) -> None:
    assert maybe_dma_pinned(made, 1) is expected


def test_swap_entries_are_counted_by_slot() -> None:
    made = one_page(Pte(slot=0), Pte(slot=0), Pte(slot=1), frame=Frame(A, slot=1), slots=(A, A))
    assert [swapcount(made, slot) for slot in (0, 1, None)] == [2, 1, 0]
    assert [cached_in(made, slot) for slot in (0, 1, None)] == [None, 1, None]


def test_the_swap_cache_is_newer_than_what_was_written_out() -> None:
    newer = Store("B", (2,), "g", device=True)
    made = one_page(Pte(slot=0), Pte(slot=1), frame=Frame(newer, slot=0), slots=(A, A))
    assert (in_slot(made, 0), in_slot(made, 1)) == (newer, A)


# --- looking ---------------------------------------------------------------------------------------------------------

SEEN = {
    "untouched anonymous memory": (one_page(Pte()), Pte(), ZERO),
    "an untouched file page": (one_page(Pte(Vma("file"))), Pte(Vma("file")), FILE),
    "what is mapped": (one_page(MAPPED), MAPPED, A),
    "what is swapped out": (one_page(Pte(slot=0), slots=(A,)), Pte(slot=0), A),
    "not mapped": (one_page(Pte(None)), Pte(None), None),
    "no right to read": (one_page(MAPPED), Pte(Vma(prot="none"), frame=1), None),
    "shared memory that another has touched": (
        one_page(frame=Frame(A, "shared"), cache=(CachePage("shared", 3, 1),)), Pte(Vma("shared", object=3)), A
    ),
    "shared memory that was swapped out": (
        one_page(slots=(A,), cache=(CachePage("shared", 3, None, 0),)), Pte(Vma("shared", object=3)), A
    ),
    "shared memory never touched": (one_page(cache=(CachePage("shared", 3),)), Pte(Vma("shared", object=3)), ZERO),
}  # fmt: skip


@pytest.mark.parametrize("made, pte, store", SEEN.values(), ids=SEEN)
def test_what_a_process_sees(made: World, pte: Pte, store: Store | None) -> None:
    assert sees(made, pte, 0) == store


@pytest.mark.parametrize(
    "verb, frame, store", [("get", 1, A), ("direct_write", 1, A), ("direct_read", 1, None), ("get", None, None)]
)
def test_what_one_sees_through_a_reference(verb: str, frame: int | None, store: Store | None) -> None:
    assert looks(one_page(MAPPED), reference("g", verb=verb, frame=frame)) == store


def test_what_a_file_holds() -> None:
    assert in_file(World(), 0) == FILE
    assert in_file(world("P: mmap file; P: read; P: write A"), 0) == FILE


# --- in order after every step ---------------------------------------------------------------------------------------


def named_frames(made: World) -> set[int]:
    ptes = [pte for process in made.processes for _, pte in process.ptes]
    used = [pte.frame for pte in ptes] + [pte.rest for pte in ptes]
    used += [holder.frame for holder in (*made.references, *made.holds, *made.cache)]
    return {number for number in used if number is not None}


def in_order(made: World) -> None:
    """What is true of every World, also with a counter that overflows."""
    for number in named_frames(made):
        made.frame(number)  # exists
    for number, frame in enumerate(made.frames):
        if number and frame is not None:
            assert parts(made, number), f"#{number} is used by nobody and not free"
    named = {pte.slot for process in made.processes for _, pte in process.ptes} | {page.slot for page in made.cache}
    named |= {frame.slot for frame in made.frames if frame is not None}
    assert {slot for slot, store in enumerate(made.slots) if store is not None} == named - {None}
    assert made.frames[-1] is not None
    assert not made.slots or made.slots[-1] is not None
    assert reap(made) == made
    for process in made.processes:
        assert list(process.ptes) == sorted(process.ptes, key=lambda item: item[0])
        for _, pte in process.ptes:
            assert pte.frame is None or pte.slot is None
            assert not pte.write or pte.frame is not None
            assert pte.vma is not None or pte == Pte(None)
    names = [process.name for process in made.processes] + [holder.name for holder in made.references]
    assert len(names) == len(set(names))


@given(walks, st.sampled_from(ALL))
def test_every_step_leaves_the_world_in_order(walk: list[tuple[str, int]], policy: Policy) -> None:
    for _, _, step in along(walk, policy):
        in_order(step.world)
        for number, frame in enumerate(step.world.frames):
            if number and frame is not None:
                assert page_count(step.world, number) >= mapcount(step.world, number)
                assert not frame.freed


@given(walks, st.sampled_from(ALL), st.sampled_from([Counter(2, 3), Counter(2, 3, True), Counter(3, 4), Counter(1, 1)]))
def test_with_a_narrow_counter_too(walk: list[tuple[str, int]], policy: Policy, counter: Counter) -> None:
    for _, _, step in along(walk, policy, World(counter=counter)):
        in_order(step.world)


SHARES = ("jerome-fork-reuse",)  # "and the parent keeps the frame without looking"


@given(walks, st.sampled_from([policy for policy in ALL if policy.name not in SHARES]))
def test_a_writable_private_page_is_mapped_by_nobody_else(walk: list[tuple[str, int]], policy: Policy) -> None:
    for _, _, step in along(walk, policy):
        for process in step.world.processes:
            for _, pte in process.ptes:
                if pte.write and pte.vma is not None and pte.vma.cow:
                    assert pte.frame is not None
                    frame = step.world.frame(pte.frame)
                    assert frame.kind == "anon"
                    assert mapcount(step.world, pte.frame) == 1
                    assert swapcount(step.world, frame.slot) == 0


def test_jeromes_third_reading_writes_where_another_maps() -> None:
    made = world("P: write A; P: fork C; P: write B", "jerome-fork-reuse")
    parent, child = made.pte("P", 0), made.pte("C", 0)
    assert parent is not None and child is not None
    assert parent.write and parent.frame == child.frame


@given(walks)
def test_history_is_a_list_of_values(walk: list[tuple[str, int]]) -> None:
    """Nothing that happens later changes a World that has been."""
    seen = [(before, hash(before)) for before, _, _ in along(walk, POLICIES["v6.5"])]
    assert all(hash(before) == number for before, number in seen)
    again = [before for before, _, _ in along(walk, POLICIES["v6.5"])]
    assert again == [before for before, _ in seen]
