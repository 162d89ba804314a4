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


# Every mark for a kind of page and a kind of reference, in one picture.
VARIETY = """P: write A
P: mmap thp @1
P: write T @1
P: mmap anon @2
P: read @2
P: mmap anon @3
P: madvise mergeable @3
P: write M @3
P: fork C
C: write M @3
kernel: ksm P @3 C @3
C: vmsplice g
P: vmsplice h @1
C: munmap @2
P: fork E
E: munmap @2
E: mmap anon @2
E: write K @2
E: fork D
D: munmap @1
kernel: swap_out E @2
E: get k @2
E: write S
E: register i
E: munmap @1
E: mmap anon @1
E: write B @1
E: direct_read j @1
E: munmap @3
P: fork Q
Q: write Z
Q: direct_write n
Q: munmap @1
Q: munmap @3
Q: mmap file r @3
Q: read @3
"""
# A frame for every page of every process: one line each.
TWENTY = "\n".join(
    [
        *(line for line in SETUP if "write" not in line),
        *(
            f"{who}: write {'ABCDEGHIJKLMNOPQRSTU'[4 * k + page]} @{page}"
            for k, who in enumerate("PCDEQ")
            for page in PAGES
        ),
        *("C: register g", "D: register h @1", "E: register i @2", "Q: register j @3"),
    ]
)
# Rights and marks that a row or a frame may carry besides: protection, advice, holds, a call that was refused.
RIGHTS = """P: mmap hugetlb @1
P: write H @1
P: write A
P: mmap shared @2
P: write B @2
P: mmap file rw @3
P: read @3
P: mprotect r
P: uffd_wp on @1
P: madvise dontfork @2
P: register g @3
kernel: hold P
kernel: hold P lru
P: madvise wipeonfork
P: mprotect none @2
P: madvise mergeable
P: mprotect rw
P: pin h write longterm
P: fork C
P: mprotect r
C: read @1
kernel: swap_out C @1
P: uffd_wp off @1
kernel: drop P
"""
