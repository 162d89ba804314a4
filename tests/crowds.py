"""Scripts that fill a picture: five processes, four pages, six references."""

from __future__ import annotations

from walks import VERBS

from cowlab import POLICIES, World, enabled, transition
from cowlab.events import format as format_event
from cowlab.events import parse_event

PAGES = range(4)
TAKES = ("vmsplice", "get", "pin", "register", "direct_read", "direct_write")
SETUP = [f"P: mmap anon @{page}" for page in PAGES[1:]] + [f"P: write A @{page}" for page in PAGES]
SETUP += [f"P: fork {child}" for child in "CDEQ"]


def long_script(lines: int) -> str:
    """Five processes with four pages each that write, fork, pin and swap, always the same."""
    verbs = [v for v in VERBS if v not in ("exit", "fork", "mmap", "munmap", "file")] + ["write"] * 8
    world, events, number = World(), [], 7
    for line in SETUP:
        world, events = _happens(world, line, events)
    while len(events) < lines:
        number = (number * 1103515245 + 12345) % 2**31
        verb = verbs[number // 7 % len(verbs)]
        if len(world.references) >= 6 and verb in TAKES:
            verb = "put"
        possible = list(enabled(world, (verb,), values="AB", pages=PAGES))
        if possible:
            world, events = _happens(world, format_event(possible[number // 1001 % len(possible)]), events)
    return "\n".join(events)


def _happens(world: World, line: str, events: list[str]) -> tuple[World, list[str]]:
    step = transition(world, parse_event(line), POLICIES["v6.5"])
    assert step is not None, line
    return step.world, [*events, line]
