"""Where traces of one script part: the first moment at which somebody who looks can tell them apart."""

from __future__ import annotations

from cowlab.scenario import Moment, Trace
from cowlab.views.scene import cards, refs, rows, slots, standing


def visible(moment: Moment) -> tuple[object, ...]:
    """What can be seen of a moment under every policy: two traces part where this differs."""
    world, found = moment.world, standing(moment)
    entries = [(row.process, row.page, row.same_entry, row.sees) for row in rows(world)]
    return moment.outcome, entries, cards(world), slots(world), refs(world, found), [finding.key for finding in found]


def first_difference(traces: tuple[Trace, ...]) -> int | None:
    """The first index at which traces of one script can be told apart."""
    for index, moments in enumerate(zip(*(trace.moments for trace in traces), strict=True)):
        first, *others = (visible(moment) for moment in moments)
        if any(other != first for other in others):
            return index
    return None
