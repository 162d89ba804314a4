"""A script driven line by line: what each line said, what was seen after it, and how a process is talked to."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from onkernel import linux, ran, root, script

from cowlab.live import drive
from cowlab.live.actor.memory import letter_of
from cowlab.live.drive import Look, Moment, Run, Stage, arguments, run
from cowlab.live.references import Skip

pytestmark = linux


def moments(text: str) -> list[tuple[str, str, str | None]]:
    found = ran(text).moments[1:]
    return [(f"{moment.line} {moment.event.verb}", moment.outcome, moment.value) for moment in found if moment.event]


def test_each_line_says_what_came_of_it() -> None:
    assert moments("P: write A; P: fork C; P: write B; C: read; C: mprotect none; C: read; C: write D") == [
        ("1 write", "done", None),
        ("2 fork", "done", None),
        ("3 write", "done", None),
        ("4 read", "done", "A"),
        ("5 mprotect", "done", None),
        ("6 read", "sigsegv", None),
        ("7 write", "sigsegv", None),
    ]


def test_lines_have_the_numbers_of_the_file_and_the_first_moment_is_the_start() -> None:
    found = run(drive.Scenario("x", "", "", {}, script("# a title; ; P: write A").script, ""))
    assert [(moment.line, moment.event is None) for moment in found.moments] == [(0, True), (3, False)]
    assert list(found.moments[0].looks) == [("P", 0)] and found.moments[0].looks["P", 0].present in (False, None)


def test_every_process_and_page_is_looked_at_after_every_line() -> None:
    found = ran("P: write A; P: mmap anon @1; P: fork C; P: munmap; P: exit")
    assert [sorted(moment.looks) for moment in found.moments] == [
        [("P", 0)],
        [("P", 0)],
        [("P", 0), ("P", 1)],
        [("C", 0), ("C", 1), ("P", 0), ("P", 1)],
        [("C", 0), ("C", 1), ("P", 1)],
        [("C", 0), ("C", 1)],
    ]
    assert found.ends == {("C", 0): "A", ("C", 1): "0"}


def test_the_end_shows_references_and_the_file() -> None:
    found = ran("P: mmap file; P: write A; P: vmsplice g; P: write B; P: mprotect none")
    assert found.ends == {("g", 0): "B", ("P", 0): "err11", ("file", 0): "F"}


@root
@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("P: write A; P: register g; g: write D", {("g", 0): "D", ("P", 0): "D"}),
        ("P: write A; P: direct_read g; g: write D", {("P", 0): "D"}),
        ("P: write A; P: direct_read g", {("P", 0): "A"}),  # its data never came
        ("P: write A; P: direct_write g", {("g", 0): "A", ("P", 0): "A"}),
        ("P: write A; P: register g; g: put", {("P", 0): "A"}),
        ("P: write A; P: munmap; P: register g", {}),
    ],
)
def test_what_is_left_of_a_reference(text: str, ends: dict[tuple[str, int], str]) -> None:
    assert ran(text).ends == ends


@root
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("P: direct_read g; P: read; g: write D; g: put; P: direct_read g; g: write E; g: put; P: read", ["0", "E"]),
        ("P: direct_read g; P: direct_read h; g: write D; g: put; P: read; h: write E; h: put; P: read", ["D", "E"]),
    ],
)
def test_a_device_brings_the_letter_that_the_script_gives_it_next(text: str, letters: list[str]) -> None:
    assert [moment.value for moment in ran(text).moments if moment.value] == letters


def kinds(*texts: str) -> Run:
    return Run(
        script("; ".join(texts)),
        tuple(Moment(n, e) for n, e in enumerate([None, *script("; ".join(texts)).events])),
        {},
    )


def test_the_kind_of_a_page_is_that_of_the_last_mmap_or_the_parents() -> None:
    found = kinds(
        "P: munmap",
        "P: mmap thp",
        "P: fork C",
        "P: munmap",
        "P: mmap shared",
        "C: exit",
        "P: fork C",
        "C: mmap file @1",
    )
    assert [found.kind(n, "P", 0) for n in range(9)] == ["anon"] * 2 + ["thp"] * 3 + ["shared"] * 4
    assert [found.kind(n, "C", 0) for n in (3, 5, 7, 8)] == ["thp", "thp", "shared", "shared"]
    assert found.kind(8, "C", 1) == "file"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("P: mmap anon", {"kind": "anon", "prot": "rw", "page": 0}),
        ("P: mmap file r @2", {"kind": "file", "prot": "r", "page": 2}),
        ("P: mprotect none @1", {"prot": "none", "page": 1}),
        ("P: madvise dontneed", {"advice": "dontneed", "page": 0}),
        ("P: uffd_wp on", {"on": True, "page": 0}),
        ("P: uffd_wp off", {"on": False, "page": 0}),
        ("P: poke B", {"letter": "B", "page": 0}),
        ("P: munmap @3", {"page": 3}),
        ("P: clear_refs", {}),
    ],
)
def test_what_a_process_is_told(line: str, told: dict[str, Any]) -> None:
    assert arguments(script(line).events[0]) == told


def test_a_letter_is_the_first_byte() -> None:
    assert [letter_of(byte) for byte in (b"A", b"\0", b"\xff", b"")] == ["A", "0", "ÿ", ""]


class Talk:
    """A stage whose only process P is this test."""

    def __init__(self, answer: bytes | None) -> None:
        self.stage = Stage(script("P: read"), 0.2)
        ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.stage.talks["P"].close()
        self.stage.talks["P"] = ours
        if answer is None:
            self.theirs.close()
        elif answer:
            self.theirs.send(answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "no answer within 0.2 seconds"),
        (None, "its process ended"),
        (b'{"forbidden": "by the moon"}', "by the moon"),
    ],
)
def test_why_a_process_gives_no_answer(answer: bytes | None, why: str) -> None:
    talk = Talk(answer)
    with pytest.raises(Skip) as skip:
        talk.stage.ask("P", "read", page=0)
    assert str(skip.value).startswith(why)
    talk.stage.close()
    talk.theirs.close()


def test_a_process_is_asked_in_json() -> None:
    talk = Talk(b'{"value": "A"}')
    assert talk.stage.ask("P", "read", page=1) == {"value": "A"}
    assert json.loads(talk.theirs.recv(100)) == {"do": "read", "page": 1}
    talk.stage.close()
    talk.theirs.close()


def test_a_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "BOOT", "raise SystemExit('the moon is full')")
    with pytest.raises(Skip, match="its process ended: the moon is full"):
        run(script("P: read"))


def test_ksm_that_does_not_come_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "KSM_PATIENCE", 0.0)
    monkeypatch.setattr(drive, "full_scans", lambda: 7)
    monkeypatch.setattr(drive, "impossible", lambda scenario: "")
    with pytest.raises(Skip, match="line 2, kernel: ksm P P @1: ksmd did not come round within 0 seconds"):
        run(script("P: mmap anon @1; kernel: ksm P P @1"))


def test_what_is_not_seen_is_not_there() -> None:
    assert Look() == (None, False, False, False, None, None, None, None)
