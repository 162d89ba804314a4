"""The machine at hand: which kernel, which rights, and what scripts it cannot run. Nothing is changed in finding out."""

from __future__ import annotations

import mmap
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from cowlab.events import Event
from cowlab.scenario import Scenario

PAGE = 4096
NO_PROGRAM = "no program can ask for it"
# Verbs of a script that user space has no way to do, and why.
UNSAID = {
    "get": "a plain reference to write: only test kernels give one to programs (CONFIG_GUP_TEST)",
    "pin": "a pin to read: only test kernels give one to programs (CONFIG_GUP_TEST)",
    "swap_out": f"reclaim takes the page when it likes: {NO_PROGRAM}",
    "migrate": f"the page moves when the kernel likes: {NO_PROGRAM}",
    "drop": f"a passing reference of the kernel's own: {NO_PROGRAM}",
    "counter": "no kernel has such a counter",
}


def impossible(scenario: Scenario) -> str:
    """Why that script cannot be run here; "" if nothing is known against it."""
    if sys.platform != "linux":
        return f"this is not Linux ({platform.system() or sys.platform})"
    if mmap.PAGESIZE != PAGE:
        return f"pages are of {mmap.PAGESIZE >> 10} KiB here, and the scripts run with 4 KiB"
    for event in scenario.events:
        if event.verb in UNSAID and taken_by(event) == event.verb:
            return UNSAID[event.verb]
        if event.verb == "hold" and "lru" not in event.args:
            return UNSAID["drop"]
        if event.verb == "ksm" and not ksm_runs():
            return "KSM is off (/sys/kernel/mm/ksm/run is not 1)"
        if event.verb == "madvise" and event.args[0] == "pageout" and not swaps():
            return "there is no swap (/proc/swaps)"
    return ""


def taken_by(event: Event) -> str:
    """The verb by which a program can have that reference: a plain one to read as vmsplice's, a pin to write as io_uring's."""
    if event.verb == "get" and "write" not in event.args[1:]:
        return "vmsplice"
    return "register" if event.verb == "pin" and "write" in event.args[1:] else event.verb


def ksm_runs() -> bool:
    return text("/sys/kernel/mm/ksm/run") == "1"


def swaps() -> bool:
    return len(text("/proc/swaps").splitlines()) > 1


def text(path: str) -> str:
    """A file of the kernel's; "" if it is not there or may not be read."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


class Machine(NamedTuple):
    """Facts that decide what can be run and seen. kernel: as uname says; facts: in words, by name."""

    kernel: str
    package: str
    privileges: str
    facts: dict[str, str]


def machine() -> Machine:
    """This one."""
    uname = platform.uname()
    package = f"{uname.system} {uname.release} {uname.version} {uname.machine}"
    if sys.platform != "linux":
        return Machine(uname.release, package, "not asked for", {})
    return Machine(uname.release, package, privileges(), facts())


def privileges() -> str:
    """root, or user 65534; and what narrows that."""
    status = dict(line.split(":\t", 1) for line in text("/proc/self/status").splitlines() if ":\t" in line)
    mapped = text("/proc/self/uid_map").split()
    words = ["root" if os.geteuid() == 0 else f"user {os.geteuid()}"]
    if mapped and mapped != ["0", "0", "4294967295"]:
        words.append("in a user namespace")
    if status.get("NoNewPrivs", "0") == "1":
        words.append("no new privileges")
    if status.get("Seccomp", "0") != "0":
        words.append("system calls filtered")
    return ", ".join(words)


def facts() -> dict[str, str]:
    """What of the configuration matters."""
    huge = "/sys/kernel/mm/transparent_hugepage/enabled"
    locked = resource_limit()
    return {
        "frames": "seen" if sees_frames() else "hidden",
        "processors": str(os.cpu_count()),
        "swap": "yes" if swaps() else "none",
        "ksm": "on" if ksm_runs() else "off",
        "transparent_hugepage": next((one.strip("[]") for one in text(huge).split() if one[0] == "["), "not there"),
        "hugetlb pages free": meminfo("HugePages_Free"),
        "io_uring_disabled": text("/proc/sys/kernel/io_uring_disabled") or "not said",
        "unprivileged_userfaultfd": text("/proc/sys/vm/unprivileged_userfaultfd") or "not said",
        "locked memory": "unlimited" if locked < 0 else f"{locked >> 10} KiB",
    }


def meminfo(name: str) -> str:
    return next((line.split()[1] for line in text("/proc/meminfo").splitlines() if line.startswith(f"{name}:")), "0")


def resource_limit() -> int:
    """RLIMIT_MEMLOCK in bytes; -1 for none."""
    import resource  # POSIX only

    return resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]


def sees_frames() -> bool:
    """Whether pagemap shows the number of a frame: of the page under a buffer of ours."""
    import ctypes
    import struct

    buffer = ctypes.create_string_buffer(1)
    try:
        with open("/proc/self/pagemap", "rb") as file:
            file.seek(ctypes.addressof(buffer) // PAGE * 8)
            return bool(struct.unpack("=Q", file.read(8))[0] & ((1 << 55) - 1))
    except (OSError, struct.error):
        return False


def more_as_root() -> list[str]:
    """What root would add here, a sentence each."""
    found: list[str] = []
    if sys.platform != "linux":
        return found
    if not sees_frames():
        found.append("root would also see which frame a page is (pagemap), and how often it is mapped (kpagecount)")
    if os.geteuid() != 0 and text("/proc/sys/vm/unprivileged_userfaultfd") != "1":
        found.append(
            "root could also stop a direct transfer half-way (userfaultfd), for the scenarios with direct_read"
        )
    return found
