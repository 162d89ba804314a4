"""Predict: a Stepper that asks before it shows. The answers are in the page: it is for learning, never for marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from cowlab.events import format as format_event
from cowlab.policy import Policy
from cowlab.scenario import Scenario, Trace
from cowlab.views import step_through
from cowlab.views.questions import CHOICE, LETTER, NUMBER, Question, questions
from cowlab.views.shown import Shown
from cowlab.views.stepper import columns
from cowlab.views.words import sentence

COLUMN = 400  # px that the questions of one policy want
HINTS = {NUMBER: 'class="number" inputmode="numeric" maxlength="7"', LETTER: 'class="letter" maxlength="1"'}


class Predict(Shown):
    """Asks what each line of a scenario will do under these policies, side by side, then shows it.

    scenario: one of the atlas by its name, a Scenario, or the text of a script. Without policies: v5.7 and v5.9.
    ask: for some lines (comments not counted) what is asked there, as in `{5: ("outcome", "page_count", "g")}`:
    outcome, page_count, mapcount, exclusive, or the name of a reader. Without it: what is interesting.
    Raises ValueError for an unknown name, a line that is not there, or a question which it does not answer; ScriptError.
    """

    view = "predict"
    notice = (
        "Here you say what each line does before it is shown, once the notebook is trusted, or its cell is run. "
        "Until then: the first frame and the questions; the answers are below them."
    )

    def __init__(
        self,
        scenario: Scenario | str,
        *policies: Policy | str,
        ask: Mapping[int, str | Iterable[str]] | None = None,
        title: str = "",
        lede: str = "",
    ) -> None:
        self.stepper = step_through(scenario, *policies, title=title, lede=lede, covered=True)
        self.title, self.lede = self.stepper.title, self.stepper.lede
        self.asked = questions(self.stepper.traces, ask)

    def text(self) -> str:
        """The text frames of the start, and what is asked of each line."""
        asked = "".join(self._asked_in_words(line) for line in self.asked)
        return f"{self.stepper.text()}\n{asked or 'Nothing is asked.'}"

    def data(self) -> dict[str, Any]:
        """What the browser needs: a Stepper's data, the form, and what is true."""
        return {
            "stepper": self.stepper.data(),
            "form": self._form(),
            "lines": {
                str(line): [[{"question": q.what, "label": q.label, "truth": q.truth} for q in some] for some in found]
                for line, found in self.asked.items()
            },
            "why": {str(line): [self._why(trace, line) for trace in self.stepper.traces] for line in self.asked},
        }

    # --- the parts of the page ---------------------------------------------------------------------------------------

    @staticmethod
    def _why(trace: Trace, line: int) -> str:
        return sentence(trace.moments[line - 1], trace.moments[line], trace.policy)

    @property
    def _names(self) -> list[str]:
        return [trace.policy.name for trace in self.stepper.traces]

    def _form(self) -> str:
        """Head, the questions of every line on one another, buttons and keys."""
        lines = "".join(self._line(line) for line in self.asked)
        return (
            '<form class="cow-ask" autocomplete="off" novalidate tabindex="-1" aria-label="Predict">'
            '<div class="top"><span class="lab">PREDICT</span><p class="cow-what"><b class="cow-line"></b> <code></code> <span class="cow-then"></span></p>'
            '<span class="score"><span class="cow-score"></span>'
            '<button type="button" data-do="again">Again</button>'
            '<button type="button" data-do="save">Export</button>'
            '<button type="button" data-do="copy">Copy</button></span></div>'
            f'<div class="lines">{lines}</div>'
            '<div class="do"><button type="submit" class="main">Answer</button>'
            '<button type="button" data-do="show">Show me</button>'
            '<button type="button" data-do="on" class="main">Go on ▶</button>'
            '<p class="cow-hint" role="status"></p></div>'
            '<p class="keys"><span><kbd>1</kbd>…<kbd>9</kbd> choose</span><span><kbd>Tab</kbd> next question</span>'
            "<span><kbd>Enter</kbd> answer</span><span><kbd>←</kbd> <kbd>→</kbd> step</span>"
            "<span><kbd>Home</kbd> <kbd>End</kbd> first, last</span><span><kbd>Space</kbd> play</span></p>"
            '<div class="sr cow-tell" aria-live="polite"></div></form>'
        )

    def _line(self, line: int) -> str:
        """The questions of one line: a column for each policy."""
        groups = ""
        for which, (name, found) in enumerate(zip(self._names, self.asked[line], strict=True)):
            asked = "".join(_question(q, name, f"q{line}-{which}-{k}") for k, q in enumerate(found))
            nothing = '<p class="none">nothing is asked</p>' if not found else ""
            groups += (
                f'<div role="group" aria-label="{escape(name)}, line {line}"><h3>{escape(name)}</h3>{asked}{nothing}'
                '<p class="because"></p></div>'
            )
        return columns(COLUMN, groups, f' data-line="{line}"')

    def _asked_in_words(self, line: int) -> str:
        """The questions of one line as text."""
        rows = f"line {line}  {format_event(self.stepper.traces[0].scenario.events[line - 1])}\n"
        wide = max(map(len, self._names))
        for name, found in zip(self._names, self.asked[line], strict=True):
            rows += "".join(f"  {name:{wide}}  {_in_words(q)}\n" for q in found)
        return rows

    def still(self) -> str:
        asked = escape("\n".join(self._asked_in_words(line) for line in self.asked))
        return (
            f"{self.stepper.images()}<pre>{asked}</pre>"
            f"<details><summary>The answers: every frame in words</summary>{self.stepper.frames()}</details>"
        )


def _in_words(question: Question) -> str:
    *others, last = question.choices or ("", "")
    return f"{question.label}: {', '.join(others)} or {last}?" if question.choices else f"{question.label}: ?"


def _question(question: Question, policy: str, name: str) -> str:
    """One question: what is asked, where the answer goes, and room for what is said of it."""
    label, told = escape(question.label), '<span class="told"></span>'
    full = escape(f"{policy}: {question.label}")
    if question.kind == CHOICE:
        choices = "".join(
            f'<label><input type="radio" name="{name}" value="{choice}"><span aria-hidden="true">{number}</span> {choice}</label>'
            for number, choice in enumerate(question.choices, 1)
        )
        return f'<div class="q" role="radiogroup" aria-label="{full}"><span class="of">{label}</span><span class="in">{choices}</span>{told}</div>'
    field = f'<input type="text" name="{name}" aria-label="{full}" {HINTS[question.kind]}>'
    return f'<div class="q"><span class="of">{label}</span><span class="in">{field}</span>{told}</div>'
