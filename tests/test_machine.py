"""The machine at hand: what cannot be run, the rights, the facts; nothing of it may depend on the real one."""

from __future__ import annotations

import os
import sys

import pytest
from onkernel import linux, script

from cowlab.live import machine
from cowlab.live.machine import impossible, more_as_root, sees_frames, taken_by


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the files of the kernel say; what is not named is not there."""
    said: dict[str, str] = {}
    monkeypatch.setattr(machine, "text", lambda path: said.get(path, ""))
    monkeypatch.setattr(sys, "platform", "linux")
    return said


SWAP = "Filename Type Size\n/dev/sda partition 8"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("P: write A; P: fork C; P: register g; g: write D", ""),
        ("P: vmsplice g", ""),
        ("P: get g", ""),
        ("P: pin g write", ""),
        ("P: pin g write longterm", ""),
        ("kernel: hold P lru", ""),
        ("P: madvise dontneed", ""),
        ("P: get g write", "a plain reference to write: only test kernels"),
        ("P: pin g", "a pin to read: only test kernels"),
        ("P: pin g longterm", "a pin to read: only test kernels"),
        ("P: read; kernel: swap_out P", "reclaim takes the page"),
        ("kernel: migrate P", "the page moves when"),
        ("kernel: hold P", "a passing reference"),
        ("kernel: drop P", "a passing reference"),
        ("kernel: counter 5 bias 8", "no kernel has such a counter"),
        ("kernel: ksm P P @1", "KSM is off"),
        ("P: madvise pageout", "there is no swap"),
    ],
)
def test_what_no_script_can_do_here(text: str, why: str, files: dict[str, str]) -> None:
    assert impossible(script(text)).startswith(why) and bool(impossible(script(text))) is bool(why)


def test_pages_of_another_size(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.mmap, "PAGESIZE", 65536)
    assert impossible(script("P: write A")) == "pages are of 64 KiB here, and the scripts run with 4 KiB"


def test_what_a_machine_may_have(files: dict[str, str]) -> None:
    files.update({"/sys/kernel/mm/ksm/run": "1", "/proc/swaps": SWAP})
    assert impossible(script("kernel: ksm P P @1")) == impossible(script("P: madvise pageout")) == ""
    files.update({"/sys/kernel/mm/ksm/run": "2", "/proc/swaps": SWAP.splitlines()[0]})
    assert impossible(script("kernel: ksm P P @1")) and impossible(script("P: madvise pageout"))


@pytest.mark.parametrize(("system", "said"), [("darwin", "this is not Linux ("), ("emscripten", "this is not Linux (")])
def test_another_system(system: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delattr(os, "geteuid", raising=False)  # some have none of this
    monkeypatch.setitem(sys.modules, "resource", None)
    assert impossible(script("P: read")).startswith(said)
    here = machine.machine()
    assert (here.privileges, here.facts, more_as_root()) == ("not asked for", {}, [])


@pytest.mark.parametrize(
    ("event", "verb"),
    [
        ("P: get g", "vmsplice"),
        ("P: pin g write", "register"),
        ("P: get g write", "get"),
        ("P: pin g", "pin"),
        ("P: register g", "register"),
    ],
)
def test_by_which_call_a_program_has_that_reference(event: str, verb: str) -> None:
    assert taken_by(script(event).events[0]) == verb


@pytest.mark.parametrize(
    ("uid", "status", "mapped", "words"),
    [
        (0, "", "0 0 4294967295", "root"),
        (65534, "NoNewPrivs:\t1", "", "user 65534, no new privileges"),
        (0, "NoNewPrivs:\t0\nSeccomp:\t2", "0 1000 1", "root, in a user namespace, system calls filtered"),
        (7, "NoNewPrivs:\t1\nSeccomp:\t1", "0 0 4294967295", "user 7, no new privileges, system calls filtered"),
    ],
)
def test_privileges(
    uid: int, status: str, mapped: str, words: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.update({"/proc/self/status": f"Name:\tx\n{status}", "/proc/self/uid_map": mapped})
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert machine.privileges() == words


@linux
def test_facts_in_words(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "sees_frames", lambda: False)
    monkeypatch.setattr(machine, "resource_limit", lambda: 8 << 20)
    assert machine.facts() == {
        "frames": "hidden",
        "processors": str(os.cpu_count()),
        "swap": "none",
        "ksm": "off",
        "transparent_hugepage": "not there",
        "hugetlb pages free": "0",
        "io_uring_disabled": "not said",
        "unprivileged_userfaultfd": "not said",
        "locked memory": "8192 KiB",
    }
    files["/sys/kernel/mm/transparent_hugepage/enabled"] = "always [madvise] never"
    files["/proc/meminfo"] = "MemTotal: 9 kB\nHugePages_Total:  5\nHugePages_Free:  3"
    monkeypatch.setattr(machine, "resource_limit", lambda: -1)
    found = machine.facts()
    assert [found[name] for name in ("transparent_hugepage", "hugetlb pages free", "locked memory")] == [
        "madvise",
        "3",
        "unlimited",
    ]


def test_what_root_would_add(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "sees_frames", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert more_as_root() == []
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert [line.split(" (")[0] for line in more_as_root()] == ["root could also stop a direct transfer half-way"]
    files["/proc/sys/vm/unprivileged_userfaultfd"] = "1"
    monkeypatch.setattr(machine, "sees_frames", lambda: False)
    assert [line.split(" (")[0] for line in more_as_root()] == ["root would also see which frame a page is"]


@linux
def test_this_machine() -> None:
    here = machine.machine()
    assert here.kernel == os.uname().release and here.kernel in here.package and here.package.startswith("Linux ")
    assert here.privileges.split(",")[0] in ("root", f"user {os.geteuid()}")
    assert here.facts["frames"] == ("seen" if sees_frames() else "hidden")
    assert machine.text("/proc/no such file") == "" and machine.text("/proc/self/mem") == ""
