"""Drive a script on the kernel of this machine: each of its processes is a real one, and does one line at a time.

Whatever happens, nothing stays: processes end when their socket is closed, are killed as a group, and end by themselves in two minutes
if even we are gone; files have no name. A step that takes too long, and a call that is forbidden here, is a Skip with the reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cowlab.events import TAKERS, Event
from cowlab.events import format as format_event
from cowlab.live.actor.memory import letter_of
from cowlab.live.machine import impossible
from cowlab.live.references import References, Skip
from cowlab.live.watched import NO_LOOK, another_byte
from cowlab.scenario import Scenario

PATIENCE = 5.0  # seconds for a line
KSM_PATIENCE = 10.0
OFFSET = 2048  # of the byte that is stored beside the device's
# What actor/ needs of the package, without its __init__: a process of a script is as small as it can be.
BOOT = """
import sys, types
for name, path in (("cowlab", {top!r}), ("cowlab.live", {live!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from cowlab.live.actor.serve import main
main({fds}, {file}, {drains})
"""


class Look(NamedTuple):
    """What was seen of a page of a process without touching it. None: it may not be seen here, or there is nothing."""

    present: bool | None = None
    swapped: bool = False
    soft_dirty: bool = False
    once: bool = False
    frame: int | None = None
    mapcount: int | None = None
    flags: list[str] | None = None
    value: str | None = None


class Moment(NamedTuple):
    """After a line: what the call said (done, sigsegv, refused), what a `read` read, and what was seen of each page."""

    line: int
    event: Event | None
    outcome: str = "done"
    errno: int = 0
    value: str | None = None
    looks: dict[tuple[str, int], Look] = {}  # noqa: RUF012 - never changed


class Run(NamedTuple):
    """A script on this kernel. moments[0] is the start; ends: what each process, reference and the file shows at the end."""

    scenario: Scenario
    moments: tuple[Moment, ...]
    ends: dict[tuple[str, int], str]

    def kind(self, n: int, who: str, page: int) -> str:
        """What kind of mapping that process has there: its own last mmap, or its parent's before the fork."""
        for moment in reversed(self.moments[: n + 1]):
            event = moment.event
            if event and event.verb == "fork" and event.args[0] == who:
                who = event.actor
            elif event and event.verb == "mmap" and (event.actor, event.page) == (who, page):
                return event.args[0]
        return "anon"


def run(scenario: Scenario, patience: float = PATIENCE) -> Run:
    """Run it. Raises Skip."""
    if why := impossible(scenario):
        raise Skip(why)
    try:
        with contextlib.closing(Stage(scenario, patience)) as stage:
            moments = [Moment(0, None, looks=stage.looks())]
            for line in scenario.script.steps:
                assert line.event is not None
                moment = stage.step(line.number, line.event)
                moments.append(moment._replace(looks=stage.looks()))
            return Run(scenario, tuple(moments), dict(stage.ends()))
    except OSError as error:
        raise Skip(f"refused here: {error.strerror}") from None


class Stage:
    """The processes of one script, and what holds pages for it. Close it."""

    def __init__(self, scenario: Scenario, patience: float) -> None:
        self.scenario, self.patience = scenario, patience
        self.talks: dict[str, socket.socket] = {}
        self.references = References(scenario, self.ask)
        self.line = 0
        self.waiting: list[tuple[socket.socket, int]] = []
        self.file = -1
        self.first: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except OSError as error:
            raise Skip(f"no process can be started: {error.strerror}") from None
        finally:
            if not self.talks:
                self.close()

    def start(self) -> None:
        """The first process, with a socket for each that the script will fork. Raises OSError, Skip."""
        if any(event.verb == "mmap" and event.args[0] == "file" for event in self.scenario.events):
            try:
                self.file = os.memfd_create("file")
            except (OSError, AttributeError) as error:  # no memfd_create in some builds of Python
                raise Skip(f"no file to map: {error}") from None
            os.pwrite(self.file, b"F" * (64 << 12), 0)
        forks = sum(event.verb == "fork" for event in self.scenario.events)
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(1 + forks)]
        self.waiting = [(ours, theirs.fileno()) for ours, theirs in pairs]
        fds = [theirs.fileno() for _, theirs in pairs]
        here = Path(__file__).resolve().parent
        drains = not any(event.verb == "hold" for event in self.scenario.events)
        boot = BOOT.format(top=str(here.parent), live=str(here), fds=fds, file=self.file, drains=drains)
        try:
            self.first = subprocess.Popen(
                [sys.executable or "python3", "-I", "-S", "-c", boot],
                pass_fds=[*fds, *([self.file] if self.file >= 0 else [])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            for _, theirs in pairs:
                theirs.close()
        self.talks["P"], _ = self.waiting.pop(0)

    def close(self) -> None:
        for talk in [*self.talks.values(), *(ours for ours, _ in self.waiting)]:
            talk.close()
        self.references.close()
        if self.file >= 0:
            os.close(self.file)
        if self.first is not None:
            try:
                self.first.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.first.pid, signal.SIGKILL)  # also those that a script left behind
                self.first.wait()
                assert self.first.stderr is not None
                self.first.stderr.close()

    # --- one line ----------------------------------------------------------------------------------------------------

    def step(self, line: int, event: Event) -> Moment:
        """Do it, and say what it said. Raises Skip."""
        self.line = line
        try:
            found = self.act(event)
        except Skip as skip:
            raise Skip(f"line {line}, {format_event(event)}: {skip}") from None
        outcome = "sigsegv" if found.get("signal") else "refused" if found.get("errno") else "done"
        return Moment(line, event, outcome, found.get("errno", 0), found.get("value"))

    def act(self, event: Event) -> dict[str, Any]:
        who, verb, args = event.actor, event.verb, event.args
        self.references.allow(verb)
        if who == "kernel":
            return self.kernel(event)
        if who == "file":
            return {"value": self.in_file(event.page)}
        if who in self.references.owners:
            return self.references.through(who, verb, *args)
        if verb == "fork":
            return self.fork(who, args[0])
        if verb == "exit":
            return self.exit(who)
        if verb in TAKERS:
            return self.references.take(event, self.line)
        if verb == "vm_write":
            where = self.ask(args[0], "where", page=event.page)
            return where if "errno" in where else self.ask(who, "vm_write", letter=args[1], **where)
        if verb == "write":
            beside = another_byte(self.scenario.name, event)
            return self.ask(who, "write", page=event.page, letter=args[0], offset=OFFSET if beside else 0)
        return self.ask(who, verb, **arguments(event))

    def kernel(self, event: Event) -> dict[str, Any]:
        if event.verb == "ksm":
            for who in self.talks:
                self.ask(who, "show_ksmd")
            self.merge()
        return {}  # hold P lru: the batch is not drained in this script

    def merge(self) -> None:
        """Wait until ksmd has looked at both pages, twice: it merges what did not change in between."""
        scans, until = full_scans(), time.monotonic() + KSM_PATIENCE
        while full_scans() < scans + 3:
            if time.monotonic() > until:
                raise Skip(f"ksmd did not come round within {KSM_PATIENCE:g} seconds")
            time.sleep(0.05)

    def fork(self, parent: str, child: str) -> dict[str, Any]:
        ours, fd = self.waiting.pop(0)
        self.ask(parent, "fork", fd=fd)
        for other in self.talks:
            if other != parent:
                self.ask(other, "shed", fd=fd)
        self.talks[child] = ours
        return {}

    def exit(self, who: str) -> dict[str, Any]:
        """Its memory has gone when its socket is closed. Raises Skip if a reference would go with it."""
        self.references.outlive(who)
        talk = self.talks.pop(who)
        talk.shutdown(socket.SHUT_WR)
        talk.settimeout(self.patience)
        try:
            talk.recv(1)
        except TimeoutError:
            raise Skip(f"{who} does not end") from None
        finally:
            talk.close()
        return {}

    # --- what can be seen --------------------------------------------------------------------------------------------

    def looks(self) -> dict[tuple[str, int], Look]:
        return {
            (who, int(page)): Look(**seen)
            for who in self.talks
            for page, seen in self.ask(who, "look")["pages"].items()
        }

    def ends(self) -> Iterator[tuple[tuple[str, int], str]]:
        """What each reference, process and the file shows in the end: here a page may be faulted in."""
        pages = [(who, page) for who, page in self.looks()]
        for name, letter in self.references.ends():
            yield (name, 0), letter
        for who, page in pages:
            yield (who, page), self.ask(who, "read", page=page).get("value", NO_LOOK)
        if self.file >= 0:
            yield ("file", 0), self.in_file(0)

    def in_file(self, page: int) -> str:
        return letter_of(os.pread(self.file, 1, page << 12))

    # --- talking -----------------------------------------------------------------------------------------------------

    def ask(self, who: str, do: str, **more: Any) -> dict[str, Any]:
        """What that process answers. Raises Skip if it may not, or says nothing."""
        talk = self.talks[who]
        talk.settimeout(self.patience)
        try:
            talk.sendall(json.dumps({"do": do, **more}).encode())
            line, fds, _, _ = socket.recv_fds(talk, 1 << 16, 2)
        except TimeoutError:
            raise Skip(f"no answer within {self.patience:g} seconds") from None
        except OSError:
            line = b""
        if not line:
            raise Skip(f"its process ended{self.why()}")
        found: dict[str, Any] = json.loads(line)
        if "forbidden" in found:
            raise Skip(found["forbidden"])
        return {**found, "fds": tuple(fds)} if fds else found

    def why(self) -> str:
        """The last line of what the processes complained of."""
        assert self.first is not None and self.first.stderr is not None
        os.set_blocking(self.first.stderr.fileno(), False)
        said = (self.first.stderr.read() or b"").decode("utf-8", "replace").strip()
        return f": {said.splitlines()[-1]}" if said else ""


def arguments(event: Event) -> dict[str, Any]:
    """The arguments of an event as the actor's do_VERB names them."""
    names = {
        "mmap": ("kind", "prot"),
        "mprotect": ("prot",),
        "madvise": ("advice",),
        "uffd_wp": ("on",),
        "poke": ("letter",),
    }
    found: dict[str, Any] = dict(zip(names.get(event.verb, ()), event.args, strict=False))
    if event.verb == "mmap":
        found.setdefault("prot", "rw")
    if event.verb == "uffd_wp":
        found["on"] = found["on"] == "on"
    return found if event.verb == "clear_refs" else {**found, "page": event.page}


def full_scans() -> int:
    return int(Path("/sys/kernel/mm/ksm/full_scans").read_text())
