"""The judges: from a task and somebody to ask, to a verdict. One module for each kind of task."""

from __future__ import annotations

from importlib import import_module

from cowlab.grading.asking import Ask, Failed, Unanswered
from cowlab.grading.task import Task
from cowlab.grading.verdict import Verdict


def judge(task: Task, ask: Ask) -> Verdict:
    """Ask what is to be asked, and judge it. What a learner's function does wrong is in the verdict, never raised."""
    try:
        parts = import_module(f"cowlab.grading.judges.{task.kind}").judge(task, ask)
    except Unanswered as stub:
        return Verdict(task.name, task.points, says=str(stub), open=True)
    except Failed as failure:
        return Verdict(task.name, task.points, says=str(failure))
    return Verdict(task.name, task.points, parts)


def question(task: Task) -> str:
    """What a task asks, in words and scripts, for its seed."""
    text: str = import_module(f"cowlab.grading.judges.{task.kind}").question(task)
    return text
