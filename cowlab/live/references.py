"""The references of a script that runs: who took them, through whom they are asked, and when a transfer is over."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

from cowlab.events import Event
from cowlab.live.actor.memory import letter_of
from cowlab.live.actor.system import call
from cowlab.live.machine import taken_by
from cowlab.scenario import Scenario


class Skip(Exception):
    """This script cannot be run here; the message says why."""


class References:
    """ask: say something to a process, and have its answer. A pipe is in our hands, all else in its owner's."""

    def __init__(self, scenario: Scenario, ask: Callable[..., dict[str, Any]]) -> None:
        self.scenario, self.ask = scenario, ask
        self.pipes: dict[str, tuple[int, int]] = {}
        self.owners: dict[str, str] = {}  # "": nobody, it was refused
        self.direct: dict[str, str] = {}  # the verb of each transfer
        self.over: set[str] = set()  # the transfers whose data have moved

    def close(self) -> None:
        for pipe in self.pipes.values():
            for fd in pipe:
                os.close(fd)

    def allow(self, verb: str) -> None:
        """Raises Skip where that must not come between the data of a transfer and its end."""
        if self.over and verb not in ("read", "put"):
            raise Skip(
                f"{min(self.over)} is over since its data have moved, and here it would have to hold its page on"
            )

    def outlive(self, who: str) -> None:
        """Raises Skip if a reference would go with that process."""
        for name, owner in self.owners.items():
            if owner == who and name not in self.pipes:
                raise Skip(f"{name} would end with {who}: of a program's references only a pipe outlives its process")

    def take(self, event: Event, line: int) -> dict[str, Any]:
        name = event.args[0]
        letter = self.letter_to_come(name, line) if event.verb == "direct_read" else ""
        found = self.ask(event.actor, "take", name=name, verb=taken_by(event), page=event.page, letter=letter)
        self.owners[name] = "" if "errno" in found else event.actor
        if "fds" in found:
            self.pipes[name] = found["fds"]
        if event.verb in ("direct_read", "direct_write") and self.owners[name]:
            self.direct[name] = event.verb
        return found

    def letter_to_come(self, name: str, line: int) -> str:
        """What the device will write; "" if nothing comes before it is given up."""
        later = [step.event for step in self.scenario.script.steps if step.number > line]
        ends = (e for e in later if e and e.actor == name and e.verb in ("write", "put"))
        return next(("".join(event.args) for event in ends), "")

    def through(self, name: str, verb: str, letter: str = "") -> dict[str, Any]:
        """What happens to a reference or is seen through it. Raises Skip."""
        owner = self.owners.pop(name) if verb == "put" else self.owners[name]
        if not owner:
            return {"errno": errno.EBADF}
        if name in self.direct:
            self.move(name, verb)
        if name not in self.pipes:
            return (
                self.ask(owner, "put", name=name)
                if verb == "put"
                else self.ask(owner, "through", name=name, letter=letter)
            )
        if verb == "read":
            return {"value": peek(self.pipes[name][0])}
        for fd in self.pipes.pop(name):
            os.close(fd)
        return {}

    def move(self, name: str, verb: str) -> None:
        """A transfer is over when its data have moved. Raises Skip where they must not."""
        if verb != "put":
            self.over.add(name)
        elif self.direct.pop(name) == "direct_read" and name not in self.over:
            raise Skip("a direct read cannot be given up without its data")
        else:
            self.over.discard(name)

    def ends(self) -> Iterator[tuple[str, str]]:
        """What each shows in the end."""
        for name in self.owners:
            if self.direct.get(name) == "direct_read":
                continue  # one cannot look through it, nor may its data come now
            found = self.through(name, "read")
            if "value" in found:
                yield name, found["value"]


def peek(fd: int) -> str:
    """The first byte of a pipe, which stays in it."""
    first, second = os.pipe()
    try:
        call("tee", fd, second, 4096, 0)
        return letter_of(os.read(first, 1))
    finally:
        os.close(first)
        os.close(second)
