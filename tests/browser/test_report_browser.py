"""The pages of `cowlab grade` in a real browser: hostile texts do nothing, Steppers open, paper and both themes are readable."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_report import EVIL, FOUND, LESSON, ada, hostile, klass, leaks, of

from cowlab.grading.report import class_page, student_page, write

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent
CONTRAST = (HERE / "contrast.js").read_text("utf-8")
LEGIBLE = (HERE / "legible.js").read_text("utf-8")
# What would tell on itself: each calls pwned(), or fetches something from HOST.
RAW = """<script>pwned('script')</script><script src="HOST/a.js"></script><img src="data:image/png;base64,x"
onerror="pwned('onerror')"><img src="HOST/a.png"><svg onload="pwned('onload')"></svg><style>@import "HOST/a.css";
body { background: url(HOST/b.png) }</style><link rel="stylesheet" href="HOST/c.css"><iframe src="HOST/f"></iframe>
<iframe srcdoc="<script>parent.pwned('frame')</script>"></iframe><object data="HOST/o"></object><video src="HOST/v"></video>
<a id="trap" href="javascript:pwned('link')">here</a><form id="sent" action="HOST/sent"></form><base href="HOST/">"""


class Suspect:
    """A page of which is noted whatever it runs and asks for."""

    def __init__(self, page: Any) -> None:
        self.page, self.did = page, []
        page.expose_function("pwned", lambda *what: self.did.append(f"ran {what}"))
        page.on("dialog", lambda dialog: (self.did.append(dialog.message), dialog.dismiss()))
        page.on("popup", lambda popup: self.did.append(f"opened {popup.url}"))
        page.on("request", lambda request: self.did.append(f"asked for {request.url}"))

    def goto(self, address: str) -> None:
        self.page.goto(address)
        self.page.wait_for_load_state("load")
        self.did = [what for what in self.did if what != f"asked for {address}"]


def open_all(page: Any) -> None:
    for button in page.locator("button.open").all():
        button.click()
    page.locator("details").evaluate_all("(all) => all.forEach((details) => (details.open = true))")


@pytest.mark.parametrize("which", ["student", "class"])
def test_a_hostile_submission_runs_nothing_and_fetches_nothing(page: Any, saved: Any, which: str) -> None:
    """And brings no error to the console; what is touched is as harmless as what is looked at."""
    suspect = Suspect(page)
    evil = hostile(EVIL)
    suspect.goto(saved(student_page(evil) if which == "student" else class_page([evil, evil])))
    assert page.locator("button.open:visible").count() == (13 if which == "student" else 4)
    open_all(page)
    for element in page.locator(".cow-report :is(a, pre, h2, td):visible").all()[:40]:
        element.hover()
    page.locator("pre.words").first.click()
    page.keyboard.press("Home")
    assert suspect.did == []
    assert "</script><script>pwned()" in page.locator(".cow-report").inner_text()
    assert page.locator(".cow-report :is(script:not([type]), img, iframe, style, b[style])").count() == 0
    assert "pwned" in page.title() and page.evaluate("document.title.length") < 200


@pytest.fixture
def evil_host() -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything with nothing, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def attack(browser: Any, address: str) -> list[str]:
    """What a page runs on its own, when its link is followed, and when its form is sent."""
    context = browser.new_context()
    page = context.new_page()
    ran: list[str] = []
    page.expose_function("pwned", lambda how: ran.append(how))
    page.goto(address)
    page.evaluate("document.getElementById('trap').click()")
    page.evaluate("document.getElementById('sent').submit()")
    page.wait_for_timeout(150)  # for what is done later; nothing is waited for
    context.close()
    return ran


def test_what_gets_past_the_escaping_is_refused(browser: Any, saved: Any, evil_host: tuple[str, list[str]]) -> None:
    host, asked = evil_host
    pierced = student_page(ada()).replace("<h1", RAW.replace("HOST", host) + "<h1", 1)
    assert attack(browser, saved(pierced)) == [] == asked
    unlocked = re.sub("<meta http-equiv=[^>]*>", "", pierced)
    ran = attack(browser, saved(unlocked))  # the check can fail
    assert sorted(ran) == ["frame", "link", "onerror", "onload", "script"]
    assert {"/a.js", "/a.png", "/a.css", "/b.png", "/c.css", "/f", "/o", "/v", "/sent?"} <= set(asked)


def test_a_witness_opens_in_the_stepper_and_closes(page: Any, saved: Any) -> None:
    page.context.set_offline(True)
    page.goto(saved(student_page(ada())))
    first = page.locator(".witness").first
    last = len(leaks().witness or ())
    assert first.locator(".shows").is_visible() and page.locator(".cow-stepper").count() == 0
    button = first.get_by_role("button", name="Open in the Stepper")
    assert button.get_attribute("aria-expanded") == "false"
    button.focus()
    page.keyboard.press("Enter")
    button = first.get_by_role("button", name="Close the Stepper")
    assert button.get_attribute("aria-expanded") == "true" and not first.locator(".shows").is_visible()
    assert first.locator(".pos").inner_text() == f"line {last} of {last}"
    assert (
        "✗ LEAK" in first.locator(".room .verdict").inner_text()
        and "mapcount is 1" in first.locator(".room .said").inner_text()
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert first.locator(".pos").inner_text() == f"line 1 of {last}"
    page.locator("button.open").nth(1).click()
    assert [n.inner_text() for n in page.locator(".cow-stepper h2.cow-name").all()] == ["your policy", "v5.7"]
    button.click()
    assert first.locator(".shows").is_visible() and page.locator(".cow-stepper").count() == 1


def test_without_scripts_the_page_is_whole(browser: Any, saved: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(saved(student_page(ada())))
    assert page.locator("svg.cow-world[role=img]:visible").count() == 2 and page.locator("button:visible").count() == 0
    assert "✗ g sees C and ought to see B" in page.locator("pre").first.inner_text()
    assert "since line" in page.locator(".shows .law").first.inner_text()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_can_be_read_in_both_themes_and_on_paper(browser: Any, saved: Any, theme: str) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 6000})
    page = context.new_page()
    for html in (
        student_page(ada()),
        student_page(of("zed", FOUND, points=None, error="no notebook")),
        class_page(klass()),
    ):
        page.goto(saved(html))
        open_all(page)
        page.evaluate("scrollTo(0, 0)")
        page.evaluate("Promise.all(document.getAnimations().map((moves) => moves.finished))")
        assert page.evaluate(CONTRAST) == []
        page.emulate_media(media="print")
        paper = page.locator(".cow-report").evaluate("(e) => getComputedStyle(e).backgroundColor")
        assert paper == "rgb(255, 255, 255)" and page.locator("button:visible").count() == 0
        assert page.evaluate(CONTRAST) == []
        page.emulate_media(media="screen")
    context.close()


@pytest.mark.parametrize("width", [420, 800, 1280])
def test_nothing_is_wider_than_the_page(page: Any, saved: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    long = hostile("A" * 3000)
    for html in (student_page(ada()), class_page(klass()), student_page(long), class_page([long])):
        page.goto(saved(html))
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_charts_are_legible(page: Any, saved: Any) -> None:
    page.goto(saved(class_page([*klass(), *(of(f"x{n}", FOUND._replace(points=n / 2)) for n in range(11))])))
    assert page.locator("svg.chart").count() >= 3
    charts = page.locator("svg.chart").evaluate_all("(all) => all.map((svg) => svg.outerHTML)")
    page.evaluate("document.querySelector('.cow-report').replaceChildren()")
    assert (
        page.evaluate(LEGIBLE.replace("document.body.append", "document.querySelector('.cow-report').append"), charts)
        == []
    )
    assert page.get_by_role("img").count() == 0


def test_a_class_page_leads_to_the_students(page: Any, tmp_path: Path) -> None:
    files = write(tmp_path, klass())
    page.goto(next(path for path in files if path.name.startswith("class-")).as_uri())
    page.get_by_role("link", name="student05").last.click()
    assert page.get_by_role("heading", name="Lesson 1, copy on write").is_visible()
    assert f"student05/{LESSON}.ipynb" in page.locator(".lede").inner_text()
