"""What can be seen of a page without touching it: /proc/self/pagemap, and for root kpagecount and kpageflags.

The number of a frame needs CAP_SYS_ADMIN where the machine began; without it, it reads as 0.
"""

from __future__ import annotations

import os
import struct
from functools import cache
from typing import Any

from cowlab.live.actor.system import PAGE

FRAME = (1 << 55) - 1
SOFT_DIRTY, MAPPED_ONCE, SWAPPED, PRESENT = 1 << 55, 1 << 56, 1 << 62, 1 << 63
FLAGS = {"anon": 12, "swapcache": 13, "hugetlb": 17, "ksm": 21, "thp": 22, "zero": 24}  # KPF_*: bits of kpageflags


def look(address: int) -> dict[str, Any]:
    """present, swapped, soft_dirty, once (mapped), frame and mapcount and flags; None for what this process may not see."""
    found = word("/proc/self/pagemap", address // PAGE)
    if found is None:
        return {"present": None}
    present, swapped = bool(found & PRESENT), bool(found & SWAPPED)
    number = (found & FRAME) if present and found & FRAME else None
    count, bits = (
        (None, None) if number is None else (word("/proc/kpagecount", number), word("/proc/kpageflags", number))
    )
    return {
        "present": present,
        "swapped": swapped,
        "soft_dirty": bool(found & SOFT_DIRTY),
        "once": bool(found & MAPPED_ONCE),
        "frame": number,
        "mapcount": count,
        "flags": None if bits is None else [name for name, bit in FLAGS.items() if bits >> bit & 1],
    }


def word(path: str, place: int) -> int | None:
    """The 64-bit word at that place of a file of the kernel; None if it may not be read."""
    try:
        found = os.pread(opened(path), 8, 8 * place)
    except OSError:
        return None
    return int(struct.unpack("=Q", found)[0]) if len(found) == 8 else None


@cache
def opened(path: str) -> int:
    """Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def forget() -> None:
    """In a new process /proc/self is another one."""
    opened.cache_clear()


def mapping(address: int) -> str | None:
    """The rights of the mapping at an address as /proc/self/maps has them, rw-p; None if there is none."""
    try:
        with open("/proc/self/maps") as file:
            for line in file:
                area, rights, *_ = line.split(None, 2)
                first, end = (int(part, 16) for part in area.split("-"))
                if first <= address < end:
                    return rights
    except OSError:  # no /proc
        pass
    return None
