"""What happened, in words: the event, the fact that decided, who gets what. Present tense, at most 80 characters.

sentence   for the panel above a picture
note       the why in five words or so, for a table
changes    what differs between two Worlds
finding    what is wrong
"""

from __future__ import annotations

from collections.abc import Callable

from cowlab.laws import Finding
from cowlab.policy import Policy
from cowlab.scenario import Moment
from cowlab.views import scene
from cowlab.views.scene import STATES, Row
from cowlab.views.words import background, calls, faults, references
from cowlab.views.words.telling import Said, Telling, within
from cowlab.world import World, maybe_dma_pinned


def sentence(before: Moment | None, moment: Moment, policy: Policy) -> str:
    """What the event of that moment did, and why. before: the moment before; None at the start."""
    return said(before, moment, policy).sentence


def note(before: Moment | None, moment: Moment, policy: Policy) -> str:
    """The same in about five words."""
    return said(before, moment, policy).note


def said(before: Moment | None, moment: Moment, policy: Policy) -> Said:
    if before is None or moment.event is None:
        return Said("Nothing has happened: P maps one page, never touched.", "")
    step = Telling(before.world, moment, policy)
    kind = (
        "kernel" if step.who in ("kernel", "file") else "reference" if before.world.reference(step.who) else "process"
    )
    told = VERBS[kind, step.event.verb](step)
    return Said(within(told.sentence), told.note)


VERBS: dict[tuple[str, str], Callable[[Telling], Said]] = {
    **faults.VERBS,
    **references.VERBS,
    **calls.VERBS,
    **background.VERBS,
}


def changes(before: World, after: World, policy: Policy | None = None) -> list[str]:
    """What differs, a line each."""
    found = []
    old_rows = {(row.process, row.page): row for row in scene.rows(before, policy)}
    new_rows = {(row.process, row.page): row for row in scene.rows(after, policy)}
    known = {process.name for process in before.processes}
    alive = {process.name for process in after.processes}
    found += [f"{name} is new" for name in alive - known]
    found += [f"{name} is gone" for name in known - alive]
    found.sort()
    for key, row in new_rows.items():
        if row.process in known:
            found += _row_changes(row, old_rows.get(key))
    pinned = {process.name for process in before.processes if process.has_pinned}
    found += [f"{p.name} has pinned" for p in after.processes if p.has_pinned and p.name not in pinned]
    return found + _frame_changes(before, after, policy) + _other_changes(before, after)


def _row_changes(row: Row, old: Row | None) -> list[str]:
    where = f"{row.process} @{row.page}"
    if old is None:
        return [f"{where} is new"]
    found = []
    if (old.state, old.end) != (row.state, row.end):
        found.append(f"{where} is {entry(row)} (was {entry(old)})")
    now, then = (
        [tag.words + (f" in #{tag.rest}" if tag.rest else "") for tag in r.tags if not tag.bad] for r in (row, old)
    )
    found += [f"{where}: {words}" for words in now if words not in then]
    found += [f"{where}: no longer {words}" for words in then if words not in now]
    return found


def entry(row: Row) -> str:
    end = row.end
    return STATES[row.state] + ("" if end is None else f" #{end}" if isinstance(end, int) else f" {end}")


def _frame_changes(before: World, after: World, policy: Policy | None) -> list[str]:
    found = []
    old, new = scene.cards(before, policy), scene.cards(after, policy)
    for number, card in new.items():
        was = old.get(number)
        if was is None:
            found.append(f"#{number} is new")
            continue
        if was.holds != card.holds:
            found.append(f"#{number} holds {card.holds} (was {was.holds})")
        if (was.parts, was.lru) != (card.parts, card.lru) and card.counted:
            found.append(f"#{number} page_count is {scene.sum_words(card)} (was {scene.sum_words(was)})")
        if was.kind != card.kind:
            found.append(f"#{number} is {card.kind} (was {was.kind})")
        if was.pill != card.pill:
            found.append(f"#{number} is {card.pill or 'unmarked'} (was {was.pill or 'unmarked'})")
        if card.freed and not was.freed:
            found.append(f"#{number} is freed in use")
    return found + [f"#{number} is free" for number in old if number not in new and number]


def _other_changes(before: World, after: World) -> list[str]:
    old, new = scene.slots(before), scene.slots(after)
    found = [f"slot {name} is new" for name in new if name not in old]
    found += [f"slot {name} is free" for name in old if name not in new]
    was, now = scene.refs(before), scene.refs(after)
    found += [f"{name} is {'refused' if ref.dead else 'new'}" for name, ref in now.items() if name not in was]
    found += [f"{name} is gone" for name in was if name not in now]
    if before.counter != after.counter and after.counter is not None:
        found.append(f"page_count has {after.counter.bits} bits, a pin counts {after.counter.bias}")
    return found


def finding(found: Finding, world: World) -> str:
    """What is wrong, without law and line."""
    who = found.who
    reference = world.reference(who)
    owner = reference.owner if reference is not None else "it"
    saw = found.saw.letter if found.saw else ""
    if found.kind == "leak":
        return f"{who} sees {saw}, a store of {found.saw.by if found.saw else ''} that {owner} never had"
    if found.kind == "dma-leak":
        return f"{who} sees {saw}, stored by the device behind {found.saw.by if found.saw else ''}, which {owner} never had"
    if found.law == "coherence":
        should = found.should.letter if found.should else ""
        return f"{who} sees {saw}, an older value: {should} was {'' if found.broken else 'not '}promised"
    if found.kind == "refused":
        return f"mprotect of {who} fails, and ought not to"
    if found.kind == "unprotected":
        return f"{who} stores {saw} although its mapping is not writable"
    return _accounting(found, world)


def _accounting(found: Finding, world: World) -> str:
    reference = world.reference(found.who)
    if reference is not None and reference.frame is not None and not world.frame(reference.frame).freed:
        pinned = maybe_dma_pinned(world, reference.frame)
        return f"{found.who} pins #{reference.frame}, which " + (
            "is not exclusive" if pinned else "does not look pinned"
        )
    return f"a frame counts as free while {found.who} still uses it"
