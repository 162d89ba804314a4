"""Simulated events per CPU second with the full history kept, beside the usual way to keep one.

The peer is the same walk over mutable dataclasses, with copy.deepcopy() of the state before every event, which is
what one writes first. It does far less per event (it only counts mappings), so the ratio flatters the peer.

    python benchmarks/bench_step.py [--events N]
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cowlab import POLICIES, Event, World, enabled, step

VERBS = (
    "write",
    "read",
    "fork",
    "exit",
    "munmap",
    "mmap",
    "mprotect",
    "vmsplice",
    "register",
    "put",
    "madvise",
    "clear_refs",
)


def walk(events: int, seed: int = 1) -> list[Event]:
    """A random script of that many events: at most 3 processes, 2 pages, 3 references."""
    random.seed(seed)
    world, script = World(), []
    while len(script) < events:
        full = {"fork": len(world.processes) > 2, "exit": len(world.processes) < 2}
        full |= dict.fromkeys(("vmsplice", "register"), len(world.references) > 2)
        event = random.choice([e for e in enabled(world, VERBS, "AB", (0, 1)) if not full.get(e.verb)])
        after = step(world, event, POLICIES["v6.5"])
        assert after is not None
        world = after
        script.append(event)
    return script


def simulate(script: list[Event]) -> int:
    """Every World of the walk, in a list."""
    world = World()
    history = [world]
    for event in script:
        after = step(world, event, POLICIES["v6.5"])
        assert after is not None
        world = after
        history.append(world)
    return len(history)


@dataclass
class Entry:
    frame: int = 0
    write: bool = False


@dataclass
class Mutable:
    processes: dict[str, dict[int, Entry]] = field(default_factory=lambda: {"P": {0: Entry()}})
    mapcount: dict[int, int] = field(default_factory=dict)
    references: dict[str, int] = field(default_factory=dict)


def deepcopied(script: list[Event]) -> int:
    """The peer: a copy of everything, then a small change in place."""
    state = Mutable()
    history = [state]
    for event in script:
        state = copy.deepcopy(state)
        pages = state.processes.setdefault(event.actor, {0: Entry()})
        entry = pages.setdefault(event.page, Entry())
        if event.verb == "write":
            entry.frame, entry.write = len(state.mapcount) % 8 + 1, True
            state.mapcount[entry.frame] = state.mapcount.get(entry.frame, 0) + 1
        elif event.verb == "fork":
            state.processes[event.args[0]] = copy.deepcopy(pages)
        elif event.verb == "exit":
            del state.processes[event.actor]
        elif event.verb in ("vmsplice", "register"):
            state.references[event.args[0]] = entry.frame
        elif event.verb == "put":
            state.references.pop(event.actor, None)
            del state.processes[event.actor]
        history.append(state)
    return len(history)


def rate(run: Callable[[list[Event]], int], script: list[Event], times: int = 5) -> float:
    """Events per CPU second: the best of some runs, since other work on the machine only ever slows one down."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        run(script)
        best = min(best, time.process_time() - start)
    return len(script) / best


def main() -> None:
    parser = argparse.ArgumentParser(description="simulated events per CPU second, full history kept")
    parser.add_argument("--events", type=int, default=20_000)
    script = walk(parser.parse_args().events)
    ours, peer = rate(simulate, script), rate(deepcopied, script)
    print(f"step(), every World kept      {ours:>10,.0f} events per CPU second")
    print(f"dataclasses and deepcopy      {peer:>10,.0f} events per CPU second")
    print(f"ratio                         {ours / peer:>10.1f}")


if __name__ == "__main__":
    main()
