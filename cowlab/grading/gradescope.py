"""A record as Gradescope's results.json: https://gradescope-autograders.readthedocs.io/en/latest/specs/

A task that a person reads is shown without points: Gradescope's own manual grading gives them. Where we failed there is
no score at all, so that Gradescope reports a failed autograder instead of a zero.
"""

from __future__ import annotations

from typing import Any

from cowlab.grading.feedback import feedback

VISIBILITY = ("visible", "after_due_date", "after_published", "hidden")


class NoResult(RuntimeError):
    """The grader failed, and Gradescope must be told so; the message says how."""


def results(record: dict[str, Any], visibility: str = "visible") -> dict[str, Any]:
    """The document for one submission. visibility: when students see the tests, one of VISIBILITY. Raises NoResult."""
    failed = [task["task"] for task in record["tasks"] if task["status"] == "our fault"]
    if record["points"] is None or failed:
        raise NoResult(record["error"] or f"the grader failed at {', '.join(failed)}; grade it again")
    if visibility not in VISIBILITY:
        raise ValueError(f"visibility is one of {', '.join(VISIBILITY)}, not {visibility!r}")
    document = {
        "score": record["points"],
        "execution_time": record["seconds"],
        "output": record["error"] or f"Isolation: {record['isolation']}.",
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": [_test(task, number) for number, task in enumerate(record["tasks"], 1)],
    }
    kept = ("lesson", "sha256", "seed")
    return {**document, "extra_data": {name: record[name] for name in kept}}


def _test(task: dict[str, Any], number: int) -> dict[str, Any]:
    """One task. Names and output are plain text there: what a student wrote stays text."""
    found: dict[str, Any] = {"name": f"{task['task']}: {task['title']}", "name_format": "text", "number": str(number)}
    if task["points"] is None:
        found["status"] = "passed"  # nothing is wrong with it: a person reads it
    else:
        found |= {"score": task["points"], "max_score": task["max"]}
        found["status"] = "passed" if task["points"] >= task["max"] else "failed"
    return {**found, "output": feedback(task), "output_format": "text", "tags": [task["kind"]]}
