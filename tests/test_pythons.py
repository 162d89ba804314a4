"""The core behaves the same on every Python that is installed here (3.14 in a browser: test_pyodide.py)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import elsewhere
import pytest

PYTHONS = elsewhere.other_pythons()

pytestmark = pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())


def run(python: Path, *arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    clean["PYTHONDONTWRITEBYTECODE"] = "1"
    if path:
        clean["PYTHONPATH"] = str(path)
    command = [python, *map(str, arguments)]
    return subprocess.run(command, cwd=elsewhere.ROOT, env=clean, capture_output=True, text=True, check=False)


def test_every_scenario_plays_the_same(python: Path) -> None:
    done = run(python, elsewhere.CORE_CHECK)
    assert done.returncode == 0, done.stderr
    assert done.stdout == elsewhere.here()


def test_the_cores_tests_pass(python: Path, tmp_path: Path) -> None:
    site = elsewhere.carry_pytest(tmp_path)
    done = run(python, "-m", "pytest", *elsewhere.PYTEST, *elsewhere.core_tests(), path=site)
    assert done.returncode == 0, done.stdout + done.stderr
