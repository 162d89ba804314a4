"""What may stand in a cell of a row: the decisions that some row has there, and what a learner writes.

Everything that is said of a cell or of a PageInfo is read from cowlab/policy.py itself, so that it is said once.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import linecache
import re
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from types import FrameType, FunctionType, TracebackType
from typing import Any, NamedTuple

from cowlab import policy
from cowlab.policy import ANSWERS, POLICIES, Answer, BadAnswer, Decision, PageInfo

STEPS = 1_000_000  # a decision that runs more instructions for one answer is stopped: it will hardly ever give one
_count = itertools.count(1)


class Field(NamedTuple):
    """One field of a PageInfo, as its source declares it."""

    name: str
    default: str
    meaning: str


class Problem(NamedTuple):
    """What is wrong: a sentence, the cell if it is a decision's, the line of its text (0: not known), what it was
    asked, and in which scenario."""

    sentence: str
    cell: str = ""
    line: int = 0
    page: PageInfo | None = None
    scenario: str = ""

    def __str__(self) -> str:
        return f"{f'Line {self.line}: ' if self.line else ''}{self.sentence}"


class CannotRead(ValueError):
    """A text that is no decision."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


@cache
def questions() -> dict[str, str]:
    """The question that each cell answers, from the docstring of cowlab/policy.py."""
    rows = re.findall(r"^ {4}(\w+) {2,}(.+?) {2,}", policy.__doc__ or "", re.MULTILINE)
    return {cell: dict(rows).get(cell, "") for cell in ANSWERS}


@cache
def fields() -> tuple[Field, ...]:
    """The fields of a PageInfo with what is said of them, beside them or above; nothing where there is no source."""
    declared = r"^    (\w+): \w+ = (\S+)(?:  # (.*))?$"
    try:
        found = re.findall(declared, inspect.getsource(PageInfo), re.MULTILINE)
    except OSError:
        found = [(name, repr(value), "") for name, value in PageInfo._field_defaults.items()]
    above = {name: words for name, words in map(_named_part, _paragraphs()) if name}
    return tuple(Field(name, usual, meaning or above.get(name, "")) for name, usual, meaning in found)


@cache
def about_page_info() -> tuple[str, ...]:
    """What its docstring says, but for what it says of single fields."""
    return tuple(part for part in _paragraphs() if not _named_part(part)[0])


def _paragraphs() -> list[str]:
    return [" ".join(part.split()) for part in (inspect.getdoc(PageInfo) or "").split("\n\n")]


def _named_part(part: str) -> tuple[str, str]:
    """The field that a paragraph is about, and what it says of it."""
    name, _, words = part.partition(": ")
    return (name, words) if name in PageInfo._fields else ("", part)


@cache
def choices(cell: str) -> dict[str, tuple[str, ...]]:
    """The decisions that the rows have in that cell, by name, each with the names of its rows."""
    found: dict[str, tuple[str, ...]] = {}
    for name, row in POLICIES.items():
        decision = getattr(row, cell).__name__
        found[decision] = (*found.get(decision, ()), name)
    return found


def chosen(cell: str, name: str) -> Decision:
    """The decision of that name. Raises KeyError if no row has it in that cell."""
    decision: Decision = getattr(POLICIES[choices(cell)[name][0]], cell)
    return decision


def is_ours(cell: str, decision: Decision) -> bool:
    """Whether some row has this very decision in that cell."""
    return any(getattr(row, cell) is decision for row in POLICIES.values())


def allowed(cell: str) -> str:
    """What it may answer, in words."""
    return ", ".join(map(str, ANSWERS[cell])) + (" (or True, False)" if cell == "reuse" else "")


def stub(cell: str) -> str:
    answer = ANSWERS[cell][0]
    name = next((name for name, value in vars(policy).items() if name.isupper() and value == answer), repr(answer))
    return f'def my_{cell}(page):\n    """{questions()[cell]}"""\n    return {name}'


def source_of(decision: Decision) -> str | None:
    """Its source without decorators; None where that is not to be had, or is no `def`."""
    try:
        text = textwrap.dedent(inspect.getsource(decision))
        body = ast.parse(text).body
    except (OSError, TypeError, SyntaxError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        return None
    return "\n".join(text.splitlines()[body[0].lineno - 1 :]).rstrip()


def written(text: str) -> FunctionType:
    """The decision that this Python defines: its last function. Everything in cowlab/policy.py is at hand there.

    Raises CannotRead, whatever is wrong with the text.
    """
    file = f"<decision {next(_count)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # for inspect and tracebacks
    names = dict(vars(policy))
    try:
        limited(lambda: exec(compile(text, file, "exec"), names))
    except SyntaxError as error:
        raise CannotRead(ended(error.msg), error.lineno or 0) from None
    except Exception as error:
        raise CannotRead(named(error), line_in(error.__traceback__, file)) from None
    mine = [value for value in names.values() if isinstance(value, FunctionType) and value.__code__.co_filename == file]
    if not mine:
        raise CannotRead("no function is defined: expected `def my_rule(page):` and a `return` with the answer.")
    decision = max(mine, key=lambda function: function.__code__.co_firstlineno)
    if decision.__name__ in vars(policy):  # two functions of one name would be taken for one
        decision.__name__ = f"my_{decision.__name__}"
    return decision


def named(error: BaseException) -> str:
    """An error as a sentence."""
    kind, said = type(error).__name__, str(error)
    said = said if isinstance(error, NoAnswer) else f"{kind}: {said}" if said else kind
    return ended(said)


def ended(said: str) -> str:
    return said if said.endswith((".", "?")) else f"{said}."


def line_in(traceback: TracebackType | None, file: str = "") -> int:
    """The last line of that file which a traceback goes through; of any written text, if none is named. 0: of none."""
    line = 0
    while traceback is not None:
        here = traceback.tb_frame.f_code.co_filename
        if here == file or (not file and here.startswith("<decision ")):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def failure(error: BadAnswer, scenario: str = "") -> Problem:
    """What went wrong when a decision was asked."""
    cause = error.__cause__
    if cause is None:
        said = str(error).rpartition(" when asked about ")[0].rstrip(",").partition(f": {error.cell} ")[2]
        return Problem(ended(f"{error.cell} {said}"), error.cell, 0, error.page, scenario)
    raised = ":" if isinstance(cause, NoAnswer) else " raised"
    sentence, line = f"{error.cell}{raised} {named(cause)}", line_in(cause.__traceback__)
    return Problem(sentence, error.cell, line, error.page, scenario)


def told(page: PageInfo) -> str:
    """A PageInfo as Python that makes it again, without what is as usual."""
    usual = PageInfo()
    given = (f"{n}={v!r}" for n, v, u in zip(page._fields, page, usual, strict=True) if v != u or n == "asker")
    return f"PageInfo({', '.join(given)})"


# --- a decision that never answers -----------------------------------------------------------------------------------


class NoAnswer(RuntimeError):
    """A decision was stopped before it gave an answer, or asked to end Python itself."""


class _Stopped(BaseException):
    """No learner's `except Exception` ought to catch this."""


def limited(call: Callable[[], Any]) -> Any:
    """What that returns. Raises NoAnswer once it has run STEPS instructions of Python.

    Instructions are counted and not seconds, so that it ends at the same place on every machine. What runs none, as
    `list(itertools.count())`, is not stopped.
    """
    left = STEPS

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        left -= 1
        if left < 0:
            raise _Stopped
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return call()
    except (_Stopped, SystemExit) as end:
        said = f"no answer after {STEPS:,} instructions; does a loop never end?"
        said = said if isinstance(end, _Stopped) else "it asks Python to exit"
        raise NoAnswer(said).with_traceback(end.__traceback__) from None
    finally:
        sys.settrace(before)


class Limited:
    """A decision that is stopped if it never answers. The explorer sees through it what is read of a page."""

    def __init__(self, decision: Decision) -> None:
        functools.update_wrapper(self, decision)
        self.decision = self.reads_as = decision

    def __call__(self, page: PageInfo) -> Answer:
        return limited(lambda: self.decision(page))
