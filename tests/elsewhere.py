"""The core on another Python: which Pythons there are, and a pytest small enough to carry along.

Another interpreter has none of the packages of this one. pytest and the packages that it needs are
plain Python, so a copy of them serves every interpreter, the one in a browser too.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE_CHECK = Path("tests") / "core_check.py"
CORE_TESTS = ("world", "events", "policy", "fault", "reclaim", "kernel", "ideal", "explore", "laws", "scenario")
CARRIED = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
# No plug-in that another interpreter lacks, no cache or bytecode left in the tree.
PYTEST = ("-q", "-p", "no:cacheprovider", "--color=no", "-o", "addopts=")


def core_tests() -> list[str]:
    """The test files of the core, relative to the repository."""
    files = [Path("tests") / f"test_{name}.py" for name in CORE_TESTS]
    found = [file.as_posix() for file in files if (ROOT / file).exists()]
    assert found, "without a file named, pytest would run everything, this test included"
    return found


def carry_pytest(folder: Path) -> Path:
    """Copy pytest into `folder`, with a stand-in for Hypothesis, which is compiled for one Python."""
    for name in CARRIED:
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:  # a command, or compiled
                (folder / file.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), folder / file)
    shutil.copy(ROOT / "tests" / "hypothesis_stand_in.py", folder / "hypothesis.py")
    return folder


@cache
def here() -> str:
    """What core_check prints on this Python."""
    done = subprocess.run([sys.executable, CORE_CHECK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def other_pythons() -> dict[str, Path]:
    """Every other Python from 3.11 that is installed and runs, by its version."""
    found: dict[str, Path] = {}
    for path in _candidates():
        question = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run([path, "-c", question], capture_output=True, text=True, timeout=30, check=False)
        except OSError:
            continue
        version = done.stdout.strip()  # a shim whose Python is not chosen fails, and prints nothing
        ours = "{}.{}".format(*sys.version_info)
        if done.returncode == 0 and version != ours and version.startswith("3.") and int(version[2:]) >= 11:
            found.setdefault(version, path)
    return found


def _candidates() -> Iterator[Path]:
    for minor in range(11, 20):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            if found := shutil.which(f"python3.{minor}", path=folder):
                yield Path(found)
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        yield from sorted(Path(root).glob("versions/3.*/bin/python3"))
