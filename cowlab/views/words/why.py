"""Which fact decided. The decision itself is asked: a fact decided if, had it been otherwise, the answer would differ.

So the words stay true for a learner's own function, and for a row with one cell replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cowlab.fault import page_info, swap_in
from cowlab.policy import BadAnswer, PageInfo, Policy
from cowlab.world import World

FIELDS = (
    "maybe_dma_pinned",
    "exclusive",
    "page_count",
    "mapcount",
    "swapcount",
    "inherited",
    "gup_flag",
    "kind",
    "writable",
)


def told(world: World, name: str, page: int, asker: str) -> PageInfo | None:
    """What a decision about that page is told; a page in swap as it is when it has come back. None: nothing is mapped."""
    pte = world.pte(name, page)
    if pte is None or pte.vma is None:
        return None
    if pte.frame is None and pte.slot is not None:
        world = swap_in(world, name, page, pte)
        pte = world.pte(name, page)
        assert pte is not None
    return page_info(world, name, pte, asker)


def otherwise(page: PageInfo, field: str) -> PageInfo:
    """The same page, with that fact the other way."""
    if field == "mapcount":
        return page._replace(mapcount=1 if page.mapcount > 1 else 2)
    if field == "swapcount":
        return page._replace(swapcount=0 if page.swapcount else 1)
    if field == "page_count":
        alone = page.share + (page.in_swapcache and not page.swapcount)
        counts = {alone, page.share} if page.page_count > alone else {page.page_count + 1}
        return page._replace(page_count=min(counts))
    if field == "kind":
        return page._replace(kind="anon")
    changed: dict[str, Any] = {field: not getattr(page, field)}
    return page._replace(**changed)


def deciding(policy: Policy, cell: str, page: PageInfo) -> list[str]:
    """The facts that decided, the one that the row asks first before the others."""
    first = [policy.asks] if cell == "reuse" and policy.asks in FIELDS else []
    answer = _ask(policy, cell, page)
    found = [
        field
        for field in dict.fromkeys((*first, *FIELDS))
        if otherwise(page, field) != page and _ask(policy, cell, otherwise(page, field)) not in (None, answer)
    ]
    # what is absent is worth a word only if nothing else decided
    return (
        [field for field in found if field not in ("swapcount", "inherited") or getattr(page, field)] or found or first
    )


def _ask(policy: Policy, cell: str, page: PageInfo) -> object:
    """The answer; None if there is none, and then it says nothing about which fact decided."""
    try:
        return policy.ask(cell, page)
    except BadAnswer:  # a learner's function may fail on a page that did not come up; a table has no answer there
        return None


def facts(policy: Policy, cell: str, page: PageInfo, frame: str, who: str) -> Iterator[str]:
    """The same as words, most telling first."""
    for field in deciding(policy, cell, page):
        yield fact(page, field, frame, who)


def fact(page: PageInfo, field: str, frame: str, who: str) -> str:
    value = getattr(page, field)
    if field in ("mapcount", "page_count"):
        return f"{field} is {value}"
    if field == "swapcount":
        return f"{value or 'no'} swap entr{'ies' if value > 1 else 'y'} name{'' if value > 1 else 's'} it"
    if field == "kind":
        return f"{frame} is {'KSM' if value == 'ksm' else value}"
    words = {
        "exclusive": (f"{frame} is not exclusive", f"{frame} is exclusive"),
        "maybe_dma_pinned": (f"{frame} is not pinned", f"{frame} may be pinned"),
        "inherited": (f"{who} did not inherit {frame}", f"{who} inherited {frame}"),
        "gup_flag": (f"no reference touched {frame}", f"a reference touched {frame}"),
        "writable": ("the entry is read-only", "the entry is writable"),
    }
    return words[field][bool(value)]
