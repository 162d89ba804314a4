"""What a PolicyEditor shows of the row, its cells and the open one, as HTML. What a learner wrote comes in escaped."""

from __future__ import annotations

import json
from html import escape

from cowlab.policy import ANSWERS, POLICIES, Decision, Policy, sources
from cowlab.views.citing import is_commit, link
from cowlab.views.editor import decisions
from cowlab.views.editor.decisions import Problem

OWN = "own"  # the last entry of the list of decisions


def does(**message: object) -> str:
    """The attribute of what asks Python when it is pressed."""
    return f'data-do="{escape(json.dumps(message))}"'


def button(words: str, key: str, **message: object) -> str:
    return f'<button type="button" data-k="{escape(key)}" {does(**message)}>{words}</button>'


def broken(name: str) -> str:
    """The name of a policy, which goes over more lines only between its parts."""
    parts = name.replace("(", "\n(").replace(", ", ", \n").split("\n")
    return "<wbr>".join(f'<span class="nb">{escape(part)}</span>' for part in parts)


# --- the row and its cells -------------------------------------------------------------------------------------------


def head(base: Policy, policy: Policy) -> str:
    options = "".join(
        f'<option value="{name}"{" selected" if name == base.name else ""}>{name}: {escape(row.about)}</option>'
        for name, row in POLICIES.items()
    )
    back = button("Back to the row", "reset", do="reset") if policy is not base else ""
    return (
        '<h1 class="cow-title">Another decision in one cell</h1>'
        '<p class="lede">Begin with a row, choose a cell, and put another decision in it: one of another row, or your own. '
        "What changes in the atlas, and within bounds, is shown at once.</p>"
        f'<div class="bar"><label>Row <select data-k="row" data-set="row">{options}</select></label>{back}'
        f'<span class="ed-name">now: <b class="mono">{escape(policy.name)}</b></span></div>'
    )


def cells(base: Policy, policy: Policy, open_cell: str) -> str:
    return "".join(_cell(base, policy, cell, cell == open_cell) for cell in ANSWERS)


def _cell(base: Policy, policy: Policy, cell: str, is_open: bool) -> str:
    own, now = getattr(base, cell), getattr(policy, cell)
    was = "" if now is own else f' <i class="was">was {escape(own.__name__)}</i>'
    cls = f"ed-one{'' if now is own else ' changed'}"
    return (
        f'<label class="{cls}"><input type="radio" name="cell" value="{cell}" data-k="cell-{cell}" data-set="cell"'
        f'{" checked" if is_open else ""}><span><b>{cell}</b> <span class="why">{escape(decisions.questions()[cell])}</span><br>'
        f'<span class="mono">{escape(now.__name__)}</span>{was} <span class="why">{cited(now)}</span></span></label>'
    )


def cited(decision: Decision) -> str:
    """How much it cites, in a few words."""
    found = sources(decision)
    commits = sum(map(is_commit, found))
    counts = ((commits, "commit"), (len(found) - commits, "mail"))
    words = ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count)
    return f"cites {words}" if words else "your own"


def cell_head(policy: Policy, cell: str, ours: bool) -> str:
    """The question, the list of decisions, and what the one that is shown says of itself. ours: it is of the table."""
    now: Decision = getattr(policy, cell)
    options = ""
    for name, rows in decisions.choices(cell).items():
        mark = " selected" if ours and name == now.__name__ else ""
        options += f'<option value="{name}"{mark}>{name} ({", ".join(rows)})</option>'
    options += f'<option value="{OWN}"{"" if ours else " selected"}>your own function</option>'
    links = ", ".join(map(link, sources(now)))
    about = f"{escape(now.__doc__ or '')}{f' <span class=ed-cites>{links}</span>' if links else ''}" if ours else ""
    return (
        f'<h2 class="cow-name">{cell}</h2><p class="said">{escape(decisions.questions()[cell])}</p>'
        f'<p class="why">Answers: <span class="mono">{escape(decisions.allowed(cell))}</span></p>'
        f'<label class="ed-label">Decision <select data-k="choose" data-set="choose">{options}</select></label>'
        f'<p class="law">{about or "A function of one PageInfo. Everything in cowlab/policy.py is at hand in it."}</p>'
    )


def page_info() -> str:
    rows = "".join(
        f'<tr><td class="mono">{field.name}</td><td class="mono">{escape(field.default)}</td><td>{escape(field.meaning)}</td></tr>'
        for field in decisions.fields()
    )
    about = "".join(f"<p>{escape(text)}</p>" for text in decisions.about_page_info())
    return (
        f"<details><summary>What a page can be asked: the fields of a PageInfo</summary>{about}"
        f'<div class="ed-scroll" tabindex="0" role="region" aria-label="Fields of a PageInfo"><table class="rows ed-t ed-fields"><thead><tr>'
        f'<th scope="col">FIELD</th><th scope="col">USUALLY</th><th scope="col">MEANING</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def problem(wrong: Problem | None) -> str:
    """What is wrong, where, and what was asked."""
    if wrong is None:
        return ""
    where = f"<b>Line {wrong.line}:</b> " if wrong.line else ""
    text = f'<p><b class="badt">✗</b> {where}{escape(wrong.sentence)}</p>'
    if wrong.page is not None:
        text += f"<p>It was asked about <code>{escape(decisions.told(wrong.page))}</code>; all else is as usual.</p>"
    if wrong.scenario:
        opens = button(escape(wrong.scenario), "stuck", do="open", scenario=wrong.scenario)
        text += f"<p>That came up in the scenario {opens}</p>"
    return text
