"""Many Steppers in one view: what they share is sent once, and put together in the browser when one is opened."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cowlab.views.stepper import Stepper

PART = re.compile(r'(?=<tr|<li|<section|<span class="tick")')


def pack(steppers: Iterable[Stepper]) -> dict[str, Any]:
    """The data of all, in the order given; graph.js takes one out.

    Every token, string, step and part of the page is there once; a Stepper names them by number.
    """
    tokens: dict[str, int] = {}
    strings: dict[tuple[int, ...], int] = {}
    steps: dict[tuple[int, ...], int] = {}
    parts: dict[str, int] = {}
    packed = []
    for stepper in steppers:
        data = stepper.data()
        token = [tokens.setdefault(text, len(tokens)) for text in data.pop("tokens")]
        string = [strings.setdefault(tuple(token[t] for t in coded), len(strings)) for coded in data.pop("strings")]
        for panel in data["panels"]:
            for index, changed in enumerate(panel):
                step = tuple(string[n] if k % 2 else n for k, n in enumerate(changed))
                panel[index] = steps.setdefault(step, len(steps))
        data["texts"] = [[[token[line] for line in frame] for frame in frames] for frames in data["texts"]]
        data["live"] = [parts.setdefault(part, len(parts)) for part in PART.split(data["live"])]
        packed.append(data)
    shared: dict[str, dict[Any, int]] = {"tokens": tokens, "strings": strings, "steps": steps, "parts": parts}
    return {"steppers": packed, **{name: list(table) for name, table in shared.items()}}
