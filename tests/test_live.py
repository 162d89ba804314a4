"""`cowlab live` on the kernel at hand: all of it as root, what is left with fewer rights, and that nothing stays behind."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from onkernel import ROOT, linux, live, nobody, python, ran, readable, reasons, release, root, script

from cowlab import POLICIES, Event, Scenario, World, enabled, format, scenarios, transition
from cowlab.live import drive, machine, record
from cowlab.live.agreement import Recording, compare, read_recording
from cowlab.live.drive import Run, run
from cowlab.live.ran import Ran
from cowlab.live.record import fields_of, observe, run_all
from cowlab.live.references import Skip

pytestmark = linux
ROW = "v6.5"
new_kernel = pytest.mark.skipif(
    sys.platform == "linux" and release() < (6, 5), reason="another policy stands for a kernel before 6.5"
)
# Why a scenario of the atlas may stay out, whatever the rights.
SETUP = (
    "soft-dirty bits",
    "there is no swap",
    "no hugetlb page is reserved",
    "KSM is off",
    "CONFIG_GUP_TEST",
    "no program can ask for it",
    "no kernel has such a counter",
)


def refusals(found: dict[str, Any]) -> dict[str, int]:
    """How many scenarios each reason keeps out that is about rights."""
    return {why: len(names) for why, names in reasons(found).items() if not any(word in why for word in SETUP)}


def agrees(found: dict[str, Any]) -> None:
    """All that was seen there is what the policy shows."""
    different = [
        f"{name}, {field}: {value} here, {model} in {ROW}"
        for name, row in found["results"].items()
        for field, value, model in differing(scenarios()[name], row["seen"])
    ]
    assert not different, "\n".join(different)


def differing(scenario: Scenario, seen: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    here = Recording("here", "", ROW, 1, {}, {}, {scenario.name: seen})
    for cell in compare(here, ROW, {scenario.name: scenario}):
        if not cell.reason and not cell.agrees:
            yield cell.field, cell.recorded, cell.model


# --- as root ---------------------------------------------------------------------------------------------------------


@root
@new_kernel
def test_the_whole_atlas_twice_is_one_recording_and_agrees(tmp_path: Path) -> None:
    first = live("--record", str(tmp_path / "mine.json"))
    kept = read_recording((tmp_path / "mine.json").read_text("utf-8"), "mine.json")
    assert kept.runs == 2 and list(kept.results) == list(scenarios())
    for name, row in first["results"].items():  # what differs the second time is not kept
        assert kept.results[name] == (row["seen"] or {"na": row["skipped"]}), name
    agrees(first)
    assert first["privileges"] == "root" and ROW in first["nearest"] and first["agree"] == first["values"] > 0
    assert not refusals(first)


# --- with fewer rights -----------------------------------------------------------------------------------------------

NO_STOP = "userfaultfd for faults in the kernel is refused here: userfaultfd: Operation not permitted"


@root
@new_kernel
def test_as_nobody() -> None:
    readable()
    found = live(python=python(), preexec_fn=nobody)
    agrees(found)
    assert found["privileges"] == "user 65534, no new privileges"
    assert found["machine"]["frames"] == "hidden"
    assert not [row for row in found["results"].values() if {"same", "moved"} & set(row["seen"].values())]
    assert set(refusals(found)) <= {NO_STOP} and found["values"] > 300


@root
@new_kernel
def test_in_a_user_namespace() -> None:
    command = ("unshare", "--user", "--map-root-user", "--mount")
    try:
        usable = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        usable = False
    if not usable:
        pytest.skip("no user namespace is to be had")
    found = live(command=command)
    agrees(found)
    assert found["privileges"] == "root, in a user namespace" and found["machine"]["frames"] == "hidden"
    assert set(refusals(found)) <= {NO_STOP} and found["values"] > 300


# By architecture, as io_uring_setup has one number only.
NUMBERS = {
    "x86_64": {
        **{"vmsplice": 278, "userfaultfd": 323, "process_vm_writev": 311, "memfd_create": 319, "madvise": 28},
        **{"tee": 276, "preadv": 295, "pwritev": 296, "socketpair": 53, "clone": 56},
    },
    "aarch64": {
        **{"vmsplice": 75, "userfaultfd": 282, "process_vm_writev": 271, "memfd_create": 279, "madvise": 233},
        **{"tee": 77, "preadv": 69, "pwritev": 70, "socketpair": 199, "clone": 220},
    },
}
ONE_OF_EACH = (
    *(
        "leak",
        "s08_uring_fork_parent_writes",
        "s19_direct_fork_parent_writes",
        "s09_uring_uffdwp",
        "thp-split-mprotect",
    ),
    *("s21_process_vm_writev", "s15_forcewrite_file", "s22_dontfork", "s01_fork_child_writes"),
)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def without(*calls: str, refusal: int) -> Callable[[], None]:
    """To be called between fork and exec: these system calls fail with that errno from now on."""
    numbers = NUMBERS.get(platform.machine())
    if numbers is None:
        pytest.skip(f"the numbers of system calls on {platform.machine()} are not known here")
    wanted = [{**numbers, "io_uring_setup": 425}[name] for name in calls]
    lines = [(0x20, 0, 0, 0), *((0x15, len(wanted) - n, 0, number) for n, number in enumerate(wanted))]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | refusal)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program, libc = Program(len(lines), ctypes.addressof(code)), ctypes.CDLL(None)

    def enter(_kept: object = code) -> None:
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
            raise OSError("no filter")

    return enter


URING, DIRECT, UFFD, THP = (
    "s08_uring_fork_parent_writes",
    "s19_direct_fork_parent_writes",
    "s09_uring_uffdwp",
    "thp-split-mprotect",
)
# What each call is needed for, and what is said of it; {} is the kernel's word.
REFUSED: dict[str, dict[str, str]] = {
    "vmsplice": {"leak": "vmsplice: {}"},
    "io_uring_setup": dict.fromkeys((URING, UFFD, THP), "io_uring is refused here: io_uring_setup: {}"),
    "userfaultfd": {
        DIRECT: "userfaultfd for faults in the kernel is refused here: userfaultfd: {}",
        UFFD: "userfaultfd is refused here: userfaultfd: {}",
    },
    "process_vm_writev": {"s21_process_vm_writev": "process_vm_writev: {}"},
    "memfd_create": {
        **dict.fromkeys((URING, UFFD, THP), "memfd_create: {}"),
        "s15_forcewrite_file": "no file to map: [Errno {n}] {}",
    },
    "madvise": {"s22_dontfork": "madvise: {}", THP: "no huge pages by madvise: madvise: {}"},
    "tee": dict.fromkeys(("leak",), "refused here: tee: {}"),
    "socketpair": dict.fromkeys(ONE_OF_EACH, "no process can be started: {}"),
}


@root
@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS], ids=["EPERM", "ENOSYS"])
@pytest.mark.parametrize("call", REFUSED)
def test_without_a_system_call_the_rest_runs(call: str, refusal: int) -> None:
    before = usable()
    found = live(*before, preexec_fn=without(call, refusal=refusal))
    assert "system calls filtered" in found["privileges"]
    word = os.strerror(refusal)
    wanted = {name: why.format(word, n=refusal) for name, why in REFUSED[call].items() if name in before}
    assert wanted
    skipped = {why: set(names) for why, names in reasons(found).items()}
    assert {name: why for why, names in skipped.items() for name in names if name in wanted} == {
        name: why.split(": ", 2)[-1] if why.startswith("line ") else why for name, why in wanted.items()
    }
    for name in set(before) - set(wanted):
        assert found["results"][name]["skipped"] is None, name


def usable() -> list[str]:
    """Those of ONE_OF_EACH that this machine runs with all rights."""
    return [one.scenario.name for one in run_all(scenarios()[name] for name in ONE_OF_EACH) if one.run is not None]


@root
@new_kernel
@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS], ids=["EPERM", "ENOSYS"])
def test_without_all_of_them(refusal: int) -> None:
    calls = ("vmsplice", "io_uring_setup", "userfaultfd", "process_vm_writev", "memfd_create", "madvise")
    found = live(preexec_fn=without(*calls, refusal=refusal))
    agrees(found)
    said = " ".join(refusals(found))
    assert all(call in said for call in calls if call != "memfd_create") and "no file to map" in said
    assert found["values"] > 50


def test_without_processes_nothing_runs_and_that_is_said() -> None:
    found = live("leak", "cow-basic", preexec_fn=without("clone", refusal=errno.EPERM))
    assert set(reasons(found)) == {"its process ended: PermissionError: [Errno 1] Operation not permitted"}
    assert (found["nearest"], found["agree"], found["values"]) == ([], 0, 0)


def test_the_table_of_what_was_skipped() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cowlab", "live", "leak", "leak-reverse", "cow-basic", "overflow"],
        **{"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60, "check": False},
        preexec_fn=without("vmsplice", refusal=errno.EPERM),
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    table = rows[rows.index("skipped why") :]
    assert table[2:6] == [
        "2 vmsplice: Operation not permitted",
        "leak, leak-reverse",
        "1 no kernel has such a counter",
        "overflow",
    ]
    assert any(line.startswith("nearest ") for line in table)


def boot(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let each process of a script run that code first."""
    monkeypatch.setattr(drive, "BOOT", drive.BOOT.replace("main({fds}", f"{code}\nmain({{fds}}"))


def test_where_pagemap_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    boot(monkeypatch, "from cowlab.live.actor import looks; looks.word = lambda path, place: None")
    run = drive.run(scenarios()["cow-basic"])
    assert {look.present for moment in run.moments for look in moment.looks.values()} == {None}
    assert record.noted(run) == {
        name: "?" if value in ("same", "moved") else value for name, value in record.noted(run).items()
    }
    assert not list(differing(run.scenario, {f: v for f, v in record.noted(run).items() if v != "?"}))


def test_a_store_that_is_refused_makes_no_huge_page() -> None:
    ran("P: munmap; P: mmap thp; P: write A")  # or there are none to be had
    assert run(script("P: munmap; P: mmap thp r; P: write A")).moments[-1].outcome == "sigsegv"


def test_not_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    for one in run_all(scenarios().values()):
        assert one.run is None and one.skipped.startswith("this is not Linux ("), one.scenario.name


# --- pages for ksmd --------------------------------------------------------------------------------------------------

TELL = """
from cowlab.live.actor.memory import Memory
def tell(self, start, length, advice, quietly=Memory.advise_quietly):
    if advice == 12:  # MADV_MERGEABLE
        with open(%r, "a") as file:
            file.writelines(str(page) for page, one in self.areas.items() if one.start == start)
    quietly(self, start, length, advice)
Memory.advise_quietly = tell
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("P: madvise mergeable; P: write A", ""),
        ("P: mmap anon @1; P: madvise mergeable @1; kernel: ksm P P @1", "1"),
        ("P: madvise mergeable; kernel: ksm P P; kernel: ksm P P", "0"),
        ("P: madvise mergeable; P: fork C; kernel: ksm P C", "00"),
        ("P: madvise mergeable; P: fork C; C: exit; kernel: ksm P P", "0"),
        ("P: fork C; C: madvise mergeable; C: exit; kernel: ksm P P", ""),
        ("P: madvise mergeable; P: madvise dontfork; P: fork C; C: mmap anon; kernel: ksm P C", "0"),
        ("P: madvise mergeable; P: munmap; P: mmap anon; kernel: ksm P P", ""),
    ],
)
def test_ksmd_is_told_at_its_own_line(text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is mergeable by then: in a child too, and no more where the process or the mapping has gone."""
    monkeypatch.setattr(machine, "ksm_runs", lambda: True)
    monkeypatch.setattr(drive.Stage, "merge", lambda stage: None)
    boot(monkeypatch, TELL % str(tmp_path / "told"))
    (tmp_path / "told").touch()
    run(script(text))
    assert (tmp_path / "told").read_text() == told


def test_what_is_not_mapped_cannot_be_mergeable() -> None:
    assert run(script("P: munmap; P: madvise mergeable")).moments[-1].outcome == "refused"


# --- scripts that hang -----------------------------------------------------------------------------------------------

DEAF = "from cowlab.live.actor.serve import Actor; import time; Actor.do_mprotect = lambda *a, **k: time.sleep(99)"


def test_a_process_that_never_answers_is_skipped_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    boot(monkeypatch, DEAF)
    monkeypatch.setattr(record, "run", lambda scenario: drive.run(scenario, 2))
    chosen = [
        scenarios()["cow-basic"],
        script("P: write A; P: fork C; C: mprotect r", "hangs"),
        scenarios()["reuse-in-child"],
    ]
    found = list(run_all(chosen))
    assert [one.skipped for one in found] == ["", "line 3, C: mprotect r: no answer within 2 seconds", ""]
    assert not left()


@root
def test_a_store_that_waits_for_its_monitor_is_skipped() -> None:
    scenario = script("P: write A; P: fork C; C: read; C: uffd_wp on; C: write B")
    with pytest.raises(Skip, match=r"line 5, C: write B: no answer within 2 seconds"):
        run(scenario, 2)
    assert not left()


# --- scripts of all kinds --------------------------------------------------------------------------------------------

# Each was once wrong: in what a process is asked, in what is kept or given up, or in where a page is.
SCRIPTS = (
    "P: write A; P: vmsplice g; g: put",
    "P: write A; P: fork C; P: vmsplice g; g: put; C: exit; P: write B",
    "P: write A; P: vmsplice g; g: put; P: fork g; g: write B; g: read; P: read",
    "P: write A; P: register g; g: put; P: fork C; C: write B; P: write D",
    "P: write A; P: fork C; C: register g; g: put; C: exit; P: fork C; C: register g; C: write B; g: read; P: read",
    "P: write A; P: fork C; C: exit; P: fork C; C: write B; P: read; C: read",
    "P: write A; P: fork C; C: vmsplice g; C: exit; P: fork C; P: write B; g: read; C: read",
    "P: write A; P: fork C; C: fork D; P: exit; C: exit; D: write B; D: read",
    "P: write A; P: fork C; C: fork D; C: exit; D: write B; P: write E; P: read; D: read",
    "P: munmap; P: write A; P: read; P: mprotect r; P: madvise dontneed; P: poke B; P: fork C; C: vm_write P B",
    "P: munmap; P: register g; g: write A; g: read; g: put; P: fork g; g: read",
    "P: write A; P: fork C; P: mmap anon @1; C: mmap anon @2; C: mmap anon @1; C: write B @1; P: vm_write C X @1; C: read @1; P: read @1",
    "P: fork C; C: mmap anon @1; P: vm_write C X @1; C: read @1",
    "P: mmap anon @1; P: write A; P: write B @1; P: uffd_wp on; P: uffd_wp on @1; P: uffd_wp off; P: uffd_wp off @1; P: write X @1; P: write Y",
    "P: mmap anon @1; P: write A @1; P: fork C; C: vmsplice g @1; P: write B @1; g: read; C: read @1; P: read",
    "P: mmap file; P: read; P: mmap file @1; P: write A @1; file: read; file: read @1; P: read @1",
    "P: write A; P: direct_write g; P: direct_write h; P: write B; g: read; h: read; g: put; h: put",
    "P: write A; P: direct_read g; P: direct_write h; h: put; g: write D; g: put; P: read",
    "P: write A; P: direct_read g; g: write D; g: put; P: read; P: direct_read g; g: write E; g: put; P: read",
    "P: write A; P: mprotect r; P: direct_read g; g: put; P: direct_write h; h: read",
    "P: mmap shared; P: write A; P: mprotect r; P: poke B; P: read",
    "P: mmap thp; P: write A; P: direct_read g; P: write B; g: write D; P: read",
    "P: munmap; P: mmap thp r; P: write A; P: mprotect rw; P: write B",
    "P: poke B; P: poke D; P: fork C; C: exit; P: write E",
    "P: vm_write P B; P: vm_write P D; P: fork C; C: exit; P: write E",
    "P: read; P: madvise dontfork; P: fork C; C: direct_read h; C: mprotect none; C: read; C: poke L",
    "P: write A; P: madvise dontfork; P: mmap anon @1; P: fork C; C: direct_read h @1; C: vm_write C P; C: direct_write g",
)


def parted(run: Run) -> list[str]:
    """The lines in which the kernel shows something else than the policy."""
    here = {field: observe(run.scenario, field, Ran(run)) for field in fields_of(run.scenario)}
    seen = {field: value for field, value in here.items() if "?" not in value}
    return [" | ".join(cell) for cell in differing(run.scenario, seen)]


@root
@new_kernel
@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_shows_what_the_policy_shows(text: str) -> None:
    try:
        found = run(script(text))
    except Skip as skip:
        pytest.skip(f"cannot be run on this machine: {skip}")
    assert not parted(found)


VERBS = (
    "write",
    "write",
    "read",
    "fork",
    "exit",
    "munmap",
    "mmap",
    "mprotect",
    "madvise",
    "vmsplice",
    "register",
    "put",
)
AWAY = ("pageout", "mergeable", "hugetlb", "thp")  # what a machine may lack


def walk(seed: int) -> str:
    """A script that can happen, of up to 12 lines, the same for each seed."""
    dice, world, found = random.Random(seed), World(), list[Event]()
    for letter in "ABCDEGHIJKLM":
        choices = list(enabled(world, (dice.choice(VERBS),), letter, pages=(0, 1)))
        choices = [event for event in choices if not set(event.args) & set(AWAY) and not lasting(world, event)]
        event = dice.choice(choices) if choices else None
        step = event and transition(world, event, POLICIES[ROW])
        if event and step:
            world = step.world
            found.append(event)
    return "; ".join(map(format, found))


def lasting(world: World, event: Event) -> bool:
    """Whether a registered buffer would have to outlive its process, or nobody would be left."""
    held = any(one.owner == event.actor and one.verb == "register" for one in world.references)
    return event.verb == "exit" and (held or len(world.processes) == 1)


@root
@new_kernel
@pytest.mark.parametrize("seed", range(40))
def test_a_random_script_shows_what_the_policy_shows(seed: int) -> None:
    text = walk(seed)
    try:
        found = run(script(text))
    except Skip as skip:
        pytest.fail(f"{text}\n{skip}")
    assert not parted(found), text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("P: write A; P: register g; P: exit", "line 3, P: exit: g would end with P"),
        ("P: write A; P: direct_read g; g: put", "line 3, g: put: a direct read cannot be given up without its data"),
        (
            "P: write A; P: direct_read g; g: write D; P: write B",
            "line 4, P: write B: g is over since its data have moved",
        ),
    ],
)
@root
def test_what_no_program_can_do_is_skipped(text: str, why: str) -> None:
    with pytest.raises(Skip, match=why):
        run(script(text))


# --- nothing stays ---------------------------------------------------------------------------------------------------


def left() -> list[str]:
    """The processes of scripts that came from this test run and have not ended."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if place.name.isdigit() and b"cowlab.live.actor.serve" in (place / "cmdline").read_bytes():
                words = (place / "stat").read_text().rpartition(")")[2].split()
                if words[0] != "Z" and mark(place) == MARK:
                    found.append(f"{place.name}: {' '.join(words[:4])}")
    return found


MARK = f"COWLAB_TEST={os.getpid()}"


def mark(place: Path) -> str:
    """What marks a process of this test run, and all that came from it."""
    return MARK if MARK.encode() in (place / "environ").read_bytes().split(b"\0") else ""


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*MARK.split("="))


def gone() -> bool:
    """Whether all have gone, a few seconds later at most."""
    until = time.monotonic() + 10
    while left() and time.monotonic() < until:
        time.sleep(0.05)
    return not left()


def settings() -> dict[str, str]:
    """What a tool might be tempted to change."""
    folders = ("/proc/sys/vm", "/proc/sys/kernel", "/sys/kernel/mm/ksm", "/sys/kernel/mm/transparent_hugepage")
    names = ("nr_hugepages", "swappiness", "overcommit_memory", "io_uring_disabled", "unprivileged_userfaultfd")
    names += ("run", "enabled", "defrag", "pages_to_scan", "sleep_millisecs", "randomize_va_space")
    files = [Path(folder, name) for folder in folders for name in names]
    return {str(file): file.read_text() for file in files if file.is_file()}


FOLDERS = ("/var/tmp", "/tmp")  # the folder of a test is in the last one


@contextlib.contextmanager
def started(folder: Path, *names: str) -> Iterator[subprocess.Popen[bytes]]:
    """`cowlab live` in an empty folder, where possible with empty /tmp and /var/tmp of its own: it writes nowhere else."""
    hidden = [
        name for name in FOLDERS if not any(Path(needed).is_relative_to(name) for needed in (ROOT, sys.executable))
    ]
    private = "".join(f"mount --bind {folder}{name} {name} && " for name in hidden)
    for name in ("/work", *FOLDERS):
        (folder / name[1:]).mkdir(parents=True)
    words = [sys.executable, "-m", "cowlab", "live", "--json", *names]
    command = ["unshare", "--mount", "sh", "-c", f'{private}exec "$@"', "sh", *words] if mounts() else words
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": heeds}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, cwd=folder / "work", env=environment, start_new_session=True, **quiet)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def heeds() -> None:
    """Ctrl-C, also where a shell started these tests in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def mounts() -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
    return False


def wait_for_one(process: subprocess.Popen[bytes]) -> None:
    """Until a script runs."""
    until = time.monotonic() + 60
    while not left() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


@root
@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_interrupted_at_any_moment_nothing_stays(sent: signal.Signals, moment: int, tmp_path: Path) -> None:
    before = settings()
    with started(tmp_path) as process:
        wait_for_one(process)
        time.sleep(random.Random(f"{sent.name} {moment}").random() * 1.5)
        assert process.poll() is None
        process.send_signal(sent)
        code = process.wait(30)
    assert code == (130 if sent == signal.SIGINT else -sent)
    assert gone(), left()
    assert settings() == before
    assert [str(file) for file in tmp_path.rglob("*") if file.is_file()] == []


WAITS = {
    "in a direct transfer": "P: write A\nP: fork C\nC: direct_read g\nP: read\nC: mprotect none\ng: write D\n",
    "in a store": "P: write A\nP: fork C\nC: uffd_wp on\nC: mprotect none\nC: write B\n",
}
# Play nothing beforehand, be patient, and let mprotect never be answered: the process waits in the kernel or in Python.
DRIVER = """
import sys
from cowlab.live import drive
from cowlab.scenario import read_scenario
drive.BOOT = drive.BOOT.replace("main({{fds}}", {code!r} + "\\nmain({{fds}}")
drive.run(read_scenario({text!r}, "waits"), 600)
"""
STORE = (
    "from cowlab.live.actor.serve import Actor; Actor.do_mprotect = lambda self, page, prot: self.do_write(page, 'B')"
)


@root
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
@pytest.mark.parametrize("where", WAITS)
def test_killed_while_a_process_waits_in_the_kernel_nothing_stays(where: str, sent: signal.Signals) -> None:
    code = DEAF if "transfer" in where else STORE
    program = DRIVER.format(text=WAITS[where], code=code)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL, preexec_fn=heeds)
    try:
        until = time.monotonic() + 30
        while not waiting() and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
        assert waiting()
        process.send_signal(sent)
        process.wait(30)
    finally:
        process.kill()
    assert gone(), left()


def waiting() -> bool:
    """Whether a thread of a script waits for a userfaultfd."""
    found = False
    for line in left():
        for task in Path("/proc", line.split(":")[0], "task").glob("*/wchan"):
            with contextlib.suppress(OSError):
                found = found or "userfault" in task.read_text()
    return found


@root
def test_fifty_runs_leave_no_descriptor_and_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = (
        *SCRIPTS[:8],
        SCRIPTS[15],
        "P: write A; P: vmsplice g; P: fork C; C: vmsplice h",
        "P: write A; P: munmap; P: fork C",
    )

    def once() -> None:
        for text in texts:
            with contextlib.suppress(Skip):
                run(script(text))

    once()  # what is imported and opened once
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        once()
    with pytest.raises(Skip):
        run(script("P: write A; P: vmsplice g; P: uffd_wp on; P: write B"), 0.1)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert not left() and not list(tmp_path.iterdir())


def test_a_start_that_fails_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = script("P: mmap file; P: read; P: fork C; P: fork D")
    before = len(os.listdir("/proc/self/fd"))
    for error in (OSError(errno.EAGAIN, "no more processes"), KeyboardInterrupt()):

        def refuse(*_: object, error: BaseException = error, **__: object) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", refuse)
            with pytest.raises((Skip, KeyboardInterrupt)) as seen:
                run(scenario)
        assert str(seen.value) in ("no process can be started: no more processes", "")
        assert len(os.listdir("/proc/self/fd")) == before
