"""The specification: which cell everybody has, what a reference was promised, and that the ideal row keeps every law."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from short import played, readings
from walks import along, walks

from cowlab import IDEAL, Ideal, Store
from cowlab.ideal import Cell, Past, follow
from cowlab.laws import findings
from cowlab.world import FILE, ZERO

A, B = Store("A", (1,), "P"), Store("B", (2,), "P")


def ideal(line: str, policy: str = "v6.5") -> Ideal:
    return played(line, policy).moments[-1].ideal


def cell(line: str, name: str = "P", page: int = 0, policy: str = "v6.5") -> Cell:
    made = ideal(line, policy)
    number = made.cell_at(name, page)
    assert number is not None
    return made.cell(number)


def fresh(store: Store = ZERO) -> Cell:
    return Cell(store)


# --- cells -----------------------------------------------------------------------------------------------------------

NO_LONGER_ZERO = (Past(ZERO, True),)
AFTER_A = Cell(A, NO_LONGER_ZERO, True)
CELLS = {
    "untouched": ("P: read", "P", fresh()),
    "a store": ("P: write A", "P", AFTER_A),
    "every store is one of its own": ("P: write A; P: write A", "P", Cell(Store("A", (2,), "P"), NO_LONGER_ZERO, True)),
    "the child has its parent's content and past": ("P: write A; P: fork C", "C", AFTER_A),
    "and keeps it": ("P: write A; P: fork C; P: write B", "C", AFTER_A),
    "while the parent goes on": (
        "P: write A; P: fork C; P: write B", "P", Cell(B, (Past(ZERO, True), Past(A, True)), True)
    ),
    "a past that nobody can show is forgotten": (
        "P: write A; P: fork C; P: write B; C: exit; P: write D", "P", Cell(Store("D", (3,), "P"), NO_LONGER_ZERO, True)
    ),
    "a past that is swapped out is not": (
        "P: write A; P: fork C; kernel: swap_out P; P: write B", "P", Cell(B, (Past(ZERO, True), Past(A, True)), True)
    ),
    "wiped at fork": ("P: write A; P: madvise wipeonfork; P: fork C", "C", fresh()),
    "after dontneed": ("P: write A; P: madvise dontneed", "P", fresh()),
    "after a new mmap": ("P: write A; P: munmap; P: mmap anon", "P", fresh()),
    "a private file page": ("P: mmap file", "P", fresh(FILE)),
    "a store to it": ("P: mmap file; P: write A", "P", Cell(A, (Past(FILE, True),), True)),
    "a private file page after dontneed": ("P: mmap file; P: write A; P: madvise dontneed", "P", fresh(FILE)),
    "shared memory": (
        "P: mmap shared; P: write A; P: fork C; C: write B", "P", Cell(Store("B", (2,), "C"), NO_LONGER_ZERO, True)
    ),
    "shared memory after dontneed": ("P: mmap shared; P: write A; P: madvise dontneed", "P", AFTER_A),
    "shared memory mapped anew": ("P: mmap shared; P: write A; P: munmap; P: mmap shared", "P", fresh()),
    "a stranger's store": ("P: fork C; C: vm_write P A", "P", Cell(Store("A", (1,), "C"), NO_LONGER_ZERO, True)),
    "a poke": ("P: mmap anon r; P: poke A", "P", AFTER_A),
    "a store that failed": ("P: write A; P: mprotect r; P: write B", "P", AFTER_A),
    "a store that was refused": ("P: write A; P: mprotect r; P: vm_write P B", "P", AFTER_A),
    "reclaim and migration": ("P: write A; kernel: swap_out P; P: read; kernel: migrate P", "P", AFTER_A),
}  # fmt: skip


@pytest.mark.parametrize("line, name, expected", CELLS.values(), ids=CELLS)
def test_the_cell_after(line: str, name: str, expected: Cell) -> None:
    assert cell(line, name) == expected


def test_who_shares_a_cell_and_who_does_not() -> None:
    private, shared = ideal("P: write A; P: fork C"), ideal("P: mmap shared; P: write A; P: fork C")
    assert private.cell_at("P", 0) != private.cell_at("C", 0)
    assert shared.cell_at("P", 0) == shared.cell_at("C", 0)


@pytest.mark.parametrize("line", ["P: munmap; P: read", "P: fork C; C: exit", "P: madvise dontfork; P: fork C"])
def test_what_is_not_mapped_has_no_cell(line: str) -> None:
    gone = "P" if line.startswith("P: munmap") else "C"
    assert ideal(line).cell_at(gone, 0) is None


@pytest.mark.parametrize("end", ["P: munmap", "P: exit", "P: madvise dontneed", "P: munmap; P: mmap anon"])
def test_a_reference_keeps_the_cell_it_was_taken_on(end: str) -> None:
    made = ideal(f"P: write A; P: register g; {end}; g: write D")
    contract = made.contract("g")
    assert contract is not None
    assert made.cell(contract.cell).now.letter == "D"
    assert made.cell_at("P", 0) != contract.cell


def test_cells_that_nobody_has_are_forgotten() -> None:
    assert ideal("P: write A; P: fork C; C: exit; P: munmap").cells == ()
    assert ideal("P: write A; P: get g; P: exit; g: put").cells == ()


def test_a_refused_reference_has_no_contract() -> None:
    assert ideal("P: munmap; P: register g").contract("g") is None
    assert ideal("P: munmap; P: register g; g: put").contracts == ()


def test_a_store_that_ought_to_fault_is_stored_in_both() -> None:
    from cowlab import POLICIES

    skips = POLICIES["linus-2021"].with_(protect=lambda page: "skip")
    assert readings("P: write A; P: vmsplice g; P: mprotect r; P: write B; P: read; g: read", skips) == "P=B[B] g=B[B]"


def test_a_name_that_is_used_again_is_somebody_else() -> None:
    line = "P: write A; P: fork C; C: register g; C: exit; P: fork C; C: exit"
    made = ideal(f"{line}; P: fork C; C: write B; g: read")
    contract = made.contract("g")
    assert contract is not None
    assert made.cell(contract.cell).now.letter == "A"


# --- contracts -------------------------------------------------------------------------------------------------------

NEVER, FORK, UNMAP = "", "fork", "unmap"
PROMISED = {
    "vmsplice g": (NEVER, NEVER),  # on an anonymous page, on an untouched one
    "get g": (NEVER, NEVER),
    "direct_write g": (NEVER, NEVER),
    "get g write": (FORK, FORK),
    "direct_read g": (FORK, FORK),
    "pin g": (UNMAP, NEVER),
    "pin g write": (UNMAP, UNMAP),
    "pin g longterm": (UNMAP, UNMAP),
    "pin g write longterm": (UNMAP, UNMAP),
    "register g": (UNMAP, UNMAP),
}
KEEPS = ("P: write B", "P: clear_refs", "P: mprotect r", "kernel: swap_out P", "kernel: migrate P", "P: munmap @1")
ENDS = {  # what ends a promise, and which one
    "P: fork C": (FORK,),
    "P: munmap": (FORK, UNMAP),
    "P: madvise dontneed": (FORK, UNMAP),
    "P: exit": (FORK, UNMAP),
}


@pytest.mark.parametrize("verb", PROMISED)
@pytest.mark.parametrize("policy", ["v5.7", "v6.5", "linus-2021", "ideal"])
def test_a_contract_belongs_to_the_verb_under_every_policy(verb: str, policy: str) -> None:
    for touch, until in zip(("P: write A", "P: read"), PROMISED[verb], strict=True):
        start = f"P: mmap anon @1; {touch}; P: {verb}"
        for event, ended in {**dict.fromkeys(KEEPS, ()), **ENDS}.items():
            if event == "P: mprotect r" and policy == "linus-2021":
                continue
            contract = ideal(f"{start}; {event}", policy).contract("g")
            assert contract is not None
            assert contract.until == ("" if until in ended else until), (touch, event)
            assert contract.holds == (contract.until != "")


@pytest.mark.parametrize(
    "line, until",
    [
        ("P: fork C; C: write A; C: pin g", UNMAP),
        ("P: write A; P: fork C; C: pin g", UNMAP),  # an ancestor stored to it
        ("P: fork C; P: write A; C: pin g", NEVER),
        ("P: write A; P: madvise dontneed; P: pin g", NEVER),
        ("P: write A; P: madvise wipeonfork; P: fork C; C: pin g", NEVER),
        ("P: mmap file; P: read; P: pin g", NEVER),
        ("P: mmap file; P: write A; P: pin g", UNMAP),
    ],
)
def test_a_page_is_anonymous_once_its_process_or_an_ancestor_stored_to_it(line: str, until: str) -> None:
    contract = ideal(line).contract("g")
    assert contract is not None
    assert contract.until == until


@pytest.mark.parametrize(
    "line",
    ["P: write A; P: fork C; C: get g write; P: fork D", "P: write A; P: fork C; C: register g; P: munmap; P: exit"],
)
def test_only_what_the_owner_does_ends_a_contract(line: str) -> None:
    contract = ideal(line).contract("g")
    assert contract is not None
    assert contract.owner == "C"
    assert contract.holds


def test_a_new_mapping_does_not_bring_a_contract_back() -> None:
    contract = ideal("P: write A; P: register g; P: munmap; P: mmap anon; P: write B").contract("g")
    assert contract is not None
    assert not contract.holds


FIRM = {
    "a CPU store": ("P: write B", True),
    "a poke": ("P: poke B", True),
    "a device's store while its contract holds": ("P: direct_read g; g: write B", True),
    "a device's store after the fork that ended it": ("P: direct_read g; P: fork C; g: write B", False),
    "a registered buffer's store after a fork": ("P: register g; P: fork C; g: write B", True),
    "a device's store to shared memory after a fork": ("P: mmap shared; P: get g write; P: fork C; g: write B", False),
}


@pytest.mark.parametrize("line, firm", FIRM.values(), ids=FIRM)
def test_whether_a_mapping_is_promised_a_store(line: str, firm: bool) -> None:
    assert cell(line).past == (Past(ZERO, firm),)
    assert cell(line).now.letter == "B"


def test_one_promised_store_is_enough() -> None:
    assert cell("P: direct_read g; P: fork C; g: write B; P: write D").past[0] == Past(ZERO, True)


# --- the ideal as a row ----------------------------------------------------------------------------------------------

BREAKING = ("isolation", "dma-isolation", "coherence", "accounting")


@settings(max_examples=500)
@given(walks)
def test_the_ideal_row_breaks_no_law(walk: list[tuple[str, int]]) -> None:
    told = Ideal()
    for before, event, step in along(walk, IDEAL):
        after = follow(told, before, event, step)
        found = findings(before, event, step, after, IDEAL)
        assert [finding for finding in found if finding.broken and finding.law in BREAKING] == []
        told = after


def test_the_ideal_row_really_copies_at_fork() -> None:
    trace = played("P: write A; P: fork C; P: write B; C: read; P: read", "ideal")
    assert [moment.outcome for moment in trace.steps] == ["fault", "copy", "hit", "hit", "hit"]
    assert [reading.value for reading in trace.readings] == ["A", "B"]
    assert trace.needless_copies == 1


def test_the_ideal_is_no_row_of_the_table() -> None:
    from cowlab import POLICIES

    assert IDEAL.name == "ideal"
    assert IDEAL.name not in POLICIES
