"""Policies x laws as HTML: the marks of a cell, the table of buttons, and what opens below a cell."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from cowlab.matrix import bounds_words, cell_words, tried
from cowlab.policy import MERGED, PROPOSED, Policy
from cowlab.views import lawmarks
from cowlab.views.lawmarks import COSTS
from cowlab.views.witness import Witness

HINTS = {
    "isolation": "nobody sees another's store",
    "dma-isolation": "nor another's device",
    "coherence": "a promised reader stays current",
    "protection": "mprotect means it",
    "accounting": "no frame is freed in use",
    "economy": "no needless copy",
}
# A row's `about` in as few words as the table has room for. A row that is not here shows it in full.
RULES = {
    "v5.7": "mapcount is 1",
    "v5.8": "mapcount is 1; look = break",
    "v5.9-rc4": "page_count is 1",
    "v5.9": "page_count is 1; fork copies pins",
    "v5.11": "as v5.9; clear_refs skips pins",
    "v5.18": "as v5.11; huge and swapped too",
    "v5.19": "the page is exclusive",
    "v6.5": "exclusive; O_DIRECT pins",
    "andrea-2009": "mapcount; fork copies marked",
    "andrea-2021": "mapcount; look = unshare",
    "linus-2021": "page_count; no protect of held",
    "jerome-mprotect": "page_count; copy at mprotect",
    "jerome-fork": "page_count; child never reuses",
    "jerome-fork-push": "as jerome-fork; parent pushes",
    "jerome-fork-reuse": "as jerome-fork; parent reuses",
}
GROUPS = {**{row.name: "MERGED KERNELS" for row in MERGED}, **{row.name: "PROPOSALS" for row in PROPOSED}}
OTHERS = "OTHER ROWS"


class Cell(NamedTuple):
    """One policy and one law, and what was found: the law's result, and the document of the whole search."""

    policy: Policy
    law: str
    found: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        return self.found["laws"][self.law]

    @property
    def mark(self) -> str:
        return lawmarks.kind(self.law, self.found)

    @property
    def words(self) -> str:
        return cell_words(self.result, self.found)

    @property
    def label(self) -> str:
        """For who does not see how it is drawn."""
        said = {
            "complete": "holds, complete within the bounds",
            "bounded": f"none found up to depth {tried(self.found)}, not complete",
        }.get(self.mark) or f"broken, {lines(self.result['length'])}"
        return f"{self.policy.name}, {self.law}: {said}"


def lines(count: int) -> str:
    return f"{count} line{'s' * (count != 1)}"


# --- the table -------------------------------------------------------------------------------------------------------


def table(rows: list[list[Cell]]) -> str:
    """A row a policy, a column a law: buttons, of which one is in the tab order and the others are a key away."""
    laws = [cell.law for cell in rows[0]]
    body = "".join(_group(title, members, laws) for title, members in _grouped(rows))
    return (
        f'<div class="matrix"><table class="m" role="grid" aria-label="Policies and laws">'
        f"<thead>{_heads(laws)}</thead>{body}</table></div>"
    )


def _grouped(rows: list[list[Cell]]) -> Iterable[tuple[str, list[list[Cell]]]]:
    groups: dict[str, list[list[Cell]]] = {title: [] for title in (*GROUPS.values(), OTHERS)}
    for row in rows:
        groups[GROUPS.get(row[0].policy.name, OTHERS)].append(row)
    return ((title, members) for title, members in groups.items() if members)


def ordered(rows: list[list[Cell]]) -> list[list[Cell]]:
    """The rows in the order in which the table has them."""
    return [row for _, members in _grouped(rows) for row in members]


def _heads(laws: list[str]) -> str:
    safe = sum(law not in COSTS for law in laws)
    tops = f'<th colspan="{safe}" scope="colgroup">SAFETY: MAY NOT BREAK</th>' * (safe > 0)
    tops += _gap(safe) * (safe < len(laws)) + '<th scope="colgroup">COST</th>' * (safe < len(laws))
    names = "".join(
        f'{_gap(safe) * (law in COSTS)}<th scope="col"><b>{escape(law)}</b><span>{escape(HINTS.get(law, ""))}</span></th>'
        for law in laws
    )
    return (
        f'<tr class="grp"><td></td><td class="y"></td><td class="r"></td>{tops}</tr>'
        f'<tr><th scope="col"><b>policy</b></th><th scope="col" class="y"><b>since</b></th>'
        f'<th scope="col" class="r"><b>keeps the frame if</b></th>{names}</tr>'
    )


def _gap(safe: int) -> str:
    """What sets the costs apart, where there is something to set them apart from."""
    return '<td class="gap"></td>' if safe else ""


def _group(title: str, rows: list[list[Cell]], laws: list[str]) -> str:
    wide = 3 + sum(law not in COSTS for law in laws)
    head = f'<tr class="grp"><th colspan="{wide}" scope="rowgroup">{title}</th></tr>'
    return f"<tbody>{head}{''.join(_row(row) for row in rows)}</tbody>"


def _row(row: list[Cell]) -> str:
    policy, safe = row[0].policy, sum(cell.law not in COSTS for cell in row)
    cells = "".join(_gap(safe) * (cell.law in COSTS) + f'<td class="c">{button(cell)}</td>' for cell in row)
    rule = escape(RULES.get(policy.name, policy.about))
    return (
        f'<tr><th class="p" scope="row">{escape(policy.name)}</th><td class="y">{escape(policy.since)}</td>'
        f'<td class="r">{rule}</td>{cells}</tr>'
    )


def button(cell: Cell) -> str:
    return lawmarks.pressed(cell.law, cell.found, escape(cell.label), 'tabindex="-1"')


def key(cells: list[Cell]) -> str:
    """Explain the marks that occur, each by the first cell that has it."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.mark, cell)
    words = {
        "broken": lambda cell: f"broken: the shortest script has {lines(cell.result['length'])}",
        "complete": lambda cell: "holds in all states within the bounds",
        "bounded": lambda cell: "none found, search not finished",
        "cost": lambda cell: "a needless copy can happen: a cost, no danger",
    }
    shown = "".join(
        f"<li>{lawmarks.plain(first[mark].law, first[mark].found)}{say(first[mark])}</li>"
        for mark, say in words.items()
        if mark in first
    )
    return f'<ul class="key" aria-label="Legend">{shown}</ul>'


# --- what opens below ------------------------------------------------------------------------------------------------


def broken(cell: Cell, found: Witness) -> str:
    """The script that breaks the law. The Stepper comes into .witness."""
    name, count = escape(cell.policy.name), lines(cell.result["length"])
    does, keeps = f"breaks {escape(cell.law)}", f"keeps {escape(cell.law)}"
    if cell.mark == "cost":
        does, keeps = "makes a needless copy", "makes none"
    beside = ""
    if found.beside is not None:
        beside = f"<p>Beside it stands {escape(found.beside.policy.name)}, the nearest in time that {keeps} on this script.</p>"
    return (
        f"<div><h2>{name} {does}</h2><p>{count}, and within the bounds no shorter script does.</p>"
        f'{_rule(cell.policy)}{beside}<button type="button" class="open">Open in the Stepper</button></div>'
        f'<div><pre>{escape(chr(10).join(found.lines))}</pre></div><div class="witness"></div>'
    )


def kept(cell: Cell) -> str:
    """Within which bounds the law holds, how much was seen, and whether that was all."""
    found, name, law = cell.found, escape(cell.policy.name), escape(cell.law)
    if cell.mark == "complete":
        head = f"{name} keeps {law}"
        said = "<b>Complete</b>: it holds in every state within these bounds."
        seen = "all of them"
    else:
        head = f"{name} may keep {law}"
        said = (
            f"<b>Not complete</b>: no script of up to {tried(found)} events breaks it, "
            "but of the longer ones not all were tried."
        )
        seen = f"stopped at {found['stopped']}"
    facts = {
        "bounds": bounds_words(found),
        "seen": f"{found['states']:,} states, {found['transitions']:,} transitions, depth {found['depth']}: {seen}",
        "a state is": found["reduction"],
        "events": ", ".join(found["events"]),
        "careful": "; ".join(f"never in this search: {what}" for what, ever in found["sometimes"].items() if not ever),
    }
    rows = "".join(f"<dt>{what}</dt><dd>{escape(fact)}</dd>" for what, fact in facts.items() if fact)
    return f"<div><h2>{head}</h2><p>{said}</p>{_rule(cell.policy)}</div><dl>{rows}</dl>"


def _rule(policy: Policy) -> str:
    return f"<p>Its rule: {escape(policy.about)}.</p>"
