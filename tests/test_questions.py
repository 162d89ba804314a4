"""The questions before each line: what they ask is worth it, and what they hold for true is what the trace shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from short import ALL, played
from walks import events, walks

from cowlab import POLICIES, Policy, Trace, format, mapcount, page_count, play, scenarios
from cowlab.policy import ANSWERS
from cowlab.views.questions import MOST, OF_A_FRAME, OUTCOMES_OF, question, questions, sort_of
from cowlab.views.words import note

LEAK = [play(scenarios()["leak"], policy) for policy in ("v5.7", "v5.9")]


def told(trace: Trace, line: int, what: str) -> str:
    """`page_count of #1 = 2`; empty if it cannot be asked."""
    found = question(trace, line, what)
    return f"{found.label} = {found.truth}" if found else ""


def asked(*traces: Trace) -> list[str]:
    """Everything that is asked of itself, a line each: `5 outcome=reuse g=S | outcome=copy g=A`."""
    return [
        f"{line} " + " | ".join(" ".join(f"{q.what}={q.truth}" for q in some) for some in found)
        for line, found in questions(traces).items()
    ]


def test_what_is_asked_of_the_leak() -> None:
    assert asked(*LEAK) == [
        "1 outcome=fault | outcome=fault",
        "2 outcome=share mapcount=2 | outcome=share page_count=2",
        "3 outcome=hit page_count=3 | outcome=hit page_count=3",
        "4 mapcount=1 page_count=2 | page_count=2 mapcount=1",
        "5 outcome=reuse g=S mapcount=1 | outcome=copy g=A page_count=1",
    ]
    assert asked(LEAK[0])[-1] == "5 outcome=reuse g=S"


def test_a_policy_with_the_flag_is_asked_for_it() -> None:
    trace = played("P: write A; P: fork C; C: exit; P: write B")
    assert asked(trace)[1:] == [
        "2 outcome=share exclusive=no page_count=2",
        "3 page_count=1",
        "4 outcome=reuse exclusive=yes",
    ]


def test_what_others_see_is_asked_where_it_changes() -> None:
    trace = played("P: write A; P: register g; g: write D; P: read; P: madvise dontneed; P: write B")
    assert asked(trace)[2:4] == ["3 P=D", "5 P=0 page_count=1024 mapcount=0"]


def test_what_was_decided_for_the_same_reason_is_not_asked_again() -> None:
    trace = played("P: write A; P: write B; P: write D; P: mmap anon @1; P: write E @1; P: fork C; P: write G")
    assert [line.split()[0] for line in asked(trace)] == ["1", "2", "6", "7"]


@pytest.mark.parametrize("name", scenarios())
def test_of_every_scenario_something_is_asked_but_not_too_much(name: str) -> None:
    for policies in (("v5.7", "v5.9"), ("v6.5",)):
        traces = [play(scenarios()[name], policy) for policy in policies]
        found = questions(traces)
        assert found
        for line, columns in found.items():
            assert len(columns) == len(traces) and all(len(column) <= MOST for column in columns), line


@pytest.mark.parametrize("name", scenarios())
def test_where_policies_part_one_is_asked(name: str) -> None:
    traces = [play(scenarios()[name], policy) for policy in ("v5.7", "v5.9", "v6.5")]
    found = questions(traces)
    for line in range(1, len(traces[0].moments)):
        if len({trace.moments[line].outcome for trace in traces}) > 1:
            assert all(column[0].what == "outcome" for column in found[line])


def answering(**cells: object) -> Policy:
    """A row that always gives these answers, as a learner's own functions might."""
    return POLICIES["v6.5"].with_(**{cell: lambda page, answer=answer: answer for cell, answer in cells.items()})


rows = st.sampled_from(ALL) | st.builds(answering, **{cell: st.sampled_from(ANSWERS[cell]) for cell in ANSWERS})


@given(walks, rows)
def test_what_happens_is_always_among_the_choices(walk: list[tuple[str, int]], row: Policy) -> None:
    script = "\n".join(format(event) for event in events(walk, row))
    trace = play(script, row) if script else played("P: read")
    for line, moment in enumerate(trace.steps, 1):
        found = question(trace, line, "outcome")
        assert (moment.outcome in found.choices) if found else (moment.outcome == "done"), sort_of(trace, line)


def test_no_choice_is_there_for_show() -> None:
    """Each outcome that is offered has come up, in the atlas or in one of these."""
    more = """P: munmap; P: munmap; P: register g; g: put; P: madvise dontneed; P: madvise mergeable; P: madvise pageout
    P: mmap shared; P: madvise mergeable; P: write A; P: madvise pageout; P: madvise pageout
    P: mmap file; P: read; kernel: swap_out P; P: read; P: madvise pageout; kernel: hold P; P: uffd_wp on; kernel: migrate P
    P: mmap shared; P: write A; P: uffd_wp on; P: munmap; P: get g; P: poke A; P: uffd_wp off; P: pin h; P: vm_write P A
    P: direct_read g; P: munmap; P: direct_read h; P: direct_write i; P: vmsplice j; P: mprotect r
    P: direct_write g; P: fork C; P: direct_write h; P: poke A; P: poke B; C: vm_write P D
    P: poke A; P: get g; kernel: migrate P; P: vm_write P B
    P: write A; kernel: migrate P
    P: get g; P: pin h; P: mmap anon @1; P: pin i write @1; P: vm_write P A; P: mmap anon @2; P: vm_write P B @2
    P: write A; P: fork C; C: exit; P: get g write; P: direct_read h
    P: write A; P: fork C; C: exit; P: pin g write
    P: write A; P: fork C; C: exit; P: register g
    P: write A; P: fork C; C: exit; P: direct_read g
    P: write A; P: fork C; C: exit; P: direct_write g
    P: write A; P: fork C; P: direct_read g
    P: write A; P: fork C; C: direct_write g"""
    others = [answering(protect=answer) for answer in ANSWERS["protect"]]
    traces = [play(scenario, row) for scenario in scenarios().values() for row in (*ALL, *others)]
    traces += [played(line, row) for line in more.split("\n") for row in (*ALL, *others)]
    seen: dict[str, set[str]] = {}
    for trace in traces:
        for line in range(1, len(trace.moments)):
            seen.setdefault(sort_of(trace, line), set()).add(trace.moments[line].outcome)
    assert {sort: set(offered) - seen[sort] for sort, offered in OUTCOMES_OF.items() if set(offered) - seen[sort]} == {}


@pytest.mark.parametrize("policy", ["v5.7", "v6.5"])
def test_counts_are_those_of_the_world(policy: str) -> None:
    for scenario in scenarios().values():
        trace = play(scenario, policy)
        for line, moment in enumerate(trace.steps, 1):
            found = question(trace, line, "page_count")
            number = int(found.label.partition("#")[2]) if found and "#" in found.label else None
            if found and number:
                there = number < len(moment.world.frames) and moment.world.frames[number] is not None
                assert found.truth == str(page_count(moment.world, number) if there else 0)
                small = not there or moment.world.frame(number).size == "base"
                mapped = question(trace, line, "mapcount")
                assert mapped is not None
                assert not small or mapped.truth == str(mapcount(moment.world, number) if there else 0)


def test_the_frame_is_named_by_what_was_there_before() -> None:
    trace = played("P: register g; P: fork C; C: write B; g: put; P: exit", "v5.7")
    lines = [told(trace, line, "page_count") for line in range(1, 6)]
    assert lines == [
        *("page_count of P's frame = 1025", "page_count of #1 = 1026", "page_count of #1 = 1025"),
        *("page_count of #1 = 1", "page_count of #1 = 0"),
    ]
    assert told(trace, 2, "exclusive") == ""  # v5.7 has no such flag
    kernel = played("P: write A; kernel: swap_out P; C: read".replace("; C: read", "; P: read"), "v6.5")
    assert (
        told(kernel, 2, "page_count") == "page_count of #1 = 0"
        and told(kernel, 3, "exclusive") == "exclusive to P = yes"
    )


def test_the_zero_page_is_not_counted() -> None:
    assert told(played("P: read"), 1, "page_count") == ""


def test_a_reading_is_asked_as_one() -> None:
    trace = LEAK[0]
    assert told(trace, 6, "g") == "g reads = S" and told(trace, 5, "g") == "g sees = S"
    assert told(trace, 5, "C") == "" and told(trace, 2, "C") == "C sees = A"
    assert told(played("P: mmap file; P: write A; file: read"), 3, "file") == "file reads = F"


def test_a_lesson_may_choose() -> None:
    found = questions(LEAK, {5: ("outcome", "g"), 2: "C @0", 6: ()})
    assert list(found) == [2, 5]
    assert [[q.what for q in column] for column in found[5]] == [["outcome", "g"]] * 2
    assert [q.truth for column in found[2] for q in column] == ["A", "A"]
    assert questions(LEAK, {}) == {}


def test_only_some_policies_may_have_an_answer() -> None:
    traces = [play(scenarios()["leak"], policy) for policy in ("v5.9", "v6.5")]
    assert [[q.truth for q in column] for column in questions(traces, {2: ["exclusive"]})[2]] == [[], ["no"]]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ({7: "outcome"}, "there is no line 7 to ask about: the script has lines 1 to 6"),
        ({"5": "outcome"}, "there is no line '5'"),
        ({5: "exclusive"}, "line 5 does not answer 'exclusive'; it answers outcome, page_count, mapcount, P, g"),
        ({5: ("outcome", "h")}, "does not answer 'h'"),
        ({4: "C"}, "line 4 does not answer 'C'"),
        ([5], "ask goes from lines to questions"),
    ],
)
def test_what_cannot_be_asked_is_said(ask: dict[int, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        questions(LEAK, ask)


def test_every_question_has_a_name_of_its_own() -> None:
    """A process may be called like a question: then the question goes first."""
    trace = played("P: write A; P: fork outcome; outcome: write B")
    assert question(trace, 3, "outcome") is not None and told(trace, 3, "outcome") == "outcome = copy"
    assert note(trace.moments[2], trace.moments[3], trace.policy) and "outcome" in OF_A_FRAME
