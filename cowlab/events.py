"""Events and the script language: one event a line, `#` starts a comment.

GRAMMAR below is both the documentation and what the parser reads. Capitals and single letters stand for:

    P C Q   a process          g   a reference        V   a value: one letter or digit, but 0 and F
    @N      a page, @0 to @63; [@N] may be left out and is @0 then
    BITS N  numbers            a|b   one of these     [x] may be left out
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from cowlab.world import World

GRAMMAR = """
P: mmap anon|thp|hugetlb|file|shared [r|rw] [@N]
P: write V [@N]
P: read [@N]
P: fork C
P: exit
P: munmap [@N]
P: mprotect r|rw|none [@N]
P: madvise dontneed|dontfork|dofork|wipeonfork|mergeable|pageout [@N]
P: clear_refs
P: uffd_wp on|off [@N]
P: vmsplice g [@N]
P: direct_read g [@N]
P: direct_write g [@N]
P: register g [@N]
P: get g [write] [@N]
P: pin g [write] [longterm] [@N]
P: poke V [@N]
P: vm_write C V [@N]
g: write V
g: read
g: put
kernel: swap_out P [@N]
kernel: migrate P [@N]
kernel: ksm P [@N] Q [@N]
kernel: hold P [lru] [@N]
kernel: drop P [@N]
file: read [@N]
kernel: counter BITS bias N [guard]
"""

MAX_LINES = 100_000
MAX_BYTES = 4_000_000
MAX_PAGE = 63
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
VALUE = re.compile(r"[A-EG-Za-z1-9]\Z")
NUMBER = re.compile(r"[0-9]{1,9}\Z")
ACTORS = ("kernel", "file")
TAKERS = ("vmsplice", "direct_read", "direct_write", "register", "get", "pin")
FRESH_PROCESSES = ("C", "D", "E", "Q", "R", "S", "T", "U")
FRESH_REFERENCES = ("g", "h", "i", "j", "k", "m", "n", "o")


class Event(NamedTuple):
    """One line of script: who, verb, what else stands there, and the pages meant (absent ones filled in)."""

    actor: str
    verb: str
    args: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()

    @property
    def page(self) -> int:
        return self.pages[0] if self.pages else 0


class Line(NamedTuple):
    """One line of a script's text; event None: a comment or an empty line."""

    number: int
    event: Event | None
    comment: str | None = None


class Script(tuple[Line, ...]):
    """The lines of a script, comments included. `format` gives the text back."""

    @property
    def steps(self) -> tuple[Line, ...]:
        """The lines that hold an event."""
        return tuple(line for line in self if line.event is not None)

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(line.event for line in self if line.event is not None)


class ScriptError(ValueError):
    """A script that cannot be read or played. str() names file, line, the line, what was wrong and what to do."""

    def __init__(self, problem: str, *, hint: str = "", file: str = "script", number: int = 0, line: str = "") -> None:
        self.problem, self.hint, self.file, self.number, self.line = problem, hint, file, number, line
        where = f"{file}:{number}: {problem}" if number else f"{file}: {problem}"
        shown = line if len(line) <= 100 else line[:97] + "..."
        super().__init__("\n".join([where, *([f"    {shown}"] if shown else []), *([hint] if hint else [])]))


def _rules() -> dict[tuple[str, str], tuple[tuple[str, ...], ...]]:
    """(actor, verb) -> the patterns which may follow; actor is kernel, file or "" for any name."""
    rules: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}
    for rule in GRAMMAR.split("\n"):
        if rule:
            actor, _, rest = rule.partition(": ")
            verb, *pattern = rest.split()
            key = (actor if actor in ACTORS else "", verb)
            rules[key] = (*rules.get(key, ()), tuple(pattern))
    return rules


RULES = _rules()


def _take(element: str, word: str) -> str | None:
    """What `word` is, read as that element of a pattern; None if it is not one."""
    if element == "@N":
        number = word[1:] if word.startswith("@") else ""
        return number if NUMBER.match(number) and int(number) <= MAX_PAGE and str(int(number)) == number else None
    if element == "V":
        return word if VALUE.match(word) else None
    if element in ("P", "C", "Q", "g"):
        return word if NAME.match(word) and word not in ACTORS else None
    if element in ("BITS", "N"):
        return str(int(word)) if NUMBER.match(word) else None
    return word if word in element.split("|") else None


def _match(pattern: tuple[str, ...], words: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]] | str:
    """Read `words` by `pattern`: (args, pages), or what was expected where it stops to fit."""
    args: list[str] = []
    pages: list[int] = []
    rest = list(words)
    for element in pattern:
        optional = element.startswith("[")
        element = element.strip("[]")
        taken = _take(element, rest[0]) if rest else None
        if taken is not None:
            rest.pop(0)
        elif element == "@N":
            taken = "0"
        elif not optional:
            return f"{_meaning(element)}, found {rest[0]!r}" if rest else _meaning(element)
        if taken is not None:
            pages.append(int(taken)) if element == "@N" else args.append(taken)
    if rest:
        what = (
            "a page from @0 to @63" if rest[0].startswith("@") and "@N" in "".join(pattern) else "the end of the line"
        )
        return f"{what}, found {rest[0]!r}"
    return tuple(args), tuple(pages)


def _meaning(element: str) -> str:
    meanings = {
        "V": "a value (one letter or digit, but not 0 or F)",
        "@N": "a page (@0 to @63)",
        "g": "the name of a reference",
        "BITS": "a number of bits",
        "N": "a number",
    }
    if element in ("P", "C", "Q"):
        return "the name of a process"
    return meanings.get(element, element.replace("|", ", "))


def parse_event(text: str) -> Event:
    """Read one event. Raises ScriptError (without file and line number)."""
    actor, colon, rest = text.partition(":")
    actor, words = actor.strip(), rest.split()
    if not colon or not words or not NAME.match(actor):
        raise ScriptError(
            "expected 'NAME: verb ...'", hint="A line reads like 'P: write A', 'g: read' or 'kernel: swap_out P'."
        )
    kind = actor if actor in ACTORS else ""
    patterns = RULES.get((kind, words[0]))
    if patterns is None:
        verbs = sorted({verb for who, verb in RULES if who == kind})
        from difflib import get_close_matches  # only who mistypes pays for it

        near = get_close_matches(words[0].lower(), verbs, 1, 0.6)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise ScriptError(f"unknown verb {words[0]!r}", hint=f"{meant}Verbs of {actor}: {', '.join(verbs)}.")
    expected = []
    for pattern in patterns:
        found = _match(pattern, words[1:])
        if not isinstance(found, str):
            return Event(actor, words[0], *found)
        expected.append(found)
    form = " ".join([f"{actor}:", words[0], *patterns[0]])
    raise ScriptError(f"expected {expected[0]}", hint=f"The form is '{form}'; what is in [] may be left out.")


def parse(text: str, file: str = "script") -> Script:
    """Read a script.

    Raises ScriptError for an unknown verb, a malformed line, a misplaced counter, more than MAX_LINES lines or
    MAX_BYTES characters, or a script without any event.
    """
    if len(text) > MAX_BYTES:
        raise ScriptError(f"too long: {len(text):,} characters", hint=f"At most {MAX_BYTES:,} are read.", file=file)
    rows = text.removesuffix("\n").split("\n")
    if len(rows) > MAX_LINES:
        raise ScriptError(f"too long: {len(rows):,} lines", hint=f"At most {MAX_LINES:,} are read.", file=file)
    lines: list[Line] = []
    first = True
    for number, row in enumerate(rows, 1):
        code, hash_, comment = row.partition("#")
        event = None
        if code.strip():
            try:
                event = parse_event(code.strip())
                if event.verb == "counter":
                    _check_counter(event, first)
            except ScriptError as error:
                shown = row.strip()
                raise ScriptError(error.problem, hint=error.hint, file=file, number=number, line=shown) from None
            first = False
        lines.append(Line(number, event, comment.rstrip() if hash_ else None))
    if first:
        raise ScriptError("no event in it", hint="A script has one event a line, like 'P: write A'.", file=file)
    return Script(lines)


def _check_counter(event: Event, first: bool) -> None:
    if not first:
        raise ScriptError("the counter must be the first event", hint="Move this line to the top of the script.")
    bits, _, bias = event.args[:3]
    if not 1 <= int(bits) <= 64 or int(bias) < 1:
        raise ScriptError(
            "expected 1 to 64 bits and a bias of at least 1", hint="For example 'kernel: counter 8 bias 4'."
        )


def format(script: Event | Iterable[Line] | Iterable[Event]) -> str:
    """The canonical text of an event (no newline) or of a script or events (a line each)."""
    if isinstance(script, Event):
        return _format_event(script)
    return "".join(_format_line(item) + "\n" for item in script)


def _format_line(item: Line | Event) -> str:
    if isinstance(item, Event):
        return _format_event(item)
    code = _format_event(item.event) if item.event else ""
    if item.comment is None:
        return code
    return f"{code}  #{item.comment}" if code else f"#{item.comment}"


def _format_event(event: Event) -> str:
    kind = event.actor if event.actor in ACTORS else ""
    for pattern in RULES[kind, event.verb]:
        words, args, pages = [f"{event.actor}:", event.verb], list(event.args), list(event.pages)
        for element in pattern:
            element = element.strip("[]")
            if element == "@N":
                page = pages.pop(0) if pages else 0
                words += [f"@{page}"] if page else []
            elif args and _take(element, args[0]) is not None:
                words.append(args.pop(0))
        if not args and not any(pages):
            return " ".join(words)
    raise ValueError(f"not an event of the grammar: {tuple(event)!r}")


def impossible(world: World, event: Event) -> str | None:
    """Why the event cannot happen in this World, or None if it can. Never depends on a policy."""
    if event.actor == "kernel":
        return _kernel_cannot(world, event)
    if event.actor == "file":
        mapped = any(_maps_file(world, process.name, event.page) for process in world.processes)
        return None if mapped else f"no process maps a file at @{event.page}"
    reference = world.reference(event.actor)
    if reference is not None:
        return _reference_cannot(reference.verb, reference.write, event)
    if world.process(event.actor) is None:
        known = [p.name for p in world.processes] + [r.name for r in world.references]
        return f"there is no process or reference {event.actor!r} now, only {', '.join(known) or 'none at all'}"
    return _process_cannot(world, event)


def _maps_file(world: World, name: str, page: int) -> bool:
    pte = world.pte(name, page)
    return pte is not None and pte.vma is not None and pte.vma.kind == "file"


def _kernel_cannot(world: World, event: Event) -> str | None:
    if event.verb == "counter":
        return None if world.fresh and world.counter is None else "the counter must be the first event"
    names = event.args[:1] + event.args[1:] * (event.verb == "ksm")
    if event.verb == "drop":
        held = any(hold.process == names[0] and hold.page == event.page for hold in world.holds)
        return None if held else f"there is no hold on {names[0]} @{event.page}"
    for name, page in zip(names, event.pages, strict=True):
        if (reason := _page_unknown(world, name, page)) is not None:
            return reason
    if event.verb == "hold":
        held = any(hold[:3] == (names[0], event.page, "lru" in event.args) for hold in world.holds)
        return f"{names[0]} @{event.page} has such a hold already" if held else None
    return None


def _reference_cannot(verb: str, write: bool, event: Event) -> str | None:
    if event.page or event.verb not in ("read", "write", "put"):
        return f"{event.actor} is a reference: it can read, write and put, and has no page of its own"
    if event.verb == "write" and not write:
        return f"{event.actor} was taken by {verb} without write: it cannot store"
    if event.verb == "read" and verb == "direct_read":
        return f"{event.actor} is a direct read in flight: one cannot look through it"
    return None


def _process_cannot(world: World, event: Event) -> str | None:
    if event.verb == "put":
        return f"{event.actor} is a process, not a reference"
    name = _new_name(event)
    if name is not None and (world.process(name) or world.reference(name)):
        return f"the name {name!r} is in use"
    target = event.args[0] if event.verb == "vm_write" else event.actor
    if event.verb == "mmap":
        return _mmap_cannot(world, event)
    if event.pages and (reason := _page_unknown(world, target, event.page)) is not None:
        return reason
    stores = event.verb in ("write", "poke", "vm_write", "register", "direct_read") or "write" in event.args
    if stores and event.pages:
        pte = world.pte(target, event.page)
        if pte is not None and pte.vma is not None and pte.vma.uffd_wp:
            return f"{target} @{event.page} is under uffd_wp: the store waits for its monitor, '{target}: uffd_wp off'"
    return None


def _new_name(event: Event) -> str | None:
    """The name that this event would give to something new."""
    return event.args[0] if event.verb == "fork" or event.verb in TAKERS else None


def _mmap_cannot(world: World, event: Event) -> str | None:
    pte = world.pte(event.actor, event.page)
    if pte is None or pte.vma is None:
        return None
    if event.page == 0 and world.fresh:
        return None
    return f"{event.actor} has a mapping at @{event.page}: munmap it first"


def _page_unknown(world: World, name: str, page: int) -> str | None:
    if world.process(name) is None:
        return f"there is no process {name!r}"
    return f"{name} has no page @{page}: mmap it first" if world.pte(name, page) is None else None


def enabled(
    world: World, verbs: Iterable[str] | None = None, values: str = "A", pages: Iterable[int] = ()
) -> Iterator[Event]:
    """Every event that can happen here, in the order of the grammar, with new names and `values` filled in.

    verbs: only these. pages: pages which mmap may use besides those that were mapped before.
    """
    known = tuple(sorted({page for process in world.processes for page, _ in process.ptes} | set(pages)))
    processes = tuple(process.name for process in world.processes)
    references = tuple(reference.name for reference in world.references)
    wanted = None if verbs is None else tuple(verbs)
    return (e for e in candidates(processes, references, known, wanted, values) if impossible(world, e) is None)


@lru_cache(4096)
def candidates(
    processes: tuple[str, ...],
    references: tuple[str, ...],
    pages: tuple[int, ...],
    verbs: tuple[str, ...] | None,
    values: str,
) -> tuple[Event, ...]:
    """Every event of the grammar with these names, pages and values, and one new name, whether or not it can happen."""
    taken = {*processes, *references}
    choices = {
        "V": tuple(values),
        "P": processes,
        "Q": processes,
        "C": tuple(name for name in FRESH_PROCESSES if name not in taken)[:1],
        "g": tuple(name for name in FRESH_REFERENCES if name not in taken)[:1],
        "@N": tuple(f"@{page}" for page in pages),
    }
    found: list[Event] = []
    for rule in GRAMMAR.strip().split("\n"):
        actor, _, rest = rule.partition(": ")
        verb, *pattern = rest.split()
        if verb == "counter" or (verbs is not None and verb not in verbs):
            continue
        slots = [
            processes if element == "C" and verb == "vm_write" else _choices(element, choices) for element in pattern
        ]
        for who in {"P": processes, "g": references}.get(actor, (actor,)):
            found += [parse_event(f"{who}: {verb} {' '.join(words)}") for words in product(*slots)]
    return tuple(found)


def _choices(element: str, choices: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    bare = element.strip("[]")
    found = choices[bare] if bare in choices else tuple(bare.split("|"))
    return ("", *found) if element.startswith("[") and bare != "@N" else found
