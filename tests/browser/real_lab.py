"""What tests in a real JupyterLab share: notebooks made from sources, the server, and its commands."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from needs import ROOT, missing

# What JupyterLab itself says on a machine without a network, and what a kernel's messages may bring.
NOT_OURS = ("favicon", "Failed to load resource", "WebSocket", "jupyterlab/api/news", "widget model not found")


def notebook(*sources: str) -> str:
    """A notebook of code cells, as somebody types them."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for i, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


def somebody_elses(bundle: dict[str, Any]) -> str:
    """A notebook whose only cell has this output, and which nobody here has trusted."""
    book = json.loads(notebook("a cell of somebody else"))
    output = {"output_type": "execute_result", "data": bundle, "metadata": {}, "execution_count": 1}
    book["cells"][0]["outputs"] = [output]
    return json.dumps(book)


def first_output(page: Any) -> Any:
    output = page.locator(".jp-OutputArea-output").first
    output.scroll_into_view_if_needed()
    return output


def shoot(shown: Any, name: str) -> None:
    """A picture of a page, or of a part of it, for whoever wants to look."""
    if folder := os.environ.get("COWLAB_SHOTS"):
        getattr(shown, "page", shown).wait_for_timeout(300)
        shown.screenshot(path=f"{folder}/{name}.png")


class Lab(NamedTuple):
    address: str
    course: Path


@contextmanager
def jupyterlab(home: Path) -> Iterator[Lab]:
    """A JupyterLab on loopback, in a folder of its own, with settings of its own."""
    if importlib.util.find_spec("jupyterlab") is None:
        missing("jupyterlab is not installed")
    course = home / "course"
    course.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--port={port}", "--ip=127.0.0.1", f"--notebook-dir={course}", "--IdentityProvider.token="]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own, "PYTHONPATH": path}, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, server, home / "log")
        yield Lab(address, course)
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def open_in(page: Any, lab: Lab, name: str) -> None:
    """Open a notebook of the course folder, and wait for its kernel."""
    page.goto(f"{lab.address}/lab/workspaces/{name.partition('.')[0]}/tree/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
    page.wait_for_function(
        "window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )


def command(page: Any, name: str, args: str = "{}") -> None:
    page.evaluate(f"window.jupyterapp.commands.execute('{name}', {args}).then(() => true)")


def run_all(page: Any) -> None:
    command(page, "notebook:run-all-cells")
    page.wait_for_function(
        """() => { const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter((c) => c.model.type === 'code');
        return cells.every((c) => c.model.executionCount !== null || !c.model.sharedModel.getSource().trim()); }""",
        timeout=120_000,
    )
    assert page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0


def save_and_lose_the_kernel(page: Any) -> None:
    """As at the end of a day: what is opened the next time has a kernel that knows nothing."""
    command(page, "docmanager:save")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def outputs_in_view(page: Any) -> None:
    """JupyterLab makes outputs only once they come into view."""
    for cell in page.locator(".jp-CodeCell").all():
        cell.scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def steppers(page: Any) -> list[Any]:
    """Every Stepper of the notebook, but for those which a widget leaves for a time without a kernel."""
    outputs_in_view(page)
    return list(page.locator(".cow-stepper[data-ready]:not(.cow-instead *)").all())


def answered(stepper: Any) -> Any:
    """The Stepper with nothing left to ask: a Predict stops before each question, so have all of them shown."""
    slider, show = stepper.locator("input[type=range]"), stepper.locator("form.cow-ask [data-do=show]")
    while show.count():
        slider.focus()
        slider.press("End")
        if not show.is_visible():
            break
        show.click()
    return stepper


def theme(page: Any, name: str) -> None:
    command(page, "apputils:change-theme", f"{{theme: 'JupyterLab {name.capitalize()}'}}")
    light = "true" if name == "light" else "false"
    page.wait_for_function(f"document.body.getAttribute('data-jp-theme-light') === '{light}'")
