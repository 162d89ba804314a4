"""Predictions written as text: say first what will happen, then compare. Words for a learner, never a mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cowlab import views
from cowlab.events import ScriptError
from cowlab.fault import OUTCOMES
from cowlab.policy import Policy
from cowlab.scenario import Moment, Scenario, play

OPEN = "?"
NOTHING_YET = (
    "No prediction yet: put your own word in the place of a ? (or of None) above,\n"
    "run that cell and this one again, then go on. A wrong guess teaches most."
)


def step_through(scenario: Scenario | str, *policies: Policy | str, **options: Any) -> views.Stepper:
    """As views.step_through, but what a line does is covered until one has stepped there."""
    return views.step_through(scenario, *policies, covered=True, **options)


def compare(guess: str, *policies: Policy | str) -> None:
    """Print which predictions held. `guess` is a script; a line that is asked about ends in ` -> word`.

    The word is the line's outcome, or for a read that succeeds the letter that was read; with several policies
    one word each, `copy | reuse`. A `?` is still open.
    """
    lines = [line.partition("->") for line in guess.splitlines() if line.partition("#")[0].strip()]
    events = [event.strip() for event, _, _ in lines]
    blocks = []
    try:
        for column, policy in enumerate(policies):
            steps = play("\n".join(events), policy).steps
            rows = [
                (event, _said(_truth(step), _word(said, column)))
                for event, (_, asked, said), step in zip(events, lines, steps, strict=True)
                if asked
            ]
            blocks.append((policy if isinstance(policy, str) else policy.name, rows))
    except (ScriptError, ValueError) as error:
        print(f"This script cannot be played. {error}")
        return
    _tell(blocks)


def compare_answers(guess: Mapping[str, object], truth: Mapping[str, object]) -> None:
    """Print which answers held. Both go from a question to its answer; None is an open one."""
    rows = [(question, _said(answer, guess.get(question))) for question, answer in truth.items()]
    _tell([("", rows)])


def _word(said: str, column: int) -> str | None:
    """The word for that policy; None if it was left open."""
    words = said.partition("#")[0].split("|")
    word = words[column].strip() if column < len(words) else ""
    return word if word not in ("", OPEN) else None


def _truth(step: Moment) -> str:
    return step.outcome if step.reading is None else step.reading.value


Said = tuple[str, str] | None  # what was true, and what to say about the guess


def _said(truth: object, word: object) -> Said:
    if word is None or word == OPEN:
        return None
    true, guessed = str(truth), str(word).strip().strip("'\"")
    same = guessed == true if len(true) == 1 else guessed.casefold() == true.casefold()  # a and A are two letters
    if same:
        return true, "as you said"
    if len(true) == 1 and guessed.casefold() == true.casefold():
        return true, f"almost: {guessed} and {true} are two letters, and so two stores"
    if true in OUTCOMES and guessed.casefold() not in OUTCOMES and len(guessed) > 1:
        return true, f"you said {guessed!r}, which is not a word of the table"
    return true, f"you said {guessed}; find out what decided it"


def _tell(blocks: list[tuple[str, list[tuple[str, Said]]]]) -> None:
    if not any(said for _, rows in blocks for _, said in rows):
        print(NOTHING_YET)
        return
    wide = max(len(question) for _, rows in blocks for question, _ in rows)
    for name, rows in blocks:
        answered = [said for _, said in rows if said]
        held = sum(remark == "as you said" for _, remark in answered)
        summary = f"{held} of {len(answered)} predictions held." if answered else "Nothing predicted here yet."
        print(f"{name}: {summary}" if name else summary)
        for question, said in rows:
            true, remark = said or ("", "still open")
            print(f"  {question:{wide}}  ->  {true:7}  {remark}")
