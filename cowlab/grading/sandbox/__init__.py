"""Questions to code that nobody trusts: the child answers, the parent judges.

zygote.py   forks a child for each submission; what the child does
cell.py     namespaces, seccomp, limits
facade.py   what a child may import

A Zygote is one such process; `fork` gives a Child, which loads an answer's source and is asked. What it says is text
until it has been read as bounded JSON; a child that is slow, silent, dead or out of turn is a Trouble with a status.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from cowlab.grading import wire
from cowlab.grading.asking import NoAnswer
from cowlab.grading.sandbox import facade

TIMEOUT, MEMORY, CRASH, BAD, OURS = "timeout", "memory", "crash", "bad answer", "our fault"
CHANGES = "not deterministic"
NO_MEMORY = 77  # how a child ends that had not even enough memory to say so
MAX_BYTES = 2 * wire.MAX_BYTES  # of an answer, with some air: what is too much is first of all for the child to say
MAX_LINE = 10 * MAX_BYTES  # of many answers: as Python's objects they take thirty times as much
CONFINED = 60  # seconds that a new child may take to lock itself in, on a machine with much to do
ANSWERS = {"is", "open", "failed", "memory", "loaded"}
FLOOR = {"files": {"mount", "landlock"}, "network": {"network", "seccomp"}, "signals": {"pid", "seccomp"}}


class Limits(NamedTuple):
    """What a child may use. seconds: of wall clock for a task; the others are a process's resource limits."""

    seconds: float = 10.0
    cpu: int = 20
    megabytes: int = 512

    @property
    def resources(self) -> dict[str, int]:
        memory = self.megabytes << 20
        limits = {"RLIMIT_CPU": self.cpu, "RLIMIT_AS": memory, "RLIMIT_NPROC": 0, "RLIMIT_FSIZE": 1 << 20}
        return {**limits, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0}


class Trouble(NoAnswer):
    """A child that gives no answer. status: timeout, memory, crash, bad answer, our fault."""

    def __init__(self, status: str, says: str) -> None:
        super().__init__(says)
        self.status = status


class SandboxError(RuntimeError):
    """A zygote cannot be started here; the message says why."""


class Zygote:
    """One process that forks children. isolated: confine them (Linux); without it only limits hold."""

    def __init__(self, isolated: bool = True) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", facade.BOOT, str(theirs.fileno())]
        self.process = subprocess.Popen(
            command,
            env={},
            cwd="/",
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # what is typed on our terminal does not reach it
        )
        theirs.close()
        self.control = ours
        self.control.settimeout(60)
        self.works = True
        try:
            self._say({"modules": facade.modules(), "preload": facade.PRELOAD, "isolated": isolated})
            greeting = self._hear()
        except Trouble:
            self.close()
            raise
        self.entered: list[str] = greeting["entered"]
        self.hash: int = greeting["hash"]

    def fork(self, limits: Limits = Limits()) -> Child:  # noqa: B008 - immutable
        """A new child. Raises Trouble (our fault) if there is none."""
        self._say({"do": "fork", "limits": limits.resources})
        try:
            line, fds, _, _ = socket.recv_fds(self.control, 4096, 1)
            talk, answer = socket.socket(fileno=fds[0]), json.loads(line)
        except (OSError, ValueError, IndexError) as error:
            raise self._broken(f"no child: {error}") from None
        if "pid" not in answer:
            talk.close()
            raise Trouble(OURS, f"no child: {answer.get('error')}")
        return Child(self, answer["pid"], talk, limits)

    def end(self, pid: int, patience: float) -> tuple[int, float]:
        """How a child ended: its exit code, or minus a signal; and its processor time. After `patience` seconds it is killed."""
        self._say({"do": "end", "pid": pid, "patience": patience})
        heard = self._hear()
        return int(heard["status"]), float(heard["cpu"])

    def kill(self, pid: int) -> None:
        """Be rid of a child. A zygote that is gone has taken it along."""
        with contextlib.suppress(Trouble):
            self._say({"do": "kill", "pid": pid})

    def alive(self) -> bool:
        """Whether it can be asked for another child."""
        return self.works and self.process.poll() is None

    def close(self) -> None:
        self.works = False
        self.control.close()
        self.process.kill()
        self.process.wait()

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self.control.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise self._broken(f"the zygote is gone: {error}") from None

    def _hear(self) -> dict[str, Any]:
        line = b""
        while not line.endswith(b"\n"):
            try:
                more = self.control.recv(1 << 16)
            except OSError as error:
                raise self._broken(f"the zygote does not answer: {error}") from None
            if not more:
                raise self._broken("the zygote is gone")
            line += more
        return dict(json.loads(line))

    def _broken(self, says: str) -> Trouble:
        """What it says from now on may belong to an earlier question: another zygote is needed."""
        self.works = False
        return Trouble(OURS, says)


class Child:
    """A process that answers questions on one task of a submission."""

    def __init__(self, zygote: Zygote, pid: int, talk: socket.socket, limits: Limits) -> None:
        self.zygote, self.pid, self.talk, self.limits = zygote, pid, talk, limits
        self.rest = b""
        self.alive = True
        self.left = limits.seconds
        try:
            greeting = self._line(time.monotonic() + CONFINED, MAX_BYTES)  # nothing of the submission has run yet
        except Trouble as trouble:
            raise Trouble(OURS, f"the child could not be confined: {trouble}") from None
        if "in force" not in greeting:
            raise self._over(OURS, f"the child could not be confined: {greeting}")
        self.in_force: list[str] = [*zygote.entered, *greeting["in force"]]

    def load(self, helpers: Sequence[str], answer: str, functions: Sequence[str] = ()) -> dict[str, Any]:
        """Run the cell of a task. Returns {"loaded": True}, or why not, as an answer does. Raises Trouble.

        The time for a task begins here: what an earlier one took is not missing.
        """
        self.left = self.limits.seconds
        message = {"do": "load", "helpers": helpers, "answer": answer, "functions": functions}
        told = self._told(json.dumps(message)[1:-1])
        if told.keys() not in ({"loaded"}, {"failed"}, {"open"}):
            raise self._over(BAD, "it says neither that it was read nor why not")
        return self._checked(told)

    def ask(self, questions: Sequence[wire.Question]) -> list[dict[str, Any]]:
        """The answers to these questions. Raises Trouble."""
        answers = self._told(f'"do": "ask", {wire.message(questions)}', len(questions)).get("answers")
        if not isinstance(answers, list) or len(answers) != len(questions):
            raise self._over(BAD, "it did not answer each question")
        return [self._checked(one) for one in answers]

    def _checked(self, said: Any) -> dict[str, Any]:
        """An answer as answering.py would give it: the child's own code may have been changed."""
        if not isinstance(said, dict) or len(said) != 1 or not said.keys() <= ANSWERS:
            raise self._over(BAD, "an answer is not as it must be")
        try:
            wire.bounded(*said.values())
        except wire.WireError as error:
            raise self._over(BAD, f"an answer cannot be read: {error}") from None
        return said

    def _told(self, message: str, answers: int = 1) -> dict[str, Any]:
        """What it says to a message, the inside of a JSON object. Only the time in which it is waited for counts: what a judge does in between is ours."""
        nonce = secrets.token_hex(8)
        if self.rest or self._readable(0):
            if not self.rest and self._hung_up():
                raise self._ended()
            raise self._over(BAD, "it spoke without being asked")
        start = time.monotonic()
        self._send(f'{{"nonce": "{nonce}", {message}}}\n', start + self.left)
        reply = self._line(start + self.left, min(MAX_BYTES * answers, MAX_LINE))
        self.left -= time.monotonic() - start
        if reply.pop("nonce", None) != nonce:
            raise self._over(BAD, "it answered something else than what it was asked")
        if "memory" in reply:
            raise self._over(MEMORY, f"it wanted more than {self.limits.megabytes} MB of memory")
        return reply

    def _send(self, line: str, deadline: float) -> None:
        data = memoryview(line.encode())
        self.talk.setblocking(False)
        while data:
            _, ready, _ = select.select([], [self.talk], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise self._over(TIMEOUT, self._slow())
            try:
                data = data[self.talk.send(data) :]
            except OSError:
                raise self._ended() from None

    def _line(self, deadline: float, most: int) -> dict[str, Any]:
        while b"\n" not in self.rest:
            if not self._readable(deadline - time.monotonic()):
                raise self._over(TIMEOUT, self._slow())
            try:
                more = self.talk.recv(1 << 16)
            except OSError:
                more = b""
            if not more:
                raise self._ended()
            self.rest += more
            if len(self.rest) > most:
                raise self._over(BAD, "its answer is too long")
        line, _, self.rest = self.rest.partition(b"\n")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._over(BAD, "its answer cannot be read")
        return found

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self.talk], [], [], max(seconds, 0))[0])

    def _hung_up(self) -> bool:
        try:
            return not self.talk.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _slow(self) -> str:
        return f"no answer within {self.limits.seconds:g} seconds: a loop without an end?"

    def _over(self, status: str, says: str) -> Trouble:
        self.close()
        return Trouble(status, says)

    def _ended(self) -> Trouble:
        """What became of a child that hung up."""
        self.talk.close()
        self.alive = False
        status, cpu = self.zygote.end(self.pid, patience=0.5)
        if status == NO_MEMORY:
            return Trouble(MEMORY, f"it wanted more than {self.limits.megabytes} MB of memory")
        if status < 0 and cpu > self.limits.cpu - 0.1:
            return Trouble(TIMEOUT, f"it used {self.limits.cpu} seconds of processor time: a loop without an end?")
        how = f"signal {-status}" if status < 0 else f"exit code {status}"
        return Trouble(CRASH, f"its process ended ({how}) instead of answering")

    def close(self) -> None:
        """Kill it and all that it started."""
        if self.alive:
            self.alive = False
            self.talk.close()
            self.zygote.kill(self.pid)

    def lacks(self) -> list[str]:
        """Which of files, network and signals are not separated."""
        return [what for what, ways in FLOOR.items() if not ways & set(self.in_force)]
