"""The Stepper: one script under one policy, or several side by side, stepped in the browser without asking Python.

All frames are sent once: every string once, and for each step only the places that change. So a long trace stays small,
and a step touches only what differs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from html import escape
from typing import Any

from cowlab.events import format as format_event
from cowlab.scenario import Trace
from cowlab.views import mount, panel, scene
from cowlab.views.compare import first_difference
from cowlab.views.layout import Layout
from cowlab.views.legend import legend
from cowlab.views.panel import Strings
from cowlab.views.picture import picture
from cowlab.views.shown import Shown
from cowlab.views.side import PolicySide, Side
from cowlab.views.text import text_frame
from cowlab.world import PIN_BIAS

MONO = 7.22  # px of a character of a text frame: used to decide where two stand side by side
MANY = 5  # more policies than that, and the timeline has room for their outcomes only
SHORT = 12  # lines of a script that are seen at once; a longer one can be scrolled by keyboard too
SAME = "<span class=why>same</span>"
STILL_BYTES = 50_000  # text frames for readers without scripts: beyond this only those where something is decided


class Stepper(Shown):
    """Shows traces of one script, side by side with one index. As the last value of a notebook's cell it is shown.

    start: an index, or a place as `leak@5`: the fifth line of the script, comments not counted.
    covered: what a line does stays covered until one has stepped there. layout: the fixed places, where they are shared
    with other Steppers. ended: whether nothing comes after the last line, so that the verdict there is final.
    Raises ValueError if the traces are not of one script, or there is no such place.
    """

    view = "stepper"
    notice = (
        "This steps once the notebook is trusted, or its cell is run. "
        "Until then: the first frame, and the others in words."
    )

    def __init__(
        self,
        trace: Trace,
        *more_traces: Trace,
        title: str = "",
        lede: str = "",
        start: int | str = 0,
        covered: bool = False,
        layout: Layout | None = None,
        ended: bool = True,
    ) -> None:
        self.traces = (trace, *more_traces)
        self.covered, self._layout, self._ended = covered, layout, ended
        for other in more_traces:
            if other.scenario.events != trace.scenario.events:
                raise ValueError(
                    f"{other.scenario.name} is another script than {trace.scenario.name}: one index cannot step both"
                )
        self.title = title or trace.scenario.title
        self.lede = lede or trace.scenario.story
        self.start = place_index(start, len(trace.steps))
        self.apart = first_difference(self.traces) if more_traces else None
        self.part = self.apart

    @cached_property
    def layout(self) -> Layout:
        """The places that all its pictures share."""
        return self._layout or Layout.of(self.traces)

    @cached_property
    def policies(self) -> list[Side]:
        return [PolicySide(trace, self.layout, self._ended) for trace in self.traces]

    @property
    def sides(self) -> list[Side]:
        """All that is shown side by side, from the left."""
        return self.policies

    @property
    def place(self) -> str:
        """The name of where it starts, `leak@5`."""
        return f"{self.traces[0].scenario.name}@{self.start}"

    def text(self) -> str:
        """The text frames of where it starts."""
        return self.text_at(self.start)

    def text_at(self, index: int) -> str:
        """The text frames of that moment."""
        return "\n".join(text_frame(trace, index) for trace in self.traces)

    def html(self) -> str:
        """A page of its own, which steps without network; its address may end in a place, as in `#leak@5`."""
        return mount.page(self.title, self.mounted(self.data(page=True)))

    def _live(self, sections: Iterable[str], drawn: Iterable[str], longest: int) -> str:
        """What the script fills: table, controls, panels, legend, text frames. longest: the longest line of these."""
        counter = self.traces[0].moments[-1].world.counter
        panels = "".join(sections)
        words = "".join(side.words() for side in self.sides)
        return (
            f"{self._script()}{self._controls()}{columns(self.layout.least, panels)}"
            f"{legend(drawn, counter.bias if counter else PIN_BIAS)}"
            f"<details open><summary>The same in words</summary>{columns(MONO * longest, words)}</details>"
            '<div class="sr cow-say" aria-live="polite"></div>'
        )

    def data(self, page: bool = False) -> dict[str, Any]:
        """What the browser needs to step. page: whether the place stands in the address."""
        strings, moments = Strings(), range(len(self.traces[0].moments))
        panels = [panel.changes(map(side.places, moments), strings) for side in self.sides]
        words = [[side.lines(index) for index in moments] for side in self.sides]
        longest = max(len(line) for frames in words for lines in frames for line in lines)
        sections = [side.section(len(steps[0]) // 2) for side, steps in zip(self.sides, panels, strict=True)]
        live = self._live(sections, strings.strings, longest)
        coded = strings.coded()
        texts = [[[strings.code_words(line) for line in lines] for lines in frames] for frames in words]
        script = [format_event(event) for event in self.traces[0].scenario.events]
        return {
            "name": self.traces[0].scenario.name,
            "names": [side.name for side in self.sides],
            "script": script,
            "start": self.start,
            "part": None if self.covered else self.part,
            "covered": self.covered,
            "page": page,
            "live": live,
            "panels": panels,
            "texts": texts,
            "strings": coded,
            "tokens": list(strings.tokens),
        }

    # --- the parts of the page ---------------------------------------------------------------------------------------

    def _script(self) -> str:
        """The script as a timeline: line, event, and on each side outcome and why."""
        width = f' style="width:{96 / len(self.sides):.0f}%"'
        heads = "".join(f'<th scope="col" class="o"{width}>{escape(side.name)}</th>' for side in self.sides)
        rows = [self._line(index) for index in range(1, len(self.traces[0].moments))]
        many = " many" if len(self.traces) > MANY else ""
        scrolls = ' tabindex="0" role="region" aria-label="The whole script"' if len(rows) > SHORT else ""
        return (
            f'<div class="script{many}"{scrolls}><table class="rows trace" aria-label="Script and outcomes"><thead><tr>'
            f'<th scope="col"><span class="sr">line</span></th><th scope="col">SCRIPT</th>{heads}'
            f'<th scope="col"><span class="sr">remark</span></th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        )

    def _line(self, index: int) -> str:
        together = self.part is None or index < self.part
        cells = "".join(f'<td class="o">{cell}</td>' for cell in self.cells(index))
        cls = "" if together else ' class="part"' if index == self.part else ' class="after"'
        mark = "" if index != self.part else "≠" if len(self.traces) > MANY else "≠ first difference"
        event = escape(format_event(self.traces[0].scenario.events[index - 1]))
        return f'<tr{cls}><td class="n">{index}</td><td class="ev">{event}</td>{cells}<td class="mark">{mark}</td></tr>'

    def cells(self, index: int) -> list[str]:
        """What each side says of that line, as HTML; what all say together is said once."""
        together = self.apart is None or index < self.apart
        return [SAME if which and together else side.cell(index) for which, side in enumerate(self.policies)]

    def _controls(self) -> str:
        last = len(self.traces[0].steps)
        shown = self.part is not None and not self.covered  # that they will differ is not given away
        part = "" if not shown else '<button type="button" data-a="part">≠ First difference</button>'
        key = "" if not shown else "<span><kbd>d</kbd> first difference</span>"
        return (
            '<div class="bar" role="group" aria-label="Step through the script">'
            '<button type="button" data-a="first" aria-label="First (Home)">|◀</button>'
            '<button type="button" data-a="prev" aria-label="Previous (left arrow)">◀</button>'
            '<button type="button" data-a="play" class="play">▶ Play</button>'
            '<button type="button" data-a="next" aria-label="Next (right arrow)">▶</button>'
            '<button type="button" data-a="last" aria-label="Last (End)">▶|</button>'
            f'<div class="track"><input type="range" min="0" max="{last}" value="0" aria-label="Line of the script">'
            f'{_ticks(self.traces, self.part, self.covered)}</div>{part}<span class="pos"></span></div>'
            f'<p class="keys"><span><kbd>←</kbd> <kbd>→</kbd> step</span><span><kbd>Home</kbd> <kbd>End</kbd> first, last</span>'
            f"<span><kbd>Space</kbd> play</span>{key}<span>click a line to go there</span>"
            '<span title="open it again with start=, or behind # in the address of a saved page">this place is called <code class="cow-place"></code></span></p>'
        )

    def still(self) -> str:
        """The first picture, and the text frames."""
        return self.images() + self.frames()

    def images(self) -> str:
        """The pictures of where it starts, as images: where scripts are not trusted, SVG in the page is not either."""
        return "".join(_image(trace, self.layout, self.start) for trace in self.traces)

    def frames(self) -> str:
        """The text frames as HTML; of a long trace those where something is decided."""
        frames, left = "", STILL_BYTES
        skipped = 0
        for index in range(len(self.traces[0].moments)):
            decided = index in (self.start, self.part) or any(trace.moments[index].new for trace in self.traces)
            if left < 0 and not decided:
                skipped += 1
                continue
            text = self.text_at(index)
            left -= len(text)
            frames += f"<hr><pre>{escape(text)}</pre>"
        more = f"<p>{skipped} more frames are shown once it runs.</p>" if skipped else ""
        return frames + more


def place_index(start: int | str, last: int) -> int:
    """The index which an index, or a place like `leak@5`, names. Raises ValueError if the script has no such line."""
    if isinstance(start, int):
        index = start
    else:
        named = re.fullmatch(r"(?:.*@)?(\d+)", start)
        if named is None:
            raise ValueError(f"there is no place {start!r}: expected an index, or a place like 'leak@5'")
        index = int(named[1])
    if not 0 <= index <= last:
        raise ValueError(f"there is no place {start!r}: the script has {last} lines")
    return index


def columns(width: float, inner: str, more: str = "") -> str:
    """Side by side where there is room for that width each, else one under the other. more: other attributes."""
    tracks = f"repeat(auto-fit,minmax(min(100%,{width:.0f}px),1fr))"
    return f'<div class="two" style="grid-template-columns:{tracks}"{more}>{inner}</div>'


def _ticks(traces: Sequence[Trace], part: int | None, covered: bool) -> str:
    """Numbers under the slider, as many as have room; ≠ where they part, ✗ where something breaks first."""
    last = len(traces[0].steps)
    found = {i for trace in traces for i, moment in enumerate(trace.moments) if any(f.broken for f in moment.new)}
    first = min(found, default=None)
    marks = {i: f"{i}{' ≠' if i == part else ''}{' ✗' if i == first else ''}" for i in (part, first) if i is not None}
    marks = {} if covered else marks
    every = next((n for n in (1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000) if last / n <= 12), 10_000)
    room = max(1, last * 0.09)
    words = {last: str(last), 0: "start", **{i: str(i) for i in range(every, last, every)}}
    words = {
        i: w
        for i, w in words.items()
        if all(abs(i - m) >= room for m in marks) and (i in (0, last) or last - i >= room * 0.7)
    }
    words |= {i: f"<b>{mark}</b>" for i, mark in marks.items()}
    return "".join(
        f'<span class="tick" style="left:calc(8px + (100% - 16px)*{i / max(last, 1):.4f})">{word}</span>'
        for i, word in sorted(words.items())
    )


def _image(trace: Trace, layout: Layout, index: int) -> str:
    moment, before = trace.moments[index], trace.moments[index - 1].world if index else None
    drawn = picture(moment.world, before, layout=layout, policy=trace.policy, findings=scene.standing(moment))
    data = base64.b64encode(drawn.encode()).decode()
    alt = escape(f"{trace.policy.name}, {'line ' + str(index) if index else 'start'}. The text frame says the same.")
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{alt}">'
