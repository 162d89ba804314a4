"""The Sandbox: one event at a time from a menu of those that can happen, under one policy or several side by side.

History is a list of scripts and undo is an index: going back, opening another scenario and going on from an earlier
line are undone like a single event. The script is played anew each time, by the same `play` as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.events import Line, Script, ScriptError, format, parse
from cowlab.ideal import IDEAL
from cowlab.policy import POLICIES, BadAnswer, Policy
from cowlab.scenario import Scenario, Trace, named_or_text, play, policy_named, scenarios
from cowlab.views.menu import in_words, menu
from cowlab.views.stepper import Stepper, place_index
from cowlab.views.widget import Widget

EMPTY = Scenario("sandbox", "Sandbox", "", {}, Script(), "")
LEDE = "Choose what happens next. Whatever you do can be undone."
NO_KERNEL = "The sandbox needs a running kernel: run its cell. Until then, here is its script."
ACTS = ("do", "undo", "redo", "keep", "load", "switch")  # what the browser may ask for


class Desk(NamedTuple):
    """What lies there: every script that ever lay there, which of them does, and what it does under each policy."""

    history: tuple[Scenario, ...]
    at: int
    chosen: tuple[int, ...]  # which of the policies that can be chosen
    traces: tuple[Trace, ...]

    @property
    def scenario(self) -> Scenario:
        return self.history[self.at]

    def beyond(self, step: int) -> str:
        """What undo (-1) or redo (1) is about: a line, or a script of so many lines; "" if there is nothing."""
        there = self.at + step
        if not 0 <= there < len(self.history):
            return ""
        shorter, longer = (self.history[i].events for i in sorted((self.at, there)))
        one_line = shorter == longer[:-1]
        if longer and one_line:
            return format(longer[-1])
        return f"{'back' if step < 0 else 'on'} to {len(self.history[there].events)} lines"


class Sandbox(Widget):
    """Shows a script and what could happen next; a choice there, or `do`, makes it happen.

    scenario: one of the atlas by its name, a Scenario, or the text of a script; without it nothing has happened yet.
    policies: rows or names of rows; v5.7 if there are none. start: the line to go on from, as an index or a place like
    `leak@5`, which may name the scenario as well; the last without it. What comes after it can be had by redo.

    A policy that gives a bad answer changes nothing: the script stays where it was, and the answer is shown.
    Raises ScriptError for a script that cannot be read or played, ValueError for an unknown name or place.
    """

    def __init__(
        self,
        scenario: Scenario | str = "",
        *policies: Policy | str,
        start: int | str | None = None,
        title: str = "",
        lede: str = "",
    ) -> None:
        self._offered = [*POLICIES.values(), IDEAL]
        self._title, self._lede = title, lede
        if not scenario and isinstance(start, str):
            scenario = start.partition("@")[0]
        versions = _versions(_found(scenario))
        at = len(versions) - 1 if start is None else place_index(start, len(versions) - 1)
        chosen = self._numbers(policies or ("v5.7",))
        self._desk, error = self._as_far_as_it_goes(versions, at, chosen)
        super().__init__(view="sandbox", state=self._seen(self._desk, error, 1))

    # --- for Python --------------------------------------------------------------------------------------------------

    @property
    def script(self) -> str:
        """The script as it stands, a line each."""
        return format(self._desk.scenario.script)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """What it does under each policy."""
        return self._desk.traces

    @property
    def trace(self) -> Trace:
        """What it does under the first policy."""
        return self._desk.traces[0]

    def do(self, text: str) -> None:
        """Add the events of this text. Raises ScriptError if it cannot be read or happen, BadAnswer, and does nothing."""
        history = self._desk.history[: self._desk.at + 1]
        for line in parse(text, "sandbox").steps:
            lines = (*history[-1].script, line)
            history = (*history, _with(history[-1], lines))
        self._settle(history, len(history) - 1)

    def undo(self) -> None:
        """Take the last change back; nothing if there is none."""
        self._settle(self._desk.history, max(self._desk.at - 1, 0))

    def redo(self) -> None:
        """Do again what was undone; nothing if nothing was."""
        self._settle(self._desk.history, min(self._desk.at + 1, len(self._desk.history) - 1))

    def keep(self, place: int | str) -> None:
        """Go on from an earlier line, an index or a place like `leak@5`. Undo brings the lines after it back."""
        lines = self._desk.scenario.script
        self._push(_with(self._desk.scenario, lines[: place_index(place, len(lines))]))

    def load(self, scenario: Scenario | str, start: int | str | None = None) -> None:
        """Go on from a line of another scenario, the last without `start`. Undo brings the script back."""
        versions = _versions(_found(scenario))
        at = len(versions) - 1 if start is None else place_index(start, len(versions) - 1)
        self._push(*versions[at:])

    def switch(self, *policies: Policy | str) -> None:
        """Play the same script under these policies. Raises ValueError for an unknown name, BadAnswer."""
        if not policies:
            raise ValueError("a script is played under at least one policy")
        self._settle(self._desk.history, self._desk.at, self._numbers(policies))

    def save(self, path: str | Path, title: str = "", overwrite: bool = False) -> Path:
        """Write the script as a .cow file, which `cowlab run` plays.

        Raises FileExistsError if there is such a file, unless overwrite is given; ValueError if there is no event yet.
        """
        if not self._desk.scenario.events:
            raise ValueError("nothing has happened yet: there is no script to save")
        path = Path(path)
        path = path if path.suffix else path.with_suffix(".cow")
        try:
            with path.open("w" if overwrite else "x", encoding="utf-8", newline="\n") as file:
                file.write(self._head(title) + "\n" + self.script)
        except FileExistsError:
            hint = "choose another name, or say overwrite=True"
            raise FileExistsError(f"{path} exists already and was not touched: {hint}") from None
        return path

    def text(self) -> str:
        """The text frames of the last line, and what could happen next."""
        could = in_words(menu(self.trace.moments[-1].world, self.trace.scenario.events))
        return (
            self._stepper(self._desk).text() + "\n" + "\n".join(["could happen next", *(f"  {s}" for s in could), ""])
        )

    def still(self) -> str:
        stepper = self._stepper(self._desk)
        stepper.title, stepper.lede = self._named(self._desk.scenario), NO_KERNEL
        return stepper.fragment()

    def __repr__(self) -> str:
        return self.text()

    # --- for the browser ---------------------------------------------------------------------------------------------

    def answer(self, message: dict[str, Any]) -> None:
        """One act of the learner. What cannot be done is said in the widget, and changes nothing."""
        if message.get("count") != self.state["count"]:
            return  # about what was shown before: a second click, or one in another view
        act, *what = message["ask"]
        if act not in ACTS:
            return
        if act == "switch":
            what = [self._offered[number] for number in what]
        try:
            getattr(self, act)(*what)
        except ValueError as error:  # ScriptError and BadAnswer are
            self.state = self._seen(self._desk, _sentence(error), self.state["count"] + 1)

    def _seen(self, desk: Desk, error: str, count: int) -> dict[str, Any]:
        """Everything that the browser shows. count: which state this is, for answers to name it."""
        end = desk.traces[0].moments[-1].world
        return {
            "count": count,
            "error": error,
            "name": desk.scenario.name,
            "title": self._named(desk.scenario),
            "lede": self._lede or LEDE,
            "undo": desk.beyond(-1),
            "redo": desk.beyond(1),
            "policies": [policy.name for policy in self._offered],
            "chosen": list(desk.chosen),
            "scenarios": list(scenarios()),
            "file": f"my-{re.sub(r'[^A-Za-z0-9_-]+', '-', desk.scenario.name)}.cow",
            "head": self._head("", desk.scenario),
            "script": format(desk.scenario.script),
            "menu": menu(end, desk.scenario.events),
            "stepper": self._stepper(desk).data(),
        }

    # --- inside ------------------------------------------------------------------------------------------------------

    def _named(self, scenario: Scenario) -> str:
        return self._title or (scenario.title if scenario.title != scenario.name else EMPTY.title)

    def _stepper(self, desk: Desk) -> Stepper:
        return Stepper(*desk.traces, start=len(desk.traces[0].steps), ended=False)

    def _head(self, title: str, scenario: Scenario | None = None) -> str:
        """The comment lines above the script in a file."""
        scenario = scenario or self._desk.scenario
        words = " ".join((title or self._named(scenario)).split())
        words = words[:1].upper() + words[1:]  # "note: x" would be read as a key
        origin = "" if scenario.name == EMPTY.name else f", from {scenario.name}"
        return f"# {words}\n# source: cowlab sandbox{origin}\n"

    def _numbers(self, policies: Sequence[Policy | str]) -> tuple[int, ...]:
        """Where these stand among those that can be chosen; a new one is added to them."""
        numbers = []
        for policy in policies:
            row = policy_named(policy) if isinstance(policy, str) else policy
            if row not in self._offered:
                self._offered.append(row)
            numbers.append(self._offered.index(row))
        return tuple(dict.fromkeys(numbers))

    def _push(self, *versions: Scenario) -> None:
        """Let the first of these stand next; the others can be had by redo."""
        past = self._desk.history[: self._desk.at + 1]
        self._settle((*past, *versions), len(past))

    def _settle(self, history: tuple[Scenario, ...], index: int, chosen: tuple[int, ...] | None = None) -> None:
        """Play what is to stand, and only then let it stand."""
        desk = self._played(history, index, self._desk.chosen if chosen is None else chosen)
        state = self._seen(desk, "", self.state["count"] + 1)
        self._desk = desk
        self.state = state

    def _played(self, history: tuple[Scenario, ...], index: int, chosen: tuple[int, ...]) -> Desk:
        traces = tuple(play(history[index], self._offered[number]) for number in chosen)
        return Desk(history, index, chosen, traces)

    def _as_far_as_it_goes(self, versions: tuple[Scenario, ...], at: int, chosen: tuple[int, ...]) -> tuple[Desk, str]:
        """The desk at the start; where a policy gives a bad answer, before that line, and what was wrong."""
        error = ""
        while True:
            try:
                return self._played(versions, at, chosen), error
            except BadAnswer as bad:
                error, at = _sentence(bad), at - 1


def _found(scenario: Scenario | str) -> Scenario:
    if isinstance(scenario, str):
        return named_or_text(scenario) if scenario.strip() else EMPTY
    return scenario


def _with(scenario: Scenario, lines: Sequence[Line]) -> Scenario:
    """The same with other lines, numbered from 1."""
    script = Script(line._replace(number=number) for number, line in enumerate(lines, 1))
    return scenario._replace(script=script, text=format(script))


def _versions(scenario: Scenario) -> tuple[Scenario, ...]:
    """It from its first line to its last, a line more each time."""
    lines = scenario.script.steps
    return tuple(_with(scenario, lines[:length]) for length in range(len(lines) + 1))


def _sentence(error: ValueError) -> str:
    """What was wrong, and what to do; the first line is the sentence."""
    if isinstance(error, ScriptError):
        return f"{error.problem}\n{error.hint}"
    if isinstance(error, BadAnswer):
        sentence, _, page = str(error).partition(" when asked about ")
        return f"Not done: {sentence.rstrip(',')}.\nIt was asked about {re.sub(r', [a-z_]+=False', '', page)}, all else False."
    return str(error)
