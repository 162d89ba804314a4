"""Predict in a real JupyterLab: where keys have other meanings, and where scripts are not trusted."""

from __future__ import annotations

from typing import Any

import pytest
from real_lab import Lab, first_output, notebook, outputs_in_view, run_all, shoot, somebody_elses, theme
from test_predict_browser import asks, at, button, press

from cowlab.views import Predict

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_in_jupyterlab(open_notebook: Any, lab: Lab) -> None:
    """By keyboard alone; no key reaches the notebook, and both themes are worn."""
    source = 'Predict("leak", "v5.7", "v5.9", ask={2: ("outcome", "page_count"), 5: ("outcome", "g")})'
    (lab.course / "predict.ipynb").write_text(notebook(f"from cowlab.views import Predict\n{source}", "1 + 1"), "utf-8")
    page = open_notebook("predict.ipynb")
    run_all(page)
    outputs_in_view(page)
    page.locator(".cow-stepper input[type=range]").focus()
    press(page, "End", "2", "Tab", "2", "Tab", "2", "Tab", "2", "Enter")
    assert asks(page) == "Line 2 P: fork C 4 of 4 right."
    press(page, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    shoot(page, "predict-asks-light")
    press(page, "2", "Tab", "d", "Tab", "3", "Tab", "A", "Enter")
    assert page.locator(".cow-score").inner_text() == "Score: 7 of 8 right" and at(page) == "line 5 of 6"
    shoot(page, "predict-tells-light")
    theme(page, "dark")
    assert page.locator(".cow-ask").evaluate("(e) => getComputedStyle(e).backgroundColor") == "rgb(29, 33, 38)"
    shoot(page, "predict-tells-dark")
    button(page, "Again").click()
    press(page, "End", "1")
    shoot(page, "predict-asks-dark")
    cells = page.locator(".jp-CodeCell")
    assert cells.count() == 2 and page.locator(".jp-mod-editMode").count() == 0
    assert [cell.inner_text() for cell in page.locator(".jp-InputPrompt").all()][:2] == ["[1]:", "[2]:"]


def test_an_untrusted_notebook_asks_in_words(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "asked.ipynb").write_text(somebody_elses(Predict("leak", "v5.7")._repr_mimebundle_()), "utf-8")
    page = open_notebook("asked.ipynb")
    output = first_output(page)
    assert output.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 300")
    assert "once the notebook is trusted" in output.inner_text() and "g sees: ?" in output.inner_text()
    assert output.locator("[data-ready], button, input, table").count() == 0
    shoot(page, "predict-untrusted")
    assert "!! LEAK" not in output.inner_text()
    output.locator("summary").click()
    assert "!! LEAK" in output.inner_text()
