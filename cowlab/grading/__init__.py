"""Tasks, and judging what a learner answers.

tasks/*.toml   the tasks of a lesson, as data (derived from solutions/NN_name.py)
task.py        reading them; a seed varies letters and numbers
wire.py        questions and answers as bounded JSON, with Worlds in it
asking.py      put a question to a learner's function; what went wrong, in words
judges/        one judge for each kind of task: from a task and somebody to ask to a verdict
verdict.py     points with reasons
exercise.py    check, hint and show, as a notebook uses them

>>> from cowlab.grading import exercises
>>> check = exercises("01_copy_on_write")  # doctest: +SKIP
"""

from cowlab.grading.exercise import Exercises, exercises
from cowlab.grading.task import Task, TaskError, lessons, tasks
from cowlab.grading.verdict import Part, Verdict

__all__ = ["Exercises", "Part", "Task", "TaskError", "Verdict", "exercises", "lessons", "tasks"]
