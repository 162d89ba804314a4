"""Grade many submissions: on all cores, or on a Dask cluster; what is done is kept, so that a crash costs little.

A worker holds a Session. It gets a submission's path or bytes and gives back a record: plain data, ready for a report.
"""

from __future__ import annotations

import atexit
import hashlib
import hmac
import itertools
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.certificate import certificate
from cowlab.grading.mistakes import named
from cowlab.grading.sandbox import Limits
from cowlab.grading.session import Graded, Session
from cowlab.grading.submission import SubmissionError, content, read
from cowlab.grading.task import lessons, tasks
from cowlab.grading.wire import shown
from cowlab.laws import LAWS

AHEAD = 4  # submissions a worker that wait in a queue: the rest is not read yet


class Item(NamedTuple):
    """A submission to grade: what it is called, whose it is, and its file."""

    name: str
    student: str
    path: str


class Options(NamedTuple):
    """How to grade. secret: of the course, from which each student's seed follows; "" for seed 0."""

    isolated: bool = True
    secret: str = ""
    limits: Limits = Limits()
    solutions: str = ""
    certificates: bool = False


def seed_of(student: str, secret: str) -> int:
    """The seed of a student: a number below a million that nobody without the secret can tell."""
    if not secret:
        return 0
    mixed = hmac.new(secret.encode(), student.encode(), hashlib.sha256).digest()
    return int.from_bytes(mixed[:8], "big") % 999_999 + 1


def collect(paths: Iterable[str]) -> list[Item]:
    """The notebooks in these files and folders, by name. Raises SubmissionError for a path that is not there."""
    found: list[Item] = []
    for given in paths:
        path = Path(given)
        if not path.is_symlink() and path.is_dir():
            inside = sorted(p for p in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
            found += [Item(str(p.relative_to(path)), student_of(p, path), str(p)) for p in inside]
        elif path.is_symlink() or path.exists():
            found.append(Item(path.name, student_of(path, path.parent), str(path)))
        else:
            raise SubmissionError(f"{given}: no such file or folder")
    return found


def student_of(path: Path, top: Path) -> str:
    """Whose it is: ada/01_copy_on_write.ipynb and ada/week1/01_copy_on_write.ipynb are ada's, ada.ipynb too."""
    above = path.relative_to(top).parts[:-1]
    if above:
        return above[0]
    return path.parent.resolve().name if path.stem in lessons() else path.stem


# --- a worker --------------------------------------------------------------------------------------------------------

_local = threading.local()


def session(options: Options) -> Session:
    """This worker's session."""
    if getattr(_local, "options", None) != options:
        if getattr(_local, "session", None) is not None:
            _local.session.close()
        _local.session, _local.mistakes = Session(isolated=options.isolated, limits=options.limits), {}
        _local.options = options
        atexit.register(_local.session.close)
    found: Session = _local.session
    return found


def grade_item(item: Item, options: Options) -> dict[str, Any]:
    """The record of a submission which this worker can read from its file."""
    try:
        return grade_bytes(item, content(Path(item.path)), options)
    except SubmissionError as error:
        return unread(item, error, options)


def grade_bytes(item: Item, data: bytes, options: Options) -> dict[str, Any]:
    """The record of a submission; see record()."""
    start = time.perf_counter()
    worker = session(options)
    seed = seed_of(item.student, options.secret)
    try:
        submission = read(item.name, data)
    except SubmissionError as error:
        return {**unread(item, error, options), "sha256": hashlib.sha256(data).hexdigest()}
    known = tasks(submission.lesson, seed)
    graded = worker.grade(submission, known)
    why = _mistakes(worker, submission.lesson, seed, options)
    found = record(item, submission.sha256, submission.lesson, seed, graded, why, worker.in_force)
    if options.certificates:
        found["certificates"] = [one for g in graded if (one := certificate(submission.sha256, g)) is not None]
    return {**found, "seconds": round(time.perf_counter() - start, 3)}


def _mistakes(worker: Session, lesson: str, seed: int, options: Options) -> dict[tuple[str, str], str]:
    if not options.solutions or seed:  # with other numbers the same mistake has other answers
        return {}
    if lesson not in _local.mistakes:
        _local.mistakes[lesson] = named(worker, tasks(lesson, seed), Path(options.solutions))
    found: dict[tuple[str, str], str] = _local.mistakes[lesson]
    return found


def record(
    item: Item,
    sha256: str,
    lesson: str,
    seed: int,
    graded: list[Graded],
    why: dict[tuple[str, str], str],
    in_force: tuple[str, ...],
) -> dict[str, Any]:
    """What became of a submission: one line of JSON, and all that a report needs."""
    rows = [task_record(one, why) for one in graded]
    return {
        "submission": shown(item.name, 300),
        "student": shown(item.student, 100),
        "lesson": lesson,
        "sha256": sha256,
        "seed": seed,
        "tasks": rows,
        "points": sum(row["points"] or 0 for row in rows),
        "max": sum(row["max"] for row in rows),
        "isolation": isolation(in_force),
        "seconds": 0.0,
        "error": "",
    }


def task_record(graded: Graded, why: dict[tuple[str, str], str]) -> dict[str, Any]:
    task, verdict = graded.task, graded.verdict
    parts = () if verdict is None else verdict.parts
    script, policy = ("", "") if verdict is None else verdict.witness
    fell = next((part.name for part in parts if not part.held), "")
    table = None
    if policy == "your policy":
        cells = task.data["cells"]
        table = [
            [cells[t.question[0]], t.question[1]["PageInfo"], t.answer.get("is")] for t in graded.told if t.question
        ]
    return {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        "status": graded.status,
        "points": None if verdict is None else verdict.points,
        "max": task.points,
        "law": fell if fell in LAWS else None,
        "reason": shown(graded.says, 2_000),
        "witness": script.splitlines() or None,
        "policy": policy,
        "table": table,
        "parts": [{"name": p.name, "points": p.points, "max": p.max, "says": shown(p.says, 2_000)} for p in parts],
        "answers": graded.answers,
        "mistake": why.get((task.name, graded.answers), ""),
    }


def unread(item: Item, error: Exception, options: Options) -> dict[str, Any]:
    """The record of a file that is no submission."""
    in_force = session(options).in_force
    return {**record(item, "", "", 0, [], {}, in_force), "error": shown(str(error), 500)}


def lost(item: Item, says: str) -> dict[str, Any]:
    """The record of a submission that we could not grade: our fault, and nobody's zero."""
    return {**record(item, "", "", 0, [], {}, ()), "points": None, "error": f"our fault: {says}"}


def isolation(in_force: tuple[str, ...]) -> str:
    """In words: "namespaces (mount, network, ipc, pid, user), seccomp, rlimits"."""
    spaces = [name for name in in_force if name not in ("seccomp", "rlimits", "landlock")]
    words = [f"namespaces ({', '.join(spaces)})"] if spaces else []
    return ", ".join([*words, *(name for name in ("landlock", "seccomp", "rlimits") if name in in_force)]) or "none"


# --- many ------------------------------------------------------------------------------------------------------------


def grade_all(items: list[Item], options: Options, jobs: int | None = None) -> Iterator[dict[str, Any]]:
    """The records as they are done, graded by processes of our own. A worker that dies is replaced."""
    jobs = max(1, min(jobs or os.cpu_count() or 1, len(items)))
    waiting = list(reversed(items))
    while waiting:
        running: dict[Future[dict[str, Any]], Item] = {}
        with pool_of(jobs) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < jobs * AHEAD:
                        item = waiting.pop()
                        running[pool.submit(grade_item, item, options)] = item
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        found = future.result()
                        del running[future]
                        yield found
            except BrokenProcessPool:
                pass
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():  # at once, whatever they do
                    worker.kill()
                raise
        for item in running.values():  # one of them was its end, the others are innocent
            yield alone(item, options)


def alone(item: Item, options: Options) -> dict[str, Any]:
    """The record of a submission, graded by a process which no other shares."""
    with pool_of(1) as pool:
        try:
            return pool.submit(grade_item, item, options).result()
        except BrokenProcessPool:
            return lost(item, "the process that graded it died, twice")


def pool_of(jobs: int) -> ProcessPoolExecutor:
    """Workers, which leave Ctrl-C to the process that started them, as does what they start."""
    deaf = (signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=signal.signal, initargs=deaf)


def grade_on_cluster(items: list[Item], options: Options, address: str) -> Iterator[dict[str, Any]]:
    """The records as they are done, graded by the workers of a Dask cluster, which need no file of ours.

    Raises OSError if there is no scheduler at that address, ImportError without `distributed`.
    """
    from distributed import Client, as_completed

    with Client(address, timeout="20s", set_as_default=False) as client:
        todo = iter(items)
        pending = as_completed()
        workers = max(len(client.scheduler_info()["workers"]), 1)

        def submit(item: Item) -> None:
            try:
                data = content(Path(item.path))
            except SubmissionError:
                data = b""
            pending.add(client.submit(grade_on_worker, item, data, options, pure=False, retries=2))

        for item, _ in zip(todo, range(workers * AHEAD), strict=False):
            submit(item)
        for future in pending:
            yield future.result()
            for item in itertools.islice(todo, 1):
                submit(item)


def grade_on_worker(item: Item, data: bytes, options: Options) -> dict[str, Any]:
    """On a cluster a child must never reach the network: the scheduler is there."""
    lacks = session(options).lacks
    if "network" in lacks:
        return lost(item, "this worker cannot keep a submission from the network")
    return grade_bytes(item, data, options)


def done_before(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The records of an earlier run, by submission and content; a last line that a crash cut off is left out."""
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            one = json.loads(line)
            found[one["submission"], one["sha256"]] = one
        except (ValueError, KeyError, TypeError):
            continue
    return found
