"""The process that forks a child for each submission, and what that child does: it only answers questions.

Sent as text to `python -I -S`, with the modules of facade.py: it never holds the model, a task or a verdict. `cell` is its module
of confinement. The parent speaks lines of JSON over a socket; a child's own socket is handed to the parent, and the child keeps no other.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import json
import linecache
import os
import signal
import socket
import sys
import time
from typing import Any, NamedTuple

IMPORTS = (ast.Import, ast.ImportFrom)
MAX_LINE = 40_000_000  # of what the parent sends: it is trusted, and may send a long notebook


class Zygote(NamedTuple):
    """What a child needs to know. root: of the system; entered: in namespaces; rules: of Landlock, or -1."""

    cell: Any
    answering: Any
    wire: Any
    isolated: bool
    root: bool
    entered: bool
    rules: int


def main(control: socket.socket, cell: Any, answering: Any, wire: Any, isolated: bool) -> None:
    """Serve: `fork` makes a child, `end` tells how one ended, `kill` is rid of one: the parent need not wait for that."""
    root = os.getuid() == 0
    entered = cell.enter() if isolated else []
    rules = cell.ruleset() if isolated and not entered else -1
    if isolated and cell.MACHINE in cell.ARCHES:
        cell.program()
    zygote = Zygote(cell, answering, wire, isolated, root, bool(entered), rules)
    gc.freeze()  # a child that looks through all of it would copy every page
    heard = control.makefile("rb")
    say(control, {"entered": entered, "hash": hash("cowlab")})
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever asked is gone
        while line := heard.readline():
            message = json.loads(line)
            if message["do"] == "kill":
                kill(message["pid"])
                os.waitpid(message["pid"], 0)
            elif message["do"] == "end":
                say(control, ended(message["pid"], message["patience"]))
            else:
                born(control, zygote, message["limits"])


def born(control: socket.socket, zygote: Zygote, limits: dict[str, int]) -> None:
    """Fork a child, and hand its socket to the parent."""
    ours, theirs = socket.socketpair()
    try:
        pid = zygote.cell.fork(zygote.entered)
        answer = {"pid": pid}
    except OSError as error:
        pid, answer = -1, {"error": str(error)}
    if pid == 0:
        control.close()
        ours.close()
        leave(theirs, zygote, limits)
    socket.send_fds(control, [json.dumps(answer).encode() + b"\n"], [ours.fileno()])
    theirs.close()
    ours.close()


def ended(pid: int, patience: float) -> dict[str, Any]:
    """How that child ended by itself within so many seconds, else it is killed; and the processor time it had."""
    until = time.monotonic() + patience
    found, status, used = os.wait4(pid, os.WNOHANG)
    while not found and time.monotonic() < until:
        time.sleep(0.001)
        found, status, used = os.wait4(pid, os.WNOHANG)
    if found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # those that it started, where they are not in a namespace
    else:
        kill(pid)
        found, status, used = os.wait4(pid, 0)
    return {"status": os.waitstatus_to_exitcode(status), "cpu": used.ru_utime + used.ru_stime}


def kill(pid: int) -> None:
    """Kill a child and its process group; there is no group yet if the child has just been born."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def leave(talk: socket.socket, zygote: Zygote, limits: dict[str, int]) -> None:
    """Become the child, which answers. Never returns."""
    code, lines, cell = 1, Lines(-1, dict), zygote.cell
    try:
        os.setsid()
        cell.die_with_parent()
        found = cell.scratch() if zygote.entered else []
        lines = Lines(talk.detach(), zygote.wire.Reader)
        keep_only({lines.fd, zygote.rules})
        if zygote.isolated:
            found += cell.lock(limits, root=zygote.root, entered=zygote.entered, rules=zygote.rules)
        else:
            found += cell.limit(limits)
        lines.send({"in force": found})
        sys.setrecursionlimit(2_000)
        serve(lines, zygote)
        code = 0
    except MemoryError:
        code = 77
    except Exception as error:
        with contextlib.suppress(Exception):
            lines.send({"broken": repr(error)})
    finally:
        os._exit(code)


def keep_only(kept: set[int]) -> None:
    """No descriptor but those; what is printed goes nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR) if os.path.exists(os.devnull) else NULL
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    start = 3
    for number in sorted({*kept, 1 << 16} - {-1}):
        os.closerange(start, number)
        start = number + 1


NULL = os.open(os.devnull, os.O_RDWR)  # kept open: a root without /dev has none


def serve(lines: Lines, zygote: Zygote) -> None:
    """Load sources, answer questions, until the parent hangs up."""
    functions: dict[str, Any] = {}
    while message := lines.next():
        try:
            if message["do"] == "load":
                functions = {}
                reply = load(functions, message, zygote.answering)
            else:
                reply = {"answers": [ask(functions, question, zygote) for question in message["questions"]]}
        except MemoryError:
            reply = {"memory": "this answer"}
        lines.send({"nonce": message["nonce"], **reply})


def ask(functions: dict[str, Any], question: list[Any], zygote: Zygote) -> dict[str, Any]:
    name, *args = question
    return dict(zygote.answering.answer(functions, name, tuple(args)))


def load(functions: dict[str, Any], message: dict[str, Any], answering: Any) -> dict[str, Any]:
    """Run the definitions of the other cells, as far as they work, then the answer's own cell.

    A cell that raises once the wanted functions are there is as good as one that does not: in a notebook they could be called.
    """
    functions["__name__"], functions["__builtins__"] = "__main__", builtins
    for number, helper in enumerate(message["helpers"]):
        try:
            run(helper, f"<cell {number + 1}>", functions)
        except (Exception, SystemExit):
            continue
    before = dict(functions)
    try:
        run(message["answer"], "<answer>", functions)
    except MemoryError:
        raise
    except SyntaxError as error:
        return {"failed": f"the cell cannot be read: {answering.text(error)}"}
    except (Exception, SystemExit) as error:
        if all(functions.get(name) is not before.get(name) for name in message["functions"]):
            return {"loaded": True}
        if isinstance(error, NotImplementedError):
            return {"open": answering.text(error)}
        return {"failed": f"the cell raised {type(error).__name__}: {answering.text(error)}{answering.where(error)}"}
    return {"loaded": True}


def run(source: str, name: str, functions: dict[str, Any]) -> None:
    """Run a source. What it imports and is not there is missed when it is used, and not before."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    whole = compile(tree, name, "exec")  # all of it can be read, or none of it is run
    if not any(isinstance(node, IMPORTS) for node in tree.body):
        exec(whole, functions)
        return
    for node in tree.body:
        for part in apart(node):
            try:
                exec(compile(ast.Module([part], []), name, "exec"), functions)
            except ImportError as error:
                if not isinstance(part, IMPORTS):
                    raise
                alias = part.names[0]
                functions[alias.asname or alias.name.partition(".")[0]] = Absent(error)


def apart(node: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one for each."""
    if isinstance(node, ast.Import):
        return [ast.copy_location(ast.Import([alias]), node) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node) for alias in node.names]
    return [node]


class Absent:
    """In place of what cannot be imported here. Using it raises the ImportError."""

    def __init__(self, error: ImportError) -> None:
        self.__error = error

    def __getattr__(self, name: str) -> Any:
        raise self.__error

    def __call__(self, *args: Any, **more: Any) -> Any:
        raise self.__error

    def __getitem__(self, key: Any) -> Any:
        raise self.__error


# --- lines over a socket ---------------------------------------------------------------------------------------------


class Lines:
    """Lines of JSON by read and write alone: a child has no other system calls for a socket. reader: what makes Worlds of objects."""

    def __init__(self, fd: int, reader: Any) -> None:
        self.fd, self.reader, self.rest = fd, reader, b""

    def next(self) -> dict[str, Any] | None:
        while b"\n" not in self.rest:
            more = os.read(self.fd, 1 << 20)
            if not more or len(self.rest) > MAX_LINE:
                return None
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return dict(json.loads(line, object_hook=self.reader()))

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.fd, data) :]


def say(talk: socket.socket, message: dict[str, Any]) -> None:
    talk.sendall(json.dumps(message).encode() + b"\n")
