"""The state space as a graph: cards with the marks of the picture, and what a click on one opens."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from cowlab.laws import LAWS, Finding
from cowlab.model import Bounds
from cowlab.policy import Policy
from cowlab.scenario import Trace
from cowlab.views import marks, scene
from cowlab.views.graph.graph import Graph, Opened, add_card, add_edge, digraph
from cowlab.views.graph.render import Card
from cowlab.views.graph.statespace import Arrow, Space, state_space
from cowlab.views.layout import Layout
from cowlab.views.picture import View, pieces, svg
from cowlab.views.stepper import Stepper
from cowlab.views.text import table, text_frame
from cowlab.world import Hold

AT_MOST = 200
SMALL = Bounds(events=("write", "fork", "munmap", "vmsplice"), holds=0)
LEDE = (
    "A card is a state, drawn once, with all that differ from it in names and letters only; a column is as many events "
    "from the start. An arrow is an event, in the names of the state where it begins."
)


def state_graph(
    policy: Policy | str, bounds: Bounds = SMALL, laws: Iterable[str] = LAWS, at_most: int = AT_MOST
) -> Graph:
    """Every state of a small exploration under a policy; a click on one opens its frame and the script that leads there.

    bounds: how large the world is, and the events; SMALL._replace(events=("write", "fork", "register")) is a pin.
    at_most: how many states are drawn, nearest first; what is left out is said. Raises ValueError for an unknown
    policy or event, or at_most outside 1 to 200.
    """
    if not 1 <= at_most <= AT_MOST:
        raise ValueError(f"at_most: a graph shows 1 to {AT_MOST} states, not {at_most}: set narrower bounds instead")
    space = state_space(policy, bounds, laws, at_most)
    traces = [space.played(space.path(state), f"state-{state}") for state in range(space.states)]
    broken = [arrow for arrow in space.arrows if arrow.broken and space.first.get(arrow.target) != arrow]
    ends = [space.played((*space.path(arrow.source), arrow.event), "broken") for arrow in broken]
    layout = Layout.of([*traces, *ends])
    played = [trace for trace in (*traces, *ends) if trace.steps]
    cards = {f"s{state}": state_card(state, trace, space.bounds.pages > 1) for state, trace in enumerate(traces)}
    return Graph(
        dot_of(space, cards),
        cards,
        title=f"The states of {space.policy.name}",
        lede=LEDE,
        words=words(space, cards),
        note=note(space),
        legend=LEGEND,
        opens=_opens(space, traces, broken, layout),
        shortcuts=[(ident(arrow), f"✗ {law}") for law, arrow in space.breaking.items()],
        steppers=[Stepper(trace, start=len(trace.steps), layout=layout) for trace in played],
        other=True,
    )


def ident(arrow: Arrow) -> str:
    return f"s{arrow.source}-s{arrow.target}"


def dot_of(space: Space, cards: dict[str, Card]) -> Any:
    """The graph: a column for each number of events, and one line for all events between two states.

    It says them on the first way to a state, and where a law is broken.
    """
    dot = digraph("states", rankdir="LR")
    columns: dict[int, list[str]] = {}
    for state in range(space.states):
        add_card(dot, f"s{state}", cards[f"s{state}"], "" if state in space.followed else "beyond")
        columns.setdefault(len(space.path(state)), []).append(f"s{state}")
    for column in columns.values():
        dot.body.append(f"\t{{rank=same; {'; '.join(column)}}}\n")
    between: dict[tuple[int, int], list[Arrow]] = {}
    for arrow in space.arrows:
        if arrow.source != arrow.target or arrow.broken:
            between.setdefault(arrow[:2], []).append(arrow)
    for (source, target), several in between.items():
        first, broken = space.first.get(target) in several, any(arrow.broken for arrow in several)
        cls = " ".join(filter(None, ["first" * first, "broken" * broken])) or "other"
        several.sort(key=lambda arrow: not arrow.broken)
        lines = [arrow.words for arrow in several[:3]] + [f"and {len(several) - 3} more"] * (len(several) > 3)
        options = {} if first else {"constraint": "false"}
        add_edge(dot, f"s{source}", f"s{target}", *(lines if first or broken else ()), cls=cls, **options)
    return dot


# --- in words ----------------------------------------------------------------------------------------------------------


def note(space: Space) -> str:
    """How much there is, what breaks, and what was left out."""
    bounds, broken = space.bounds, sum(arrow.broken for arrow in space.arrows)
    counts = ", ".join(_some(getattr(bounds, what), what) for what in ("processes", "pages", "references"))
    said = f"{_some(space.states, 'states')}, {_some(len(space.arrows), 'events')}; {counts}, kind {bounds.kind}; "
    said += f"events {', '.join(bounds.events)}. "
    said += f"✗ broken by {broken} of them: {', '.join(space.breaking)}. " if broken else "✓ none breaks a law. "
    if space.complete:
        return said + "Complete: these are all states within the bounds."
    return said + (
        f"Not complete: these are the {space.states} states nearest to the start. {space.states - len(space.followed)} "
        "of them (dashed) were not followed further, and whatever lies behind is left out. Narrower bounds show all."
    )


def _some(count: int, what: str) -> str:
    """`1 page`, `2 processes`."""
    return (
        f"{count} {what if count != 1 else what.removesuffix('es') if what == 'processes' else what.removesuffix('s')}"
    )


def words(space: Space, cards: dict[str, Card]) -> str:
    """The graph as text: each state with the first way there, and what stands in it; then what breaks a law."""
    rows = [["start", "-", "-", cards["s0"].name]]
    for state, arrow in sorted(space.first.items()):
        rows.append([str(state), _name(arrow.source), arrow.words, cards[f"s{state}"].name])
    rows = [[*row[:3], row[3].partition(": ")[2]] for row in rows]
    lines = [*textwrap.wrap(note(space), 100), "", *table(("state", "from", "by", "what stands there"), rows)]
    bad = [[_name(arrow.source), arrow.words, _name(arrow.target)] for arrow in space.arrows if arrow.broken]
    lines += ["", *table(("from", "breaks a law", "to"), bad)] if bad else []
    for law, arrow in space.breaking.items():
        script = space.script(*space.path(arrow.source), arrow.event)
        lines += ["", f"the shortest script that breaks {law}", *(f"  {line}" for line in script.splitlines())]
    return "\n".join(lines) + "\n"


def _name(state: int) -> str:
    return str(state) if state else "start"


# --- a card ------------------------------------------------------------------------------------------------------------

HEAD, ROW, TAG, LEAST = 24, 22, 14, 118
PILLS = {"exclusive": "excl", "GUP touched": "GUP", "freed in use": "freed"}


class Row(NamedTuple):
    """One line of a card, or two: its drawing, with the baseline of the first at 0, its size, and its words."""

    drawing: str
    words: str
    width: float = 0
    height: float = ROW


def state_card(state: int, trace: Trace, pages: bool) -> Card:
    """The pages, references and holds of a state, with the marks of the picture. pages: whether there are several."""
    world, found = trace.moments[-1].world, scene.standing(trace.moments[-1])
    pills = {number: PILLS.get(card.pill, "") for number, card in scene.cards(world, trace.policy).items()}
    left = 58 if pages else 28
    rows = [_page(row, pills, left, pages) for row in scene.rows(world, trace.policy, found)]
    rows += [_reference(ref, left) for ref in scene.refs(world, found).values()]
    rows += [_hold(hold) for hold in world.holds]
    width, y, drawn = max(LEAST, *(row.width for row in rows), 0), float(HEAD), ""
    for row in rows:
        drawn += f'<g transform="translate(0 {y + 15:g})">{row.drawing}</g>'
        y += row.height
    wrong = any(finding.broken for finding in found)
    head = marks.text(8, 16, _name(state), "t-name") + (marks.text(width - 8, 16, "✗", "t-bad", "end") if wrong else "")
    said = f"{f'state {state}' if state else 'start'}: {', '.join(row.words for row in rows) or 'nobody is left'}"
    outline = marks.rect(0, 0, width, y + 4, "card" + " badcard" * wrong)
    return Card(outline + head + drawn, width, y + 4, said + ", a law is broken" * wrong)


def _page(row: scene.Row, pills: dict[int, str], left: float, pages: bool) -> Row:
    name = f"{row.process} @{row.page}" if pages else row.process
    end = f"#{row.end}" if isinstance(row.end, int) else row.end or ""
    pill = pills.get(row.end, "") if isinstance(row.end, int) else ""
    x = left + 32
    if row.state == "swap":
        right, x = marks.swap_badge(left, -4), left + 46
    elif row.state in ("w", "r", "closed"):
        right = marks.badge(left, -4, row.state)
    else:
        right = marks.text(left, 0, scene.STATES[row.state], "t-mut")
    wrong = x + 40 + 6.5 * len(pill)
    tags = [tag.words for tag in row.tags if not tag.bad]
    drawn = marks.text(8, 0, name, "t-mono") + right + marks.text(x, 0, f"{end} {pill}".strip(), "t-tag")
    drawn += _wrong(row.finding, wrong)
    drawn += "".join(marks.text(left, TAG * number + 3, words, "t-sub") for number, words in enumerate(tags, 1))
    said = " ".join(filter(None, [name, scene.STATES[row.state], end, pill, *tags]))
    return Row(
        drawn, said, max(wrong + 14, *(left + 7 * len(tag) for tag in tags), 0), ROW + TAG * len(tags) + 3 * bool(tags)
    )


def _reference(ref: scene.Ref, left: float) -> Row:
    end = "refused" if ref.dead else f"#{ref.frame}"
    drawn = marks.text(8, 0, ref.name, "t-mono") + marks.badge(left, -4, "w" if ref.write and not ref.dead else "r")
    drawn += "" if ref.dead else marks.glyph(left + 36, -4, "pin" if ref.take == "FOLL_PIN" else "get")
    drawn += marks.text(left + 46, 0, end, "t-dead" if ref.dead else "t-tag") + _wrong(ref.finding, left + 72)
    return Row(drawn, f"{ref.name} {ref.take} {'' if ref.dead else end}".strip(), left + 86)


def _hold(hold: Hold) -> Row:
    end = f"#{hold.frame}" if hold.frame else "nothing"
    return Row(marks.spans(8, 0, [marks.span("◌", "c-hold"), f" hold {end}"], "t-tag"), f"a hold on {end}")


def _wrong(finding: Finding | None, x: float) -> str:
    return marks.text(x, 0, "✗", "t-bad") if finding is not None and finding.broken else ""


# --- what it opens -----------------------------------------------------------------------------------------------------


def _opens(space: Space, traces: list[Trace], broken: list[Arrow], layout: Layout) -> dict[str, Opened]:
    """The Stepper of each state's script, then of each arrow that breaks a law and is not the first way anywhere."""
    numbers, opens = itertools.count(), {}
    for state, trace in enumerate(traces):
        if trace.steps:
            opens[f"s{state}"] = Opened(_about(space, state), next(numbers), len(trace.steps))
        else:  # the start of a world that needs no preparation: no script leads there
            opens[f"s{state}"] = Opened(_about(space, state) + _frame(trace, layout))
    for number, arrow in zip(numbers, broken, strict=False):
        where = f"from {_name(arrow.source)} to {_name(arrow.target)}"
        html = f'<h2 class="cow-name">{escape(arrow.words)}</h2><p>The last line leads {where}.</p>'
        steps = len(space.prefix) + len(space.path(arrow.source)) + 1
        opens.setdefault(ident(arrow), Opened(html, number, steps))
    for arrow in space.first.values():
        if arrow.broken:
            opens[ident(arrow)] = opens[f"s{arrow.target}"]
    return opens


def _about(space: Space, state: int) -> str:
    """How far a state is, and where one gets from it."""
    steps = len(space.path(state))
    head = f"State {state}, {_some(steps, 'events')} from the start" if state else "The start"
    mine = [arrow for arrow in space.arrows if arrow.source == state]
    items = "".join(
        f'<li><button type="button" data-open="s{arrow.target}"{" class=broken" * arrow.broken}>'
        f"{escape(arrow.words)} → {_name(arrow.target)}</button></li>"
        for arrow in mine
        if arrow.target != state or arrow.broken
    )
    still = [arrow.words for arrow in mine if arrow.target == state and not arrow.broken]
    out = [arrow.words for arrow in space.outside if arrow.source == state]
    said = f'<p>Events from here:</p><ul class="cow-next">{items}</ul>' if items else ""
    said += f"<p>To states that are left out: {escape(', '.join(out))}.</p>" if out else ""
    said += f"<p>Changes nothing that counts: {escape(', '.join(still))}.</p>" if still else ""
    if state not in space.followed:
        said = "<p>What can happen from here was not followed: enough states were found.</p>"
    return f'<h2 class="cow-name">{head}</h2>{said or "<p>Nothing can happen any more.</p>"}'


def _frame(trace: Trace, layout: Layout) -> str:
    """The picture and the words of the start."""
    drawn = "".join(pieces(View(trace.moments[0].world, None, trace.policy), layout))
    text = escape(text_frame(trace, 0))
    return f'<div class="cow-fit">{svg(drawn, layout, "The start")}</div><pre class="words" tabindex="0">{text}</pre>'


def _arrow_mark(cls: str) -> str:
    head = '<polygon class="head" points="38,7 46,11 38,15"/>'
    return f'<g class="edge {cls}"><path class="line" d="M1 11H38"/>{head}</g>'


LEGEND = (
    ("", _arrow_mark("first"), "the first way to a state"),
    ("edge other", _arrow_mark("other"), "another way to it"),
    (" broken", _arrow_mark("broken"), "✗ breaks the law that stands there"),
    ("b-w", marks.badge(10, 11, "w"), "may store, into frame #n"),
    ("b-r", marks.badge(10, 11, "r"), "may only look"),
    ("g-get", marks.glyph(20, 11, "get"), "a reference, FOLL_GET"),
    ("g-pin", marks.glyph(20, 11, "pin"), "a reference, FOLL_PIN"),
    ("b-s", marks.swap_badge(4, 11), "swapped out"),
    (" excl<", marks.text(10, 15, "excl", "t-tag"), "the frame is exclusive"),
    ("c-hold", marks.spans(16, 16, [marks.span("◌", "c-hold")]), "a transient hold"),
    ("badcard", marks.text(18, 15, "✗", "t-bad"), "sees what it ought not to"),
    ("beyond", f'<g class="beyond">{marks.rect(6, 3, 36, 16, "card")}</g>', "not followed further"),
)
