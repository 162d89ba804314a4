"""Who holds a page without mapping it: a pipe, a registered buffer of io_uring, a disk transfer that is in flight."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import struct
import threading
from typing import Any

from cowlab.live.actor.memory import Area, Forbidden, letter_of
from cowlab.live.actor.system import (
    IO_URING_ENTER,
    IO_URING_REGISTER,
    IO_URING_SETUP,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MAP_SHARED,
    PAGE,
    PROT,
    USERFAULTFD,
    call,
    iovec,
    libc,
    mmap,
    syscall,
)

# io_uring
SQ_RING, CQ_RING, SQES = 0, 0x8000000, 0x10000000
REGISTER_BUFFERS, UNREGISTER_BUFFERS, GETEVENTS = 0, 1, 1
READ_FIXED, WRITE_FIXED = 4, 5
SQE = struct.Struct("=BBHiQQIIQHHiQQ")
# userfaultfd
API, REGISTER, ZEROPAGE, PROTECT = 0xC018AA3F, 0xC020AA00, 0xC020AA04, 0xC018AA06
MISSING, WP, USER_MODE_ONLY = 1, 2, 1
FLAG_WP = 1  # UFFD_FEATURE_PAGEFAULT_FLAG_WP
IN_MEMORY = (0x01021994, 0x858458F6)  # tmpfs, ramfs: they copy
FOLDERS = ("/var/tmp", "/tmp", ".")


class Holder:
    """Somebody with a reference. Not every one can be asked everything."""

    fds: tuple[int, ...] = ()  # that the parent of all is to keep

    def write(self, letter: str) -> dict[str, Any]:
        raise OSError(errno.EBADF, "it only reads")

    def read(self) -> dict[str, Any]:
        raise OSError(errno.EBADF, "it only writes")

    def put(self) -> None:
        pass


class Pipe(Holder):
    """vmsplice: the pipe is handed on, so that it outlives this process."""

    def __init__(self, one: Area) -> None:
        self.fds = os.pipe()
        call("vmsplice", self.fds[1], iovec((one.page, PAGE)), ctypes.c_ulong(1), 0)


class Ring(Holder):
    """io_uring with one registered buffer: FOLL_PIN, FOLL_WRITE and FOLL_LONGTERM, until it is closed."""

    def __init__(self, one: Area) -> None:
        params = ctypes.create_string_buffer(120)
        try:
            self.fd = syscall("io_uring_setup", IO_URING_SETUP, 2, params)
        except OSError as error:
            raise Forbidden(f"io_uring is refused here: {error.strerror}") from None
        offsets = struct.unpack("=20I", params.raw[40:120])
        self.sq_tail, self.sq_array, self.cq_head, self.cqes = offsets[1], offsets[6], offsets[10], offsets[15]
        self.page = one.page
        self.file = call("memfd_create", b"device", 1)
        try:
            syscall("io_uring_register", IO_URING_REGISTER, self.fd, REGISTER_BUFFERS, iovec((one.page, PAGE)), 1)
        except OSError as error:
            self.put()
            if error.errno in (errno.ENOMEM, errno.EPERM):
                raise Forbidden(f"no memory may be locked here (RLIMIT_MEMLOCK): {error.strerror}") from None
            raise
        rights, shared = PROT["rw"], MAP_SHARED
        self.sq, self.cq = (mmap(0, PAGE, rights, shared, self.fd, place) for place in (SQ_RING, CQ_RING))
        self.sqes = mmap(0, PAGE, rights, shared, self.fd, SQES)

    def submit(self, operation: int) -> None:
        """One byte between the buffer and the file. Raises OSError as the transfer did."""
        entry = SQE.pack(operation, 0, 0, self.file, 0, self.page, 1, 0, 0, 0, 0, 0, 0, 0)
        ctypes.memmove(ctypes.c_void_p(self.sqes), entry, len(entry))
        tail = ctypes.c_uint32.from_address(self.sq + self.sq_tail)
        ctypes.c_uint32.from_address(self.sq + self.sq_array + 4 * (tail.value & 1)).value = 0
        tail.value += 1
        syscall("io_uring_enter", IO_URING_ENTER, self.fd, 1, 1, GETEVENTS, None, ctypes.c_size_t(0))
        head = ctypes.c_uint32.from_address(self.cq + self.cq_head)
        done = ctypes.c_int32.from_address(self.cq + self.cqes + 16 * (head.value & 3) + 8).value
        head.value += 1
        if done < 0:
            raise OSError(-done, os.strerror(-done))

    def write(self, letter: str) -> dict[str, Any]:
        os.pwrite(self.file, letter.encode(), 0)
        self.submit(READ_FIXED)
        return {}

    def read(self) -> dict[str, Any]:
        self.submit(WRITE_FIXED)
        return {"value": letter_of(os.pread(self.file, 1, 0))}

    def put(self) -> None:
        """The buffer first: closed, the ring would live on in its mappings, and with it the pin."""
        with contextlib.suppress(OSError):  # none was registered
            syscall("io_uring_register", IO_URING_REGISTER, self.fd, UNREGISTER_BUFFERS, None, 0)
        os.close(self.fd)
        os.close(self.file)


class Faults:
    """A userfaultfd. in_kernel: it must also see the faults of system calls, which asks for privilege. Raises Forbidden."""

    def __init__(self, in_kernel: bool, features: int) -> None:
        import platform

        number = USERFAULTFD.get(platform.machine())
        for flags in (0,) if in_kernel else (0, USER_MODE_ONLY):
            try:
                self.fd = syscall("userfaultfd", number, os.O_CLOEXEC | os.O_NONBLOCK | flags)
                break
            except OSError as error:
                why = error.strerror
        else:
            raise Forbidden(f"userfaultfd{' for faults in the kernel' if in_kernel else ''} is refused here: {why}")
        try:
            ioctl(self.fd, API, struct.pack("=QQQ", 0xAA, features, 0))
        except OSError as error:
            raise Forbidden(f"userfaultfd lacks what is needed: {error.strerror}") from None

    def register(self, start: int, length: int, mode: int) -> None:
        try:
            ioctl(self.fd, REGISTER, struct.pack("=QQQQ", start, length, mode, 0))
        except OSError as error:
            raise Forbidden(f"userfaultfd refuses this page: {error.strerror}") from None

    def protect(self, start: int, length: int, on: bool) -> None:
        ioctl(self.fd, PROTECT, struct.pack("=QQQ", start, length, int(on)))

    def fill(self, start: int) -> None:
        """Let who waits for that page go on."""
        ioctl(self.fd, ZEROPAGE, struct.pack("=QQQq", start, PAGE, 0, 0))


def ioctl(fd: int, request: int, argument: bytes) -> None:
    import fcntl  # POSIX only

    fcntl.ioctl(fd, request, argument)


class Transfer(Holder):
    """O_DIRECT, stopped half-way: the second part of its buffer is missing until we say so, and the page is held meanwhile.

    letter: what the file holds, which the device will write.
    """

    def __init__(self, one: Area, writes: bool, letter: str) -> None:
        self.file, self.address = direct_file(), one.page
        self.aligned, self.missing = (mmap(0, PAGE, PROT["rw"], MAP_PRIVATE | MAP_ANONYMOUS) for _ in range(2))
        libc().memset(ctypes.c_void_p(self.aligned), ord(letter or "-"), ctypes.c_size_t(PAGE))
        self.moved("pwritev", self.aligned, self.aligned)
        self.faults = Faults(True, 0)
        self.faults.register(self.missing, PAGE, MISSING)
        self.failed, self.over, over = 0, *os.pipe()
        threading.Thread(target=self.run, args=("preadv" if writes else "pwritev", over), daemon=True).start()
        if self.faults.fd not in select.select([self.faults.fd, self.over], [], [])[0]:
            self.finish()
            raise Forbidden("a direct transfer does not wait for its buffer here")
        if writes and letter and letter_of(ctypes.string_at(self.address, 1)) == letter:
            raise Forbidden("this file system copies where it was asked for direct I/O")
        if not writes and self.in_file() != "-":
            raise Forbidden("this file system does not wait with one part of a direct transfer for the next")

    def in_file(self) -> str:
        """What the file holds. Raises OSError."""
        self.moved("preadv", self.aligned)
        return letter_of(ctypes.string_at(self.aligned, 1))

    def moved(self, name: str, *addresses: int) -> None:
        """A page each. Raises OSError."""
        parts = iovec(*((address, PAGE) for address in addresses))
        call(name, self.file, parts, len(addresses), ctypes.c_long(0))

    def run(self, name: str, over: int) -> None:
        try:
            self.moved(name, self.address, self.missing)
        except OSError as error:
            self.failed = error.errno or errno.EIO
        os.close(over)

    def finish(self) -> None:
        """Wait until it is over. Raises OSError if it failed."""
        if not select.select([self.over], [], [], 0)[0]:
            self.faults.fill(self.missing)
            os.read(self.over, 1)
        if self.failed:
            raise OSError(self.failed, os.strerror(self.failed))

    def write(self, letter: str) -> dict[str, Any]:
        self.finish()
        return {}

    def read(self) -> dict[str, Any]:
        self.finish()
        return {"value": self.in_file()}

    def put(self) -> None:
        self.finish()
        for fd in (self.faults.fd, self.file, self.over):
            os.close(fd)


def direct_file() -> int:
    """A file without a name, on a file system of a disk. Raises Forbidden."""
    why = "no folder on a disk to write in"
    for folder in FOLDERS:
        found = ctypes.create_string_buffer(256)  # struct statfs: f_type comes first
        try:
            call("statfs", folder.encode(), found)
            if ctypes.c_long.from_buffer(found).value in IN_MEMORY:
                continue
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            why = f"{folder}: {error.strerror}"
    raise Forbidden(f"no file for direct I/O: {why}")
