"""What a Stepper shows beside another: each side has a column of the script's table, a panel, and text frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape

from cowlab.scenario import Trace
from cowlab.views import panel
from cowlab.views.layout import Layout
from cowlab.views.picture import svg
from cowlab.views.text import frame_lines
from cowlab.views.words import note


class Side(ABC):
    """Moments are numbered as in the Stepper: 0 is the start."""

    name: str

    @abstractmethod
    def cell(self, index: int) -> str:
        """What is said of that line in the table, as HTML."""

    @abstractmethod
    def places(self, index: int) -> list[str]:
        """What stands at each place of the panel, as HTML: the verdict, the sentence, then the rest."""

    @abstractmethod
    def section(self, places: int) -> str:
        """The panel, empty, with an element for each of so many places."""

    @abstractmethod
    def lines(self, index: int) -> list[str]:
        """The text frame."""

    def words(self) -> str:
        """Where the text frame goes."""
        return f'<pre class="words" tabindex="0" role="region" aria-label="{escape(self.name)} in words"></pre>'


class PolicySide(Side):
    """A trace. ended: whether its last line is the end, and makes the verdict final."""

    def __init__(self, trace: Trace, layout: Layout, ended: bool = True) -> None:
        self.trace, self.layout, self.ended = trace, layout, ended
        self.name = trace.policy.name

    def cell(self, index: int) -> str:
        moment = self.trace.moments[index]
        why = escape(note(self.trace.moments[index - 1], moment, self.trace.policy))
        reading = moment.reading
        if reading is not None:
            show = "show" if moment.event is not None and moment.world.reference(moment.event.actor) else "read"
            shown = f'{escape(reading.who)} {show}s <b class="mono">{reading.value}</b>'
            if reading.value != reading.ideal and moment.owed(reading.who):
                why = f'{shown}, <span class="badt">✗ ought to {show} {reading.ideal}</span>'
            elif reading.value == reading.ideal and show == "show":
                why = shown
        kinds = dict.fromkeys((finding.kind, finding.broken) for finding in moment.new)
        chips = "".join(
            f'<span class="chip{"" if bad else " mild"}">{"✗ " if bad else ""}{kind.upper()}</span>'
            for kind, bad in kinds
        )
        return f'<b>{moment.outcome}</b> <span class="why">{why}</span>{chips}'

    def places(self, index: int) -> list[str]:
        return panel.panel(self.trace, index, self.layout, self.ended)

    def section(self, places: int) -> str:
        drawn = "".join(f'<g data-p="{k}"></g>' for k in range(panel.HTML_PLACES, places))
        name = escape(self.name)
        return (
            f'<section class="w" aria-label="{name}"><header><h2 class="cow-name">{name}</h2>'
            f'<span class="rule">{_asks(self.trace)}</span><span data-p="0" style="margin-left:auto"></span></header><p class="said" data-p="1"></p>'
            f'<div class="cow-fit">{svg(drawn, self.layout, self.name)}</div><div data-p="2"></div></section>'
        )

    def lines(self, index: int) -> list[str]:
        return frame_lines(self.trace, index)


def _asks(trace: Trace) -> str:
    asks = trace.policy.asks
    questions = {
        "mapcount": "is mapcount 1?",
        "page_count": "is page_count 1?",
        "exclusive": "is it exclusive?",
        "inherited": "was it inherited?",
    }
    return f"reuse asks: {questions[asks]}" if asks in questions else escape(trace.policy.about)
