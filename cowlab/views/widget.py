"""The widget behind every view that asks Python: one module of JavaScript, a view's name, and what it shows."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets
from IPython.display import display

from cowlab.views.mount import VIEWS, module, sheets

MIME = "application/vnd.jupyter.widget-view+json"
# JupyterLab shows a widget whose kernel is gone as one line of error, whatever else the output has. So the still is an
# output of its own before it, in sight unless there is a living widget behind it; then the error is not.
INSTEAD = """<style>
.jp-OutputArea-child:has(.cow-instead):has(+ .jp-OutputArea-child > .jp-OutputArea-output:not([data-mime-type]) > *),
.jp-OutputArea-child:has(.cow-instead) + .jp-OutputArea-child > .jp-OutputArea-output:not([data-mime-type]):not(:has(*)) { display: none }
.cow-instead { animation: cow-instead 0s 1s both }
@keyframes cow-instead { from { max-height: 0; overflow: hidden } }</style>"""


class Widget(anywidget.AnyWidget):
    """A view in a notebook. `state` is what it shows; `answer(message)` is called with what the learner did there.

    now: what is small and changes often, as how far something is. So the state need not be sent again for it.
    """

    _esm = module()
    _css = sheets(*VIEWS)
    view = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    now = traitlets.Dict().tag(sync=True)

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

    def _ipython_display_(self) -> None:
        """Two outputs, of which one is seen."""
        still = f'{INSTEAD}<div class="cow-instead">{self.still()}</div>'
        display({"text/html": still, "text/plain": self.text()}, raw=True)
        bundle, metadata = self._repr_mimebundle_()
        display({MIME: bundle[MIME], "text/html": "", "text/plain": ""}, raw=True, metadata=metadata)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": self.text(), "text/html": self.still()}, metadata
