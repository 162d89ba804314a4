"""What fork costs: copies made and entries write-protected, against the number of pages that somebody holds.

Every number comes from playing a script; no rule of the kernel is here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from functools import cached_property
from html import escape
from typing import Any, NamedTuple

from cowlab.events import TAKERS
from cowlab.ideal import IDEAL
from cowlab.policy import POLICIES, Policy
from cowlab.scenario import play, policy_named
from cowlab.views.graph.chart import Line, draw, in_page_colours
from cowlab.views.graph.drawing import Drawing, as_image
from cowlab.views.graph.graph import in_words
from cowlab.world import World

MOST_PAGES = 64
MEASURES = {
    "copies": "Frames copied at fork",
    "protected": "Entries of the parent write-protected at fork",
    "later": "Frames copied when the child has exited and the parent writes every page",
}
HOLDERS = {"register": "registered buffers", "direct_read": "direct reads in flight", "vmsplice": "pipes"}
HINT = "No matplotlib here to draw this: `pip install matplotlib` brings it. Until then, the same in words."


class Cost(NamedTuple):
    """What one fork costs a process of so many written pages, of which `pinned` are held by `verb`.

    copies: frames copied at fork. protected: entries of the parent that lost the right to write. later: frames copied
    when the child has exited and the parent writes every page again: fork and exec, the usual way.
    """

    policy: str
    verb: str
    pages: int
    pinned: int
    copies: int
    protected: int
    later: int


def fork_costs(
    policies: Policy | str | Iterable[Policy | str] = (*POLICIES, IDEAL.name),
    pages: int = 8,
    pinned: Iterable[int] | None = None,
    verb: str = "register",
) -> list[Cost]:
    """A row for each policy and number of held pages.

    pinned: how many pages are held; None: from none to all. verb: who holds them: register, direct_read, vmsplice, or another that takes a reference. Raises ValueError for one
    that does not, for pages outside 1 to 64, or more pinned than there are.
    """
    policies = (policies,) if isinstance(policies, (str, Policy)) else policies
    counts = tuple(range(pages + 1) if pinned is None else pinned)
    if verb not in TAKERS:
        raise ValueError(f"{verb!r} takes no reference: expected one of {', '.join(TAKERS)}")
    if not 1 <= pages <= MOST_PAGES:
        raise ValueError(f"pages: expected 1 to {MOST_PAGES}, found {pages}")
    if wrong := [count for count in counts if not 0 <= count <= pages]:
        raise ValueError(f"pinned: {wrong[0]} of {pages} pages cannot be held")
    rows = [policy_named(policy) if isinstance(policy, str) else policy for policy in policies]
    return [_cost(row, verb, pages, count) for row in rows for count in counts]


def script(verb: str, pages: int, pinned: int) -> tuple[str, int]:
    """A process writes its pages, lets some be held, and forks; the child exits, the parent writes again. Where fork is."""
    lines = [f"P: mmap anon @{page}" for page in range(1, pages)] + [f"P: write A @{page}" for page in range(pages)]
    lines += [f"P: {verb} g{page} @{page}" for page in range(pinned)]
    after = ["C: exit", *(f"P: write B @{page}" for page in range(pages))]
    return "\n".join([*lines, "P: fork C", *after]), len(lines) + 1


def _cost(policy: Policy, verb: str, pages: int, pinned: int) -> Cost:
    text, fork = script(verb, pages, pinned)
    moments = play(text, policy).moments
    protected = len(_writable(moments[fork - 1].world) - _writable(moments[fork].world))
    later = sum(moment.copies for moment in moments[fork + 1 :])
    return Cost(policy.name, verb, pages, pinned, moments[fork].copies, protected, later)


def _writable(world: World) -> set[int]:
    """The pages of P whose entry has the write bit."""
    process = world.process("P")
    assert process is not None
    return {page for page, pte in process.ptes if pte.write}


# --- the chart -------------------------------------------------------------------------------------------------------


def curves(rows: Iterable[Cost], measure: str) -> list[Line]:
    """The different lines of one measure, in the order of their first policy: those that cost the same are one."""
    each: dict[str, dict[int, int]] = {}
    for row in rows:
        each.setdefault(row.policy, {})[row.pinned] = getattr(row, measure)
    same: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for policy, values in each.items():
        same.setdefault(tuple(sorted(values.items())), []).append(policy)
    return [Line(tuple(names), *zip(*points, strict=True)) for points, names in same.items()]


class CostChart(Drawing):
    """The three measures, one below the other, and the same as a table. `figure` is matplotlib's."""

    def __init__(self, rows: list[Cost]) -> None:
        first = rows[0]
        held = HOLDERS.get(first.verb, f"{first.verb} references")
        super().__init__(
            "What fork costs",
            f"A process of {first.pages} written pages forks while {held} hold some of them. A page that is copied at fork "
            "stays writable; one that is shared is write-protected, and the next write decides again: if that copies a "
            "held page, its holder is left with the old frame.",
            words(rows),
        )
        self.rows = rows

    @cached_property
    def figure(self) -> Any:
        """Raises ModuleNotFoundError without matplotlib."""
        panels = {title: curves(self.rows, measure) for measure, title in MEASURES.items()}
        return draw(panels, f"pages held by {self.rows[0].verb}, of {self.rows[0].pages}")

    @cached_property
    def svg(self) -> str:
        """The chart in the page's colours; "" without matplotlib."""
        try:
            return in_page_colours(self.figure, self.alt)
        except ImportError:
            return ""

    @property
    def alt(self) -> str:
        """What the chart shows, in sentences."""
        said = [f"Three line charts over the number of held pages, 0 to {max(row.pinned for row in self.rows)}."]
        for measure, title in MEASURES.items():
            said += [f"{title}: {'; '.join(map(in_a_word, curves(self.rows, measure)))}."]
        return " ".join(said)

    def image(self) -> str:
        return as_image(self.svg, self.alt) or f"<p>{escape(HINT)}</p>"

    def data(self) -> dict[str, Any]:
        drawn = f'<div class="cow-fit">{self.svg}</div>' if self.svg else f'<p class="cow-note">{escape(HINT)}</p>'
        tables = "".join(table_of(self.rows, measure) for measure in MEASURES)
        live = f'<div class="cow-costs">{drawn}<div>{tables}</div></div>{in_words(self.words, "chart", shown=False)}'
        return {"live": live, "opens": {}, "packed": None}


def cost_chart(rows: Iterable[Cost]) -> CostChart:
    """The rows of `fork_costs` as a chart; policies that cost the same are one line, with all their names at its end.

    Raises ValueError for no rows, or rows of different verbs or numbers of pages.
    """
    kept = list(rows)
    if len({(row.verb, row.pages) for row in kept}) != 1:
        raise ValueError("expected rows of one fork_costs(): one verb and one number of pages")
    return CostChart(kept)


def in_a_word(line: Line) -> str:
    """`v5.9, v5.11: 0 to 8`."""
    low, high = line.ys[0], line.ys[-1]
    return f"{', '.join(line.names)}: " + (f"always {low}" if set(line.ys) == {low} else f"{low} to {high}")


def words(rows: list[Cost]) -> str:
    """The chart as text: for each measure a line of numbers, and below it who that is."""
    lines = [f"fork of a process with {rows[0].pages} pages, some of them held by {rows[0].verb}"]
    for measure, title in MEASURES.items():
        found = curves(rows, measure)
        lines += ["", title.lower(), "  pages held" + "".join(f"{count:>4}" for count in found[0].xs)]
        for line in found:
            lines += ["            " + "".join(f"{value:>4}" for value in line.ys)]
            lines += [f"    {said}" for said in textwrap.wrap(", ".join(line.names), 68, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"<span>{escape(name)}</span>" for name in names)


def table_of(rows: list[Cost], measure: str) -> str:
    """One measure as a table: a row a curve."""
    found = curves(rows, measure)
    heads = "".join(f'<th scope="col">{count}</th>' for count in found[0].xs)
    body = "".join(
        f'<tr><th scope="row">{_names(line.names)}</th>' + "".join(f"<td>{value}</td>" for value in line.ys) + "</tr>"
        for line in found
    )
    return (
        f'<table class="rows cow-cells cow-numbers"><caption>{MEASURES[measure]}</caption><thead><tr><th scope="col">held pages</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table>"
    )
