"""Policies: the fifteen rows, what each decision answers, and where that was learnt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from short import ROWS, by_policy, last, played

from cowlab import POLICIES, BadAnswer, PageInfo, Policy, cites, play, policy, sources
from cowlab.policy import ANSWERS, Decision

ROOT = Path(__file__).resolve().parent.parent

# --- the rows --------------------------------------------------------------------------------------------------------


def test_the_fifteen_names_in_the_order_of_the_design() -> None:
    merged = ["v5.7", "v5.8", "v5.9-rc4", "v5.9", "v5.11", "v5.18", "v5.19", "v6.5"]
    proposed = ["andrea-2009", "andrea-2021", "linus-2021", "jerome-mprotect"]
    proposed += ["jerome-fork", "jerome-fork-push", "jerome-fork-reuse"]
    assert list(POLICIES) == merged + proposed
    assert all(name == row.name for name, row in POLICIES.items())


def test_every_row_says_what_it_is_and_since_when() -> None:
    assert all(row.about for row in POLICIES.values())
    assert all(re.fullmatch(r"20\d\d-\d\d", row.since) for row in POLICIES.values())
    merged = [POLICIES[name].since for name in ROWS[:8]]
    assert merged == sorted(set(merged))


def test_no_two_rows_are_the_same() -> None:
    assert len({tuple(row.decisions.values()) for row in POLICIES.values()}) == 15


def test_the_cells_of_a_row_are_the_questions() -> None:
    for row in POLICIES.values():
        assert list(row.decisions) == list(ANSWERS)
        assert all(callable(decision) for decision in row.decisions.values())


@pytest.mark.parametrize(
    "name, asks",
    by_policy(
        "mapcount",
        "page_count: v5.9-rc4 v5.9 v5.11 v5.18 linus-2021 jerome-mprotect jerome-fork",
        "exclusive: v5.19 v6.5",
        "inherited: jerome-fork-push jerome-fork-reuse",
    ).items(),
)
def test_what_the_reuse_rule_asks(name: str, asks: str) -> None:
    assert POLICIES[name].asks == asks


@pytest.mark.parametrize(
    "name, flag",
    by_policy(
        "",
        "exclusive: v5.19 v6.5",
        "gup_flag: andrea-2009",
        "inherited: jerome-fork jerome-fork-push jerome-fork-reuse",
    ).items(),
)
def test_which_flag_a_row_looks_at(name: str, flag: str) -> None:
    assert POLICIES[name].flag == flag


# --- the sources -----------------------------------------------------------------------------------------------------


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading of docs/kernel.md, by their first cell."""
    text = (ROOT / "docs" / "kernel.md").read_text("utf-8")
    section = text.split(f"\n### {heading}\n", 1)[1].split("\n### ")[0].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return {row[0]: row for row in cells[2:]}


def decisions() -> list[Decision]:
    return list(dict.fromkeys(decision for row in POLICIES.values() for decision in row.decisions.values()))


@pytest.mark.parametrize("decision", decisions(), ids=lambda decision: decision.__name__)
def test_every_source_stands_in_the_rule_book(decision: Decision) -> None:
    commits, mails = table("Commits"), table("Mails")
    cited = sources(decision)
    assert cited
    for source in cited:
        row = commits.get(source) or mails.get(source)
        assert row, f"{source} has no row in docs/kernel.md"
        title, release = row[1], row[2]
        assert title
        if source in commits:
            assert re.fullmatch(r"[0-9a-f]{12}", source)
            assert re.match(r"v\d\.\d+", release)
        else:
            assert "@" in source
            assert re.search(r"\b20\d\d\b", release)


def test_every_decision_says_in_a_sentence_what_it_does() -> None:
    assert [decision.__name__ for decision in decisions() if not (decision.__doc__ or "").strip().endswith(".")] == []


def test_the_tables_of_the_rule_book_are_found() -> None:
    assert "09854ba94c6a" in table("Commits")
    assert "20210112235104.GA490399@redhat.com" in table("Mails")
    assert not set(table("Commits")) & set(table("Mails"))


def test_a_row_cites_what_its_decisions_cite_each_once() -> None:
    for row in POLICIES.values():
        cited = sources(row)
        assert len(set(cited)) == len(cited)
        assert set(cited) == {source for decision in row.decisions.values() for source in sources(decision)}
    assert "6c287605fd56" in sources(POLICIES["v5.19"])
    assert "6c287605fd56" not in sources(POLICIES["v5.18"])


def test_cites_attaches_sources_and_leaves_the_function() -> None:
    @cites("0123456789ab", "a@b", asks="mapcount")
    def mine(page: PageInfo) -> str:
        return "reuse"

    assert sources(mine) == ("0123456789ab", "a@b")
    assert mine(PageInfo()) == "reuse"
    assert POLICIES["v5.7"].with_(reuse=mine).asks == "mapcount"


def test_a_function_that_cites_nothing_has_no_sources() -> None:
    assert sources(lambda page: "reuse") == ()


# --- PageInfo --------------------------------------------------------------------------------------------------------


def test_a_page_info_by_default_is_a_base_page_of_ones_own() -> None:
    assert PageInfo()._asdict() == {
        "asker": "write",
        "kind": "anon",
        "size": "base",
        "split": False,
        "mapcount": 1,
        "swapcount": 0,
        "page_count": 1,
        "share": 1,
        "in_swapcache": False,
        "lru_held": False,
        "maybe_dma_pinned": False,
        "mm_has_pinned": False,
        "exclusive": False,
        "gup_flag": False,
        "inherited": False,
        "writable": False,
    }


def test_by_default_everybody_keeps_the_frame() -> None:
    assert {name: row.ask("reuse", PageInfo()) for name, row in POLICIES.items()} == by_policy(
        "reuse", "push: jerome-fork-push"
    )


# --- what the decisions answer ---------------------------------------------------------------------------------------

HELD = {"page_count": 2, "writable": True}
PINNED = {"page_count": 1025, "writable": True, "maybe_dma_pinned": True, "mm_has_pinned": True}
MARKED = "jerome-fork jerome-fork-push jerome-fork-reuse"
COUNTING = "v5.9-rc4 v5.9 v5.11 v5.18 v5.19 v6.5 linus-2021 jerome-mprotect jerome-fork"

ANSWERED = {
    "reuse: mapped twice": (
        "reuse",
        PageInfo(mapcount=2, page_count=2),
        by_policy("copy", "push: jerome-fork-push", "reuse: jerome-fork-reuse"),
    ),
    "reuse: a reference beside one mapping": (
        "reuse", PageInfo(page_count=2), by_policy("reuse", f"copy: {COUNTING}", "push: jerome-fork-push"),
    ),
    "reuse: a swap entry beside one mapping": (
        "reuse",
        PageInfo(swapcount=1, page_count=2, in_swapcache=True),
        by_policy("copy", "push: jerome-fork-push", "reuse: jerome-fork-reuse"),
    ),
    "reuse: a swap cache that nothing needs": (
        "reuse",
        PageInfo(page_count=2, in_swapcache=True),
        by_policy("reuse", "copy: v5.9-rc4 v5.9 v5.11", "push: jerome-fork-push"),
    ),
    "reuse: exclusive, whatever the count": (
        "reuse",
        PageInfo(page_count=1025, exclusive=True),
        by_policy("copy", "reuse: v5.7 v5.8 v5.19 v6.5 andrea-2009 andrea-2021 jerome-fork-reuse", "push: jerome-fork-push"),
    ),
    "reuse: KSM": (
        "reuse", PageInfo(kind="ksm"), by_policy("copy", "reuse: v5.7 v5.8 andrea-2009 andrea-2021"),
    ),
    "reuse: KSM in the swap cache": (
        "reuse", PageInfo(kind="ksm", page_count=2, in_swapcache=True), by_policy("copy"),
    ),
    "reuse: inherited": ("reuse", PageInfo(inherited=True), by_policy("reuse", f"copy: {MARKED}")),
    "reuse: a PMD-mapped THP with a reference": (
        "reuse",
        PageInfo(size="thp", page_count=2),
        by_policy("reuse", "copy: v5.18 v5.19 v6.5 linus-2021 jerome-mprotect jerome-fork", "push: jerome-fork-push"),
    ),
    "reuse: a THP mapped by PTEs": (
        "reuse",
        PageInfo(size="thp", split=True, page_count=512, share=512),
        by_policy("reuse", "copy: v5.9-rc4 v5.9 v5.11 v5.18 v5.19 v6.5", "push: jerome-fork-push"),
    ),
    "reuse: hugetlb with a reference": ("reuse", PageInfo(size="hugetlb", page_count=2), by_policy("reuse")),
    "reuse: hugetlb mapped twice": ("reuse", PageInfo(size="hugetlb", mapcount=2, page_count=2), by_policy("copy")),
    "gup: read-only, mapped twice, get": (
        "gup",
        PageInfo("get", mapcount=2, page_count=2),
        by_policy("take", "break: v5.8 andrea-2009", "unshare: andrea-2021"),
    ),
    "gup: read-only, mapped twice, pin": (
        "gup",
        PageInfo("pin", mapcount=2, page_count=2),
        by_policy("take", "break: v5.8 andrea-2009", "unshare: v5.19 v6.5 andrea-2021"),
    ),
    "gup: read-only and exclusive, pin": (
        "gup", PageInfo("pin", exclusive=True), by_policy("take", "break: v5.8 andrea-2009"),
    ),
    "gup: writable": (
        "gup", PageInfo("pin", writable=True, exclusive=True), by_policy("take", "break: v5.8"),
    ),
    "gup: KSM, pin": (
        "gup",
        PageInfo("pin", kind="ksm", mapcount=2, page_count=2),
        by_policy("take", "break: v5.8 andrea-2009", "unshare: v5.19 v6.5 andrea-2021"),
    ),
    "gup: the zero page, pin": ("gup", PageInfo("pin", kind="zero"), by_policy("take", "break: v5.8")),
    "gup: the zero page, long-term": (
        "gup", PageInfo("longterm", kind="zero"), by_policy("take", "break: v5.8", "unshare: v6.5 andrea-2021"),
    ),
    "gup: a file's page, long-term": (
        "gup", PageInfo("longterm", kind="file"), by_policy("take", "break: v5.8", "unshare: v6.5 andrea-2021"),
    ),
    "fork: nobody else": ("fork", PageInfo("fork", writable=True, exclusive=True), by_policy("share", f"mark: {MARKED}")),
    "fork: pinned": (
        "fork",
        PageInfo("fork", exclusive=True, gup_flag=True, **PINNED),
        by_policy("copy", "share: v5.7 v5.8 v5.9-rc4", f"mark: {MARKED}"),
    ),
    "fork: pinned by somebody, not by this process": (
        "fork",
        PageInfo("fork", exclusive=True, **PINNED)._replace(mm_has_pinned=False),
        by_policy("share", "copy: linus-2021 jerome-mprotect", f"mark: {MARKED}"),
    ),
    "fork: pinned and shared already": (
        "fork",
        PageInfo("fork", **PINNED)._replace(writable=False),
        by_policy("share", "copy: v5.9 v5.11 v5.18 andrea-2021", f"mark: {MARKED}"),
    ),
    "fork: a plain reference": (
        "fork",
        PageInfo("fork", exclusive=True, gup_flag=True, **HELD),
        by_policy("share", "copy: andrea-2009 linus-2021 jerome-mprotect", f"mark: {MARKED}"),
    ),
    "fork: a passing look-up": (
        "fork",
        PageInfo("fork", exclusive=True, **HELD),
        by_policy("share", "copy: linus-2021 jerome-mprotect", f"mark: {MARKED}"),
    ),
    "fork: the mark alone": (
        "fork", PageInfo("fork", gup_flag=True, writable=True, exclusive=True), by_policy("share", f"mark: {MARKED}"),
    ),
    "fork: the mark and a swap cache": (
        "fork",
        PageInfo("fork", gup_flag=True, writable=True, page_count=2, in_swapcache=True),
        by_policy("share", f"mark: {MARKED}"),
    ),
    "protect: mprotect on a held page": (
        "protect",
        PageInfo("mprotect", **HELD),
        by_policy("protect", "refuse: linus-2021", f"copy: jerome-mprotect {MARKED}"),
    ),
    "protect: clear_refs on a held page": (
        "protect",
        PageInfo("clear_refs", **HELD),
        by_policy("protect", f"skip: linus-2021 jerome-mprotect {MARKED}"),
    ),
    "protect: clear_refs on a pinned page": (
        "protect",
        PageInfo("clear_refs", **PINNED),
        by_policy("skip", "protect: v5.7 v5.8 v5.9-rc4 v5.9 andrea-2009 andrea-2021"),
    ),
    "protect: clear_refs on a pinned page that is read-only": (
        "protect", PageInfo("clear_refs", **PINNED)._replace(writable=False), by_policy("protect"),
    ),
    "protect: clear_refs on a pinned THP": (
        "protect",
        PageInfo("clear_refs", size="thp", **PINNED)._replace(page_count=2),
        by_policy("protect", f"skip: linus-2021 jerome-mprotect {MARKED}"),
    ),
    "protect: uffd_wp on a pinned page": (
        "protect",
        PageInfo("uffd_wp", **PINNED),
        by_policy("protect", f"skip: linus-2021 jerome-mprotect {MARKED}"),
    ),
    "protect: nobody else": ("protect", PageInfo("mprotect", writable=True), by_policy("protect")),
    "swap: out, a plain reference": (
        "swap",
        PageInfo("reclaim", **HELD),
        by_policy("True", f"False: linus-2021 jerome-mprotect {MARKED}"),
    ),
    "swap: out, pinned": (
        "swap",
        PageInfo("reclaim", exclusive=True, **PINNED),
        by_policy("False", "True: v5.7 v5.8 v5.9-rc4 v5.9 andrea-2009 andrea-2021"),
    ),
    "swap: out, pinned, but in the swap cache": (
        "swap",
        PageInfo("reclaim", page_count=1026, in_swapcache=True, maybe_dma_pinned=True, mm_has_pinned=True),
        by_policy("True"),
    ),
    "swap: out, pinned and exclusive, but in the swap cache": (
        "swap",
        PageInfo("reclaim", page_count=1026, in_swapcache=True, maybe_dma_pinned=True, exclusive=True),
        by_policy("True", "False: v5.19 v6.5"),
    ),
    "swap: in, nobody else": (
        "swap", PageInfo("swapin", page_count=2, in_swapcache=True), by_policy("True"),
    ),
    "swap: in, another entry": (
        "swap", PageInfo("swapin", swapcount=1, page_count=2, in_swapcache=True), by_policy("False"),
    ),
    "swap: in, a reference": (
        "swap",
        PageInfo("swapin", page_count=3, in_swapcache=True),
        by_policy("True", f"False: v5.18 v5.19 v6.5 linus-2021 jerome-mprotect {MARKED}"),
    ),
    "swap: in, a reference and the bit": (
        "swap",
        PageInfo("swapin", page_count=3, in_swapcache=True, exclusive=True),
        by_policy("True", f"False: v5.18 linus-2021 jerome-mprotect {MARKED}"),
    ),
    "swap: in, inherited": (
        "swap", PageInfo("swapin", page_count=2, in_swapcache=True, inherited=True), by_policy("True", f"False: {MARKED}"),
    ),
    "users: vmsplice": ("users", PageInfo("vmsplice"), by_policy("GET")),
    "users: direct_read": ("users", PageInfo("direct_read"), by_policy("GET", "PIN: v6.5")),
    "users: direct_write": ("users", PageInfo("direct_write"), by_policy("GET", "PIN: v6.5")),
    "users: register": ("users", PageInfo("register"), by_policy("PIN")),
    "huge": ("huge", PageInfo(size="thp"), by_policy("split", "whole: v5.7 andrea-2009")),
    "drain: a fresh page": (
        "drain", PageInfo(page_count=2, lru_held=True), by_policy("False", "True: v5.18 v5.19 v6.5"),
    ),
    "drain: nothing to drain": ("drain", PageInfo(page_count=2), by_policy("False")),
    "drain: a hopeless count": ("drain", PageInfo(page_count=4, lru_held=True), by_policy("False")),
    "mkwrite: exclusive": ("mkwrite", PageInfo("mprotect", exclusive=True), by_policy("False", "True: v6.5")),
    "mkwrite: shared": ("mkwrite", PageInfo("mprotect", mapcount=2, page_count=2), by_policy("False")),
    "mkwrite: the zero page": ("mkwrite", PageInfo("mprotect", kind="zero"), by_policy("False")),
}  # fmt: skip


@pytest.mark.parametrize("cell, page, expected", ANSWERED.values(), ids=ANSWERED)
def test_what_each_row_answers(cell: str, page: PageInfo, expected: dict[str, str]) -> None:
    assert {name: str(row.ask(cell, page)) for name, row in POLICIES.items()} == expected


# --- hybrids and answers ---------------------------------------------------------------------------------------------


def test_a_hybrid_is_a_row_with_one_cell_replaced() -> None:
    row, other = POLICIES["v5.9"], POLICIES["v6.5"]
    hybrid = row.with_(fork=other.fork)
    assert hybrid.fork is other.fork
    assert hybrid.name == "v5.9(fork=page_try_dup_anon_rmap)"
    assert hybrid.about == "as v5.9, but fork=page_try_dup_anon_rmap"
    assert hybrid._replace(fork=row.fork, name=row.name, about=row.about) == row
    assert row == POLICIES["v5.9"]


def test_a_hybrid_plays() -> None:
    never = POLICIES["v5.9"].with_(reuse=lambda page: "copy")
    trace = played("P: write A; P: fork C; C: exit; P: write B", never)
    assert [moment.outcome for moment in trace.steps] == ["fault", "share", "done", "copy"]
    assert trace.needless_copies == 1


def test_a_hybrid_of_two_cells() -> None:
    hybrid = POLICIES["v5.7"].with_(gup=policy.should_force_cow_break, huge=policy.huge_split)
    assert hybrid.decisions == POLICIES["v5.8"].decisions


def test_linus_other_reading_skips_what_it_may_not_protect() -> None:
    skips = POLICIES["linus-2021"].with_(protect=lambda page: "skip" if policy.held(page) else "protect")
    assert last("P: write A; P: vmsplice g; P: mprotect r", "linus-2021") == "refused"
    assert last("P: write A; P: vmsplice g; P: mprotect r", skips) == "skipped"


def test_a_cell_that_no_row_has() -> None:
    with pytest.raises(ValueError, match=r"a policy has no 'fokr'; its cells are .*reuse.*fork"):
        POLICIES["v5.9"].with_(fokr=policy.fork_share)


@pytest.mark.parametrize("answer, means", [(True, "reuse"), (False, "copy")])
def test_a_learner_may_answer_reuse_with_true_and_false(answer: bool, means: str) -> None:
    assert POLICIES["v5.9"].with_(reuse=lambda page: answer).ask("reuse", PageInfo()) == means


@pytest.mark.parametrize(
    "cell, answer",
    [
        ("reuse", "keep"), ("reuse", None), ("reuse", 1), ("gup", True), ("gup", "TAKE"), ("fork", "push"),
        ("protect", "mark"), ("swap", "yes"), ("swap", 1), ("swap", None), ("users", "get"), ("huge", True),
        ("drain", 0), ("mkwrite", "True"), ("fork", ["share"]),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_allowed(cell: str, answer: object) -> None:
    row = POLICIES["v5.9"].with_(**{cell: lambda page: answer})
    with pytest.raises(BadAnswer) as caught:
        row.ask(cell, PageInfo(mapcount=7))
    message = str(caught.value)
    assert message.startswith(f"{row.name}: {cell} answered {answer!r}, expected one of ")
    assert ", ".join(map(str, ANSWERS[cell])) in message
    assert "mapcount=7" in message


def test_an_answer_is_the_rows_own_word() -> None:
    """A string that is equal but made elsewhere counts; what comes back is the allowed one."""
    made = "".join(["re", "use"])
    assert POLICIES["v5.9"].with_(reuse=lambda page: made).ask("reuse", PageInfo()) is ANSWERS["reuse"][0]


def test_a_decision_that_raises() -> None:
    def mine(page: PageInfo) -> str:
        return page.colour  # type: ignore[attr-defined,no-any-return]

    row = POLICIES["v5.9"].with_(reuse=mine)
    with pytest.raises(BadAnswer) as caught:
        row.ask("reuse", PageInfo(mapcount=7))
    assert "v5.9(reuse=mine): reuse raised AttributeError" in str(caught.value)
    assert "mapcount=7" in str(caught.value)
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_bad_answer_comes_through_play() -> None:
    row: Policy = POLICIES["v5.9"].with_(fork=lambda page: "clone")
    with pytest.raises(BadAnswer, match="answered 'clone', expected one of share, copy, mark"):
        play("P: write A\nP: fork C", row)
