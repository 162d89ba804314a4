"""What can happen next: every verb of the grammar for everybody who is there, and why some of it cannot happen now.

group   {who, what, verbs}: a process, a reference, the kernel or the file
verb    {verb, about, parts, no, more}; more: seldom wanted, so it is shown when asked for
part    V, C, g or @, which all verbs share (the next value, new process, new reference, the page), or a choice of
        the verb's own: {options, value}
no      from the words that are chosen to the reason why that cannot happen; what is not in it can. "*": all of it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count, product
from typing import Any

from cowlab.events import ACTORS, FRESH_PROCESSES, FRESH_REFERENCES, MAX_PAGE, RULES, Event, impossible, parse_event
from cowlab.views import scene
from cowlab.world import World

VALUES = "ABXYZGHJKLMNVW123456789"  # no letter that is also the name of a process, or a file's F
COMMON = ("read", "write", "fork", "exit", "munmap", "mprotect", "vmsplice", "register", "put", "swap_out", "migrate")
NUMBERS = {"BITS": ("3", "4", "8"), "N": ("4", "2", "16")}

ABOUT = {
    "process": {
        "read": "a load of the processor",
        "write": "a store of the processor",
        "fork": "a child with the same memory",
        "exit": "the process goes, its references stay",
        "munmap": "the mapping goes",
        "mprotect": "the right of the mapping: read, read and write, or none",
        "mmap": "a new mapping: private memory, a huge page, a file (private), or shared memory",
        "madvise": "advice about the mapping; dontneed and pageout act at once",
        "clear_refs": "soft-dirty tracking write-protects every page of the process",
        "uffd_wp": "userfaultfd write-protection; a store waits until it is off",
        "vmsplice": "the page goes into a pipe, which holds it with FOLL_GET",
        "register": "a buffer for io_uring or RDMA: FOLL_PIN, to write, for long",
        "direct_read": "an O_DIRECT read(2) in flight: the disk will write the page",
        "direct_write": "an O_DIRECT write(2) in flight: the disk reads the page",
        "get": "get_user_pages(), as a driver calls it: FOLL_GET",
        "pin": "pin_user_pages(), as a driver calls it: FOLL_PIN",
        "poke": "a debugger stores through ptrace, whatever the mapping's right",
        "vm_write": "process_vm_writev(): a store into another process",
    },
    "reference": {
        "read": "look at the page through the reference, which stays",
        "write": "the device behind the reference stores",
        "put": "the reference is dropped",
    },
    "kernel": {
        "swap_out": "reclaim takes the page away from everyone who maps it",
        "migrate": "the page moves to another frame",
        "ksm": "two equal pages become one; both must be mergeable",
        "hold": "a transient reference: a speculative lookup, or the lru batch",
        "drop": "the oldest hold on that page goes",
        "counter": "page_count gets so few bits, and a pin counts that much",
    },
    "file": {"read": "what the file behind a file mapping holds"},
}


def menu(world: World, script: Sequence[Event]) -> dict[str, Any]:
    """Everything that could come after this script, which has led to this World. Never depends on a policy."""
    pages = sorted({page for process in world.processes for page, _ in process.ptes}) or [0]
    touched = [event.page for event in script if event.pages]
    page = touched[-1] if touched and touched[-1] in pages else pages[0]
    kinds = [(process.name, "process", "process") for process in world.processes]
    kinds += [(name, "reference", f"{ref.holder}, {ref.by}") for name, ref in scene.refs(world).items()]
    kinds += [("kernel", "kernel", "acts unasked"), ("file", "file", "behind a file mapping")]
    groups = [{"who": who, "what": what, "verbs": _verbs(world, who, kind, pages, page)} for who, kind, what in kinds]
    return {"slots": {**_fresh(world, script), "@": page}, "pages": pages, "groups": groups}


def _fresh(world: World, script: Sequence[Event]) -> dict[str, str]:
    """The next value and new names: what the script has not used yet, as long as there is any."""
    values = {event.args[-1] for event in script if event.verb in ("write", "poke", "vm_write")}
    names = {event.actor for event in script} | {arg for event in script for arg in event.args}
    names |= {process.name for process in world.processes} | {reference.name for reference in world.references}
    return {
        "V": next((value for value in VALUES if value not in values), VALUES[0]),
        "C": _unused(FRESH_PROCESSES, names),
        "g": _unused(FRESH_REFERENCES, names),
    }


def _unused(names: Sequence[str], used: set[str]) -> str:
    more = (f"{names[0]}{number}" for number in count(2))
    return next(name for name in chain(names, more) if name not in used)


def _verbs(world: World, who: str, kind: str, pages: list[int], page: int) -> list[dict[str, Any]]:
    actor = kind if kind in ACTORS else ""
    found = []
    for verb, about in ABOUT[kind].items():
        pattern = RULES[actor, verb][-1 if kind == "reference" else 0]  # a process's read and write name a page
        parts = _parts(world, who, verb, pattern, pages, page)
        entry = {"verb": verb, "about": about, "parts": parts, "no": _no(world, who, verb, parts, pages)}
        found.append({**entry, "more": kind != "file" and verb not in COMMON})
    return found


def _parts(
    world: World, who: str, verb: str, pattern: tuple[str, ...], pages: list[int], page: int
) -> list[str | dict[str, Any]]:
    """What follows the verb: shared slots and choices."""
    parts: list[str | dict[str, Any]] = []
    for element in pattern:
        if element in ("V", "g") or (element == "C" and verb == "fork"):
            parts.append(element)
        elif element == "[@N]" and verb != "mmap" and "@" not in parts:
            parts.append("@")
        else:
            options = _options(world, who, verb, element, pages)
            parts.append({"options": options, "value": _first(world, who, verb, element, options, page)})
    return parts


def _options(world: World, who: str, verb: str, element: str, pages: list[int]) -> list[str]:
    bare = element.strip("[]")
    if bare == "@N":
        return [f"@{number}" for number in (_unmapped(world, who, pages) if verb == "mmap" else pages)]
    if bare in ("P", "C", "Q"):
        return [process.name for process in world.processes]
    if bare in NUMBERS:
        return list(NUMBERS[bare])
    options = bare.split("|")
    return ["", *(option for option in options if option != "rw")] if element.startswith("[") else options


def _unmapped(world: World, who: str, pages: list[int]) -> list[int]:
    """Where this process could map something: what is free of what anybody has, and the next page."""
    beyond = [number for number in range(MAX_PAGE + 1) if number not in pages][:1]
    entries = [(number, world.pte(who, number)) for number in pages]
    free = [number for number, pte in entries if world.fresh or pte is None or pte.vma is None]
    return free + beyond or pages


def _first(world: World, who: str, verb: str, element: str, options: list[str], page: int) -> str:
    """The choice that is offered first: what would change something."""
    pte = world.pte(who, page)
    vma = pte.vma if pte is not None else None
    if verb == "mprotect":
        return "r" if vma is not None and vma.prot == "rw" else "rw"
    if verb == "uffd_wp":
        return "off" if vma is not None and vma.uffd_wp else "on"
    if element in ("C", "Q"):
        return next((name for name in options if name not in (who, options[0])), options[0]) if options else ""
    if verb == "ksm" and element == "[@N]" and len(world.processes) == 1:
        return next((option for option in options if option != f"@{page}"), options[0])
    return f"@{page}" if f"@{page}" in options else options[0] if options else ""


def _no(
    world: World, who: str, verb: str, parts: Sequence[str | dict[str, Any]], pages: Iterable[int]
) -> dict[str, str]:
    """Why not, for every choice that cannot happen."""
    own = {"V": ["A"], "C": [_unused(FRESH_PROCESSES, _names(world))], "g": [_unused(FRESH_REFERENCES, _names(world))]}
    own["@"] = [f"@{page}" for page in pages]
    words = [own[part] if isinstance(part, str) else part["options"] for part in parts]
    if not all(words):
        return {"*": "there is no process left"}
    chosen = [k for k, part in enumerate(parts) if part not in ("V", "C", "g")]
    found, tried = {}, 0
    for line in product(*words):
        tried += 1
        reason = impossible(world, parse_event(f"{who}: {verb} {' '.join(line)}"))
        if reason is not None:
            found[" ".join(line[k] for k in chosen)] = reason
    same = len(found) == tried and len(set(found.values())) == 1
    return {"*": next(iter(found.values()))} if same else found


def _names(world: World) -> set[str]:
    return {process.name for process in world.processes} | {reference.name for reference in world.references}


def in_words(found: dict[str, Any]) -> list[str]:
    """A line for everybody: what they commonly do."""
    lines = []
    for group in found["groups"]:
        can = [_words(verb, found["slots"]) for verb in group["verbs"] if not verb["more"] and "*" not in verb["no"]]
        lines += [f"{group['who']}: {', '.join(can)}"] if can else []
    return lines


def _words(verb: dict[str, Any], slots: dict[str, Any]) -> str:
    words = [verb["verb"]]
    for part in verb["parts"]:
        if part == "@":
            words += [f"@{slots['@']}"] if slots["@"] else []
        else:
            words.append(slots[part] if isinstance(part, str) else "|".join(part["options"]))
    return " ".join(words)
