"""A copy of cowlab whose only lesson has the arena's tasks: for `cowlab grade` as it is called, by anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arena import LESSON, TASKS

ROOT = Path(__file__).resolve().parent.parent
# What takes the place of the sandbox's own functions, where a test needs a system that has less.
NO_NAMESPACES = "\n\ndef enter():\n    return []\n"
NO_LANDLOCK = "\n\ndef ruleset():\n    return -1\n"
NO_SECCOMP = "\n\ndef seccomp():\n    return False\n"


@contextmanager
def made(cell: str = "", batch: str = "") -> Iterator[Path]:
    """The folder to put on PYTHONPATH; gone afterwards. cell, batch: Python to add to sandbox/cell.py and to batch.py."""
    folder = Path(tempfile.mkdtemp(prefix="course-"))
    try:
        shutil.copytree(ROOT / "cowlab", folder / "cowlab", ignore=shutil.ignore_patterns("__pycache__", "*.toml"))
        for toml in (ROOT / "cowlab").glob("*.toml"):
            shutil.copy(toml, folder / "cowlab")
        tasks = folder / "cowlab" / "grading" / "tasks"
        tasks.mkdir(exist_ok=True)
        (tasks / f"{LESSON}.toml").write_text(TASKS, "utf-8")
        for name, more in (("sandbox/cell.py", cell), ("batch.py", batch)):
            with (folder / "cowlab" / "grading" / name).open("a", encoding="utf-8") as file:
                file.write(more)
        for name in ("arena.py", "tamper/as_nobody.py"):
            shutil.copy(ROOT / "tests" / name, folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder
    finally:
        shutil.rmtree(folder)


def cowlab(
    course: Path, *arguments: str, cwd: Path | None = None, module: str = "cowlab"
) -> subprocess.CompletedProcess[str]:
    """The command `cowlab` of that folder, until it ends."""
    running = started(course, *arguments, cwd=cwd, module=module)
    output, errors = running.communicate(timeout=300)
    return subprocess.CompletedProcess(running.args, running.returncode, output, errors)


def started(course: Path, *arguments: str, cwd: Path | None = None, module: str = "cowlab") -> subprocess.Popen[str]:
    """The command `cowlab`, or another module, running in that folder: elsewhere it might find another cowlab."""
    clean = {k: v for k, v in os.environ.items() if k != "CI"}
    path = os.pathsep.join([str(course), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**clean, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(
        command, cwd=cwd or course, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def hand_in(folder: Path, student: str, data: bytes) -> None:
    """A notebook of that student in the folder of a class."""
    (folder / student).mkdir(parents=True, exist_ok=True)
    (folder / student / f"{LESSON}.ipynb").write_bytes(data)
