"""The machine at hand: which kernel, which rights, and what scripts it cannot run. Nothing is changed in finding out."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from cowlab.scenario import Scenario

NO_PROGRAM = "no program can ask for it"
# Verbs of a script that user space has no way to do, and why.
UNSAID = {
    "get": "a plain reference by itself: only test kernels give one to programs (CONFIG_GUP_TEST)",
    "pin": "a pin by itself: only test kernels give one to programs (CONFIG_GUP_TEST)",
    "swap_out": f"reclaim takes the page when it likes: {NO_PROGRAM}",
    "migrate": f"the page moves when the kernel likes: {NO_PROGRAM}",
    "drop": f"a passing reference of the kernel's own: {NO_PROGRAM}",
    "counter": "no kernel has such a counter",
}


def impossible(scenario: Scenario) -> str:
    """Why that script cannot be run here; "" if nothing is known against it."""
    for event in scenario.events:
        if event.verb in UNSAID:
            return UNSAID[event.verb]
        if event.verb == "hold" and "lru" not in event.args:
            return UNSAID["drop"]
        if event.verb == "ksm" and not ksm_runs():
            return "KSM is off (/sys/kernel/mm/ksm/run is not 1)"
        if event.verb == "madvise" and event.args[0] == "pageout" and not swaps():
            return "there is no swap (/proc/swaps)"
    return ""


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
