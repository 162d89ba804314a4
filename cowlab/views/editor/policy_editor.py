"""PolicyEditor: a row of the table with another decision in one cell, and at once what that changes.

The learner's Python runs in the learner's own kernel, as if it stood in a cell of the notebook. What is wrong with it
is said in a sentence. A decision that never answers is stopped (decisions.limited), or by an interrupt of the kernel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any

from cowlab.matrix import MAX_STATES
from cowlab.policy import ANSWERS, BadAnswer, Decision, Policy
from cowlab.scenario import Scenario, read_scenario, scenarios, unknown
from cowlab.views.editor import decisions, in_words, results_html, row_html
from cowlab.views.editor.decisions import CannotRead, Problem
from cowlab.views.editor.differences import Differences, Failed, atlas, atlas_of, differences, summary
from cowlab.views.editor.exploring import SOME_STATES, Explored, Job, explored_words, long_bounds, quick_bounds
from cowlab.views.editor.hybrid import Hybrid
from cowlab.views.mount import notice
from cowlab.views.stepper import Stepper
from cowlab.views.widget import Widget

NO_KERNEL = "This can be changed once its cell is run in JupyterLab. Until then, in words:"
INTERRUPTED = "Interrupted, so there are no results. Change the decision, or choose another."
Message = dict[str, Any]


class PolicyEditor(Widget):
    """Replace a cell of a row, and see what changes in the atlas and within bounds. As a cell's last value it is shown.

    policy: the name of one of the fifteen rows. cell: the one that is open at first.
    Raises ValueError for a row or a cell that does not exist.
    """

    def __init__(self, policy: str = "v5.9", cell: str = "reuse") -> None:
        self.hybrid, self.cell = Hybrid(policy), known(cell)
        self.text_number = self.turn = self.opened_number = 0
        self.lock = threading.RLock()
        self.ready = False
        self.small_job: Job | None = None
        self.job: Job | None = None
        self.mistake: Problem | None = None  # of a text: it cannot be read
        self.trouble: Problem | None = None  # of the row: there are no results
        self.mishap: Problem | None = None  # of the long exploration
        self.found: Differences | None = None
        self.quick: Explored | None = None
        self.whole: Explored | None = None
        self.opened: dict[str, Any] | None = None
        self.said = ""
        self._look(wait=True)
        super().__init__(view="editor", state=self._shown())
        self.ready = True

    # --- for notebooks -----------------------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The row as it stands, for play and check."""
        return self.hybrid.policy

    def set(self, **cells: Decision) -> None:
        """Put functions of a PageInfo into cells: `editor.set(reuse=my_rule)`. The last of them is opened.

        Raises ValueError for a cell that a row does not have, or for what is no function.
        """
        for cell in cells:
            known(cell)
        self.policy.with_(**cells)
        for self.cell, decision in cells.items():
            self.hybrid.put(self.cell, decision)
        self._renew(wait=True)

    def reset(self) -> None:
        """Back to the row as it is in the table."""
        self.hybrid.reset()
        self._renew(wait=True)

    def text(self) -> str:
        return in_words.text(self.hybrid.base, self.policy, self.trouble, self.found, self.quick)

    def still(self) -> str:
        return f"{notice(NO_KERNEL)}<pre>{escape(self.text())}</pre>"

    def __repr__(self) -> str:
        return self.text()

    # --- what the learner does ---------------------------------------------------------------------------------------

    def answer(self, message: Message) -> None:
        """One thing that the learner did. After an interrupt in the midst of it all goes on, and the learner is told."""
        acts: dict[str, Callable[[Message], object]] = {
            "row": self._row,
            "cell": self._cell,
            "choose": self._choose,
            "apply": self._apply,
            "reset": self._reset,
            "open": self._open,
            "close": self._close,
            "explore": lambda _: self.explore(),
            "stop": lambda _: self.stop(),
        }
        try:
            if "draft" in message:
                self.hybrid.draft(self.cell, str(message["draft"]))
            acts[message["do"]](message)
        except KeyboardInterrupt:
            self.trouble = Problem(INTERRUPTED)
        self._show()

    def _reset(self, message: Message) -> None:
        self.hybrid.reset()
        self._renew()

    def _row(self, message: Message) -> None:
        self.hybrid.rebase(message["value"])
        self._renew()

    def _cell(self, message: Message) -> None:
        self.cell, self.mistake = known(message["value"]), None
        self.text_number += 1

    def _choose(self, message: Message) -> None:
        if message["value"] == row_html.OWN:
            self.hybrid.own(self.cell)
            self.text_number += 1
        else:
            self.hybrid.put(self.cell, decisions.chosen(self.cell, message["value"]))
            self._renew()

    def _apply(self, message: Message) -> None:
        try:
            self.hybrid.write(self.cell, str(message["text"]))
        except CannotRead as error:
            self.mistake = Problem(str(error), self.cell, error.line)
            self.said = str(self.mistake)
        else:
            self._renew(text=False)

    def _open(self, message: Message) -> None:
        """Step through a scenario of the atlas from where the two part, or through the script that breaks a law."""
        if "scenario" in message:
            self._step(scenarios()[message["scenario"]])
            return
        found = self.quick if message["which"] == "quick" else self.whole
        document = found and (found.before if message["who"] == "base" else found.after)
        if document:
            law, witness = message["law"], document["laws"][message["law"]]["witness"]
            title = (
                f"{document['policy']} breaks {law}: {len(witness)} lines, and no shorter script within these bounds"
            )
            self._step(read_scenario("\n".join(witness), f"breaks-{law}"), title)

    def _step(self, scenario: Scenario, witness: str = "") -> None:
        stepper = Stepper(*self.hybrid.traces(scenario), title=witness)
        last = len(scenario.events)
        stepper.start = last if witness or stepper.part is None else stepper.part
        self.opened_number += 1
        about = {"key": self.opened_number, "title": stepper.title, "lede": stepper.lede}
        self.opened = {**about, "frames": stepper.data()}

    def _close(self, message: Message) -> None:
        self.opened = None

    # --- explorations ------------------------------------------------------------------------------------------------

    def explore(self) -> None:
        """Explore larger bounds in a thread, the row itself too unless that is known."""
        self.stop()
        self.mishap, self.job = None, Job(self._progress, self._explored)
        self.job.start(self.hybrid.base, self.hybrid.runnable, long_bounds(self.hybrid.replaced), MAX_STATES)

    def stop(self) -> None:
        """End it with what is known so far."""
        if self.job is not None:
            self.job.stop()

    def wait(self) -> None:
        """Until what is being explored is known."""
        for job in (self.small_job, self.job):
            if job is not None:
                job.wait()

    def _progress(self, job: Job) -> None:
        with self.lock:
            if self.ready and job in (self.small_job, self.job):
                self.now = self._explorations()

    def _explored(self, job: Job, found: Explored | Exception) -> None:
        with self.lock:
            wrong = problem(found) if isinstance(found, Exception) else None
            right = found if isinstance(found, Explored) else None
            if job is self.small_job:
                self.small_job, self.quick, self.trouble = None, right, self.trouble or wrong
                if right and right.after:
                    self.said += f" {explored_words(right)}"
            elif job is self.job:
                self.job, self.whole, self.mishap = None, right, wrong
                self.said = "The exploration has ended."
            else:  # of a row that is not shown any more
                return
            self.said = str(wrong) if wrong else self.said
            self._show()

    # --- what is known, and what is shown ----------------------------------------------------------------------------

    def _renew(self, text: bool = True, wait: bool = False) -> None:
        """Everything anew. text: also what stands in the text, which is not taken from the hand of who writes it."""
        self.text_number += text
        self._forget()
        self._look(wait)
        self._show()

    def _forget(self) -> None:
        """Nothing is known of this row yet, and what is under way is of another."""
        with self.lock:
            for job in (self.small_job, self.job):
                if job is not None:
                    job.stop()
            self.small_job = self.job = None
            self.mistake = self.trouble = self.mishap = None
            self.found = self.quick = self.whole = self.opened = None
            self.said = ""

    def _look(self, wait: bool) -> None:
        """The atlas, which takes a moment; then the small exploration. wait: until that is known, too."""
        base, hybrid = self.hybrid.base, self.hybrid.runnable
        if hybrid is not None:
            try:
                self.found = differences(atlas_of(base.name), atlas(hybrid))
            except Exception as error:
                self.trouble = problem(error)
                self.said = str(self.trouble)
                return
            self.said = " ".join(summary(self.found))
        self.small_job = Job(self._progress, self._explored)
        self.small_job.start(base, hybrid, quick_bounds(self.hybrid.replaced), SOME_STATES)
        if wait:
            self.wait()

    def _show(self) -> None:
        if self.ready:
            with self.lock:
                self.turn += 1
                with self.hold_sync():
                    self.state, self.now = self._shown(), {}

    def _explorations(self) -> dict[str, str]:
        """The parts that say how far an exploration is."""
        base, bounds = self.hybrid.base, quick_bounds(self.hybrid.replaced)
        return {
            "quick": results_html.quick(bounds, self.quick, base, self.policy, self.small_job),
            "job": results_html.job(self.job, self.whole, self.mishap),
        }

    def _shown(self) -> dict[str, Any]:
        hybrid, base, policy = self.hybrid, self.hybrid.base, self.policy
        wrong = [one for one in (self.mistake, self.trouble) if one is not None]
        parts = {
            "head": row_html.head(base, policy),
            "cells": row_html.cells(base, policy, self.cell),
            "cell": row_html.cell_head(policy, self.cell, hybrid.ours(self.cell)),
            "problem": "".join(map(row_html.problem, wrong)),
            "fields": row_html.page_info(),
            "result": results_html.result(base, policy, self.found, self.quick, self.small_job is not None),
            "atlas": results_html.atlas(base, policy, self.found),
            "whole": results_html.whole(long_bounds(hybrid.replaced), self.whole, base, policy),
            **self._explorations(),
        }
        return {
            "parts": parts,
            "text": hybrid.text(self.cell),
            "text_number": self.text_number,
            "pending": hybrid.pending(self.cell),
            "line": next((one.line for one in wrong if one.cell == self.cell), 0),
            "open": self.opened,
            "say": self.said,
            "turn": self.turn,
        }


def known(cell: str) -> str:
    """Raises ValueError for a cell that a row does not have."""
    if cell not in ANSWERS:
        raise ValueError(unknown("cell", cell, list(ANSWERS)))
    return cell


def problem(error: Exception) -> Problem:
    """What a learner is told of it."""
    if isinstance(error, Failed):
        return decisions.failure(error.error, error.scenario)
    return decisions.failure(error) if isinstance(error, BadAnswer) else Problem(decisions.named(error))
