"""What several Steppers of one view have in common: their tokens and strings, once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cowlab.views.panel import Strings


class Shared:
    """The tokens and strings of a view; the numbers of each Stepper in it point here."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        self.strings: dict[tuple[int, ...], int] = {}

    def code(self, html: str) -> list[int]:
        """The numbers of the tokens which, joined, give this text."""
        return [self._number(token) for token in Strings.TOKEN.findall(html)]

    def stepper(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a Stepper without its own tokens and strings. In the browser they are put back."""
        tokens = [self._number(token) for token in data["tokens"]]
        coded = [tuple(tokens[token] for token in string) for string in data["strings"]]
        strings = [self.strings.setdefault(string, len(self.strings)) for string in coded]
        return {
            **{key: value for key, value in data.items() if key not in ("tokens", "strings")},
            "live": self.code(data["live"]),
            "texts": [[[tokens[line] for line in frame] for frame in trace] for trace in data["texts"]],
            "panels": [[_renumbered(step, strings) for step in trace] for trace in data["panels"]],
        }

    def data(self) -> dict[str, Any]:
        return {"strings": [list(string) for string in self.strings], "tokens": list(self.tokens)}

    def _number(self, token: str) -> int:
        return self.tokens.setdefault(token, len(self.tokens))


def _renumbered(step: list[int], strings: list[int]) -> list[int]:
    """[place, string, place, string, ...] with the strings' new numbers."""
    return [strings[number] if k % 2 else number for k, number in enumerate(step)]
