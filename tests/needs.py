"""What some tests need besides Python. Missing here: a skip with a reason. Missing in CI: a failure."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
# No sandbox: CI is root in a container. The rest keeps the browser from looking for its maker's hosts.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


def missing(what: str) -> NoReturn:
    """Skip loudly; where CI=true, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI skips nothing", pytrace=False)
    pytest.skip(f"NOT TESTED: {what} (`make test` says how to get it)")


def chromium() -> str:
    """The browser to drive: COWLAB_BROWSER, a Chromium or Chrome that is installed, or Playwright's own."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "tools" / "prepare.py")
    assert spec is not None and spec.loader is not None
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    found = prepare.find_browser()
    if not found:
        missing("no Chromium or Chrome found")
    return str(found)


@contextmanager
def running_browser() -> Iterator[Any]:
    """A Chromium that runs, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright is not installed")
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


def node() -> str:
    """Node.js, with the locked Pyodide beside it."""
    found = shutil.which("node")
    if not found:
        missing("no Node.js found")
    if not (ROOT / "tests/pyodide/node_modules/pyodide").is_dir():
        missing("Pyodide is not installed in tests/pyodide")
    return found
