"""Derive from solutions/NN_name.py: its notebook, the exercise and the tasks.

    exercises.py [NAME...]           write what is derived
    exercises.py --check [NAME...]   say what is stale, and exit 1

    solutions/NN_name.ipynb            with solutions and outputs: what nbgrader calls the source
    exercises/NN_name.ipynb            without: what learners get
    cowlab/grading/tasks/NN_name.toml  the tasks, which check and the grader read

Cells are tagged: `task` (raw, TOML: what is asked), `answer` (what the learner replaces), `check`, and `wrong` (a typical
wrong answer: in the source only, for the tests). What the learner replaces stands between ### BEGIN SOLUTION and
### END SOLUTION.
"""

from __future__ import annotations

import sys
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from cowlab.grading.judges.explain import STUB
from notebooks import METADATA, ROOT, NotebookError, each, execute, name_cells, put, tidy, written

SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
TASKS = ROOT / "cowlab" / "grading" / "tasks"
DERIVED = "# Derived from solutions/{name}.py by tools/exercises.py: edit there.\n\n"
STUBS = {
    "predict": "return a dictionary with the keys printed above",
    "find": "return the text of a script, one event a line",
    "decide": "return one of the answers printed above",
    "law": "return True where the law holds, False where it is broken",
    "rule": "return the World after the event",
}


def main() -> int:
    return each(SOLUTIONS, bring)


def bring(source: Path, check: bool) -> bool:
    """Write what is derived from that source, the tasks first: running the solution reads them."""
    cells = jupytext.read(source).cells
    text = DERIVED.format(name=source.stem) + "\n\n".join(cell.source.strip() for cell in cells if "task" in tags(cell))
    fresh = put(TASKS / f"{source.stem}.toml", text + "\n", check=check)
    if not fresh and check:
        return False
    solution = solved(cells)
    exercise = written(released(solution))
    execute(solution, SOLUTIONS)
    for cell in solution.cells:
        cell.metadata.pop("cowlab", None)
        tidy(cell)
    fresh = put(SOLUTIONS / f"{source.stem}.ipynb", written(solution), check=check)
    return put(EXERCISES / f"{source.stem}.ipynb", exercise, check=check) and fresh


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", ()))


def solved(cells: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """The solution as a notebook, with nbgrader's metadata; tasks and wrong answers are left out."""
    notebook = nbformat.v4.new_notebook(metadata=nbformat.from_dict(METADATA))
    table: dict[str, Any] = {}
    for cell in deepcopy(cells):
        if "task" in tags(cell):
            table = read_table(cell)
        elif "wrong" not in tags(cell):
            mark(cell, table)
            notebook.cells.append(cell)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    name_cells(notebook)
    return notebook


def read_table(cell: nbformat.NotebookNode) -> dict[str, Any]:
    """The task of a raw cell, with its name. Raises NotebookError unless there is exactly one."""
    try:
        tables = tomllib.loads(cell.source)
    except tomllib.TOMLDecodeError as error:
        raise NotebookError(f"a task cell is no TOML: {error}\n{cell.source}") from None
    if len(tables) != 1:
        raise NotebookError(f"a task cell holds one [name] with its keys, not {list(tables)}")
    ((name, table),) = tables.items()
    return {"name": name, **table}


def mark(cell: nbformat.NotebookNode, task: dict[str, Any]) -> None:
    """nbgrader's metadata: what the learner writes, what is locked, what has points."""
    cell.metadata.pop("lines_to_next_cell", None)
    role = next((tag for tag in tags(cell) if tag in ("answer", "check")), "")
    if not role:
        return
    by_hand = role == "answer" and task.get("kind") == "explain"
    about = {"schema_version": 3, "cell_type": cell.cell_type, "task": False}
    about |= {"locked": role != "answer", "solution": role == "answer", "grade": role == "check" or by_hand}
    about["grade_id"] = task["name"] if role == "answer" else f"check-{task['name']}"
    if about["grade"]:
        about["points"] = task["points"]
    cell.metadata["nbgrader"] = about
    if role == "answer" and cell.cell_type == "code":
        stub = task.get("stub", STUBS[task["kind"]]).format(**task)
        cell.metadata["cowlab"] = {"stub": f"{task['name']}: {stub}"}


class Stubs(ClearSolutions):  # type: ignore[misc]
    """As nbgrader's, but each stub says what belongs in its place."""

    text_stub = STUB

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> Any:
        says = cell.metadata.get("cowlab", {}).get("stub", "")
        self.code_stub = {"python": f'raise NotImplementedError("{says}")'}
        return super().preprocess_cell(cell, resources, index)


def released(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What nbgrader's generate_assignment makes of it: no solutions, no hidden tests, no outputs, checksums."""
    notebook = deepcopy(solution)
    notebook.metadata["kernelspec"]["language"] = "python"
    resources: dict[str, Any] = {}
    for step in (LockCells, Stubs, ClearOutput, CheckCellMetadata, ClearHiddenTests, ComputeChecksums):
        notebook, resources = step().preprocess(notebook, resources)
    for cell in notebook.cells:
        cell.metadata.pop("cowlab", None)
        cell.metadata["tags"] = [tag for tag in tags(cell) if not tag.startswith("nbval")]
    return notebook


if __name__ == "__main__":
    sys.exit(main())
