"""The MatrixView in a real browser: by mouse, by keyboard, without a network, and in JupyterLab."""

from __future__ import annotations

from typing import Any

import pytest
from real_lab import Lab, first_output, notebook, outputs_in_view, run_all, shoot, somebody_elses, theme
from short import ROWS
from test_matrix_view import EVENTS, broken, explored, view

from cowlab import LAWS
from cowlab.views import MatrixView, text_frame

pytestmark = pytest.mark.browser
FIRST = "v5.7, isolation"


@pytest.fixture
def matrix(page: Any, saved: Any) -> Any:
    page.context.set_offline(True)
    page.goto(saved(view().html()))
    return page


def cell(page: Any, start: str) -> Any:
    return page.locator(f'button.cell[aria-label^="{start}:"]')


def focused(page: Any) -> str:
    label = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
    return str(label).partition(":")[0]


def selected(page: Any) -> list[str]:
    labels = page.locator("td[aria-selected=true] button").evaluate_all("(all) => all.map((b) => b.ariaLabel)")
    return [label.partition(":")[0] for label in labels]


def words(page: Any) -> list[str]:
    return [str(text) + "\n" for text in page.locator("pre.words").all_text_contents()]


def test_a_broken_cell_opens_its_witness(matrix: Any) -> None:
    for name, law in broken():
        cell(matrix, f"{name}, {law}").click()
        stepper = view().stepper(name, law)
        assert words(matrix) == [text_frame(trace, stepper.start) for trace in stepper.traces], (name, law)
        assert selected(matrix) == [f"{name}, {law}"]
        assert "✗" in matrix.locator(".below pre").first.inner_text()
    matrix.get_by_role("button", name="First (Home)").click()
    assert words(matrix) == [text_frame(trace, 0) for trace in stepper.traces]
    matrix.keyboard.press("ArrowRight")
    assert matrix.locator(".pos").inner_text().startswith("line 1 of")


def test_a_kept_cell_says_bounds_states_and_complete(matrix: Any) -> None:
    cell(matrix, "v5.7, isolation").click()
    cell(matrix, "v6.5, isolation").click()
    said, found = matrix.locator(".below").inner_text(), explored()["v6.5"]
    assert "v6.5 keeps isolation" in said and "Complete" in said and f"{found['states']:,} states" in said
    assert "2 processes, 1 page, 1 reference, 1 hold" in said and "direct_read, g: write" in said
    assert matrix.locator(".cow-stepper, .below button").count() == 0


def test_a_bounded_cell_says_how_far(page: Any, saved: Any) -> None:
    page.goto(saved(MatrixView(explored(("v6.5",), max_states=20)).html()))
    assert "Not complete" in page.locator(".below").inner_text()  # nothing is broken: the first cell is shown
    style = cell(page, "v6.5, isolation").evaluate("(b) => getComputedStyle(b).borderTopStyle")
    assert style == "dashed"
    assert "✓" not in page.locator(".cow-matrix").inner_text()


def test_the_marks_are_told_apart_without_colour(matrix: Any) -> None:
    def look(start: str) -> list[str]:
        return list(
            cell(matrix, start).evaluate(
                "(b) => { const s = getComputedStyle(b); return [s.backgroundColor, s.borderTopWidth, s.borderTopStyle]; }"
            )
        )

    assert look(FIRST) == ["rgb(179, 38, 30)", "1px", "solid"]
    assert look("v6.5, isolation") == ["rgba(0, 0, 0, 0)", "1px", "solid"]
    assert look("v6.5, economy") == ["rgba(0, 0, 0, 0)", "2px", "solid"]


def test_what_stands_there_at_first(matrix: Any) -> None:
    assert selected(matrix) == [FIRST]
    assert "v5.7 breaks isolation" in matrix.locator(".below").inner_text()
    assert matrix.locator(".cow-stepper").count() == 0
    matrix.get_by_role("button", name="Open in the Stepper").click()
    assert matrix.locator(".cow-stepper .pos").inner_text() == "line 5 of 5"
    matrix.get_by_role("button", name="Close the Stepper").click()
    assert matrix.locator(".cow-stepper").count() == 0 and focused(matrix) == FIRST


def test_by_keyboard(matrix: Any) -> None:
    matrix.keyboard.press("Tab")
    assert focused(matrix) == FIRST
    for key, place in (
        *(("ArrowUp", FIRST), ("ArrowLeft", FIRST), ("ArrowDown", "v5.8, isolation")),
        *(("ArrowRight", "v5.8, dma-isolation"), ("End", "v5.8, economy"), ("ArrowRight", "v5.8, economy")),
        *(("Home", "v5.8, isolation"), *((("ArrowDown", f"{name}, isolation")) for name in ROWS[2:])),
        ("ArrowDown", f"{ROWS[-1]}, isolation"),  # over the head of the proposals, and no further than the last
    ):
        matrix.keyboard.press(key)
        assert focused(matrix) == place, key
        assert selected(matrix) == [FIRST]  # moving opens nothing
    matrix.keyboard.press("Enter")
    assert selected(matrix) == [f"{ROWS[-1]}, isolation"] == [focused(matrix)]
    assert matrix.locator(".cow-stepper .pos").inner_text() == "line 3 of 3"
    matrix.keyboard.press("Tab")
    assert focused(matrix) == "Close the Stepper"  # one cell is in the tab order, not ninety
    matrix.keyboard.press("Tab")
    assert focused(matrix) == "First (Home)"
    matrix.keyboard.press("Shift+Tab")
    matrix.keyboard.press("Shift+Tab")
    matrix.keyboard.press("ArrowUp")
    matrix.keyboard.press("Space")
    assert selected(matrix) == [f"{ROWS[-2]}, isolation"]


def test_the_keys_stay_inside(matrix: Any) -> None:
    matrix.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    matrix.keyboard.press("Tab")
    heard = matrix.evaluate("window.heard.splice(0)")
    for key in ("ArrowDown", "Home", "d", "Enter", " ", "Escape", "Control+s"):
        matrix.keyboard.press(key)
    assert matrix.evaluate("window.heard") == ["Escape", "Control", "s"] and heard == ["Tab"]


def test_for_a_screen_reader(matrix: Any) -> None:
    grid = matrix.get_by_role("grid", name="Policies and laws")
    assert grid.get_by_role("gridcell", selected=True).count() == 1
    assert grid.get_by_role("rowheader", name="v5.7").count() == 1
    assert grid.get_by_role("columnheader", name="dma-isolation").count() == 1
    assert grid.get_by_role("button").count() == len(ROWS) * len(LAWS)
    said = matrix.locator(".cow-matrix > .cow-live > .cow-say")
    assert said.text_content() == ""
    cell(matrix, "v5.8, isolation").click()
    assert said.text_content().startswith("v5.8 breaks isolation. 4 lines")
    assert said.text_content().endswith("A Stepper is open below.")
    cell(matrix, "v6.5, isolation").click()
    assert said.text_content() == "v6.5 keeps isolation. Complete: it holds in every state within these bounds."


def test_two_on_one_page_do_not_meet(page: Any, saved: Any) -> None:
    page.goto(saved(f"<!doctype html><meta charset=utf-8>{view().fragment()}{view().fragment()}"))
    cell(page, "v5.8, isolation").nth(1).click()
    assert page.locator(".cow-matrix .cow-stepper").count() == 1
    assert selected(page) == [FIRST, "v5.8, isolation"]


def test_without_scripts_the_table(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(saved(view().html()))
    assert page.locator(".cow-still table").is_visible() and page.locator("button:visible").count() == 0
    assert "Cells open once the notebook is trusted" in page.locator(".cow-still").inner_text()
    context.close()


@pytest.mark.parametrize("width", [700, 900, 1100, 1280, 1920])
def test_no_part_is_wider_than_its_place(page: Any, saved: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(saved(MatrixView({**explored(), **explored(("v5.9",), max_states=20)}).html()))
    cell(page, FIRST).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    fits = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent)"
    assert page.locator("button.cell, table.m thead b, table.m thead span").evaluate_all(fits) == []
    if width >= 900:
        assert page.locator(".matrix").evaluate("(e) => e.scrollWidth <= e.clientWidth")
    rows = page.locator("table.m tbody tr:has(button)").evaluate_all("(all) => all.map((e) => e.offsetHeight)")
    assert max(rows) - min(rows) <= 2 and max(rows) <= 32  # nothing wraps


# --- in JupyterLab ---------------------------------------------------------------------------------------------------

SOURCES = (
    "from cowlab.matrix import matrix\nfrom cowlab.model import Bounds\nfrom cowlab.views import MatrixView",
    f"MatrixView(matrix(('v5.7', 'v5.8', 'v6.5'), Bounds(events={EVENTS})))",
)
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 17, 17)"}


@pytest.mark.slow
def test_in_jupyterlab(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "matrix.ipynb").write_text(notebook(*SOURCES), "utf-8")
    page = open_notebook("matrix.ipynb")
    run_all(page)
    outputs_in_view(page)
    cells = page.locator(".jp-Cell").count()
    cell(page, FIRST).focus()
    for key in ("ArrowDown", "End", "d", "d", "Home", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    assert selected(page) == [FIRST] == [focused(page)]
    assert page.locator(".cow-matrix .cow-stepper .pos").inner_text() == "line 5 of 5"
    stepper = view().stepper("v5.7", "isolation")
    assert words(page) == [text_frame(trace, 5) for trace in stepper.traces]
    page.locator(".cow-matrix input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".cow-matrix .cow-stepper .pos").inner_text() == "line 4 of 5"
    for look in ("dark", "light"):
        theme(page, look)
        assert page.locator(".cow-matrix").evaluate("(e) => getComputedStyle(e).backgroundColor") == PAPER[look]
        cell(page, "v6.5, isolation").click()
        assert "v6.5 keeps isolation" in page.locator(".below").inner_text()
        shoot(page, f"matrix-{look}")


@pytest.mark.slow
def test_an_untrusted_notebook_shows_the_table(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "foreign-matrix.ipynb").write_text(somebody_elses(view()._repr_mimebundle_()), "utf-8")
    output = first_output(open_notebook("foreign-matrix.ipynb"))
    assert "Cells open once the notebook is trusted" in output.inner_text()
    assert output.locator("[data-ready], button").count() == 0
    assert output.locator("tbody tr").count() == len(ROWS)
