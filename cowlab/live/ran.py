"""A script that was run on this kernel, as an observer asks about it; see watched.py."""

from __future__ import annotations

from cowlab.events import TAKERS
from cowlab.live.drive import Look, Run
from cowlab.live.watched import FILE_LETTER, NO_LOOK, NOTHING, Watched
from cowlab.model import STORES

NOT_HERE = Look()


class Ran(Watched):
    def __init__(self, run: Run) -> None:
        self.run, self.moments, self.scenario = run, run.moments, run.scenario.name
        self.events = tuple(moment.event for moment in run.moments)
        self.lines = tuple(moment.line for moment in run.moments)

    def look(self, n: int, who: str, page: int = 0) -> Look:
        return self.moments[n].looks.get((who, page), NOT_HERE)

    def letter(self, n: int, who: str, page: int = 0) -> str:
        """What a `read` read, what was seen without a fault; in the end what one sees who reads."""
        event, value = self.events[n], self.look(n, who, page).value
        if event is not None and event.verb == "read" and (event.actor, event.page) == (who, page):
            value = self.moments[n].value or NO_LOOK
        elif value is None and n in (-1, len(self.moments) - 1):
            value = self.run.ends.get((who, page), NO_LOOK)
        elif value is None:
            value = NOTHING
        return FILE_LETTER if value == "F" else value

    def kept(self, first: int, last: int, who: str, page: int = 0) -> bool | None:
        old, new = self.look(first, self.forebear(who, first, last), page).frame, self.look(last, who, page).frame
        return None if old is None or new is None else old == new

    def is_process(self, n: int, who: str) -> bool:
        """By what was named so last: a process without pages was not seen."""
        named = [e.verb for e in self.events[: n + 1] if e and e.verb in ("fork", *TAKERS) and e.args[0] == who]
        return not named or named[-1] == "fork"

    def private(self, n: int, who: str, page: int) -> bool:
        return self.run.kind(n, who, page) not in ("file", "shared")

    def mapcount(self, n: int, who: str) -> int | None:
        return self.look(n, who).mapcount

    def mapped_once(self, n: int, who: str) -> bool | None:
        look = self.look(n, who)
        return look.once if look.present else None

    def swapped(self, n: int, who: str) -> bool | None:
        look = self.look(n, who)
        return None if look.present is None else look.swapped

    def zero_page(self, n: int, who: str) -> bool | None:
        flags = self.look(n, who).flags
        return None if flags is None else "zero" in flags

    def pair(self, n: int) -> tuple[list[int | None], int | None]:
        event = self.events[n]
        assert event is not None
        places = list(zip(event.args, event.pages, strict=True))
        before = [self.look(n - 1, *place).frame for place in places]
        one, two = (self.look(n, *place).frame for place in places)
        return before, one if one == two else None

    def returned(self, n: int) -> str:
        """0, or minus the errno."""
        return str(-self.moments[n].errno)

    def refused(self, n: int) -> bool:
        return self.moments[n].outcome == "refused"

    def killed(self, n: int) -> bool:
        return self.moments[n].outcome == "sigsegv"

    def soft_dirty(self, n: int, who: str) -> bool | None:
        look = self.look(n, who)
        return None if look.present is None else look.soft_dirty

    def together(self, reference: str, who: str) -> bool:
        """By what they show: no program can ask a reference for its frame."""
        return self.letter(-1, reference) == self.letter(-1, who) != NO_LOOK

    def arrived(self, who: str) -> bool:
        """By what it shows: the letter that a device wrote last."""
        names = {event.args[0] for event in self.events if event and event.verb in TAKERS}
        written = [event.args[0] for event in self.events if event and event.verb == "write" and event.actor in names]
        return bool(written) and self.letter(-1, who) == written[-1]

    def leaked(self, reference: str) -> bool | None:
        """By what it shows: a letter that another process stored after it was taken."""
        shown = self.letter(-1, reference)
        if shown in (NO_LOOK, NOTHING):
            return None
        taken = next(
            n for n, event in enumerate(self.events) if event and event.verb in TAKERS and event.args[0] == reference
        )
        owner = self.events[taken]
        later = (event for event in self.events[taken:] if event and event.verb in STORES)
        return any(event.args[-1] == shown and owner and event.actor not in (owner.actor, reference) for event in later)
