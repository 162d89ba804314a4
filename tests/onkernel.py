"""What the tests of `cowlab live` share: scripts, and `cowlab live` in a process of its own that has fewer rights."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cowlab import Scenario, format, read_scenario
from cowlab.live.drive import Run, run
from cowlab.live.references import Skip

ROOT = Path(__file__).resolve().parent.parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="these scripts run on a kernel of Linux only")
root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root has all the rights that are asked for here"
)


def script(text: str, name: str = "script") -> Scenario:
    """Steps are separated by ";"."""
    return read_scenario("\n".join(text.split("; ")) + "\n", name)


def ran(text: str) -> Run:
    """It, run here. Skips the test where this machine cannot."""
    try:
        return run(script(text))
    except Skip as skip:
        pytest.skip(f"cannot be run on this machine: {skip}")


def outcome(text: str) -> str:
    """What the last line came to."""
    return ran(text).moments[-1].outcome


def events(run: Run) -> list[str]:
    return [format(moment.event) for moment in run.moments if moment.event is not None]


def release() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall("[0-9]+", os.uname().release)[:2])


@cache
def python() -> str:
    """A Python that anybody may execute. Skips the test where there is none."""
    for found in filter(None, (shutil.which("python3", path="/usr/bin:/usr/local/bin"), sys.executable)):
        question = [found, "-c", "import sys; raise SystemExit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(question, preexec_fn=nobody, cwd="/", check=False).returncode == 0:
                return found
        except (OSError, subprocess.SubprocessError):
            continue
    pytest.skip("no Python from 3.11 that user 65534 may execute")


def nobody() -> None:
    """Be nobody, for good: to be called between fork and exec."""
    import ctypes

    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def readable() -> None:
    """Skip the test where nobody may read this clone."""
    for folder in (ROOT / "cowlab", *ROOT.parents):
        if not folder.stat().st_mode & 0o001:
            pytest.skip(f"user 65534 may not enter {folder}")


def live(*arguments: str, command: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    """What `cowlab live --json` prints in a process of its own. command: what executes it."""
    options = {"cwd": ROOT, "timeout": 300, **options}
    words = [*command, options.pop("python", sys.executable), "-m", "cowlab", "live", "--json", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return dict(json.loads(done.stdout))


def reasons(found: dict[str, Any]) -> dict[str, list[str]]:
    """The scenarios that did not run, by reason, without the line at which it showed."""
    rows: dict[str, list[str]] = {}
    for name, row in found["results"].items():
        if row["skipped"] is not None:
            said = row["skipped"]
            rows.setdefault(said.split(": ", 2)[-1] if said.startswith("line ") else said, []).append(name)
    return rows
