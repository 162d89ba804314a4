"""Line by line, a run on this kernel beside a policy: whether what was observed of the line is what the policy says.

Compared is what the line said of itself (a letter, the same frame or another, SIGSEGV, done or refused), and what the
pages showed after it: their letters, and which of them share a frame. How often a frame is mapped is not: kernels do not
count all kinds alike.
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations

from cowlab.events import format
from cowlab.live import observe
from cowlab.live.agreement import returned
from cowlab.live.drive import Look, Run
from cowlab.live.ran import Ran
from cowlab.live.record import says_something
from cowlab.live.watched import NO_LOOK, NOTHING, Played
from cowlab.scenario import Trace

Facts = dict[str, tuple[str, str]]  # what is compared -> what this kernel showed, what the policy says
WORDS = {
    "same": "the same frame",
    "moved": "another frame",
    NO_LOOK: "nothing",
    "succeeds": "done",
    "refused": "refused",
}
SIGSEGV = "SIGSEGV"


class Parted:
    """Moments are numbered as in both: 0 is the start. Raises ValueError if they are not of one script."""

    def __init__(self, run: Run, trace: Trace) -> None:
        if [moment.event for moment in run.moments] != [moment.event for moment in trace.moments]:
            raise ValueError(f"{trace.scenario.name} is another script than the {run.scenario.name} that was run")
        self.run, self.policy = run, trace.policy.name
        self.here, self.there = Ran(run), Played(trace)

    @cached_property
    def marks(self) -> list[bool | None]:
        """Of each moment: whether both showed the same; None where that cannot be said."""
        return [None, *(self._mark(n) for n in range(1, len(self.run.moments)))]

    @property
    def first(self) -> int | None:
        """The first line at which they part."""
        return self.marks.index(False) if False in self.marks else None

    def since(self, n: int) -> str:
        """Where they parted, in words; "" if they had not by then."""
        if self.first is None or self.first > n:
            return ""
        found = [*self._lines(self.first), *self._fresh(self.first)]
        return f"since line {self.first}: {'; '.join(found[:2])}"

    # --- one line ----------------------------------------------------------------------------------------------------

    def _mark(self, n: int) -> bool | None:
        own = self._own(n)
        if own is False or self._fresh(n):
            return False
        return True if own or self._news(n) else None

    def _news(self, n: int) -> bool:
        """Whether the pages show something new, and both the same. Letters alone do not tell what became of a frame."""
        shown = self._shown(n)
        frames = any(look.frame is not None for look in self.run.moments[n].looks.values())
        return frames and shown != self._shown(n - 1) and all(here == there for here, there in shown.values())

    def _own(self, n: int) -> bool | None:
        """Whether the line said the same of itself."""
        event = self.run.moments[n].event
        here, there = self._answers(n)
        if SIGSEGV in (here, there):
            return here == there
        if NOTHING in (here, there):
            return None
        if there not in (here, returned(here)):
            return False
        return None if event and not says_something(format(event)) else True

    def _answers(self, n: int) -> tuple[str, str]:
        asked = observe.line(self.run.moments[n].line)
        return asked(self.here), asked(self.there)

    def _lines(self, n: int) -> list[str]:
        """What the line said otherwise."""
        here, there = (WORDS.get(returned(answer), answer) for answer in self._answers(n))
        return [self._both(here, there)] if self._own(n) is False else []

    # --- what the pages showed ---------------------------------------------------------------------------------------

    def _fresh(self, n: int) -> list[str]:
        """What the pages show otherwise since this line."""
        old = self._shown(n - 1) if n else {}
        parted = {what for what, (here, there) in old.items() if here != there}
        return [
            f"{what} {self._both(here, WORDS.get(there, there))}"
            for what, (here, there) in self._shown(n).items()
            if here != there and what not in parted
        ]

    def _both(self, here: str, there: str) -> str:
        return f"{here} on this kernel, {there} under {self.policy}"

    def _shown(self, n: int) -> Facts:
        """Everything that both say of the pages that this kernel had."""
        looks = {place: look for place, look in self.run.moments[n].looks.items() if look.present}
        facts: Facts = {}
        for (who, page), look in looks.items():
            if look.value is not None:
                facts[f"{who} @{page}:"] = self.here.letter(n, who, page), self.there.letter(n, who, page)
        for (one, look), (two, other) in combinations(looks.items(), 2):
            frames = self.there.frame(n, *one), self.there.frame(n, *two)
            if None not in (look.frame, other.frame, *frames):
                what = f"{one[0]} @{one[1]} and {two[0]} @{two[1]}:"
                facts[what] = _shared(_one(look, other)), _shared(frames[0] == frames[1])
        return facts


def _one(look: Look, other: Look) -> bool:
    """Whether they are one frame. A kernel has a zero page of each size, a policy has one."""
    zeros = all("zero" in (each.flags or []) for each in (look, other))
    return zeros or look.frame == other.frame


def _shared(same: bool) -> str:
    return "one frame" if same else "two frames"
