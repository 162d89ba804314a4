"""The loop that forktime.py times: a program of its own, so that no notebook is forked and nothing else runs in it.

    python -I -S forking.py '{"points": [[4000, 0], [4000, 250]], "runs": 15, "seed": 1, "seconds": 20}'

On stdout it says one JSON object a line: {"pages", "pinned", "ns", "clock"} for each fork, {"refused": reason, "pinned": pages}
where pages could not be pinned, and {"end": reason} as the last, "" if nothing is left to do. ns is the time that the CPU
worked on fork, clock the time that passed, both in nanoseconds.
It ends when stdin does: then whoever asked is gone.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import json
import mmap
import os
import random
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any

IO_URING_SETUP, IO_URING_REGISTER = 425, 427  # the same on every architecture that has had them since v5.1
IORING_REGISTER_BUFFERS, IORING_UNREGISTER_BUFFERS = 0, 1
PARAMS_BYTES = 120  # struct io_uring_params
GRACE = 2  # seconds after the time limit until the alarm ends a process that hangs in one call


class Refused(Exception):
    """The kernel does not pin that many pages; the message says why."""


class Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Ring:
    """An io_uring that only ever holds registered buffers: nothing is submitted, so its rings are not even mapped.

    One ring for all points, also those without a pin: what it adds to fork is then the same in all of them.
    """

    def __init__(self) -> None:
        """Raises Refused."""
        self.libc = ctypes.CDLL(None, use_errno=True)
        try:
            self.fd = self._call(IO_URING_SETUP, 1, ctypes.create_string_buffer(PARAMS_BYTES))
        except OSError as error:
            raise Refused(why_refused(error, 0)) from None

    def register(self, memory: mmap.mmap, pages: int) -> None:
        """Pin the first pages of the memory: FOLL_PIN, for writing, as long as they are registered. Raises Refused."""
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        buffer = Iovec(start, pages * mmap.PAGESIZE)
        try:
            self._call(IO_URING_REGISTER, self.fd, IORING_REGISTER_BUFFERS, ctypes.byref(buffer), 1)
        except OSError as error:
            raise Refused(why_refused(error, pages)) from None

    def unregister(self) -> None:
        """Unpin, and wait for it. Closing the ring would leave it to a kernel thread, which the next fork would meet."""
        self._call(IO_URING_REGISTER, self.fd, IORING_UNREGISTER_BUFFERS, None, 0)

    def _call(self, number: int, *arguments: Any) -> int:
        wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
        result = int(self.libc.syscall(ctypes.c_long(number), *wide))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result


def why_refused(error: OSError, pinned: int) -> str:
    """Why the kernel does not pin, in words. pinned: how many pages were asked for; 0: not even a ring was made."""
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno == errno.ENOMEM:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        allows = "no limit" if limit == resource.RLIM_INFINITY else f"{limit // mmap.PAGESIZE} pages"
        return f"{pinned} pages cannot be pinned: {name}, RLIMIT_MEMLOCK is {allows} for all that this user pins"
    if error.errno == errno.EPERM and switched_off():
        return f"io_uring is switched off: {name}, /proc/sys/kernel/io_uring_disabled is {switched_off()}"
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"io_uring is refused: {name}, by a seccomp filter or a security module"
    if error.errno == errno.ENOSYS:
        return f"io_uring is not there: {name}, from the kernel or a seccomp filter"
    return f"io_uring is refused: {name}"


def switched_off() -> int:
    """1: for ordinary users, 2: for all, 0: for nobody, or by a kernel that cannot (before v6.6)."""
    try:
        with open("/proc/sys/kernel/io_uring_disabled") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


class Forker:
    """Forks this process with so many pages. Raises OSError where the kernel does not let it."""

    def __init__(self) -> None:
        # Not os.fork: since Python 3.12 it reads /proc/self/stat before it returns. PyDLL keeps the interpreter's lock
        # across the call, so that the child may go on to _exit. There is only one thread.
        self.libc = ctypes.PyDLL(None, use_errno=True)
        self.refused = ""
        self.ring: Ring | None = None
        try:
            self.ring = Ring()
        except Refused as why:
            self.refused = str(why)

    def time(self, pages: int, pinned: int) -> tuple[int, int]:
        """Nanoseconds of one fork, of the CPU and on the clock. The memory is new each time: no run inherits what an earlier one left of it.

        Raises Refused if the pages cannot be pinned.
        """
        memory = written(pages) if pages else None
        try:
            if memory is None or not pinned:
                return self.fork()
            assert self.ring is not None
            self.ring.register(memory, pinned)
            try:
                return self.fork()
            finally:
                self.ring.unregister()
        finally:
            if memory is not None:
                memory.close()

    def fork(self) -> tuple[int, int]:
        """Nanoseconds until fork has returned to the parent. The child is gone before this returns.

        On a busy machine others get the CPU in the midst of a long fork: the clock then tells about them.
        """
        worked, before = time.thread_time_ns(), time.perf_counter_ns()
        child = self.libc.fork()
        if child == 0:
            os._exit(0)
        after = (
            time.perf_counter_ns()
        )  # first, and it enters no kernel: on the way back from one the child gets the CPU
        worked = time.thread_time_ns() - worked
        if child < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.waitpid(child, 0)
        return worked, after - before


def written(pages: int) -> mmap.mmap:
    """Private anonymous memory of which each page was written, so that fork finds an entry for each. Raises OSError."""
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without huge pages does not know the word
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory[:: mmap.PAGESIZE] = b"x" * pages
    return memory


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def one_cpu() -> None:
    """Stay on one CPU, the last of those allowed: the first one often has the interrupts."""
    with suppress(OSError):  # some containers forbid it; the numbers are noisier then
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure(points: list[tuple[int, int]], runs: int, seed: int, seconds: float) -> str:
    """Time every point so often, and say so; why it ended early, "" if it did not."""
    deadline = time.monotonic() + seconds
    forker, order, refused = Forker(), random.Random(seed), set[int]()
    if forker.refused:
        refused = {pinned for _, pinned in points if pinned}
        say(refused=forker.refused, pinned=min(refused, default=0))
    forker.time(0, 0)  # the first fork of a process meets what no later one does
    for _ in range(runs):
        # Each round has every point once, in an order of its own: what drifts meanwhile hits all alike.
        for pages, pinned in order.sample(points, len(points)):
            if pinned in refused:
                continue
            if time.monotonic() > deadline:
                return f"the time limit of {seconds:g} s is over"
            if select.select([0], [], [], 0)[0]:
                return "nobody waits for the numbers any more"
            try:
                ns, clock = forker.time(pages, pinned)
            except Refused as why:
                refused.add(pinned)
                say(refused=str(why), pinned=pinned)
                continue
            except OSError as error:
                return f"fork with {pages} pages fails: {error.strerror}"
            say(pages=pages, pinned=pinned, ns=ns, clock=clock)
    return ""


def main() -> None:
    question = json.loads(sys.argv[1])
    signal.alarm(int(question["seconds"]) + GRACE)  # the dead man's: whatever happens, this process ends
    gc.disable()
    one_cpu()
    points = [(pages, pinned) for pages, pinned in question["points"]]
    try:
        say(end=measure(points, question["runs"], question["seed"], question["seconds"]))
    except OSError as error:
        say(end=f"fork fails: {error.strerror}")


if __name__ == "__main__":
    main()
