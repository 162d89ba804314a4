"""The explorer beside Spin, which is what one would otherwise use: one small world, written twice, end to end.

spin/world.pml is the world in Promela. First both explore a small world without any reduction, and must find the same
number of states and transitions. Then Spin (generate, gcc and pan together) and cowlab (the whole Python process) are
timed on larger worlds. Spin only counts here. cowlab also judges all six laws on every edge and replays the witnesses.

    python benchmarks/bench_explore.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

PROMELA = Path(__file__).resolve().parent / "spin" / "world.pml"
GROUPS = {  # what each macro of world.pml switches on, besides what is always there
    "": ("write", "read", "fork", "exit", "munmap"),
    "REFERENCES": ("vmsplice", "put"),
    "REGISTER": ("register", "g: write"),
    "SWAP": ("swap_out",),
    "PROTECT": ("mprotect r", "mprotect rw", "clear_refs"),
}
NAMES = ("P", "C", "D")  # the places of processes in Spin's arrays: fork takes the first that is free
SPIN_STARTS = (1, 2)  # pan also counts the state before its first statement, and two steps before the first event


class Size(NamedTuple):
    """One size of the world, with the events that its macros switch on."""

    processes: int
    pages: int
    references: int
    switches: tuple[str, ...] = ()
    policy: str = "v5.7"

    def __str__(self) -> str:
        size = f"{self.processes} processes, {self.pages} page{'s' * (self.pages > 1)}, {self.references} reference"
        return f"{self.policy}, {size}{'s' * (self.references > 1)}"

    @property
    def events(self) -> tuple[str, ...]:
        on = {"", *self.switches, *(["REFERENCES"] if self.references else [])}
        return tuple(event for group, events in GROUPS.items() if group in on for event in events)

    @property
    def macros(self) -> list[str]:
        counts = [f"-D{name.upper()}={getattr(self, name)}" for name in ("processes", "pages", "references")]
        return [*counts, *(f"-D{name}" for name in self.switches), *["-DPAGE_COUNT"] * (self.policy == "v5.9")]


SMALL = (Size(2, 1, 1, ("REGISTER", "SWAP")), Size(2, 1, 1, ("REGISTER",), "v5.9"))
LARGEST = Size(2, 2, 1, ("REGISTER",))
TIMED = (SMALL[0], Size(2, 2, 1), LARGEST)


# --- cowlab: runs in a process of its own ----------------------------------------------------------------------------


def explored(world: Size, reduction: str) -> dict[str, int]:
    """Explore that world with a reduction.

    none; "frames only": frames by first use, contents as in Promela; frames: frames by first use, and contents reduced
    to what a law can ask; symmetry: processes and references interchangeable as well.
    """
    from cowlab.explore import explore
    from cowlab.model import Bounds, Memory
    from cowlab.policy import POLICIES, tabulated

    bounds = Bounds(world.processes, world.pages, world.references, 0, "anon", world.events)
    policy = tabulated(POLICIES[world.policy])
    if reduction in ("frames", "symmetry"):
        keys = {} if reduction == "symmetry" else {"interchangeable": ()}
        found = explore(Memory(policy, bounds, **keys), max_states=10**8)
    else:
        found = explore(as_in_promela(policy, bounds, rename=reduction != "none"), max_states=10**8)
    assert found.complete, found.stopped
    return {"states": found.states, "transitions": found.transitions}


def as_in_promela(policy: Any, bounds: Any, *, rename: bool) -> Any:
    """cowlab's own model, but a state is what it is in Promela: names kept, contents as the set of who may see them.

    rename: frames and slots are numbered by first use instead of lowest free first, and nothing else is reduced.
    """
    from cowlab.ideal import Ideal
    from cowlab.keys import ByUse, Keys
    from cowlab.model import Memory, Situation
    from cowlab.world import Store, World, cached_in

    Plain = Mapping[Any, Any]

    class Promela(Keys):
        def __call__(self, world: World, ideal: Ideal) -> Any:
            frames: Plain = ByUse({None: 0, 0: 1}) if rename else {None: None, **{n: n for n in range(99)}}
            slots: Plain = ByUse({None: 0}) if rename else {None: None, **{n: n for n in range(99)}}
            holders: list[tuple[Hashable, int]] = [((name, page), cell) for name, page, cell in ideal.maps]
            holders += [(contract.name, contract.cell) for contract in ideal.contracts]
            known = {n: {*cell.now.ids, *(i for old in cell.past for i in old.store.ids)} for n, cell in ideal.cells}

            def may_see(store: Store) -> frozenset[Hashable]:
                return frozenset(holder for holder, cell in holders if not known[cell].isdisjoint(store.ids))

            processes = tuple(
                (
                    process.name,
                    process.has_pinned and "mm_has_pinned" in self.reads,
                    *((pte.vma, frames[pte.frame], slots[pte.slot], pte.write) for _, pte in process.ptes),
                )
                for process in sorted(world.processes)
            )
            mates = {c.name: frozenset(holder for holder, cell in holders if cell == c.cell) for c in ideal.contracts}
            references = tuple((r.name, r.take, frames[r.frame], mates[r.name]) for r in sorted(world.references))
            contents = frozenset(
                (frames[number], may_see(frame.holds), slots[frame.slot])
                for number, frame in enumerate(world.frames)
                if number and frame is not None
            )
            written = frozenset(
                (slots[slot], may_see(store))
                for slot, store in enumerate(world.slots)
                if store is not None and cached_in(world, slot) is None
            )
            return processes, references, contents, written

    class AsInPromela(Memory):
        def __init__(self) -> None:
            super().__init__(policy, bounds)
            self.keys = Promela(policy, self.laws)

        def events(self, state: Situation) -> Iterator[Any]:  # type: ignore[override]
            alive = {process.name for process in state.world.processes}
            for event in super().events(state):
                child = next((name for name in NAMES if name not in alive), "")
                yield event._replace(args=(child,)) if event.verb == "fork" else event

        def broken(self, before: Situation, event: Any, after: Situation) -> list[str]:
            return []

    return AsInPromela()


# --- measuring -------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    """CPU seconds (user and system) and peak memory of child processes, and what the last one printed."""

    seconds: float
    megabytes: float
    output: str


def run(command: Iterable[str | Path], folder: str | None = None) -> Cost:
    """Run a command to its end. Raises RuntimeError if it fails."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(words, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)  # what this child used, and no other
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if child.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{text}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, text)


def cowlab(world: Size, reduction: str) -> tuple[Cost, dict[str, int]]:
    """Explore in a fresh Python process."""
    cost = run([sys.executable, Path(__file__).resolve(), "--explore", json.dumps([*world]), reduction])
    return cost, json.loads(cost.output)


def spin(world: Size) -> tuple[Cost, Cost, dict[str, int]]:
    """Generate, compile and run: the cost of making pan, the cost of pan, and what it counted."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PROMELA, folder)
        generated = run(["spin", "-a", "-o2", *world.macros, PROMELA.name], folder)
        compiled = run(["gcc", "-w", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"], folder)
        searched = run([Path(folder) / "pan", "-m100000"], folder)
    made = Cost(generated.seconds + compiled.seconds, max(generated.megabytes, compiled.megabytes), "")
    if "errors: 0" not in searched.output or "max search depth too small" in searched.output:
        raise RuntimeError(f"pan did not explore everything:\n{searched.output}")
    counts = {
        what: round(float(re.findall(rf"(\S+) {what}", searched.output)[0])) - more
        for what, more in zip(("states, stored", "transitions"), SPIN_STARTS, strict=True)
    }
    return made, searched, {"states": counts["states, stored"], "transitions": counts["transitions"]}


def cheapest(measure: Callable[[], Any], cpu: Callable[[Any], float], rounds: int) -> Any:
    """The run that took the least CPU time: other work on the machine only ever adds."""
    return min((measure() for _ in range(rounds)), key=cpu)


# --- the tables ------------------------------------------------------------------------------------------------------


def agree(world: Size) -> None:
    """Both explore that world without reduction and find the same."""
    counted = spin(world)[2]
    unreduced = cowlab(world, "none")[1]
    renamed = cowlab(world, "frames only")[1]["states"]
    ours, full = cowlab(world, "frames")[1]["states"], cowlab(world, "symmetry")[1]["states"]
    print(f"{world}: {', '.join(world.events)}")
    for what, count in counted.items():
        print(f"  {what:<12} Spin {count:>9,}   cowlab, unreduced {unreduced[what]:>9,}")
        assert count == unreduced[what], f"not the same number of {what}"
    for what, states in (
        ("unreduced", unreduced["states"]),
        ("frames by first use, contents as in Promela", renamed),
        ("frames by first use, contents as cowlab has them", ours),
        ("full symmetry as well", full),
    ):
        print(f"  {what:<50}{states:>9,} states  {unreduced['states'] / states:>7.1f}x fewer")


def compare(world: Size, rounds: int, *, with_spin: bool) -> None:
    print(f"{world}: {', '.join(world.events)}")
    print(f"  {'':<28}{'states':>10}{'transitions':>12}{'CPU s':>8}{'peak MB':>9}{'Spin / this':>13}")
    whole = 0.0
    if with_spin:
        made, searched, counted = cheapest(partial(spin, world), lambda r: r[0].seconds + r[1].seconds, rounds)
        whole = made.seconds + searched.seconds
        print(f"  {'Spin: generate and gcc':<50}{made.seconds:>8.2f}{made.megabytes:>9.0f}")
        print(f"  {'Spin: pan':<50}{searched.seconds:>8.2f}{searched.megabytes:>9.0f}")
        print(f"  {'Spin, end to end':<28}{counted['states']:>10,}{counted['transitions']:>12,}{whole:>8.2f}")
    reductions = {"cowlab, frames renamed": "frames", "cowlab, full symmetry": "symmetry"}
    if world != LARGEST:  # too slow there
        reductions = {"frames renamed, no more (*)": "frames only", **reductions}
    for what, reduction in reductions.items():
        cost, found = cheapest(partial(cowlab, world, reduction), lambda r: r[0].seconds, rounds)
        ratio = f"{whole / cost.seconds:.2f}" if with_spin else "-"
        print(
            f"  {what:<28}{found['states']:>10,}{found['transitions']:>12,}"
            f"{cost.seconds:>8.2f}{cost.megabytes:>9.0f}{ratio:>13}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="cowlab's explorer beside Spin, end to end")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the cheapest counts (1)")
    parser.add_argument("--explore", nargs=2, metavar=("WORLD", "REDUCTION"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.explore:
        processes, pages, references, switches, policy = json.loads(args.explore[0])
        print(json.dumps(explored(Size(processes, pages, references, tuple(switches), policy), args.explore[1])))
        return
    missing = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
    if missing:
        print(f"NOT COMPARED WITH SPIN: {' and '.join(missing)} not installed (on Debian: apt-get install spin gcc).")
        print("What follows is cowlab's side only; that both find the same states was not checked.\n")
    else:
        print("Without reduction, the same world in both:\n")
        for world in SMALL:
            agree(world)
            print()
    print(f"CPU seconds end to end, cheapest of {args.rounds}:\n")
    for world in TIMED:
        compare(world, args.rounds, with_spin=not missing)
        print()
    print(
        "(*) contents as in Promela, and only counted: no laws. The rows of cowlab proper also leave out of a state what"
    )
    print("no law can ask for, judge six laws on every edge and replay the witnesses. Spin only counts.")


if __name__ == "__main__":
    main()
