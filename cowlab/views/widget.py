"""The widget behind every view that asks Python: one module of JavaScript, a view's name, and what it shows."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from cowlab.views.mount import VIEWS, module, sheets


class Widget(anywidget.AnyWidget):
    """A view in a notebook. `state` is what it shows; `answer(message)` is called with what the learner did there."""

    _esm = module()
    _css = sheets(*VIEWS)
    view = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(lambda _, message, buffers: self.answer(message))

    def answer(self, message: dict[str, Any]) -> None:
        """What the learner did; a view that asks overrides it."""

    def text(self) -> str:
        """The same in words, for whoever sees no widget."""
        return ""

    def still(self) -> str:
        """What is shown where no widget runs, as HTML: an untrusted notebook, GitHub."""
        return ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": self.text(), "text/html": self.still()}, metadata
