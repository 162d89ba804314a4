"""The shortest script that breaks a law, as something to look at: played where it breaks, and where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cowlab.events import format as format_event
from cowlab.laws import Finding
from cowlab.policy import Policy
from cowlab.scenario import Moment, Trace, play, read_scenario
from cowlab.views import words
from cowlab.views.compare import first_difference
from cowlab.views.stepper import Stepper


class Witness(NamedTuple):
    """trace: the script under the policy that breaks the law. beside: under one that keeps the law there, if any."""

    law: str
    trace: Trace
    beside: Trace | None

    def stepper(self) -> Stepper:
        """Both side by side, at the line where the law breaks."""
        others = () if self.beside is None else (self.beside,)
        return Stepper(self.trace, *others, start=self.breaks_at)

    @property
    def breaks_at(self) -> int:
        """The index of the first moment that breaks the law."""
        return next(index for index, moment in enumerate(self.trace.moments) if breaks(moment, self.law))

    @property
    def lines(self) -> list[str]:
        """The script, a numbered line an event; where the law breaks the line says how."""
        events = [format_event(event) for event in self.trace.scenario.events]
        wide, digits = max(map(len, events)), len(str(len(events)))
        shown = [f"{number:>{digits}}  {event}" for number, event in enumerate(events, 1)]
        at = self.breaks_at
        shown[at - 1] = f"{at:>{digits}}  {events[at - 1]:<{wide}}   ✗ {self._wrong(self.trace.moments[at])}"
        return shown

    def _wrong(self, moment: Moment) -> str:
        found = next((finding for finding in moment.new if _is(finding, self.law)), None)
        if found is None:
            return "a copy that no reader needed"
        if found.saw is not None and found.should is not None:
            return f"{found.who} sees {found.saw.letter} and ought to see {found.should.letter}"
        return words.finding(found, moment.world)


def witness(law: str, script: str, policy: Policy, others: Iterable[Policy]) -> Witness:
    """Play a script that breaks a law under this policy.

    Beside it stands the nearest in time of the others that keeps the law in this script and behaves differently; of
    two that are as near, the later one.
    """
    scenario = read_scenario(script, f"{policy.name}-{law}")
    trace, since = play(scenario, policy), _month(policy)
    for other in sorted(others, key=lambda other: (abs(_month(other) - since), -_month(other))):
        beside = play(scenario, other)
        if not any(breaks(moment, law) for moment in beside.moments) and first_difference((trace, beside)) is not None:
            return Witness(law, trace, beside)
    return Witness(law, trace, None)


def breaks(moment: Moment, law: str) -> bool:
    """Whether this step breaks that law."""
    return moment.needless > 0 if law == "economy" else any(_is(finding, law) for finding in moment.new)


def _is(finding: Finding, law: str) -> bool:
    return finding.broken and finding.law == law


def _month(policy: Policy) -> int:
    """Months since the year 0; a row of one's own need not have a date."""
    since = re.match(r"(\d{4})-(\d\d)", policy.since)
    return int(since[1]) * 12 + int(since[2]) if since else 0
