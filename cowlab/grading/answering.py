"""Ask one function of a learner's, and turn whatever happens into a plain answer.

An answer is a dictionary with one key: is (what was returned), open (the stub is still there), failed (why there is none)
or memory. Used in the notebook's own process and, by the grader, in one that is confined: so it imports wire and nothing else.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from cowlab.grading import wire

MAX_SAYS = 400


def answer(functions: Mapping[str, Callable[..., Any]], function: str, args: tuple[Any, ...]) -> dict[str, Any]:
    """The answer of that function, as JSON has it."""
    if function not in functions:
        return {"failed": f"there is no function {function}"}
    try:
        returned = functions[function](*args)
    except NotImplementedError as error:
        return {"open": text(error)}
    except MemoryError:
        return {"memory": function}
    except (Exception, SystemExit) as error:
        return {"failed": f"{function}{asked(args)} raised {type(error).__name__}: {text(error)}{where(error)}"}
    try:
        return {"is": wire.sendable(returned)}
    except wire.WireError as error:
        return {"failed": f"{function}{asked(args)} returned something that cannot be read: {error}"}
    except Exception as error:  # whatever a strange object does when it is looked at
        return {"failed": f"{function}{asked(args)} returned something that cannot be read: {type(error).__name__}"}


def text(error: BaseException) -> str:
    """An exception's text, which may itself fail, and may be anything."""
    try:
        said = str(error)
    except Exception:
        return "(its text cannot be read)"
    return wire.shown(said, MAX_SAYS)


def asked(args: tuple[Any, ...]) -> str:
    """What the function was asked, if it is short enough to help."""
    shown = ", ".join(map(repr, args))
    return f"({shown})" if len(shown) <= 40 else "(...)"


def where(error: BaseException) -> str:
    """The learner's own line, if it is known."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    if not frames:
        return ""
    line = f": {wire.shown(frames[-1].line, 80)}" if frames[-1].line else ""
    return f" (in {frames[-1].name}, line {frames[-1].lineno}{line})"
