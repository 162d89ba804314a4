"""A real browser for the tests of the views. Missing here: a skip that says so. Missing in CI: a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from needs import running_browser
from real_lab import NOT_OURS, Lab, jupyterlab, open_in


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


class Watched:
    """A page whose console is watched: any error in it fails the test at its end."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors = page, []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def ours(self) -> list[str]:
        """Errors that no JupyterLab and no missing network brings."""
        return [error for error in self.errors if not any(other in error for other in NOT_OURS)]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context.new_page())
    yield watched.page
    context.close()
    assert not watched.errors, watched.errors


@pytest.fixture
def offline(browser: Any) -> Iterator[Any]:
    """A page without a network: what somebody else's page would fetch is missing, and no more than that may fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    watched = Watched(context.new_page())
    yield watched.page
    context.close()
    assert not watched.ours, watched.ours


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
    watched = Watched(context.new_page())

    def opened(name: str) -> Any:
        open_in(watched.page, lab, name)
        return watched.page

    yield opened
    context.close()
    assert not watched.ours, watched.ours
