"""What a Stepper shows of one policy at each step, as numbers of strings: only what changes is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from cowlab.laws import place, verdict
from cowlab.scenario import Moment, Trace
from cowlab.views import scene
from cowlab.views.layout import Layout
from cowlab.views.picture import View, pieces
from cowlab.views.scene import NOTHING
from cowlab.views.text import index_of
from cowlab.views.words import finding, sentence

HTML_PLACES = 3  # verdict, sentence, and what stands below the picture; then come the pieces of the picture


class Strings:
    """Every string once, by number, as numbers of tokens: places are fixed, so the same tags come again and again."""

    TOKEN = re.compile(r"<[^>]*>|[^<]+(?:</\w+>)?")

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        self.strings: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def coded(self) -> list[list[int]]:
        """Each string as its tokens; joined they give the string."""
        code = self.tokens.setdefault
        return [[code(token, len(self.tokens)) for token in self.TOKEN.findall(text)] for text in self.strings]

    def code_words(self, text: str) -> int:
        """The number of a line of plain text, which must not be cut at < and >."""
        return self.tokens.setdefault(text, len(self.tokens))


def changes(shown: Iterable[list[str]], strings: Strings) -> list[list[int]]:
    """For each step [place, string, place, string, ...]: the places that change, and what stands there now.

    shown: for each step what stands at every place.
    """
    steps: list[list[int]] = []
    last: list[int] = []
    for texts in shown:
        now = [strings.number(text) for text in texts]
        changed = [k for k in range(len(now)) if k >= len(last) or now[k] != last[k]]
        steps.append([number for k in changed for number in (k, now[k])])
        last = now
    return steps


def panel(trace: Trace, index: int, layout: Layout, ended: bool = True) -> list[str]:
    """Everything that is shown of one moment, place by place. ended: whether the last line makes the verdict final."""
    moment, before = trace.moments[index], trace.moments[index - 1] if index else None
    view = View(moment.world, before.world if before else None, trace.policy, scene.standing(moment))
    outcome = f"<b>{moment.outcome}</b>. " if moment.outcome else ""
    said = outcome + escape(sentence(before, moment, trace.policy))
    return [verdict_badge(trace, index, ended), said, below(trace, index), *pieces(view, layout)]


def verdict_badge(trace: Trace, index: int, ended: bool = True) -> str:
    """The verdict so far; only the end makes an ok final."""
    line, end = trace.moments[index].line, ended and index == len(trace.moments) - 1
    found = verdict([finding.kind for since, finding in trace.violations if since <= line])
    broken = any(finding.broken for since, finding in trace.violations if since <= line)
    if broken:
        worst = found if found != "ok" else "accounting"
        return f'<span class="verdict bad">✗ {worst.upper()}</span>'
    if found == "snapshot":
        return f'<span class="verdict mild">snapshot{"" if end else " so far"}</span>'
    return f'<span class="verdict ok">✓ ok{"" if end else " so far"}</span>'


def below(trace: Trace, index: int) -> str:
    """Readers, findings and the reading of this line."""
    moment = trace.moments[index]
    return _readers(trace, moment) + _findings(trace, moment) + _reading(moment, index)


def _box(letter: str, cls: str = "") -> str:
    return f'<span class="pl {cls}">{escape(letter)}</span>' if cls else f'<span class="pl">{escape(letter)}</span>'


def _readers(trace: Trace, moment: Moment) -> str:
    """What each reader would see now: the same boxes as in the picture, in one row."""
    found = scene.standing(moment)
    seen = [
        (
            place(row.process, row.page),
            row.sees,
            row.finding,
            "has no page" if row.state == "unmapped" else "may not look",
        )
        for row in scene.rows(moment.world, trace.policy, found)
    ]
    seen += [
        (ref.name, ref.sees, ref.finding, "was refused" if ref.dead else "cannot look yet")
        for ref in scene.refs(moment.world, found).values()
    ]
    items = ""
    for who, letter, wrong, blind in seen:
        name = f"<b>{escape(who)}</b>"
        if letter == NOTHING:
            items += f"<li>{name} {blind}</li>"
        elif wrong is None or wrong.should is None:
            items += f"<li>{name} sees {_box(letter)} ✓</li>"
        elif wrong.broken:
            items += f'<li>{name} sees {_box(letter, "bad")} <span class="badt">✗ ought to see</span> {_box(wrong.should.letter)}</li>'
        else:
            items += f"<li>{name} sees {_box(letter)}, not promised {_box(wrong.should.letter)}</li>"
    return f'<ul class="readers" aria-label="Every reader looks"><li class="lab">READERS</li>{items}</ul>'


def _findings(trace: Trace, moment: Moment) -> str:
    lines = ""
    for since, found in moment.standing:
        words = f"since line {index_of(trace, since)}: {escape(finding(found, moment.world))}."
        law = f'<b class="badt">✗ {found.law}</b>' if found.broken else "<b>snapshot</b>"
        lines += f'<p class="law">{law} {words}</p>'
    return lines or '<p class="law">✓ every reader sees what it ought to see.</p>'


def _reading(moment: Moment, index: int) -> str:
    reading = moment.reading
    if reading is None:
        return ""
    shows = f'Reading of line {index}: {escape(reading.who)} shows <b class="mono">{reading.value}</b>'
    owed = moment.owed(reading.who) or reading.value == reading.ideal
    if owed:
        return f'<p class="law">{shows}, and ought to show <b class="mono">{reading.ideal}</b>.</p>'
    return f'<p class="law">{shows}, not <b class="mono">{reading.ideal}</b>, which nobody promised.</p>'
