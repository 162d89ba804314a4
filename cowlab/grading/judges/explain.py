"""explain: a few sentences, read by a person.

rubric   what is looked for, a point each
"""

from __future__ import annotations

from cowlab.grading.asking import Ask, Failed
from cowlab.grading.task import Task
from cowlab.grading.verdict import Part

STUB = "*Write your answer here.*"  # what stands in the cell before; nbgrader's own stub is known, too
STUBS = ("", STUB, "YOUR ANSWER HERE")


def question(task: Task) -> str:
    return "Write your answer in the cell below. It is read by a person."


def judge(task: Task, ask: Ask) -> tuple[Part, ...]:
    raise Failed("this one is read by a person")
