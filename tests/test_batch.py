"""Many submissions: whatever dies half-way, the class gets all its records and each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from arena import LESSON, POINTS, cell, cells, descendants, notebook, nothing_left, our_lesson
from course import cowlab, hand_in, made, started

from cowlab.grading import batch
from cowlab.grading.batch import Item, Options, collect, grade_item, isolation, seed_of, student_of
from cowlab.grading.results import NAME, Results
from cowlab.grading.submission import SubmissionError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only")
FIELDS = [
    "submission",
    "student",
    "lesson",
    "sha256",
    "seed",
    "tasks",
    "points",
    "max",
    "isolation",
    "seconds",
    "error",
    "rules",
]
OF_A_TASK = ["task", "title", "kind", "status", "points", "max", "law", "reason", "witness", "policy", "table", "parts"]
OF_A_TASK += ["answers", "mistake"]
ALL = sum(POINTS.values())


def a_class(folder: Path, many: int) -> Path:
    """That many students; what they answer differs a little, and each thinks for a moment."""
    for number in range(many):
        guess = f"import time\ntime.sleep(0.05)\ndef guess(): return {{'faults': {number % 7}}}\n"
        hand_in(folder, f"s{number:03}", notebook(*cells(guess=guess), cell(f"x = {number}")))
    return folder


def kept(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / NAME).read_text().splitlines()]


def reached(out: Path, records: int, grader: subprocess.Popen[str]) -> None:
    """Wait until that many records are there."""
    until = time.monotonic() + 120
    while not (out / NAME).exists() or (out / NAME).read_bytes().count(b"\n") < records:
        assert time.monotonic() < until and grader.poll() is None, grader.communicate()
        time.sleep(0.01)


def complete(records: list[dict[str, Any]], many: int) -> None:
    """Nobody is missing, nobody comes twice, and all have what they earned."""
    assert [record["student"] for record in records] == [f"s{number:03}" for number in range(many)]
    points = [ALL - 6 + (number % 7 == 2) for number in range(many)]
    assert [record["points"] for record in records] == points


# --- one record ------------------------------------------------------------------------------------------------------


def test_a_record_has_what_reports_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    our_lesson(monkeypatch)
    hand_in(tmp_path, "ada", notebook(*cells(reuse="def reuse(page): return True")))
    (item,) = collect([str(tmp_path)])
    found = grade_item(item, Options(certificates=True))
    assert [*found] == [*FIELDS[:9], "seconds", "error", "rules", "certificates"]
    assert [list(task) for task in found["tasks"]] == [OF_A_TASK] * 5
    assert (found["submission"], found["student"], found["lesson"], found["seed"]) == (
        f"ada/{LESSON}.ipynb",
        "ada",
        LESSON,
        0,
    )
    assert found["points"] == ALL - 6 and "seccomp" in found["isolation"] and len(found["certificates"]) == 5
    reuse = found["tasks"][2]
    assert (reuse["law"], reuse["policy"], reuse["points"]) == ("isolation", "your policy", 0)
    assert reuse["witness"][0].startswith("P: ") and all(
        cell == "reuse" and answer is True for cell, _, answer in reuse["table"]
    )
    assert found == json.loads(json.dumps(found))


def test_whatever_happens_there_is_a_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    our_lesson(monkeypatch)
    (tmp_path / "x.ipynb").write_text("no")
    refused = grade_item(Item("x.ipynb", "x", str(tmp_path / "x.ipynb")), Options())
    assert (
        refused["points"] == 0
        and refused["error"].startswith("not a notebook")
        and refused["isolation"] == "nothing was run"
    )

    def broken(*args: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(batch, "grade_bytes", broken)
    lost = grade_item(Item("x.ipynb", "x", str(tmp_path / "x.ipynb")), Options())
    assert (lost["points"], lost["max"], lost["error"]) == (None, None, "our fault: ZeroDivisionError: oh")
    assert list(lost) == list(refused) == FIELDS


def test_whose_it_is_and_which_seed_they_have(tmp_path: Path) -> None:
    for path in ("ada/week1/01_x.ipynb", "bob.ipynb", "ada/.ipynb_checkpoints/01_x.ipynb", "ada/notes.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    assert [(item.name, item.student) for item in collect([str(tmp_path)])] == [
        ("ada/week1/01_x.ipynb", "ada"),
        ("bob.ipynb", "bob"),
    ]
    assert len(collect([str(tmp_path), str(tmp_path / "bob.ipynb"), str(tmp_path / "ada")])) == 2
    assert student_of(Path("x/ada/01_copy_on_write.ipynb"), Path("x/ada")) == "ada"
    with pytest.raises(SubmissionError, match="no such file"):
        collect([str(tmp_path / "nobody")])
    seeds = [seed_of(student, "a secret of the course") for student in ("ada", "bob", os.fsdecode(b"\xff"))]
    assert len(set(seeds)) == 3 and all(0 < seed < 10**6 for seed in seeds)
    assert seed_of("ada", "") == 0 and seed_of("ada", "another secret") != seeds[0]


def test_isolation_in_words() -> None:
    assert (
        isolation(("mount", "network", "ipc", "pid", "rlimits", "seccomp"))
        == "namespaces (mount, network, ipc, pid), seccomp, rlimits"
    )
    assert isolation(("rlimits", "landlock", "seccomp")) == "landlock, seccomp, rlimits"
    assert isolation(()) == "none"


# --- kept ------------------------------------------------------------------------------------------------------------


def a_task(status: str) -> dict[str, Any]:
    texts = dict.fromkeys(("task", "title", "kind", "law", "reason", "policy", "answers", "mistake"), "")
    return {**texts, "status": status, "points": None, "max": 1, "witness": None, "table": None, "parts": []}


def a_record(number: int, **more: Any) -> dict[str, Any]:
    return {
        **{"points": 0, "max": 0, "isolation": "", "seconds": 0.0},
        "submission": f"s{number}",
        "student": "s",
        "sha256": "0" * 64,
        "seed": 0,
        "lesson": "",
        "tasks": [],
        "error": "",
        "rules": "",
        **more,
    }


def test_results_survive_a_crash_and_their_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowlab.grading.results.rules", lambda lesson: "")
    first = Results(tmp_path)
    for number in (2, 1, 3):
        first.keep(a_record(number))
    first.file.write(b'{"submission": "s4", "stu')  # and then it was killed
    first.close()
    again = Results(tmp_path)
    known = [again.again(Item(f"s{n}", "s", ""), "0" * 64, 0) for n in (1, 2, 3, 4)]
    assert known == [True, True, True, False]
    assert not again.again(Item("s1", "s", ""), "1" * 64, 0) and not again.again(Item("s1", "s", ""), "0" * 64, 5)
    again.keep(a_record(4))
    assert [record["submission"] for record in again] == ["s1", "s2", "s3", "s4"]
    again.finish()
    assert [record["submission"] for record in again] == ["s1", "s2", "s3", "s4"]
    again.close()
    assert [record["submission"] for record in kept(tmp_path)] == ["s1", "s2", "s3", "s4"]


def test_errors_our_faults_and_older_rules_are_graded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowlab.grading.results.rules", lambda lesson: "now")
    first = Results(tmp_path)
    first.keep(a_record(1, rules="now"))
    first.keep(a_record(2, rules="then"))
    first.keep(a_record(3, rules="now", error="our fault: oh"))
    first.keep(a_record(4, rules="now", tasks=[a_task("judged"), a_task("our fault")]))
    first.keep(a_record(5, rules="now", tasks=[a_task("judged")]))
    first.keep(a_record(6, rules="now", tasks=[{"status": "judged"}]))
    first.close()
    (tmp_path / NAME).open("ab").write(b"\xff\xfe\n[]\n{}\n" + b"[" * 10**5 + b"\n")
    again = Results(tmp_path)
    assert [again.again(Item(f"s{n}", "s", ""), "0" * 64, 0) for n in range(1, 7)] == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    again.close()


def test_records_do_not_stay_in_memory(tmp_path: Path) -> None:
    results = Results(tmp_path)
    tracemalloc.start()
    for number in range(2_000):
        results.keep(a_record(number, tasks=[{"table": ["x" * 20_000]}]))
    results.finish()
    assert sum(1 for _ in results) == 2_000
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    results.close()
    assert held < 1_000_000 and most < 3_000_000


# --- many ------------------------------------------------------------------------------------------------------------


MANY = 200  # students: enough to be in the midst of them when a signal arrives


def test_a_grader_that_is_killed_goes_on_where_it_was(course: Path, tmp_path: Path) -> None:
    folder, out = a_class(tmp_path / "in", 30), tmp_path / "out"
    command = ("grade", str(folder), "--out", str(out), "--json", "--jobs", "2")
    for least in (5, 12):
        grader = started(course, *command)
        reached(out, least, grader)
        grader.send_signal(signal.SIGKILL)
        grader.communicate()
    before = kept(out)[:12]
    done = cowlab(course, *command)
    assert done.returncode == 0, done.stderr
    complete([json.loads(line) for line in done.stdout.splitlines()], 30)
    complete(kept(out), 30)
    assert all(record in kept(out) for record in before)  # to the second: they were not graded again
    assert len(list((out / "certificates").iterdir())) == 30 * 5


def test_an_interrupt_keeps_what_was_done(course: Path, tmp_path: Path) -> None:
    folder, out = a_class(tmp_path / "in", MANY), tmp_path / "out"
    command = ("grade", str(folder), "--out", str(out), "--json", "--jobs", "2")
    with nothing_left(20) as left:
        grader = started(course, *command)
        reached(out, 4, grader)
        os.kill(grader.pid, signal.SIGINT)
        output, errors = grader.communicate(timeout=60)
        assert (grader.returncode, output) == (130, "") and "Traceback" not in errors
        assert f"of {MANY} are graded, run the same command again to go on" in errors
    assert not left
    done = cowlab(course, *command)
    complete([json.loads(line) for line in done.stdout.splitlines()], MANY)


def test_a_worker_that_is_killed_is_replaced(course: Path, tmp_path: Path) -> None:
    folder, out = a_class(tmp_path / "in", 24), tmp_path / "out"
    before = descendants()
    grader = started(course, "grade", str(folder), "--out", str(out), "--json", "--jobs", "2")
    reached(out, 6, grader)
    workers = [pid for pid in descendants() - before if b"spawn_main" in _command(pid)]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    output, _ = grader.communicate(timeout=120)
    assert grader.returncode == 0
    complete([json.loads(line) for line in output.splitlines()], 24)
    complete(kept(out), 24)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


DIES = """

_graded = grade_item


def grade_item(item, options):
    if "s007" in item.name:
        os._exit(9)
    return _graded(item, options)
"""


def test_a_submission_that_killed_its_worker_would_be_our_fault_and_cost_no_other(tmp_path: Path) -> None:
    folder = a_class(tmp_path / "in", 20)
    with made(batch=DIES) as course:
        done = cowlab(course, "grade", str(folder), "--json", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    lost = records.pop(7)
    assert (lost["student"], lost["points"], lost["error"]) == (
        "s007",
        None,
        "our fault: the process that graded it died, twice",
    )
    assert [record["student"] for record in records] == [f"s{n:03}" for n in range(20) if n != 7]
    assert all(record["points"] >= ALL - 6 for record in records)
