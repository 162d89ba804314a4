"""What the tests of notebooks share: where they are, their cells, and running a tool on them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9]*.ipynb"))
EXERCISES = sorted((ROOT / "exercises").glob("[0-9]*.ipynb"))
LAPTOP = 88  # columns of code that need no sideways scrolling
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")


def cells(path: Path, kind: str) -> list[Any]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: Any) -> str:
    return "".join(cell["source"])


def run(*command: str) -> None:
    """Run it with this Python and this clone, away from the pytest that is running us and from its plugins."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def nbval(path: Path) -> None:
    """Every cell runs; cells tagged nbval-check-output print what they printed."""
    options = ("-q", "-p", "nbval.plugin", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env")
    run("-m", "pytest", *options, str(path))


def check_outputs(path: Path) -> None:
    """It was run from top to bottom, and no cell shows a student what it should not."""
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source(cell)
            assert output.get("name") != "stderr", source(cell)
            plain = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
            assert not ADDRESS.search(plain), plain


def check_width(path: Path) -> None:
    """No code and no printed line is wider than a laptop's screen."""
    for cell in cells(path, "code"):
        wide = [line for line in source(cell).splitlines() if len(line) > LAPTOP]
        assert not wide, wide
