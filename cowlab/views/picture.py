"""One World -> one SVG: processes left, frames in the middle, references right.

One rule carries the rest: ink is power. Solid and filled may change or holds fast; dashed and hollow may only look or
holds lightly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib import resources
from typing import NamedTuple

from cowlab.laws import Finding
from cowlab.policy import Policy
from cowlab.views import cards, scene, wires
from cowlab.views.layout import Layout
from cowlab.views.scene import Row
from cowlab.world import World


class Picture(str):
    """The text of an SVG; as the last value of a notebook's cell it is shown."""

    def _repr_html_(self) -> str:
        return f'<div class="cowlab cow-fit">{self}</div>'


class View(NamedTuple):
    """What is drawn: a World, what it was before (None: nothing is compared), the policy, and what is wrong."""

    world: World
    before: World | None = None
    policy: Policy | None = None
    findings: tuple[Finding, ...] = ()


@cache
def style(name: str, package: str = "cowlab.views") -> str:
    """A style sheet of that package, without its comments: inside an SVG a tag in a comment would end it."""
    text = resources.files(package).joinpath(name).read_text("utf-8")
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()


def picture(
    world: World,
    changed: World | None = None,
    *,
    layout: Layout | None = None,
    policy: Policy | None = None,
    findings: Iterable[Finding] = (),
    title: str = "",
) -> Picture:
    """Draw a World.

    changed: the World before, to highlight what has changed. layout: the fixed places, `Layout.of(traces)`; without it
    the places are those of these two Worlds. policy: whose flag and counter are marked. findings: what is wrong.
    """
    found = tuple(findings)
    if layout is None:
        earlier = () if changed is None else ((changed, policy, ()),)
        layout = Layout.around([*earlier, (world, policy, found)])
    body = "".join(pieces(View(world, changed, policy, found), layout))
    return Picture(svg(body, layout, title or "A World", f"<style>{style('picture.css')}</style>"))


def svg(body: str, layout: Layout, title: str, first: str = "") -> str:
    """The element around the pieces; one unit is one CSS pixel, and it shrinks a little where there is no room."""
    width, height = layout.width + 12, layout.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cowlab cow-world" style="min-width:{layout.least:.0f}px" '
        f'viewBox="-4 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(title)}">{first}{body}</svg>'
    )


def pieces(view: View, layout: Layout) -> list[str]:
    """The picture in pieces, as many and in the same order for every World of a layout: lines below, cards above."""
    now = scene.rows(view.world, view.policy, view.findings)
    then = None if view.before is None else {(r.process, r.page): r for r in scene.rows(view.before, view.policy)}
    live, left = wires.wires(layout, now, then), wires.gone(layout, now, then)
    refs = scene.refs(view.world, view.findings)
    old_refs = scene.refs(view.before) if view.before is not None else refs
    drawn = [cards.heads(layout)]
    drawn += [wires.net(layout, end, live.get(end, []), left.get(end, [])) for end in layout.lanes]
    drawn += [_ref_line(layout, name, refs, old_refs) for name in layout.refs]
    drawn += [wires.ends(layout, end, live.get(end, [])) for end in layout.lanes]
    drawn += [wires.ref_end(layout, refs[name]) if name in refs else "" for name in layout.refs]
    drawn += _processes(view, layout, now, then)
    drawn += _frames(view, layout, now, then)
    drawn += _slots(view, layout)
    drawn += [cards.reference(layout, n, refs.get(n), new=n in refs and n not in old_refs) for n in layout.refs]
    return drawn


def _ref_line(layout: Layout, name: str, refs: dict[str, scene.Ref], old: dict[str, scene.Ref]) -> str:
    return wires.ref_line(layout, refs[name], name not in old) if name in refs else ""


def _processes(view: View, layout: Layout, now: list[Row], then: dict[tuple[str, int], Row] | None) -> list[str]:
    pinned = {process.name: process.has_pinned for process in view.world.processes}
    known = {process.name for process in view.before.processes} if view.before is not None else set(pinned)
    wrong = {row.process for row in now if row.finding is not None and row.finding.broken}
    drawn = []
    for name in layout.boxes:
        new = name in pinned and name not in known
        card = cards.process(
            layout, name, there=name in pinned, new=new, pinned=pinned.get(name, False), bad=name in wrong
        )
        drawn.append(card)
    by_place = {(row.process, row.page): row for row in now}
    for name, page in layout.rows:
        row = by_place.get((name, page))
        compared = then is not None and name in known  # a new process is marked as a whole
        old = then.get((name, page)) if then is not None else None
        drawn.append(cards.row(layout, row, old, compared=compared) if row else "")
    return drawn


def _frames(view: View, layout: Layout, now: list[Row], then: dict[tuple[str, int], Row] | None) -> list[str]:
    shown = scene.cards(view.world, view.policy)
    old = scene.cards(view.before, view.policy) if view.before is not None else {}
    asks = view.policy.asks if view.policy else ""
    drawn = []
    for number in layout.frames:
        was = _was(view, number, shown.get(number), old.get(number), now, then)
        compared = view.before is not None
        drawn.append(cards.frame(layout, number, shown.get(number), old.get(number), was, asks=asks, compared=compared))
    return drawn


def _was(
    view: View,
    number: int,
    shown: scene.Card | None,
    old: scene.Card | None,
    now: list[Row],
    then: dict[tuple[str, int], Row] | None,
) -> str:
    """What is written on a changed frame: what it held, or how it came to be."""
    if then is None or shown is None or view.before is None:
        return ""
    if old is not None:
        return f"was {old.holds}"
    for row in now:
        before = then.get((row.process, row.page))
        if row.frame != number or (before is not None and before.frame is None):
            continue
        if before is None:  # a child's own frame: fork copied it
            return "new, a copy" if row.process not in {p for p, _ in then} else "new"
        return f"was #{before.frame}" if _moved(view, before.frame, number) else "new, a copy"
    return "new"


def _moved(view: View, old: int | None, new: int) -> bool:
    """Whether migration took the frame from one number to another: nothing else about it has changed."""
    assert view.before is not None and old is not None
    frames = view.world.frames
    gone = old >= len(frames) or frames[old] is None
    return gone and view.before.frame(old) == view.world.frame(new)


def _slots(view: View, layout: Layout) -> list[str]:
    shown = scene.slots(view.world)
    return [cards.slot(layout, name, shown.get(name)) for name in layout.slots]
