"""What an exercise notebook uses: `check = exercises("01_copy_on_write")`, then `check(fork_bill)`.

It is for learning: it runs in the learner's own process, where everything can be changed. Marks are given by
`cowlab grade`, which asks the same questions elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cowlab.grading.asking import Here
from cowlab.grading.judges import judge, question
from cowlab.grading.task import Task, TaskError, row_named, tasks
from cowlab.grading.verdict import Verdict

if TYPE_CHECKING:
    from cowlab.policy import Policy
    from cowlab.views import Stepper


class Exercises:
    """The tasks of a lesson. Calling it with the function that answers a task (or its functions) judges them."""

    def __init__(self, tasks: dict[str, Task]) -> None:
        self.tasks = tasks
        self.last: tuple[Verdict, Task, Here] | None = None

    def __repr__(self) -> str:
        return "\n".join(f"{t.name:20} {t.points:4g} points  {t.title}" for t in self.tasks.values())

    def __call__(self, *functions: Callable[..., Any]) -> None:
        """Say what held, what failed and the shortest script that shows it."""
        try:
            print(self.judged(*functions))
        except TaskError as error:
            print(error)

    def points(self, *functions: Callable[..., Any]) -> float:
        """The points alone, as a course's grader wants them."""
        return self.judged(*functions).points

    def judged(self, *functions: Callable[..., Any]) -> Verdict:
        """The verdict on the task which these functions answer. Raises TaskError if they answer none."""
        task = self._task_of(functions)
        here = Here({function.__name__: function for function in functions})
        verdict = judge(task, here)
        self.last = verdict, task, here
        return verdict

    def ask(self, name: str) -> None:
        """Print what that task asks: its script and its bounds, for this seed."""
        task = self._named(name)
        if task is not None:
            print(f"{task.title} ({task.points:g} points)\n\n{question(task)}")

    def hint(self, name: str) -> None:
        """Print the hint of that task."""
        task = self._named(name)
        if task is not None:
            print(task.hint)

    def show(self) -> Stepper | None:
        """Step through the script which the last check showed; None, and a word, where there was none."""
        script, policy = self.last[0].witness if self.last else ("", "")
        if self.last is None or not script:
            print("The last check showed no script.")
            return None
        from cowlab.views import step_through

        return step_through(script, _row(policy, self.last[1], self.last[2]), title="What the check found")

    def _named(self, name: str) -> Task | None:
        task = self.tasks.get(name)
        if task is None:
            print(f"No task {name!r}; there are {', '.join(self.tasks)}.")
        return task

    def _task_of(self, functions: tuple[Callable[..., Any], ...]) -> Task:
        names = [getattr(function, "__name__", "") for function in functions]
        if not names or "" in names or not all(map(callable, functions)):
            raise TaskError("check wants the function itself, without calling it: check(name), not check(name())")
        task = next((task for task in self.tasks.values() if names[0] in task.functions), None)
        if task is None:
            raise TaskError(f"No task is answered by {names[0]!r}; there are {', '.join(self.tasks)}.")
        if sorted(names) != sorted(task.functions):
            raise TaskError(f"{task.name} is answered by check({', '.join(task.functions)}).")
        return task


def _row(policy: str, task: Task, here: Here) -> Policy:
    if policy == "your policy":
        from cowlab.grading.judges.decide import asking_row

        return asking_row(task, here)
    return row_named(policy or "v5.7")


def exercises(lesson: str, seed: int = 0) -> Exercises:
    """The exercises of a lesson. seed: in a class each student may have a number of their own; letters and numbers vary.

    Raises TaskError for an unknown lesson.
    """
    return Exercises(tasks(lesson, seed))
