"""The script language: what is read, what is written, what is refused and how, and what can happen."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, played, script, world
from walks import VERBS, events, walks

from cowlab import (
    POLICIES,
    Event,
    Policy,
    ScriptError,
    World,
    enabled,
    format,
    impossible,
    parse,
    scenarios,
    transition,
)
from cowlab.events import GRAMMAR, MAX_BYTES, MAX_LINES, RULES, Script, parse_event

# --- reading and writing ---------------------------------------------------------------------------------------------

LINES = {
    "P: mmap anon": Event("P", "mmap", ("anon",), (0,)),
    "P: mmap thp @1": Event("P", "mmap", ("thp",), (1,)),
    "P: mmap hugetlb r @63": Event("P", "mmap", ("hugetlb", "r"), (63,)),
    "P: mmap file rw": Event("P", "mmap", ("file", "rw"), (0,)),
    "P: mmap shared r @2": Event("P", "mmap", ("shared", "r"), (2,)),
    "P: write A": Event("P", "write", ("A",), (0,)),
    "P: write 7 @3": Event("P", "write", ("7",), (3,)),
    "P: read": Event("P", "read", (), (0,)),
    "P: read @2": Event("P", "read", (), (2,)),
    "P: fork C": Event("P", "fork", ("C",)),
    "P: exit": Event("P", "exit"),
    "P: munmap @1": Event("P", "munmap", (), (1,)),
    "P: mprotect r": Event("P", "mprotect", ("r",), (0,)),
    "P: mprotect rw @1": Event("P", "mprotect", ("rw",), (1,)),
    "P: mprotect none": Event("P", "mprotect", ("none",), (0,)),
    "P: madvise dontneed": Event("P", "madvise", ("dontneed",), (0,)),
    "P: madvise dontfork": Event("P", "madvise", ("dontfork",), (0,)),
    "P: madvise dofork": Event("P", "madvise", ("dofork",), (0,)),
    "P: madvise wipeonfork @1": Event("P", "madvise", ("wipeonfork",), (1,)),
    "P: madvise mergeable": Event("P", "madvise", ("mergeable",), (0,)),
    "P: madvise pageout": Event("P", "madvise", ("pageout",), (0,)),
    "P: clear_refs": Event("P", "clear_refs"),
    "P: uffd_wp on": Event("P", "uffd_wp", ("on",), (0,)),
    "P: uffd_wp off @1": Event("P", "uffd_wp", ("off",), (1,)),
    "P: vmsplice g": Event("P", "vmsplice", ("g",), (0,)),
    "P: direct_read g @1": Event("P", "direct_read", ("g",), (1,)),
    "P: direct_write g": Event("P", "direct_write", ("g",), (0,)),
    "P: register nic_0": Event("P", "register", ("nic_0",), (0,)),
    "P: get g": Event("P", "get", ("g",), (0,)),
    "P: get g write @1": Event("P", "get", ("g", "write"), (1,)),
    "P: pin g": Event("P", "pin", ("g",), (0,)),
    "P: pin g write": Event("P", "pin", ("g", "write"), (0,)),
    "P: pin g longterm": Event("P", "pin", ("g", "longterm"), (0,)),
    "P: pin g write longterm @1": Event("P", "pin", ("g", "write", "longterm"), (1,)),
    "P: poke z": Event("P", "poke", ("z",), (0,)),
    "P: vm_write C 1 @1": Event("P", "vm_write", ("C", "1"), (1,)),
    "g: write V": Event("g", "write", ("V",), (0,)),
    "g: read": Event("g", "read", (), (0,)),
    "g: put": Event("g", "put"),
    "kernel: swap_out P": Event("kernel", "swap_out", ("P",), (0,)),
    "kernel: migrate P @1": Event("kernel", "migrate", ("P",), (1,)),
    "kernel: ksm P Q": Event("kernel", "ksm", ("P", "Q"), (0, 0)),
    "kernel: ksm P @1 Q": Event("kernel", "ksm", ("P", "Q"), (1, 0)),
    "kernel: ksm P Q @1": Event("kernel", "ksm", ("P", "Q"), (0, 1)),
    "kernel: ksm P @2 Q @1": Event("kernel", "ksm", ("P", "Q"), (2, 1)),
    "kernel: hold P": Event("kernel", "hold", ("P",), (0,)),
    "kernel: hold P lru @1": Event("kernel", "hold", ("P", "lru"), (1,)),
    "kernel: drop P": Event("kernel", "drop", ("P",), (0,)),
    "file: read": Event("file", "read", (), (0,)),
    "file: read @1": Event("file", "read", (), (1,)),
    "kernel: counter 8 bias 4": Event("kernel", "counter", ("8", "bias", "4")),
    "kernel: counter 3 bias 1 guard": Event("kernel", "counter", ("3", "bias", "1", "guard")),
    "P: get write write": Event("P", "get", ("write", "write"), (0,)),  # a reference may have such a name
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_an_event_and_an_event_a_line(line: str) -> None:
    assert parse_event(line) == LINES[line]
    assert format(LINES[line]) == line


def test_every_rule_of_the_grammar_is_tested() -> None:
    rules = {(actor, verb) for actor, verb in RULES}
    tested = {(event.actor if event.actor in ("kernel", "file") else "", event.verb) for event in LINES.values()}
    assert rules == tested


@pytest.mark.parametrize(
    "written, canonical",
    [
        ("P: read @0", "P: read"),
        ("  P :  write   A  ", "P: write A"),
        ("P:write A", "P: write A"),
        ("P:\tread\t@1", "P: read @1"),
        ("kernel: counter 08 bias 004", "kernel: counter 8 bias 4"),
        ("kernel: ksm P @0 Q @0", "kernel: ksm P Q"),
    ],
)
def test_spaces_and_what_may_be_left_out(written: str, canonical: str) -> None:
    assert format(parse_event(written)) == canonical


def test_comments_and_empty_lines_are_kept() -> None:
    text = "# A title\n#\n\nP: write A  # the first\n#P: read\nP: read\n"
    read = parse(text)
    assert format(read) == text
    assert [line.number for line in read] == [1, 2, 3, 4, 5, 6]
    assert [line.number for line in read.steps] == [4, 6]
    assert read.events == (LINES["P: write A"], LINES["P: read"])
    assert read[3].comment == " the first"


def test_the_last_newline_may_be_missing() -> None:
    assert parse("P: read") == parse("P: read\n")


def test_format_takes_events_too() -> None:
    assert format([LINES["P: read"], LINES["g: put"]]) == "P: read\ng: put\n"
    assert format([]) == ""


def test_format_refuses_what_is_not_of_the_grammar() -> None:
    with pytest.raises(ValueError, match="not an event of the grammar"):
        format(Event("P", "write", ("AB",), (0,)))


@pytest.mark.parametrize("name", scenarios())
def test_every_file_of_the_atlas_is_as_format_writes_it(name: str) -> None:
    text = resources.files("cowlab").joinpath("atlas", f"{name}.cow").read_text("utf-8")
    assert format(parse(text)) == text


@given(walks, st.sampled_from(ALL))
def test_what_happens_can_be_written_and_read_again(walk: list[tuple[str, int]], policy: Policy) -> None:
    happened = events(walk, policy)
    if happened:
        assert list(parse(format(happened)).events) == happened


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True).filter(lambda name: name not in ("kernel", "file"))
WORDS = {
    "V": st.sampled_from("ABEGZaefz19"),
    "@N": st.integers(0, 63).map("@{}".format),
    "BITS": st.integers(1, 64).map(str),
    "N": st.integers(1, 999_999_999).map(str),
    **dict.fromkeys(("P", "C", "Q", "g"), NAMES),
}
COMMENTS = st.text(st.characters(exclude_characters="\n"), max_size=10).map(str.rstrip)


@st.composite
def grammatical(draw: st.DrawFn) -> str:
    """Any line that the grammar allows, but the counter."""
    rule = draw(st.sampled_from(GRAMMAR.strip().splitlines()[:-1]))
    actor, _, rest = rule.partition(": ")
    verb, *pattern = rest.split()
    words = [f"{actor if actor in ('kernel', 'file') else draw(NAMES)}:", verb]
    for element in pattern:
        bare = element.strip("[]")
        if element.startswith("[") and draw(st.booleans()):
            continue
        words.append(draw(WORDS[bare] if bare in WORDS else st.sampled_from(bare.split("|"))))
    return " ".join(words) + draw(st.just("") | COMMENTS.map("#{}".format))


@given(st.lists(grammatical(), min_size=1, max_size=8))
def test_whatever_the_grammar_allows_is_read_and_written(lines: list[str]) -> None:
    text = format(parse("\n".join(lines)))
    assert format(parse(text)) == text
    assert parse(text).events == parse("\n".join(lines)).events


ALPHABET = st.text() | st.text("PCg:# @writeadfok\n\t019rwlvms") | st.binary().map(lambda data: data.decode("latin-1"))
FRAGMENTS = st.lists(st.sampled_from([*GRAMMAR.split(), "@1", "@64", "\n", "#", ":", "A", "0", "F"])).map(" ".join)


@given(ALPHABET | FRAGMENTS)
def test_no_text_does_worse_than_a_script_error(text: str) -> None:
    try:
        read = parse(text)
    except ScriptError as error:
        assert str(error).startswith("script")
    else:
        assert parse(format(read)).events == read.events


@given(FRAGMENTS)
def test_no_line_does_worse_than_a_script_error(line: str) -> None:
    try:
        event = parse_event(line)
    except ScriptError:
        return
    assert parse_event(format(event)) == event


# --- what is refused, and how ----------------------------------------------------------------------------------------

WRONG = {
    "P: jump": ("unknown verb 'jump'", "Verbs of P: clear_refs"),
    "kernel: write A": ("unknown verb 'write'", "Verbs of kernel: counter, drop, hold, ksm, migrate, swap_out."),
    "file: write A": ("unknown verb 'write'", "Verbs of file: read."),
    "P: WRITE A": ("unknown verb 'WRITE'", "write"),
    "write A": ("expected 'NAME: verb ...'", "A line reads like"),
    "P:": ("expected 'NAME: verb ...'", "A line reads like"),
    ": read": ("expected 'NAME: verb ...'", "A line reads like"),
    "1P: read": ("expected 'NAME: verb ...'", "A line reads like"),
    "_: read": ("expected 'NAME: verb ...'", "A line reads like"),
    "P Q: read": ("expected 'NAME: verb ...'", "A line reads like"),
    "Pé: read": ("expected 'NAME: verb ...'", "A line reads like"),
    "P: write": ("expected a value", "'P: write V [@N]'"),
    "P: write 0": ("expected a value (one letter or digit, but not 0 or F), found '0'", "'P: write V [@N]'"),
    "P: write F": ("found 'F'", "'P: write V [@N]'"),
    "P: write AB": ("found 'AB'", "'P: write V [@N]'"),
    "P: write é": ("found 'é'", "'P: write V [@N]'"),
    "P: poke 0": ("found '0'", "'P: poke V [@N]'"),
    "g: write 0": ("found '0'", "'g: write V"),
    "P: write A @64": ("expected a page from @0 to @63, found '@64'", "'P: write V [@N]'"),
    "P: write A @-1": ("found '@-1'", "'P: write V [@N]'"),
    "P: read @01": ("found '@01'", "'P: read [@N]'"),
    "P: read @": ("found '@'", "'P: read [@N]'"),
    "P: read 1": ("found '1'", "'P: read [@N]'"),
    "P: read @1 @2": ("found '@2'", "'P: read [@N]'"),
    "P: fork": ("expected the name of a process", "'P: fork C'"),
    "P: fork kernel": ("expected the name of a process, found 'kernel'", "'P: fork C'"),
    "P: fork file": ("found 'file'", "'P: fork C'"),
    "P: fork 2": ("found '2'", "'P: fork C'"),
    "P: vmsplice kernel": ("expected the name of a reference, found 'kernel'", "'P: vmsplice g [@N]'"),
    "P: exit now": ("expected the end of the line, found 'now'", "'P: exit'"),
    "P: mmap": ("expected anon, thp, hugetlb, file, shared", "'P: mmap anon|thp|hugetlb|file|shared [r|rw] [@N]'"),
    "P: mmap anon none": ("found 'none'", "'P: mmap anon|thp"),
    "P: mprotect x": ("expected r, rw, none, found 'x'", "'P: mprotect r|rw|none [@N]'"),
    "P: madvise": ("expected dontneed, dontfork, dofork", "'P: madvise dontneed|"),
    "P: uffd_wp": ("expected on, off", "'P: uffd_wp on|off [@N]'"),
    "P: pin g longterm write": ("found 'write'", "'P: pin g [write] [longterm] [@N]'"),
    "P: get g longterm": ("found 'longterm'", "'P: get g [write] [@N]'"),
    "P: vm_write V": ("expected a value", "'P: vm_write C V [@N]'"),
    "kernel: ksm P": ("expected the name of a process", "'kernel: ksm P [@N] Q [@N]'"),
    "kernel: counter 8": ("expected bias", "'kernel: counter BITS bias N [guard]'"),
    "kernel: counter x bias 4": ("expected a number of bits, found 'x'", "'kernel: counter"),
    "kernel: counter 8 bias -4": ("expected a number, found '-4'", "'kernel: counter"),
    "kernel: counter 0 bias 4": ("expected 1 to 64 bits", "kernel: counter 8 bias 4"),
    "kernel: counter 65 bias 4": ("expected 1 to 64 bits", "kernel: counter 8 bias 4"),
    "kernel: counter 8 bias 0": ("a bias of at least 1", "kernel: counter 8 bias 4"),
    "kernel: counter 9999999999 bias 1": ("expected a number of bits", "'kernel: counter"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named_with_what_was_expected(line: str) -> None:
    expected, hint = WRONG[line]
    with pytest.raises(ScriptError) as caught:
        parse(f"# a comment\n\n{line}\nP: read\n", "mine.cow")
    where, shown, help_ = str(caught.value).split("\n")
    assert where.startswith("mine.cow:3: ")
    assert expected in where
    assert shown == f"    {line}"
    assert hint in help_


@pytest.mark.parametrize("text", ["P: read\nkernel: counter 8 bias 4", "kernel: counter 8 bias 4\n" * 2])
def test_the_counter_stands_on_the_first_line_only(text: str) -> None:
    with pytest.raises(ScriptError, match="script:2: the counter must be the first event"):
        parse(text)


def test_comments_may_stand_above_the_counter() -> None:
    assert len(parse("# a title\n\nkernel: counter 8 bias 4\nP: read").events) == 2


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", " \n\t\n"])
def test_a_script_without_an_event(text: str) -> None:
    with pytest.raises(ScriptError, match=r"empty\.cow: no event in it"):
        parse(text, "empty.cow")


def test_a_long_line_is_not_shown_whole() -> None:
    with pytest.raises(ScriptError) as caught:
        parse("P: jump " + "x" * 5000)
    assert max(map(len, str(caught.value).split("\n")[:2])) <= 104


def test_a_hundred_thousand_lines_are_read_and_not_one_more() -> None:
    text = "P: read\n" * MAX_LINES
    assert MAX_LINES == 100_000
    assert len(parse(text).events) == MAX_LINES
    with pytest.raises(ScriptError, match=r"big: too long: 100,001 lines\nAt most 100,000"):
        parse(text + "P: read\n", "big")


def test_four_million_characters_are_read_and_not_one_more() -> None:
    text = "P: read #" + "x" * (MAX_BYTES - 9)
    assert MAX_BYTES == 4_000_000 == len(text)
    assert len(parse(text).events) == 1
    with pytest.raises(ScriptError, match=r"big: too long: 4,000,001 characters\nAt most 4,000,000"):
        parse(text + "x", "big")


# --- what can happen -------------------------------------------------------------------------------------------------

CANNOT = {
    "an unknown actor": ("X: read", "there is no process or reference 'X'"),
    "an unknown process": ("kernel: swap_out X", "there is no process 'X'"),
    "an unknown page": ("P: read @1", "P has no page @1: mmap it first"),
    "an unknown page, said to the kernel": ("kernel: migrate P @1", "P has no page @1: mmap it first"),
    "an unknown target": ("P: vm_write X A", "there is no process 'X'"),
    "a page which only the writer has": (
        "P: fork C; P: mmap anon @1; P: vm_write C A @1",
        "C has no page @1: mmap it first",
    ),
    "a name of a process in use": ("P: fork C; P: fork C", "the name 'C' is in use"),
    "one's own name": ("P: fork P", "the name 'P' is in use"),
    "a name of a reference in use": ("P: get g; P: pin g", "the name 'g' is in use"),
    "a process named as a reference": ("P: get g; P: fork g", "the name 'g' is in use"),
    "a reference named as a process": ("P: fork C; P: get C", "the name 'C' is in use"),
    "the name of a dead reference": ("P: munmap; P: get g; P: get g", "the name 'g' is in use"),
    "a process that has gone": ("P: fork C; C: exit; C: read", "there is no process or reference 'C'"),
    "a reference that was put": ("P: get g; g: put; g: read", "there is no process or reference 'g'"),
    "a mapping over a mapping": ("P: read; P: mmap anon", "P has a mapping at @0: munmap it first"),
    "a mapping over a mapping elsewhere": (
        "P: mmap anon @1; P: mmap anon @1",
        "P has a mapping at @1: munmap it first",
    ),
    "a mapping over the child's": ("P: fork C; C: mmap anon", "C has a mapping at @0: munmap it first"),
    "a store under uffd_wp": (
        "P: write A; P: uffd_wp on; P: write B",
        "under uffd_wp: the store waits for its monitor",
    ),
    "a poke under uffd_wp": ("P: uffd_wp on; P: poke B", "P @0 is under uffd_wp"),
    "a remote store under uffd_wp": ("P: fork C; P: uffd_wp on; C: vm_write P A", "P @0 is under uffd_wp"),
    "a write reference under uffd_wp": ("P: uffd_wp on; P: get g write", "P @0 is under uffd_wp"),
    "a write pin under uffd_wp": ("P: uffd_wp on; P: pin g write longterm", "P @0 is under uffd_wp"),
    "a registration under uffd_wp": ("P: uffd_wp on; P: register g", "P @0 is under uffd_wp"),
    "a direct read under uffd_wp": ("P: uffd_wp on; P: direct_read g", "P @0 is under uffd_wp"),
    "a store through vmsplice": ("P: vmsplice g; g: write A", "g was taken by vmsplice without write"),
    "a store through a direct write": ("P: direct_write g; g: write A", "g was taken by direct_write without write"),
    "a store through get": ("P: get g; g: write A", "g was taken by get without write"),
    "a store through pin": ("P: pin g longterm; g: write A", "g was taken by pin without write"),
    "a look through a direct read": ("P: direct_read g; g: read", "g is a direct read in flight"),
    "a reference has no pages": ("P: mmap anon @1; P: get g write; g: read @1", "g is a reference"),
    "a reference does not fork": ("P: get g; g: fork C", "g is a reference: it can read, write and put"),
    "a process is not put": ("P: put", "P is a process, not a reference"),
    "a second hold of a kind": ("kernel: hold P; kernel: hold P", "P @0 has such a hold already"),
    "a second lru hold": ("kernel: hold P lru; kernel: hold P lru", "P @0 has such a hold already"),
    "a hold on nothing known": ("kernel: hold P @1", "P has no page @1"),
    "a drop without a hold": ("kernel: drop P", "there is no hold on P @0"),
    "a second drop": ("kernel: hold P; kernel: drop P; kernel: drop P", "there is no hold on P @0"),
    "a file that nobody maps": ("file: read", "no process maps a file at @0"),
    "a file that nobody maps there": ("P: mmap file; file: read @1", "no process maps a file at @1"),
    "a file that nobody maps any more": ("P: mmap file; P: munmap; file: read", "no process maps a file at @0"),
}


@pytest.mark.parametrize("line, why", CANNOT.values(), ids=CANNOT)
def test_what_cannot_happen(line: str, why: str) -> None:
    *happens, impossible_ = (parse_event(text) for text in script(line).split("\n"))
    for policy in ALL:
        here = World()
        for event in happens:
            step = transition(here, event, policy)
            assert step is not None
            here = step.world
        assert why in (impossible(here, impossible_) or "")
        assert transition(here, impossible_, policy) is None
        assert impossible_ not in enabled(here)


CAN = {
    "a name is free again after exit": "P: fork C; C: exit; P: fork C",
    "and may be a reference's then": "P: fork C; C: exit; P: get C; C: read",
    "a name is free again after put": "P: get g; g: put; P: pin g",
    "and may be a process's then": "P: get g; g: put; P: fork g; g: read",
    "the name of a dead reference is free after put": "P: munmap; P: get g; g: put; P: get g",
    "mmap after munmap": "P: munmap; P: mmap file",
    "mmap replaces @0 on the first line": "P: mmap thp",
    "mmap replaces @0 after a counter": "kernel: counter 8 bias 4; P: mmap thp",
    "mmap in the child of what was not inherited": "P: madvise dontfork; P: fork C; C: mmap anon",
    "a store after uffd_wp off": "P: uffd_wp on; P: uffd_wp off; P: write A",
    "the child's store, as userfaultfd does not follow a fork": "P: write A; P: uffd_wp on; P: fork C; C: write B",
    "a read under uffd_wp": "P: write A; P: uffd_wp on; P: read",
    "a read reference under uffd_wp": "P: write A; P: uffd_wp on; P: vmsplice g",
    "a store where uffd_wp was refused": "P: mmap file; P: uffd_wp on; P: write A",
    "a device's store under uffd_wp": "P: register g; P: uffd_wp on; g: write D",
    "another page's store under uffd_wp": "P: mmap anon @1; P: uffd_wp on; P: write A @1",
    "one hold of each kind": "kernel: hold P; kernel: hold P lru",
    "a hold after a drop": "kernel: hold P; kernel: drop P; kernel: hold P",
    "a drop of one that was drained": "P: write A; P: fork C; C: exit; kernel: hold P lru; P: write B; kernel: drop P",
    "a drop after munmap": "P: write A; kernel: hold P; P: munmap; kernel: drop P",
    "a drop after exit": "P: write A; kernel: hold P; P: exit; kernel: drop P",
    "a look through references that outlive their owner": "P: write A; P: get g; P: exit; g: read",
    "access to what is not mapped": "P: munmap; P: write A; P: read; P: get g; P: mprotect r; P: madvise dontneed",
    "a process may be called as a verb": "P: fork write; write: write A",
    "events of a dead reference": "P: munmap; P: get g write; g: write A; g: read; g: put",
    "a store through a registered buffer": "P: register g; g: write D; g: read",
    "a store of a direct read": "P: direct_read g; g: write D",
}


@pytest.mark.parametrize("line", CAN.values(), ids=CAN)
def test_what_can_happen(line: str) -> None:
    for policy in ALL:
        assert len(played(line, policy).steps) == line.count(";") + 1


def test_a_refused_reference_is_dead_and_the_others_are_not() -> None:
    made = world("P: munmap; P: get g write")
    assert impossible(made, parse_event("g: write A")) is None


ONCE_ONLY = {
    "after a line that changed nothing": "P: clear_refs; P: mmap file",
    "after another mmap": "P: mmap anon; P: mmap file",
    "after references that have gone": "P: direct_read g; g: put; P: madvise dontneed; P: mmap file",
    "after protection": "P: get g write; P: mprotect r; g: put; P: madvise dontneed; P: mmap file",
    "after there and back": "P: mprotect r; P: mprotect rw; P: mmap file",
}


@pytest.mark.parametrize("line", ONCE_ONLY.values(), ids=ONCE_ONLY)
def test_mmap_replaces_the_default_mapping_on_the_first_line_only(line: str) -> None:
    """Whether it can happen must not depend on the policy: has_pinned and a refused mprotect differ between rows."""
    for policy in ALL:
        with pytest.raises(ScriptError, match="P has a mapping at @0"):
            played(line, policy)


@given(walks, st.lists(st.sampled_from(ALL), min_size=2, max_size=4, unique_by=lambda policy: policy.name))
def test_what_can_happen_never_depends_on_the_policy(walk: list[tuple[str, int]], policies: list[Policy]) -> None:
    happened = events(walk, policies[0])
    here = [World() for _ in policies]
    for event in happened:
        assert len({tuple(enabled(one, ("mmap", event.verb), pages=(0, 1))) for one in here}) == 1
        steps = [transition(one, event, policy) for one, policy in zip(here, policies, strict=True)]
        assert all(step is not None for step in steps)
        here = [step.world for step in steps if step is not None]


@given(walks)
def test_enabled_gives_exactly_what_is_not_impossible(walk: list[tuple[str, int]]) -> None:
    policy = POLICIES["v6.5"]
    here = World()
    for event in events(walk, policy):
        step = transition(here, event, policy)
        assert step is not None
        here = step.world
    found = list(enabled(here))
    assert len(set(found)) == len(found)
    assert all(impossible(here, event) is None for event in found)
    assert all(transition(here, event, policy) is not None for event in found)


def test_enabled_names_every_verb_that_can_happen() -> None:
    assert {event.verb for event in enabled(World())} == set(VERBS) - {"put", "drop"}
    rich = world("P: mmap file @1; P: get g write; kernel: hold P")
    assert {event.verb for event in enabled(rich, pages=(0, 2))} == set(VERBS)
    assert {event.actor for event in enabled(rich)} == {"P", "g", "kernel", "file"}


def test_enabled_fills_in_new_names_values_and_pages() -> None:
    assert [format(event) for event in enabled(World(), ("fork", "write"), values="AB")] == [
        "P: write A", "P: write B", "P: fork C"
    ]  # fmt: skip
    after = world("P: fork C; P: get g")
    assert [format(event) for event in enabled(after, ("fork", "vmsplice"))] == [
        "P: fork D", "C: fork D", "P: vmsplice h", "C: vmsplice h"
    ]  # fmt: skip
    assert [format(event) for event in enabled(after, ("mmap",), pages=(1,)) if event.args == ("anon",)] == [
        "P: mmap anon @1", "C: mmap anon @1"
    ]  # fmt: skip


def test_enabled_stands_in_the_order_of_the_grammar() -> None:
    order = [re.split(": | ", rule)[1] for rule in GRAMMAR.strip().splitlines()]
    verbs = [event.verb for event in enabled(world("P: get g write; kernel: hold P"))]
    references = verbs.index("put")
    assert [order.index(verb) for verb in verbs[:10]] == sorted(order.index(verb) for verb in verbs[:10])
    assert verbs.index("vm_write") < references < verbs.index("swap_out") < verbs.index("drop")


def test_when_everybody_has_gone_nothing_can_happen() -> None:
    assert list(enabled(world("P: exit"))) == []
    assert [format(event) for event in enabled(world("P: get g; P: exit"))] == ["g: read", "g: put"]


def test_a_script_is_a_tuple_of_lines() -> None:
    assert isinstance(parse("P: read"), Script)
    assert isinstance(parse("P: read"), tuple)


def test_the_documentation_has_the_whole_grammar() -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "script.md").read_text("utf-8")
    assert GRAMMAR in text
