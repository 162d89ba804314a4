"""MatrixView: which rule keeps which promise. Each cell opens what is behind it, without asking Python."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import cached_property
from html import escape
from typing import Any

from cowlab.laws import LAWS
from cowlab.matrix import bounds_words, cache_folder, matrix, recalled
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import policy_named
from cowlab.views import grid
from cowlab.views.grid import Cell
from cowlab.views.lawmarks import COSTS
from cowlab.views.packed import Packed
from cowlab.views.progress import ticking
from cowlab.views.shown import Shown
from cowlab.views.stepper import Stepper
from cowlab.views.text import table as columns
from cowlab.views.witness import Witness, witness

TITLE = "Which rule keeps which promise?"
EXPECTED = "expected what cowlab.matrix.matrix() returns: the document of an exploration for each policy"
Rows = Mapping[str, Mapping[str, Any]]


class MatrixView(Shown):
    """Policies x laws. As the last value of a notebook's cell it is shown.

    A cell with ✗ opens the shortest script that breaks the law, in a Stepper; any other says within which bounds the law
    holds, how many states were seen, and whether these were all.

    rows: the documents that `cowlab.matrix.matrix` returns, by policy. Without them the default matrix: what is not in
    the cache is explored, which takes a minute or two.
    policies: rows of your own whose documents are in `rows`, made by `cowlab.matrix.explore_policy`.
    Raises ValueError if a row is no such document, names a policy that is not known, or has other laws or bounds than
    the first.
    """

    view = "matrix"
    notice = "Cells open once the notebook is trusted, or its cell is run. Until then: the table."

    def __init__(self, rows: Rows | None = None, *policies: Policy, title: str = TITLE, lede: str = "") -> None:
        documents = default_rows() if rows is None else rows
        own = {policy.name: policy for policy in policies}
        self.cells = _cells(documents, own)
        self.title = title
        self.lede = lede or _lede(self.cells[0][0].found)

    def stepper(self, policy: str, law: str) -> Stepper:
        """The Stepper behind a cell with ✗. Raises ValueError for any other."""
        found = self._witnesses.get((policy, law))
        if found is None:
            raise ValueError(f"no script was found by which {policy} breaks {law}")
        return found.stepper()

    def text(self) -> str:
        """The table in plain columns."""
        rows = [[row[0].policy.name, *(cell.words for cell in row)] for row in self.cells]
        return "\n".join([*columns(self._heads(), rows), "", *self._notes(), ""])

    def _heads(self) -> list[str]:
        return ["policy", *(f"{cell.law} (cost)" if cell.law in COSTS else cell.law for cell in self.cells[0])]

    def _notes(self) -> tuple[str, ...]:
        found = self.cells[0][0].found
        return (
            f"within {bounds_words(found)}; events {', '.join(found['events'])}",
            "✗ 4: broken, by 4 lines and no fewer; ✓: holds in all states within the bounds; ◐: not all were seen",
        )

    def data(self) -> dict[str, Any]:
        """What the browser needs: the table, and for each of its cells, in order, what opens below it."""
        packed, cells = Packed(), []
        for cell in (cell for row in self.cells for cell in row):
            broken = self._witnesses.get((cell.policy.name, cell.law))
            below = grid.kept(cell) if broken is None else grid.broken(cell, broken)
            stepper = None if broken is None else packed.add(broken.stepper().data())
            cells.append({"below": packed.html(below), "stepper": stepper})
        return {"live": self._live(), "cells": cells, "packed": packed.data()}

    @cached_property
    def _witnesses(self) -> dict[tuple[str, str], Witness]:
        """What breaks a law, by policy and law."""
        policies = [row[0].policy for row in self.cells]
        return {
            (cell.policy.name, cell.law): witness(
                cell.law,
                "\n".join(cell.result["witness"]),
                cell.policy,
                [other for other in policies if other is not cell.policy],
            )
            for row in self.cells
            for cell in row
            if cell.result["holds"] is False
        }

    def _live(self) -> str:
        every = [cell for row in self.cells for cell in row]
        return (
            f"{grid.key(every)}{grid.table(self.cells)}"
            '<p class="keys"><span><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move among the cells</span>'
            "<span><kbd>Enter</kbd> opens one below</span></p>"
            f'<p class="keys">Events: {escape(", ".join(self.cells[0][0].found["events"]))}</p>'
            '<section class="below" aria-label="What is behind the cell"></section>'
            '<div class="sr cow-say" aria-live="polite"></div>'
        )

    def still(self) -> str:
        """The table."""
        heads = "".join(f"<th>{escape(head)}</th>" for head in self._heads())
        rows = "".join(
            f"<tr><th>{escape(row[0].policy.name)}</th>{''.join(f'<td>{cell.words}</td>' for cell in row)}</tr>"
            for row in self.cells
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def default_rows() -> Rows:
    """The default matrix. What is known is recalled; while the rest is explored a line says how far it is."""
    folder = cache_folder()
    known = len(recalled(folder)) == len(POLICIES)
    with nullcontext(str) if known else ticking(len(POLICIES)) as done:
        return matrix(cache=folder, done=done)


def _cells(documents: Rows, own: Mapping[str, Policy]) -> list[list[Cell]]:
    """A list a policy, in the order of the table. Raises ValueError."""
    if not documents:
        raise ValueError(f"there is nothing to show; {EXPECTED}")
    rows = []
    for name, document in documents.items():
        if not isinstance(document, Mapping) or not {"laws", "bounds", "events", "states", "stopped"} <= set(document):
            raise ValueError(f"{name}: this is no exploration; {EXPECTED}")
        first = next(iter(documents.values()))
        for what in ("laws", "bounds", "events"):
            if list(document[what]) != list(first[what]) or (what == "bounds" and document[what] != first[what]):
                raise ValueError(f"{name}: its {what} are not those of the first row, so they cannot be compared")
        policy = own[name] if name in own else policy_named(name)
        rows.append([Cell(policy, law, dict(document)) for law in LAWS if law in document["laws"]])
    return grid.ordered(rows)


def _lede(found: Mapping[str, Any]) -> str:
    words = bounds_words(found)
    return f"Every script of these events, tried on every policy: {words}. A broken law shows how few lines break it."
