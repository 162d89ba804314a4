"""find: a script, as short as can be, that breaks a law under a policy. The answer is the text of a script.

law, policy   what is to be broken, and under which rules
shortest      how many lines the shortest one has (the tests hold it against an exploration)
keeps         policies under which the same script breaks nothing of that law
uses          verbs of which the script has to use each; without: verbs which it may not use
verdict       instead of law: the verdict which the script is to get
"""

from __future__ import annotations

from cowlab.events import ScriptError, parse
from cowlab.grading.asking import Ask, Failed
from cowlab.grading.task import Task, row_named
from cowlab.grading.verdict import Part
from cowlab.scenario import Trace, play
from cowlab.views.words import finding

MAX_LINES = 100
CLOSE = 2  # lines more than the shortest that still earn half of what shortness earns


def question(task: Task) -> str:
    data = task.data
    goal = f"gets the verdict {data['verdict']}" if "verdict" in data else f"breaks {data['law']}"
    lines = [f"Return a script that {goal} under {data['policy']}."]
    lines += [f"Under {name} the same script must not." for name in data.get("keeps", ())]
    if uses := data.get("uses"):
        lines.append(f"It has to use {' and '.join(uses)}.")
    if without := data.get("without"):
        lines.append(f"It must do without {', '.join(without)}.")
    lines.append(f"The shortest one has {data['shortest']} lines.")
    return "\n".join(lines)


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    text = ask(task.functions[0])
    if not isinstance(text, str):
        raise Failed(f"{task.name} is to return the text of a script; it returned {text!r:.60}")
    text = "\n".join(
        map(str.strip, text.strip().splitlines())
    )  # it is shown, and its lines are counted, as it is meant
    length = _checked(task, text)
    policy = task.data["policy"]
    trace, law = _played(text, policy), task.data.get("law", "")
    goal = task.data.get("verdict") or f"breaks {task.data['law']}"
    keeps = task.data.get("keeps", ())
    first, short = task.points / 2, task.points / 2 / (len(keeps) + 1)
    if not reached(task, trace):
        return (
            Part(goal, 0, first, f"not under {policy}: {_what_happened(trace, law)}", text, policy),
            *(Part(f"harmless under {name}", 0, short, "counts once the script reaches its goal") for name in keeps),
            Part("as short as can be", 0, short, "counts once the script reaches its goal"),
        )
    parts = [Part(goal, first, first, f"yes, under {policy}: {_what_happened(trace, law)}")]
    for name in keeps:
        other = _played(text, name)
        bad = reached(task, other)
        says = f"no, there too: {_what_happened(other, law)}" if bad else "yes"
        parts.append(Part(f"harmless under {name}", 0 if bad else short, short, says, text if bad else "", name))
    more = length - task.data["shortest"]
    earned = short if more <= 0 else short / 2 if more <= CLOSE else 0
    says = f"{length} lines" + (f"; {more} can be left out or replaced" if more > 0 else "")
    return (*parts, Part("as short as can be", earned, short, says))


def _checked(task: Task, text: str) -> int:
    """How many events the script has. Raises Failed for one that cannot be read, or may not be used."""
    try:
        script = parse(text)
    except ScriptError as error:
        raise Failed(str(error)) from None
    verbs = [event.verb for event in script.events]
    if not 0 < len(verbs) <= MAX_LINES:
        raise Failed(f"a script of {len(verbs)} lines; between 1 and {MAX_LINES} are played")
    for verb in task.data.get("without", ()):
        if verb in verbs:
            raise Failed(f"it must do without {verb}, which is in line {verbs.index(verb) + 1}")
    for verb in task.data.get("uses", ()):
        if verb not in verbs:
            raise Failed(f"it has to use {verb}, which is in no line")
    return len(verbs)


def _played(text: str, policy: str) -> Trace:
    try:
        return play(text, row_named(policy))
    except ScriptError as error:
        raise Failed(str(error)) from None


def reached(task: Task, trace: Trace) -> bool:
    """Whether the script does what the task wants."""
    if "verdict" in task.data:
        return trace.verdict == str(task.data["verdict"])
    if task.data["law"] == "economy":
        return trace.needless_copies > 0
    return any(found.law == task.data["law"] and found.broken for _, found in trace.violations)


def _what_happened(trace: Trace, law: str = "") -> str:
    """The first thing that is wrong, of that law if there is one; if nothing is, what was read."""
    worlds = {moment.line: moment.world for moment in trace.moments}
    ours = [(line, found) for line, found in trace.violations if found.law == law and found.broken]
    for line, found in ours or trace.violations:
        return f"line {line}, {finding(found, worlds[line])}"
    if law == "economy" and trace.needless_copies:
        return f"needless copies: {trace.needless_copies}"
    read = [f"{r.who} reads {r.value} and ought to read {r.ideal}" for r in trace.readings]
    return "; ".join(read[-2:]) or "nobody sees anything wrong"
