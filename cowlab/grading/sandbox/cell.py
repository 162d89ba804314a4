"""Confine a process of Linux: what a learner's code must not reach. Standard library and ctypes only.

Sent to the zygote as text: it imports nothing of ours. Two layers. `enter` is for the zygote, once: namespaces of its own, and a root in
which there is only Python's library. `lock` is for each child: nobody's rights, limits, and a list of the system calls that are left.
Where namespaces are refused, Landlock and that list still keep files, network and signals apart.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import struct
from functools import cache

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
SECCOMP_MODE_FILTER, SECCOMP_ALLOW, SECCOMP_ERRNO, SECCOMP_KILL = 2, 0x7FFF0000, 0x00050000, 0x80000000
NOBODY = 65534
SCRATCH = "size=16m,nr_inodes=1000,mode=1777"

# What Python needs once it runs: no sockets, no processes or threads, no signals to others, no programs. By architecture.
ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED = {
    "x86_64": "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 17 18 19 20 21 23 24 25 28 32 33 35 39 60 63 74 77 79 80 82 83 84 87 89 96 97 "
    "98 99 102 104 107 108 110 131 186 201 202 204 217 228 229 230 231 257 258 262 263 264 267 269 270 271 273 292 318 324 332 334 439",
    "aarch64": "23 24 34 35 38 46 48 49 56 57 61 62 63 64 65 66 67 68 72 73 78 79 80 82 93 94 98 99 101 113 114 115 123 124 132 134 "
    "135 139 160 163 165 169 172 173 174 175 176 177 178 179 214 215 216 222 226 233 278 283 291 293 439",
}
SYSCALLS = {"x86_64": {"pivot_root": 155, "capset": 126}, "aarch64": {"pivot_root": 41, "capset": 91}}
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same everywhere
LANDLOCK_FILE, LANDLOCK_LIST = 0b0100, 0b1000  # read files; list directories
LANDLOCK_RIGHTS = (
    0,
    13,
    14,
    15,
    15,
    16,
)  # how many rights there are, by its version: to move, truncate, ioctl came later
INSTALLED = ("site-packages", "dist-packages")  # what is no part of Python: the model may be there
MACHINE = platform.machine()
LIBRARY = os.path.dirname(os.path.realpath(os.__file__))


@cache
def libc() -> ctypes.CDLL:
    """Looked up once, by the zygote: it takes longer than all that a child does with it."""
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: object) -> int:
    """A function of libc. Raises OSError, also where there is no such function."""
    function = getattr(libc(), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, f"{name}: not on this system")
    result: int = function(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    texts = [text.encode() if text else None for text in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), data.encode() or None)


# --- the zygote ------------------------------------------------------------------------------------------------------


def enter() -> list[str]:
    """Take the zygote out of the system, into processes of its own. Returns what is in force; [] where the kernel refuses."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID
    if not attempt("unshare", flags | (CLONE_NEWUSER if uid else 0)):
        return []
    if inner := os.fork():  # whoever is forked first is number 1; with it end all the others
        os.closerange(0, 1 << 16)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) % 256)
    die_with_parent()
    try:
        if uid:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        home()
        empty_root()
    except OSError:
        return []
    return ["mount", "network", "ipc"]


@cache
def home() -> int:
    """A descriptor of the zygote's namespace of processes, which the next child is to leave. Raises OSError."""
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def empty_root() -> None:
    """A root directory with nothing in it but Python's standard library, read-only."""
    mount("", "/", "", MS_REC | MS_PRIVATE)
    root = next(
        place
        for place in ("/mnt", "/tmp", "/var", "/opt")
        if os.path.isdir(place) and not LIBRARY.startswith(place + "/")
    )
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    place = root + LIBRARY
    os.makedirs(place)
    mount(LIBRARY, place, "", MS_BIND)
    mount("", place, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    for name in INSTALLED:
        if os.path.isdir(f"{place}/{name}"):
            mount("tmpfs", f"{place}/{name}", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV)
    for name in ("/tmp", "/old"):
        os.mkdir(root + name)
    pivot = SYSCALLS[MACHINE]["pivot_root"]
    call("syscall", ctypes.c_long(pivot), root.encode(), f"{root}/old".encode())
    os.chdir("/")
    call("umount2", b"/old", MNT_DETACH)
    os.rmdir("/old")
    mount("", "/", "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def fork(entered: bool) -> int:
    """os.fork; where enter() worked the child is number 1 among processes of its own."""
    apart = entered and attempt("unshare", CLONE_NEWPID)
    pid = os.fork()
    if pid and apart:
        call("setns", home(), CLONE_NEWPID)  # or there could not be another one
    return pid


def ruleset() -> int:
    """Landlock: only files of Python's library may be read, nothing written. A descriptor; -1 where the kernel has no Landlock."""
    try:
        version = call("syscall", ctypes.c_long(LANDLOCK_CREATE), None, ctypes.c_size_t(0), 1)
        rights = (1 << LANDLOCK_RIGHTS[min(version, len(LANDLOCK_RIGHTS) - 1)]) - 1
        rules = call("syscall", ctypes.c_long(LANDLOCK_CREATE), struct.pack("=Q", rights), ctypes.c_size_t(8), 0)
        allow(rules, LIBRARY, LANDLOCK_LIST)
        for entry in os.scandir(LIBRARY):
            if entry.name not in INSTALLED:
                allow(rules, entry.path, LANDLOCK_FILE)
    except OSError:
        return -1
    return rules


def allow(rules: int, path: str, right: int) -> None:
    """That right at this path and below. Raises OSError."""
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        call("syscall", ctypes.c_long(LANDLOCK_ADD), rules, 1, struct.pack("=Qi", right, place), 0)
    finally:
        os.close(place)


# --- each child ------------------------------------------------------------------------------------------------------


def scratch() -> list[str]:
    """A directory for the child alone to write in, if the kernel grants it; the namespace of processes, if it is in one."""
    with contextlib.suppress(OSError):
        call("unshare", CLONE_NEWNS)
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, SCRATCH)
        os.chdir("/tmp")
    return ["pid"] if os.getpid() == 1 else []


def lock(limits: dict[str, int], *, root: bool, entered: bool, rules: int) -> list[str]:
    """Give up everything that an answer does not need. root: this is the system's root; entered: enter() worked.

    rules: of ruleset(). Returns what is in force.
    """
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    found = []
    if root:
        with contextlib.suppress(OSError):  # the root of a container may know nobody else; what follows holds it, too
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    if entered and attempt("unshare", CLONE_NEWUSER):
        found.append("user")
    drop_capabilities()
    die_with_parent()
    found += limit(limits)
    if rules >= 0:
        if attempt("syscall", ctypes.c_long(LANDLOCK_RESTRICT), rules, 0):
            found.append("landlock")
        os.close(rules)
    if seccomp():
        found.append("seccomp")
    return found


def limit(limits: dict[str, int]) -> list[str]:
    """Limits of the system for this process. SIGXCPU comes a second before the end, so that it can be told from others."""
    import resource  # POSIX only

    for name, value in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (least, least + (name == "RLIMIT_CPU" and least == value)))
    return ["rlimits"]


def attempt(name: str, *args: object) -> bool:
    try:
        call(name, *args)
    except OSError:
        return False
    return True


def die_with_parent() -> bool:
    """Be killed when the process that forked this one ends, however it ends. False where the system has no such thing."""
    return attempt("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)


def drop_capabilities() -> None:
    capability = 0
    while capability < 64 and attempt("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0):  # it knows about forty
        capability += 1
    header = struct.pack("=Ii", 0x20080522, 0)
    number = SYSCALLS.get(MACHINE, {}).get("capset")
    if number is not None:
        attempt("syscall", ctypes.c_long(number), header, bytes(24))


def seccomp() -> bool:
    """All system calls but those ALLOWED fail with EPERM. False on a machine whose numbers we do not know."""
    if MACHINE not in ARCHES:
        return False
    load, jump, give = 0x20, 0x15, 0x06
    allowed = [int(number) for number in ALLOWED[MACHINE].split()]
    program = [(load, 0, 0, 4), (jump, 1, 0, ARCHES[MACHINE]), (give, 0, 0, SECCOMP_KILL), (load, 0, 0, 0)]
    program += [(jump, len(allowed) - place, 0, number) for place, number in enumerate(allowed)]
    program += [(give, 0, 0, SECCOMP_ERRNO | 1), (give, 0, 0, SECCOMP_ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter = Program(len(program), ctypes.addressof(code))
    return attempt("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0)
