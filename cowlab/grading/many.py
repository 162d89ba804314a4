"""Many submissions: on all cores, or on a Dask cluster. Nothing is lost and nothing comes twice, whichever worker dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from cowlab.grading.batch import Item, Options, grade_bytes, grade_item, lost, session, unread
from cowlab.grading.submission import SubmissionError, content

AHEAD = 4  # submissions a worker that wait in a queue: the rest is not read yet
ADDRESS = re.compile(r"(tcp|tls|wss?)://.+:\d{1,5}")  # Dask itself is slow to see that an address is none
WAITING = "the scheduler has no workers yet, and this waits for some: `dask worker {}` starts one"


def grade_all(items: list[Item], options: Options, jobs: int | None = None) -> Iterator[dict[str, Any]]:
    """The records as they are done, graded by processes of our own. A worker that dies is replaced."""
    jobs = max(1, min(jobs or os.cpu_count() or 1, len(items)))
    waiting = deque(items)
    while waiting:
        running: dict[Future[dict[str, Any]], Item] = {}
        with pool_of(jobs) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < jobs * AHEAD:
                        running[pool.submit(grade_item, waiting[0], options)] = waiting[0]
                        waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        found = future.result()
                        del running[future]
                        yield found
            except BrokenProcessPool:
                pass
            except KeyboardInterrupt:
                for worker in multiprocessing.active_children():  # at once, whatever they do
                    worker.kill()
                raise
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
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
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=with_parent)


def with_parent() -> None:
    """End this worker when the process that started it does, however that ended; and leave Ctrl-C to that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def quiet(library: str) -> None:
    """What a library logs of a lost connection is said in one line by us."""
    for name in [library, *(name for name in logging.root.manager.loggerDict if name.startswith(f"{library}."))]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def grade_on_cluster(
    items: list[Item], options: Options, address: str, say: Callable[[str], None] = print
) -> Iterator[dict[str, Any]]:
    """The records as they are done, graded by the workers of a Dask cluster, which need no file of ours.

    say: tells why nothing happens. Raises OSError if there is no scheduler at that address or it went away, ImportError without `distributed`.
    """
    from distributed import Client, as_completed

    if not ADDRESS.fullmatch(address):
        raise OSError("an address such as tcp://host:8786 was expected")
    quiet("distributed")
    with Client(address, timeout="10s", set_as_default=False) as client:
        todo = deque(items)
        running: dict[Any, Item] = {}
        pending = as_completed(loop=client.loop)  # there is no client by default
        workers = len(client.nthreads())
        if not workers:
            say(WAITING.format(address))
        ahead = max(workers, 1) * AHEAD
        while todo or running:
            while todo and len(running) < ahead:
                item = todo.popleft()
                try:
                    data = content(Path(item.path))
                except SubmissionError as error:
                    yield unread(item, error)
                    continue
                future = client.submit(grade_on_worker, item, data, options, pure=False, retries=2)
                running[future] = item
                pending.add(future)
            if not running:
                continue
            future = next(pending)
            item = running.pop(future)
            try:
                yield future.result()
            except Exception as error:  # a worker that died with it again and again; others of Dask's own
                if client.status != "running":
                    raise OSError("the scheduler went away") from None
                yield lost(item, f"{type(error).__name__}: {error}")


def grade_on_worker(item: Item, data: bytes, options: Options) -> dict[str, Any]:
    """On a cluster a child must never reach the network: the scheduler is there."""
    lacks = session(options).lacks
    if "network" in lacks or (lacks and not options.trusted):
        return lost(item, f"a submission could reach {' and '.join(lacks)} of this worker")
    return grade_bytes(item, data, options)
