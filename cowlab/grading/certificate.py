"""What a verdict rests on, so that anybody can derive it again: the answers, the rules and the bounds they were judged within.

    {submission, lesson, task, seed, model, bounds, fingerprint, told: [[function, answer]...], states, points, max, parts}

The submission's code is not needed, nor run: the answers are all that was judged, and what was asked follows from them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from cowlab.grading import wire
from cowlab.grading.asking import NoAnswer, understood
from cowlab.grading.judges import judge
from cowlab.grading.memory import Graded, Told, digest, fingerprint
from cowlab.grading.task import Task, TaskError, tasks
from cowlab.grading.verdict import Verdict
from cowlab.matrix import code_fingerprint


class CertificateError(NoAnswer, ValueError):
    """A certificate that does not say what is true; the message says what differs. A judge that asks too much lets it through."""


@cache
def model_version() -> str:
    """12 hex digits that change with the core's code or the judges'."""
    folder = files("cowlab.grading").joinpath("judges")
    texts = [file.read_text("utf-8") for file in sorted(folder.iterdir(), key=str) if file.name.endswith(".py")]
    return hashlib.sha256("\n".join([code_fingerprint(), *texts]).encode()).hexdigest()[:12]


@cache
def rules(lesson: str) -> str:
    """12 hex digits that change with the core's code, the judges' or that lesson's tasks. Raises TaskError."""
    known = [(task.kind, task.points, task.functions, task.data) for task in tasks(lesson).values()]
    return digest([model_version(), known])[:12]


def certificate(sha256: str, graded: Graded) -> dict[str, Any] | None:
    """The certificate of a verdict; None where a child gave no answers to judge."""
    verdict = graded.verdict
    if verdict is None or not graded.told or graded.status not in ("judged", "open", "memory"):
        return None
    task = graded.task
    return {
        "submission": sha256,
        "lesson": task.lesson,
        "task": task.name,
        "seed": task.seed,
        "model": model_version(),
        "bounds": bounds(task),
        "fingerprint": graded.answers,
        "told": [[*one.question[:1], one.answer] for one in graded.told],
        **result(verdict),
    }


def bounds(task: Task) -> dict[str, Any]:
    """Within which a task is judged; {} where nothing is explored."""
    return dict(task.data.get("bounds", {}))


def result(verdict: Verdict) -> dict[str, Any]:
    """What a verdict says, as JSON has it."""
    return {
        "points": verdict.points,
        "max": verdict.max,
        "says": verdict.says,
        "states": max((part.states for part in verdict.parts), default=0),
        "parts": [[part.name, part.points, part.max, part.says, part.witness] for part in verdict.parts],
    }


def verify(found: dict[str, Any]) -> Verdict:
    """Judge the answers of a certificate again. Raises CertificateError where it says something else."""
    try:
        task = tasks(str(found["lesson"]), int(found["seed"]))[str(found["task"])]
        told = [Told([str(one) for one in functions], dict(answer)) for *functions, answer in found["told"]]
        said = {name: found[name] for name in ("bounds", "points", "max", "says", "states", "parts")}
        wire.bounded([[one.question, one.answer] for one in told])
    except (TaskError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CertificateError(f"not a certificate of this course: {error!s:.200}") from None
    if found.get("model") != model_version():
        raise CertificateError(
            f"made by version {found.get('model')!s:.20} of the rules and judges; this is {model_version()}"
        )
    if fingerprint(told) != found.get("fingerprint"):
        raise CertificateError("the fingerprint is not that of the answers")
    replay = Replay(told)
    verdict = judge(task, replay)
    if any(one.question for one in replay.told):
        raise CertificateError("it has answers to questions that nobody asked")
    for name, value in {"bounds": bounds(task), **result(verdict)}.items():
        if value != said[name]:
            raise CertificateError(f"{name}: it says {said[name]!r:.60}, the answers give {value!r:.60}")
    return verdict


class Replay:
    """Answers as they were given. Raises CertificateError for a question to which there is none."""

    def __init__(self, told: list[Told]) -> None:
        self.told = told

    def __call__(self, function: str, *args: Any) -> Any:
        if self.told and not self.told[0].question and "is" not in self.told[0].answer:  # the cell itself failed
            return understood(self.told[0].answer)
        if not self.told or self.told[0].question != [function]:
            raise CertificateError(f"{function} is asked something that the certificate does not answer")
        return understood(self.told.pop(0).answer)
