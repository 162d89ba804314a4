"""`cowlab grade` on folders that somebody filled who means harm: links, pipes, names, sizes; and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from arena import HONEST, LESSON, MARK, POINTS, SECRET, cell, cells, descendants, notebook, nothing_left
from course import cowlab, hand_in, started

ALL = sum(POINTS.values())
NAMES = [
    "$(touch MARK)",
    "`touch MARK`",
    "; touch MARK",
    "-rf",
    "--out",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "new\nline",
    "\x1b[2J\x1b[31mred",
    "\u202eltr",
    "%s%n{0}",
    "x" * 250,
    "..x",
    "[bold]rich[/bold]",
    "caf\u00e9",
    os.fsdecode(b"\xff\xfe"),
]


def put(folder: Path, student: str, data: bytes) -> None:
    hand_in(folder, student.replace("MARK", MARK), data)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """What a class handed in: one of everything."""
    folder = tmp_path / "hand in"
    put(folder, "honest", notebook(*cells()))
    for number, name in enumerate(NAMES):
        put(folder, name, notebook(*cells(), cell(f"x = {number}")))
    boom = "import os\ndef guess(): raise ValueError('<script>\\x1b[2J' + os.getcwd())\n"
    put(folder, "exception", notebook(*cells(guess=boom)))
    put(folder, "killer", notebook(*cells(guess="import os, signal\ndef guess(): os.kill(os.getpid(), 9)\n")))
    put(folder, "not json", b"hello")
    put(folder, "large", b"")
    os.truncate(folder / "large" / f"{LESSON}.ipynb", 200_000_000)
    for name in ("link", "link to nothing", "pipe", "folder", "device"):
        (folder / name).mkdir()
    book = f"{LESSON}.ipynb"
    (folder / "link" / book).symlink_to(folder / "honest" / book)
    (folder / "link to nothing" / book).symlink_to("/nothing")
    os.mkfifo(folder / "pipe" / book)
    (folder / "folder" / book).mkdir()
    (folder / "device" / book).symlink_to("/dev/zero")
    (folder / "linked folder").symlink_to(folder / "honest")
    (folder / "ring").symlink_to(folder)
    (folder / "results.jsonl").write_text('{"points": 999}\n')
    return folder


def test_a_class_that_means_harm(course: Path, class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with nothing_left() as left:
        done = cowlab(course, "grade", "./", "--out", str(out), "--jobs", "2", "--json", cwd=class_folder)
    assert not left and done.stderr == "no notebook, and so no line, for linked folder, ring\n"
    records = lines(done)
    by_student = {record["student"]: record for record in records}
    assert len(records) == len(by_student) == len(NAMES) + 10
    assert done.stdout.isascii() and SECRET not in done.stdout
    assert all(sign.isprintable() for record in records for sign in record["student"] + record["submission"])
    errors = {name: record["error"] for name, record in by_student.items() if record["error"]}
    assert {name: error.partition(":")[0] for name, error in errors.items()} == {
        "not json": "not a notebook",
        "large": "longer than 20 MB",
        "link": "a symbolic link is not followed",
        "link to nothing": "a symbolic link is not followed",
        "device": "a symbolic link is not followed",
        "pipe": "not a file",
        "folder": "not a file",
    }
    assert {name: by_student[name]["points"] for name in ("honest", "exception", "killer")} == {
        "honest": ALL,
        "exception": ALL - POINTS["guess"],
        "killer": ALL - POINTS["guess"],
    }
    honest = {
        name: record["points"] for name, record in by_student.items() if name not in (*errors, "exception", "killer")
    }
    assert honest == dict.fromkeys(honest, ALL)
    assert {by_student[name]["points"] for name in errors} == {0}
    assert not [path for path in (*class_folder.rglob("*"), *course.rglob("*")) if path.name == MARK]
    written = sorted(p.name for p in out.iterdir() if not re.fullmatch(r"class-[\w-]+\.html", p.name))
    assert written == ["certificates", "grades.csv", "results.jsonl", "students"]
    assert lines(cowlab(course, "grade", "./", "--out", str(out), "--json", cwd=class_folder)) == records


def test_the_table_obeys_no_escape_and_no_markup(course: Path, class_folder: Path) -> None:
    done = cowlab(course, "grade", str(class_folder))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    assert "[bold]rich[/bold]" in done.stdout and "<script>" in done.stdout


def test_one_path_is_graded_once_and_a_wrong_one_not_at_all(course: Path, class_folder: Path) -> None:
    honest = str(class_folder / "honest")
    assert len(lines(cowlab(course, "grade", honest, f"{honest}/", f"{honest}/{LESSON}.ipynb", "--json"))) == 1
    for wrong in ("nowhere", "x" * 5000, f"{honest}/nothing.ipynb"):
        done = cowlab(course, "grade", wrong, "--json")
        assert (
            done.returncode == 2
            and "no such file" in done.stderr
            and "Traceback" not in done.stderr
            and not done.stdout
        )


def test_a_submission_cannot_reach_the_results_or_another_one(course: Path, class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    reach = f"""
import os
def guess():
    found = []
    for top in ({str(out)!r}, {str(class_folder)!r}, {str(course)!r}):
        for path in (top, top + "/results.jsonl", top + "/honest/{LESSON}.ipynb", top + "/cowlab/grading/tasks/{LESSON}.toml"):
            for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_PATH):
                try: found.append((path, os.open(path, flags)))
                except OSError: pass
    raise RuntimeError(f"out={{found}}")
"""
    put(class_folder, "reach", notebook(*cells(guess=reach)))
    records = lines(cowlab(course, "grade", str(class_folder), "--out", str(out), "--json"))
    task = next(record for record in records if record["student"] == "reach")["tasks"][0]
    assert task["points"] == 0 and "out=[]" in task["reason"]


def test_nothing_outlives_a_grader_that_is_killed(course: Path, tmp_path: Path) -> None:
    """Workers, zygotes and children end with the process that started them, in the middle of a loop without an end."""
    sleeper = notebook(*cells(guess="import time\nwhile True: time.sleep(1)\n" + HONEST["guess"]))
    for name in ("one", "two", "three"):
        put(tmp_path / "in", name, sleeper)
    before = descendants()
    grader = started(course, "grade", str(tmp_path / "in"), "--jobs", "2", "--json")
    until = time.monotonic() + 60
    while (
        most := len(descendants() - before)
    ) < 8 and time.monotonic() < until:  # itself, 2 workers, 4 zygotes, a child
        time.sleep(0.02)
    assert most >= 8
    grader.kill()
    grader.communicate()
    until = time.monotonic() + 20
    while (left := descendants() - before) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left
