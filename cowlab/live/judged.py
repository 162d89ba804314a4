"""The laws, judged over what a real kernel showed: the same findings as the simulator's, from letters instead of stores."""

from __future__ import annotations

from collections.abc import Iterator

from cowlab.ideal import Cell
from cowlab.laws import Finding, Reader, look, place, verdict
from cowlab.live.drive import Run
from cowlab.live.observe import line
from cowlab.live.ran import Ran
from cowlab.live.watched import another_byte
from cowlab.policy import POLICIES
from cowlab.scenario import Reading, Trace, play
from cowlab.world import Store


def likest(run: Run) -> Trace:
    """The trace of the policy that shows most of what this kernel showed: its ideal remembers what is still seen somewhere."""
    here, lines = Ran(run), [line(moment.line) for moment in run.moments[1:]]
    shown = [observe(here) for observe in lines]
    traces = [play(run.scenario, policy) for policy in reversed(POLICIES)]
    return max(traces, key=lambda trace: sum(one(trace) == said for one, said in zip(lines, shown, strict=True)))


def findings(run: Run, beside: Trace | None = None) -> list[tuple[int, Finding]]:
    """What is wrong on this kernel, each with its line; once for each reader and letter. beside: the likest, if it is known."""
    ideal = beside or likest(run)
    found: dict[tuple[object, ...], tuple[int, Finding]] = {}
    for n, moment in enumerate(run.moments):
        for reader in _readers(run, ideal, n):
            if (finding := look(reader)) is not None:
                found.setdefault(finding.key, (moment.line, finding))
        for finding in _protection(run, ideal, n):
            found.setdefault(finding.key, (moment.line, finding))
    return list(found.values())


def verdict_of(run: Run, beside: Trace | None = None) -> str:
    return verdict([finding.kind for _, finding in findings(run, beside)])


def readings(run: Run, beside: Trace | None = None) -> list[Reading]:
    """Each `read` of the script, and what the ideal says."""
    wanted = {reading.line: reading for reading in (beside or likest(run)).readings}
    return [
        wanted[moment.line]._replace(value=moment.value)
        for moment in run.moments
        if moment.value is not None and moment.line in wanted
    ]


def _readers(run: Run, trace: Trace, n: int) -> Iterator[Reader]:
    """Who showed what at that moment."""
    ideal, event = trace.moments[n].ideal, run.moments[n].event
    shown = {at: seen.value for at, seen in run.moments[n].looks.items()}
    if any(another_byte(run.scenario.name, one) for one in run.scenario.events):
        shown = {}  # a store that went to another byte than the one that is looked at
    if event is not None and event.verb == "read":
        shown[(event.actor, event.page)] = run.moments[n].value
    if n == len(run.moments) - 1:
        shown |= {at: letter for at, letter in run.ends.items() if at[0] != "file"}
    for (who, page), letter in shown.items():
        contract, number = ideal.contract(who), ideal.cell_at(who, page)
        if len(letter or "") != 1 or (contract is None and number is None):
            continue
        cell = ideal.cell(contract.cell if contract is not None else number or 0)
        yield Reader(place(who, page), _store(letter or "", cell, trace), cell, contract is None or contract.holds)


def _store(letter: str, cell: Cell, trace: Trace) -> Store:
    """Whose store that letter is: of the cell that is read, if it ever held it, else of anybody's."""
    stores = [cell.now, *(old.store for old in reversed(cell.past))]
    stores += [one.now for moment in reversed(trace.moments) for _, one in moment.ideal.cells]
    return next((store for store in stores if store.letter == letter), Store(letter, (-2,), "nobody"))


def _protection(run: Run, trace: Trace, n: int) -> Iterator[Finding]:
    event, outcome = run.moments[n].event, run.moments[n].outcome
    pte = trace.moments[n - 1].world.pte(event.actor, event.page) if event and event.pages else None
    if event is None or pte is None or pte.vma is None:
        return
    who = place(event.actor, event.page)
    if event.verb == "mprotect" and outcome == "refused":
        yield Finding("protection", "refused", who)
    if event.verb == "write" and outcome != "sigsegv" and pte.vma.prot != "rw":
        yield Finding("protection", "unprotected", who, Store(event.args[0], (-3,), event.actor))
