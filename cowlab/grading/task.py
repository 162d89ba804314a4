"""Tasks as data: what `check` in a notebook, the grader and the tests read alike.

A lesson's tasks are in tasks/NN_name.toml. What every task has: name (also of the function that answers it), kind, title,
points, hint. The rest belongs to the kind; judges/ say which keys they read. In a script `$name` stands for a number that
varies with the seed, `for n in 1..$last: ...{n}...` for several lines, and letters that are stored vary too.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Set
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from cowlab.events import format as format_script
from cowlab.events import parse
from cowlab.model import STORES
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import policy_named

COMMON = ("kind", "title", "points", "hint")  # keys of every task; the others belong to its kind
KINDS = ("predict", "find", "decide", "law", "rule", "explain")
LETTERS = "ABCDEHKLMNPRSTVWXYZ"
LOOP = re.compile(r"for (\w+) in (\d+)\.\.(\d+): (.*)")


class TaskError(ValueError):
    """A task, or what is asked of it, is not as it must be; the message says what and where."""


class Task(NamedTuple):
    """One task, with a seed. data: the keys of its kind, with $numbers in place."""

    lesson: str
    name: str
    kind: str
    title: str
    points: float
    hint: str
    data: Mapping[str, Any]
    functions: tuple[str, ...]
    seed: int = 0
    values: Mapping[str, int] = {}

    def script(self, text: str) -> str:
        """A script of the task for this seed: numbers filled in, loops unrolled, letters exchanged."""
        filled = _fill(text, self.values)
        lines: list[str] = []
        for line in filled.strip().splitlines():
            loop = LOOP.fullmatch(line.strip())
            numbers = range(int(loop[2]), int(loop[3]) + 1) if loop else ()
            lines += [loop[4].replace("{" + loop[1] + "}", str(n)) for n in numbers] if loop else [line.strip()]
        return "\n".join(exchanged(lines, self.seed))


@cache
def lessons() -> tuple[str, ...]:
    """The lessons that have tasks: 01_copy_on_write, ..."""
    found = (file.name.removesuffix(".toml") for file in files("cowlab.grading").joinpath("tasks").iterdir())
    return tuple(sorted(name for name in found if re.match(r"\d\d_\w+\Z", name)))


def tasks(lesson: str, seed: int = 0) -> dict[str, Task]:
    """The tasks of that lesson by name, in order. Raises TaskError for an unknown lesson."""
    if lesson not in lessons():
        raise TaskError(f"no exercises of {lesson!r}; there are those of {', '.join(lessons())}")
    return {name: _task(lesson, name, table, seed) for name, table in _tables(lesson).items()}


def task_names(lesson: str) -> Set[str]:
    """The names of its tasks."""
    return _tables(lesson).keys()


@cache
def _tables(lesson: str) -> dict[str, dict[str, Any]]:
    """What that lesson's file holds, read once: a grader asks for it again with every submission."""
    return _parsed(lesson, files("cowlab.grading").joinpath("tasks", f"{lesson}.toml").read_text("utf-8"))


def read_tasks(lesson: str, text: str, seed: int = 0) -> dict[str, Task]:
    """The tasks that a TOML text holds, each a table [name]. Raises TaskError for what is missing or misspelt."""
    return {name: _task(lesson, name, table, seed) for name, table in _parsed(lesson, text).items()}


def _parsed(lesson: str, text: str) -> dict[str, dict[str, Any]]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"{lesson}: {error}") from None


def _task(lesson: str, name: str, table: dict[str, Any], seed: int) -> Task:
    missing = [key for key in COMMON if key not in table]
    if missing:
        raise TaskError(f"{lesson}, {name}: {missing[0]} is missing")
    if table["kind"] not in KINDS:
        raise TaskError(f"{lesson}, {name}: kind is one of {', '.join(KINDS)}, not {table['kind']!r}")
    data = {key: value for key, value in table.items() if key not in COMMON}
    functions = tuple(data.get("functions", (name,)))
    values = _values(f"{lesson}/{name}", data.get("vary", {}), seed)
    return Task(
        lesson, name, table["kind"], table["title"], table["points"], table["hint"], data, functions, seed, values
    )


def _values(task: str, vary: Mapping[str, Any], seed: int) -> dict[str, int]:
    """A number for each name: the first one of its list for seed 0, any for others; or computed, as "pages - 1"."""
    dice = random.Random(f"{task}/{seed}")
    values: dict[str, int] = {}
    for name, choices in vary.items():
        if isinstance(choices, list):
            values[name] = choices[0] if seed == 0 else dice.choice(choices)
        else:
            one, sign, other = str(choices).split()
            amount = int(other) if other.isdigit() else values[other]
            values[name] = values[one] + (amount if sign == "+" else -amount)
    return values


def _fill(text: str, values: Mapping[str, int]) -> str:
    try:
        return Template(text).substitute(values)
    except (KeyError, ValueError) as error:
        raise TaskError(f"$... in a task: {error} has no value") from None


def exchanged(lines: list[str], seed: int) -> list[str]:
    """The script with other letters in its stores, different ones for different ones; as it is for seed 0."""
    if seed == 0:
        return lines
    script = parse("\n".join(lines))
    letters = dict.fromkeys(e.args[-1] for e in script.events if e.verb in STORES)
    new = random.Random(f"letters/{seed}").sample(LETTERS, len(letters))
    table = dict(zip(letters, new, strict=True))
    events = [e._replace(args=(*e.args[:-1], table[e.args[-1]])) if e.verb in STORES else e for e in script.events]
    return format_script(tuple(events)).splitlines()


def row_named(name: str) -> Policy:
    """A policy, or a hybrid as `v5.19, fork of v5.7, gup of v5.8`. Raises TaskError."""
    base, *cells = name.split(", ")
    try:
        row = policy_named(base)
        changes = dict(cell.split(" of ") for cell in cells)
        return row.with_(**{cell: getattr(POLICIES[of], cell) for cell, of in changes.items()})._replace(name=name)
    except (ValueError, KeyError, AttributeError) as error:
        raise TaskError(f"no policy {name!r}: {error}") from None
