"""What each event does: as Worlds, and as outcomes that all rows share. Where rows part: test_fault, test_reclaim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, ROWS, by_policy, last, outcomes, played, readings, world
from walks import along, walks

from cowlab import POLICIES, Event, Frame, Policy, Process, Pte, Reference, Store, Vma, World, step, transition
from cowlab.events import RULES
from cowlab.fault import OUTCOMES, Copy
from cowlab.kernel import KERNEL_EVENTS, PROCESS_EVENTS, REFERENCE_EVENTS
from cowlab.world import FILE, ZERO, CachePage

V5_7, V5_9, V6_5 = POLICIES["v5.7"], POLICIES["v5.9"], POLICIES["v6.5"]
ZERO_FRAME = Frame(ZERO, "zero")


def cpu(letter: str, number: int, by: str = "P") -> Store:
    return Store(letter, (number,), by)


def shown(made: World) -> World:
    """Without the number of the next store and whether anything has happened: these equations do not speak of it."""
    return made._replace(stores=World().stores, fresh=World().fresh)


# --- equations between Worlds ----------------------------------------------------------------------------------------

READ_ONLY, WRITABLE = Pte(frame=1), Pte(frame=1, write=True)
MADE = {
    "a load maps the zero page": ("P: read", "v6.5", World((Process("P", ((0, Pte(frame=0)),)),))),
    "a store gets a fresh frame, all its own": (
        "P: write A",
        "v6.5",
        World((Process("P", ((0, WRITABLE),)),), (ZERO_FRAME, Frame(cpu("A", 1), exclusive=True))),
    ),
    "fork shares the frame, takes the write bits and the flag": (
        "P: write A; P: fork C",
        "v6.5",
        World(
            (Process("P", ((0, READ_ONLY),)), Process("C", ((0, READ_ONLY),))), (ZERO_FRAME, Frame(cpu("A", 1)))
        ),
    ),
    "a store after fork goes to a copy": (
        "P: write A; P: fork C; C: write B",
        "v6.5",
        World(
            (Process("P", ((0, READ_ONLY),)), Process("C", ((0, Pte(frame=2, write=True)),))),
            (ZERO_FRAME, Frame(cpu("A", 1)), Frame(cpu("B", 2, "C"), exclusive=True)),
        ),
    ),
    "the last one who maps it keeps the frame": (
        "P: write A; P: fork C; C: exit; P: write B",
        "v6.5",
        World((Process("P", ((0, WRITABLE),)),), (ZERO_FRAME, Frame(cpu("B", 2), exclusive=True))),
    ),
    "a reference outlives the mapping": (
        "P: write A; P: vmsplice g; P: munmap",
        "v5.7",
        World(
            (Process("P", ((0, Pte(None)),)),),
            (ZERO_FRAME, Frame(cpu("A", 1), exclusive=True, gup_flag=True)),
            (Reference("g", "vmsplice", "P", 0, "GET", False, False, 1),),
        ),
    ),
    "exit and put free the frame": ("P: write A; P: vmsplice g; P: exit; g: put", "v5.7", World(())),
    "a process that has pinned remembers it": (
        "P: write A; P: pin g longterm; g: put",
        "v6.5",
        World(
            (Process("P", ((0, WRITABLE),), has_pinned=True),),
            (ZERO_FRAME, Frame(cpu("A", 1), exclusive=True, gup_flag=True)),
        ),
    ),
    "a refused reference is dead": (
        "P: mprotect none; P: pin g write",
        "v6.5",
        World(
            (Process("P", ((0, Pte(Vma(prot="none"))),)),),
            references=(Reference("g", "pin", "P", 0, "PIN", True, False, None),),
        ),
    ),
    "swapped out, with the bit of v5.19": (
        "P: write A; kernel: swap_out P",
        "v6.5",
        World((Process("P", ((0, Pte(slot=0, exclusive=True)),)),), (ZERO_FRAME,), slots=(cpu("A", 1),)),
    ),
    "a load swaps in through the swap cache": (
        "P: write A; kernel: swap_out P; P: read",
        "v6.5",
        World(
            (Process("P", ((0, Pte(frame=1)),)),),
            (ZERO_FRAME, Frame(cpu("A", 1), exclusive=True, slot=0)),
            slots=(cpu("A", 1),),
        ),
    ),
    "a private file page": (
        "P: mmap file; P: write A",
        "v6.5",
        World(
            (Process("P", ((0, Pte(Vma("file"), 2, write=True)),)),),
            (ZERO_FRAME, Frame(FILE, "file"), Frame(cpu("A", 1), exclusive=True)),
            cache=(CachePage("file", 0, 1),),
        ),
    ),
    "shared memory is one page for parent and child": (
        "P: mmap shared; P: write A; P: fork C; C: write B",
        "v6.5",
        World(
            tuple(Process(name, ((0, Pte(Vma("shared"), 1, write=True)),)) for name in "PC"),
            (ZERO_FRAME, Frame(cpu("B", 2, "C"), "shared")),
            cache=(CachePage("shared", 0, 1),),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("line, policy, expected", MADE.values(), ids=MADE)
def test_the_world_after(line: str, policy: str, expected: World) -> None:
    assert shown(world(line, policy)) == expected


def test_the_same_rules_give_the_same_world() -> None:
    """v5.7 and v5.9 differ in what they ask, and this script gives them no occasion."""
    line = "P: write A; P: fork C; C: write B; C: exit; P: write D"
    assert world(line, "v5.7") == world(line, "v5.9")
    assert world(line, "v5.7") != world(line.replace("exit", "munmap"), "v5.7")


def test_step_gives_the_world_and_transition_what_was_done() -> None:
    here = world("P: write A; P: fork C")
    event = Event("C", "write", ("B",), (0,))
    taken = transition(here, event, V6_5)
    assert taken is not None
    assert step(here, event, V6_5) == taken.world
    assert (taken.outcome, taken.copies) == ("copy", (Copy("C", 0, 1, 2, "fault"),))


def test_step_gives_none_where_an_event_cannot_happen() -> None:
    assert step(World(), Event("X", "read", (), (0,)), V6_5) is None
    assert transition(World(), Event("P", "put"), V6_5) is None


def test_every_verb_of_the_grammar_has_its_function() -> None:
    verbs = {verb for actor, verb in RULES if not actor}
    assert set(PROCESS_EVENTS) | set(REFERENCE_EVENTS) == verbs
    assert set(KERNEL_EVENTS) == {verb for actor, verb in RULES if actor == "kernel"}


# --- outcomes which all rows share -----------------------------------------------------------------------------------

EVERYWHERE = {
    # loads and stores
    "a first load faults": ("P: read", "fault"),
    "a second load does not": ("P: read; P: read", "fault hit"),
    "a first store faults": ("P: write A", "fault"),
    "a second store does not": ("P: write A; P: write B", "fault hit"),
    "a store to the zero page copies": ("P: read; P: write A", "fault copy"),
    "hugetlb knows no zero page": ("P: mmap hugetlb; P: read; P: write A", "done fault reuse"),
    "a thp read first": ("P: mmap thp; P: read; P: write A", "done fault copy"),
    "a store to an untouched file page copies": ("P: mmap file; P: write A; P: write B", "done copy hit"),
    "a store to a file page that was read copies": ("P: mmap file; P: read; P: write A", "done fault copy"),
    "a file page is read in": ("P: mmap file r; P: read; P: read", "done fault hit"),
    "shared memory": ("P: mmap shared; P: write A; P: read; P: write B", "done fault hit hit"),
    "the file itself": ("P: mmap file; P: write A; file: read", "done copy done"),
    # rights
    "a load from what is not mapped": ("P: munmap; P: read", "done sigsegv"),
    "a store to what is not mapped": ("P: munmap; P: write A", "done sigsegv"),
    "a store to what one may read": ("P: mmap anon r; P: write A; P: read", "done sigsegv fault"),
    "a load of what one may not even read": ("P: write A; P: mprotect none; P: read; P: write B", "fault done sigsegv sigsegv"),
    "the process survives": ("P: munmap; P: write A; P: mmap anon; P: write A", "done sigsegv done fault"),
    "rights come back": ("P: write A; P: mprotect none; P: mprotect r; P: read", "fault done done hit"),
    # fork
    "fork shares": ("P: write A; P: fork C; P: read; C: read", "fault share hit hit"),
    "fork of untouched memory": ("P: fork C; C: write A; P: write B", "share fault fault"),
    "what was not inherited": ("P: write A; P: madvise dontfork; P: fork C; C: read", "fault done share sigsegv"),
    "inherited after all": (
        "P: write A; P: madvise dontfork; P: madvise dofork; P: fork C; C: read", "fault done done share hit"
    ),
    "wiped at fork": ("P: write A; P: madvise wipeonfork; P: fork C; C: read; P: read", "fault done share fault hit"),
    "the child's own child": ("P: write A; P: fork C; C: fork D; D: read; C: exit; P: exit; D: read", "fault share share hit done done hit"),
    "shared memory after fork": ("P: mmap shared; P: write A; P: fork C; P: write B; C: write D", "done fault share hit hit"),
    # munmap, dontneed
    "munmap of nothing": ("P: munmap; P: munmap", "done skipped"),
    "dontneed gives zeros": ("P: write A; P: madvise dontneed; P: read; P: write B", "fault done fault copy"),
    "a mapping after a mapping": ("P: write A; P: munmap; P: mmap anon; P: read", "fault done done fault"),
    # what fails on an unmapped page
    "protecting nothing": ("P: munmap; P: mprotect r", "done refused"),
    "advice about nothing": (
        "P: munmap; P: madvise dontneed; P: madvise dontfork; P: madvise mergeable; P: madvise pageout",
        "done refused refused refused refused",
    ),
    "userfaultfd on nothing": ("P: munmap; P: uffd_wp on; P: uffd_wp off", "done refused refused"),
    "userfaultfd on a private file": ("P: mmap file; P: uffd_wp on", "done refused"),
    "wipeonfork of a file": ("P: mmap file; P: madvise wipeonfork", "done refused"),
    "wipeonfork of shared memory": ("P: mmap shared; P: madvise wipeonfork", "done refused"),
    "a reference to nothing": (
        "P: munmap; P: get g; P: pin h write; P: vmsplice i; P: direct_read j; P: direct_write k; P: register m",
        "done refused refused refused refused refused refused",
    ),
    "a stranger's store to nothing": ("P: munmap; P: poke A; P: vm_write P A", "done refused refused"),
    # references
    "a dead reference": ("P: munmap; P: get g write; g: write A; g: read; g: put", "done refused refused refused refused"),
    "a reference on one's own page": ("P: write A; P: vmsplice g; g: read; g: put", "fault hit done done"),
    "a write reference faults the page in": ("P: pin g write; g: write D; g: read", "fault done done"),
    "a registration on the zero page": ("P: read; P: register g", "fault copy"),
    "a direct read on an untouched file page": ("P: mmap file; P: direct_read g", "done copy"),
    "a write reference to what one may only read": (
        "P: write A; P: mprotect r; P: register g; P: direct_read h; P: get i write; P: direct_write j",
        "fault done refused refused refused",  # and what the direct write does: test_fault
    ),
    "a reference to what one may not read": ("P: write A; P: mprotect none; P: vmsplice g", "fault done refused"),
    "references on shared memory": ("P: mmap shared; P: vmsplice g; P: register h; h: write D; P: read", "done fault hit done hit"),
    # strangers
    "poke ignores protection": ("P: write A; P: mprotect r; P: poke B; P: write D", "fault done reuse sigsegv"),
    "poke ignores any protection": ("P: write A; P: mprotect none; P: poke B; P: read", "fault done reuse sigsegv"),
    "poke into an untouched page": ("P: mmap anon r; P: poke A; P: read", "done fault hit"),
    "poke into a file's page copies": ("P: mmap file r; P: read; P: poke A", "done fault copy"),
    "poke not into shared memory that is read-only": ("P: mmap shared r; P: poke A", "done refused"),
    "poke into writable memory": ("P: write A; P: poke B", "fault hit"),
    "vm_write as a store": ("P: write A; P: fork C; P: vm_write C B; C: read", "fault share copy hit"),
    "vm_write forces nothing": ("P: write A; P: mprotect r; P: vm_write P B", "fault done refused"),
    # protection
    "there and back": ("P: write A; P: mprotect r; P: write B; P: mprotect rw", "fault done sigsegv done"),
    "a monitor": ("P: write A; P: uffd_wp on; P: read; P: uffd_wp off", "fault done hit done"),
    "soft-dirty": ("P: write A; P: clear_refs; P: write B; P: write D", "fault done reuse hit"),
    "soft-dirty never looks at hugetlb": ("P: mmap hugetlb; P: write A; P: clear_refs; P: write B", "done fault skipped hit"),
    "soft-dirty with nothing there": ("P: clear_refs", "done"),
    "soft-dirty on shared memory": ("P: mmap shared; P: write A; P: clear_refs; P: write B", "done fault done reuse"),
}  # fmt: skip


@pytest.mark.parametrize("line, expected", EVERYWHERE.values(), ids=EVERYWHERE)
def test_in_every_row(line: str, expected: str) -> None:
    got = {name: " ".join(outcomes(line, name).split()[: len(expected.split())]) for name in ROWS}
    assert got == by_policy(expected)


def test_outcomes_are_the_words_of_the_design() -> None:
    words = "hit reuse copy fault share swapped sigsegv refused skipped done"
    assert " ".join(OUTCOMES) == words


@given(walks, st.sampled_from(ALL))
def test_no_other_outcome_and_none_of_the_kernels_is_refused(walk: list[tuple[str, int]], policy: Policy) -> None:
    for _, event, taken in along(walk, policy):
        assert taken.outcome in OUTCOMES
        assert not taken.copies or taken.outcome in ("copy", "reuse", "fault", "skipped")  # push copies, and keeps
        if event.actor == "kernel":
            assert taken.outcome in ("done", "skipped", "swapped")
        if taken.outcome in ("sigsegv", "refused") and event.verb not in ("put", *("vmsplice", "get", "pin")):
            assert taken.copies == ()


@given(walks, st.sampled_from(ALL))
def test_what_sigsegv_or_hit_leaves_alone(walk: list[tuple[str, int]], policy: Policy) -> None:
    for before, event, taken in along(walk, policy):
        if taken.outcome == "sigsegv" or (taken.outcome == "hit" and event.verb == "read"):
            assert taken.world == before


# --- what is read ----------------------------------------------------------------------------------------------------

READ = {
    "untouched anonymous memory is 0": ("P: read", "P=0[0]"),
    "a file is F": ("P: mmap file; P: read; file: read", "P=F[F] file=F[F]"),
    "hugetlb and thp too begin with 0": ("P: mmap hugetlb; P: mmap thp @1; P: read; P: read @1", "P=0[0] P @1=0[0]"),
    "one's own store": ("P: write A; P: read", "P=A[A]"),
    "the file stays as it was": ("P: mmap file; P: write A; P: read; file: read", "P=A[A] file=F[F]"),
    "the file beside a private page elsewhere": ("P: mmap file @2; P: write A @2; file: read @2", "file @2=F[F]"),
    "parent and child part": ("P: write A; P: fork C; P: write B; C: read; P: read", "C=A[A] P=B[B]"),
    "shared memory does not": ("P: mmap shared; P: write A; P: fork C; P: write B; C: read", "C=B[B]"),
    "a wiped page": ("P: write A; P: madvise wipeonfork; P: fork C; C: read; P: read", "C=0[0] P=A[A]"),
    "after dontneed": ("P: write A; P: madvise dontneed; P: read", "P=0[0]"),
    "a file after dontneed": ("P: mmap file; P: write A; P: madvise dontneed; P: read", "P=F[F]"),
    "shared memory after dontneed": ("P: mmap shared; P: write A; P: madvise dontneed; P: read", "P=A[A]"),
    "shared memory after everybody's munmap": ("P: mmap shared; P: write A; P: munmap; P: mmap shared; P: read", "P=0[0]"),
    "shared memory that the child kept": ("P: mmap shared; P: write A; P: fork C; P: munmap; C: read", "C=A[A]"),
    "what swap brings back": ("P: write A; kernel: swap_out P; P: read", "P=A[A]"),
    "shared memory from swap": ("P: mmap shared; P: write A; P: fork C; kernel: swap_out P; C: read; P: read", "C=A[A] P=A[A]"),
    "a file's page read in again": ("P: mmap file; P: read; kernel: swap_out P; P: read", "P=F[F] P=F[F]"),
    "a moved page": ("P: write A; kernel: migrate P; P: read", "P=A[A]"),
    "merged pages": (
        "P: write A; P: mmap anon @1; P: write A @1; P: madvise mergeable; P: madvise mergeable @1; kernel: ksm P P @1;"
        "P: read; P: read @1; P: write B; P: read @1",
        "P=A[A] P @1=A[A] P @1=A[A]",
    ),
    "a device's store": ("P: register g; g: write D; P: read; g: read", "P=D[D] g=D[D]"),
    "a device under read-only rights": ("P: register g; P: mprotect r; g: write D; P: read", "P=D[D]"),
    "a poke": ("P: write A; P: mprotect r; P: poke B; P: read", "P=B[B]"),
    "a stranger's store": ("P: write A; P: fork C; P: vm_write C B; P: read; C: read", "P=A[A] C=B[B]"),
    "what a sigsegv read gives": ("P: write A; P: munmap; P: read", ""),
    "what is read without the right": ("P: write A; P: mprotect none; P: read", ""),
    "what a dead reference gives": ("P: munmap; P: get g; g: read", ""),
    "what a failed store leaves": ("P: write A; P: mprotect r; P: write B; P: read", "P=A[A]"),
    "another page": ("P: mmap anon @7; P: write A @7; P: read @7; P: read", "P @7=A[A] P=0[0]"),
}  # fmt: skip


PART = {  # rows that read something else here, and are known for it
    READ["parent and child part"][0]: ("jerome-fork-reuse",),
    READ["a device under read-only rights"][0]: tuple(name for name in ROWS if name.startswith("jerome")),
}


@pytest.mark.parametrize("line, expected", READ.values(), ids=READ)
def test_what_is_read(line: str, expected: str) -> None:
    rows = [name for name in ROWS if name not in PART.get(line, ())]
    assert {name: readings(line, name) for name in rows} == dict.fromkeys(rows, expected)


def test_where_mprotect_copies_the_page_is_isolated_from_the_device() -> None:
    line = READ["a device under read-only rights"][0]
    assert readings(line, "jerome-mprotect") == "P=0[D]"
    assert readings(line, "linus-2021") == "P=D[D]"


# --- what a reference takes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb, take",
    [
        ("vmsplice g", by_policy("GET")),
        ("direct_read g", by_policy("GET", "PIN: v6.5")),
        ("direct_write g", by_policy("GET", "PIN: v6.5")),
        ("register g", by_policy("PIN")),
        ("get g", by_policy("GET")),
        ("get g write", by_policy("GET")),
        ("pin g", by_policy("PIN")),
        ("pin g write longterm", by_policy("PIN")),
    ],
)
def test_what_a_reference_takes(verb: str, take: dict[str, str]) -> None:
    for name in ROWS:
        made = world(f"P: write A; P: {verb}", name)
        reference = made.reference("g")
        assert reference is not None
        assert reference.take == take[name]
        assert [process.has_pinned for process in made.processes] == [take[name] == "PIN"]


@pytest.mark.parametrize(
    "verb, write, longterm",
    [
        ("vmsplice g", False, False), ("direct_read g", True, False), ("direct_write g", False, False),
        ("register g", True, True), ("get g", False, False), ("get g write", True, False), ("pin g", False, False),
        ("pin g write", True, False), ("pin g longterm", False, True), ("pin g write longterm", True, True),
    ],
)  # fmt: skip
def test_what_a_reference_may_do(verb: str, write: bool, longterm: bool) -> None:
    reference = world(f"P: write A; P: {verb}").reference("g")
    assert reference is not None
    assert (reference.write, reference.longterm) == (write, longterm)


def test_a_reference_taken_for_another_process_is_its_owners() -> None:
    made = world("P: write A; P: fork C; C: pin g")
    reference = made.reference("g")
    assert reference is not None
    assert reference.owner == "C"
    assert [process.has_pinned for process in made.processes] == [False, True]


def test_the_child_has_not_pinned() -> None:
    made = world("P: write A; P: pin g; P: fork C")
    assert [process.has_pinned for process in made.processes] == [True, False]


# --- a counter of few bits -------------------------------------------------------------------------------------------

SEVEN = "; ".join(f"P: vmsplice g{n}" for n in range(1, 8))


def test_one_user_too_many_makes_eight_zero() -> None:
    made = world(f"kernel: counter 3 bias 4; P: write A; {SEVEN}", "v5.7")
    assert made.frame(1).freed
    assert len(made.references) == 7


def test_the_next_allocation_takes_the_frame_that_was_freed_in_use() -> None:
    line = f"kernel: counter 3 bias 4; P: fork Q; P: write A; {SEVEN}; Q: write S; g1: read; P: read"
    assert readings(line, "v5.7") == "g1=S[A] P=S[A]"


@pytest.mark.parametrize("name", ROWS)
def test_the_guard_refuses_before_the_count_comes_round(name: str) -> None:
    line = f"kernel: counter 3 bias 4 guard; P: fork Q; P: write A; {SEVEN}; Q: write S; g1: read; P: read"
    got = outcomes(line, name).split()
    assert got[3:10] == ["hit"] * 3 + ["refused"] * 4
    assert readings(line, name) == "g1=A[A] P=A[A]"
    assert not any(frame.freed for frame in world(line, name).frames if frame)


def test_a_wide_counter_is_as_none() -> None:
    line = "P: write A; P: register g; P: fork C; P: write B"
    assert outcomes(f"kernel: counter 64 bias 1024; {line}", "v5.9") == "done " + outcomes(line, "v5.9")


def test_a_small_bias_makes_plain_references_look_like_a_pin() -> None:
    line = "kernel: counter 32 bias 4; P: write A; P: pin k write; k: put; P: get g; P: get h; P: get i; P: fork C"
    assert {name: last(line, name) for name in ("v5.7", "v5.9", "v6.5")} == {
        "v5.7": "share",
        "v5.9": "copy",
        "v6.5": "copy",
    }
    assert last(line.replace("; P: get i", ""), "v5.9") == "share"  # one mapping and two references are not four


def test_copies_of_a_step_are_counted() -> None:
    trace = played("P: mmap anon @1; P: write A; P: write A @1; P: register g; P: register h @1; P: fork C", "v5.9")
    assert [moment.copies for moment in trace.steps] == [0, 0, 0, 0, 0, 2]
    assert trace.moments[-1].outcome == "copy"
