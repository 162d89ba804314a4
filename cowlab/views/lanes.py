"""Where lines run: one vertical lane for each end, ordered so that few lines cross."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
NEAR = 6  # px: two lines that run so close look like one
MERGED = 10  # how many crossings are better than that


class Net(NamedTuple):
    """The lines of one lane: the heights at which they come in, and at which they go out."""

    ins: tuple[float, ...]
    outs: tuple[float, ...]

    def spans(self, y: float) -> bool:
        """Whether the vertical part runs through that height."""
        heights = self.ins + self.outs
        return min(heights) < y < max(heights)


def price(left: Net, right: Net) -> int:
    """What it costs if `left` has its lane before `right`: what comes in for right crosses what goes out from left.

    Where both are on one height they would run on one stretch, which is worse than any crossing.
    """
    crossed = sum(map(left.spans, right.ins)) + sum(map(right.spans, left.outs))
    return crossed + MERGED * sum(abs(y - out) < NEAR for y in right.ins for out in left.outs)


def order(nets: dict[K, Net]) -> list[K]:
    """The lanes from the side where lines come in.

    One lane is taken out and put where it crosses least, until nothing improves: swapping pairs gets stuck.
    """
    best = list(nets)
    cost = {(a, b): price(nets[a], nets[b]) for a in nets for b in nets if a != b}
    better = True
    while better:
        better = False
        for lane in list(best):
            here = best.index(lane)
            rest = best[:here] + best[here + 1 :]
            prices = _prices(lane, rest, cost)
            cheapest = min(range(len(prices)), key=prices.__getitem__)
            if prices[cheapest] < prices[here]:
                best = [*rest[:cheapest], lane, *rest[cheapest:]]
                better = True
    return best


def _prices(lane: K, rest: list[K], cost: dict[tuple[K, K], int]) -> list[int]:
    """What `lane` costs at each place among the rest, but for what it costs wherever it is."""
    total = sum(cost[lane, other] for other in rest)
    prices = [total]
    for other in rest:
        total += cost[other, lane] - cost[lane, other]
        prices.append(total)
    return prices


def route(x0: float, y0: float, lane: float, x1: float, y1: float, radius: float = 6) -> str:
    """A path right (or left) to the lane, along it, and on to (x1, y1), with round corners."""
    if abs(y1 - y0) < 1:
        return f"M{x0:g} {y0:g}H{x1:g}"
    down = 1 if y1 > y0 else -1
    radius = min(radius, abs(y1 - y0) / 2, abs(lane - x0))
    first, second = (1 if lane > x0 else -1), (1 if x1 > lane else -1)
    return (
        f"M{x0:g} {y0:g}H{lane - first * radius:g}Q{lane:g} {y0:g} {lane:g} {y0 + down * radius:g}"
        f"V{y1 - down * radius:g}Q{lane:g} {y1:g} {lane + second * radius:g} {y1:g}H{x1:g}"
    )


def stub(x0: float, y0: float, lane: float, y1: float) -> str:
    """As route, but it ends in the lane at the height y1, where it meets others."""
    if abs(y1 - y0) < 1:
        return f"M{x0:g} {y0:g}H{lane:g}"
    radius = min(6, abs(y1 - y0) / 2, abs(lane - x0))
    down = 1 if y1 > y0 else -1
    return f"M{x0:g} {y0:g}H{lane - radius:g}Q{lane:g} {y0:g} {lane:g} {y0 + down * radius:g}V{y1:g}"
