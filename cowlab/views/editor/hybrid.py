"""A row of the table in which a learner replaces cells, and the text that stands for each: what a PolicyEditor edits."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from cowlab.policy import ANSWERS, POLICIES, BadAnswer, Decision, Policy
from cowlab.scenario import Scenario, Trace, play, unknown
from cowlab.views.editor import decisions
from cowlab.views.editor.decisions import Limited

HANDED = "# This function was handed over, and its source is not known here.\n# What you write here takes its place.\n"


class Hybrid:
    """A row, the decisions that stand in for some of its own, and what a learner has written for each cell.

    writing: the cells whose text is the learner's; applied: the texts which the decisions were made of. Raises ValueError for a row that does not exist.
    """

    def __init__(self, name: str) -> None:
        if name not in POLICIES:
            raise ValueError(unknown("row", name, list(POLICIES)))
        self.base = POLICIES[name]
        self.replaced: dict[str, Decision] = {}
        self.texts: dict[str, str] = {}
        self.writing: set[str] = set()
        self.applied: dict[str, str] = {}

    @property
    def policy(self) -> Policy:
        return self.base.with_(**self.replaced) if self.replaced else self.base

    @property
    def runnable(self) -> Policy | None:
        """The same, but a decision that never answers is stopped; None where nothing is replaced."""
        if not self.replaced:
            return None
        foreign: Any = {cell: Limited(d) for cell, d in self.replaced.items() if not decisions.is_ours(cell, d)}
        return self.policy._replace(**foreign)

    def rebase(self, name: str) -> None:
        """Another row; what was replaced stays replaced. Raises KeyError for one that does not exist."""
        self.base = POLICIES[name]
        self.replaced = {c: d for c, d in self.replaced.items() if d is not getattr(self.base, c)}

    def put(self, cell: str, decision: Decision) -> None:
        """A decision of a row, or one that is handed over."""
        self._replace(cell, decision)
        self.writing.discard(cell)
        self.applied.pop(cell, None)

    def write(self, cell: str, text: str) -> None:
        """Raises decisions.CannotRead if the text is no decision; it is kept all the same."""
        self.draft(cell, text)
        self._replace(cell, decisions.written(text))
        self.applied[cell] = text

    def draft(self, cell: str, text: str) -> None:
        self.texts[cell] = text
        self.writing.add(cell)

    def own(self, cell: str) -> None:
        """Show what the learner has written for that cell; at first a stub."""
        self.draft(cell, self.texts.get(cell) or decisions.stub(cell))

    def reset(self) -> None:
        self.replaced, self.applied, self.writing = {}, {}, set()

    def text(self, cell: str) -> str:
        """What is shown of a cell: the learner's text, or the source of the decision that stands there."""
        if cell in self.writing:
            return self.texts[cell]
        return decisions.source_of(getattr(self.policy, cell)) or HANDED + decisions.stub(cell)

    def pending(self, cell: str) -> bool:
        """Whether the text that is shown is not the decision that stands there."""
        return cell in self.writing and self.texts[cell] != self.applied.get(cell)

    def ours(self, cell: str) -> bool:
        """Whether what is shown of a cell is a decision of the table."""
        return cell not in self.writing and decisions.is_ours(cell, getattr(self.policy, cell))

    def traces(self, scenario: Scenario) -> list[Trace]:
        """Under the row and under the hybrid; without the hybrid if a decision fails."""
        found, hybrid = [play(scenario, self.base)], self.runnable
        if hybrid is not None:
            with suppress(BadAnswer):  # which is said elsewhere
                found.append(play(scenario, hybrid))
        return found

    def _replace(self, cell: str, decision: Decision) -> None:
        self.replaced.pop(cell, None)
        if decision is not getattr(self.base, cell):
            self.replaced = {c: d for c in ANSWERS if (d := {**self.replaced, cell: decision}.get(c)) is not None}
