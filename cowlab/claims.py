"""The mail from which this course starts, claim by claim, and trials that can be played.

Jerome Glisse, 12 January 2021, 20210112235104.GA490399@redhat.com, with what it quotes. The claims are paraphrased in
claims.toml; lesson 6 goes through them.

>>> from cowlab.claims import TRIALS, holds
>>> holds(TRIALS["6a"], "linus-2021")
True
"""

from __future__ import annotations

import textwrap
import tomllib
from importlib import resources
from typing import NamedTuple

from cowlab.policy import POLICIES, Policy
from cowlab.scenario import play

ARROW = "->"
WIDTH = 86  # columns that a cell's output has on a laptop


class Trial(NamedTuple):
    """One script that puts a claim to the test.

    In `script`, ` -> ` says what a line does if the claim is right: its outcome, or the letter that is read. holds,
    fails: the rows under which all these lines come out so, and under which one does not; a row in neither has no
    occasion for it.
    """

    name: str
    says: str
    script: str
    holds: tuple[str, ...]
    fails: tuple[str, ...]

    @property
    def events(self) -> str:
        """The script without what it says, as `play` and `step_through` take it."""
        return "\n".join(line.partition(ARROW)[0].rstrip() for line in self.script.splitlines())

    @property
    def expected(self) -> dict[int, str]:
        """What each line that says something says, by its number from 1."""
        lines = enumerate(self.script.splitlines(), 1)
        return {number: line.partition(ARROW)[2].strip() for number, line in lines if ARROW in line}

    @property
    def summary(self) -> str:
        """What it says, and under which rows that holds: the shorter list by name, the longer one counted."""
        lists = sorted([("holds", self.holds), ("fails", self.fails)], key=lambda named: len(named[1]))
        silent = tuple(name for name in POLICIES if name not in (*self.holds, *self.fails))
        lines = [f"{self.name}  {self.says}", *(_told(word, names, names is lists[1][1]) for word, names in lists)]
        lines.append(_told("does not come up", silent, False))
        return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="    ") for line in lines if line)


class Claim(NamedTuple):
    """What was claimed, by whom and in which mail (a Message-ID), and its trials."""

    number: int
    who: str
    mail: str
    says: str
    trials: tuple[Trial, ...]

    @property
    def summary(self) -> str:
        """The claim, and what became of it in each trial."""
        head = textwrap.fill(f"{self.number}. {self.says}", WIDTH, subsequent_indent="   ")
        return "\n".join([head, f"   {self.who}", *(trial.summary for trial in self.trials)])


def holds(trial: Trial, policy: Policy | str) -> bool:
    """Whether every line comes out as the trial says, under a row or a policy of one's own."""
    return all(was == said for _, said, was in results(trial, policy))


def results(trial: Trial, policy: Policy | str) -> list[tuple[str, str, str]]:
    """Each line that says something: the event, what the trial says, and what it was under that policy."""
    steps = play(trial.events, policy).steps
    events = trial.events.splitlines()
    rows = []
    for number, said in trial.expected.items():
        step = steps[number - 1]
        rows.append((events[number - 1], said, step.outcome if step.reading is None else step.reading.value))
    return rows


def _told(word: str, names: tuple[str, ...], counted: bool) -> str:
    if not names:
        return ""
    everybody = f"all {len(names)} rows" if len(names) == len(POLICIES) else f"{len(names)} others"
    return f"    {word} under {everybody if counted else ', '.join(names)}"


def _read() -> tuple[Claim, ...]:
    text = resources.files("cowlab").joinpath("claims.toml").read_text("utf-8")
    return tuple(
        Claim(claim["number"], claim["who"], claim["mail"], claim["says"], tuple(map(_trial, claim["trial"])))
        for claim in tomllib.loads(text)["claim"]
    )


def _trial(entry: dict[str, str]) -> Trial:
    script, rows = entry["script"].strip(), (tuple(entry[key].split()) for key in ("holds", "fails"))
    return Trial(entry["name"], entry["says"], script, *rows)


CLAIMS = _read()
TRIALS = {trial.name: trial for claim in CLAIMS for trial in claim.trials}
