"""What all views that need no kernel have in common: a page, a notebook's output and plain text show the same."""

from __future__ import annotations

from typing import Any

from cowlab.views import mount


class Shown:
    """As the last value of a notebook's cell it is shown. A view has `title` and `lede`, and gives the rest.

    view: its name in the browser. sheets: names of more styles. notice: what is said where no script may run, above the `still`.
    """

    view = ""
    sheets: tuple[str, ...] = ()
    notice = ""
    title = ""
    lede = ""

    def text(self) -> str:
        """The same in words."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """What the browser needs."""
        raise NotImplementedError

    def still(self) -> str:
        """What is shown where no script may run, as HTML."""
        raise NotImplementedError

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
        return self.mounted(self.data())

    def mounted(self, data: dict[str, Any]) -> str:
        still = mount.notice(self.notice) + self.still()
        return mount.fragment(self.view, data, title=self.title, lede=self.lede, still=still, more=self.sheets)
