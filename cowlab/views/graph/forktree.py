"""The fork tree of a scenario: who forked whom at which line, who exited, and the references, hanging at their owners."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

from cowlab.policy import Policy
from cowlab.scenario import Scenario, Trace, named_or_text, play
from cowlab.views import marks, scene
from cowlab.views.graph.graph import Graph, Opened, add_card, add_edge, digraph
from cowlab.views.graph.render import Card
from cowlab.views.stepper import Stepper
from cowlab.views.text import table

AT_MOST = 200


class Life(NamedTuple):
    """A process or a reference, from the line where it comes to be to the one where it ends (0: it does not).

    A name may come again: then it is another life. owner: the number of the life it hangs at. wrong: what was found
    wrong with it first, and since which line.
    """

    name: str
    born: int
    ended: int
    owner: int | None
    ref: scene.Ref | None = None
    verb: str = ""
    wrong: tuple[str, int] | None = None


def lives(trace: Trace) -> list[Life]:
    """Every process and reference of a trace, in order of appearance. Lines as a Stepper counts them."""
    found: list[Life] = []
    now: dict[str, int] = {}
    for index, moment in enumerate(trace.moments):
        refs = scene.refs(moment.world)
        there = {**{process.name: None for process in moment.world.processes}, **refs}
        for name in [name for name in now if name not in there]:
            number = now.pop(name)
            found[number] = found[number]._replace(ended=index)
        for name, ref in there.items():
            if name not in now:
                owner = moment.event.actor if moment.event is not None else ""
                verb = moment.event.verb if moment.event is not None else ""
                now[name] = len(found)
                found.append(Life(name, index, 0, now.get(owner), ref, verb))
        for finding in moment.new:
            who = finding.who.partition(" ")[0]
            if finding.broken and who in now and found[now[who]].wrong is None:
                found[now[who]] = found[now[who]]._replace(wrong=(finding.kind, index))
    return found


def fork_tree(scenario: Scenario | Trace | str, policy: Policy | str = "v5.7") -> Graph:
    """Who forked whom, who exited, who holds what: a click on a card opens the script at the line where it comes to be.

    scenario: one of the atlas by its name, a Scenario, the text of a script, or a trace that was played already.
    """
    if isinstance(scenario, str):
        scenario = named_or_text(scenario)
    trace = scenario if isinstance(scenario, Trace) else play(scenario, policy)
    everybody = lives(trace)
    shown = everybody[:AT_MOST]
    dot, cards, opens = digraph("forks", rankdir="TB", ordering="out"), {}, {}
    for number, life in enumerate(shown):
        name = f"n{number}"
        cards[name] = life_card(life)
        add_card(dot, name, cards[name], "gone" if life.ended else "")
        opens[name] = Opened(f'<h2 class="cow-name">{escape(cards[name].name)}</h2>', 0, life.born)
        if life.owner is not None:
            _edge(dot, life, f"n{life.owner}", name)
    name, about, more = trace.scenario.name, trace.scenario.title, len(everybody) - len(shown)
    what = f"The scenario {name}" if about != name else "A script"
    return Graph(
        dot,
        cards,
        title="Who forked whom" + (f": {about}" if about != name else ""),
        lede=f"{what}, played under {trace.policy.name}. Lines are counted without comments.",
        words=words(shown),
        note=f"The first {AT_MOST} are drawn; {more} more processes and references are left out." if more else "",
        legend=LEGEND,
        opens=opens,
        steppers=[Stepper(trace)],
    )


def _edge(dot: Any, life: Life, owner: str, name: str) -> None:
    """From the parent, or from who took the reference; solid and thick where its device may store."""
    how = f"{life.verb}, line {life.born}"
    if life.ref is None:
        add_edge(dot, owner, name, how, cls="forked")
        return
    dead = life.ref.dead
    head = "none" if dead else "odot" if life.ref.take == "FOLL_GET" else "box"
    cls = "ref writes" if life.ref.write and not dead else "ref reads"
    add_edge(dot, owner, name, how, cls=cls, arrowhead=head, arrowsize="1")


def life_card(life: Life) -> Card:
    """A process, or a reference with the right that it has and how it counts."""
    name, wrong = marks.fit(life.name, 12), life.wrong is not None
    ref, y = life.ref, 36.0
    if ref is None:
        drawn = marks.text(10, 18, name, "t-name")
        drawn += marks.text(10, y, "from the start" if not life.born else f"since line {life.born}", "t-sub")
        said = f"process {life.name}, {f'forked at line {life.born}' if life.born else 'from the start'}"
    else:
        drawn = marks.spans(10, 18, [marks.span(name, "t-name"), "&#160; ", marks.span(ref.holder)])
        drawn += marks.badge(10, y - 4, "w" if ref.write and not ref.dead else "r")
        drawn += marks.text(44, y, ref.take + (", longterm" if ref.longterm else ""), "t-dead" if ref.dead else "")
        said = f"reference {life.name}, {ref.holder}, {ref.take}, taken by {life.verb} at line {life.born}"
    if life.ended:
        word = "exits" if ref is None else "put"
        y += 18
        drawn += marks.cross(14, y - 4) + marks.text(26, y, f"{word} at line {life.ended}", "t-end")
        said += f", {word} at line {life.ended}"
    if life.wrong:
        y += 18
        kind, line = life.wrong
        drawn += marks.text(10, y, f"✗ {kind}, since line {line}", "t-bad")
        said += f", {kind} since line {line}"
    width, height = (140.0 if ref is None else 176.0), y + 10
    if wrong:
        width = max(width, 160)
    cls = ("card" if ref is None else "refcard") + " badcard" * wrong
    return Card(marks.rect(0, 0, width, height, cls) + drawn, width, height, said)


def words(everybody: list[Life]) -> str:
    rows = []
    for life in everybody:
        owner = "-" if life.owner is None else everybody[life.owner].name
        what = "process" if life.ref is None else f"{life.ref.holder}, {life.ref.take}"
        how = f"{life.verb}, line {life.born}" if life.born else "from the start"
        end = ("exits" if life.ref is None else "put") + f", line {life.ended}" if life.ended else "-"
        wrong = "{}, since line {}".format(*life.wrong) if life.wrong else "-"
        rows.append([life.name, what, owner, how, end, wrong])
    return "\n".join(table(("name", "what", "of", "begins", "ends", "wrong"), rows)) + "\n"


def _line_mark(cls: str, end: str) -> str:
    return f'<g class="edge {cls}"><path class="line" d="M1 11H36"/></g>{end}'


LEGEND = (
    ("edge forked", _line_mark("forked", marks.glyph(40, 11, "map")), "fork"),
    ("edge ref reads", _line_mark("ref reads", ""), "a reference: may only look"),
    ("edge ref writes", _line_mark("ref writes", ""), "a reference: its device may store"),
    ("FOLL_GET", marks.glyph(24, 11, "get"), "ring: FOLL_GET"),
    ("FOLL_PIN", marks.glyph(24, 11, "pin"), "block: FOLL_PIN"),
    (" gone", marks.rect(6, 3, 36, 16, "card dead") + marks.cross(24, 11), "exits, or is put, at that line"),
    ("badcard", marks.rect(6, 3, 36, 16, "card badcard"), "✗ sees what it ought not to"),
)
