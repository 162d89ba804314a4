"""`cowlab grade` and `cowlab verify` as they are called: what they print, and how they end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from arena import LESSON, POINTS, cell, cells, notebook
from course import cowlab, hand_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only")
ALL = sum(POINTS.values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two students: one has all points, one has not answered everything."""
    hand_in(tmp_path / "in", "ada", notebook(*cells()))
    hand_in(tmp_path / "in", "bob", notebook(*cells(trap="def trap():\n    raise NotImplementedError('a script')")))
    return tmp_path / "in"


def test_a_table_says_what_fell_short_and_what_was_in_force(course: Path, folder: Path) -> None:
    done = cowlab(course, "grade", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines() if ".ipynb" in line] == [
        [f"ada/{LESSON}.ipynb", "ada", "22", "22"],
        [f"bob/{LESSON}.ipynb", "bob", "18", "22", "trap:", "open"],
    ]
    assert "2 submissions. Isolation: " in done.stdout and "seccomp" in done.stdout


def test_whom_no_line_shows_is_named(course: Path, folder: Path) -> None:
    (folder / "eve").mkdir()
    (folder / "eve" / "essay.pdf").write_text("on paper")
    (folder / ".git").mkdir()
    hand_in(folder / "bob", "late", notebook(*cells()))
    done = cowlab(course, "grade", str(folder))
    missing, twice = done.stderr.splitlines()
    assert missing == "no notebook, and so no line, for eve"
    assert twice.startswith("more than one notebook, each with a line, from bob:")
    (folder / "ada" / "pictures").mkdir()
    assert cowlab(course, "grade", str(folder / "ada")).stderr == ""


def test_who_answered_the_questions_of_another_seed_is_named(course: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of the course\n")
    hand_in(folder, "ada", notebook(*cells(), cell("SEED = 12")))
    for secret, says in ((["--secret", str(tmp_path / "secret")], "than theirs,"), ([], "than 0, and no --secret")):
        done = cowlab(course, "grade", str(folder), *secret)
        assert done.returncode == 0 and f"another SEED in the notebook {says}" in done.stderr
        assert done.stderr.strip().endswith("by ada")


def test_where_nothing_was_run_there_is_no_isolation(course: Path, folder: Path) -> None:
    hand_in(folder, "eve", b"no notebook")
    assert "nothing was run" not in cowlab(course, "grade", str(folder)).stdout
    said = cowlab(course, "grade", str(folder / "eve")).stdout.split()
    assert "none was needed, nothing was run" in " ".join(said)


def test_json_is_a_line_a_submission_and_nothing_else(course: Path, folder: Path) -> None:
    done = cowlab(course, "grade", str(folder), "--json")
    assert [json.loads(line)["points"] for line in done.stdout.splitlines()] == [ALL, ALL - 4]
    assert done.stdout.isascii() and not done.stderr


def test_check_tells_by_the_exit_code(course: Path, folder: Path) -> None:
    assert cowlab(course, "grade", str(folder / "ada"), "--check", "--json").returncode == 0
    assert cowlab(course, "grade", str(folder / "bob"), "--check", "--json").returncode == 1
    assert cowlab(course, "grade", str(folder / "bob"), "--json").returncode == 0
    (folder / "bob" / f"{LESSON}.ipynb").write_text("no notebook")
    assert cowlab(course, "grade", str(folder / "bob"), "--check", "--json").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        ([], "no notebook to grade"),
        (["cowlab"], "no notebook to grade"),
        (["a\nb"], "no such file"),
        (["--jobs", "many"], "a number from 1 upwards was expected"),
        (["--seed-of", "ada"], "--seed-of needs --secret"),
        (["--secret", "nowhere", "x"], "the secret cannot be read (No such file or directory)"),
        (["--secret", "arena.py", "--out", "arena.py/x", "{folder}"], "cannot be written"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(course: Path, folder: Path, arguments: list[str], says: str) -> None:
    done = cowlab(course, "grade", *(one.format(folder=folder) for one in arguments))
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr and not done.stdout


def test_a_secret_gives_each_student_a_seed(course: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of the course\n")
    done = cowlab(course, "grade", "--secret", str(tmp_path / "secret"), "--seed-of", "ada", "--seed-of", "bob")
    seeds = dict(line.split("\t") for line in done.stdout.splitlines())
    out = str(tmp_path / "out")
    for _ in range(2):
        done = cowlab(course, "grade", str(folder), "--secret", str(tmp_path / "secret"), "--json", "--out", out)
        assert {r["student"]: str(r["seed"]) for r in map(json.loads, done.stdout.splitlines())} == seeds
    done = cowlab(course, "grade", str(folder), "--json", "--out", out)
    assert [json.loads(line)["seed"] for line in done.stdout.splitlines()] == [0, 0]
    (tmp_path / "secret").write_text("short")
    assert cowlab(course, "grade", str(folder), "--secret", str(tmp_path / "secret")).returncode == 2


def test_certificates_are_verified(course: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cowlab(course, "grade", str(folder), "--out", str(out)).returncode == 0
    found = sorted(map(str, (out / "certificates").iterdir()))
    assert len(found) == 10
    done = cowlab(course, "verify", *found)
    assert done.returncode == 0 and done.stdout.count(": holds. ") == 10
    Path(found[0]).write_text(Path(found[0]).read_text().replace('"points": ', '"points": 1'))
    done = cowlab(course, "verify", *found)
    assert done.returncode == 1 and done.stdout.count("does NOT hold. points: it says 1") == 1
    for text in ("", "[" * 10**5, "no"):
        Path(found[0]).write_text(text)
        done = cowlab(course, "verify", found[0])
        assert done.returncode == 2 and "no certificate" in done.stderr and "Traceback" not in done.stderr
    Path(found[0]).write_text("[]")
    assert cowlab(course, "verify", found[0]).returncode == 1
    assert cowlab(course, "verify", "nowhere").returncode == 2


def test_a_submission_that_changed_is_graded_again(course: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for points in (ALL - 4, ALL):
        done = cowlab(course, "grade", str(folder), "--out", str(out), "--json")
        assert [json.loads(line)["points"] for line in done.stdout.splitlines()] == [ALL, points]
        hand_in(folder, "bob", notebook(*cells()))
    assert len((out / "results.jsonl").read_text().splitlines()) == 2
