"""Where the rows part: the last outcome of a script, row by row. What each says is in docs/kernel.md, section 2."""

from __future__ import annotations

import pytest
from short import ROWS, by_policy, last, outcomes, played, readings, world

from cowlab import PageInfo, World, play
from cowlab.fault import page_info
from cowlab.world import Counter

COUNT = "v5.9-rc4 v5.9 v5.11 v5.18 v5.19 v6.5 linus-2021 jerome-mprotect jerome-fork"
JEROME_FORK = "jerome-fork jerome-fork-push jerome-fork-reuse"
HELD = f"linus-2021 jerome-mprotect {JEROME_FORK}"  # rows that leave a held page alone
MERGED_KSM = (
    "P: mmap anon @1; P: write A; P: write A @1; P: madvise mergeable; P: madvise mergeable @1; kernel: ksm P P @1"
)

REUSE = {
    "the child has the page too": (
        "P: write A; P: fork C; P: write B", by_policy("copy", "reuse: jerome-fork-push jerome-fork-reuse")
    ),
    "the child writes first": ("P: write A; P: fork C; C: write B", by_policy("copy")),
    "the child has written": ("P: write A; P: fork C; C: write B; P: write D", by_policy("reuse")),
    "the child has gone": ("P: write A; P: fork C; C: exit; P: write B", by_policy("reuse")),
    "the child has unmapped": ("P: write A; P: fork C; C: munmap; P: write B", by_policy("reuse")),
    "the parent has gone": ("P: write A; P: fork C; P: exit; C: write B", by_policy("reuse", f"copy: {JEROME_FORK}")),
    "a pipe has it, the child unmapped": (
        "P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S", by_policy("reuse", f"copy: {COUNT}")
    ),
    "a pipe of one's own": (
        "P: write A; P: vmsplice g; P: clear_refs; P: write B",
        by_policy("reuse", "copy: v5.9-rc4 v5.9 v5.11 v5.18", f"hit: {HELD}"),
    ),
    "a pin of one's own": (
        "P: write A; P: register g; P: clear_refs; P: write B",
        by_policy("hit", "reuse: v5.7 v5.8 andrea-2009 andrea-2021", "copy: v5.9-rc4 v5.9"),
    ),
    "a passing look-up after fork": (
        "P: write A; P: fork C; C: exit; kernel: hold P; P: write B",
        by_policy("reuse", f"copy: {COUNT}"),
    ),
    "a page in the LRU batch": (
        "P: write A; P: fork C; C: exit; kernel: hold P lru; P: write B",
        by_policy("reuse", "copy: v5.9-rc4 v5.9 v5.11 linus-2021 jerome-mprotect jerome-fork"),
    ),
    "in the LRU batch and looked up": (
        "P: write A; P: fork C; C: exit; kernel: hold P; kernel: hold P lru; P: write B",
        by_policy("reuse", f"copy: {COUNT}"),
    ),
    "a writable page never asks": ("P: write A; P: vmsplice g; kernel: hold P; P: write B", by_policy("hit")),
    "a KSM page": (f"{MERGED_KSM}; P: write B", by_policy("copy")),
    "the last of a KSM page": (
        f"{MERGED_KSM}; P: write B; P: write D @1", by_policy("copy", "reuse: v5.7 v5.8 andrea-2009 andrea-2021")
    ),
    "swapped out and read": (
        "P: write A; kernel: swap_out P; P: read; P: write B", by_policy("reuse", "copy: v5.9-rc4 v5.9 v5.11")
    ),
    "swapped out and written": ("P: write A; kernel: swap_out P; P: write B", by_policy("fault")),
    "swapped out from two, written": ("P: write A; P: fork C; kernel: swap_out P; P: write B", by_policy(
        "copy", "fault: jerome-fork-push jerome-fork-reuse"
    )),
    "swapped out from two, one gone": (
        "P: write A; P: fork C; kernel: swap_out P; C: exit; P: write B", by_policy("fault")
    ),
    "swapped out and held": (
        "P: write A; P: vmsplice g; kernel: swap_out P; P: write B",
        by_policy("fault", "copy: v5.18", f"hit: {HELD}"),
    ),
    "hugetlb after fork": ("P: mmap hugetlb; P: write A; P: fork C; P: write B", by_policy("copy")),
    "hugetlb, and a pipe of the child's": (
        "P: mmap hugetlb; P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S", by_policy("reuse")
    ),
    "a THP after fork": (
        "P: mmap thp; P: write A; P: fork C; C: write B; P: write D",
        by_policy("copy", "reuse: v5.7 andrea-2009 jerome-fork-push jerome-fork-reuse"),
    ),
    "a THP and a pipe of the child's": (
        "P: mmap thp; P: write A; P: fork C; C: vmsplice g; C: munmap; P: write S",
        by_policy("reuse", "copy: v5.18 v5.19 v6.5 linus-2021 jerome-mprotect jerome-fork"),
    ),
    "the right to write comes back": (
        "P: write A; P: mprotect r; P: mprotect rw; P: write B", by_policy("reuse", "hit: v6.5")
    ),
    "the right that one has does not come back": (
        "P: write A; P: clear_refs; P: mprotect rw; P: write B", by_policy("reuse")
    ),
    "a monitor has gone": ("P: write A; P: uffd_wp on; P: uffd_wp off; P: write B", by_policy("reuse", "hit: v6.5")),
    "the right comes back on a shared page": (
        "P: write A; P: fork C; P: mprotect r; P: mprotect rw; C: write B; P: read; P: write D", by_policy("reuse")
    ),
    "it comes back under a monitor": (
        "P: write A; P: uffd_wp on; P: mprotect r; P: mprotect rw; P: uffd_wp off; P: write B",
        by_policy("reuse", "hit: v6.5"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", REUSE.values(), ids=REUSE)
def test_may_i_keep_the_frame(line: str, expected: dict[str, str]) -> None:
    assert {name: last(line, name) for name in ROWS} == expected


SHARED = "P: write A; P: fork C"
GUP = {
    "a read reference on a shared page": (
        f"{SHARED}; P: get g", by_policy("hit", "copy: v5.8 andrea-2009 andrea-2021")
    ),
    "a read pin on a shared page": (
        f"{SHARED}; P: pin g", by_policy("hit", "copy: v5.8 v5.19 v6.5 andrea-2009 andrea-2021")
    ),
    "a pipe on a shared page": (f"{SHARED}; P: vmsplice g", by_policy("hit", "copy: v5.8 andrea-2009 andrea-2021")),
    "a direct write on a shared page": (
        f"{SHARED}; P: direct_write g", by_policy("hit", "copy: v5.8 v6.5 andrea-2009 andrea-2021")
    ),
    "a read pin on a page shared once": (
        f"{SHARED}; C: exit; P: pin g", by_policy("hit", "reuse: v5.8 v5.19 v6.5 andrea-2009")
    ),
    "a read pin on an exclusive page that is read-only": (
        "P: write A; P: mprotect r; P: pin g", by_policy("hit", "reuse: v5.8 andrea-2009")
    ),
    "a read pin on a writable page": ("P: write A; P: pin g", by_policy("hit")),
    "a write reference on a shared page": (
        f"{SHARED}; P: get g write", by_policy("copy", "reuse: jerome-fork-push jerome-fork-reuse")
    ),
    "a read reference on untouched memory": ("P: get g", by_policy("fault")),
    "a read pin of the zero page": ("P: read; P: pin g", by_policy("hit", "copy: v5.8")),
    "a long-term read pin of the zero page": (
        "P: read; P: pin g longterm", by_policy("hit", "copy: v5.8 v6.5 andrea-2021")
    ),
    "a long-term read pin of untouched memory": (
        "P: pin g longterm", by_policy("fault", "copy: v6.5 andrea-2021")
    ),
    "a read pin of a file's page": ("P: mmap file; P: read; P: pin g", by_policy("hit", "copy: v5.8")),
    "a long-term read pin of a file's page": (
        "P: mmap file; P: read; P: pin g longterm", by_policy("hit", "copy: v5.8 v6.5 andrea-2021")
    ),
    "a read pin of a KSM page": (
        f"{MERGED_KSM}; P: pin g", by_policy("hit", "copy: v5.8 v5.19 v6.5 andrea-2009 andrea-2021")
    ),
    "a read reference on what is swapped out": (
        "P: write A; kernel: swap_out P; P: get g", by_policy("fault")
    ),
    "a read pin on what two have swapped out": (
        f"{SHARED}; kernel: swap_out P; P: pin g",
        by_policy("fault", "copy: v5.8 v5.19 v6.5 andrea-2009 andrea-2021"),
    ),
    "a read reference on shared memory": ("P: mmap shared; P: write A; P: fork C; P: pin g longterm", by_policy("hit")),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", GUP.values(), ids=GUP)
def test_a_reference_is_wanted(line: str, expected: dict[str, str]) -> None:
    assert {name: last(line, name) for name in ROWS} == expected


FORK = {
    "nobody holds the page": ("P: write A; P: fork C", by_policy("share")),
    "a registered buffer": (
        "P: write A; P: register g; P: fork C", by_policy("copy", f"share: v5.7 v5.8 v5.9-rc4 {JEROME_FORK}")
    ),
    "a buffer that was registered": ("P: write A; P: register g; g: put; P: fork C", by_policy("share")),
    "a pipe": (
        "P: write A; P: vmsplice g; P: fork C", by_policy("share", "copy: andrea-2009 linus-2021 jerome-mprotect")
    ),
    "a direct read": (
        "P: write A; P: direct_read g; P: fork C",
        by_policy("share", "copy: v6.5 andrea-2009 linus-2021 jerome-mprotect"),
    ),
    "a passing look-up": (
        "P: write A; kernel: hold P; P: fork C", by_policy("share", "copy: linus-2021 jerome-mprotect")
    ),
    "a look-up of a page that was once in a pipe": (
        "P: write A; P: vmsplice g; g: put; kernel: hold P; P: fork C",
        by_policy("share", "copy: andrea-2009 linus-2021 jerome-mprotect"),
    ),
    "a pin that is fork's second time": (
        "P: write A; P: register g; P: fork C; P: fork D",
        by_policy("copy", f"share: v5.7 v5.8 v5.9-rc4 {JEROME_FORK}"),
    ),
    "a pin of the child's child": (
        "P: write A; P: fork C; C: register g; C: fork D",
        by_policy("copy", f"share: v5.7 v5.8 v5.9-rc4 {JEROME_FORK}"),
    ),
    "a pinned THP": (
        "P: mmap thp; P: write A; P: register g; P: fork C",
        by_policy("copy", f"share: v5.7 v5.8 v5.9-rc4 {JEROME_FORK}"),
    ),
    "a pinned THP that was split": (
        "P: mmap thp; P: write A; P: register g; P: fork C; P: fork D",
        by_policy("copy", f"share: v5.7 v5.8 v5.9-rc4 {JEROME_FORK}"),
    ),
    "a pinned page of shared memory": ("P: mmap shared; P: write A; P: register g; P: fork C", by_policy("share")),
    "a pinned page that is not inherited": (
        "P: write A; P: register g; P: madvise dontfork; P: fork C", by_policy("share")
    ),
    "a pinned page that is wiped": (
        "P: write A; P: register g; P: madvise wipeonfork; P: fork C", by_policy("share")
    ),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", FORK.values(), ids=FORK)
def test_the_page_is_inherited(line: str, expected: dict[str, str]) -> None:
    assert {name: last(line, name) for name in ROWS} == expected


def test_a_pinned_hugetlb_page_is_copied_at_fork_from_v5_18_on() -> None:
    line = "P: mmap hugetlb; P: write A; P: register g; P: fork C"
    merged = "share share share share share copy copy copy"
    assert [last(line, name) for name in ROWS[:8]] == merged.split()


PROTECT = {
    "mprotect of nobody else's": ("P: write A; P: mprotect r", by_policy("done")),
    "mprotect with a pipe": (
        "P: write A; P: vmsplice g; P: mprotect r",
        by_policy("done", "refused: linus-2021", f"copy: jerome-mprotect {JEROME_FORK}"),
    ),
    "mprotect with a pin": (
        "P: write A; P: register g; P: mprotect none",
        by_policy("done", "refused: linus-2021", f"copy: jerome-mprotect {JEROME_FORK}"),
    ),
    "mprotect with a look-up": (
        "P: write A; kernel: hold P; P: mprotect r",
        by_policy("done", "refused: linus-2021", f"copy: jerome-mprotect {JEROME_FORK}"),
    ),
    "mprotect of what is read-only already": (
        "P: write A; P: mprotect r; P: vmsplice g; P: mprotect none", by_policy("done")
    ),
    "mprotect to the same rights": (
        "P: write A; P: mprotect r; P: register g; P: mprotect rw; P: vmsplice h; P: mprotect rw", by_policy("done")
    ),
    "mprotect to more rights": ("P: write A; P: vmsplice g; P: mprotect rw", by_policy("done")),
    "clear_refs with a pin": (
        "P: write A; P: register g; P: clear_refs",
        by_policy("skipped", "done: v5.7 v5.8 v5.9-rc4 v5.9 andrea-2009 andrea-2021"),
    ),
    "clear_refs with a direct read": (
        "P: write A; P: direct_read g; P: clear_refs", by_policy("done", f"skipped: v6.5 {HELD}")
    ),
    "clear_refs with a pipe": ("P: write A; P: vmsplice g; P: clear_refs", by_policy("done", f"skipped: {HELD}")),
    "clear_refs with a pinned THP": (
        "P: mmap thp; P: write A; P: register g; P: clear_refs", by_policy("done", f"skipped: {HELD}")
    ),
    "clear_refs with one pinned page of two": (
        "P: mmap anon @1; P: write A; P: write A @1; P: register g @1; P: clear_refs",
        by_policy("skipped", "done: v5.7 v5.8 v5.9-rc4 v5.9 andrea-2009 andrea-2021"),
    ),
    "uffd_wp with a pin": ("P: write A; P: register g; P: uffd_wp on", by_policy("done", f"skipped: {HELD}")),
    "uffd_wp of nobody else's": ("P: write A; P: uffd_wp on", by_policy("done")),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", PROTECT.values(), ids=PROTECT)
def test_the_right_to_write_is_taken_away(line: str, expected: dict[str, str]) -> None:
    assert {name: last(line, name) for name in ROWS} == expected


# --- some faults, looked at closely ----------------------------------------------------------------------------------


def test_an_unshared_page_stays_read_only() -> None:
    made = world("P: write A; P: fork C; P: pin g", "v6.5")
    parent, child = made.pte("P", 0), made.pte("C", 0)
    assert parent is not None and child is not None and parent.frame is not None
    assert parent.frame != child.frame
    assert not parent.write
    assert made.frame(parent.frame).exclusive
    assert last("P: write A; P: fork C; P: pin g; P: write B", "v6.5") == "reuse"


def test_a_forced_write_leaves_the_entry_read_only() -> None:
    pte = world("P: write A; P: mprotect r; P: poke B").pte("P", 0)
    assert pte is not None
    assert not pte.write


def test_push_gives_the_others_a_copy_and_keeps_the_frame() -> None:
    trace = played("P: write A; P: fork C; P: fork D; P: write B; C: read; D: read; C: write E", "jerome-fork-push")
    before, after = trace.moments[3].world.pte("P", 0), trace.moments[4].world.pte("P", 0)
    assert before is not None and after is not None
    assert before.frame == after.frame
    assert [moment.outcome for moment in trace.steps] == ["fault", "share", "share", "reuse", "hit", "hit", "reuse"]
    assert trace.moments[4].copies == 2
    assert [reading.value for reading in trace.readings] == ["A", "A"]


def test_push_reaches_swap_entries() -> None:
    line = "P: write A; P: fork C; kernel: swap_out P; P: read; P: write B; C: read; P: read"
    assert readings(line, "jerome-fork-push") == "P=A[A] C=A[A] P=B[B]"


def test_a_thp_is_copied_whole_or_split() -> None:
    line = "P: mmap thp; P: write A; P: fork C; C: write B"
    for name, size, rest in (("v5.7", "thp", None), ("v5.8", "base", 1)):
        made = world(line, name)
        pte = made.pte("C", 0)
        assert pte is not None and pte.frame is not None
        assert (made.frame(pte.frame).size, pte.rest) == (size, rest)


def test_a_pinned_thp_is_split_at_fork() -> None:
    made = world("P: mmap thp; P: write A; P: register g; P: fork C", "v5.9")
    parent, child = made.pte("P", 0), made.pte("C", 0)
    assert parent is not None and child is not None and child.frame is not None
    assert (parent.split, parent.write) == (True, True)
    assert made.frame(child.frame).size == "base"


def test_the_batch_is_drained_for_the_answer_only() -> None:
    line = "P: write A; P: fork C; C: exit; kernel: hold P lru; P: write B"
    assert [hold.frame for hold in world(line, "v5.18").holds] == [None]
    assert [hold.frame for hold in world(line, "v5.7").holds] == [1]
    assert last(f"{line}; kernel: drop P", "v5.18") == "skipped"
    assert last(f"{line}; kernel: drop P", "v5.7") == "done"


def test_the_mark_of_an_inherited_page_goes_with_the_copy() -> None:
    line = "P: write A; P: fork C; C: write B; C: clear_refs; C: write D"
    assert outcomes(line, "jerome-fork") == "fault share copy done reuse"


def test_the_mark_goes_when_a_hugetlb_page_is_kept() -> None:
    pte = world("P: mmap hugetlb; P: write A; P: fork C; P: exit; C: write B", "jerome-fork").pte("C", 0)
    assert pte is not None
    assert (pte.write, pte.inherited) == (True, False)


@pytest.mark.parametrize("name", ["v5.7", "v5.9", "v5.18"])
def test_a_ksm_page_in_the_swap_cache_is_nobodys_alone(name: str) -> None:
    line = f"{MERGED_KSM}; P: write B; P: vmsplice g @1; kernel: swap_out P @1; P: write D @1"
    assert last(line, name) == "copy"


def test_what_was_never_touched_is_not_inherited() -> None:
    line = "P: fork C; C: write A; C: clear_refs; C: write B"
    assert outcomes(line, "jerome-fork") == "share fault done reuse"


def test_the_mark_of_gup_is_set_by_whoever_writes_through_it() -> None:
    """Row andrea-2009: a debugger's store marks the page, and fork then minds a passing look-up."""
    line = "P: write A; P: poke B; kernel: hold P; P: fork C"
    assert last(line, "andrea-2009") == "copy"
    assert last(line.replace("P: poke B; ", ""), "andrea-2009") == "share"


def test_the_flag_comes_back_from_swap_for_him_who_had_it() -> None:
    for line, expected in (
        ("P: write A; kernel: swap_out P; P: pin g", "fault"),
        ("P: write A; P: vmsplice g; kernel: swap_out P; P: read; P: write B", "reuse"),
    ):
        assert last(line, "v5.19") == expected
    assert last("P: write A; P: vmsplice g; kernel: swap_out P; P: read; P: write B", "v5.18") == "copy"


def test_what_a_decision_is_told() -> None:
    made = world("P: write A; P: pin g; P: vmsplice h; P: fork C; kernel: hold P lru", "v5.7")
    pte = made.pte("C", 0)
    assert pte is not None
    assert page_info(made, "C", pte, "write") == PageInfo(
        asker="write", mapcount=2, page_count=1028, lru_held=True, maybe_dma_pinned=True, gup_flag=True
    )
    parent = made.pte("P", 0)
    assert parent is not None
    assert page_info(made, "P", parent, "fork").mm_has_pinned


@pytest.mark.parametrize(
    "line, expected",
    [
        ("P: mmap thp", PageInfo("get", "none", "thp", mapcount=0, page_count=0, share=0)),
        ("P: read", PageInfo("get", "zero")),
        ("P: mmap file; P: read", PageInfo("get", "file", page_count=2)),
        (
            "P: write A; P: fork C; kernel: swap_out P",
            PageInfo("get", "none", mapcount=0, swapcount=2, page_count=0, share=0),
        ),
        (
            "P: write A; P: fork C; kernel: swap_out P; P: read",
            PageInfo("get", swapcount=1, page_count=2, in_swapcache=True),
        ),
        ("P: mmap thp; P: write A; P: fork C; C: write B", PageInfo("get", size="thp", mapcount=2, page_count=512)),
    ],
)
def test_what_a_decision_is_told_of_special_pages(line: str, expected: PageInfo) -> None:
    made = world(line, "v5.8")
    pte = made.pte("P", 0)
    assert pte is not None
    assert page_info(made, "P", pte, "get") == expected


def test_the_bias_of_a_small_counter_is_told_as_a_pin() -> None:
    made = play("kernel: counter 16 bias 2\nP: write A\nP: vmsplice g", "v5.9").moments[-1].world
    pte = made.pte("P", 0)
    assert made.counter == Counter(16, 2)
    assert pte is not None
    assert page_info(made, "P", pte, "fork").maybe_dma_pinned
    assert isinstance(made, World)
