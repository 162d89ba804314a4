"""Less privileged, and on systems that grant less: what still holds, and that nothing is graded where too little does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from arena import LESSON, MARK, POINTS, cells, notebook
from course import NO_LANDLOCK, NO_NAMESPACES, NO_SECCOMP, cowlab, made
from elsewhere import other_pythons
from needs import missing

ALL = sum(POINTS.values())
NOBODY = 65534
OUT_OF_REACH = (
    "read the course",
    "list the course",
    "read a password file",
    "read what is installed",
    "read the parent",
)
OUT_OF_REACH += (
    "write to the library",
    "write to /tmp of all",
    "signal the parent",
    "signal its parent",
    "network",
    "fork",
    "program",
)


def a_python_for(user: int | None) -> str:
    """An interpreter that this user may run: this one, or another of the machine."""
    others = ["/usr/bin/python3", *map(str, other_pythons().values())]
    for python in (sys.executable, *others):
        code = "import sys, ctypes, os; sys.exit(sys.version_info < (3, 11))"
        try:
            done = subprocess.run(
                [python, "-c", code],
                user=user,
                group=user,
                extra_groups=[] if user else None,
                check=False,
                cwd="/",
                env={},
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    missing("no Python 3.11 that another user may run")


def run(course: Path, user: int | None) -> dict[str, Any]:
    """What as_nobody.py found out."""
    more: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
    env = {"PYTHONPATH": str(course), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [a_python_for(user), "as_nobody.py"]
    done = subprocess.run(
        command, cwd=course, env=env, capture_output=True, text=True, check=False, timeout=200, **more
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def holds(found: dict[str, Any]) -> None:
    assert (found["lacks"], found["wrong"], found["honest"]) == ([], [], ALL)
    reached = {
        name: found["probes"][name]
        for name in OUT_OF_REACH
        if not re.fullmatch("'(PermissionError|FileNotFoundError|OSError|ProcessLookupError)'", found["probes"][name])
    }
    assert not reached
    assert found["probes"]["ptrace"] == "-1"


@contextmanager
def somebody() -> Iterator[int | None]:
    """A user who is not root: nobody, if we are root and may become it; else ourselves."""
    if os.getuid() == 0:
        yield NOBODY
    else:
        yield None


def test_without_root_user_namespaces_confine(course: Path) -> None:
    with somebody() as user:
        found = run(course, user)
    assert found["uid"] != 0
    if "mount" not in found["in force"]:
        missing("this system grants no user namespaces")
    assert {"mount", "network", "ipc", "pid", "seccomp", "rlimits"} <= set(found["in force"])
    holds(found)
    assert found["probes"]["import late"] == "'csv'"


@pytest.mark.parametrize("who", ["root", "nobody"])
def test_without_namespaces_landlock_and_seccomp_hold_the_floor(who: str) -> None:
    user = NOBODY if who == "nobody" and os.getuid() == 0 else None
    if who == "root" and os.getuid() != 0:
        missing("not root")
    with made(NO_NAMESPACES) as course:
        found = run(course, user)
    if "landlock" not in found["in force"]:
        missing("this kernel has no Landlock")
    assert found["in force"] == ["rlimits", "landlock", "seccomp"]
    holds(found)


def test_root_in_a_container_that_knows_nobody_else(course: Path) -> None:
    """Its user namespace has no other user to become: the rest must do, and does."""
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        a_python_for(NOBODY if os.getuid() == 0 else None),
        "as_nobody.py",
    ]
    more: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    env = {"PYTHONPATH": str(course), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, cwd=course, env=env, capture_output=True, text=True, check=False, timeout=200, **more
    )
    if "unshare" in done.stderr and done.returncode:
        missing("this system grants no user namespaces")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["uid"] == 0
    holds(found)


def test_with_too_little_nothing_is_graded_unless_all_are_trusted(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / f"{LESSON}.ipynb").write_bytes(notebook(*cells()))
    with made(NO_NAMESPACES + NO_LANDLOCK + NO_SECCOMP) as course:
        done = cowlab(course, "grade", str(tmp_path), "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            "a submission could reach files and network and signals" in done.stderr
            and "--trust-submissions" in done.stderr
        )
        done = cowlab(course, "grade", str(tmp_path), "--json", "--trust-submissions")
        record = json.loads(done.stdout)
        assert (record["points"], record["isolation"]) == (ALL, "rlimits")
    with made(NO_NAMESPACES + NO_LANDLOCK) as course:
        done = cowlab(course, "grade", str(tmp_path))
        assert done.returncode == 2 and "could reach files:" in done.stderr
    with made("\n\ndef lock(*args, **more):\n    raise OSError('no')\n") as course:
        done = cowlab(course, "grade", str(tmp_path))
        assert done.returncode == 2 and "cannot be graded here" in done.stderr and "Traceback" not in done.stderr


def test_trusted_submissions_are_confined_all_the_same_where_it_can_be_done(course: Path, tmp_path: Path) -> None:
    (tmp_path / f"{LESSON}.ipynb").write_bytes(notebook(*cells()))
    done = cowlab(course, "grade", str(tmp_path), "--json", "--trust-submissions")
    assert "seccomp" in json.loads(done.stdout)["isolation"]


def test_a_child_that_is_confined_less_than_the_first_is_our_fault(arena: Any) -> None:
    """Namespaces may run out in the middle of a class."""
    from arena import graded

    before = arena.in_force
    arena.in_force = (*before, "moat")
    try:
        found = graded(arena, notebook(*cells()))["guess"]
        assert (found.status, found.verdict) == (
            "our fault",
            None,
        ) and "not confined as the first one was: no moat" in found.says
    finally:
        arena.in_force = before
    assert MARK not in found.says
