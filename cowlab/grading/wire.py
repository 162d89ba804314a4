"""Questions and answers as JSON: what a judge asks and what it is told, a World included. Bounded, and never pickle.

A named tuple travels as {"World": [...]}, a tuple or a list as a list, everything else as JSON has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cowlab.events import Event
from cowlab.policy import PageInfo
from cowlab.world import CachePage, Counter, Frame, Hold, Process, Pte, Reference, Store, Vma, World

MAX_BYTES = 100_000
MAX_DEPTH = 20
MAX_TEXT = 20_000
MAX_NUMBER = 10**15


class Look(NamedTuple):
    """What one reader sees after a step, and what the ideal says of it.

    saw: the Store that is seen. now: what the reader's cell holds. past: what it held before. promised: whether the
    reader may rely on seeing `now`.
    """

    who: str
    saw: Store
    now: Store
    past: tuple[Store, ...] = ()
    promised: bool = True


class Seen(NamedTuple):
    """One step, as a law is shown it: the World before, the event, its outcome, the World after, and who sees what."""

    before: World
    event: Event
    outcome: str
    after: World
    looks: tuple[Look, ...] = ()


KINDS = (CachePage, Counter, Event, Frame, Hold, Look, PageInfo, Process, Pte, Reference, Seen, Store, Vma, World)
BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in KINDS}


class WireError(ValueError):
    """An answer that is no plain value, or too large; the message says what was found where."""


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it. Raises WireError."""
    if depth > MAX_DEPTH:
        raise WireError(f"nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not -MAX_NUMBER <= value <= MAX_NUMBER:  # false for NaN
            raise WireError(f"a number is out of range: at most {MAX_NUMBER:,} is read")
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple) and BY_NAME.get(type(value).__name__) is type(value):
        return {type(value).__name__: [plain(part, depth + 1) for part in value]}
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, Mapping):
        return {_key(key): plain(part, depth + 1) for key, part in value.items()}
    raise WireError(f"expected text, numbers, lists or a World, found {type(value).__name__}")


def _text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise WireError(f"a text of {len(value):,} characters; at most {MAX_TEXT:,} are read")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise WireError("a text with characters that are none (surrogates)") from None
    return str(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise WireError(f"expected text as a key, found {key!r:.40}")
    return _text(key)


class Question(NamedTuple):
    """[function, arguments...] as JSON has them (plain), and as the text that is sent, in which each World is a name.

    worlds: the text of each, by its name: one that comes again in another question is sent once.
    """

    text: str
    plain: list[Any]
    worlds: dict[str, str]


def question(function: str, *args: Any) -> Question:
    """Raises WireError for an argument that has no JSON."""
    found = [function, *map(plain, args)]
    worlds: dict[str, str] = {}
    return Question(json.dumps(_named(found, worlds)), found, worlds)


def _named(value: Any, worlds: dict[str, str]) -> Any:
    """With each World as {"World": name}."""
    if isinstance(value, list):
        return [_named(part, worlds) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"World"}:
        return {key: _named(part, worlds) for key, part in value.items()}
    text = json.dumps(value)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    worlds[name] = text
    return {"World": name}


def message(questions: Sequence[Question]) -> str:
    """Questions as the inside of a JSON object: first the Worlds, each once, as {"Known": [name, World]}."""
    worlds = {name: text for one in questions for name, text in one.worlds.items()}
    known = ", ".join(f'{{"Known": ["{name}", {text}]}}' for name, text in worlds.items())
    return f'"known": [{known}], "questions": [{", ".join(one.text for one in questions)}]'


class Reader:
    """What makes Worlds of objects while one message is read, as json.loads's object_hook."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def __call__(self, found: dict[str, Any]) -> Any:
        if len(found) == 1:
            ((key, value),) = found.items()
            if key == "World" and type(value) is str:
                return self.known[value]
            if key == "Known":
                self.known[value[0]] = value[1]
        return revived(found)


def lively(value: Any) -> Any:
    """What `plain` made plain: named tuples are themselves again, lists inside them tuples. Raises WireError."""
    if isinstance(value, dict):
        return revived({key: lively(part) for key, part in value.items()})
    return [lively(part) for part in value] if isinstance(value, list) else value


def revived(found: dict[str, Any]) -> Any:
    """The named tuple that a JSON object stands for, or the object: for json.loads as its object_hook. Raises WireError."""
    if len(found) == 1:
        ((name, fields),) = found.items()
        kind = BY_NAME.get(name)
        if kind is not None and type(fields) is list:
            if len(fields) != len(kind._fields):
                raise WireError(f"no {name}: it has {len(kind._fields)} fields, found {len(fields)}")
            # Most of a child's time goes here: kind(*fields) takes twice as long.
            return tuple.__new__(kind, _frozen(fields))
    return found


def _frozen(fields: list[Any]) -> list[Any]:
    """The fields of a named tuple: no list in them, nor in their tuples."""
    for place, part in enumerate(fields):
        if type(part) is list:
            fields[place] = tuple(_frozen(part))
    return fields


def bounded(value: Any) -> None:
    """Raises WireError for JSON that `plain` would not have made: no number, no text, too deep."""
    if value is not None and not isinstance(value, bool):  # most answers are one of these
        plain(value, -MAX_DEPTH)  # a named tuple is two levels deep in JSON


def shown(said: str, most: int) -> str:
    """A text of somebody else's for people to read: cut, and with escapes for what is no character."""
    cut = str(said)[:most] + ("..." if len(said) > most else "")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in cut)


def sendable(value: Any) -> Any:
    """The value as JSON has it. Raises WireError for what has none, or is longer than MAX_BYTES."""
    found = plain(value)
    if isinstance(found, str | list | dict):  # one number is never too long
        _line(found)
    return found


def dumps(value: Any) -> str:
    """One line of JSON. Raises WireError for what has none, or is longer than MAX_BYTES."""
    return _line(plain(value))


def _line(found: Any) -> str:
    line = json.dumps(found, allow_nan=False, separators=(",", ":"))
    if len(line) > MAX_BYTES:
        raise WireError(f"an answer of {len(line):,} bytes; at most {MAX_BYTES:,} are read")
    return line


def loads(line: str) -> Any:
    """The value of a line that dumps has written. Raises WireError."""
    if len(line) > MAX_BYTES:
        raise WireError(f"an answer of {len(line):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        return json.loads(line, object_hook=revived)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from None
