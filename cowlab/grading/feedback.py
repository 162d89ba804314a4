"""What became of a task, as the text that a student reads: the same words as under the cell in the notebook."""

from __future__ import annotations

from typing import Any

from cowlab.grading.verdict import Part, Verdict
from cowlab.grading.wire import shown

MOST = 4_000  # characters


def feedback(task: dict[str, Any]) -> str:
    """The text for one task of a record (see batch.py). Several lines; nothing in them that a terminal would obey."""
    return shown(_verdict(task).text() if task["points"] is not None else _waiting(task), MOST)


def _waiting(task: dict[str, Any]) -> str:
    """A task without points: a person reads it, or we could not grade it."""
    reason = f"  {task['reason']}" if task["reason"] else ""
    return f"{task['task']}: no points yet, of {task['max']:g} ({task['status']})\n{reason}".rstrip()


def _verdict(task: dict[str, Any]) -> Verdict:
    """The verdict of which the record was made, as far as its text needs it."""
    parts = [Part(part["name"], part["points"], part["max"], part["says"]) for part in task["parts"]]
    fell = next((number for number, part in enumerate(parts) if not part.held), None)
    says = task["reason"]
    if fell is not None:
        says = says.removesuffix(f"{parts[fell].name}: {parts[fell].says}").rstrip("; ")
        parts[fell] = parts[fell]._replace(witness="\n".join(task["witness"] or ()), policy=task["policy"])
    return Verdict(task["task"], task["max"], tuple(parts), says, open=task["status"] == "open")
