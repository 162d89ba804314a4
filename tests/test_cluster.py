"""`cowlab grade --scheduler`: a real Dask scheduler and two workers on loopback, one of which is killed half-way."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from arena import LESSON, POINTS, cells, notebook, nothing_left
from course import NO_NAMESPACES, NO_SECCOMP, cowlab, hand_in, made, started
from needs import missing
from test_batch import a_class, complete, kept, reached

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only"),
    pytest.mark.slow,
]
ALL = sum(POINTS.values())


class Cluster(NamedTuple):
    address: str
    port: int
    scheduler: subprocess.Popen[str]
    workers: list[subprocess.Popen[str]]


@contextmanager
def dask(course: Path, module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of Dask's own, without a dashboard."""
    running = started(course, *arguments, "--no-dashboard", module=f"distributed.cli.{module}")
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@contextmanager
def cluster(course: Path, workers: int = 2) -> Iterator[Cluster]:
    if importlib.util.find_spec("distributed") is None:
        missing("distributed is not installed")
    with ExitStack() as stack:
        scheduler = stack.enter_context(dask(course, "dask_scheduler", "--host", "127.0.0.1", "--port", "0"))
        address = port = ""
        assert scheduler.stderr is not None
        while not address:
            line = scheduler.stderr.readline()
            assert line, "the scheduler did not start"
            if found := re.search(r"(tcp://127\.0\.0\.1:(\d+))", line):
                address, port = found.groups()
        one = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
        running = [stack.enter_context(dask(course, "dask_worker", address, *one)) for _ in range(workers)]
        yield Cluster(address, int(port), scheduler, running)


def test_a_worker_that_dies_loses_nothing_and_nothing_comes_twice(course: Path, tmp_path: Path) -> None:
    folder, out = a_class(tmp_path / "in", 40), tmp_path / "out"
    (tmp_path / "in" / "zoe").mkdir()
    (tmp_path / "in" / "zoe" / f"{LESSON}.ipynb").symlink_to("/etc/passwd")
    with nothing_left(20) as left, cluster(course) as found:
        grader = started(course, "grade", str(folder), "--scheduler", found.address, "--out", str(out), "--json")
        reached(out, 10, grader)
        os.kill(found.workers[0].pid, signal.SIGKILL)
        output, errors = grader.communicate(timeout=200)
        assert grader.returncode == 0, errors
    assert not left
    records = [json.loads(line) for line in output.splitlines()]
    link = records.pop()
    assert (link["student"], link["error"]) == ("zoe", "a symbolic link is not followed")
    complete(records, 40)
    assert len(kept(out)) == 41 and len(list((out / "certificates").iterdir())) == 40 * 5


def test_a_submission_cannot_reach_the_scheduler_and_what_it_kills_is_only_its_own(
    course: Path, tmp_path: Path
) -> None:
    with cluster(course, 1) as found:
        socket.create_connection(("127.0.0.1", found.port), 5).close()  # from here it can be reached
        reach = f"import socket\ndef guess(): return socket.create_connection(('127.0.0.1', {found.port}), 1)\n"
        hand_in(tmp_path, "ada", notebook(*cells(guess=reach)))
        done = cowlab(course, "grade", str(tmp_path), "--scheduler", found.address, "--json")
        record = json.loads(done.stdout)
        assert record["points"] == ALL - POINTS["guess"] and "seccomp" in record["isolation"]
        assert "PermissionError: [Errno 1]" in record["tasks"][0]["reason"]


def test_a_scheduler_that_goes_away_is_said_and_what_was_done_is_kept(course: Path, tmp_path: Path) -> None:
    folder, out = a_class(tmp_path / "in", 16), tmp_path / "out"
    with cluster(course, 1) as found:
        grader = started(course, "grade", str(folder), "--scheduler", found.address, "--out", str(out), "--json")
        reached(out, 3, grader)
        found.scheduler.kill()
        output, errors = grader.communicate(timeout=120)
        assert (grader.returncode, output) == (2, "") and "no Dask scheduler" in errors and "Traceback" not in errors
    done = cowlab(course, "grade", str(folder), "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    complete([json.loads(line) for line in done.stdout.splitlines()], 16)


def test_a_worker_that_cannot_shut_off_the_network_grades_nothing(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", notebook(*cells()))
    with made(NO_NAMESPACES + NO_SECCOMP) as course, cluster(course, 1) as found:
        for trust in ([], ["--trust-submissions"]):
            done = cowlab(course, "grade", str(tmp_path), "--scheduler", found.address, "--json", *trust)
            record = json.loads(done.stdout)
            assert record["points"] is None and record["error"].startswith(
                "our fault: a submission could reach network"
            )


def test_a_scheduler_without_workers_is_waited_for_and_that_is_said(course: Path, tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", notebook(*cells()))
    with cluster(course, workers=0) as found:
        grader = started(course, "grade", str(tmp_path), "--scheduler", found.address, "--json")
        assert grader.stderr is not None
        assert f"no workers yet, and this waits for some: `dask worker {found.address}`" in grader.stderr.readline()
        grader.kill()
        grader.communicate()


def test_no_scheduler_and_no_dask_are_said(course: Path, tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", notebook(*cells()))
    if importlib.util.find_spec("distributed") is not None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        done = cowlab(course, "grade", str(tmp_path), "--scheduler", f"tcp://127.0.0.1:{port}", "--json")
        assert done.returncode == 2 and "no Dask scheduler" in done.stderr and "Traceback" not in done.stderr
        for nonsense in ("8786", "tcp://127.0.0.1", "http://127.0.0.1:1"):
            done = cowlab(course, "grade", str(tmp_path), "--scheduler", nonsense, "--json")
            assert done.returncode == 2 and "an address such as tcp://host:8786 was expected" in done.stderr
    with made() as without:
        (without / "distributed.py").write_text("raise ImportError\n")
        done = cowlab(without, "grade", str(tmp_path), "--scheduler", "tcp://127.0.0.1:1", "--json")
        assert done.returncode == 2 and "pip install 'cowlab[grading]'" in done.stderr
