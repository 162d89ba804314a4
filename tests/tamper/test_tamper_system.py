"""Attacks through the system: files, processes, signals, memory, descriptors, the network, raw system calls.

Each is tried in the arena, where it must fail, and most in the open field too, where it must work: a test that cannot fail is none.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
import time

import pytest
from arena import HONEST, MARK, Attack, attack, nothing_left, probe
from needs import ROOT

from cowlab.grading.sandbox import Limits, Trouble
from cowlab.grading.session import Session

HERE = os.getpid()
TRY = "try: out = {}\nexcept BaseException as error: out = (type(error).__name__, getattr(error, 'errno', None))"
# What is tried, what has to come of it in the arena, and in the open field ("" for what is not to be tried there).
PROBES = {
    "read the repository": (f"open({str(ROOT / 'pyproject.toml')!r}).read()[:9]", "FileNotFoundError', 2", "build-sy"),
    "list the repository": (f"'cowlab' in __import__('os').listdir({str(ROOT)!r})", "FileNotFoundError', 2", "True"),
    "see the root": ("len(__import__('os').listdir('/')) > 6", "False", "True"),
    "installed packages": (
        "any('nbgrader' in n for p in __import__('sys').path for d, _, f in __import__('os').walk(p) for n in [d])",
        "False",
        "",
    ),
    "memory of the parent": (f"open('/proc/{HERE}/mem', 'rb').read(0)", "FileNotFoundError', 2", "b''"),
    "environment of the parent": (f"len(open('/proc/{HERE}/environ').read()) > 0", "FileNotFoundError', 2", "True"),
    "its own environment": ("dict(__import__('os').environ).keys() <= {'LC_CTYPE'}", "True", "True"),
    "other processes": (
        "len([n for n in __import__('os').listdir('/proc') if n.isdigit()]) > 1",
        "FileNotFoundError', 2",
        "True",
    ),
    "signal to the parent": (
        f"__import__('os').kill({HERE}, 0)",
        r"(PermissionError', 1|ProcessLookupError', 3)",
        "out=None",
    ),
    "signal to its parent": ("__import__('os').kill(__import__('os').getppid(), 0)", "PermissionError', 1", "out=None"),
    "signal to all": ("__import__('os').kill(-1, 0)", "PermissionError', 1", ""),
    "signal to its group": ("__import__('os').killpg(0, 0)", "PermissionError', 1", "out=None"),
    "fork": ("__import__('os').fork()", "PermissionError', 1", ""),
    "thread": ("__import__('_thread').start_new_thread(print, ())", "RuntimeError", ""),
    "spawn": ("__import__('os').posix_spawn('/bin/true', ['true'], {})", "PermissionError', 1", ""),
    "program": (
        "__import__('os').execv('/bin/sh', ['sh', '-c', 'exit'])",
        r"(PermissionError', 1|FileNotFoundError', 2)",
        "",
    ),
    "subprocess": ("__import__('subprocess').run(['/bin/true'])", "(PermissionError', 1|ImportError)", ""),
    "network": (
        "__import__('socket').create_connection(('127.0.0.1', {port}), 1) and 'connected'",
        "PermissionError', 1",
        "connected",
    ),
    "datagrams": (
        "__import__('socket').socket(2, 2).sendto(b'x', ('127.0.0.1', {port}))",
        "PermissionError', 1",
        "out=1",
    ),
    "local sockets": ("__import__('socket').socket(1, 1) and 'made'", "PermissionError', 1", "made"),
    "root again": ("__import__('os').setuid(0)", "PermissionError', 1", ""),
    "another group": ("__import__('os').setgroups([0])", "PermissionError', 1", ""),
    "chroot": ("__import__('os').chroot('/')", "PermissionError', 1", ""),
    "more memory": ("__import__('resource').setrlimit(9, (1 << 40, 1 << 40))", "(ValueError|PermissionError)", ""),
    "write to the library": (f"open(__import__('os').__file__ + '{MARK}', 'w')", "OSError', 30", ""),
    "write to the root": (f"open('/{MARK}', 'w')", "(OSError', 30|PermissionError', 13)", ""),
    "link": (f"__import__('os').symlink('/', '{MARK}')", "PermissionError', 1", ""),
    "who it is": ("__import__('os').getuid() == 0", "False", ""),
    "a file of its own": (f"open('{MARK}', 'w').write('x')", "out=1", ""),
    "a large file": (f"open('{MARK}', 'wb').write(bytes(2 << 20))", "out=1048576|OSError', 27", ""),
}
CALLS = {  # x86_64
    "ptrace": (101, 16, HERE, 0, 0),
    "process_vm_readv": (310, HERE, 0, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 0),
    "unshare": (272, 0x10000000),
    "setns": (308, 0, 0),
    "clone": (56, 17, 0, 0, 0, 0),
    "clone3": (435, 0, 0),
    "vfork": (58,),
    "socket": (41, 2, 1, 0),
    "socket of x32": (0x40000000 + 41, 2, 1, 0),
    "io_uring_setup": (425, 1, 0),
    "bpf": (321, 0, 0, 0),
    "keyctl": (250, 0, 0, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0),
    "userfaultfd": (323, 0),
    "kill": (62, HERE, 0),
    "tgkill": (234, HERE, HERE, 0),
    "pidfd_open": (434, 1, 0),
    "prctl": (157, 1, 0, 0, 0, 0),
    "seccomp": (317, 0, 0, 0),
    "setuid": (105, 0),
    "shmget": (29, 0, 4096, 0o1600),
    "memfd_create": (319, 0, 0),
    "execveat": (322, 0, 0, 0, 0, 0),
    "open_by_handle_at": (304, 0, 0, 0),
    "bind": (49, 3, 0, 0),
    "sendmsg": (46, 3, 0, 0),
    "ioctl": (16, 0, 0x5412, 0),
    "setsid": (112,),
    "setitimer": (38, 0, 0, 0),
    "alarm": (37, 1),
    "chmod": (90, 0, 0),
    "reboot": (169, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
}
BOMBS = [
    Attack("10 GB", "guess", "def guess(): return len(bytearray(10**10))", "memory", "more memory"),
    Attack("10 GB above", "guess", "x = bytearray(10**10)\ndef guess(): return {}", "memory", "more than 256 MB"),
    Attack(
        "a list that grows",
        "reuse",
        "x = []\ndef reuse(page):\n    while True: x.append(bytes(10**6))",
        "memory",
        "memory",
    ),
    Attack("small things", "reuse", "x = []\ndef reuse(page):\n    while True: x.append([x])", "memory", "memory"),
    Attack(
        "swallowed",
        "reuse",
        "x = []\ndef reuse(page):\n    while True:\n        try: x.append(bytes(10**6))\n        except MemoryError: pass",
        "timeout|memory|crash",
        "",
    ),
    Attack(
        "mmap",
        "guess",
        "import mmap\ndef guess(): return len(mmap.mmap(-1, 10**10))",
        "judged|memory",
        "OSError|memory",
    ),
    Attack(
        "fork bomb",
        "guess",
        "import os\ndef guess():\n    while True: os.fork()",
        "judged",
        r"PermissionError: \[Errno 1\]",
    ),
    Attack(
        "thread bomb",
        "guess",
        "import threading\ndef guess():\n    while True: threading.Thread(target=print).start()",
        "judged",
        "can't start new thread",
    ),
    Attack("pool", "guess", "import multiprocessing\ndef guess(): multiprocessing.Pool(9)", "judged", "Error"),
    Attack(
        "descriptors",
        "guess",
        "x = []\nimport os\ndef guess():\n    while True: x.append(open(os.devnull if os.path.exists(os.devnull) else os.__file__))",
        "judged",
        "Too many open files",
    ),
    Attack(
        "files",
        "guess",
        f"def guess():\n    for n in range(10**5): open(f'{MARK}{{n}}', 'w').close()",
        "judged",
        "No space left on device",
    ),
    Attack(
        "disk",
        "guess",
        f"def guess():\n    for n in range(100): open(f'{MARK}{{n}}', 'wb').write(bytes(1 << 20))",
        "judged",
        "No space left on device",
    ),
    Attack("null pointer", "guess", "import ctypes\ndef guess(): ctypes.string_at(0)", "crash", r"signal 11"),
    Attack("abort", "guess", "import os\ndef guess(): os.abort()", "crash", r"signal (6|11|31|4|5)|exit code"),
    Attack(
        "deep C recursion",
        "guess",
        "import sys\nsys.setrecursionlimit(10**9)\ndef guess():\n    x = []\n    for _ in range(10**6): x = [x]\n    return repr(x)",
        "crash|judged|memory",
        "",
    ),
    Attack(
        "deaf",
        "guess",
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ndef guess():\n    while True: pass",
        "timeout",
        "within 3 seconds",
    ),
]


@pytest.fixture(scope="module")
def port() -> int:
    """A port of this machine on which somebody listens, as a Dask scheduler does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", PROBES)
def test_what_cannot_be_reached(arena: Session, open_field: Session, port: int, name: str) -> None:
    code, confined, free = PROBES[name]
    code = TRY.format(code.replace("{port}", str(port)))
    with nothing_left() as left:
        said = probe(arena, code)
        assert re.search(confined, said), said
        if free:
            assert re.search(free, probe(open_field, code)), "the attack does not work anywhere"
    assert not left


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of system calls are those of x86_64")
def test_raw_system_calls_are_refused(arena: Session) -> None:
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
out = []
for name, (number, *args) in {CALLS!r}.items():
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, args)) != -1 or ctypes.get_errno() != 1:
        out.append((name, ctypes.get_errno()))
"""
    assert "out=[]" in (said := probe(arena, code)), said


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86")
def test_the_other_door_into_the_kernel_is_shut(arena: Session) -> None:
    """int 0x80 has numbers of its own: 2 is fork there, and close here."""
    source = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(b"\\xb8\\x02\\x00\\x00\\x00\\xcd\\x80\\xc3")
door = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
def guess(): return {"faults": door()}
"""
    assert not attack(arena, Attack("int 0x80", "guess", source, "crash", "signal (31|11)"))


@pytest.mark.parametrize("hostile", BOMBS, ids=lambda one: one.name)
def test_bombs_cost_their_own_task_only(arena: Session, hostile: Attack) -> None:
    assert not attack(arena, hostile)


def test_processor_time_ends_too() -> None:
    """Whoever ignores the warning is killed a second later; it is called by its name."""
    session = Session(limits=Limits(seconds=60, cpu=1))
    source = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef guess():\n    while True: pass"
    try:
        assert not attack(session, Attack("busy", "guess", source, "timeout", "1 seconds of processor time"))
    finally:
        session.close()


def test_a_gigabyte_of_output_goes_nowhere_and_costs_nothing(arena: Session) -> None:
    noise = "import sys, os\nfor n in range(500):\n    print('x' * 2_000_000)\n    os.write(2, b'y' * 100_000)\nsys.stdout.flush()\n"
    assert not attack(arena, Attack("noise", "guess", noise + HONEST["guess"], "judged", "^$", 6))


def test_inherited_descriptors_are_gone(arena: Session) -> None:
    code = "import os, stat\nout = []\nfor n in range(3, 4096):\n    try: out.append(stat.S_ISSOCK(os.fstat(n).st_mode))\n    except OSError: pass"
    assert "out=[True]" in probe(arena, code)  # only what it answers through


def test_writing_to_every_descriptor_spoils_its_own_answer_only(arena: Session) -> None:
    source = "import os\nfor n in range(4096):\n    try: os.write(n, b'{\"is\": true}\\n')\n    except OSError: pass\n"
    assert not attack(
        arena, Attack("spray", "guess", source + HONEST["guess"], "bad answer", "something else|without being asked")
    )


def test_the_zygote_and_its_next_child_are_as_before(arena: Session) -> None:
    """What a child changes is gone with it: modules, files, limits."""
    change = f"import json, os, sys\njson.spoilt = 1\nopen('{MARK}', 'w').close()\nos.environ['X'] = '1'\nsys.path.append('x')\nout = 1"
    look = f"import json, os, sys\nout = [hasattr(json, 'spoilt'), os.path.exists('{MARK}'), 'X' in os.environ, 'x' in sys.path, os.getpid()]"
    assert "out=1 " in probe(arena, change)
    assert "out=[False, False, False, False, 1]" in probe(arena, look)


def test_no_signal_of_ours_is_needed_to_end_a_child_that_sleeps(arena: Session) -> None:
    with nothing_left(5) as left:
        child = arena.zygotes[0].fork(Limits(seconds=0.3))
        with pytest.raises(Trouble, match="no answer within"):
            child.load([], "import time\ntime.sleep(1e6)")
    assert not left
    start = time.monotonic()
    assert "out=1 " in probe(arena, "out = 1") and time.monotonic() - start < 30
    assert sys.platform == "linux"
