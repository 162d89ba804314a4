"""A run on a kernel as an observer asks about it: made by hand, so that every kernel's answers can be given."""

from __future__ import annotations

import pytest
from onkernel import script

from cowlab.live import observe
from cowlab.live.drive import Look, Moment, Run
from cowlab.live.observe import Observer
from cowlab.live.ran import Ran
from cowlab.live.watched import END

HERE = Look(True, frame=7, mapcount=1, once=True, flags=["anon"], value="A")
GONE = Look(False, swapped=True)
HIDDEN = Look()
Looks = dict[tuple[str, int], Look]
P0, P1, C0 = ("P", 0), ("P", 1), ("C", 0)


def made(text: str, *looks: Looks, ends: dict[tuple[str, int], str] | None = None, **of: tuple[object, ...]) -> Ran:
    """A run; looks: after the start and each line. of: other fields of a moment, for each line."""
    events = script(text).events
    moments = [Moment(0, None, looks=looks[0])]
    for n, event in enumerate(events):
        more = {name: values[n] for name, values in of.items()}
        moments.append(Moment(n + 1, event, looks=looks[n + 1])._replace(**more))
    return Ran(Run(script(text), tuple(moments), ends or {}))


ONE = "P: write B"
ANSWERS: list[tuple[str, Observer, Ran]] = [
    ("same", observe.frame("P", 0), made(ONE, {P0: HERE}, {P0: HERE})),
    ("moved", observe.frame("P", 0), made(ONE, {P0: HERE}, {P0: HERE._replace(frame=8)})),
    ("?", observe.frame("P", 0), made(ONE, {P0: HERE}, {P0: HERE._replace(frame=None)})),
    ("?", observe.frame("P", 0), made(ONE, {P0: HIDDEN}, {P0: HERE})),
    ("same", observe.frame("C", 0), made("P: fork C", {P0: HERE}, {P0: HERE, C0: HERE})),
    ("moved", observe.frame("C", 0), made("P: fork C", {P0: HERE}, {P0: HERE, C0: HERE._replace(frame=8)})),
    ("moved", observe.line(1), made(ONE, {P0: HERE}, {P0: HERE._replace(frame=8)})),
    ("same", observe.line(1), made(ONE, {P0: HERE}, {P0: HERE})),
    ("SIGSEGV", observe.line(1), made(ONE, {P0: HERE}, {P0: HERE}, outcome=("sigsegv",))),
    ("SIGSEGV", observe.line(2), made(f"P: munmap; {ONE}", {P0: HERE}, {}, {}, outcome=("done", "sigsegv"))),
    ("?", observe.line(2), made(f"P: mmap file; {ONE}", {}, {P0: HERE}, {P0: HERE._replace(frame=8)})),
    ("A", observe.line(1), made("P: read", {P0: HERE}, {P0: HERE}, value=("A",))),
    ("A", observe.line(1), made("P: read", {P0: HERE}, {P0: HERE}, value=("F",))),
    ("err11", observe.line(1), made("P: read", {P0: HERE}, {P0: HERE}, outcome=("sigsegv",))),
    ("0", observe.line(1), made("P: mprotect r", {P0: HERE}, {P0: HERE})),
    ("-13", observe.line(1), made("P: mprotect r", {P0: HERE}, {P0: HERE}, errno=(13,), outcome=("refused",))),
    ("0", observe.line(2), made("P: vmsplice g; g: put", {P0: HERE}, {P0: HERE}, {P0: HERE})),
    # a process that has the name of a reference that is no more, and the other way round
    (
        "SIGSEGV",
        observe.line(4),
        made("P: vmsplice g; g: put; P: fork g; g: write B", *[{}] * 5, outcome=("done",) * 3 + ("sigsegv",)),
    ),
    ("0", observe.line(4), made("P: fork g; g: exit; P: register g; g: write B", *[{}] * 5)),
    ("A", observe.sees("P", 0), made(ONE, {P0: HERE}, {P0: HERE})),
    ("B", observe.sees("P"), made(ONE, {P0: HERE}, {P0: HIDDEN}, ends={P0: "B"})),
    ("?", observe.sees("P", 0), made(ONE, {P0: HIDDEN}, {P0: HERE})),
    ("err11", observe.sees("g"), made(ONE, {P0: HERE}, {P0: HERE})),
    ("1", observe.mappings("P"), made(ONE, {}, {P0: HERE})),
    ("?", observe.mappings("P"), made(ONE, {}, {P0: HIDDEN})),
    ("1", observe.mapped_once("P"), made(ONE, {}, {P0: HERE})),
    ("0", observe.mapped_once("P"), made(ONE, {}, {P0: HERE._replace(once=False)})),
    ("?", observe.mapped_once("P"), made(ONE, {}, {P0: GONE})),
    ("1", observe.swap_entry("P", END), made(ONE, {}, {P0: GONE})),
    ("0", observe.swap_entry("P", END), made(ONE, {}, {P0: HERE})),
    ("?", observe.swap_entry("P", END), made(ONE, {}, {P0: HIDDEN})),
    ("1", observe.zero_page("P", END), made(ONE, {}, {P0: HERE._replace(flags=["zero"])})),
    ("0", observe.zero_page("P", END), made(ONE, {}, {P0: HERE})),
    ("?", observe.zero_page("P", END), made(ONE, {}, {P0: HIDDEN})),
    ("0->1", observe.soft_dirty_change("P", 1), made(ONE, {P0: HERE}, {P0: HERE._replace(soft_dirty=True)})),
    ("?->0", observe.soft_dirty_change("P", 1), made(ONE, {P0: HIDDEN}, {P0: HERE})),
]
KSM = "kernel: ksm P P @1"
OTHER = HERE._replace(frame=8)
ANSWERS += [
    ("1", observe.merged(KSM), made(KSM, {P0: HERE, P1: OTHER}, {P0: OTHER, P1: OTHER})),
    ("0", observe.merged(KSM), made(KSM, {P0: HERE, P1: OTHER}, {P0: HERE, P1: OTHER})),
    ("?", observe.merged(KSM), made(KSM, {P0: HERE, P1: HIDDEN}, {P0: HERE, P1: HERE})),
    ("page2", observe.merged_frame(KSM), made(KSM, {P0: HERE, P1: OTHER}, {P0: OTHER, P1: OTHER})),
    (
        "new",
        observe.merged_frame(KSM),
        made(KSM, {P0: HERE, P1: OTHER}, {P0: HERE._replace(frame=9), P1: HERE._replace(frame=9)}),
    ),
]
PIPE, DEVICE = (
    "P: write A; P: fork C; C: vmsplice g; P: write B",
    "P: write A; P: direct_read g; P: write B; g: write D",
)
NO_LOOKS: tuple[Looks, ...] = ({},) * 5
ANSWERS += [
    ("LEAK", observe.leaks("g"), made(PIPE, *NO_LOOKS, ends={("g", 0): "B"})),
    ("ok", observe.leaks("g"), made(PIPE, *NO_LOOKS, ends={("g", 0): "A"})),
    ("?", observe.leaks("g"), made(PIPE, *NO_LOOKS)),
    ("ok", observe.leaks("g"), made(PIPE.replace("C: vm", "P: vm"), *NO_LOOKS, ends={("g", 0): "B"})),
    ("coherent", observe.coherent("g", "P"), made(PIPE, *NO_LOOKS, ends={("g", 0): "B", P0: "B"})),
    ("stale", observe.coherent("g", "P"), made(PIPE, *NO_LOOKS, ends={("g", 0): "A", P0: "B"})),
    ("stale", observe.coherent("g", "P"), made(PIPE, *NO_LOOKS)),
    ("coherent", observe.arrived("P"), made(DEVICE, *NO_LOOKS, ends={P0: "D"})),
    ("LOST", observe.arrived("P"), made(DEVICE, *NO_LOOKS, ends={P0: "B"})),
    ("LOST", observe.arrived("P"), made(PIPE, *NO_LOOKS, ends={P0: "B"})),
]


@pytest.mark.parametrize(("answer", "observer", "run"), ANSWERS)
def test_an_observer_gives_each_of_its_answers(answer: str, observer: Observer, run: Ran) -> None:
    assert observer(run) == answer


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(StopIteration):
        made(ONE, {}, {}).position("P: read")
    with pytest.raises(ValueError, match="not in tuple"):
        made(ONE, {}, {}).position(9)


def test_a_child_has_its_parents_page() -> None:
    run = made("P: fork C; C: fork D; C: exit; P: fork C", *[{}] * 5)
    assert [run.forebear(who, 0, 4) for who in "PCD"] == ["P", "P", "P"]
    assert [run.forebear("D", first, 4) for first in range(4)] == ["P", "C", "D", "D"]


def test_a_reference_is_over_when_it_was_put() -> None:
    run = made("P: vmsplice g; g: put; P: read", *[{}] * 4)
    assert [run.over(n, "g") for n in range(4)] == [False, False, True, True]
