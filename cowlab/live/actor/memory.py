"""The pages of one process: mappings, stores, loads. A page holds one letter, which is looked at in its first byte."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any, NamedTuple

from cowlab.live.actor import looks
from cowlab.live.actor.system import (
    ADVICE,
    HUGE,
    MADV_COLD,
    MADV_HUGEPAGE,
    MADV_NOHUGEPAGE,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_HUGETLB_2MB,
    MAP_PRIVATE,
    MAP_SHARED,
    PAGE,
    PROT,
    area,
    call,
    iovec,
    libc,
    mmap,
)

SMALL_PAGE = 5 * PAGE  # of a huge page this one is looked at: not the first, whose struct page is that of all
FORBIDDEN = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOMEM, errno.EOPNOTSUPP, errno.EMFILE, errno.ENODEV)


class Forbidden(Exception):
    """This machine does not let us do it; the message says what and why."""


class Area(NamedTuple):
    """A mapping of one page of a script. page: the address that is looked at; start and length: what calls are about."""

    kind: str
    page: int
    start: int
    length: int


class Memory:
    """file: the descriptor of the file that `mmap file` maps. drains: whether no page is to stay in a batch for the LRU list."""

    def __init__(self, file: int, drains: bool) -> None:
        self.file, self.drains = file, drains
        self.areas: dict[int, Area] = {}
        self.own: set[int] = set()  # MADV_DONTFORK: a child does not get them
        self.mergeable: set[int] = set()  # ksmd, which waits for no line, has not been told of them
        self.scratch = mmap(0, PAGE, PROT["rw"], MAP_PRIVATE | MAP_ANONYMOUS)
        self.empty = mmap(0, PAGE, PROT["none"], MAP_PRIVATE | MAP_ANONYMOUS)
        self.first, self.second = os.pipe()
        self.map(0, "anon", "rw")
        self.store(self.scratch, "x")  # what the interpreter wants for its first store is there before a page's

    # --- mappings ----------------------------------------------------------------------------------------------------

    def map(self, page: int, kind: str, prot: str) -> None:
        """Raises OSError, Forbidden."""
        self.unmap(page)
        make = {"thp": self._thp, "hugetlb": self._hugetlb}.get(kind)
        self.areas[page] = make(prot) if make else self._small(page, kind, prot)

    def _small(self, page: int, kind: str, prot: str) -> Area:
        """A page by itself: what is mapped on both sides has no rights, so that the kernel merges nothing with it."""
        start = mmap(0, 3 * PAGE, PROT["none"], MAP_PRIVATE | MAP_ANONYMOUS)
        flags = {"anon": MAP_PRIVATE | MAP_ANONYMOUS, "file": MAP_PRIVATE, "shared": MAP_SHARED | MAP_ANONYMOUS}[kind]
        from_file = (self.file, page * PAGE) if kind == "file" else (-1, 0)
        at = mmap(start + PAGE, PAGE, PROT[prot], flags | MAP_FIXED, *from_file)
        if kind == "anon":
            self.advise_quietly(at, PAGE, MADV_NOHUGEPAGE)
        return Area(kind, at, at, PAGE)

    def _thp(self, prot: str) -> Area:
        start = mmap(0, 2 * HUGE, PROT[prot], MAP_PRIVATE | MAP_ANONYMOUS)
        aligned = (start + HUGE - 1) // HUGE * HUGE
        for first, end in ((start, aligned), (aligned + HUGE, start + 2 * HUGE)):
            if first < end:
                area("munmap", first, end - first)
        try:
            area("madvise", aligned, HUGE, MADV_HUGEPAGE)
        except OSError as error:
            raise Forbidden(f"no huge pages by madvise: {error.strerror}") from None
        return Area("thp", aligned + SMALL_PAGE, aligned, HUGE)

    def _hugetlb(self, prot: str) -> Area:
        try:
            start = mmap(0, HUGE, PROT[prot], MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB_2MB)
        except OSError as error:
            raise Forbidden(f"no hugetlb page is reserved (vm.nr_hugepages): {error.strerror}") from None
        return Area("hugetlb", start + SMALL_PAGE, start, HUGE)

    def unmap(self, page: int) -> None:
        if page in self.areas:
            gone = self.areas.pop(page)
            self.own.discard(page)
            self.mergeable.discard(page)
            area("munmap", gone.start, gone.length)

    def at(self, page: int) -> Area:
        """What is mapped there. Raises OSError."""
        if page not in self.areas:
            raise OSError(errno.EFAULT, "nothing is mapped there")
        return self.areas[page]

    def protect(self, page: int, prot: str) -> None:
        one = self.at(page)
        area("mprotect", one.start, one.length, PROT[prot])

    def advise(self, page: int, advice: str) -> None:
        one = self.at(page)
        if advice == "mergeable":
            self.mergeable.add(page)
            return
        area("madvise", one.start, one.length, ADVICE[advice])
        if advice == "dontfork":
            self.own.add(page)
        elif advice == "dofork":
            self.own.discard(page)

    def inherit(self) -> None:
        """In a new process: forget what it did not get. Where that was, anything else may come to lie."""
        self.areas = {page: one for page, one in self.areas.items() if page not in self.own}
        self.mergeable -= self.own
        self.own = set()

    def show_ksmd(self) -> None:
        """Make mergeable what was said to be: the script has come to the line of ksmd."""
        while self.mergeable:
            one = self.areas[self.mergeable.pop()]
            self.advise_quietly(one.start, one.length, ADVICE["mergeable"])

    def advise_quietly(self, start: int, length: int, advice: int) -> None:
        libc().madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), advice)

    # --- stores and loads --------------------------------------------------------------------------------------------

    def write(self, page: int, letter: str, offset: int) -> dict[str, Any]:
        """Store it: in all of the page, or at an offset in one byte. {"signal": "SIGSEGV"} where that is refused."""
        one = self.areas.get(page)
        if one is None:
            return {"signal": "SIGSEGV"}
        first = not looks.look(one.page)["present"]
        if first and not self.drains:
            self.drain()  # so that it has room for this page and those that the interpreter will want
        found = self.store(one.page + offset, letter, 1 if offset else PAGE)
        if first and not found and one.kind == "thp" and not self.is_huge(one):
            raise Forbidden("no huge page was to be had")
        return found

    def store(self, address: int, letter: str, length: int = PAGE) -> dict[str, Any]:
        """With the right to store, by an instruction. Without it the kernel copies it there, and says EFAULT: no signal ends us."""
        rights = looks.mapping(address) or "----"
        if rights[1] == "w":
            at, value = ctypes.c_void_p(address), ord(letter)
            libc().memset(at, value, ctypes.c_size_t(length))
            return {}
        os.write(self.second, letter.encode())
        try:
            call("read", self.first, ctypes.c_void_p(address), ctypes.c_size_t(1))
        except OSError:
            os.read(self.first, 1)
            return {"signal": "SIGSEGV"}
        return {}

    def read(self, page: int) -> dict[str, Any]:
        """Load it, by the kernel's own copying: no signal ends us."""
        one = self.areas.get(page)
        if one is None:
            return {"signal": "SIGSEGV"}
        try:
            call("write", self.second, ctypes.c_void_p(one.page), ctypes.c_size_t(1))
        except OSError:
            return {"signal": "SIGSEGV"}
        return {"value": letter_of(os.read(self.first, 1))}

    def drain(self) -> None:
        """Empty this processor's batches of pages that wait for the LRU lists: each counts as a reference meanwhile.

        Any MADV_COLD (v5.4) does it first, also of a page that is not there. Unmapping one does not on v6.18.
        """
        self.advise_quietly(self.empty, PAGE, MADV_COLD)

    def is_huge(self, one: Area) -> bool:
        """Whether a huge page is mapped there, by smaps, which asks for no privilege."""
        found = ""
        with open("/proc/self/smaps") as file:
            for line in file:
                if line.startswith("AnonHugePages:"):
                    if found:
                        return not line.split()[1].startswith("0")
                elif "-" in line.split(None, 1)[0]:
                    first, end = (int(part, 16) for part in line.split(None, 1)[0].split("-"))
                    found = line if first <= one.page < end else ""
        return False

    def poke(self, page: int, letter: str) -> None:
        """A forced write, past the rights of the mapping. Raises Forbidden; OSError if this page alone is refused."""
        one = self.at(page)
        try:
            self.force(one.page, letter)
        except OSError:
            try:
                self.force(mmap(0, PAGE, PROT["r"], MAP_PRIVATE | MAP_ANONYMOUS), letter)
            except OSError as error:
                raise Forbidden(f"writes through /proc/PID/mem are refused here: {error.strerror}") from None
            raise

    def force(self, address: int, letter: str) -> None:
        """Raises OSError."""
        handle = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(handle, letter.encode(), address)
        finally:
            os.close(handle)

    def write_to(self, pid: int, address: int, letter: str) -> None:
        """process_vm_writev, to an address of another process. Raises OSError."""
        here = ctypes.create_string_buffer(letter.encode())
        local, remote = iovec((ctypes.addressof(here), 1)), iovec((address, 1))
        one = ctypes.c_ulong(1)
        call("process_vm_writev", pid, local, one, remote, one, ctypes.c_ulong(0))

    def keeps_soft_dirty(self) -> bool:
        """Whether a page that was just written is soft-dirty."""
        self.store(self.scratch, "x")
        return bool(looks.look(self.scratch).get("soft_dirty"))

    # --- what can be seen --------------------------------------------------------------------------------------------

    def look(self) -> dict[str, dict[str, Any]]:
        """By page, what can be seen without a fault; the letter, where the page is present and may be read."""
        found = {}
        for page, one in self.areas.items():
            seen, rights = looks.look(one.page), looks.mapping(one.page) or "----"
            if seen["present"] and rights[0] == "r":
                seen["value"] = letter_of(ctypes.string_at(one.page, 1))
            found[str(page)] = seen
        return found


def letter_of(byte: bytes) -> str:
    return byte.decode("latin-1").replace("\0", "0")
