"""A run on this kernel beside policies of the simulator, in one Stepper: what was observed, and what the policies say."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from html import escape
from typing import Any

from cowlab.events import format as format_event
from cowlab.live.drive import Run
from cowlab.live.drive import run as run_here
from cowlab.live.parted import Parted
from cowlab.live.references import Skip
from cowlab.live.said import CANNOT, Said, said
from cowlab.live.sights import AWAY, NO_LETTER, Held, Sight, Sights
from cowlab.policy import Policy
from cowlab.scenario import Scenario, Trace, play
from cowlab.views import Stepper, placed
from cowlab.views.mount import notice
from cowlab.views.side import Side
from cowlab.views.text import broken, table

NAME = "this kernel"
SLOTS = 6  # frames that each have a column of their own; with more of them, only their labels are shown
HUES = 6  # colours of frames; then they begin again
NOT_RUN = "Not run on this kernel:"
SAME, DIFFERS = "✓", "≠"
MARKS = {
    True: f'<b class="cow-mark okt" title="this kernel showed the same">{SAME}</b>',
    False: f'<b class="cow-mark not" title="this kernel showed something else">{DIFFERS}</b>',
    None: '<b class="cow-mark" title="nothing to compare"></b>',
}
KEY = (
    f'<p class="keys"><span><b class="okt">{SAME}</b> this kernel showed the same</span>'
    f"<span><b>{DIFFERS}</b> it showed something else</span><span>no mark: nothing to compare</span></p>"
)
HIDDEN = "Frames are hidden: their numbers need root."


class Beside(Stepper):
    """A Stepper whose first side is a run on this kernel. ✓ and ≠ say line by line whether it showed what a policy says.

    kernel: its release as uname says; by default this machine's. The rest as for a Stepper.
    Raises ValueError if they are not of one script, or there is no such place.
    """

    sheets = ("beside",)

    def __init__(self, run: Run, trace: Trace, *more_traces: Trace, kernel: str = "", **options: Any) -> None:
        super().__init__(trace, *more_traces, **options)
        self.parted = [Parted(run, one) for one in self.traces]
        self.kernel = KernelSide(run, self.parted, kernel or platform.release())
        self.part = min((one.first for one in self.parted if one.first is not None), default=None)

    @classmethod
    def of(cls, scenario: Scenario | str, *policies: Policy | str, start: int | str = 0, **options: Any) -> Stepper:
        """Run it now, beside these policies, by default v6.5. Where it cannot be run: the policies alone, and why.

        scenario: one of the atlas by its name, a place in it (`leak@5`), a Scenario, or the text of a script.
        """
        scenario, start = placed(scenario, start)
        traces = [play(scenario, policy) for policy in policies or ("v6.5",)]
        try:
            return cls(run_here(scenario), *traces, start=start, **options)
        except Skip as skip:
            return Alone(str(skip), *traces, start=start, **options)

    @property
    def sides(self) -> list[Side]:
        return [self.kernel, *self.policies]

    def cells(self, index: int) -> list[str]:
        told = zip(self.parted, super().cells(index), strict=True)
        return [self.kernel.cell(index), *(MARKS[one.marks[index]] + cell for one, cell in told)]

    def _controls(self) -> str:
        return super()._controls() + KEY

    def text_at(self, index: int) -> str:
        return "\n".join([*self.kernel.lines(index), "", super().text_at(index)])


class Alone(Stepper):
    """Policies beside a kernel on which their script could not be run. why: not."""

    sheets = ("beside",)

    def __init__(self, why: str, *traces: Trace, **options: Any) -> None:
        super().__init__(*traces, **options)
        self.why = f"{why.rstrip('.')}. What the simulator says is shown alone."

    def _live(self, *parts: Any) -> str:
        return f'<p class="cow-why" role="note"><b>{NOT_RUN}</b> {escape(self.why)}</p>{super()._live(*parts)}'

    def still(self) -> str:
        return notice(f"{NOT_RUN} {self.why}") + super().still()

    def text(self) -> str:
        return f"{NOT_RUN} {self.why}\n\n{super().text()}"


class KernelSide(Side):
    """What was observed. parted: the same run beside each policy. kernel: the release."""

    name = NAME

    def __init__(self, run: Run, parted: Iterable[Parted], kernel: str) -> None:
        self.run, self.parted, self.kernel = run, list(parted), kernel
        self.sights = Sights(run)

    @cached_property
    def told(self) -> list[Said]:
        return [said(self.sights, n) for n in range(len(self.run.moments))]

    @property
    def last(self) -> int:
        return self.sights.last

    @property
    def observed(self) -> str:
        """observed on Linux X.Y.Z"""
        found = re.match(r"\d+\.\d+(\.\d+)?", self.kernel)
        return f"observed on Linux {found[0] if found else self.kernel}"

    # --- the page ----------------------------------------------------------------------------------------------------

    def cell(self, index: int) -> str:
        told = self.told[index]
        letter = f' <b class="mono">{escape(told.letter)}</b>' if told.letter else ""
        return f'<b>{escape(told.outcome)}</b> <span class="why">{escape(told.note)}{letter}</span>'

    def places(self, index: int) -> list[str]:
        """Verdict, sentence, a card for each page and each reference, and what stands below."""
        told, last = self.told[index], max(index - 1, 0)
        outcome = f"<b>{escape(told.outcome)}</b>. " if told.outcome else ""
        before, now = self.sights.pages(last), self.sights.pages(index)
        pages = [self._page(old, new) for old, new in zip(before, now, strict=True)]
        held = [_held(one) for one in self.sights.references(index)]
        return [self._badges(index), outcome + escape(told.sentence), *pages, *held, self._below(index)]

    def section(self, places: int) -> str:
        """At each place a card, which never moves; a column for each frame, so that what is shared stands on one another."""
        count = len(self.sights.places)
        cards = [f'<div class="cow-sight" data-p="{k}"></div>' for k in range(2, places - 1)]
        pages = _group("PAGES", "what is seen there, and in which frame", cards[:count])
        refs = _group("REFERENCES", "what they show when they are read", cards[count:])
        return (
            f'<section class="w cow-kernel" aria-label="{NAME}"><header><h2 class="cow-name">{NAME}</h2>'
            f'<span class="rule" title="{escape(self.kernel)}">{escape(self.observed)}</span>'
            f'<span class="cow-badges" data-p="0"></span></header><p class="said" data-p="1"></p>'
            f'<div class="cow-seen">{pages}{refs}</div><div data-p="{places - 1}"></div></section>'
        )

    def _badges(self, index: int) -> str:
        """Of each policy whether it is still equal."""
        found = ""
        for one in self.parted:
            name, parted = escape(one.policy), one.first is not None and one.first <= index
            so_far = "" if index == self.last else " so far"
            words = f"≠ {name} since line {one.first}" if parted else f"✓ like {name}{so_far}"
            found += f'<span class="verdict {"mild" if parted else "ok"}">{words}</span>'
        return found

    def _page(self, old: Sight, new: Sight) -> str:
        """One page: what is seen, the frame at its own column, and what else the kernel says of it."""
        left = old.label if old.label != new.label and new.label else 0
        was = old.letter if NO_LETTER not in (old.letter, new.letter) and old.letter != new.letter else ""
        plate = _plate(new.letter, was) if not new.words else ""
        facts = [escape(fact) if fact in old.facts or old.words else _news(fact) for fact in new.facts]
        facts += [_was(f"was #{left}")] if left and not self._columns else []
        return (
            f'<b class="name">{escape(new.who)} <span class="mono">@{new.page}</span></b><span class="seen">{plate}</span>'
            f'<span class="in">{self._frame(new, left, old.words != new.words)}</span><span class="facts">{", ".join(facts)}</span>'
        )

    @property
    def _columns(self) -> range:
        """The labels that have a column of their own: none, if they are too many."""
        return range(1, len(self.sights.labels) + 1) if len(self.sights.labels) <= SLOTS else range(0)

    def _frame(self, one: Sight, left: int, new: bool) -> str:
        """The frame in its column. left: the one that it was in before this line. new: whether it is there since now."""
        if one.words:
            return _none(one.words, new)
        if not one.label:
            return '<span class="cow-frame hidden">frame hidden</span>'
        slots = dict.fromkeys(self._columns, '<i class="slot"></i>')
        if left in slots:
            slots[left] = f'<i class="slot">{_was("was")}</i>'
        return "".join((slots | {one.label: _chip(one, new or left > 0)}).values())

    def _below(self, index: int) -> str:
        """What was read at the end, since when a policy differs, and what no program can see."""
        ends = "".join(f"<li><b>{escape(who)}</b> {_box(letter)}</li>" for who, letter in self._ends(index))
        read = f'<ul class="readers" aria-label="Read at the end"><li class="lab">READ AT THE END</li>{ends}</ul>'
        lines = [
            f'<p class="law"><b>≠ {escape(one.policy)}</b> {escape(words)}.</p>'
            for one in self.parted
            if (words := one.since(index))
        ]
        root = f'<p class="law">{escape(HIDDEN)}</p>' if self.sights.hidden else ""
        return f'{read if ends else ""}{"".join(lines)}{root}<p class="law">{escape(CANNOT)}</p>'

    def _ends(self, index: int) -> Iterator[tuple[str, str]]:
        """Who showed what when all was done and each was read."""
        for (who, page), letter in self.run.ends.items() if index == self.last else ():
            several = any(name == who and number for name, number in self.sights.places)
            yield f"{who} @{page}" if several else who, letter if len(letter) == 1 else NO_LETTER

    # --- in words ----------------------------------------------------------------------------------------------------

    def lines(self, index: int) -> list[str]:
        blocks = [
            [self._head(index)],
            broken([self.told[index].sentence]),
            self._page_lines(index),
            self._reference_lines(index),
            self._ending_lines(index),
            [CANNOT, *([HIDDEN] if self.sights.hidden else [])],
        ]
        if index:
            blocks.append(["changed", *broken(f"  {line}" for line in self.sights.changes(index) or ["nothing"])])
        return [line for block in blocks if block for line in ("", *block)][1:]

    def _head(self, index: int) -> str:
        moment = self.run.moments[index]
        if moment.event is None:
            return f"{NAME}, {self.observed}  start"
        return f"{NAME}, {self.observed}  line {index} of {self.last}  {format_event(moment.event)}  ->  {self.told[index].outcome}"

    def _page_lines(self, index: int) -> list[str]:
        rows = []
        for one in self.sights.pages(index):
            letter = "-" if one.letter == NO_LETTER else one.letter
            rows.append([one.who, f"@{one.page}", letter, one.frame, ", ".join(one.facts) or "-"])
        return table(("process", "page", "shows", "frame", "said of it"), rows)

    def _reference_lines(self, index: int) -> list[str]:
        rows = [
            [one.name, one.holder, "-" if one.letter == NO_LETTER else one.letter, one.read]
            for one in self.sights.references(index)
        ]
        return table(("reference", "holder", "shows", "when"), rows)

    def _ending_lines(self, index: int) -> list[str]:
        marks = {True: "the same", False: "differs", None: "nothing to compare"}
        found = [f"beside {one.policy}: {marks[one.marks[index]]}" for one in self.parted] if index else []
        found += [f"{one.policy} differs {words}" for one in self.parted if (words := one.since(index))]
        ends = ", ".join(f"{who} {letter}" for who, letter in self._ends(index))
        return [*broken(found), *([f"read at the end: {ends}"] if ends else [])]


def _group(name: str, about: str, cards: list[str]) -> str:
    if not cards:
        return ""
    return f'<div class="group"><p class="lab">{name}</p><p class="about">{about}</p><div class="cards">{"".join(cards)}</div></div>'


def _plate(letter: str, was: str = "", new: bool = False) -> str:
    """The letter that is seen; amber if this line changed it, and what it was."""
    cls = " no" if letter == NO_LETTER else " mk" if was or new else ""
    return f'<span class="pl big{cls}">{escape(letter)}</span>{_was(f"was {was}") if was else ""}'


def _was(words: str) -> str:
    return f'<i class="was">{escape(words)}</i>'


def _box(letter: str) -> str:
    return f'<span class="pl">{escape(letter)}</span>'


def _none(words: str, new: bool = False) -> str:
    """What is said where no frame can be named."""
    return f'<span class="none{" away" if words in AWAY else " mk" if new else ""}">{escape(words)}</span>'


def _chip(one: Sight, new: bool) -> str:
    hue = (one.label - 1) % HUES + 1
    title = f"frame {one.number} of this machine"
    return f'<span class="cow-frame h{hue}{" mk" if new else ""}" title="{title}">#{one.label}</span>'


def _news(fact: str) -> str:
    return f'<span class="mk">{escape(fact)}</span>'


def _held(one: Held) -> str:
    return (
        f'<b class="name">{escape(one.name)}</b><span class="seen">{_plate(one.letter, new=one.new)}</span>'
        f'<span class="in">{_none(one.read)}</span><span class="facts">{escape(one.holder)}</span>'
    )
