"""The processes of a script. Each has a socket of its own to whoever drives it, and ends when that is closed."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import signal
import socket
import warnings
from collections.abc import Sequence
from typing import Any

from cowlab.live.actor import looks
from cowlab.live.actor.holders import FLAG_WP, WP, Faults, Holder, Pipe, Ring, Transfer
from cowlab.live.actor.memory import FORBIDDEN, Forbidden, Memory
from cowlab.live.actor.system import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, libc

MOST = 120  # seconds after which a process of a script ends, whatever has become of the rest


def main(fds: Sequence[int], file: int, drains: bool) -> None:
    """Be the process that the others belong to: fork P, and stay until all have gone. fds: a socket a process, P's first."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))  # one of us may wait for ever in the kernel
    libc().prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread, which only waits in the kernel
    gc.disable()
    with contextlib.suppress(OSError):  # or the wrong processor's LRU batch is drained
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if os.fork() == 0:
        Actor(list(fds), Memory(file, drains)).serve(fds[0])
    os.closerange(3, 1 << 16)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


class Actor:
    """A process of a script. fds: the sockets that are not yet somebody's."""

    def __init__(self, fds: list[int], memory: Memory) -> None:
        self.fds, self.memory = fds, memory
        self.holders: dict[str, Holder] = {}
        self.watching: Faults | None = None

    def serve(self, fd: int) -> None:
        """Do what is said there until nobody says anything any more. Never returns."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(MOST)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who drives us
        self.fds.remove(fd)
        talk = socket.socket(fileno=fd)
        try:
            while line := talk.recv(1 << 16):
                answer, fds = self.answered(json.loads(line))
                socket.send_fds(talk, [json.dumps(answer).encode()], list(fds))
                for fd in fds:  # they are the other side's now
                    os.close(fd)
        except OSError:  # the other side has gone
            pass
        finally:
            os._exit(0)

    def answered(self, message: dict[str, Any]) -> tuple[dict[str, Any], tuple[int, ...]]:
        """{} or what came of it; forbidden, or errno of the call. And descriptors that outlive us."""
        try:
            found = getattr(self, f"do_{message.pop('do')}")(**message)
            if self.memory.drains:
                self.memory.drain()
            if isinstance(found, Holder):
                return {}, found.fds
            return found or {}, ()
        except Forbidden as error:
            return {"forbidden": str(error)}, ()
        except OSError as error:
            if error.errno in FORBIDDEN:
                return {"forbidden": error.strerror}, ()
            return {"errno": error.errno, "says": errno.errorcode.get(error.errno or 0, str(error))}, ()

    # --- what can be said --------------------------------------------------------------------------------------------

    def do_fork(self, fd: int) -> dict[str, Any]:
        """fd: the socket of the new process, which inherits the memory and none of the references."""
        pid = os.fork()
        if pid == 0:
            kept = sorted({fd, self.memory.file, *self.fds, self.memory.first, self.memory.second} - {-1})
            for first, end in zip([3, *(one + 1 for one in kept)], [*kept, 1 << 16], strict=True):
                os.closerange(first, end)
            looks.forget()
            self.memory.inherit()
            Actor(self.fds, self.memory).serve(fd)
        os.close(fd)
        self.fds.remove(fd)
        return {"pid": pid}

    def do_shed(self, fd: int) -> None:
        """A socket that has become another process's."""
        os.close(fd)
        self.fds.remove(fd)

    def do_where(self, page: int) -> dict[str, Any]:
        """Where another process finds that page. Raises OSError."""
        return {"pid": os.getpid(), "address": self.memory.at(page).page}

    def do_look(self) -> dict[str, Any]:
        return {"pages": self.memory.look()}

    def do_mmap(self, page: int, kind: str, prot: str) -> None:
        self.memory.map(page, kind, prot)

    def do_munmap(self, page: int) -> None:
        self.memory.unmap(page)

    def do_mprotect(self, page: int, prot: str) -> None:
        self.memory.protect(page, prot)

    def do_madvise(self, page: int, advice: str) -> None:
        self.memory.advise(page, advice)

    def do_show_ksmd(self) -> None:
        self.memory.show_ksmd()

    def do_write(self, page: int, letter: str, offset: int = 0) -> dict[str, Any]:
        return self.memory.write(page, letter, offset)

    def do_read(self, page: int) -> dict[str, Any]:
        return self.memory.read(page)

    def do_poke(self, page: int, letter: str) -> None:
        self.memory.poke(page, letter)

    def do_vm_write(self, pid: int, address: int, letter: str) -> None:
        self.memory.write_to(pid, address, letter)

    def do_clear_refs(self) -> None:
        """Raises Forbidden where the kernel keeps no soft-dirty bits: it would take the file, and protect nothing."""
        if not self.memory.keeps_soft_dirty():
            raise Forbidden(
                "this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY), so clear_refs protects nothing"
            )
        with open("/proc/self/clear_refs", "w") as file:
            file.write("4")

    def do_uffd_wp(self, page: int, on: bool) -> None:
        one = self.memory.at(page)
        if one.kind == "file":
            raise Forbidden("userfaultfd takes the memory file that is mapped here, and would refuse one on a disk")
        self.watching = self.watching or Faults(False, FLAG_WP)
        self.watching.register(one.start, one.length, WP)
        self.watching.protect(one.start, one.length, on)

    def do_take(self, name: str, verb: str, page: int, letter: str) -> Holder:
        one = self.memory.at(page)
        if verb == "vmsplice":
            return Pipe(one)
        self.holders[name] = Ring(one) if verb == "register" else Transfer(one, verb == "direct_read", letter)
        return self.holders[name]

    def do_through(self, name: str, letter: str = "") -> dict[str, Any]:
        """Store a letter through a reference; without one, look at the page through it."""
        return self.holders[name].write(letter) if letter else self.holders[name].read()

    def do_put(self, name: str) -> None:
        self.holders.pop(name).put()
