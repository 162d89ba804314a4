"""`cowlab grade` beside nbgrader's own autograde: the same notebooks, one after the other, in one run.

Processor seconds, user and system, of all processes from start to end, those included that outlive their parents; wall
time; and for cowlab a class of a thousand, with the peak memory of the parent.

    python benchmarks/bench_grade.py [--peer N] [--many N] [--jobs N]
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.grading.mistakes import mistakes

ROOT = Path(__file__).resolve().parent.parent
LESSON = "03_page_count_one"  # five tasks that are judged, and one that a person reads


class Used(NamedTuple):
    """What a command took. peak: megabytes of its first process."""

    cpu: float
    wall: float
    peak: float
    output: str


def run(command: list[str], cwd: Path) -> Used:
    """Run a command. Ends this program where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        running = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=errors)
        peaks: list[float] = [0.0]
        threading.Thread(target=watch, args=(running.pid, peaks), daemon=True).start()
        cpu, status = 0.0, None
        while True:  # and all orphans, which come to us
            try:
                pid, ended, used = os.wait4(-1, 0)
            except ChildProcessError:
                break
            cpu += used.ru_utime + used.ru_stime
            if pid == running.pid:
                status, wall = os.waitstatus_to_exitcode(ended), time.monotonic() - start
        output.seek(0)
        errors.seek(0)
        if status:
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()[-3000:]}")
        return Used(cpu, wall, peaks[0], output.read())


def watch(pid: int, peaks: list[float]) -> None:
    """The most memory that this process has had so far, for as long as it lives."""
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        if "VmHWM" in status:
            peaks[0] = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        time.sleep(0.05)


def answers() -> dict[str, list[str]]:
    """For each task its solution, the typical wrong answers and the stub."""
    found: dict[str, list[str]] = {}
    for folder in ("solutions", "exercises"):
        for cell in json.loads((ROOT / folder / f"{LESSON}.ipynb").read_text("utf-8"))["cells"]:
            mark = cell["metadata"].get("nbgrader", {})
            if mark.get("solution"):
                found.setdefault(mark["grade_id"], []).append("".join(cell["source"]))
    for one in mistakes((ROOT / "solutions" / f"{LESSON}.py").read_text("utf-8")):
        found[one.task].append(one.code)
    return found


def write(folder: Path, number: int, known: dict[str, list[str]], own: str = "WRITTEN_BY = {!r}") -> str:
    """The notebook of a student: the exercise with some answer in each cell. Returns the student's name.

    own: what makes the code of each cell the student's own; in a comment it would be the same code.
    """
    name, dice = f"s{number:04}", random.Random(number)
    notebook: dict[str, Any] = json.loads((ROOT / "exercises" / f"{LESSON}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        task = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if task in known:
            cell["source"] = dice.choice(known[task])
            if cell["cell_type"] == "code":
                cell["source"] += f"\n\n{own.format(name)}\n"
    (folder / f"{LESSON}.ipynb").write_text(json.dumps(notebook), "utf-8")
    return name


def nbgrader(course: Path, students: int) -> Used | None:
    """Autograde so many notebooks; None without nbgrader."""
    if importlib.util.find_spec("nbgrader") is None:
        return None
    (course / "source" / "ps").mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{LESSON}.ipynb", course / "source" / "ps")
    command = [sys.executable, "-m", "nbgrader"]
    run([*command, "generate_assignment", "ps"], course)
    for number in range(students):
        place = course / "submitted" / f"s{number:04}" / "ps"
        place.mkdir(parents=True)
        write(place, number, answers())
    return run([*command, "autograde", "ps"], course)


def cowlab(folder: Path, *options: str) -> Used:
    return run([sys.executable, "-m", "cowlab", "grade", str(folder), "--json", *options], folder.parent)


def main() -> None:
    parser = argparse.ArgumentParser(description="cowlab grade beside nbgrader autograde")
    parser.add_argument("--peer", type=int, default=10, help="notebooks that both grade (default 10)")
    parser.add_argument(
        "--many", type=int, default=1_000, help="notebooks of the class that cowlab grades (default 1,000)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours, and are counted
    jobs = ("--jobs", str(args.jobs))
    with tempfile.TemporaryDirectory() as name:
        place, known = Path(name), answers()
        peer = nbgrader(place / "course", args.peer)
        rows = [] if peer is None else [("nbgrader autograde", args.peer, peer)]
        few = a_class(place / "few", args.peer, known)
        rows.append(("cowlab grade, the same", args.peer, cowlab(few, *jobs)))
        tenth = a_class(place / "tenth", args.many // 10, known)
        small = cowlab(tenth, *jobs)
        rows.append(("cowlab grade", args.many // 10, small))
        everybody = a_class(place / "many", args.many, known)
        large = cowlab(everybody, *jobs)
        rows.append(("cowlab grade", args.many, large))
        rows.append(("  one worker", args.many, cowlab(everybody, "--jobs", "1")))
        assert len({json.loads(line)["student"] for line in large.output.splitlines()}) == args.many
        alike = a_class(place / "alike", args.many, known, "# written by {!r}")
        rows.append(("  only comments differ", args.many, cowlab(alike, *jobs)))
        rows.append(("  with reports (--out)", args.many, cowlab(everybody, *jobs, "--out", str(place / "out"))))
        show(rows, small, large, args.many)


def a_class(folder: Path, students: int, known: dict[str, list[str]], own: str = "WRITTEN_BY = {!r}") -> Path:
    for number in range(students):
        (folder / f"s{number:04}").mkdir(parents=True)
        write(folder / f"s{number:04}", number, known, own)
    return folder


def show(rows: list[tuple[str, int, Used]], small: Used, large: Used, many: int) -> None:
    print(f"{'':24} {'submissions':>11} {'wall s':>8} {'CPU s':>8} {'CPU ms each':>12} {'peak MB':>8}")
    for what, count, used in rows:
        each = 1000 * used.cpu / count
        print(f"{what:24} {count:>11,} {used.wall:>8.1f} {used.cpu:>8.1f} {each:>12.0f} {used.peak:>8.0f}")
    more = 1000 * (large.cpu - small.cpu) / (many - many // 10)
    print(f"one more submission costs {more:.0f} ms of CPU; the parent's peak grew by {large.peak - small.peak:.1f} MB")
    if rows[0][0].startswith("nbgrader"):
        peer = rows[0][2].cpu / rows[0][1]
        ratios = [f"{peer / (used.cpu / count):.0f} ({what.strip()}, {count:,})" for what, count, used in rows[1:]]
        print(f"nbgrader's CPU each, in cowlab's: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
