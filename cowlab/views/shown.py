"""What graphs and charts have in common: a drawing with a title, which a page, a notebook and a reader of text can show."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from cowlab.views import mount
from cowlab.views.picture import style

STILL_BYTES = 150_000  # a larger drawing is not sent a second time for who sees no scripts: the words say it all


class Shown:
    """As the last value of a notebook's cell it is shown. `words` is the same as text."""

    notice = (
        "This is drawn once the notebook is trusted, or its cell is run. Until then: an image, and the same in words."
    )

    def __init__(self, title: str, lede: str, words: str) -> None:
        self.title, self.lede, self.words = title, lede, words

    def data(self) -> dict[str, Any]:
        """What the view `graph` needs in the browser."""
        raise NotImplementedError

    def image(self) -> str:
        """The drawing as an image, for where no script may run; "" if there is none."""
        raise NotImplementedError

    def text(self) -> str:
        """The same in words."""
        return self.words

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.fragment()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.fragment(), "text/plain": self.text()}

    def html(self) -> str:
        """A page of its own, which needs no network."""
        return mount.page(self.title, self.fragment())

    def fragment(self) -> str:
        """The HTML with everything it needs."""
        return mount.fragment("graph", self.data(), title=self.title, lede=self.lede, still=self.still())

    def still(self) -> str:
        """What is shown where no script may run."""
        return f"<p><em>{self.notice}</em></p>{self.image()}<pre>{escape(self.words)}</pre>"


def as_image(svg: str, alt: str) -> str:
    """An SVG in the page's colours as an image, with the styles that it needs; "" if it is too large to send twice."""
    if not svg or len(svg) > STILL_BYTES:
        return ""
    sheet = f"<style>{style('picture.css')}{style('graph.css')}</style>"
    whole = svg.replace('class="', 'class="cowlab ', 1).replace(">", f">{sheet}", 1)
    return f'<img src="data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}" alt="{escape(alt)}">'
