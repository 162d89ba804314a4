"""The questions that a step answers: what a learner may be asked before a line of script is shown.

Nothing is typed by hand: what is true comes from the trace, and so does what is worth asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cowlab.events import TAKERS, Event
from cowlab.fault import COPIED, DONE, FAULT, HIT, OUTCOMES, REFUSED, REUSE, SHARED, SIGSEGV, SKIPPED, SWAPPED
from cowlab.laws import place
from cowlab.scenario import Trace
from cowlab.views import scene
from cowlab.views.scene import NOTHING
from cowlab.views.words import note
from cowlab.world import ZERO_PAGE, World

OUTCOME, PAGE_COUNT, MAPCOUNT, EXCLUSIVE = "outcome", "page_count", "mapcount", "exclusive"
CHOICE, NUMBER, LETTER = "choice", "number", "letter"
OF_A_FRAME = (OUTCOME, PAGE_COUNT, MAPCOUNT, EXCLUSIVE)  # every other question is a reader's name
MOST = 3  # questions that a line and policy get if nobody has chosen others

# The outcomes that can be thought of for an event, by what `sort_of` calls it; all others are done.
TOUCH = (HIT, REUSE, COPIED, FAULT)
OUTCOMES_OF: dict[str, tuple[str, ...]] = {
    **{"write": (*TOUCH, SIGSEGV), "read": (HIT, FAULT, SIGSEGV), "fork": (COPIED, SHARED)},
    **dict.fromkeys((*TAKERS, "poke", "vm_write"), (*TOUCH, REFUSED)),
    **dict.fromkeys(("mprotect", "uffd_wp"), (COPIED, REFUSED, SKIPPED, DONE)),
    **{"clear_refs": (COPIED, SKIPPED, DONE), "munmap": (SKIPPED, DONE)},
    **{"madvise": (REFUSED, DONE), "madvise mergeable": (REFUSED, SKIPPED, DONE)},
    **{"madvise pageout": (SWAPPED, REFUSED, SKIPPED, DONE), "swap_out": (SWAPPED, SKIPPED, DONE)},
    **dict.fromkeys(("migrate", "ksm", "hold", "drop"), (SKIPPED, DONE)),
    "reference": (REFUSED, DONE),
}
# Here somebody decides about a page; any other outcome is asked only where policies part.
DECIDED = {"write", "fork", *TAKERS, "poke", "vm_write", "mprotect", "uffd_wp", "clear_refs"}
DECIDED |= {"madvise pageout", "swap_out", "migrate", "ksm"}


class Question(NamedTuple):
    """One question about one line under one policy. what: outcome, page_count, mapcount, exclusive or a reader's name."""

    what: str
    label: str
    kind: str  # choice, number, letter
    choices: tuple[str, ...]
    truth: str


Asked = dict[int, list[list[Question]]]  # line -> for each trace its questions


def questions(traces: Sequence[Trace], ask: Mapping[int, str | Iterable[str]] | None = None) -> Asked:
    """What is asked before each line of these traces of one script.

    ask: the questions of each line, as in `{5: ("outcome", "page_count", "g")}`; lines that are not in it ask nothing.
    None: what is interesting. Raises ValueError if there is no such line, or nothing to be asked there by that name.
    """
    if ask is None:
        return _interesting(traces)
    if not isinstance(ask, Mapping):
        raise ValueError(f"ask goes from lines to questions, as in {{5: ('outcome', 'g')}}; found {ask!r}")
    asked: Asked = {}
    for line, wanted in ask.items():
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        asked[line] = _chosen(traces, line, [name.strip().removesuffix(" @0") for name in names])
    return {line: asked[line] for line in sorted(asked) if any(asked[line])}


def question(trace: Trace, line: int, what: str) -> Question | None:
    """The question of that name; None if that line does not answer it under this policy."""
    if what == OUTCOME:
        choices = OUTCOMES_OF.get(sort_of(trace, line), ())
        choices = tuple(sorted(choices, key=OUTCOMES.index))
        return Question(what, "outcome", CHOICE, choices, trace.moments[line].outcome) if len(choices) > 1 else None
    if what in (PAGE_COUNT, MAPCOUNT):
        return _count(trace, line, what)
    return _exclusive(trace, line) if what == EXCLUSIVE else _reader(trace, line, what)


def can_be_asked(trace: Trace, line: int) -> list[str]:
    """The name of every question that this line answers."""
    names = [*OF_A_FRAME, *_letters(trace, line)]
    return [name for name in names if question(trace, line, name) is not None]


def _chosen(traces: Sequence[Trace], line: int, names: list[str]) -> list[list[Question]]:
    last = len(traces[0].steps)
    if not isinstance(line, int) or not 1 <= line <= last:
        raise ValueError(
            f"there is no line {line!r} to ask about: the script has lines 1 to {last}, comments not counted"
        )
    known = dict.fromkeys(name for trace in traces for name in can_be_asked(trace, line))
    for name in names:
        if name not in known:
            raise ValueError(f"line {line} does not answer {name!r}; it answers {', '.join(known) or 'nothing'}")
    return [[q for name in dict.fromkeys(names) if (q := question(trace, line, name))] for trace in traces]


# --- single questions ------------------------------------------------------------------------------------------------


def sort_of(trace: Trace, line: int) -> str:
    """What sort of event a line is: its verb, with the advice where that matters, or that it is a reference's."""
    before, _, event = _around(trace, line)
    if before.reference(event.actor) is not None:
        return "reference"
    if event.actor == "file":
        return "file"
    advised = f"madvise {event.args[0]}" if event.verb == "madvise" else event.verb
    return advised if advised in OUTCOMES_OF else event.verb


def _count(trace: Trace, line: int, what: str) -> Question | None:
    """page_count or mapcount of the frame that the line is about: the one that was there, or else the one that came."""
    before, after, event = _around(trace, line)
    old, new = concerned(before, event), concerned(after, event)
    number = old or new
    if not number:
        return None
    card = scene.cards(after, trace.policy).get(number)
    label = f"{what} of " + (f"#{number}" if old else f"{subject(event)}'s frame")
    return Question(what, label, NUMBER, (), str(getattr(card, what) if card else 0))


def _exclusive(trace: Trace, line: int) -> Question | None:
    """Whether whoever the line is about has its frame to itself, where the policy looks at that flag."""
    _, after, event = _around(trace, line)
    number = concerned(after, event)
    pill = scene.card(after, number, trace.policy.flag).pill if number else ""
    if pill not in ("exclusive", "maybe shared"):
        return None
    truth = "yes" if pill == "exclusive" else "no"
    return Question(EXCLUSIVE, f"exclusive to {subject(event)}", CHOICE, ("yes", "no"), truth)


def _reader(trace: Trace, line: int, who: str) -> Question | None:
    reading, letter = trace.moments[line].reading, _letters(trace, line).get(who)
    if letter is None:
        return None
    verb = "reads" if reading is not None and reading.who == who else "sees"
    return Question(who, f"{who} {verb}", LETTER, (), letter)


def _letters(trace: Trace, line: int) -> dict[str, str]:
    """Who can look after that line, and the letter that each sees."""
    moment = trace.moments[line]
    found = {place(row.process, row.page): row.sees for row in scene.rows(moment.world)}
    found |= {name: ref.sees for name, ref in scene.refs(moment.world).items()}
    if moment.reading is not None:
        found[moment.reading.who] = moment.reading.value
    return {who: letter for who, letter in found.items() if letter != NOTHING}


def _around(trace: Trace, line: int) -> tuple[World, World, Event]:
    """The Worlds before and after a line, and its event."""
    event = trace.moments[line].event
    assert event is not None
    return trace.moments[line - 1].world, trace.moments[line].world, event


def subject(event: Event) -> str:
    """Whose page or reference the line is about."""
    return event.args[0] if event.actor == "kernel" or event.verb == "vm_write" else event.actor


def concerned(world: World, event: Event) -> int | None:
    """The frame that the event is about in that World, if it is counted."""
    who = subject(event)
    reference, process = world.reference(who), world.process(who)
    if reference is not None:
        return reference.frame or None
    if process is None:
        return None
    pages = dict(process.ptes)
    about = event.pages[:1] or tuple(pages)  # fork, exit and clear_refs are about all pages
    frames = (pages[page].frame for page in about if page in pages)
    return next((number for number in frames if number is not None and number != ZERO_PAGE), None)


# --- what is interesting ---------------------------------------------------------------------------------------------


def _interesting(traces: Sequence[Trace]) -> Asked:
    """For each line what changes, or where the policies part: the same for all policies, as far as each can be asked.

    Where verb and reason were the same before, only what somebody else sees, and where policies part, is asked again.
    """
    asked: Asked = {}
    known: set[tuple[str, ...]] = set()
    for line in range(1, len(traces[0].moments)):
        names = list(dict.fromkeys(name for trace in traces for name in _changed(trace, line)))
        reasons = (sort_of(traces[0], line), *(_why(trace, line) for trace in traces))
        if reasons in known:
            names = [name for name in names if name not in OF_A_FRAME]
        known.add(reasons)
        names += _parting(traces, line)
        found = [_best(trace, line, names) for trace in traces]
        if any(found):
            asked[line] = found
    return asked


def _why(trace: Trace, line: int) -> str:
    return note(trace.moments[line - 1], trace.moments[line], trace.policy)


def _changed(trace: Trace, line: int) -> list[str]:
    """The questions whose answer this line changes."""
    before, after, event = _around(trace, line)
    names = [OUTCOME] if sort_of(trace, line) in DECIDED else []
    storing = event.verb in ("write", "poke", "vm_write")  # that it sees what it stores is no question
    stored = place(subject(event), event.page) if storing else ""
    old, new = _letters(trace, line - 1), _letters(trace, line)
    names += [who for who, letter in new.items() if who in old and old[who] != letter and who != stored]
    number, then, now = concerned(before, event), None, None
    if number:
        then, now = scene.cards(before, trace.policy)[number], scene.cards(after, trace.policy).get(number)
    if then is not None and now is not None:
        names += [what for what in (PAGE_COUNT, MAPCOUNT) if getattr(then, what) != getattr(now, what)]
    mine = concerned(after, event)
    if then is not None and mine and scene.card(after, mine, trace.policy.flag).pill != then.pill:
        names.append(EXCLUSIVE)
    return names


def _parting(traces: Sequence[Trace], line: int) -> list[str]:
    """The questions which these policies answer differently, and did not before."""
    names = [OUTCOME] if len({trace.moments[line].outcome for trace in traces}) > 1 else []
    now, then = ([_letters(trace, at) for trace in traces] for at in (line, line - 1))
    for who in dict.fromkeys(who for letters in now for who in letters):
        apart, before = ({letters[who] for letters in some if who in letters} for some in (now, then))
        if len(apart) > 1 >= len(before):
            names.append(who)
    return names


def _best(trace: Trace, line: int, names: list[str]) -> list[Question]:
    """At most so many: the outcome, who sees what, and of the counts first the one that this policy asks."""
    readers = [name for name in names if name not in OF_A_FRAME]
    ranked = dict.fromkeys((OUTCOME, *readers, trace.policy.asks, PAGE_COUNT, MAPCOUNT, EXCLUSIVE))
    order = [name for name in ranked if name in names]
    if {PAGE_COUNT, MAPCOUNT} <= set(order) and _only_mapped(trace, line):
        order.remove(MAPCOUNT if trace.policy.asks != MAPCOUNT else PAGE_COUNT)
    return [q for name in order if (q := question(trace, line, name))][:MOST]


def _only_mapped(trace: Trace, line: int) -> bool:
    """Whether both counts are the same number, before and after."""
    before, after, event = _around(trace, line)
    number = concerned(before, event)
    shown = [scene.cards(world, trace.policy).get(number) for world in (before, after)] if number else []
    return all(card is None or card.page_count == card.mapcount for card in shown)
