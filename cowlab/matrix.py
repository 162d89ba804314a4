"""Explorations as documents: one policy, or policies x laws, in parallel, with what was found kept on disk.

The explorer and the model behind it are pure; this is where the disk, the clock and other processes come in.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from cowlab.check import Report, check, unexplored
from cowlab.explore import Progress
from cowlab.laws import LAWS
from cowlab.model import Bounds
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import policy_named

CORE = (
    "world",
    "events",
    "policy",
    "fault",
    "reclaim",
    "gup",
    "kernel",
    "ideal",
    "explore",
    "laws",
    "keys",
    "model",
    "compose",
    "check",
)
MAX_STATES = 500_000
MAX_MEGABYTES = 4_000


def document(report: Report, seconds: float) -> dict[str, Any]:
    """What `cowlab explore --json` prints. holds is null where nothing was found but not everything was seen."""
    laws = {}
    for law, events in report.witnesses.items():
        script = report.script(law)
        laws[law] = {
            "holds": report.holds(law),
            "witness": None if script is None else script.splitlines(),
            "length": None if events is None else len(events),
        }
    bounds = report.bounds._asdict()
    return {
        "policy": report.policy.name,
        "fingerprint": report.policy.fingerprint,
        "events": list(bounds.pop("events")),
        "bounds": bounds,
        "reduction": report.reduction,
        "states": report.states,
        "transitions": report.transitions,
        "depth": report.depth,
        "complete": report.complete,
        "stopped": report.stopped,
        "sometimes": report.sometimes,
        "seconds": round(seconds, 3),
        "laws": laws,
    }


def cell_words(result: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """✗ and the length, ✓ only where all was seen, ◐ where it was not."""
    if result["holds"] is False:
        return f"✗ {result['length']}"
    return "✓ complete" if result["holds"] else f"◐ to depth {tried(found)}"


def tried(found: Mapping[str, Any]) -> int:
    """The depth to which a search that was stopped tried everything: of the longest scripts it did not."""
    return max(int(found["depth"]) - 1, 0)


def bounds_words(found: Mapping[str, Any]) -> str:
    """`2 processes, 1 page, 1 reference, 1 hold, kind anon`."""
    bounds = found["bounds"]
    one = {"processes": "process", "pages": "page", "references": "reference", "holds": "hold"}
    counts = [f"{bounds[many]} {word if bounds[many] == 1 else many}" for many, word in one.items()]
    return f"{', '.join(counts)}, kind {bounds['kind']}"


def memory_ceiling(megabytes: int) -> Callable[[], str]:
    """Says so when this process uses more than that. Where it cannot be told, it never does."""

    def exhausted() -> str:
        return f"{megabytes:,} MB of memory" if memory_used() > megabytes * 1_000_000 else ""

    return exhausted


def memory_used() -> int:
    """Bytes in use now; where only the most ever used is known, that; 0 where nothing is."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1000


def explore_policy(
    policy: Policy,
    bounds: Bounds,
    laws: tuple[str, ...] = LAWS,
    *,
    max_states: int = MAX_STATES,
    max_depth: int | None = None,
    max_megabytes: int = MAX_MEGABYTES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Explore one policy and return the document."""
    start = time.perf_counter()
    ceiling = memory_ceiling(max_megabytes)
    report = check(
        policy, bounds, laws, max_states=max_states, max_depth=max_depth, exhausted=ceiling, progress=progress
    )
    return document(report, time.perf_counter() - start)


def matrix(
    names: Iterable[str] = tuple(POLICIES),
    bounds: Bounds = Bounds(),  # noqa: B008 - immutable
    laws: tuple[str, ...] = LAWS,
    *,
    max_states: int = MAX_STATES,
    max_megabytes: int = MAX_MEGABYTES,
    cache: Path | None = None,
    executor: Executor | None = None,
    done: Callable[[str], object] = str,
) -> dict[str, dict[str, Any]]:
    """The documents of several built-in rows, by name. done(name) is called as each is there. After an interrupt the
    rows that were not explored say so.

    executor: who explores; without one, processes of our own, which end with us.
    """
    names = list(names)
    found = recalled(cache, names, bounds, laws, max_states)
    for name in found:
        done(name)
    missing = [name for name in names if name not in found]
    if missing:
        with ExitStack() as stack:
            workers = min(len(missing), os.cpu_count() or 1)
            pool = executor or stack.enter_context(ProcessPoolExecutor(workers))
            limits = (max_states, max_megabytes)
            jobs = {pool.submit(explore_named, name, bounds, laws, *limits): name for name in missing}
            try:
                for job in as_completed(jobs):
                    name = jobs[job]
                    found[name] = job.result()
                    remember(cache, name, bounds, laws, max_states, found[name])
                    done(name)
            except KeyboardInterrupt:  # those at work hear it too, and end by themselves
                for job in jobs:
                    job.cancel()
    for name in set(missing) - set(found):
        found[name] = document(unexplored(policy_named(name), bounds, laws), 0)
    return {name: found[name] for name in names}


def explore_named(
    name: str, bounds: Bounds, laws: tuple[str, ...], max_states: int, max_megabytes: int
) -> dict[str, Any]:
    return explore_policy(policy_named(name), bounds, laws, max_states=max_states, max_megabytes=max_megabytes)


# --- the cache -------------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where results are kept: the user's cache folder, or COWLAB_CACHE."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COWLAB_CACHE") or Path(base) / "cowlab")


@lru_cache(1)  # what runs is what was there at the start, even if a file is edited meanwhile
def code_fingerprint() -> str:
    """Changes with any file of the core, and with this one: then nothing that was found before counts."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / f"{name}.py").read_bytes() for name in (*CORE, "matrix"))).hexdigest()


def decisions_of(name: str) -> list[str]:
    """What tells a row from another of the same name: each decision's code."""
    codes = [getattr(decision, "__code__", None) for decision in policy_named(name).decisions.values()]
    return ["" if code is None else f"{code.co_code.hex()} {code.co_names} {code.co_consts}" for code in codes]


def entry(folder: Path, *what: object) -> Path:
    key = json.dumps([*what, decisions_of(str(what[0])), code_fingerprint()], default=str)
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def recall(folder: Path | None, *what: object) -> dict[str, Any] | None:
    if folder is None:
        return None
    try:
        known = json.loads(entry(folder, *what).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and "laws" in known else None


def recalled(
    folder: Path | None,
    names: Iterable[str] = tuple(POLICIES),
    bounds: Bounds = Bounds(),  # noqa: B008 - immutable
    laws: tuple[str, ...] = LAWS,
    max_states: int = MAX_STATES,
) -> dict[str, dict[str, Any]]:
    """What is known of these rows, by name."""
    known = {name: recall(folder, name, bounds, laws, max_states) for name in names}
    return {name: found for name, found in known.items() if found is not None}


def remember(folder: Path | None, *what: Any) -> None:
    """Keep the last of `what` under the others. A cache that cannot be written is none."""
    *key, found = what
    if folder is None or found["stopped"] not in ("", f"{key[-1]:,} states"):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = entry(folder, *key)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(found), "utf-8")
        fresh.replace(path)
    except OSError:
        pass
