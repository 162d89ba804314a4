"""System calls that Python does not offer, by ctypes. Each raises OSError as Python's own do."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from functools import cache
from typing import Any

PAGE = 4096
HUGE = 2 << 20
PROT = {"none": 0, "r": 1, "rw": 3}
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 0x01, 0x02, 0x10, 0x20
MAP_HUGETLB_2MB = 0x40000 | 21 << 26  # whatever the default size is
ADVICE = {"dontneed": 4, "dontfork": 10, "dofork": 11, "mergeable": 12, "wipeonfork": 18, "pageout": 21}
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD = 14, 15, 20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427  # the same on all architectures
USERFAULTFD = {"x86_64": 323, "aarch64": 282}


@cache
def libc() -> ctypes.CDLL:
    """Looked up when it is needed: not every system has one."""
    found = ctypes.CDLL(None, use_errno=True)
    found.mmap.restype = ctypes.c_void_p
    found.syscall.restype = ctypes.c_long
    return found


class Iovec(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def iovec(*parts: tuple[int, int]) -> Any:
    """An array of them; a part is an address and a length."""
    return (Iovec * len(parts))(*(Iovec(*part) for part in parts))


def checked(name: str, result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def call(name: str, *args: Any) -> int:
    """A function of libc. Raises OSError, ENOSYS where there is no such function."""
    function = getattr(libc(), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, f"{name}: not on this system")
    return checked(name, int(function(*args)))


def syscall(name: str, number: int | None, *args: Any) -> int:
    """A system call by its number. Raises OSError, ENOSYS where it has none that we know."""
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: not known on {platform.machine()}")
    return checked(name, int(libc().syscall(ctypes.c_long(number), *args)))


def mmap(address: int, length: int, prot: int, flags: int, fd: int = -1, offset: int = 0) -> int:
    """An address. Raises OSError."""
    at = ctypes.c_void_p(address or None)
    found = libc().mmap(at, ctypes.c_size_t(length), prot, flags, fd, ctypes.c_long(offset))
    return checked("mmap", -1 if found == ctypes.c_void_p(-1).value else int(found))


def area(name: str, address: int, length: int, *args: Any) -> int:
    """munmap, mprotect, madvise of an area. Raises OSError."""
    return call(name, ctypes.c_void_p(address), ctypes.c_size_t(length), *args)
