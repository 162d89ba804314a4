"""What graphs and charts have in common: a drawing, which is an image where no script may run, and the same in words."""

from __future__ import annotations

import base64
from html import escape

from cowlab.views.picture import style
from cowlab.views.shown import Shown

STILL_BYTES = 150_000  # a larger drawing is not sent a second time for who sees no scripts: the words say it all


class Drawing(Shown):
    """A drawing with a title; `words` is the same as text."""

    view = "graph"
    notice = (
        "This is drawn once the notebook is trusted, or its cell is run. Until then: an image, and the same in words."
    )

    def __init__(self, title: str, lede: str, words: str) -> None:
        self.title, self.lede, self.words = title, lede, words

    def image(self) -> str:
        """The drawing as an image, for where no script may run; "" if there is none."""
        raise NotImplementedError

    def text(self) -> str:
        return self.words

    def still(self) -> str:
        return f"{self.image()}<pre>{escape(self.words)}</pre>"


def as_image(svg: str, alt: str) -> str:
    """An SVG in the page's colours as an image, with the styles that it needs; "" if it is too large to send twice."""
    if not svg or len(svg) > STILL_BYTES:
        return ""
    sheet = f"<style>{style('picture.css')}{style('graph.css')}</style>"
    whole = svg.replace('class="', 'class="cowlab ', 1).replace(">", f">{sheet}", 1)
    return f'<img src="data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}" alt="{escape(alt)}">'
