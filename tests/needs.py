"""What some tests need besides Python. Missing here: a skip with a reason. Missing in CI: a failure."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def missing(what: str) -> NoReturn:
    """Skip loudly; where CI=true, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI skips nothing", pytrace=False)
    pytest.skip(f"NOT TESTED: {what} (`make test` says how to get it)")


def chromium() -> str:
    """The browser to drive: COWLAB_BROWSER, or a Chromium or Chrome that is installed."""
    for name in (os.environ.get("COWLAB_BROWSER", ""), *BROWSERS):
        if name and (found := shutil.which(name)):
            return found
    missing("no Chromium or Chrome found")


def node() -> str:
    """Node.js, with the locked Pyodide beside it."""
    found = shutil.which("node")
    if not found:
        missing("no Node.js found")
    if not (ROOT / "tests/pyodide/node_modules/pyodide").is_dir():
        missing("Pyodide is not installed in tests/pyodide")
    return found
