"""What the kernel does on its own: reclaim, migration, KSM, holds, and freeing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, ROWS, by_policy, last, outcomes, readings, world
from walks import along, walks

from cowlab import Policy, mapcount
from cowlab.reclaim import reap

HELD = "linus-2021 jerome-mprotect jerome-fork jerome-fork-push jerome-fork-reuse"
PINS_STAY = f"v5.11 v5.18 v5.19 v6.5 {HELD}"
PAIR = "P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; P: madvise mergeable @1"
MERGE = "kernel: ksm P P @1"

OUTCOMES = {
    # reclaim
    "an anonymous page": ("P: write A; kernel: swap_out P", by_policy("swapped")),
    "nothing there": ("kernel: swap_out P", by_policy("skipped")),
    "nothing mapped": ("P: munmap; kernel: swap_out P", by_policy("skipped")),
    "the zero page": ("P: read; kernel: swap_out P", by_policy("skipped")),
    "what is out already": ("P: write A; kernel: swap_out P; kernel: swap_out P", by_policy("skipped")),
    "hugetlb": ("P: mmap hugetlb; P: write A; kernel: swap_out P", by_policy("skipped")),
    "a thp": ("P: mmap thp; P: write A; kernel: swap_out P", by_policy("swapped")),
    "a thp that somebody holds": ("P: mmap thp; P: write A; P: vmsplice g; kernel: swap_out P", by_policy("skipped")),
    "a file's page is dropped": ("P: mmap file; P: read; kernel: swap_out P", by_policy("done")),
    "a private copy of a file's page": ("P: mmap file; P: write A; kernel: swap_out P", by_policy("swapped")),
    "shared memory": ("P: mmap shared; P: write A; kernel: swap_out P", by_policy("swapped")),
    "a page of two processes": ("P: write A; P: fork C; kernel: swap_out C; P: read", by_policy("fault")),
    "a page in a pipe": (
        "P: write A; P: vmsplice g; kernel: swap_out P", by_policy("swapped", f"skipped: {HELD}")
    ),
    "a page that is looked up": ("P: write A; kernel: hold P; kernel: swap_out P", by_policy("swapped", f"skipped: {HELD}")),
    "a page in the LRU batch, which is drained for it": (
        "P: write A; kernel: hold P lru; kernel: swap_out P", by_policy("swapped")
    ),
    "a pinned page": (
        "P: write A; P: register g; kernel: swap_out P", by_policy("swapped", f"skipped: {PINS_STAY}")
    ),
    "a page under a direct read": (
        "P: write A; P: direct_read g; kernel: swap_out P", by_policy("swapped", f"skipped: v6.5 {HELD}")
    ),
    "a page pinned read-only by the other": (
        "P: write A; P: fork C; C: pin g write; kernel: swap_out C", by_policy("swapped", f"skipped: {PINS_STAY}")
    ),
    # MADV_PAGEOUT
    "pageout": ("P: write A; P: madvise pageout", by_policy("swapped")),
    "pageout of nothing": ("P: madvise pageout", by_policy("skipped")),
    "pageout of a shared page": ("P: write A; P: fork C; P: madvise pageout", by_policy("skipped")),
    "pageout of a page in a pipe": (
        "P: write A; P: vmsplice g; P: madvise pageout", by_policy("swapped", f"skipped: {HELD}")
    ),
    "pageout of hugetlb": ("P: mmap hugetlb; P: write A; P: madvise pageout", by_policy("refused")),
    # migration
    "a page moves": ("P: write A; kernel: migrate P", by_policy("done")),
    "a shared page moves": ("P: write A; P: fork C; kernel: migrate C", by_policy("done")),
    "a file's page moves": ("P: mmap file; P: read; kernel: migrate P", by_policy("done")),
    "hugetlb moves": ("P: mmap hugetlb; P: write A; kernel: migrate P", by_policy("done")),
    "nothing to move": ("kernel: migrate P", by_policy("skipped")),
    "the zero page stays": ("P: read; kernel: migrate P", by_policy("skipped")),
    "a page in a pipe stays": ("P: write A; P: vmsplice g; kernel: migrate P", by_policy("skipped")),
    "a pinned page stays": ("P: write A; P: register g; kernel: migrate P", by_policy("skipped")),
    "a held page stays": ("P: write A; kernel: hold P; kernel: migrate P", by_policy("skipped")),
    # KSM
    "two equal pages": (f"{PAIR}; {MERGE}", by_policy("done")),
    "the same page": (f"{PAIR}; {MERGE}; {MERGE}", by_policy("skipped")),
    "a page and itself": (f"{PAIR}; kernel: ksm P P", by_policy("skipped")),
    "two pages that differ": (f"{PAIR}; P: write B; {MERGE}", by_policy("skipped")),
    "only one is mergeable": ("P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; " + MERGE, by_policy("skipped")),
    "one was never touched": ("P: mmap anon @1; P: write A; P: madvise mergeable; P: madvise mergeable @1; " + MERGE, by_policy("skipped")),
    "one is in a pipe": (f"{PAIR}; P: vmsplice g; {MERGE}", by_policy("skipped")),
    "one is pinned": (f"{PAIR}; P: register g @1; {MERGE}", by_policy("skipped")),
    "one is looked up": (f"{PAIR}; kernel: hold P; {MERGE}", by_policy("skipped")),
    "one is huge": (
        "P: mmap thp; P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; P: madvise mergeable @1; " + MERGE,
        by_policy("skipped"),
    ),
    "shared memory is not mergeable": ("P: mmap shared; P: write A; P: madvise mergeable", by_policy("skipped")),
    "nor is hugetlb": ("P: mmap hugetlb; P: write A; P: madvise mergeable", by_policy("skipped")),
    "a third one": (
        f"P: mmap anon @2; P: write A @2; P: madvise mergeable @2; {PAIR}; {MERGE}; kernel: ksm P @2 P", by_policy("done")
    ),
    "pages of two processes": (
        "P: madvise mergeable; P: fork C; P: write A; C: write A; kernel: ksm P C", by_policy("done")
    ),
    # holds
    "a hold": ("P: write A; kernel: hold P", by_policy("done")),
    "a hold on nothing": ("kernel: hold P", by_policy("skipped")),
    "a hold on the zero page": ("P: read; kernel: hold P", by_policy("skipped")),
    "a drop": ("P: write A; kernel: hold P; kernel: drop P", by_policy("done")),
    "a drop of a hold on nothing": ("kernel: hold P; kernel: drop P", by_policy("skipped")),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", OUTCOMES.values(), ids=OUTCOMES)
def test_outcome(line: str, expected: dict[str, str]) -> None:
    assert {name: last(line, name) for name in ROWS} == expected


def test_reclaim_takes_a_page_from_everyone_who_maps_it() -> None:
    made = world("P: write A; P: fork C; kernel: swap_out P")
    assert [pte.slot for process in made.processes for _, pte in process.ptes] == [0, 0]
    assert made.frames[1:] == ()


def test_a_page_that_a_pipe_holds_stays_in_the_swap_cache() -> None:
    made = world("P: write A; P: vmsplice g; kernel: swap_out P", "v6.5")
    assert made.frame(1).slot == 0
    assert made.slots != ()
    assert readings("P: write A; P: vmsplice g; kernel: swap_out P; P: write B; g: read", "v6.5") == "g=B[B]"


def test_who_swaps_in_after_a_device_stored_reads_the_device() -> None:
    line = "P: write A; P: get g write; kernel: swap_out P; g: write D; P: read"
    assert readings(line, "v5.7") == "P=D[D]"


def test_migration_takes_every_mapping_along() -> None:
    line = "P: write A; P: fork C"
    before, after = world(line), world(f"{line}; P: mmap anon @1; P: write B @1; P: munmap @1; kernel: migrate P")
    assert mapcount(before, 1) == 2
    assert mapcount(after, 2) == 2
    assert after.frame(2).holds == before.frame(1).holds
    assert after.frames[1] is None


def test_migration_leaves_a_frame_alone_that_a_counter_has_freed() -> None:
    line = "kernel: counter 2 bias 3; P: write A; P: pin g; g: put; kernel: migrate P; P: read"
    assert outcomes(line, "v5.7") == "done fault hit done skipped hit"


def test_a_merged_page_belongs_to_both_and_a_store_parts_them() -> None:
    line = f"{PAIR}; {MERGE}"
    made = world(line)
    one, two = made.pte("P", 0), made.pte("P", 1)
    assert one is not None and two is not None and one.frame is not None
    assert one.frame == two.frame
    assert not one.write and not two.write
    assert (made.frame(one.frame).kind, made.frame(one.frame).exclusive) == ("ksm", False)
    assert made.frame(one.frame).holds.ids == (1, 2)
    assert readings(f"{line}; P: write B; P: read; P: read @1") == "P=B[B] P @1=A[A]"


@pytest.mark.parametrize("third", ["kernel: ksm P @2 P", "kernel: ksm P @2 P @1", "kernel: ksm P P @2"])
def test_a_third_page_joins_the_merged_one(third: str) -> None:
    made = world(f"P: mmap anon @2; P: write A @2; P: madvise mergeable @2; {PAIR}; {MERGE}; {third}")
    frames = {pte.frame for process in made.processes for _, pte in process.ptes}
    assert len(frames) == 1
    assert made.frame(frames.pop() or 0).kind == "ksm"


def test_drop_takes_the_oldest_hold() -> None:
    made = world("P: write A; kernel: hold P lru; kernel: hold P; kernel: drop P")
    assert [hold.lru for hold in made.holds] == [False]
    made = world("P: write A; kernel: hold P; kernel: hold P lru; kernel: drop P")
    assert [hold.lru for hold in made.holds] == [True]


def test_a_hold_keeps_the_frame_when_everybody_has_gone() -> None:
    assert world("P: write A; kernel: hold P; P: exit").frame(1).holds.letter == "A"
    assert world("P: write A; kernel: hold P; P: exit; kernel: drop P").frames[1:] == ()


def test_slots_and_frames_are_numbered_from_the_lowest_free() -> None:
    line = "P: mmap anon @1; P: write A; P: write B @1; kernel: swap_out P; kernel: swap_out P @1; P: munmap"
    made = world(line)
    assert [store.letter if store else None for store in made.slots] == [None, "B"]
    made = world(f"{line}; P: mmap anon; P: write D; kernel: swap_out P")
    assert [store.letter if store else None for store in made.slots] == ["D", "B"]


@given(walks, st.sampled_from(ALL))
def test_reclaim_and_migration_change_nothing_that_is_seen(walk: list[tuple[str, int]], policy: Policy) -> None:
    """Whoever reads sees the same before and after anything that the kernel did on its own."""
    from cowlab.world import looks, sees

    for before, event, step in along(walk, policy):
        if event.actor != "kernel":
            continue
        for process in before.processes:
            for page, pte in process.ptes:
                after = step.world.pte(process.name, page)
                assert after is not None
                old, new = sees(before, pte, page), sees(step.world, after, page)
                assert (old and old.letter) == (new and new.letter)
        for reference in before.references:
            assert looks(step.world, reference) == looks(before, reference)


@given(walks, st.sampled_from(ALL))
def test_reap_is_idempotent_and_nothing_is_left_when_all_have_gone(walk: list[tuple[str, int]], policy: Policy) -> None:
    made = None
    for _, _, step in along(walk, policy):
        made = step.world
        assert reap(made) == made
    if made is not None:
        ended = reap(made._replace(processes=(), references=(), holds=()))
        assert {frame.kind for frame in ended.frames if frame} <= {"zero", "file"}
        assert ended.slots == ()
