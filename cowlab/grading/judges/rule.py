"""rule: write a rule of `step`. The answer is asked for the World after an event; it is held against the model's.

policy   whose decisions the model follows
cases    {what it is about: script}: the last line is the event that is asked
"""

from __future__ import annotations

from cowlab.events import format as format_script
from cowlab.grading.asking import Ask, Failed
from cowlab.grading.task import Task, row_named
from cowlab.grading.verdict import Part
from cowlab.reclaim import reap
from cowlab.scenario import play
from cowlab.views.words import changes
from cowlab.world import World


def question(task: Task) -> str:
    lines = [f"{task.name}(world, event) returns the World after the event, as {task.data['policy']} has it.", ""]
    lines += ["Frames that nobody uses any more are freed for you. It is asked for the last line of", ""]
    for case, script in task.data["cases"].items():
        lines += [f"  {case}:", *(f"      {line}" for line in task.script(script).splitlines())]
    return "\n".join(lines)


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    worth = task.points / len(task.data["cases"])
    return tuple(_case(task, ask, case, script, worth) for case, script in task.data["cases"].items())


def _case(task: Task, ask: Ask, case: str, text: str, worth: float) -> Part:
    trace = play(task.script(text), row_named(task.data["policy"]))
    before, after = trace.moments[-2], trace.moments[-1]
    assert after.event is not None
    answer = ask(task.functions[0], before.world, after.event)
    if not isinstance(answer, World):
        raise Failed(f"{task.name} is to return a World; it returned {answer!r:.60}" + _forgotten(answer))
    try:
        mine = reap(answer._replace(fresh=False))
        if mine == after.world:
            return Part(case, worth, worth, "the same World")
        did = "; ".join(changes(before.world, mine)) or "nothing"
    except Exception as error:  # whatever a broken World may bring about
        raise Failed(f"{case}: this is not a whole World ({type(error).__name__}: {error})") from None
    wrong = ", ".join(name for name, one, two in zip(World._fields, mine, after.world, strict=True) if one != two)
    script = format_script(trace.scenario.events)
    says = f"another World than the model's: look at {wrong}. Your rule: {did}"
    return Part(case, 0, worth, says, script, task.data["policy"])


def _forgotten(answer: object) -> str:
    return "; did you forget return?" if answer is None else ""
