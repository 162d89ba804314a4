"""One process of a script: its pages, who holds them, what is seen of them, and how it ends. Each test in a process of its own."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from onkernel import ROOT, linux, release, root

pytestmark = linux
START = """
import sys
sys.path.insert(0, {root!r})
from cowlab.live.actor import serve
{code}
serve.main({fds}, {file}, {drains})
"""


class Actor:
    """The first process, P, and the sockets of those that it may fork."""

    def __init__(self, code: str = "", forks: int = 2, drains: bool = True, **options: Any) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(1 + forks)]
        self.talks, self.fds = [ours for ours, _ in pairs], [theirs.fileno() for _, theirs in pairs]
        self.file = os.memfd_create("file")
        os.pwrite(self.file, b"F" * 8192, 0)
        program = START.format(root=str(ROOT), code=code, fds=self.fds, file=self.file, drains=drains)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], pass_fds=[*self.fds, self.file], start_new_session=True, **options
        )
        for _, theirs in pairs:
            theirs.close()

    def say(self, do: str, who: int = 0, **more: Any) -> dict[str, Any]:
        self.talks[who].settimeout(20)
        self.talks[who].sendall(json.dumps({"do": do, **more}).encode())
        line, fds, _, _ = socket.recv_fds(self.talks[who], 1 << 16, 2)
        return {**json.loads(line), **({"fds": fds} if fds else {})}

    def fork(self, child: int, parent: int = 0) -> int:
        return int(self.say("fork", parent, fd=self.fds[child])["pid"])

    def close(self) -> None:
        for talk in self.talks:
            talk.close()
        os.close(self.file)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


@pytest.fixture
def actor() -> Iterator[Actor]:
    made = Actor()
    yield made
    made.close()


Step = tuple[str, dict[str, Any], dict[str, Any]]
HERE: dict[str, Any] = {"page": 0}


def write(letter: str, page: int = 0, **more: Any) -> dict[str, Any]:
    return {"page": page, "letter": letter, **more}


# What is said, and what is in the answer.
TALKS: dict[str, list[Step]] = {
    "a page is zero until it is written": [
        ("read", HERE, {"value": "0"}),
        ("write", write("A"), {}),
        ("read", HERE, {"value": "A"}),
    ],
    "another byte is not the one that is looked at": [
        ("write", write("A"), {}),
        ("write", write("B", offset=2048), {}),
        ("read", HERE, {"value": "A"}),
    ],
    "a read-only page refuses stores and shows its letter": [
        ("write", write("A"), {}),
        ("mprotect", {"page": 0, "prot": "r"}, {}),
        ("write", write("B"), {"signal": "SIGSEGV"}),
        ("read", HERE, {"value": "A"}),
        ("poke", write("C"), {}),
        ("read", HERE, {"value": "C"}),
    ],
    "a page without rights refuses both": [
        ("mprotect", {"page": 0, "prot": "none"}, {}),
        ("write", write("B"), {"signal": "SIGSEGV"}),
        ("read", HERE, {"signal": "SIGSEGV"}),
    ],
    "where nothing is mapped": [
        ("munmap", HERE, {}),
        ("munmap", HERE, {}),
        ("write", write("B"), {"signal": "SIGSEGV"}),
        ("read", HERE, {"signal": "SIGSEGV"}),
        *((verb, {**HERE, **more}, {"errno": errno.EFAULT}) for verb, more in (
            *(("mprotect", {"prot": "r"}), ("madvise", {"advice": "dontneed"}), ("poke", {"letter": "B"})),
            *(("uffd_wp", {"on": True}), ("where", {}), ("take", {"name": "g", "verb": "vmsplice", "letter": ""})),
        )),
        ("look", {}, {"pages": {}}),
    ],
    "pages have places of their own": [
        ("mmap", {"page": 1, "kind": "anon", "prot": "rw"}, {}),
        ("write", write("A"), {}),
        ("write", write("B", 1), {}),
        ("read", HERE, {"value": "A"}),
        ("read", {"page": 1}, {"value": "B"}),
        ("munmap", HERE, {}),
        ("read", {"page": 1}, {"value": "B"}),
    ],
    "a private file keeps its stores": [
        ("munmap", HERE, {}),
        ("mmap", {"page": 0, "kind": "file", "prot": "rw"}, {}),
        ("read", HERE, {"value": "F"}),
        ("write", write("B"), {}),
        ("madvise", {"page": 0, "advice": "dontneed"}, {}),
        ("read", HERE, {"value": "F"}),
    ],
    "a shared page that is read-only refuses a forced store": [
        ("munmap", HERE, {}),
        ("mmap", {"page": 0, "kind": "shared", "prot": "r"}, {}),
        ("poke", write("B"), {"errno": errno.EIO}),
    ],
    "advice that does not fit is refused": [
        ("munmap", HERE, {}),
        ("mmap", {"page": 0, "kind": "shared", "prot": "rw"}, {}),
        ("madvise", {"page": 0, "advice": "wipeonfork"}, {"errno": errno.EINVAL}),
    ],
}  # fmt: skip


@root
@pytest.mark.parametrize("about", TALKS)
def test_what_a_process_answers(about: str, actor: Actor) -> None:
    for do, more, wanted in TALKS[about]:
        answer = actor.say(do, **more)
        assert wanted.items() <= answer.items(), (do, answer)
        assert bool(wanted) or not {"errno", "signal", "forbidden"} & set(answer), (do, answer)


def test_a_child_has_a_copy_and_a_socket_of_its_own(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    pids = [actor.fork(1), actor.fork(2, parent=1), actor.say("where", page=0)["pid"]]
    assert len(set(pids)) == 3 and [actor.say("where", who, page=0)["pid"] for who in (1, 2, 0)] == pids
    actor.say("write", 2, page=0, letter="D")
    assert [actor.say("read", who, page=0)["value"] for who in range(3)] == ["A", "A", "D"]


def test_a_child_ends_when_its_socket_does_and_the_others_stay(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    actor.fork(1)
    actor.fork(2, parent=1)
    actor.say("shed", fd=actor.fds[2])
    actor.talks[1].shutdown(socket.SHUT_WR)
    actor.talks[1].settimeout(20)
    assert actor.talks[1].recv(1) == b""
    assert [actor.say("read", who, page=0)["value"] for who in (0, 2)] == ["A", "A"]


def test_a_store_reaches_the_page_of_another_process_wherever_it_is(actor: Actor) -> None:
    actor.fork(1)
    for page in (2, 1):
        actor.say("mmap", 1, page=page, kind="anon", prot="rw")
    actor.say("mmap", page=1, kind="anon", prot="rw")
    there = actor.say("where", 1, page=1)
    assert there["address"] != actor.say("where", page=1)["address"]
    assert actor.say("vm_write", letter="X", **there) == {}
    assert [actor.say("read", 1, page=page)["value"] for page in (1, 2)] == ["X", "0"]


@root
def test_what_is_seen_of_a_page(actor: Actor) -> None:
    def seen(who: int = 0, page: str = "0") -> dict[str, Any]:
        return dict(actor.say("look", who)["pages"][page])

    assert seen()["present"] is False and "value" not in seen()
    actor.say("write", page=0, letter="A")
    alone = seen()
    assert (alone["present"], alone["once"], alone["value"]) == (True, True, "A")
    actor.fork(1)
    assert (seen()["once"], seen()["frame"], seen(1)["frame"]) == (False, alone["frame"], alone["frame"])
    if alone["mapcount"] is not None:
        assert (alone["mapcount"], seen()["mapcount"]) == (1, 2) and alone["flags"] == ["anon"]
    actor.say("write", 1, page=0, letter="B")
    assert seen(1)["frame"] != alone["frame"] == seen()["frame"] or alone["frame"] is None
    actor.say("mprotect", page=0, prot="none")
    assert "value" not in seen()
    actor.say("mmap", page=1, kind="anon", prot="rw")
    actor.say("read", page=1)
    if alone["flags"] is not None:
        assert "zero" in seen(page="1")["flags"]


# --- batches for the LRU lists ---------------------------------------------------------------------------------------


def listed(actor: Actor, page: int) -> bool:
    """Whether that page is on an LRU list, and not in a batch: KPF_LRU, the sixth bit of kpageflags."""
    frame = actor.say("look")["pages"][str(page)]["frame"]
    try:
        with open("/proc/kpageflags", "rb") as file:
            file.seek(8 * (frame or 0))
            return bool(int.from_bytes(file.read(8), sys.byteorder) >> 5 & 1)
    except OSError:
        pytest.skip("the flags of frames are hidden here")


@root
def test_a_fresh_page_is_in_no_batch_after_its_line(actor: Actor) -> None:
    if not actor.say("look")["pages"] or release() < (5, 4):
        pytest.skip("MADV_COLD came with v5.4")
    fresh = []
    for page in range(20):
        actor.say("mmap", page=page, kind="anon", prot="rw")
        actor.say("write", page=page, letter="A")
        fresh.append(listed(actor, page))
    assert fresh == [True] * 20


@root
def test_a_fresh_page_stays_in_its_batch_where_that_is_asked_for() -> None:
    """Others that get a page on this processor may fill the batch: most is all that can be asked for."""
    actor, fresh = Actor(drains=False), []
    for page in range(20):
        actor.say("mmap", page=page, kind="anon", prot="rw")
        actor.say("write", page=page, letter="A")
        fresh.append(listed(actor, page))
    actor.close()
    assert fresh.count(False) > 10


# --- who holds a page ------------------------------------------------------------------------------------------------


def take(actor: Actor, verb: str, letter: str = "", name: str = "g", page: int = 0) -> dict[str, Any]:
    found = actor.say("take", name=name, verb=verb, page=page, letter=letter)
    if "forbidden" in found:
        pytest.skip(f"cannot be run on this machine: {found['forbidden']}")
    return found


def test_a_pipe_holds_the_page_and_is_ours(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    first, second = take(actor, "vmsplice")["fds"]
    actor.say("write", page=0, letter="B")
    actor.say("munmap", page=0)
    os.close(second)
    os.set_blocking(first, False)
    assert os.read(first, 1) == b"B"
    assert len(os.read(first, 8192)) == 4095 and os.read(first, 1) == b""  # nobody else has the writing end
    os.close(first)


def test_a_registered_buffer_reads_and_writes_the_page_until_it_is_put(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    assert take(actor, "register") == {}
    assert actor.say("through", name="g") == {"value": "A"}
    assert actor.say("through", name="g", letter="D") == {}
    assert actor.say("read", page=0) == {"value": "D"}
    actor.say("munmap", page=0)
    assert [actor.say("through", name="g")["value"] for _ in range(5)] == ["D"] * 5  # the ring goes round
    assert actor.say("put", name="g") == {}


@root
def test_what_is_put_pins_no_longer(actor: Actor) -> None:
    """A pinned page is copied at fork; the parent keeps the frame, and a child's first look finds another one."""
    actor.say("write", page=0, letter="A")
    before = actor.say("look")["pages"]["0"]["frame"]
    take(actor, "register")
    actor.fork(1)
    pinned = actor.say("look", 1)["pages"]["0"]["frame"]
    actor.say("put", name="g")
    actor.say("shed", 1, fd=actor.fds[2])
    actor.fork(2)
    if before is None:
        pytest.skip("frames are hidden here")
    assert pinned != before == actor.say("look", 2)["pages"]["0"]["frame"]


@root
def test_a_direct_read_brings_its_data_when_it_is_let_go_on(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    take(actor, "direct_read", "D")
    assert actor.say("read", page=0) == {"value": "A"}
    assert actor.say("through", name="g", letter="D") == {}
    assert actor.say("read", page=0) == {"value": "D"}
    assert actor.say("put", name="g") == {}


@root
def test_two_direct_writes_of_a_page_do_not_disturb_each_other(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    for name in "gh":
        take(actor, "direct_write", name=name)
    actor.say("write", page=0, letter="B")
    assert actor.say("through", name="h") == {"value": "B"}
    assert [actor.say("put", name=name) for name in "hg"] == [{}, {}]


@root
def test_a_file_system_that_does_not_wait_with_the_first_part_is_told() -> None:
    """As one does that faults its buffers in by itself, and holds no page meanwhile."""
    actor = Actor(
        "from cowlab.live.actor.holders import Transfer; run = Transfer.run;"
        "Transfer.run = lambda self, *rest: (self.moved('pwritev', self.address), run(self, *rest))"
    )
    actor.say("write", page=0, letter="A")
    found = actor.say("take", name="g", verb="direct_write", page=0, letter="")
    actor.close()
    if "does not wait" not in found["forbidden"]:
        pytest.skip(f"cannot be run on this machine: {found['forbidden']}")
    assert found == {"forbidden": "this file system does not wait with one part of a direct transfer for the next"}


@root
def test_a_direct_read_into_a_page_that_may_not_be_written_is_refused(actor: Actor) -> None:
    actor.say("write", page=0, letter="A")
    actor.say("mprotect", page=0, prot="r")
    assert take(actor, "direct_read", "D")["errno"] == errno.EFAULT
    assert actor.say("read", page=0) == {"value": "A"}


@root
def test_write_protection_by_userfaultfd_of_several_pages(actor: Actor) -> None:
    actor.say("mmap", page=1, kind="anon", prot="rw")
    for page in (0, 1):
        actor.say("write", page=page, letter="A")
        for on in (True, False):
            found = actor.say("uffd_wp", page=page, on=on)
            if "forbidden" in found:
                pytest.skip(f"cannot be run on this machine: {found['forbidden']}")
            assert found == {}
    assert [actor.say("write", page=page, letter="B").get("signal") for page in (0, 1)] == [None, None]


@pytest.mark.parametrize(
    ("code", "do", "said"),
    [
        ("from cowlab.live.actor import holders; holders.IO_URING_SETUP = 9999", "register", "io_uring is refused here: io_uring_setup: Function not implemented"),
        ("from cowlab.live.actor import holders; holders.USERFAULTFD = {}", "direct_read", "userfaultfd for faults in the kernel is refused here: userfaultfd: not known on"),
        ("from cowlab.live.actor import holders; holders.FOLDERS = ('/no such folder',)", "direct_read", "no file for direct I/O: /no such folder: statfs: No such file or directory"),
        ("from cowlab.live.actor import holders; holders.FOLDERS = ()", "direct_write", "no file for direct I/O: no folder on a disk to write in"),
        ("from cowlab.live.actor import system; system.libc().vmsplice = None", "vmsplice", "vmsplice: not on this system"),
    ],
)  # fmt: skip
def test_what_a_machine_lacks_is_said(code: str, do: str, said: str) -> None:
    actor = Actor(code)
    found = actor.say("take", name="g", verb=do, page=0, letter="D")
    actor.close()
    assert list(found) == ["forbidden"] and found["forbidden"].startswith(said), found


def test_a_huge_page_that_is_not_to_be_had_is_forbidden() -> None:
    actor = Actor("from cowlab.live.actor import memory; memory.Memory.is_huge = lambda self, one: False")
    actor.say("munmap", page=0)
    made = actor.say("mmap", page=0, kind="thp", prot="rw")
    found = actor.say("write", page=0, letter="A")
    actor.close()
    assert "forbidden" in made or found == {"forbidden": "no huge page was to be had"}


@pytest.mark.parametrize(("bit", "said"), [(0, {"forbidden"}), (1 << 63, set())])
def test_clear_refs_is_asked_for_where_a_store_makes_a_page_soft_dirty(bit: int, said: set[str]) -> None:
    """Each time: that no page is soft-dirty since the last one says nothing about the kernel. A bit that is always there stands for it."""
    actor = Actor(f"from cowlab.live.actor import looks; looks.SOFT_DIRTY = {bit}")
    found = [actor.say("clear_refs") for _ in range(2)]
    actor.close()
    assert [set(one) for one in found] == [said] * 2


def test_userfaultfd_is_not_asked_for_a_memory_file(actor: Actor) -> None:
    """The script means a file on a disk, for which it would be refused."""
    actor.say("mmap", page=0, kind="file", prot="rw")
    assert "memory file" in actor.say("uffd_wp", page=0, on=True)["forbidden"]


def test_a_child_forgets_what_it_did_not_inherit(actor: Actor) -> None:
    for page in (0, 1, 2):
        actor.say("mmap", page=page, kind="anon", prot="rw")
        actor.say("madvise", page=page, advice="dontfork")
    actor.say("madvise", page=1, advice="dofork")
    actor.say("mmap", page=2, kind="anon", prot="rw")
    actor.fork(1)
    assert [set(actor.say("look", who)["pages"]) for who in (0, 1)] == [{"0", "1", "2"}, {"1", "2"}]
    assert actor.say("poke", 1, page=0, letter="B")["errno"] == errno.EFAULT


# --- the end ---------------------------------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(*pids: int) -> bool:
    """Whether they end within some seconds."""
    until = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(alive, pids))


def test_all_end_when_the_sockets_are_closed() -> None:
    actor = Actor()
    pids = [actor.say("where", page=0)["pid"], actor.fork(1), actor.process.pid]
    actor.close()
    assert actor.process.returncode == 0 and ends(*pids)


@pytest.mark.parametrize("ignored", [False, True], ids=["as usual", "where alarms are ignored and blocked"])
def test_each_ends_by_itself_after_a_while(ignored: bool) -> None:
    def deaf() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM])

    actor = Actor("serve.MOST = 1", **({"preexec_fn": deaf} if ignored else {}))
    pids = [actor.say("where", page=0)["pid"], actor.fork(1), actor.process.pid]
    assert ends(*pids[:2])
    actor.close()


def test_a_process_that_hears_nothing_ends_with_the_first_one() -> None:
    actor = Actor("import time; serve.Actor.do_read = lambda *a, **k: time.sleep(99)")
    pids = [actor.say("where", page=0)["pid"], actor.fork(1)]
    actor.talks[1].sendall(b'{"do": "read", "page": 0}')
    os.kill(actor.process.pid, signal.SIGTERM)
    assert ends(*pids)
    actor.close()
