"""Put a question to a learner's function, here and now. The grader asks in another process; what comes back is the same."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cowlab.grading import wire


class Ask(Protocol):
    """Calls a function of the learner's by its name and returns what it answers. Raises Unanswered or Failed."""

    def __call__(self, function: str, *args: Any) -> Any: ...


class Unanswered(Exception):
    """The stub is still there; the message says what belongs in its place."""


class Failed(Exception):
    """There is no usable answer; the message says why, for the learner."""


class Here:
    """Asks functions of this very process."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = functions

    def __call__(self, function: str, *args: Any) -> Any:
        try:
            answer = self.functions[function](*args)
        except NotImplementedError as error:
            raise Unanswered(str(error)) from None
        except Exception as error:
            raise Failed(f"{function}{_asked(args)} raised {type(error).__name__}: {error}{_where(error)}") from error
        try:
            return wire.loads(wire.dumps(answer))
        except wire.WireError as error:
            raise Failed(f"{function}{_asked(args)} returned something that cannot be read: {error}") from None


def _asked(args: tuple[Any, ...]) -> str:
    """What the function was asked, if it is short enough to help."""
    shown = ", ".join(map(repr, args))
    return f"({shown})" if len(shown) <= 40 else "(...)"


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(__file__)]
    if not own:
        return ""
    line = f": {own[-1].line}" if own[-1].line else ""
    return f" (in {own[-1].name}, line {own[-1].lineno}{line})"
