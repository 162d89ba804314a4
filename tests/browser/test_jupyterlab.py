"""Every lesson in a real JupyterLab: run from top to bottom, then stepped by mouse and by keyboard in both themes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from needs import ROOT, missing

from cowlab import play, scenarios
from cowlab.views import step_through, text_frame

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SMALL = "small.ipynb"
LESSONS = [SMALL, *sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))]
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 17, 17)"}
# What JupyterLab itself says on a machine without a network, and what a kernel's messages may bring.
NOT_OURS = ("favicon", "Failed to load resource", "WebSocket", "jupyterlab/api/news")


def small_notebook() -> str:
    """Two Steppers in one notebook, as somebody types them."""
    sources = [
        "from cowlab.views import step_through",
        'step_through("leak", "v5.7", "v5.9")',
        'step_through("leak", "v6.5", start="leak@5")',
    ]
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


class Lab(NamedTuple):
    address: str
    course: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab on loopback, on copies of the notebooks, with settings of its own."""
    if importlib.util.find_spec("jupyterlab") is None:
        missing("jupyterlab is not installed")
    home = tmp_path_factory.mktemp("lab")
    course = home / "course"
    course.mkdir()
    (course / SMALL).write_text(small_notebook(), "utf-8")
    for name in LESSONS[1:]:
        shutil.copy(ROOT / "notebooks" / name, course)
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


def steppers(page: Any) -> list[Any]:
    """Every Stepper of the notebook; JupyterLab makes outputs only once they come into view."""
    for cell in page.locator(".jp-CodeCell").all():
        cell.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    return list(page.locator(".cow-stepper[data-ready]").all())


def theme(page: Any, name: str) -> None:
    command(page, "apputils:change-theme", f"{{theme: 'JupyterLab {name.capitalize()}'}}")
    light = "true" if name == "light" else "false"
    page.wait_for_function(f"document.body.getAttribute('data-jp-theme-light') === '{light}'")


def walk(page: Any, stepper: Any) -> None:
    """To the end and back by keyboard, to the end by mouse: everywhere the frame is the one that is named."""
    position, slider = stepper.locator(".pos"), stepper.locator("input[type=range]")
    last = int(slider.get_attribute("max"))
    cells = page.locator(".jp-Cell").count()
    slider.scroll_into_view_if_needed()
    slider.focus()
    page.keyboard.press("Home")
    assert position.inner_text() == "start"
    for index in range(1, last + 1):
        page.keyboard.press("ArrowRight")
        assert position.inner_text() == f"line {index} of {last}"
    page.keyboard.press("ArrowLeft")
    assert position.inner_text() == (f"line {last - 1} of {last}" if last > 1 else "start")
    page.keyboard.press("d")
    page.keyboard.press("d")  # in JupyterLab's command mode that would delete the cell
    assert page.locator(".jp-Cell").count() == cells
    stepper.get_by_role("button", name="First (Home)").click()
    for index in range(1, last + 1):
        stepper.get_by_role("button", name="Next (right arrow)").click()
        assert position.inner_text() == f"line {index} of {last}"
        for frame in stepper.locator("pre.words").all_text_contents():
            assert f"line {index} of {last}" in frame


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_and_steps(open_notebook: Any, name: str) -> None:
    page = open_notebook(name)
    run_all(page)
    for stepper in steppers(page):
        walk(page, stepper)
    if name == SMALL:
        first, second = steppers(page)
        assert second.locator(".pos").inner_text() == "line 6 of 6"
        expected = [text_frame(play(scenarios()["leak"], policy), 6) for policy in ("v5.7", "v5.9")]
        assert [text + "\n" for text in first.locator("pre.words").all_text_contents()] == expected
    for look in ("dark", "light"):
        theme(page, look)
        for stepper in steppers(page):
            assert stepper.evaluate("(e) => getComputedStyle(e).backgroundColor") == PAPER[look]
            if folder := os.environ.get("COWLAB_SHOTS"):  # for whoever wants to look
                stepper.scroll_into_view_if_needed()
                page.screenshot(path=f"{folder}/{name}-{look}.png")


def test_a_click_into_the_picture_and_a_key(open_notebook: Any) -> None:
    page = open_notebook(SMALL)
    run_all(page)
    stepper = steppers(page)[0]
    stepper.locator("table.trace tbody tr").nth(4).click()
    assert stepper.locator(".pos").inner_text() == "line 5 of 6"
    stepper.locator("section.w svg").first.click()
    page.keyboard.press("ArrowRight")
    assert stepper.locator(".pos").inner_text() == "line 6 of 6"


def test_an_untrusted_notebook_shows_the_first_frame_and_the_words(open_notebook: Any, lab: Lab) -> None:
    """Saved with its outputs by somebody else, opened here, and not run."""
    notebook = json.loads(small_notebook())
    bundle = step_through("leak", "v5.7")._repr_mimebundle_()
    notebook["cells"][1]["outputs"] = [
        {"output_type": "execute_result", "data": bundle, "metadata": {}, "execution_count": 1}
    ]
    (lab.course / "foreign.ipynb").write_text(json.dumps(notebook), "utf-8")
    page = open_notebook("foreign.ipynb")
    output = page.locator(".jp-OutputArea-output").first
    output.scroll_into_view_if_needed()
    shown = output.inner_text()
    assert "This steps once the notebook is trusted" in shown
    assert "v5.7  line 5 of 6  P: write S  ->  reuse  !! LEAK" in shown
    assert output.locator("[data-ready]").count() == 0 and output.locator("button, input, table").count() == 0
    assert output.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 500")
    if folder := os.environ.get("COWLAB_SHOTS"):
        page.screenshot(path=f"{folder}/untrusted.png")
