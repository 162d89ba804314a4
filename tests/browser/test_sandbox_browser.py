"""The sandbox in a real browser, by mouse and by keyboard: first beside a kernel made of one function, then in JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from beside import open_beside
from real_lab import Lab, first_output, notebook, outputs_in_view, run_all, shoot, somebody_elses, theme

from cowlab import POLICIES, scenarios
from cowlab.views import Sandbox, mount

pytestmark = pytest.mark.browser


class Open:
    """A sandbox in a page, its kernel being this process."""

    def __init__(self, page: Any, save: Any, sandbox: Sandbox) -> None:
        self.page, self.sandbox = page, sandbox
        open_beside(page, save, sandbox)

    def key(self, name: str) -> Any:
        return self.page.locator(f'[data-k="{name}"]')

    def wait(self, place: str) -> None:
        self.page.locator(".pos", has_text=place).wait_for()

    @property
    def focus(self) -> str:
        return str(self.page.evaluate("document.activeElement.dataset.k"))


@pytest.fixture
def opened(page: Any, saved: Any) -> Any:
    return lambda *args, **options: Open(page, saved, Sandbox(*args, **options))


def test_the_leak_by_mouse(opened: Any) -> None:
    box = opened()
    for name, line in (("P write", "line 1 of 1"), ("P fork", "line 2 of 2"), ("C vmsplice", "line 3 of 3")):
        box.key(name).click()
        box.wait(line)
    box.key("C munmap").click()
    box.wait("line 4 of 4")
    box.key("P write").click()
    box.wait("line 5 of 5")
    assert box.sandbox.script == "P: write A\nP: fork C\nC: vmsplice g\nC: munmap\nP: write B\n"
    assert box.page.locator(".verdict").inner_text() == "✗ LEAK"
    assert box.page.locator("[data-k='P write']").inner_text() == "write X"  # the next letter that is nobody's name


def test_the_same_by_keyboard(opened: Any) -> None:
    box = opened("leak", start=4)
    keys = box.page.keyboard
    box.key("P write").focus()
    keys.press("Enter")
    box.wait("line 5 of 5")
    assert box.focus == "P write"  # it is drawn anew, and the reader is where they were
    box.key("undo").focus()
    keys.press("Space")
    box.wait("line 4 of 4")
    assert box.focus == "undo" and box.key("redo").get_attribute("aria-label") == "Redo P: write B"
    box.key("C exit").focus()
    keys.press("Enter")
    box.wait("line 5 of 5")
    assert box.focus == "undo"  # C is gone, and its buttons
    said = box.page.locator(".sb-say").text_content()
    assert said.startswith("Line 5, C: exit. v5.7: done.")


def test_every_control_is_reached_by_tab(opened: Any) -> None:
    box = opened("leak", start=4)
    reached = []
    for _ in range(60):
        box.page.keyboard.press("Tab")
        reached.append(box.focus)
    keys = box.page.locator("[data-k]:visible").evaluate_all("(all) => all.map((one) => one.dataset.k)")
    assert set(keys) <= set(reached) and "g write" in keys and "P madvise" not in keys


def test_what_cannot_happen_says_why(opened: Any) -> None:
    box = opened("leak", start=4)
    grey = box.key("g write")
    assert grey.get_attribute("aria-disabled") == "true" and "without write" in grey.get_attribute("title")
    assert grey.get_attribute("disabled") is None
    grey.focus()
    why = "g: write B cannot happen: g was taken by vmsplice without write: it cannot store."
    assert box.page.locator(".sb-note").inner_text() == why
    box.page.keyboard.press("Enter")
    assert box.page.locator(".sb-say").text_content() == why
    assert box.sandbox.script.count("\n") == 4 and box.page.locator(".pos").inner_text() == "line 4 of 4"
    box.key("P vmsplice").hover()
    assert box.page.locator(".sb-note").inner_text().startswith("P: vmsplice h: the page goes into a pipe")


def test_choices_stand_in_the_line(opened: Any) -> None:
    box = opened("P: mmap anon @1\nP: fork C")
    box.key("more P").click()
    box.key("P madvise 0").select_option("pageout")
    box.key("P pin 2").check()
    box.key("@").select_option("@1")
    box.key("V").fill("X")
    for name, line in (
        *(("P madvise", "P: madvise pageout @1"), ("P pin", "P: pin g longterm @1"), ("P write", "P: write X @1")),
        *(("P vm_write", "P: vm_write C X @1"), ("P fork", "P: fork D")),
    ):
        assert box.key(name).get_attribute("aria-label") == line
    box.key("P write").click()
    box.wait("line 3 of 3")
    assert box.key("P madvise").get_attribute("aria-label") == "P: madvise pageout @1"  # set, and not used yet
    assert box.key("V").input_value() == "A" and box.key("more P").is_visible() and box.key("P pin").is_visible()
    box.key("P madvise").click()
    box.wait("line 4 of 4")
    assert box.sandbox.script.endswith("P: write X @1\nP: madvise pageout @1\n")
    assert box.key("P madvise").get_attribute("aria-label") == "P: madvise dontneed @1"


def test_a_typed_line(opened: Any) -> None:
    box = opened("leak", start=4)
    box.key("typed").fill("P: wirte S")
    box.page.keyboard.press("Enter")
    wrong = box.page.locator(".sb-error")
    wrong.get_by_text("unknown verb 'wirte'").wait_for()
    assert "Did you mean write?" in wrong.inner_text() and wrong.get_attribute("role") == "alert"
    assert box.focus == "typed" and box.key("typed").input_value() == "P: wirte S"  # to be mended
    box.key("typed").fill("P: write S # the secret")
    box.page.keyboard.press("Enter")
    box.wait("line 5 of 5")
    assert wrong.inner_text() == "" and box.key("typed").input_value() == "" and box.focus == "typed"
    assert box.sandbox.script.endswith("P: write S  # the secret\n")


def test_the_policy_is_switched_under_the_script(opened: Any) -> None:
    box = opened("leak")
    box.page.locator("table.trace tbody tr").nth(4).click()
    box.key("policy 0").focus()
    for name in ("v5.8", "v5.9-rc4"):  # an arrow key in a list takes the next one at once
        box.page.keyboard.press("ArrowDown")
        box.page.locator("h2", has_text=name).wait_for()
        assert box.page.locator(".pos").inner_text() == "line 5 of 6" and box.focus == "policy 0"
    box.key("add").click()
    box.page.locator("h2").nth(1).wait_for()
    assert box.page.locator("h2").all_inner_texts() == ["v5.9-rc4", "v5.9"]
    box.key("drop 0").click()
    box.page.locator("h2").nth(1).wait_for(state="detached")
    assert box.sandbox.trace.policy.name == "v5.9" and box.page.locator(".pos").inner_text() == "line 5 of 6"


def test_one_goes_on_from_an_earlier_line(opened: Any) -> None:
    box = opened("leak")
    box.page.locator("input[type=range]").focus()
    before = box.page.locator(".bar").bounding_box()
    box.page.keyboard.press("Home")
    box.page.keyboard.press("ArrowRight")
    assert box.page.locator(".sb-choose").evaluate("(e) => e.inert")
    assert "You look at line 1, the menu is about line 6." in box.page.locator(".sb-back").inner_text()
    assert box.page.locator(".bar").bounding_box() == before
    box.page.keyboard.press("End")
    assert not box.page.locator(".sb-choose").evaluate("(e) => e.inert")
    assert not box.page.locator(".sb-back").is_visible()
    box.page.keyboard.press("Home")
    box.key("keep").click()
    box.page.locator(".pos", has_text="start").wait_for()
    box.key("P read").wait_for()
    assert box.sandbox.script == "" and not box.page.locator(".sb-choose").evaluate("(e) => e.inert")
    box.key("undo").click()
    box.wait("line 6 of 6")


def test_another_scenario_can_be_opened(opened: Any) -> None:
    box = opened("leak")
    box.key("scenario").select_option("pin-file-fork")
    box.key("load").click()
    box.page.locator("h1", has_text=scenarios()["pin-file-fork"].title).wait_for()
    assert box.key("undo").inner_text() == "Undo back to 6 lines"


def test_a_bad_answer_is_a_sentence(opened: Any) -> None:
    evil = POLICIES["v5.7"].with_(reuse=lambda page: "<b>perhaps</b>")
    box = opened("leak", evil, start=4)
    box.key("P write").click()
    wrong = box.page.locator(".sb-error")
    wrong.get_by_text("Not done").wait_for()
    assert "reuse answered '<b>perhaps</b>', expected one of reuse, copy, push" in wrong.inner_text()
    assert "mapcount=1" in wrong.inner_text() and box.page.locator(".pos").inner_text() == "line 4 of 4"


def test_the_script_is_taken_home(opened: Any) -> None:
    box = opened("leak")
    with box.page.expect_download() as download:
        box.key("save").click()
    assert download.value.suggested_filename == "my-leak.cow"
    assert Path(download.value.path()).read_text("utf-8") == f"{box.sandbox.state['head']}\n{box.sandbox.script}"
    box.key("copy").click()
    assert box.page.locator(".sb-said").inner_text() == "copied"
    box.key("typed").focus()
    box.page.keyboard.press("Control+v")  # a field has one line
    assert "P: write A" in box.key("typed").input_value() and "g: read" in box.key("typed").input_value()


def test_keys_stay_inside(opened: Any) -> None:
    box = opened("leak")
    box.page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    box.key("typed").focus()
    for key in ("d", "d", "ArrowUp", "x", "Escape"):
        box.page.keyboard.press(key)
    assert box.page.evaluate("window.heard") == ["Escape"]


def test_a_kernel_that_does_not_answer(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    box = opened("leak")
    monkeypatch.setattr(box.sandbox, "answer", lambda message: None)
    assert not box.page.locator(".sb-late").is_visible()
    box.key("P read").click()
    box.page.locator(".sb-late", has_text="No answer yet").wait_for()


def test_a_page_without_a_kernel_says_so_and_steps(page: Any, saved: Any) -> None:
    page.context.set_offline(True)
    page.goto(saved(mount.page("saved", Sandbox("leak", "v5.7", "v5.9").still())))
    assert "The sandbox needs a running kernel" in page.locator(".cow-stepper").inner_text()
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".pos").inner_text() == "line 5 of 6"


@pytest.mark.parametrize("width", [820, 1280, 1920])
def test_nothing_is_wider_than_the_page(opened: Any, width: int) -> None:
    box = opened("P: mmap anon @1\nP: fork C\nP: write A\nC: register g\nkernel: swap_out P", "v5.7", "v6.5")
    box.page.set_viewport_size({"width": width, "height": 900})
    for name in ("more P", "more kernel"):
        box.key(name).click()
    assert box.page.evaluate("document.documentElement.scrollWidth") <= width
    cut = box.page.locator(".sb-menu button, .sb-menu select, .sb-menu input").evaluate_all(
        "(all) => all.filter((e) => e.offsetWidth && (e.getBoundingClientRect().right > e.closest('.sb-menu').getBoundingClientRect().right + 1"
        " || e.scrollWidth > e.clientWidth + 1)).map((e) => e.dataset.k)"
    )
    assert cut == []


SOURCES = (
    'from cowlab import POLICIES\nfrom cowlab.views import Sandbox\nbox = Sandbox("leak", start=4)\nbox',
    "box",  # a second view of it
    'Sandbox("leak", "v5.7", "v5.9")',
)


@pytest.mark.slow
def test_in_jupyterlab(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "sandbox.ipynb").write_text(notebook(*SOURCES, "box.script"), "utf-8")
    page = open_notebook("sandbox.ipynb")
    run_all(page)
    outputs_in_view(page)
    one, two, beside = (page.locator(".cow-sandbox").nth(k) for k in range(3))
    one.locator('[data-k="P write"]').click()
    for view in (one, two):
        view.locator(".pos", has_text="line 5 of 5").wait_for()
        assert view.locator(".verdict").inner_text() == "✗ LEAK"
    two.locator('[data-k="undo"]').focus()
    page.keyboard.press("Enter")
    one.locator(".pos", has_text="line 4 of 4").wait_for()
    two.locator('[data-k="redo"]').focus()
    page.keyboard.press("Space")
    one.locator(".pos", has_text="line 5 of 5").wait_for()
    cells = page.locator(".jp-Cell").count()
    one.locator('[data-k="typed"]').click()
    page.keyboard.type("d: add x")  # dd and x are JupyterLab's, in command mode
    page.keyboard.press("Enter")
    one.locator(".sb-error", has_text="unknown verb 'add'").wait_for()
    assert page.locator(".jp-Cell").count() == cells
    one.locator('[data-k="typed"]').fill("g: read")
    page.keyboard.press("Enter")
    one.locator(".pos", has_text="line 6 of 6").wait_for()
    assert page.evaluate("document.activeElement.dataset.k") == "typed"
    one.locator('[data-k="g write"]').focus()
    assert "without write" in one.locator(".sb-note").inner_text()
    beside.locator('[data-k="policy 1"]').select_option("ideal")
    beside.locator("h2", has_text="ideal").wait_for()
    beside.locator("input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    assert beside.locator(".pos").inner_text() == "line 5 of 6"
    assert beside.locator(".sb-choose").evaluate("(e) => e.inert")
    for look in ("dark", "light"):
        theme(page, look)
        for k, view in enumerate((one, beside)):
            shoot(view, f"sandbox-{k}-{look}")


@pytest.mark.slow
def test_an_untrusted_notebook_says_that_it_needs_a_kernel(open_notebook: Any, lab: Lab) -> None:
    (lab.course / "foreign_sandbox.ipynb").write_text(somebody_elses(Sandbox("leak")._repr_mimebundle_()[0]), "utf-8")
    output = first_output(open_notebook("foreign_sandbox.ipynb"))
    shown = output.inner_text()
    assert "The sandbox needs a running kernel" in shown and "line 6 of 6  g: read" in shown
    assert output.locator("[data-ready]").count() == 0 and output.locator("button, input, table").count() == 0
    assert output.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 500")
