"""A record as GitHub Classroom's reporter reads it: a step's output, from which it takes the points.

    https://github.com/classroom-resources/autograding-grading-reporter

Its own graders know only pass or fail; a step of ours that writes the same document gives partial points.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cowlab.grading.feedback import feedback

STATUS = {True: "pass", False: "fail"}


def result(record: dict[str, Any]) -> dict[str, Any]:
    """The document. What a person reads is left out; where we failed the status is "error"."""
    judged = [task for task in record["tasks"] if task["kind"] != "explain"]
    tests = [_test(task) for task in judged]
    ours = record["points"] is None or any(test["status"] == "error" for test in tests)
    if record["error"]:
        tests.append(_line(record["submission"], "error" if ours else "fail", 0, record["error"]))
    whole = bool(tests) and all(test["status"] == "pass" for test in tests)
    most = sum(task["max"] for task in judged) or record["max"] or 0
    return {"version": 1, "status": "error" if ours else STATUS[whole], "max_score": most, "tests": tests}


def _test(task: dict[str, Any]) -> dict[str, Any]:
    status = "error" if task["points"] is None else STATUS[task["points"] >= task["max"]]
    return _line(f"{task['task']}: {task['title']}", status, task["points"] or 0, feedback(task))


def _line(name: str, status: str, score: float, message: str) -> dict[str, Any]:
    told = {"name": name, "status": status, "score": score, "message": message}
    return {**told, "test_code": "", "filename": "", "line_no": 0, "duration": 0}


def output(record: dict[str, Any]) -> str:
    """The line for the file $GITHUB_OUTPUT. In base64, no sign of a submission can end it or begin another."""
    return f"result={base64.b64encode(json.dumps(result(record)).encode()).decode()}\n"
