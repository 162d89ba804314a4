"""A widget in a page, with Python beside it: as widget.py and cowlab.js do it, but without Jupyter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cowlab.views import mount
from cowlab.views.widget import Widget

PAGE = """<!doctype html><meta charset=utf-8><style>%s%s</style><body><main></main>
<script>%s
const changes = new Set();
const model = {
  kept: %s,
  get: (name) => model.kept[name],
  on: (_, draw) => changes.add(draw),
  send: async (message) => { model.show(await window.python(message)); },
  show: (kept) => { if (kept) { model.kept = kept; changes.forEach((draw) => draw()); } },
};
const el = document.querySelector("main");
render({ model, el });
</script>"""


def shown_as(widget: Widget) -> dict[str, Any]:
    return {name: getattr(widget, name) for name in ("view", "state", "now")}


def open_beside(page: Any, save: Any, widget: Widget, wait: Callable[[], object] = bool) -> list[dict[str, Any]]:
    """Show it. wait: is called after each message, until Python has said all. The messages, as they come, are returned."""
    messages: list[dict[str, Any]] = []

    def python(message: dict[str, Any]) -> dict[str, Any] | None:
        messages.append(message)
        before = widget.state
        widget.answer(message)
        wait()
        return None if widget.state is before else shown_as(widget)

    page.expose_function("python", python)
    source = "\n".join(mount.script(f"{name}.js") for name in dict.fromkeys(("cowlab", "stepper", widget.view)))
    sheets = mount.sheets(widget.view)
    page.goto(save(PAGE % (mount.PAGE, sheets, source, mount.as_json(shown_as(widget)))))
    return messages
