"""What a PolicyEditor shows of the results, as HTML: the atlas and the explorations."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from cowlab.laws import LAWS
from cowlab.matrix import MAX_STATES
from cowlab.model import Bounds
from cowlab.policy import Policy
from cowlab.scenario import scenarios
from cowlab.views import lawmarks
from cowlab.views.editor import decisions, in_words
from cowlab.views.editor.decisions import Problem
from cowlab.views.editor.differences import SIGNS, Change, Differences, Judged, summary
from cowlab.views.editor.exploring import (
    SOME_STATES,
    Document,
    Explored,
    Job,
    Otherwise,
    bounds_words,
    explored_words,
    shift,
)
from cowlab.views.editor.row_html import broken, button, does, problem

OTHERWISE = 24  # questions that are shown; there may be hundreds
NOTHING = "No results: see above what is in the way."


# --- the atlas -------------------------------------------------------------------------------------------------------


def result(base: Policy, policy: Policy, found: Differences | None, quick: Explored | None, waits: bool) -> str:
    """What came of it, in sentences."""
    if policy is base:
        return f"<p>Nothing is replaced yet: this is {base.name} as it is in the table.</p>"
    if found is None:
        return ""
    end = ["Small bounds are being explored …"] if waits else [explored_words(quick)] if quick else []
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in (*summary(found), *end))


def atlas(base: Policy, policy: Policy, found: Differences | None) -> str:
    title = '<h2 class="cow-name">Scenarios with another verdict</h2>'
    if policy is base:
        return f'{title}<p class="law">None: nothing is replaced yet.</p>'
    if found is None:
        return f'{title}<p class="law">{NOTHING}</p>'
    count = f"{len(found.changes)}, the worst first. A click steps through one." if found.changes else "None."
    return f'{title}<p class="why">{count}</p>{_changes(base, policy, found.changes)}{_quiet(found.quiet)}'


def _changes(base: Policy, policy: Policy, changes: Iterable[Change]) -> str:
    rows = "".join(_change(change) for change in changes)
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{broken(name)}</th>' for name in ("SCENARIO", base.name, policy.name, "CHANGE"))
    return (
        '<div class="ed-scroll ed-atlas" tabindex="0" role="region" aria-label="Scenarios with another verdict">'
        f'<table class="rows ed-t"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _change(change: Change) -> str:
    title = escape(scenarios()[change.scenario].title)
    opens = {"do": "open", "scenario": change.scenario}
    return (
        f'<tr {does(**opens)}><td>{button(escape(change.scenario), f"open-{change.scenario}", **opens)} <span class="why">{title}</span></td>'
        f"<td>{verdict(change.before)}</td><td>{verdict(change.after)}</td><td>{effect(change)}</td></tr>"
    )


def verdict(one: Judged) -> str:
    words = in_words.verdict(one)
    if one.laws:
        return f'<span class="chip">✗ {words.upper()}</span>'
    return '<span class="chip mild">snapshot</span>' if words == "snapshot" else '<span class="okt">✓ ok</span>'


def effect(change: Change) -> str:
    """In a sign and in words."""
    sign = SIGNS[change.word]
    cls = {"✗": "badt", "✓": "okt"}.get(sign, "")
    return f'<b class="{cls}">{sign} {change.word}</b> <span class="why">{in_words.why(change)}</span>'


def _quiet(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    items = "".join(f"<li>{button(escape(name), f'open-{name}', do='open', scenario=name)}</li>" for name in names)
    return (
        f"<details><summary>{len(names)} where a line does something else, but no verdict changes</summary>"
        f'<ul class="ed-names">{items}</ul></details>'
    )


# --- explorations ----------------------------------------------------------------------------------------------------


def exploration(which: str, found: Explored, base: Policy, policy: Policy) -> str:
    """The laws, one a line, for the row and for the hybrid. which: quick or whole."""
    columns = [(base.name, found.before, "base")] + ([(policy.name, found.after, "yours")] if found.after else [])
    heads = "".join(f'<th scope="col">{broken(name)}</th>' for name, _, _ in columns)
    rows = ""
    for law in LAWS:
        marks = "".join(f"<td>{_mark(which, doc, law, name, who)}</td>" for name, doc, who in columns)
        last = f"<td>{SHIFTS[shift(found, law)]}</td>" if found.after else ""
        kind = ' <span class="why">a cost</span>' if law in lawmarks.COSTS else ""
        cls = ' class="cost"' if law in lawmarks.COSTS else ""
        rows += f'<tr{cls}><th scope="row">{law}{kind}</th>{marks}{last}</tr>'
    change = '<th scope="col">CHANGE</th>' if found.after else ""
    counts = "".join(f"<p class=law>{escape(name)}: {_counts(doc)}.</p>" for name, doc, _ in columns)
    return (
        f'<div class="ed-scroll"><table class="rows ed-t ed-laws"><thead><tr><th scope="col">LAW</th>{heads}{change}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_asked(found)}{counts}{_otherwise(base, policy, found.otherwise)}"
    )


def _mark(which: str, doc: Document, law: str, name: str, who: str) -> str:
    """A law that is broken opens the script that breaks it."""
    verdict = doc["laws"][law]
    if verdict["holds"] is not False:
        return lawmarks.plain(law, doc)
    label = f"{name} breaks {law} within {verdict['length']} lines. Open the script"
    opens = does(do="open", which=which, law=law, who=who)
    return lawmarks.pressed(law, doc, escape(label), f'data-k="{which}-{law}-{who}" {opens}')


SHIFTS = {
    "worse": '<b class="badt">✗ worse</b>',
    "better": '<b class="okt">✓ better</b>',
    "sooner": '<span class="why">≠ sooner</span>',
    "later": '<span class="why">≠ later</span>',
    "unknown": '<span class="why">◐ not known</span>',
    "same": '<span class="why">same</span>',
}


def _counts(doc: Document) -> str:
    end = "complete" if doc["complete"] else f"not finished, stopped by {doc['stopped']}"
    return (
        f"{doc['states']:,} states, {doc['transitions']:,} steps, depth {doc['depth']}, {end}, {doc['seconds']:.1f} s"
    )


def _asked(found: Explored) -> str:
    """How often the replaced cells were asked: what was never asked proves nothing."""
    lines = ""
    for cell, count in found.asked.items():
        other = sum(one.cell == cell for one in found.otherwise)
        questions = f"{count} different question{'s' if count > 1 else ''}"
        said = (
            f"{cell} was asked {questions}, and answered {f'{other} of them otherwise' if other else 'all as before'}."
        )
        never = f"◐ {cell} was never asked within these bounds: nothing here speaks of it."
        lines += f"<p class=ed-asked>{said if count else never}</p>"
    return lines


def _otherwise(base: Policy, policy: Policy, questions: tuple[Otherwise, ...]) -> str:
    if not questions:
        return ""
    rows = "".join(
        f'<tr><td class="mono">{escape(decisions.told(one.page))}</td><td>{one.before}</td><td><b>{one.after}</b></td></tr>'
        for one in questions[:OTHERWISE]
    )
    left = len(questions) - OTHERWISE
    more = f"<p>And {left} more.</p>" if left > 0 else ""
    return (
        f"<details><summary>The questions that are answered otherwise</summary>"
        f'<div class="ed-scroll" tabindex="0" role="region" aria-label="Questions"><table class="rows ed-t"><thead><tr><th scope="col">ASKED ABOUT</th>'
        f'<th scope="col">{base.name}</th><th scope="col">{broken(policy.name)}</th></tr></thead><tbody>{rows}</tbody></table></div>{more}</details>'
    )


def quick(bounds: Bounds, found: Explored | None, base: Policy, policy: Policy, running: Job | None) -> str:
    waiting = f'<p class="law">{NOTHING if running is None else escape(running.far) or "being explored …"}</p>'
    body = waiting if found is None else exploration("quick", found, base, policy)
    limits = f"{bounds_words(bounds)}; at most {SOME_STATES:,} states."
    return f'<h2 class="cow-name">Within small bounds</h2><p class="why">{escape(limits)}</p>{body}'


def whole(bounds: Bounds, found: Explored | None, base: Policy, policy: Policy) -> str:
    body = "" if found is None else exploration("whole", found, base, policy)
    limits = f"{bounds_words(bounds)}; at most {MAX_STATES:,} states."
    return f'<h2 class="cow-name">Within larger bounds</h2><p class="why">{escape(limits)}</p>{body}'


def job(running: Job | None, found: Explored | None, wrong: Problem | None) -> str:
    """The button that begins the long exploration, or how far it is."""
    if running is not None:
        return f'<div class="bar">{button("Stop", "job", do="stop")}<span>{escape(running.far)}</span></div>'
    documents = [document for document in (found.before, found.after) if document] if found else []
    if documents and not any(document["stopped"] == Job.STOPPED for document in documents):
        return ""
    explore = button("Explore again" if documents else "Explore", "job", do="explore")
    note = "takes some seconds; the notebook stays free"
    return f'{problem(wrong)}<div class="bar">{explore}<span class="why">{note}</span></div>'
