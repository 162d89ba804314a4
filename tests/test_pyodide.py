"""The core in the Python that runs in a browser: 3.14, no processes, no C library. Run under Node.js."""

from __future__ import annotations

import subprocess
from pathlib import Path

import elsewhere
import needs


def run(packages: Path, program: object, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = needs.ROOT / "tests" / "pyodide" / "run.mjs"
    command = [needs.node(), str(script), str(needs.ROOT), str(packages), str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_scenario_plays_the_same(tmp_path: Path) -> None:
    done = run(tmp_path, elsewhere.CORE_CHECK.as_posix())
    assert done.returncode == 0, done.stderr
    assert done.stdout == elsewhere.here()


def test_the_cores_tests_pass(tmp_path: Path) -> None:
    site = elsewhere.carry_pytest(tmp_path)
    done = run(site, "tests/pyodide/inside.py", *elsewhere.PYTEST, *elsewhere.core_tests())
    assert done.returncode == 0, done.stdout + done.stderr
