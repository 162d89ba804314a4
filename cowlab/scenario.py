"""Scenarios, and playing them: one script under one policy, beside the ideal, gives a Trace.

The atlas is a folder of .cow files: comment lines first (a title, then `key: value`), then the script.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from cowlab.events import Event, Line, Script, ScriptError, enabled, format, impossible, parse
from cowlab.ideal import IDEAL, Ideal, follow
from cowlab.kernel import transition
from cowlab.laws import Finding, findings, needless, place, verdict
from cowlab.policy import POLICIES, Policy
from cowlab.world import World, in_file, looks, sees


class Scenario(NamedTuple):
    """A script with a story. `header` has what the comment lines above the script say: id, source, shows, recorded."""

    name: str
    title: str
    story: str
    header: dict[str, str]
    script: Script
    text: str

    @property
    def events(self) -> tuple[Event, ...]:
        return self.script.events


class Reading(NamedTuple):
    """A `read` of the script: who read what, and what the ideal says. Letters."""

    line: int
    who: str
    value: str
    ideal: str


class Moment(NamedTuple):
    """One step of a trace: the event of a line, what it did, and the World and the ideal after it.

    standing: everything that is wrong now, each with the line since when. new: what is wrong since this line.
    """

    line: int
    event: Event | None
    outcome: str
    world: World
    ideal: Ideal
    copies: int = 0
    needless: int = 0
    reading: Reading | None = None
    standing: tuple[tuple[int, Finding], ...] = ()

    @property
    def new(self) -> tuple[Finding, ...]:
        return tuple(finding for since, finding in self.standing if since == self.line)

    def owed(self, who: str) -> bool:
        """Whether that reader sees what breaks a law, and not just what nobody promised to be newer."""
        return any(finding.who == who and finding.broken for _, finding in self.standing)


class Trace(NamedTuple):
    """What a script did under a policy. moments[0] is the start, then one a line that holds an event."""

    scenario: Scenario
    policy: Policy
    moments: tuple[Moment, ...]
    violations: tuple[tuple[int, Finding], ...]

    @property
    def steps(self) -> tuple[Moment, ...]:
        """The moments after an event."""
        return self.moments[1:]

    @property
    def readings(self) -> tuple[Reading, ...]:
        return tuple(moment.reading for moment in self.moments if moment.reading is not None)

    @property
    def copies(self) -> int:
        return sum(moment.copies for moment in self.moments)

    @property
    def needless_copies(self) -> int:
        return sum(moment.needless for moment in self.moments)

    @property
    def verdict(self) -> str:
        return verdict([finding.kind for _, finding in self.violations])


def play(scenario: Scenario | Script | str, policy: Policy | str) -> Trace:
    """Play a scenario of the atlas, by itself or its name, or the text of a script, under a policy or the name of one.

    Raises ScriptError if the text cannot be read or an event cannot happen, ValueError for an unknown name,
    policy.BadAnswer if a decision fails.
    """
    if isinstance(scenario, str):
        scenario = named_or_text(scenario)
    elif isinstance(scenario, Script):
        scenario = read_scenario(format(scenario), "script")
    row = policy_named(policy) if isinstance(policy, str) else policy
    moments = [Moment(0, None, "", World(), Ideal())]
    violations: list[tuple[int, Finding]] = []
    known: dict[tuple[object, ...], int] = {}
    for line in scenario.script.steps:
        moment = _advance(scenario, row, moments[-1], line, known)
        violations += ((moment.line, finding) for finding in moment.new)
        moments.append(moment)
    return Trace(scenario, row, tuple(moments), tuple(violations))


def named_or_text(scenario: str) -> Scenario:
    """The scenario of that name, or a script's text. Raises ValueError for a lone word that names nothing."""
    if scenario in scenarios():
        return scenarios()[scenario]
    if ":" not in scenario and "\n" not in scenario.strip() and scenario.strip():
        raise ValueError(unknown("scenario", scenario, list(scenarios())))
    return read_scenario(scenario, "script")


def _advance(
    scenario: Scenario, policy: Policy, last: Moment, line: Line, known: dict[tuple[object, ...], int]
) -> Moment:
    """The moment after one line; `known` remembers since which line a finding stands."""
    event = line.event
    assert event is not None
    step = transition(last.world, event, policy)
    if step is None:
        raise _cannot_happen(scenario, last.world, line, event)
    ideal = follow(last.ideal, last.world, event, step)
    found = findings(last.world, event, step, ideal, policy)
    standing = tuple((known.setdefault(finding.key, line.number), finding) for finding in found)
    wasted = sum(needless(last.world, last.ideal, copy) for copy in step.copies)
    seen = _reading(line.number, event, step.world, ideal) if event.verb == "read" else None
    return Moment(line.number, event, step.outcome, step.world, ideal, len(step.copies), wasted, seen, standing)


def _reading(line: int, event: Event, world: World, ideal: Ideal) -> Reading | None:
    """What an explicit read showed; None if it gave nothing (sigsegv, refused)."""
    if event.actor == "file":
        return Reading(line, place("file", event.page), in_file(world, event.page).letter, "F")
    reference = world.reference(event.actor)
    if reference is not None:
        contract, looked = ideal.contract(event.actor), looks(world, reference)
        if contract is None or looked is None:
            return None
        return Reading(line, event.actor, looked.letter, ideal.cell(contract.cell).now.letter)
    pte, number = world.pte(event.actor, event.page), ideal.cell_at(event.actor, event.page)
    seen = None if pte is None else sees(world, pte, event.page)
    if seen is None or number is None:
        return None
    return Reading(line, place(event.actor, event.page), seen.letter, ideal.cell(number).now.letter)


def _cannot_happen(scenario: Scenario, world: World, line: Line, event: Event) -> ScriptError:
    return ScriptError(
        f"this cannot happen: {impossible(world, event)}",
        hint=_what_could(world, event),
        file=scenario.name,
        number=line.number,
        line=format(event),
    )


def _what_could(world: World, event: Event) -> str:
    """Up to eight events of the same actor; where there are more, one of each verb first."""
    others = [e for e in enabled(world, pages=event.pages[:1]) if event.actor in (e.actor, *e.args)]
    others = others or list(enabled(world, ("read", "write", "fork", "exit")))
    if not others:
        return "Nothing can happen any more."
    if len(others) > 8:
        others.sort(key=lambda other: bool(other.pages) and other.page != event.page)
        first = {other.verb: other for other in reversed(others)}
        others.sort(key=lambda other: first[other.verb] is not other)
    more = f" (and {len(others) - 8} more)" if len(others) > 8 else ""
    return f"What could happen instead: {'; '.join(format(other) for other in others[:8])}{more}."


def policy_named(name: str) -> Policy:
    """The row of that name, or the ideal. Raises ValueError, naming the nearest, if there is none."""
    if name == IDEAL.name:
        return IDEAL
    if name in POLICIES:
        return POLICIES[name]
    raise ValueError(unknown("policy", name, [*POLICIES, IDEAL.name]))


def unknown(what: str, name: str, names: list[str]) -> str:
    """A message for a name that does not exist."""
    import difflib

    near = difflib.get_close_matches(name, names, 3, 0.5)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    some = (
        ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:8])} and {len(names) - 8} more (cowlab outcomes)"
    )
    return f"there is no {what} {name!r}.{meant} There are: {some}."


def read_scenario(text: str, name: str) -> Scenario:
    """Read a .cow file's text. Raises ScriptError."""
    script = parse(text, name)
    header: dict[str, str] = {}
    title, key = "", ""
    for line in script:
        if line.comment is None or line.event is not None:
            break
        comment = line.comment
        word, colon, rest = comment.strip().partition(":")
        if key and comment.startswith("   "):
            header[key] += " " + comment.strip()
        elif not title and not header and not (colon and word.islower()):
            title = comment.strip()
        elif colon and word.isidentifier() and word.islower():
            key = word
            header[key] = rest.strip()
    return Scenario(name, title or name, header.pop("story", ""), header, script, text)


@cache
def scenarios() -> dict[str, Scenario]:
    """The atlas: every scenario by name, in alphabetical order."""
    from importlib import resources  # costs more than the rest of the import

    folder = resources.files("cowlab").joinpath("atlas")
    files = {file.name.removesuffix(".cow"): file for file in folder.iterdir() if file.name.endswith(".cow")}
    return {name: read_scenario(files[name].read_text("utf-8"), name) for name in sorted(files)}
