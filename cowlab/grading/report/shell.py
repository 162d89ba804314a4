"""What the pages share: the shell that lets no foreign script run, witnesses that open in a Stepper, bars.

A page is one file. Its only script and sheet are ours and named by their hashes (views.mount.locked); the Steppers' data
stand in it as JSON, sharing what they have in common.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape

from cowlab.grading.report.clean import html, visible
from cowlab.grading.report.played import YOURS, Played, played
from cowlab.grading.report.records import TaskRecord
from cowlab.views import mount
from cowlab.views.lawmarks import COSTS
from cowlab.views.legend import legend
from cowlab.views.packed import Packed
from cowlab.views.picture import style, svg
from cowlab.world import PIN_BIAS


class Page:
    """One page while it is written: parts of HTML are added, and the Steppers that they open are kept for its end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.packed = Packed()
        self.drawn: list[str] = []

    def html(self, body: str, foot: str) -> str:
        """The whole page: this body, what its marks mean, the foot."""
        data = ""
        if self.packed.steppers:
            data = f'<script type="application/json" class="cow-frames">{mount.as_json(self.packed.data())}</script>'
        marks = legend(self.drawn, PIN_BIAS) if self.drawn else ""
        root = f'<div class="cowlab cow-report" data-cowlab="report">{body}{marks}{foot}{data}</div>'
        return mount.locked(visible(" ".join(self.title.split()), 120), root, script=_script(), style=_sheet())

    def witness(self, task: TaskRecord, lesson: str, *, yours: str = YOURS, picture: bool = True) -> str:
        """The script that shows what failed, to be opened in a Stepper where it can be played; "" without one.

        yours: what the submission's own policy is called. picture: whether the moment at which it shows is drawn beside it, for paper and for whoever runs no scripts.
        """
        if not task.witness:
            return ""
        found = played(task, lesson, yours)
        policy = yours if task.policy == YOURS else task.policy
        head = f"<h3>What shows it{f', under {html(policy, 120)}' if policy else ''}</h3>"
        if found is None:
            lines = html("\n".join(task.witness), 20_000)
            return f'<div class="witness">{head}{_pre(lines)}<p class="why">This script cannot be drawn here.</p></div>'
        number = self.packed.add(found.data)
        still = self._still(found, task.law) if picture else ""
        return (
            f'<div class="witness" data-steps="{number}"><header>{head}'
            '<button type="button" class="open" aria-expanded="false" hidden>Open in the Stepper</button></header>'
            f'<div class="shows">{_pre(_marked(found.lines))}{still}</div><div class="room"></div></div>'
        )

    def _still(self, found: Played, law: str) -> str:
        """The moment at which it shows, as the Stepper draws it."""
        trace, layout = found.trace, found.layout
        badge, said, below, *pieces = found.moment
        if law in COSTS and trace.moments[found.at].needless:  # of which a verdict says nothing
            badge = '<span class="verdict mild">a needless copy</span>'
        picture = svg("".join(pieces), layout, f"{trace.policy.name}, line {found.at}. Below it the same in words.")
        self.drawn.append(picture)
        return (
            f'<section class="w" style="flex-basis:{layout.least:.0f}px" aria-label="Line {found.at}"><header>'
            f'<b>line {found.at} of {len(trace.steps)}</b>{badge}</header><p class="said">{said}</p>'
            f'<div class="cow-fit">{picture}</div>{below}</section>'
        )


def _pre(lines: str) -> str:
    return f'<pre tabindex="0" role="region" aria-label="Script">{lines}</pre>'


def _marked(lines: tuple[str, ...]) -> str:
    """The numbered script; what is wrong stands below the line where it shows."""
    shown = []
    for line in lines:
        script, cross, wrong = line.partition("✗")
        below = f'\n   <b class="badt">✗{html(wrong)}</b>' if cross else ""
        shown.append(html(script.rstrip()) + below)
    return "\n".join(shown)


def meter(points: float | None, most: float) -> str:
    """How much of it was earned, as a bar; the number stands beside it. Dashed: nobody has judged it yet."""
    share = 0.0 if points is None or most <= 0 else min(max(points / most, 0), 1)
    later = " later" if points is None else ""
    return f'<span class="meter{later}" aria-hidden="true"><i style="width:{share:.1%}"></i></span>'


def facts(rows: dict[str, str]) -> str:
    """Names and what they are: the names ours, the rest HTML already."""
    return f'<dl class="facts">{"".join(f"<dt>{escape(name)}</dt><dd>{what}</dd>" for name, what in rows.items() if what)}</dl>'


@cache
def _script() -> str:
    views = (mount.script("cowlab.js"), mount.script("stepper.js"))
    return "\n".join(["{", *views, mount.script("report.js", __package__), "}"])


@cache
def _sheet() -> str:
    return mount.PAGE + mount.sheets() + style("report.css", __package__) + _on_paper()


def _on_paper() -> str:
    """The light palette for print, also where the screen is dark."""
    light = re.search(r"\.cowlab \{([^}]*)\}", style("picture.css"))
    assert light is not None
    return f"@media print{{html{{background:#fff}}body:not([data-jp-theme-light]) .cowlab{{{light[1]}}}}}"
