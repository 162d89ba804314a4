"""Many Steppers in one view: what they share is sent once, and put together in the browser when one is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cowlab.views.panel import Strings


class Packed:
    """Every token, string, step and part of a page once; a Stepper names them by number. `unpack` in cowlab.js undoes it."""

    PART = re.compile(r'(?=<tr|<li|<section|<span class="tick")')

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        self.strings: dict[tuple[int, ...], int] = {}
        self.steps: dict[tuple[int, ...], int] = {}
        self.parts: dict[str, int] = {}
        self.steppers: list[dict[str, Any]] = []

    def html(self, text: str) -> list[int]:
        """The numbers of the tokens which, joined, give this text."""
        return [_number(self.tokens, token) for token in Strings.TOKEN.findall(text)]

    def add(self, data: Mapping[str, Any]) -> int:
        """Take in the data of a Stepper; its number."""
        token = [_number(self.tokens, text) for text in data["tokens"]]
        string = [_number(self.strings, tuple(token[t] for t in coded)) for coded in data["strings"]]

        def step(changed: list[int]) -> int:
            """The number of [place, string, place, string, ...] with the strings' new numbers."""
            return _number(self.steps, tuple(string[n] if k % 2 else n for k, n in enumerate(changed)))

        self.steppers.append(
            {
                **{name: value for name, value in data.items() if name not in ("tokens", "strings")},
                "live": [_number(self.parts, part) for part in self.PART.split(data["live"])],
                "texts": [[[token[line] for line in frame] for frame in frames] for frames in data["texts"]],
                "panels": [[step(changed) for changed in panel] for panel in data["panels"]],
            }
        )
        return len(self.steppers) - 1

    def data(self) -> dict[str, Any]:
        shared: dict[str, dict[Any, int]] = {"tokens": self.tokens, "strings": self.strings, "steps": self.steps}
        shared["parts"] = self.parts
        return {"steppers": self.steppers, **{name: list(table) for name, table in shared.items()}}


def _number(table: dict[Any, int], what: Any) -> int:
    return table.setdefault(what, len(table))
