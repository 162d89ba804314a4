"""A real browser for the tests of the views. Missing here: a skip that says so. Missing in CI: a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from needs import chromium, missing
from real_lab import NOT_OURS, Lab, jupyterlab

# No sandbox: CI is root in a container. The rest keeps the browser from looking for its maker's hosts.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright is not installed")
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


class Watched:
    """A page whose console is watched: any error in it fails the test at its end."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors = page, []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context.new_page())
    yield watched.page
    context.close()
    assert not watched.errors, watched.errors


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Write a page into a file, and its address."""

    def save(html: str) -> str:
        path = tmp_path / "page.html"
        path.write_text(html, "utf-8")
        return path.as_uri()

    return save


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests of a worker. A notebook is put into its folder and opened by name."""
    with jupyterlab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def open_notebook(browser: Any, lab: Lab) -> Iterator[Any]:
    """Open a notebook in a JupyterLab of its own; its own errors on the console fail the test."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    def opened(name: str) -> Any:
        page.goto(f"{lab.address}/lab/workspaces/{name.partition('.')[0]}/tree/{name}?reset")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.wait_for_function(
            "window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        return page

    yield opened
    context.close()
    ours = [error for error in errors if not any(other in error for other in NOT_OURS)]
    assert not ours, ours
