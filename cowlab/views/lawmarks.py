"""The mark of a law under a policy, as a search found it: broken is loud, complete is quiet, what was not finished is dashed.

The document of the search, as cowlab.matrix makes it, is called `found`. The looks are in cowlab.css.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cowlab.matrix import cell_words

COSTS = ("economy",)  # the other laws are about safety
PIPS = 64  # px for the bars of a mark


def kind(law: str, found: Mapping[str, Any]) -> str:
    """broken, cost, complete or bounded: how it is drawn."""
    holds = found["laws"][law]["holds"]
    if holds is False:
        return "cost" if law in COSTS else "broken"
    return "complete" if holds else "bounded"


def inner(law: str, found: Mapping[str, Any]) -> str:
    """What stands in the mark: its words, and a bar for each line of the script that breaks the law."""
    result = found["laws"][law]
    return cell_words(result, found) + (pips(result["length"]) if result["holds"] is False else "")


def plain(law: str, found: Mapping[str, Any]) -> str:
    """The mark where nothing can be pressed."""
    return f'<span class="cell {kind(law, found)}">{inner(law, found)}</span>'


def pressed(law: str, found: Mapping[str, Any], label: str, more: str) -> str:
    """The mark as a button. label: for who does not see how it is drawn; more: other attributes."""
    return f'<button type="button" class="cell {kind(law, found)}" {more} aria-label="{label}">{inner(law, found)}</button>'


def pips(count: int) -> str:
    """A bar for each line: short is loud."""
    pitch = min(8.0, PIPS / count)
    bars = "".join(f"M{k * pitch:g} 1h{pitch * 5 / 8:g}v10h{-pitch * 5 / 8:g}z" for k in range(count))
    return f'<svg class="pips" viewBox="0 0 {PIPS} 12" preserveAspectRatio="none" aria-hidden="true"><path d="{bars}" fill="currentColor"/></svg>'
