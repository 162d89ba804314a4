"""The family tree of the policies: merged kernels in order of time, and each proposal at the row that it changes least."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from cowlab.policy import ANSWERS, MERGED, PROPOSED, Decision, Policy, sources
from cowlab.views import marks
from cowlab.views.citing import is_commit, link
from cowlab.views.graph.graph import Graph, Opened, add_card, add_edge, digraph
from cowlab.views.graph.render import Card
from cowlab.views.text import table

WIDE = 46  # characters in a line of a card


class Kin(NamedTuple):
    """A row, and the place in the family of the one that it is told from: None for the first. cells: what differs."""

    policy: Policy
    merged: bool
    base: int | None = None
    cells: tuple[str, ...] = ()


def differing(one: Policy, other: Policy) -> tuple[str, ...]:
    """The cells in which two rows differ, in their usual order."""
    return tuple(cell for cell in ANSWERS if getattr(one, cell) is not getattr(other, cell))


def family(merged: Iterable[Policy] = MERGED, proposed: Iterable[Policy] = PROPOSED) -> list[Kin]:
    """Each row with its base. A merged kernel follows the one before it.

    A proposal hangs at the row, not younger than itself, which it differs from in the fewest cells: that is what it
    changes. Of several at the youngest, then at the first. What is older than all hangs at the first.
    """
    found: list[Kin] = []
    for policy in merged:
        before = len(found) - 1
        found.append(Kin(policy, True, before, differing(policy, found[before].policy)) if found else Kin(policy, True))
    for policy in proposed:
        older = [place for place, kin in enumerate(found) if kin.policy.since <= policy.since] or [0]
        older.sort(key=lambda place: found[place].policy.since, reverse=True)
        base = min(older, key=lambda place: len(differing(policy, found[place].policy)))
        found.append(Kin(policy, False, base, differing(policy, found[base].policy)))
    return found


def policy_tree(*own: Policy) -> Graph:
    """The fifteen rows, and rows of your own; a click on one shows all its cells, what they were, and their sources."""
    everybody = family(proposed=(*PROPOSED, *own))
    dot, cards, opens = digraph("family", rankdir="TB", nodesep="0.35"), {}, {}
    for place, kin in enumerate(everybody):
        base = None if kin.base is None else everybody[kin.base].policy
        cards[f"n{place}"] = kin_card(kin, base)
        add_card(dot, f"n{place}", cards[f"n{place}"], "merged" if kin.merged else "proposal")
        opens[f"n{place}"] = Opened(_about(kin, base))
        if kin.base is not None:
            options = {"weight": "20"} if kin.merged else {}
            add_edge(dot, f"n{kin.base}", f"n{place}", cls="first" if kin.merged else "against", **options)
    return Graph(
        dot,
        cards,
        title="The family of policies",
        lede="Merged kernels from top to bottom in order of time; each proposal hangs at the row which it changes least. A "
        "card says what differs from the row above it, and the commits or mails that this was read from.",
        words=words(everybody),
        legend=LEGEND,
        opens=opens,
    )


def short(source: str) -> str:
    """A commit as it is; of a mail's Message-ID enough to know it by."""
    return source if is_commit(source) else source[:17] + "…"


def kin_card(kin: Kin, base: Policy | None) -> Card:
    policy, y = kin.policy, 20.0
    width = 338.0
    drawn = marks.text(10, y, marks.fit(policy.name, 34), "t-name") + marks.text(
        width - 10, y, policy.since, "t-sub", "end"
    )
    for line in textwrap.wrap(policy.about, WIDE)[:4]:
        y += 17
        drawn += marks.text(10, y, line)
    if base is not None:
        y += 9
        drawn += marks.path(f"M10 {y:g}H{width - 10:g}", "hair")
        y += 16
        drawn += marks.text(10, y, f"as {marks.fit(base.name, 34)}, but", "t-sub")
        for cell in kin.cells:
            y += 16
            said = " ".join(map(short, sources(getattr(policy, cell))))
            drawn += marks.text(10, y, cell, "t-cell") + marks.text(74, y, said, "t-hash")
    height = y + 12
    changed = f", but {', '.join(kin.cells)}" if kin.cells else ""
    told_from = f", as {base.name}{changed}" if base else ""
    name = f"{policy.name}, {policy.since}, {'merged' if kin.merged else 'proposed'}{told_from}"
    return Card(marks.rect(0, 0, width, height, "card") + drawn, width, height, name)


def told(decision: Decision) -> str:
    """What a decision does: the first sentence of its own."""
    return (decision.__doc__ or "").strip().partition("\n")[0]


def _about(kin: Kin, base: Policy | None) -> str:
    """All cells of a row; those that differ are marked, with what they were."""
    policy, rows = kin.policy, ""
    for cell, decision in policy.decisions.items():
        changed = cell in kin.cells
        was = f"<em>was {escape(_name(getattr(base, cell)))}</em>" if changed else ""
        links = " ".join(map(link, sources(decision)))
        rows += (
            f'<tr{" class=changed" * changed}><th scope="row">{cell}</th><td><code>{escape(_name(decision))}</code> {was}</td>'
            f"<td>{escape(told(decision))}</td><td>{links}</td></tr>"
        )
    told_from = f", told from {escape(base.name)}: what differs is marked" if base else ": the first row"
    return (
        f'<h2 class="cow-name">{escape(policy.name)}</h2><p>{escape(policy.about)}; {policy.since}{told_from}.</p>'
        '<div class="cow-fit"><table class="rows cow-cells"><thead><tr><th scope="col">cell</th><th scope="col">decision</th>'
        f'<th scope="col">what it does</th><th scope="col">sources</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _name(decision: Decision) -> str:
    return getattr(decision, "__name__", repr(type(decision)))


HEADS = ("cell", "decision", "sources")


def words(everybody: list[Kin]) -> str:
    lines = []
    for kin in everybody:
        policy = kin.policy
        lines += [f"{policy.name}  {policy.since}  {'merged' if kin.merged else 'proposed'}: {policy.about}"]
        if kin.base is not None:
            rows = [
                (cell, _name(decision), " ".join(sources(decision)))
                for cell, decision in policy.decisions.items()
                if cell in kin.cells
            ]
            lines += [
                f"  as {everybody[kin.base].policy.name}, but",
                *(f"    {line}" for line in table(HEADS, rows)[1:]),
            ]
        lines.append("")
    return "\n".join(lines)


HEAD = '<polygon class="head" points="38,7 46,11 38,15"/>'
LEGEND = (
    ("merged", marks.rect(6, 3, 36, 16, "card"), "a merged kernel"),
    ("proposal", f'<g class="proposal">{marks.rect(6, 3, 36, 16, "card")}</g>', "a proposal, never merged"),
    ("edge first", f'<g class="edge first"><path class="line" d="M1 11H38"/>{HEAD}</g>', "what came next"),
    (
        "edge against",
        f'<g class="edge against"><path class="line" d="M1 11H38"/>{HEAD}</g>',
        "the row that it changes least",
    ),
)
