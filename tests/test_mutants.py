"""Are the laws enough? Every cell of every row is changed, and somebody has to notice (mutants.py)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from mutants import (
    EXCHANGED,
    NOT,
    NOT_READ,
    NOT_SET,
    SURVIVORS,
    Mutant,
    atlas,
    decisions,
    laws_and_costs,
    mutants,
    noticed_by_search,
    noticed_in,
)

from cowlab import POLICIES, PageInfo, play, scenarios
from cowlab.keys import fields_read
from cowlab.policy import ANSWERS


def test_what_nobody_notices_is_explained(record_property: Callable[[str, object], None]) -> None:
    """Exactly the table: neither a survivor more nor one less."""
    made = list(mutants())
    left = [mutant for mutant in made if noticed_in(mutant) is None]
    found = [mutant for mutant in left if noticed_by_search(mutant)]
    survivors = {tuple(mutant) for mutant in left if mutant not in found}
    by_laws = sum(noticed_in(mutant, laws_and_costs) is not None for mutant in made)
    record_property(
        "measured",
        f"mutants: {len(made)}, noticed by the atlas {len(made) - len(left)} (by its laws and costs alone {by_laws}), "
        f"by search {len(found)}, survivors {len(survivors)}",
    )
    assert survivors == set(SURVIVORS)


def test_every_cell_is_replaced_by_every_other_decision_and_negated() -> None:
    made = list(mutants())
    assert len(made) == len(set(made)) == 15 * sum(len(decisions(cell)) for cell in ANSWERS)
    for name, row in POLICIES.items():
        for cell in ANSWERS:
            names = {mutant.replacement for mutant in made if (mutant.row, mutant.cell) == (name, cell)}
            assert names == {NOT, *decisions(cell)} - {getattr(row, cell).__name__}


def test_a_negated_cell_never_answers_as_the_row_does() -> None:
    assert {cell: set(exchanged) for cell, exchanged in EXCHANGED.items()} == {
        cell: set(answers) for cell, answers in ANSWERS.items()
    }
    for cell, exchanged in EXCHANGED.items():
        assert all(new in ANSWERS[cell] and new != old for old, new in exchanged.items())
    assert Mutant("v5.9", "reuse", NOT).policy.ask("reuse", PageInfo(page_count=2)) == "reuse"


def test_a_replay_from_the_first_other_answer_is_the_whole_replay() -> None:
    """The shortcut in noticed_in, beside play from the first line, for the mutants of one cell in each row."""

    def seen(row: object, name: str) -> list[object]:
        steps = play(scenarios()[name], row).steps  # type: ignore[arg-type]
        return [(m.outcome, m.copies, m.reading, m.standing, m.needless) for m in steps]

    for name in POLICIES:
        mutant = Mutant(name, "swap", NOT)
        slow = next((played for played in scenarios() if seen(mutant.policy, played) != seen(name, played)), None)
        assert slow is not None
        assert noticed_in(mutant) == slow


# --- the reasons are true --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [m for m, why in SURVIVORS.items() if why == NOT_READ], ids="-".join)
def test_no_decision_reads_the_mark(name: tuple[str, str, str]) -> None:
    mutant = Mutant(*name)
    assert "inherited" not in fields_read(mutant.policy)
    for played in atlas(mutant.row):
        assert all(answer == "share" for _, _, answer in played.asked["fork"])


@pytest.mark.parametrize("name", [m for m, why in SURVIVORS.items() if why == NOT_SET], ids="-".join)
def test_no_fork_sets_the_mark(name: tuple[str, str, str]) -> None:
    """Where nothing is marked the two decisions answer alike, and this row's fork answers mark nowhere."""
    mutant, row = Mutant(*name), POLICIES[name[0]]
    both = (False, True)
    askers = ("reclaim", "swapin") if mutant.cell == "swap" else ("write", "unshare")
    domain = product(
        (*askers, "fork"), ("anon", "ksm", "file"), ("base", "thp", "hugetlb"), both,  # asker, kind, size, split
        (0, 1, 2), (0, 1), (1, 2, 3, 512, 513, 1025), (1, 512), both,  # mapcount to in_swapcache
    )  # fmt: skip
    for fields, writable in product(domain, both):
        page = PageInfo(*fields, writable=writable)
        assert row.ask("fork", page) != "mark"
        assert row.ask(mutant.cell, page) == mutant.policy.ask(mutant.cell, page)
    assert row.ask(mutant.cell, PageInfo(askers[-1], inherited=True)) != mutant.policy.ask(
        mutant.cell, PageInfo(askers[-1], inherited=True)
    )
