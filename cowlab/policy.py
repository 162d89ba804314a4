"""Policies: rows of small decisions, each citing the commit or mail that it was read from.

A decision is a function of one PageInfo: like the kernel it judges by counters and flags, never by the World.
docs/kernel.md lists every source with its title and release.

    reuse    write fault on a page that is mapped read-only: may I keep this frame?    reuse, copy, push
    gup      a read reference is wanted: take it, break COW first, unshare first?      take, break, unshare
    fork     the page is inherited: share it, or copy it now?                          share, copy, mark
    protect  mprotect, clear_refs, uffd_wp take the right to write away                protect, skip, refuse, copy
    swap     may reclaim take it out? at a swap-in that writes: is it mine alone?      True, False
    users    what this verb takes in this release                                      GET, PIN
    huge     write fault on a shared THP                                               whole, split
    drain    is the per-CPU LRU batch drained before the count is looked at?           True, False
    mkwrite  the right to write comes back: may the entry be writable at once?         True, False
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar


class PageInfo(NamedTuple):
    """What a decision is told about one page of one process; at a swap-in, as it will be once mapped.

    The flags are kept under every row, so that a hybrid may look at any of them.

    asker: write, unshare (reuse); get, pin, longterm (gup); fork; mprotect, clear_refs, uffd_wp (protect, mkwrite);
    reclaim, swapin (swap).
    """

    asker: str = "write"
    kind: str = "anon"  # anon, ksm, file, zero; none: nothing is present yet
    size: str = "base"  # base, thp, hugetlb
    split: bool = False  # a THP mapped by PTEs
    mapcount: int = 1  # page-table entries which map it
    swapcount: int = 0  # swap entries which still name the page
    page_count: int = 1  # everybody who is counted: mappings, swap cache, references, holds
    share: int = 1  # how much of page_count is this mapping: 512 for a THP mapped by PTEs
    in_swapcache: bool = False  # and the swap cache has one in page_count
    lru_held: bool = False  # a reference in the per-CPU LRU batch
    maybe_dma_pinned: bool = False  # page_count >= 1024, false positives included; exact for large pages
    mm_has_pinned: bool = False  # the process has ever pinned anything
    exclusive: bool = False  # PG_anon_exclusive, or the bit of the swap entry
    gup_flag: bool = False  # PG_gup (2009)
    inherited: bool = False  # got at fork, under a policy that marks
    writable: bool = False  # the page-table entry


class BadAnswer(ValueError):
    """A decision that raised, or answered what is not allowed; the message shows the PageInfo it was given.

    cell, page: what was asked.
    """

    def __init__(self, message: str, cell: str = "", page: PageInfo | None = None) -> None:
        super().__init__(message)
        self.cell, self.page = cell, page


Answer = Any
Decision = Callable[[PageInfo], Answer]
D = TypeVar("D", bound=Decision)

# Mails that several decisions were read from, by Message-ID.
LINUS_RULES = "CAHk-=wje9r3fREBdZcOu=NihGczBtkqkhXRPDhY-ZkNVv=thiQ@mail.gmail.com"
LINUS_COW = "CAHk-=wgi31FKc9AL6m87+pb2B79V2g_QjdhmtJNW8Pnq2ERQ-Q@mail.gmail.com"
JEROME = "20210112235104.GA490399@redhat.com"
ANDREA_2009_MAIL = "20090316135654.GA17949@random.random"

REUSE, COPY, PUSH = "reuse", "copy", "push"
TAKE, BREAK, UNSHARE = "take", "break", "unshare"
SHARE, MARK = "share", "mark"
PROTECT, SKIP, REFUSE = "protect", "skip", "refuse"
GET, PIN = "GET", "PIN"
WHOLE, SPLIT = "whole", "split"

ANSWERS: dict[str, tuple[Answer, ...]] = {
    "reuse": (REUSE, COPY, PUSH),
    "gup": (TAKE, BREAK, UNSHARE),
    "fork": (SHARE, COPY, MARK),
    "protect": (PROTECT, SKIP, REFUSE, COPY),
    "swap": (True, False),
    "users": (GET, PIN),
    "huge": (WHOLE, SPLIT),
    "drain": (True, False),
    "mkwrite": (True, False),
}


def cites(*sources: str, asks: str = "") -> Callable[[D], D]:
    """Attach to a decision its sources (12-digit commit or Message-ID) and the counter which it asks."""

    def attach(decision: D) -> D:
        decision.sources, decision.asks = sources, asks  # type: ignore[attr-defined]
        return decision

    return attach


# --- reuse: do_wp_page() ---------------------------------------------------------------------------------------------


def hugetlb_cow(page: PageInfo) -> str:
    """hugetlb has its own write fault, which asks the map count in every release."""
    return REUSE if page.mapcount == 1 else COPY


def alone(page: PageInfo) -> bool:
    """The count is this mapping's share, once try_to_free_swap() has dropped a swap cache that no entry needs."""
    droppable = page.in_swapcache and not page.swapcount
    return page.page_count - droppable == page.share


@cites("c475a8ab625d", "ab967d86015a", "52d1e606ee73", asks="mapcount")
def reuse_swap_page(page: PageInfo) -> str:
    """Up to v5.8: nobody else maps it and no swap entry names it. References are asked of a KSM page only."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    if page.kind == "ksm":  # reuse_ksm_page()
        return REUSE if page.page_count == 1 and not page.in_swapcache else COPY
    return REUSE if page.mapcount + page.swapcount == 1 else COPY


@cites("09854ba94c6a", "1a0cf26323c8", "be068f29034f", asks="page_count")
def reuse_page_count(page: PageInfo) -> str:
    """v5.9 to v5.17: the count is one. A PMD-mapped THP still goes by reuse_swap_page()."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    if page.kind == "ksm":
        return COPY
    if page.size == "thp" and not page.split:
        return REUSE if page.mapcount + page.swapcount == 1 else COPY
    return REUSE if page.page_count == 1 else COPY


@cites("53a05ad9f21d", "d4c470970d45", "3bff7e3f1f16", asks="page_count")
def reuse_after_swapcache(page: PageInfo) -> str:
    """v5.18: the count is one after the swap cache has been dropped, for every size but hugetlb."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    if page.kind == "ksm" or page.split:  # the PTEs of a split THP count 512
        return COPY
    return REUSE if alone(page) else COPY


@cites("6c287605fd56", "78fbe906cc90", asks="exclusive")
def reuse_exclusive(page: PageInfo) -> str:
    """v5.19: the flag says that it is mine, whatever the count; else as v5.18, which sets the flag."""
    return REUSE if page.exclusive else reuse_after_swapcache(page)


@cites(LINUS_RULES, asks="page_count")
def reuse_linus(page: PageInfo) -> str:
    """Rule (a): an anonymous page becomes writable only when its page_count is one."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    return REUSE if page.kind != "ksm" and alone(page) else COPY


@cites(JEROME, asks="page_count")
def reuse_not_inherited(page: PageInfo) -> str:
    """The child never reuses an inherited page; its parent goes by the count."""
    return COPY if page.inherited and page.size != "hugetlb" else reuse_linus(page)


@cites(JEROME, asks="inherited")
def reuse_push(page: PageInfo) -> str:
    """As above, but the parent keeps the frame and pushes copies to the others."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    return COPY if page.inherited or page.kind == "ksm" else PUSH


@cites(JEROME, asks="inherited")
def reuse_regardless(page: PageInfo) -> str:
    """As above, but the parent just keeps the frame."""
    if page.size == "hugetlb":
        return hugetlb_cow(page)
    return COPY if page.inherited or page.kind == "ksm" else REUSE


# --- gup: follow_page_pte(), faultin_page(), gup_must_unshare() -------------------------------------------------------


@cites("17839856fd58", "a308c71bf1e6")
def gup_take(page: PageInfo) -> str:
    """A read reference is taken on whatever is mapped."""
    return TAKE


@cites("17839856fd58")
def should_force_cow_break(page: PageInfo) -> str:
    """v5.8: a read reference in a COW mapping is treated as a write."""
    return BREAK


@cites(ANDREA_2009_MAIL)
def gup_decow(page: PageInfo) -> str:
    """2009: a read reference on an anonymous page that is mapped read-only breaks COW."""
    return BREAK if page.kind in ("anon", "ksm") and not page.writable else TAKE


@cites("20211217113049.23850-1-david@redhat.com", "20210110004435.26382-1-aarcange@redhat.com")
def gup_unshare_mapped(page: PageInfo) -> str:
    """mapcount_unshare: copy on read if mapped more than once; long-term ones also off pages that are not anonymous."""
    if page.writable:
        return TAKE
    if page.asker == "longterm" and page.kind in ("ksm", "zero", "file"):  # FOLL_MM_SYNC
        return UNSHARE
    return UNSHARE if page.kind in ("anon", "ksm") and page.mapcount + page.swapcount > 1 else TAKE


@cites("a7f226604170", "c89357e27f20", asks="exclusive")
def gup_must_unshare(page: PageInfo) -> str:
    """v5.19: a read pin on an anonymous page needs the exclusive flag. FOLL_GET does not care."""
    if page.asker == "get" or page.writable or page.kind not in ("anon", "ksm"):
        return TAKE
    return TAKE if page.exclusive and page.kind == "anon" else UNSHARE


@cites("8d6a0ac09a16", "84209e87c696", asks="exclusive")
def gup_must_unshare_longterm(page: PageInfo) -> str:
    """v6.2: and a long-term read pin never stays on the zero page or a private file page."""
    if page.asker == "longterm" and page.kind in ("zero", "file"):
        return UNSHARE
    return gup_must_unshare(page)


# --- fork: copy_present_pte() ----------------------------------------------------------------------------------------


@cites("f822566165dd")
def fork_share(page: PageInfo) -> str:
    """fork shares and write-protects; MADV_DONTFORK is the way out."""
    return SHARE


@cites("70e806e4e645", "008cfe4418b3", "d042035eaf5f")
def page_needs_cow_for_dma(page: PageInfo) -> str:
    """v5.9: copy for the child what may be pinned, in a process that has ever pinned. Not yet hugetlb."""
    if page.size == "hugetlb":
        return SHARE
    return COPY if page.mm_has_pinned and page.maybe_dma_pinned else SHARE


@cites("97a7e4733b9b", "4eae4efa2c29")
def page_needs_cow_for_dma_huge(page: PageInfo) -> str:
    """v5.12: hugetlb too."""
    return COPY if page.mm_has_pinned and page.maybe_dma_pinned else SHARE


@cites("6c287605fd56", "fb3d824d1a46")
def page_try_dup_anon_rmap(page: PageInfo) -> str:
    """v5.19: clearing the exclusive flag fails if the page may be pinned; what is not exclusive is shared already."""
    return COPY if page.exclusive and page.mm_has_pinned and page.maybe_dma_pinned else SHARE


@cites(ANDREA_2009_MAIL)
def fork_copy_gup(page: PageInfo) -> str:
    """2009: a writable page that GUP touched, whose count has more in it than mappings and swap cache."""
    extra = page.page_count - page.mapcount - page.in_swapcache
    return COPY if page.writable and page.kind == "anon" and page.gup_flag and extra else SHARE


@cites(LINUS_RULES)
def fork_copy_counted(page: PageInfo) -> str:
    """A writable page with a count above one is copied for the child."""
    return COPY if held(page) else SHARE


@cites(JEROME)
def fork_mark(page: PageInfo) -> str:
    """Always share; the child's entry is marked: never to be reused."""
    return MARK


# --- protect: change_pte_range(), clear_soft_dirty() ------------------------------------------------------------------


def held(page: PageInfo) -> bool:
    """Rule (c) is about these: a writable page with somebody in its count besides this mapping."""
    return page.writable and not alone(page)


@cites("20210107200402.31095-1-aarcange@redhat.com")
def protect_always(page: PageInfo) -> str:
    """The write bit goes, whoever holds the page."""
    return PROTECT


@cites("9348b73c2e1b", "29a951dfb3c3")
def protect_but_pinned(page: PageInfo) -> str:
    """v5.11: clear_refs leaves a writable page alone if it may be pinned; it never looks at a PMD-mapped THP."""
    pmd = page.size == "thp" and not page.split
    pinned = page.writable and page.mm_has_pinned and page.maybe_dma_pinned and not pmd
    return SKIP if page.asker == "clear_refs" and pinned else PROTECT


@cites(LINUS_RULES, LINUS_COW)
def protect_or_refuse(page: PageInfo) -> str:
    """Rule (c): a held page stays writable. mprotect fails with EBUSY, the others skip it."""
    if not held(page):
        return PROTECT
    return REFUSE if page.asker == "mprotect" else SKIP


@cites(JEROME)
def protect_or_copy(page: PageInfo) -> str:
    """mprotect gives a held page up to its holder and goes on with a copy; the others skip it."""
    if not held(page):
        return PROTECT
    return COPY if page.asker == "mprotect" else SKIP


# --- swap: shrink_page_list(), do_swap_page() -------------------------------------------------------------------------


@cites("ab967d86015a")
def swap_by_mapcount(page: PageInfo) -> bool:
    """Reclaim takes what it finds; at swap-in the page is mine if nobody else maps or names it."""
    return page.asker == "reclaim" or page.mapcount + page.swapcount == 1


@cites("feb889fb40fa")
def swap_not_pinned(page: PageInfo) -> bool:
    """v5.11: what may be pinned is not put into the swap cache."""
    if page.asker == "reclaim":
        return page.in_swapcache or not page.maybe_dma_pinned
    return swap_by_mapcount(page)


@cites("c145e0b47c77", "feb889fb40fa", "03104c2c5db8")
def swap_by_page_count(page: PageInfo) -> bool:
    """v5.18: the swap-in goes by the count too."""
    return swap_not_pinned(page) if page.asker == "reclaim" else alone(page)


@cites("1493a1913e34", "6c287605fd56")
def swap_exclusive(page: PageInfo) -> bool:
    """v5.19: the flag travels in the swap entry, and cannot be cleared while the page may be pinned."""
    if page.asker == "reclaim":
        return not page.maybe_dma_pinned or (page.in_swapcache and not page.exclusive)
    return page.exclusive or alone(page)


@cites(LINUS_RULES)
def swap_not_held(page: PageInfo) -> bool:
    """Rule (d), as far as it was meant: reclaim leaves a writable page with somebody in its count alone."""
    return not held(page) if page.asker == "reclaim" else alone(page)


@cites(JEROME)
def swap_not_inherited(page: PageInfo) -> bool:
    """As above; what was inherited is never the child's alone."""
    return swap_not_held(page) and (page.asker == "reclaim" or not page.inherited)


# --- facts of a release ----------------------------------------------------------------------------------------------


@cites("a7e689dd1c06")
def users_get(page: PageInfo) -> str:
    """Up to v6.4: only io_uring's registered buffers pin; vmsplice and O_DIRECT take FOLL_GET."""
    return PIN if page.asker == "register" else GET


@cites("a7e689dd1c06", "403b6fb8dac1")
def users_pin(page: PageInfo) -> str:
    """v6.5: O_DIRECT pins as well; vmsplice still does not."""
    return GET if page.asker == "vmsplice" else PIN


@cites("3917c80280c9")
def huge_whole(page: PageInfo) -> str:
    """Up to v5.7: all 2 MiB are copied."""
    return WHOLE


@cites("3917c80280c9")
def huge_split(page: PageInfo) -> str:
    """v5.8: the PMD is split, and one of the 512 pages is copied."""
    return SPLIT


@cites("d4c470970d45")
def drain_never(page: PageInfo) -> bool:
    """Up to v5.17: a page still in the LRU batch has one more in its count."""
    return False


@cites("d4c470970d45", "c145e0b47c77")
def drain_lru_batch_first(page: PageInfo) -> bool:
    """v5.18: the batch of this CPU is drained first, unless the count is hopeless anyway."""
    few = page.page_count <= 3 or (page.size == "thp" and not page.split)
    return page.lru_held and page.kind != "ksm" and few


@cites("64fe24a3e05e")
def mkwrite_never(page: PageInfo) -> bool:
    """Up to v5.19: the next write faults."""
    return False


@cites("64fe24a3e05e", "931298e103c2", "c27f479ef542", asks="exclusive")
def can_change_pte_writable(page: PageInfo) -> bool:
    """v6.0 for mprotect, v6.3 for userfaultfd: an exclusive anonymous page is writable at once."""
    return page.kind == "anon" and page.size != "hugetlb" and page.exclusive


# --- rows ------------------------------------------------------------------------------------------------------------


class Policy(NamedTuple):
    """A row: one answer to each question. flag: the page flag or mark that this row looks at, if any."""

    name: str
    about: str
    since: str  # year-month of the release or mail
    reuse: Decision = reuse_swap_page
    gup: Decision = gup_take
    fork: Decision = fork_share
    protect: Decision = protect_always
    swap: Decision = swap_by_mapcount
    users: Decision = users_get
    huge: Decision = huge_split
    drain: Decision = drain_never
    mkwrite: Decision = mkwrite_never
    flag: str = ""  # exclusive, gup_flag or inherited

    def with_(self, **cells: Any) -> Policy:
        """A hybrid: this row with some cells replaced, each by a function of a PageInfo.

        Raises ValueError for a cell that a row does not have.
        """
        unknown = sorted(set(cells) - set(self._fields))
        if unknown:
            raise ValueError(f"a policy has no {unknown[0]!r}; its cells are {', '.join(self._fields)}")
        for cell, value in cells.items():
            if cell in ANSWERS and not callable(value):
                raise ValueError(f"{cell}: expected a function of a PageInfo, found {value!r}")
        changed = ", ".join(f"{cell}={getattr(value, '__name__', value)}" for cell, value in cells.items())
        named = {"name": f"{self.name}({changed})", "about": f"as {self.name}, but {changed}"}
        return self._replace(**{**named, **cells})

    def ask(self, cell: str, page: PageInfo) -> Answer:
        """The answer of one decision. For reuse, True and False stand for reuse and copy.

        Raises BadAnswer if the decision raises or answers something else than ANSWERS allows.
        """
        decision: Decision = getattr(self, cell)
        try:
            answer = decision(page)
        except Exception as error:
            message = f"{self.name}: {cell} raised {error!r} when asked about {page}"
            raise BadAnswer(message, cell, page) from error
        if cell == "reuse" and isinstance(answer, bool):
            return REUSE if answer else COPY
        for allowed in ANSWERS[cell]:
            if answer is allowed or (type(answer) is type(allowed) and answer == allowed):
                return allowed
        expected = ", ".join(map(str, ANSWERS[cell])) + (" (or True, False)" if cell == "reuse" else "")
        expected += "; did you forget return?" if answer is None else ""
        message = f"{self.name}: {cell} answered {answer!r}, expected one of {expected}, when asked about {page}"
        raise BadAnswer(message, cell, page)

    @property
    def decisions(self) -> dict[str, Decision]:
        return {cell: getattr(self, cell) for cell in ANSWERS}

    @property
    def asks(self) -> str:
        """The counter or flag which the reuse decision looks at first."""
        return getattr(self.reuse, "asks", "")


class Tabulated(Policy):
    """A row that asks each decision once a PageInfo and remembers the answer, in `tables`."""

    tables: dict[str, dict[PageInfo, Answer]]

    def ask(self, cell: str, page: PageInfo) -> Answer:
        table = self.tables[cell]
        answer = table.get(page)
        if answer is None:
            answer = table[page] = super().ask(cell, page)
        return answer

    @property
    def fingerprint(self) -> str:
        """12 hex digits which rows that answered the same questions in the same way share, whatever their code."""
        lines = sorted(
            repr((cell, tuple(page), answer)) for cell, table in self.tables.items() for page, answer in table.items()
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def tabulated(policy: Policy) -> Tabulated:
    row = Tabulated(*policy)
    row.tables = {cell: {} for cell in ANSWERS}
    return row


def sources(thing: Policy | Decision) -> tuple[str, ...]:
    """What a decision cites, or a whole row, each source once, in the order of the cells."""
    found = thing.decisions.values() if isinstance(thing, Policy) else (thing,)
    return tuple(dict.fromkeys(source for decision in found for source in getattr(decision, "sources", ())))


def row(base: Policy, name: str, since: str, about: str, **cells: Any) -> Policy:
    """`base` with another name and some cells changed."""
    return base._replace(name=name, since=since, about=about, **cells)


V5_7 = Policy("v5.7", "a write keeps the frame if it is mapped once", "2020-05", huge=huge_whole)
BASE = V5_7._replace(huge=huge_split)
V5_8 = row(BASE, "v5.8", "2020-08", "as v5.7, but a read reference breaks COW first", gup=should_force_cow_break)
V5_9_RC4 = row(BASE, "v5.9-rc4", "2020-09", "a write keeps the frame if page_count is one", reuse=reuse_page_count)
V5_9 = row(V5_9_RC4, "v5.9", "2020-10", "as v5.9-rc4, but fork copies pinned pages", fork=page_needs_cow_for_dma)
V5_11 = row(V5_9, "v5.11", "2021-02", "as v5.9, but clear_refs and swap skip pinned pages")
V5_11 = V5_11._replace(protect=protect_but_pinned, swap=swap_not_pinned)
V5_18 = row(V5_11, "v5.18", "2022-05", "as v5.11, but for THP and swapped pages too", reuse=reuse_after_swapcache)
V5_18 = V5_18._replace(fork=page_needs_cow_for_dma_huge, swap=swap_by_page_count, drain=drain_lru_batch_first)
V5_19 = row(V5_18, "v5.19", "2022-07", "a write keeps the frame if the page is exclusive", reuse=reuse_exclusive)
V5_19 = V5_19._replace(gup=gup_must_unshare, fork=page_try_dup_anon_rmap, swap=swap_exclusive, flag="exclusive")
V6_5 = row(V5_19, "v6.5", "2023-08", "as v5.19, but O_DIRECT pins and long-term pins own their page", users=users_pin)
V6_5 = V6_5._replace(gup=gup_must_unshare_longterm, mkwrite=can_change_pte_writable)

ANDREA_2009 = row(V5_7, "andrea-2009", "2009-03", "fork copies what GUP has touched", gup=gup_decow)
ANDREA_2009 = ANDREA_2009._replace(fork=fork_copy_gup, flag="gup_flag")
ANDREA_2021 = row(BASE, "andrea-2021", "2021-01", "mapcount decides; a read reference unshares first")
ANDREA_2021 = ANDREA_2021._replace(gup=gup_unshare_mapped, fork=page_needs_cow_for_dma)
LINUS_2021 = row(BASE, "linus-2021", "2021-01", "page_count decides; a held page is never protected", reuse=reuse_linus)
LINUS_2021 = LINUS_2021._replace(fork=fork_copy_counted, protect=protect_or_refuse, swap=swap_not_held)
JEROME_MPROTECT = row(LINUS_2021, "jerome-mprotect", "2021-01", "as linus-2021, but mprotect copies a held page")
JEROME_MPROTECT = JEROME_MPROTECT._replace(protect=protect_or_copy)
JEROME_FORK = row(
    JEROME_MPROTECT, "jerome-fork", "2021-01", "fork never copies; the child never reuses", fork=fork_mark
)
JEROME_FORK = JEROME_FORK._replace(reuse=reuse_not_inherited, swap=swap_not_inherited, flag="inherited")
PUSHES, REUSES = "as jerome-fork, but the parent pushes copies", "as jerome-fork, but the parent keeps the frame"
JEROME_FORK_PUSH = row(JEROME_FORK, "jerome-fork-push", "2021-01", PUSHES, reuse=reuse_push)
JEROME_FORK_REUSE = row(JEROME_FORK, "jerome-fork-reuse", "2021-01", REUSES, reuse=reuse_regardless)

MERGED = (V5_7, V5_8, V5_9_RC4, V5_9, V5_11, V5_18, V5_19, V6_5)
PROPOSED = (ANDREA_2009, ANDREA_2021, LINUS_2021, JEROME_MPROTECT, JEROME_FORK, JEROME_FORK_PUSH, JEROME_FORK_REUSE)
POLICIES: dict[str, Policy] = {policy.name: policy for policy in (*MERGED, *PROPOSED)}
