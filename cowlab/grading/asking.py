"""Who is asked: a learner's functions, here or in another process. What comes back is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cowlab.grading import wire
from cowlab.grading.answering import answer


class Ask(Protocol):
    """Calls a function of the learner's by its name and returns what it answers. Raises NoAnswer."""

    def __call__(self, function: str, *args: Any) -> Any: ...


class NoAnswer(Exception):
    """There is no usable answer; the message says why, for the learner."""


class Unanswered(NoAnswer):
    """The stub is still there; the message says what belongs in its place."""


class Failed(NoAnswer):
    """The function raised, or what it returned is of no use."""


class OutOfMemory(NoAnswer):
    """The function wanted more memory than there is for an answer."""


def understood(said: Mapping[str, Any]) -> Any:
    """The value of an answer (see answering.py). Raises NoAnswer if there is none."""
    if "is" in said:
        try:
            return wire.lively(said["is"])
        except wire.WireError as error:
            raise Failed(f"returned something that cannot be read: {error}") from None
    if "open" in said:
        raise Unanswered(str(said["open"]))
    if "memory" in said:
        raise OutOfMemory(f"{said['memory']} wants more memory than there is for an answer")
    raise Failed(str(said.get("failed", "no answer")))


class Here:
    """Asks functions of this very process."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = functions

    def __call__(self, function: str, *args: Any) -> Any:
        return understood(answer(self.functions, function, args))
