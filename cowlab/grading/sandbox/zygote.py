"""The process that forks a child for each submission, and what that child does: it only answers questions.

Sent as text to `python -I -S`, with the modules of facade.py: it never holds the model, a task or a verdict. `cell` is its module
of confinement. The parent speaks lines of JSON over a socket; a child's own socket is handed to the parent, and the child keeps no other.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import linecache
import os
import signal
import socket
import sys
import time
from typing import Any

MAX_LINE = 40_000_000  # of what the parent sends: it is trusted, and may send a long notebook


def main(control: socket.socket, cell: Any, answering: Any, wire: Any, isolated: bool) -> None:
    """Serve: `fork` makes a child, `end` kills one and tells how it ended."""
    root = os.getuid() == 0
    entered = cell.enter() if isolated else []
    say(control, {"entered": entered, "hash": hash("cowlab")})
    while message := hear(control):
        if message["do"] == "fork":
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                control.close()
                ours.close()
                leave(theirs, cell, message["limits"], root, bool(entered), isolated, answering, wire)
            theirs.close()
            socket.send_fds(control, [json.dumps({"pid": pid}).encode() + b"\n"], [ours.fileno()])
            ours.close()
        else:
            say(control, {"status": ended(message["pid"], message["patience"])})


def ended(pid: int, patience: float) -> int:
    """How that child ended by itself within so many seconds; else it is killed."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def leave(
    talk: socket.socket,
    cell: Any,
    limits: dict[str, int],
    root: bool,
    entered: bool,
    isolated: bool,
    answering: Any,
    wire: Any,
) -> None:
    """Become the child: a process between for its process namespace, then the one that answers. Never returns."""
    code, lines = 1, Lines(-1)
    try:
        os.setsid()
        found = cell.own_namespaces() if entered else []
        inner = os.fork() if found else 0
        if inner:
            cell.call("prctl", cell.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.close(talk.fileno())
            _, status = os.waitpid(inner, 0)
            code = os.waitstatus_to_exitcode(status) % 256
            os._exit(code)
        lines = Lines(talk.detach())
        keep_only(lines.fd)
        if isolated:
            found += cell.lock(limits, root=root, entered=entered)
        else:
            found += cell.limit(limits)
        lines.send({"in force": found})
        sys.setrecursionlimit(2_000)
        serve(lines, answering, wire)
        code = 0
    except MemoryError:
        code = 77
    except Exception as error:
        with contextlib.suppress(Exception):
            lines.send({"broken": repr(error)})
    finally:
        os._exit(code)


def keep_only(kept: int) -> None:
    """No descriptor but that one; what is printed goes nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR) if os.path.exists(os.devnull) else NULL
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for number in range(3, 256):
        if number != kept:
            with contextlib.suppress(OSError):
                os.close(number)


NULL = os.open(os.devnull, os.O_RDWR)  # kept open: a root without /dev has none


def serve(lines: Lines, answering: Any, wire: Any) -> None:
    """Load sources, answer questions, until the parent hangs up."""
    functions: dict[str, Any] = {}
    while message := lines.next():
        try:
            if message["do"] == "load":
                functions = {}
                reply = load(functions, message["helpers"], message["answer"], answering)
            else:
                reply = {"answers": [ask(functions, question, answering, wire) for question in message["questions"]]}
        except MemoryError:
            reply = {"memory": "this answer"}
        lines.send({"nonce": message["nonce"], **reply})


def ask(functions: dict[str, Any], question: list[Any], answering: Any, wire: Any) -> dict[str, Any]:
    name, *args = question
    return dict(answering.answer(functions, name, tuple(wire.lively(arg) for arg in args)))


def load(functions: dict[str, Any], helpers: list[str], source: str, answering: Any) -> dict[str, Any]:
    """Run the definitions of the other cells, as far as they work, then the answer's own cell."""
    functions["__name__"], functions["__builtins__"] = "__main__", builtins
    for number, helper in enumerate(helpers):
        try:
            run(helper, f"<cell {number + 1}>", functions)
        except (Exception, SystemExit):
            continue
    try:
        run(source, "<answer>", functions)
    except MemoryError:
        raise
    except SyntaxError as error:
        return {"failed": f"the cell cannot be read: {answering.text(error)}"}
    except NotImplementedError as error:
        return {"open": answering.text(error)}
    except (Exception, SystemExit) as error:
        return {"failed": f"the cell raised {type(error).__name__}: {answering.text(error)}{answering.where(error)}"}
    return {"loaded": True}


def run(source: str, name: str, functions: dict[str, Any]) -> None:
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(ast.parse(source, name), name, "exec"), functions)


# --- lines over a socket ---------------------------------------------------------------------------------------------


class Lines:
    """Lines of JSON by read and write alone: a child has no other system calls for a socket."""

    def __init__(self, fd: int) -> None:
        self.fd, self.rest = fd, b""

    def next(self) -> dict[str, Any] | None:
        while b"\n" not in self.rest:
            more = os.read(self.fd, 1 << 20)
            if not more or len(self.rest) > MAX_LINE:
                return None
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return dict(json.loads(line))

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.fd, data) :]


def say(talk: socket.socket, message: dict[str, Any]) -> None:
    talk.sendall(json.dumps(message).encode() + b"\n")


def hear(talk: socket.socket) -> dict[str, Any] | None:
    line = b""
    while not line.endswith(b"\n"):
        more = talk.recv(1 << 16)
        if not more:
            return None
        line += more
    return dict(json.loads(line))
