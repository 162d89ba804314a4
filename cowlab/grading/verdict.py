"""A verdict: points with reasons. It says what held, what failed and the script that shows it, never the solution."""

from __future__ import annotations

import math
from textwrap import indent, wrap
from typing import NamedTuple

WIDE = 84


class Part(NamedTuple):
    """One thing that was judged. witness: a script that shows it, to be played under `policy`. states: that were searched."""

    name: str
    points: float
    max: float
    says: str
    witness: str = ""
    policy: str = ""
    states: int = 0

    @property
    def held(self) -> bool:
        return self.points >= self.max


class Verdict(NamedTuple):
    """What was judged of one task. open: nothing was answered yet, and `says` tells what to do."""

    task: str
    max: float
    parts: tuple[Part, ...] = ()
    says: str = ""
    open: bool = False

    @property
    def points(self) -> float:
        """Rounded down to halves: a mark must be a number that one can add up in one's head."""
        return halves(sum(part.points for part in self.parts))

    @property
    def reason(self) -> str:
        """The first thing that fell short, in one line; "" if nothing did."""
        if self.says:
            return self.says
        return next((f"{part.name}: {part.says}" for part in self.parts if not part.held), "")

    @property
    def witness(self) -> tuple[str, str]:
        """The first script that shows what failed, and the policy to play it under; two empty texts without one."""
        return next(((p.witness, p.policy) for p in self.parts if p.witness and not p.held), ("", ""))

    def text(self) -> str:
        """What a learner reads below the cell."""
        lines = [f"{self.task}: {_number(self.points)} of {_number(self.max)} points"]
        if self.open:
            lines = [f"{self.task}: not answered yet ({_number(self.max)} points)"]
        lines += [f"  {line}" for told in self.says.splitlines() for line in folded(told)]
        for part in self.parts:
            mark = "✓" if part.held else "✗" if part.points <= 0 else "◐"
            said = f"{mark} {part.name}: {part.says}"
            lines += wrap(said, WIDE, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
        script, policy = self.witness
        if script:
            under = f" (under {policy})" if policy else ""
            lines += [f"  What shows it{under}; check.show() steps through it:", indent(script.rstrip(), "      ")]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def folded(line: str) -> list[str]:
    """A line of prose in lines that fit; one that is indented (a script's) stays as it is."""
    return [line] if line.startswith(" ") else wrap(line, WIDE)


def halves(points: float) -> float:
    return math.floor(points * 2 + 1e-9) / 2


def _number(points: float) -> str:
    return f"{points:g}"
