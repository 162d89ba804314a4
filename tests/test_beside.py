"""A run on a real kernel beside policies, as Python makes it; what the browser does is in tests/browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
import runs
from runs import ABSENT, made, page
from test_stepper import data, shown

from cowlab import play, scenarios
from cowlab.live import beside_view
from cowlab.live.beside_view import Alone, Beside
from cowlab.live.drive import Run
from cowlab.live.drive import run as run_here
from cowlab.live.parted import Parted
from cowlab.live.references import Skip
from cowlab.live.said import NEEDS_ROOT, said
from cowlab.live.sights import Sights
from cowlab.views import Stepper


def beside(run: Run, *policies: str, **options: Any) -> Beside:
    return Beside(run, *(play(run.scenario, policy) for policy in policies), kernel="6.12.3-made", **options)


def cells(stepper: Stepper, index: int) -> list[str]:
    """The words of a line of the table, without the marks of HTML."""
    return [re.sub("<.*?>", "", cell).strip() for cell in stepper.cells(index)]


# --- what was seen ---------------------------------------------------------------------------------------------------


def test_frames_are_numbered_as_they_are_first_seen() -> None:
    sights = Sights(runs.leak())
    assert sights.labels == {1234567: 1, 7654321: 2} and not sights.hidden
    assert [(one.name, one.letter, one.frame) for one in sights.pages(2)] == [("P @0", "A", "#1"), ("C @0", "A", "#1")]
    assert [(one.name, one.letter, one.frame) for one in sights.pages(5)] == [
        ("P @0", "S", "#2"),
        ("C @0", "–", "not mapped"),
    ]
    assert sights.pages(2)[0].facts == ("mapped 2 times", "anon")
    assert [one.words for one in sights.pages(0)] == ["no page", "not there yet"]
    assert sights.changes(5) == ["P @0: #2 (was #1)", "P @0 shows S (was A)"]


def test_without_root_no_frame_is_named() -> None:
    sights = Sights(runs.leak(root=False))
    assert sights.labels == {} and sights.hidden
    assert {one.frame for one in sights.pages(2)} == {"frame hidden"}
    assert [one.facts for one in sights.pages(2)] == [("not mapped exactly once",)] * 2
    assert sights.pages(5)[0].facts == ("mapped once",)


def test_a_reference_shows_a_letter_only_when_it_is_read() -> None:
    sights = Sights(runs.leak())
    assert [(one.letter, one.read) for n in (2, 3, 5, 6) for one in sights.references(n)] == [
        *(("–", "not taken yet"), ("–", "not read yet"), ("–", "not read yet"), ("A", "read now"))
    ]


def test_what_a_page_may_be_instead() -> None:
    looks = [{"P": ABSENT}, {"P": page("0", 9, 0, flags=["zero"])}, {"P": ABSENT._replace(swapped=True)}]
    zero = Sights(made("P: read\nkernel: swap_out P\n", looks))
    assert zero.pages(1)[0].facts == ("the zero page",) and zero.pages(2)[0].words == "swapped out"
    gone = Sights(made("P: fork C\nC: exit\n", [{"P": ABSENT}, {"P": ABSENT, "C": ABSENT}, {"P": ABSENT}]))
    assert gone.pages(2)[1].words == "has exited"
    dirty = Sights(made("P: write A\nP: clear_refs\n", [{"P": ABSENT}, *[{"P": page("A", soft_dirty=True)}] * 2]))
    assert dirty.pages(1)[0].facts[-1] == "soft-dirty 1"


# --- what a line did -------------------------------------------------------------------------------------------------


def test_the_words_of_a_line() -> None:
    sights = Sights(runs.leak())
    assert [said(sights, n).sentence for n in range(7)] == [
        "Nothing has happened: P maps one page, never touched.",
        "P stored A: where no page was, there is #1 now.",
        "C is where P is, in #1.",
        "g holds C's page; no program can ask in which frame.",
        "C's munmap was done; P @0: mapped once, C @0: not mapped (was #1).",
        "P stored S, and P's page is in #2 now, no longer in #1.",
        "g showed A.",
    ]


def test_what_only_root_may_see_is_said_once() -> None:
    stepper = beside(runs.leak(root=False), "v5.7")
    noted = [index for index in range(1, 7) if NEEDS_ROOT in cells(stepper, index)[0]]
    assert noted == [1]
    assert cells(stepper, 5)[0] == "done"


def test_refusals_have_their_names() -> None:
    stepper = beside(runs.protected(), "v6.5")
    assert [cells(stepper, index)[0] for index in (3, 4)] == ["SIGSEGV", "refused EFAULT"]
    assert said(stepper.kernel.sights, 4).sentence == "P's vm_write was refused: EFAULT, Bad address."
    assert said(stepper.kernel.sights, 3).sentence == "P may not store to @0: SIGSEGV."


# --- beside a policy -------------------------------------------------------------------------------------------------


def test_marks_say_where_a_policy_differs() -> None:
    stepper = beside(runs.leak(), "v5.7", "v6.5")
    assert [one.first for one in stepper.parted] == [5, None] and stepper.part == 5
    assert cells(stepper, 4) == ["done", "✓done C lets go, the pipe does not", "✓same"]
    kernel, old, new = cells(stepper, 5)
    assert kernel == "another frame #2, was #1" and old.startswith("≠reuse") and new.startswith("✓copy")
    assert stepper.parted[0].since(6) == ("since line 5: another frame on this kernel, the same frame under v5.7")
    assert stepper.parted[0].since(4) == ""
    frames = data(stepper)
    assert frames["names"] == ["this kernel", "v5.7", "v6.5"] and frames["part"] == 5
    assert "≠ v5.7 since line 5" in shown(frames, 0, 5)[0] and "✓ like v6.5 so far" in shown(frames, 0, 5)[0]
    assert "≠" not in shown(frames, 0, 4)[0]


def test_who_shares_a_frame_is_compared_too() -> None:
    """fork says nothing of itself: that the child has a page of its own shows in the frames."""
    text = "P: write A\nP: register g\nP: fork C\n"
    one = page("A", 5, 1)
    run = made(text, [{"P": ABSENT}, {"P": one}, {"P": one}, {"P": one, "C": page("A", 6, 1)}])
    assert Parted(run, play(run.scenario, "v6.5")).marks == [None, True, True, True]
    old = Parted(run, play(run.scenario, "v5.7"))
    assert old.first == 3 and "P @0 and C @0: two frames on this kernel, one frame under v5.7" in old.since(3)


def test_a_huge_zero_page_is_a_zero_page() -> None:
    small, huge = page("0", 9, 0, flags=["zero"]), page("0", 512, 0, flags=["thp", "zero"])
    looks = [{"P": ABSENT}, {"P": ABSENT, "P 1": ABSENT}, {"P": small, "P 1": ABSENT}, {"P": small, "P 1": huge}]
    run = made("P: mmap thp @1\nP: read\nP: read @1\n", looks, {2: {"value": "0"}, 3: {"value": "0"}})
    assert Parted(run, play(run.scenario, "v6.5")).marks == [None, None, True, True]


def test_what_cannot_be_compared_has_no_mark() -> None:
    stepper = beside(runs.leak(root=False), "v5.7")
    assert stepper.parted[0].marks == [None, None, None, True, True, None, False]
    assert stepper.part == 6 and cells(stepper, 5)[1].startswith("reuse")


def test_another_script_is_refused() -> None:
    with pytest.raises(ValueError, match="another script"):
        Beside(runs.leak(), play(scenarios()["cow-basic"], "v5.7"))


def test_without_a_difference_nothing_is_marked() -> None:
    stepper = beside(runs.leak(), "v6.5")
    assert stepper.part is None and "first difference" not in stepper.fragment()


# --- the page --------------------------------------------------------------------------------------------------------


def test_cards_show_what_was_seen_and_nothing_else() -> None:
    frames = data(beside(runs.leak(), "v6.5"))
    cards = shown(frames, 0, 2)
    assert cards[2].count("#1") == cards[3].count("#1") == 1 and 'title="frame 1234567 of this machine"' in cards[2]
    assert "mapped 2 times" in cards[2] and "not taken yet" in cards[4]
    assert "PG_anon_exclusive" in cards[5] and "READ AT THE END" not in cards[5]
    assert "READ AT THE END" in shown(frames, 0, 6)[5]
    assert "observed on Linux 6.12.3<" in frames["live"] and "6.12.3-made" in frames["live"]
    hidden = data(beside(runs.leak(root=False), "v6.5"))
    assert "frame hidden" in shown(hidden, 0, 2)[2] and "need root" in shown(hidden, 0, 2)[5]


def test_the_same_in_words() -> None:
    stepper = beside(runs.leak(), "v5.7", start=5)
    assert stepper.text().startswith(
        "this kernel, observed on Linux 6.12.3  line 5 of 6  P: write S  ->  another frame\n\n"
        "P stored S, and P's page is in #2 now, no longer in #1.\n\n"
        "process  page  shows  frame       said of it\n"
        "P        @0    S      #2          mapped once, anon\n"
        "C        @0    -      not mapped  -\n\n"
        "reference  holder         shows  when\n"
        "g          vmsplice by C  -      not read yet\n\n"
        "beside v5.7: differs\n"
    )
    assert stepper.text().endswith(Stepper(*stepper.traces, start=5).text())
    still = stepper.fragment().partition('class="cow-still"')[2].partition("<script")[0]
    assert "this kernel, observed on Linux 6.12.3  line 6 of 6" in still and "<button" not in still


def test_nothing_breaks_out() -> None:
    evil = "</script><script>alert(1)</script><!--"
    run = made(
        "P: write A\nP: read\n", [{"P": ABSENT}, {"P": page("<", 1, 1)}, {"P": page("<", 1, 1)}], {2: {"value": "<"}}
    )
    run = run._replace(scenario=run.scenario._replace(name=evil, title=evil))
    for html in (
        Beside(run, play(run.scenario, "v6.5"), kernel=evil).html(),
        Alone(evil, play(run.scenario, "v6.5")).html(),
    ):
        assert "alert(1)</script>" not in html and "<script>alert" not in html
        assert html.count("<script") == html.count("</script") == 2 and "<!--" not in html
        assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_where_it_cannot_be_run_the_policy_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def skipped(scenario: object) -> Run:
        raise Skip("there is <no> swap.")

    monkeypatch.setattr(beside_view, "run_here", skipped)
    stepper = Beside.of("leak@5", "v5.7")
    assert isinstance(stepper, Alone) and stepper.place == "leak@5"
    words = "Not run on this kernel: there is <no> swap. What the simulator says is shown alone."
    assert stepper.text().startswith(words)
    frames = data(stepper)
    assert frames["names"] == ["v5.7"]
    assert "there is &lt;no&gt; swap. What the simulator says" in frames["live"]
    assert "Not run on this kernel: there is &lt;no&gt; swap." in stepper.still()


def test_what_no_program_can_ask_for_is_not_run() -> None:
    assert isinstance(Beside.of("P: write A\nkernel: swap_out P\n", "v6.5"), Alone)


def test_how_a_reference_was_had_is_said() -> None:
    """A pin by itself is not to be had; io_uring's is."""
    shown_here = page("A", 5, 1)
    run = made("P: write A\nP: pin g write\n", [{"P": ABSENT}, {"P": shown_here}, {"P": shown_here}])
    assert Sights(run).references(2)[0].holder == "pin by P, as register"


def test_a_real_leak() -> None:
    try:
        run = run_here(scenarios()["leak"])
    except Skip as skip:
        pytest.skip(str(skip))
    stepper = Beside(run, play(run.scenario, "v5.7"), play(run.scenario, "v6.5"))
    assert len(stepper.kernel.sights.places) == 2 and run.moments[6].value in ("A", "S")
    sides = [one.first for one in stepper.parted]
    assert None in sides and sides != [None, None]  # every kernel leaks, or does not
    assert data(stepper)["live"].count("<section") == 3
