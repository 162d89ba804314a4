"""What was seen of a run after each line, and nothing else: of each page and of each reference, under names that stay.

A frame's label is its place in the order of first sight, #1, #2, ...: equal labels are one frame of the machine. Moments
are numbered as in a Run: 0 is the start.
"""

from __future__ import annotations

import errno
import os
from functools import cached_property
from typing import NamedTuple

from cowlab.events import TAKERS, Event
from cowlab.live.drive import Look, Moment, Run
from cowlab.live.machine import taken_by

Place = tuple[str, int]
FLAGS = {
    "anon": "anon",
    "zero": "the zero page",
    "ksm": "merged by KSM",
    "thp": "THP",
    "hugetlb": "hugetlb",
    "swapcache": "in the swap cache",
}
NO_LETTER = "–"
AWAY = ("not there yet", "has exited", "not taken yet")  # nobody is there to look


class Sight(NamedTuple):
    """A page of a process. words: what there is instead of a page. label: of its frame, 0 where it may not be seen."""

    who: str
    page: int
    words: str = ""
    letter: str = NO_LETTER
    label: int = 0
    number: int | None = None  # of the frame, as the machine counts
    facts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.who} @{self.page}"

    @property
    def frame(self) -> str:
        """In words."""
        return self.words or (f"#{self.label}" if self.label else "frame hidden")


class Held(NamedTuple):
    """A reference, or the file. holder: what took it. read: when the letter was seen, or why there is none."""

    name: str
    holder: str
    letter: str
    read: str
    new: bool  # whether it was seen just now


class Sights:
    """All of a run."""

    def __init__(self, run: Run) -> None:
        self.run, self.last = run, len(run.moments) - 1
        self.dirty = any(event.verb == "clear_refs" for event in run.scenario.events)

    @cached_property
    def places(self) -> list[Place]:
        """Every page that was ever looked at: processes in order of appearance, pages by number."""
        found = dict.fromkeys(place for moment in self.run.moments for place in moment.looks)
        order = list(dict.fromkeys(who for who, _ in found))
        return sorted(found, key=lambda place: (order.index(place[0]), place[1]))

    @cached_property
    def labels(self) -> dict[int, int]:
        """The label of each frame by its number; empty where frames may not be seen."""
        looks = (moment.looks[at] for moment in self.run.moments for at in self.places if at in moment.looks)
        numbers = dict.fromkeys(look.frame for look in looks if look.frame is not None)
        return {number: label for label, number in enumerate(numbers, 1)}

    @property
    def hidden(self) -> bool:
        """Whether pages were there, and their frames could not be seen."""
        return not self.labels and any(look.present for moment in self.run.moments for look in moment.looks.values())

    # --- pages -------------------------------------------------------------------------------------------------------

    def pages(self, n: int) -> list[Sight]:
        return [self.page(n, at) for at in self.places]

    def page(self, n: int, at: Place) -> Sight:
        look = self.run.moments[n].looks.get(at)
        if look is None or not look.present:
            return Sight(*at, self._absent(n, at[0], look))
        label = 0 if look.frame is None else self.labels[look.frame]
        return Sight(*at, "", look.value or NO_LETTER, label, look.frame, tuple(self._facts(look)))

    def _absent(self, n: int, who: str, look: Look | None) -> str:
        if look is not None:
            return "cannot be seen" if look.present is None else "swapped out" if look.swapped else "no page"
        happened = [moment.event for moment in self.run.moments[: n + 1] if moment.event]
        if any(event.verb == "exit" and event.actor == who for event in happened):
            return "has exited"
        born = who == "P" or any(event.verb == "fork" and event.args[0] == who for event in happened)
        return "not mapped" if born else "not there yet"

    def _facts(self, look: Look) -> list[str]:
        """Once is said without root too: then it is a bit, and its absence says only that there is not one mapping."""
        flags = look.flags or []
        if "zero" in flags:  # the kernel does not count who maps it
            return ["the zero page"]
        times = look.mapcount if look.mapcount is not None else 1 if look.once else None
        mapped = (
            "not mapped exactly once" if times is None else "mapped once" if times == 1 else f"mapped {times} times"
        )
        dirty = [f"soft-dirty {int(look.soft_dirty)}"] if self.dirty else []
        return [mapped, *(FLAGS[flag] for flag in flags), *dirty]

    # --- references --------------------------------------------------------------------------------------------------

    @cached_property
    def takes(self) -> list[Moment]:
        """The lines that take a reference, in order."""
        return [one for one in self.run.moments if one.event and one.event.verb in TAKERS]

    def references(self, n: int) -> list[Held]:
        found = [self._reference(n, take) for take in self.takes if take.event]
        if any(one.event and one.event.actor == "file" for one in self.run.moments):
            found.append(Held("file", "what is on the disk", *self._read(n, "file")))
        return found

    def _reference(self, n: int, take: Moment) -> Held:
        event = take.event
        assert event is not None
        name, verb = event.args[0], taken_by(event)
        holder = f"{event.verb} by {event.actor}" + (f", as {verb}" if verb != event.verb else "")
        if self.run.moments.index(take) > n:
            return Held(name, holder, NO_LETTER, "not taken yet", False)
        if take.outcome != "done":
            return Held(name, holder, NO_LETTER, f"refused, {errno_name(take.errno)}", False)
        letter, read, new = self._read(n, name)
        put = any(did(one.event, name, "put") for one in self.run.moments[: n + 1])
        return Held(name, holder, letter, f"{read}, given up" if put else read, new)

    def _read(self, n: int, name: str) -> tuple[str, str, bool]:
        """The letter that was read last, when that was, and whether it is the news of this moment."""
        read = [k for k, one in enumerate(self.run.moments[: n + 1]) if did(one.event, name, "read") and one.value]
        if read and read[-1] == n:
            return self.run.moments[n].value or NO_LETTER, "read now", True
        if n == self.last and len(self.run.ends.get((name, 0), "")) == 1:
            return self.run.ends[name, 0], "read at the end", True
        if read:
            return self.run.moments[read[-1]].value or NO_LETTER, f"read at line {read[-1]}", False
        return NO_LETTER, "not read yet", False

    # --- what a line changed -----------------------------------------------------------------------------------------

    def changes(self, n: int) -> list[str]:
        """What is seen otherwise than before that line, a sentence each."""
        found = []
        for old, new in zip(self.pages(n - 1), self.pages(n), strict=True):
            if old.frame != new.frame:
                was = "" if old.words == "not there yet" else f" (was {old.frame})"
                found.append(f"{new.name}: {new.frame}{was}")
            if old.letter != new.letter and NO_LETTER not in (old.letter, new.letter):
                found.append(f"{new.name} shows {new.letter} (was {old.letter})")
            if not old.words and not new.words:
                found += [f"{new.name}: {fact}" for fact in new.facts if fact not in old.facts]
        return found


def did(event: Event | None, who: str, verb: str) -> bool:
    return event is not None and (event.actor, event.verb) == (who, verb)


def errno_name(number: int) -> str:
    """EBUSY; the number where it has no name."""
    return errno.errorcode.get(number, str(number))


def errno_words(number: int) -> str:
    return os.strerror(number)
