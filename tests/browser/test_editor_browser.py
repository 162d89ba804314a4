"""The PolicyEditor in a real browser: by mouse and by keyboard; first with Python beside the page, then in JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from beside import open_beside
from real_lab import Lab, command, first_output, notebook, outputs_in_view, run_all, somebody_elses, theme

from cowlab.views import PolicyEditor

pytestmark = pytest.mark.browser
WRITTEN = "def rule(page):\n    if True:\n        return page.mapcount == 1"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path))


@pytest.fixture
def shown(page: Any, saved: Any, own_cache: None) -> Callable[..., Any]:
    """Show an editor; afterwards every message that it got is in page.messages."""

    def show(editor: PolicyEditor) -> Any:
        page.messages = open_beside(page, saved, editor, editor.wait)
        return page

    return show


def words(page: Any, part: str) -> str:
    return str(page.locator(f"[data-part={part}]").inner_text())


def settled(page: Any) -> None:
    page.wait_for_function("!/at it/.test(document.querySelector('.ed-state').textContent)", timeout=60_000)


def write(page: Any, text: str) -> None:
    """Over what stands there, as somebody types: indents come by themselves."""
    page.locator("textarea").focus()
    page.keyboard.press("ControlOrMeta+a")
    for number, line in enumerate(text.split("\n")):
        if number:
            page.keyboard.press("Enter")
        page.keyboard.type(line.lstrip())


def test_choosing_by_mouse(shown: Any) -> None:
    page = shown(PolicyEditor("v5.9"))
    assert page.locator("textarea").input_value().startswith("def reuse_page_count(")
    page.locator("[data-k=choose]").select_option("reuse_exclusive")
    page.wait_for_selector("[data-k=open-andrea-clear-refs]")
    assert "✓ better keeps coherence" in words(page, "atlas").replace("\n", " ")
    assert page.locator("textarea").input_value().startswith("def reuse_exclusive(")
    page.get_by_text("uffd_wp take the right to write away").first.click()
    settled(page)
    assert page.locator("textarea").input_value().startswith("def protect_always(")
    assert page.locator("input[value=protect]").is_checked()
    page.get_by_role("button", name="Back to the row").click()
    settled(page)
    assert "nothing is replaced" in words(page, "atlas")


def test_writing_by_keyboard(shown: Any) -> None:
    page = shown(PolicyEditor("v5.9"))
    write(page, WRITTEN)
    assert page.locator("textarea").input_value() == WRITTEN
    assert page.locator(".ed-state").inner_text() == "not applied yet"
    assert page.locator("[data-k=choose]").input_value() == "own"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-k=open-leak]")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"  # one goes on writing
    assert "v5.9(reuse=rule)" in words(page, "head") and page.locator(".ed-state").inner_text() == ""
    page.keyboard.press("ControlOrMeta+z")  # what the new line has put in can be undone
    assert page.locator("textarea").input_value() != WRITTEN


def test_what_is_wrong_is_said_and_announced(shown: Any) -> None:
    page = shown(PolicyEditor("v5.9"))
    write(page, "def rule(page)\nreturn COPY")
    page.get_by_role("button", name="Apply").click()
    settled(page)
    assert words(page, "problem") == "✗ Line 1: expected ':'."
    assert page.locator(".ed-lines b").inner_text() == "✗ 1"
    assert page.locator("textarea").get_attribute("aria-invalid") == "true"
    assert page.locator("[role=alert]").inner_text() == words(page, "problem")
    assert page.locator(".ed-state").inner_text() == "not applied yet"
    write(page, "def rule(page):\nreturn None")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-k=stuck]")
    assert "PageInfo(asker='write'" in words(page, "problem") and "did you forget return?" in words(page, "problem")
    assert "No results" in words(page, "atlas")
    write(page, "def rule(page):\nreturn COPY")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-k=open-reuse-after-exit], [data-part=result] p")
    settled(page)
    assert words(page, "problem") == "" and page.locator("textarea").get_attribute("aria-invalid") == "false"


def test_every_control_is_reached_by_tab_and_the_text_lets_go(shown: Any) -> None:
    page = shown(PolicyEditor("v5.9"))
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.dataset.k || document.activeElement.getAttribute('aria-label') || ''")
        )
    assert [name for name in reached if name][:5] == ["row", "cell-reuse", "choose", "text", "apply"]
    page.locator("[data-k=cell-reuse]").focus()
    page.keyboard.press("ArrowDown")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.k") == "cell-gup"
    page.keyboard.press("ArrowDown")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.k") == "cell-fork"
    assert page.locator("textarea").input_value().startswith("def page_needs_cow_for_dma(")


def test_a_scenario_opens_below_and_closes_again(shown: Any) -> None:
    editor = PolicyEditor("v5.9")
    editor.set(reuse=lambda page: page.mapcount == 1)
    page = shown(editor)
    page.locator("[data-k=open-leak]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".cow-nested")
    assert page.locator(".ed-open h2.cow-name").first.inner_text() == "How a pipe reads a secret"
    assert page.locator(".cow-nested .pos").inner_text() == "line 5 of 6"
    assert page.locator(".cow-nested section.w h2").all_inner_texts() == ["v5.9", "v5.9(reuse=<lambda>)"]
    page.keyboard.press("Tab")  # from the heading, which has the focus, over Close to the Stepper
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator(".cow-nested .pos").inner_text() == "line 6 of 6"
    page.get_by_role("button", name="Close").click()
    page.wait_for_function("document.activeElement.dataset.k === 'open-leak'")
    assert page.locator(".cow-nested").count() == 0
    page.locator("tr", has_text="leak-mprotect").first.locator("td").last.click()  # anywhere in the row
    page.wait_for_selector(".cow-nested")
    assert [message["do"] for message in page.messages] == ["open", "close", "open"]


def test_a_new_result_leaves_what_one_is_at(shown: Any) -> None:
    """Typed text, an opened list and the Stepper's place survive what comes from Python meanwhile."""
    editor = PolicyEditor("v5.9")
    editor.set(reuse=lambda page: page.mapcount == 1)
    page = shown(editor)
    page.locator("[data-k=open-leak]").click()
    page.wait_for_selector(".cow-nested")
    page.locator(".cow-nested [data-a=first]").click()
    page.locator("summary", has_text="What a page can be asked").click()
    page.locator("textarea").fill("half a thought")
    page.evaluate("(state) => document.querySelector('.cow-editor').cowShow(state)", {**editor.state, "turn": 99})
    assert page.locator("textarea").input_value() == "half a thought"
    assert page.locator(".cow-nested .pos").inner_text() == "start"
    assert page.locator("details[open] table.ed-fields").is_visible()
    page.locator("[data-k=cell-fork]").click()
    settled(page)
    assert page.messages[-1]["draft"] == "half a thought"


@pytest.mark.parametrize("width", [900, 1280, 1920])
def test_no_part_is_wider_than_the_page(shown: Any, width: int) -> None:
    editor = PolicyEditor("v5.9")
    editor.set(reuse=lambda page: page.mapcount == 1, fork=PolicyEditor("v6.5").policy.fork)
    page = shown(editor)
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("[data-k=quick-isolation-yours]").click()
    page.wait_for_selector(".cow-nested")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    assert (
        page.locator(".cow-editor .cell, .cow-editor th, .cow-editor .bar, .cow-editor .ed-one").evaluate_all(cut) == []
    )
    if width >= 1280:
        assert page.locator(".cow-editor .ed-scroll").evaluate_all(cut) == []


CELLS = (
    "import os\nos.environ['COWLAB_CACHE'] = 'cache'\n"
    "from cowlab.views import PolicyEditor\neditor = PolicyEditor('v5.9')\neditor",
    "def mine(page):\n    return page.mapcount == 1",
    "editor.set(reuse=mine)",
)


def cells_run(page: Any) -> list[int]:
    return list(
        page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.map((c) => c.model.executionCount)")
    )


@pytest.mark.slow
def test_in_jupyterlab(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "editor.ipynb").write_text(notebook(*CELLS), "utf-8")
    page = open_notebook("editor.ipynb")
    run_all(page)
    outputs_in_view(page)
    page.wait_for_selector("[data-k=open-leak]")
    assert "v5.9(reuse=mine)" in words(page, "head")  # handed over from a cell
    assert page.locator("textarea").input_value() == CELLS[1]
    counts = cells_run(page)

    page.locator("[data-k=choose]").select_option("reuse_exclusive")
    page.wait_for_function("document.querySelector('textarea').value.startsWith('def reuse_exclusive')")
    page.locator("textarea").focus()
    page.keyboard.press("End")
    page.keyboard.type("dd")  # in JupyterLab's command mode that would delete the cell
    write(page, "def rule(page):\nreturn")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-k=stuck]")
    assert "reuse answered None" in words(page, "problem")
    write(page, "def rule(page)\nreturn COPY")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("/Line 1: expected/.test(document.querySelector('.ed-problem').innerText)")
    write(page, "def rule(page):\nreturn page.mapcount == 1")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-k=quick-isolation-yours]")
    assert cells_run(page) == counts and page.locator(".jp-Cell").count() == len(CELLS)

    page.locator("[data-k=job]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("/states/.test(document.querySelector('[data-part=job]').innerText)", timeout=60_000)
    page.wait_for_selector("[data-k=whole-isolation-yours]", timeout=120_000)
    page.locator("[data-k=whole-isolation-yours]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".cow-nested")
    last = page.locator(".cow-nested .pos").inner_text()
    assert re.fullmatch(r"line (\d) of \1", last)
    assert "✗ LEAK" in page.locator(".cow-nested section.w").last.inner_text()
    page.locator(".cow-nested input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.locator(".cow-nested .pos").inner_text() == "start"
    for look, paper in (("dark", "rgb(17, 17, 17)"), ("light", "rgb(255, 255, 255)")):
        theme(page, look)
        assert page.locator(".cow-editor").evaluate("(e) => getComputedStyle(e).backgroundColor") == paper


@pytest.mark.slow
def test_an_interrupt_of_the_kernel_is_a_sentence(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "slow.ipynb").write_text(notebook(CELLS[0]), "utf-8")
    page = open_notebook("slow.ipynb")
    run_all(page)
    page.wait_for_selector("[data-k=quick-isolation-base]")
    page.locator("textarea").fill("import time\n\ndef slow(page):\n    time.sleep(600)")
    page.get_by_role("button", name="Apply").click()
    assert page.locator(".ed-state").inner_text() == "Python is at it …"
    page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'")
    command(page, "notebook:interrupt-kernel")
    page.wait_for_function("/Interrupted/.test(document.querySelector('.ed-problem').innerText)")
    page.locator("[data-k=choose]").select_option("reuse_exclusive")
    page.wait_for_selector("[data-k=open-andrea-clear-refs]")
    assert words(page, "problem") == ""


@pytest.mark.slow
def test_an_untrusted_notebook_shows_the_words(open_notebook: Any, lab: Lab, own_cache: None) -> None:
    editor = PolicyEditor("v5.9")
    editor.set(reuse=lambda page: page.mapcount == 1)
    data = {"text/html": editor.still(), "text/plain": editor.text()}
    (lab.course / "words.ipynb").write_text(somebody_elses(data), "utf-8")
    output = first_output(open_notebook("words.ipynb"))
    assert "This can be changed once its cell is run" in output.inner_text()
    assert "✗ worse: breaks isolation" in output.inner_text()
    assert output.locator("button, input, textarea, select").count() == 0
