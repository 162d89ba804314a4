# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. PG_anon_exclusive
#
# **The question.** A store faults on a read-only entry. mapcount is 1, page_count is 2. In one
# run the second reference is a stranger's pipe, and whoever stores must leave the frame. In
# another it is a disk transfer of the process itself, and whoever stores must keep the frame.
# The numbers are the same. *What would the kernel have to remember to tell the two apart, and
# who would have to help it remember?* The answer that was merged in 2022 is one bit. With it in
# hand we go back to a mail of January 2021 and judge it claim by claim.
#
# After this lesson you can
#
# - show that no rule about counts can be right in both runs,
# - say who sets the exclusive flag, what leaves it alone, and when `fork` may not take it away,
# - explain unsharing, and what makes a read-only pin reliable,
# - name what is still open,
# - judge each claim of Jerome Glisse's mail by a script of your own choice.
#
# **Time:** about 60 minutes; there is a good place for a break before 6.7. **You need:** lessons
# 1 to 5.

# %%
from cowlab import POLICIES, mapcount, page_count, play
from cowlab.views import PolicyEditor, Predict
from cowlab.views.guesses import compare_answers, step_through

# %% [markdown]
# ## 6.1 The same numbers, opposite answers
#
# Here are the two runs; lesson 3 (3.7) has put them side by side. The first is the leak of lesson
# 1. The second is Andrea Arcangeli's program: a direct read is in flight, `clear_refs` takes the
# write bit away, and `P` stores into another part of the page.
#
# **Predict.** At the line with the comment, `do_wp_page()` is asked about frame #1. What are its
# counts just before? Put four numbers in the place of `None`.

# %%
stranger = """
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write S  # line 5
g: read
"""
own = """
P: write A
P: direct_read g
P: clear_refs
P: write B  # line 4: elsewhere in the page
g: write D
g: put
P: read
"""
counts_guess = {
    "stranger: mapcount": None,
    "stranger: page_count": None,
    "own: mapcount": None,
    "own: page_count": None,
}

# %%
strange = play(stranger, "v5.9").moments[4].world
mine = play(own, "v5.9").moments[3].world
counted = {
    "stranger: mapcount": mapcount(strange, 1),
    "stranger: page_count": page_count(strange, 1),
    "own: mapcount": mapcount(mine, 1),
    "own: page_count": page_count(mine, 1),
}
compare_answers(counts_guess, counted)

# %% [markdown]
# A decision in our simulator is told sixteen facts about the page, and may use any of them. So
# let us not stop at two counts, as lesson 3 did. `asked` plays a script with a rule that writes down what it
# was told.


# %% tags=["nbval-check-output"]
def asked(script):
    """What the reuse decision of v5.9 is told, the first time it is asked."""
    told = []

    def listening(page):
        told.append(page)
        return page.page_count == 1

    play(script, POLICIES["v5.9"].with_(reuse=listening))
    return told[0]


of_stranger, of_own = asked(stranger), asked(own)
print(f"{len(of_own)} facts; these differ:")
for fact, theirs, ours in zip(of_own._fields, of_stranger, of_own, strict=True):
    if theirs != ours:
        print(f"  {fact}: stranger {theirs}, own {ours}")

# %% [markdown]
# Fifteen facts are the same, not only the two counts. The one that differs is the subject of this
# lesson, and no kernel before v5.19 kept it. Without it a rule gives the same answer in both
# runs, and there are only two answers:

# %% tags=["nbval-check-output"]
print(f"{'answer':8} {'stranger':9} own")
for answer in ("reuse", "copy"):
    row = POLICIES["v5.9"].with_(reuse=lambda page, answer=answer: answer)
    print(f"{answer:8} {play(stranger, row).verdict:9} {play(own, row).verdict}")

# %% [markdown]
# Reuse leaks in the first run; copy loses the disk's data in the second. **No rule that sees
# counts only can be right in both**, however exact the counts are. It is not a matter of more
# bits, or of a cleverer comparison. A count says *how many* hold the frame now. What decides here
# is *whose* they are, and that was settled earlier: when the reference was taken, was the page
# `P`'s alone?
#
# ## 6.2 One more bit
#
# Two people in the thread wished for such a memory. On 10 January 2021 Linus Torvalds would have
# liked a mark that says: this page has been made exclusive already, and `fork` will keep it so
# ([mail](https://lore.kernel.org/r/CAHk-=wgi31FKc9AL6m87+pb2B79V2g_QjdhmtJNW8Pnq2ERQ-Q@mail.gmail.com)).
# Two days later Andy Lutomirski wanted to keep apart what one bit of the page table has to say
# so far: *may this process write*, and *is this page its own*
# ([mail](https://lore.kernel.org/r/CALCETrWEAOj28Y6SaBVuxahuRmk9exp1fqcJO0ibGKbFw4HQ4A@mail.gmail.com)).
# David Hildenbrand's series of 2022 brought the mark: **`PG_anon_exclusive`**, a flag of the page.
#
# | the flag is | by |
# |---|---|
# | set | the first store to fresh memory; a copy, for whoever gets it; a reuse that the count allowed |
# | left alone | whatever only takes the write bit: `mprotect`, `clear_refs`, userfaultfd |
# | cleared | whatever shares the page: `fork`, KSM |
#
# The write fault then asks the flag first: set, so keep the frame, *whatever the count says*. Not
# set, so ask the count as before.
#
# **Predict** the second run on the kernel that has the flag: is the page *exclusive*, and what
# becomes of the store that v5.18 answers with a copy?

# %%
Predict(
    own,
    "v5.19",
    ask={1: "exclusive", 3: "exclusive", 4: ("outcome", "page_count"), 7: "P"},
    title="Whose is it?",
    lede="The second run, with the flag. What survives clear_refs?",
)

# %% [markdown]
# At line 3 the entry loses its write bit, and the page keeps its flag. That is all. At line 4
# page_count is still 2, and v5.19 does not even look at it.
#
# And the stranger? There the flag went at the `fork`, before the pipe existed. Nobody gave it
# back, so the count decides, and it is 2.

# %%
worlds = [moment.world for moment in play(stranger, "v5.19").moments]
assert worlds[1].frame(1).exclusive  # P's first store: nobody else has ever seen it
assert not worlds[2].frame(1).exclusive  # fork: now it may be shared
assert not worlds[4].frame(1).exclusive  # munmap does not give the flag back
assert play(stranger, "v5.19").moments[5].outcome == "copy"

# When the count allows a reuse, the flag is set again.
alone = play("reuse-after-exit", "v5.19")
assert [moment.outcome for moment in alone.steps][-2:] == ["reuse", "hit"]
assert alone.moments[-1].world.frame(1).exclusive

# %% [markdown]
# Mind the direction. *Set* is a promise: nobody but this process, and those to whom it gave
# references itself, can see the frame. *Not set* promises nothing: the page **may** be shared.
# After `munmap` above `P` was alone in the page tables, and the flag did not know. That costs a
# look at the count, never a leak.
#
# > **In the kernel.** [78fbe906cc90](https://git.kernel.org/linus/78fbe906cc90) gives the flag
# > its bit, the one that file pages use as `PG_mappedtodisk`.
# > [6c287605fd56](https://git.kernel.org/linus/6c287605fd56) (v5.19), "mm: remember exclusively
# > mapped anonymous pages with PG_anon_exclusive", makes `do_wp_page()` ask it. Where the flag is
# > not set, today's `do_wp_page()` calls `wp_can_reuse_anon_folio()`, which counts. In the model
# > the rule is `reuse_exclusive` in `cowlab/policy.py`: one line.
#
# ## 6.3 Taking a reference: unshare
#
# If the new rule is one line, is it enough to put that line into the kernel before? A hybrid
# says. Each of these scenarios takes a *read* pin, stores, and looks through the pin. Pins are
# promised the present content, as long as the owner keeps the page mapped.

# %% tags=["nbval-check-output"]
new_reuse = POLICIES["v5.18"].with_(reuse=POLICIES["v5.19"].reuse)
pins = ["pin-read-exclusive", "pin-read-previously-shared", "pin-read-shared"]
print(f"{'':27} v5.18  new reuse  v5.19")
for name in pins:
    before, hybrid, after = (
        play(name, row).verdict for row in ("v5.18", new_reuse, "v5.19")
    )
    print(f"{name:27} {before:6} {hybrid:10} {after}")

# %% [markdown]
# One of three. The flag can keep a page that *was* exclusive when the pin was taken. In the other
# two the page was shared once, so the flag is not set, and the pin joins a frame that `P` will
# leave at its next store. Whoever takes a reference has to help.
#
# **Step** through the third. What happens at line 3, where nobody stores anything?

# %%
step_through(
    "pin-read-shared",
    "v5.18",
    "v5.19",
    title="A read pin on a shared page",
    lede="P only asks to be read. Why would anybody copy at line 3?",
)

# %% [markdown]
# v5.19 copies *at the pin*: `P` gets a frame of its own, with the flag, and the pin is taken on
# that one. This is **unsharing**: a copy because of a read. At line 4 flag and pin are on the
# same frame, and the store keeps it.
#
# v5.8 copied at this place too: it treated every read reference as a store. Look at what
# each of them leaves in `P`'s entry.

# %%
in_2020 = play("pin-read-shared", "v5.8").moments[3]
in_2022 = play("pin-read-shared", "v5.19").moments[3]
assert in_2020.outcome == in_2022.outcome == "copy"
assert in_2020.world.pte("P", 0).write  # v5.8: as after a store,
assert not in_2022.world.pte("P", 0).write  # v5.19: as after a read.
assert in_2022.world.frame(2).exclusive

# A plain reference, such as vmsplice takes, is not unshared: it is promised a snapshot.
assert play("get-read-shared", "v5.19").moments[3].outcome == "hit"
assert play("get-read-shared", "v5.19").verdict == "snapshot"

# %% [markdown]
# That a read looked like a store was one of the troubles of v5.8: a userfaultfd monitor was told
# of stores that nobody made (scenario `uffd-wp-read`), and pages that were only read became dirty.
# An unsharing fault leaves the entry read-only, so there is nothing to tell.
#
# > **In the kernel.** [c89357e27f20](https://git.kernel.org/linus/c89357e27f20) brings
# > `FAULT_FLAG_UNSHARE`: `do_wp_page()` decides as it does for a store, but does not make the
# > entry writable. [a7f226604170](https://git.kernel.org/linus/a7f226604170) lets GUP ask for such
# > a fault when `gup_must_unshare()` says that a read *pin* would join an anonymous page which is
# > not exclusive. Both are in v5.19. The idea of such a fault is Andrea Arcangeli's, there triggered
# > by mapcount; David Hildenbrand says so with his own first attempt
# > ([17 December 2021](https://lore.kernel.org/r/20211217113049.23850-1-david@redhat.com)).
#
# Now every pin on an anonymous page has the flag under it from its first moment. We call a pin
# **reliable** if nothing but its owner's own `munmap` (or `exit`, or `MADV_DONTNEED`) can part it
# from its process. Here are five read pins under six rows:

# %% tags=["nbval-check-output"]
rows = ["v5.7", "v5.8", "v5.18", "linus-2021", "v5.19", "v6.5"]
print(" " * 27, *(f"{name:>10}" for name in rows))
for name in [*pins, "pin-read-zero-page", "pin-read-file"]:
    print(f"{name:27}", *(f"{play(name, row).verdict:>10}" for row in rows))

# %% [markdown]
# The column `linus-2021` breaks no promise of its author's: by his mail of 10 January a reference
# is to stay only if the page was *writable* when it was taken, and in these five it is not. The
# model asks for more.
#
# The last two lines are pins on pages that are not anonymous yet: memory that was never written,
# and a private file mapping. There is no flag to set on the zero page. Since v6.2 a *long-term*
# read pin unshares those too ([84209e87c696](https://git.kernel.org/linus/84209e87c696)).
#
# ## 6.4 Fork asks for it back
#
# `fork` shares pages, so it has to clear the flag. But what if a device has pinned the page?
# Without the flag the parent's next store would copy, and the pin would not be reliable any more.
#
# **Predict** what `fork` does, and who has the page to itself after it.

# %%
fork_script = """
P: write A
P: register g
P: fork C
P: write B
C: read
"""
Predict(
    fork_script,
    "v5.19",
    ask={3: ("outcome", "exclusive"), 4: "outcome", 5: "C"},
    title="A pin, a flag, a fork",
    lede="fork must clear the flag, or do without sharing.",
)

# %% [markdown]
# Clearing the flag is a step that can *fail*, and then the child gets its copy at once. (Line 4
# is a hit: the parent's entry was not even protected.) It is the early copy of lesson 5, but with
# a promise that can be checked: **an anonymous page that is pinned is exclusive.** (If the owner
# unmaps it, nothing is promised any more.)
#
# Three decisions keep that promise: reuse, gup and fork. What if one of them does not? The
# editor below shows the row `v5.19`, with `fork` open. **Choose `fork_share`** for it, the oldest
# rule, and see which scenarios fail. Then put it back and try `gup` with `gup_take`.

# %%
PolicyEditor("v5.19", "fork")

# %%
for cell, old, victim in [
    ("reuse", "v5.18", "fixed-buffer-mprotect"),
    ("gup", "v5.18", "pin-read-shared"),
    ("fork", "v5.7", "fixed-buffer-fork"),
]:
    row = POLICIES["v5.19"].with_(**{cell: getattr(POLICIES[old], cell)})
    assert play(victim, "v5.19").verdict == "ok"
    assert play(victim, row).verdict == "stale"

# %% [markdown]
# The flag is a promise that everybody has to keep: KSM, reclaim and migration as well, which
# give up on a page whose flag they cannot clear.
#
# `fork` still cannot *know* that a page is pinned. It makes the same guess as since 2020, *may be
# pinned*, which is page_count of at least 1024. Is that not again a count that has to say whose?
# Look at what an error does:

# %%
false_alarm = play("pin-false-positive", "v5.19")
assert false_alarm.verdict == "ok"  # plain references that look like a pin
assert false_alarm.needless_copies == 1  # cost a copy, and nothing else

# %% [markdown]
# Now let the same guess decide about *reuse*, where an error saves a copy. Here a stranger holds
# three plain references, and the world is made so that four look like a pin:

# %%
crowd = """
kernel: counter 32 bias 4
P: write A
P: fork C
C: vmsplice g
C: vmsplice h
C: vmsplice i
C: munmap
P: write S
g: read
"""


def guessing(page):
    return page.exclusive or page.page_count == 1 or page.maybe_dma_pinned


assert play(crowd, "v5.19").verdict == "ok"
assert play(crowd, POLICIES["v5.19"].with_(reuse=guessing)).verdict == "leak"

# %% [markdown]
# A guess may be used where an error costs a copy, never where it saves one. The message of
# [feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa) (v5.11-rc4) warns of just that: to go by
# *maybe pinned* when deciding about reuse would be a serious bug.
#
# > **In the kernel.** `fork` comes to `page_try_dup_anon_rmap()`
# > ([fb3d824d1a46](https://git.kernel.org/linus/fb3d824d1a46)); the *try* is the point. Kernels
# > built for debugging check the promise each time that a page is pinned or unpinned
# > ([b6a2619c60b4](https://git.kernel.org/linus/b6a2619c60b4)).
#
# ## 6.5 Through swap and back
#
# A flag of the *page* is lost with the page. Reclaim leaves pinned pages alone, but not those which
# a plain reference holds; the page table then has a swap entry instead. When the page comes back,
# is it still `P`'s alone?
#
# **Step** through: a direct read is in flight, before v6.5 a plain `FOLL_GET`, so nothing stops
# reclaim.

# %%
step_through(
    "andrea-swap-read",
    "v5.18",
    "v5.19",
    title="Out and in again",
    lede="What can a swap entry remember of the page? Watch line 5.",
)

# %% [markdown]
# The flag travels in the swap entry: one bit says **swap exclusive**. `fork` clears it there too,
# since it copies swap entries like any other. (Line 4 finds the old frame, in the swap cache.)

# %%
swapped = play("andrea-swap-read", "v5.19").moments[3].world.pte("P", 0)
assert swapped.frame is None and swapped.exclusive

forked = play("P: write A\nkernel: swap_out P\nP: fork C", "v5.19").moments[-1].world
assert not forked.pte("P", 0).exclusive and not forked.pte("C", 0).exclusive

# %% [markdown]
# > **In the kernel.** [1493a1913e34](https://git.kernel.org/linus/1493a1913e34), "mm/swap:
# > remember PG_anon_exclusive via a swp pte bit". The bit's place in a swap entry is a matter of
# > each architecture: [3e20889cfbee](https://git.kernel.org/linus/3e20889cfbee) for x86,
# > [570ef363509b](https://git.kernel.org/linus/570ef363509b) for arm64.
#
# ## 6.6 What is still open
#
# Which of these four would you expect to be `ok` by now?

# %% tags=["nbval-check-output"]
rows = ["v5.18", "v5.19", "v6.5"]
print(" " * 16, *(f"{name:>9}" for name in rows))
for name in ("direct-io-fork", "get-swap-fork", "leak-hugetlb", "get-read-shared"):
    print(f"{name:16}", *(f"{play(name, row).verdict:>9}" for row in rows))

# %% [markdown]
# - **`FOLL_GET` and `fork`.** A plain write reference is not counted as a pin, so `fork` shares
#   the page and clears the flag. Under v5.19 a direct read that is caught by a `fork` can be lost,
#   as before: the child sees what it brings, and the parent does not if it stores first. v6.5 mends `direct-io-fork` by moving block direct I/O to `FOLL_PIN`
#   ([a7e689dd1c06](https://git.kernel.org/linus/a7e689dd1c06)), not by a better rule.
#   `get-swap-fork` shows what every plain write reference still risks.
# - **hugetlb and vmsplice.** The leak of lesson 1 is still there on a hugetlb page. Its write
#   fault asks the flag, then mapcount, and `vmsplice` takes a plain reference. The kernel's own
#   selftest expects it to fail, until `vmsplice` takes a pin.
# - **`snapshot`** is no broken promise: a plain read reference is owed nothing newer.
# - **The torn child** of lesson 5 needs threads, which our scripts do not have. Copying at `fork`
#   is what makes it possible, and v5.19 copies at `fork`.
#
# So *whose?* has an answer wherever there is a promise to keep. The price is a rule that
# many parts of the kernel have to obey.

# %% [markdown]
# ## 6.7 The mail, claim by claim
#
# You have met Jerome Glisse's mail of 12 January 2021
# ([20210112235104.GA490399](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com)) in parts.
# It is short: it quotes five claims, and a rule to which it objects, and makes four claims of its
# own. We found no answer to it. Now you know enough to be its judge.
#
# `cowlab.claims` has each claim in our words, and *trials*: scripts that say what happens if
# the claim is right, behind an arrow as in your own predictions. `holds` plays one under a row.

# %% tags=["nbval-check-output"]
from cowlab.claims import CLAIMS, TRIALS, holds

print(TRIALS["6a"].says)
print(TRIALS["6a"].script)
for row in ("linus-2021", "v5.19"):
    print(f"{row}: {holds(TRIALS['6a'], row)}")

# %% [markdown]
# `judge` keeps your verdict on a claim, and only then shows what became of its trials under the
# fifteen rows. Write `"right"`, `"wrong"`, or what it depends on. There is no mark: where you
# differ from the rows, `step_through(TRIALS["6a"].events, "linus-2021")` lets you decide who is
# right.

# %%
my_verdicts = {}


def judge(verdicts):
    """Keep these verdicts; of each claim that has one, show the trials."""
    my_verdicts.update(verdicts)
    for number, verdict in verdicts.items():
        if verdict is None:
            print(f"Claim {number}: no verdict yet. Put yours in the place of None.")
        else:
            print(f"{CLAIMS[number - 1].summary}\n    You: {verdict}\n")


# %% [markdown]
# ### The count: claims 1 to 3
#
# These the mail quotes from others.
#
# 1. **John Hubbard**: many bits of page_count are wasted, even with the pin bias, because one page
#    is unlikely to have many callers of GUP.
# 2. **Linus Torvalds**: under real loads, perhaps. An attacker can have many processes and pipes,
#    and vmsplice one page over and over; `try_get_page()` had to be added against overflow.
# 3. **Linus Torvalds**: with stricter rules the bias could go. In a writable entry a count above
#    one would already mean that somebody used GUP. (This reason is in the mail that is quoted.)
#
# Before you judge the third: what else can be in a count? Lesson 3 had a list.

# %%
judge({1: None, 2: None, 3: None})

# %% [markdown]
# - **1 and 2 do not contradict each other**, since one speaks of loads and the other of attacks.
#   1a and 2a hold under every row: reuse rules do not help against a count that has come round
#   to zero, and an honest load is far from it. What idle bits could buy is 1b, a surer *maybe*. Not
#   an answer to *whose?*: in 6.1 both counts were 2.
# - **3 is right about pins and wrong about "means".** By 3a a device stays with its process under
#   `linus-2021` although its pin weighs no more than any other reference. (The merged
#   rows from v5.9 pass for a poor reason: with a bias of 1 every page of a process that has ever
#   pinned looks pinned.) By 3b a passing look-up of the kernel's own makes `fork` copy. Matthew Wilcox brought
#   those look-ups up
#   ([mail](https://lore.kernel.org/r/20210113021619.GL35215@casper.infradead.org)), and Linus
#   Torvalds took the exactness back the same evening
#   ([mail](https://lore.kernel.org/r/CAHk-=whxDS7DHHN=ZHCUskXu3A2h3Z5F427kTJqvc5P_8x8ecw@mail.gmail.com)):
#   the bias stays.
#
# ### The rules: claims 4 to 6
#
# The next two are quoted as well, from
# [the mail with the rules](https://lore.kernel.org/r/CAHk-=wje9r3fREBdZcOu=NihGczBtkqkhXRPDhY-ZkNVv=thiQ@mail.gmail.com).
# The third is Jerome Glisse's first own sentence.
#
# 4. **Rule (a)**: an anonymous page is made writable, so COW ends in reuse, only when its
#    page_count is 1.
# 5. **Corollary (b)**: so a writable page in a COW mapping starts out reachable from the page
#    tables only.
# 6. **Jerome Glisse**: rule (c), never to make such a page read-only unless its page_count is 1,
#    breaks `mprotect(PROT_READ)`, and might break programs that use it for their security.
#
# **Predict** the sixth, on the row that has rule (c).

# %%
Predict(
    TRIALS["6a"].events,
    "linus-2021",
    ask={3: ("outcome", "page_count"), 4: "outcome"},
    title="mprotect under rule (c)",
    lede="A device is on the page. May the CPU still store after line 3?",
)

# %%
judge({4: None, 5: None, 6: None})

# %% [markdown]
# - **4 is right about leaks**: both are closed, 4a and 4b, wherever reuse goes by the count.
#   **"Only" did not last**: 4c is Andrea Arcangeli's case once more. `v5.19` makes a page writable
#   with a page_count of 2, on purpose, and keeps the device's data by it.
# - **5 follows from 4 and is worded with care**: *starts out*. What comes later is seen through a
#   writable entry without any fault, 5a. The other side is 5b: a read pin that is there before
#   the store is left behind. The cell below checks it: the rows which obey (b) there are just the
#   rows which part the pin from its process.
# - **6 is right.** In the reading of our row `mprotect` fails. In the other reading it skips the
#   page, says that all is well, and the store goes through just the same. By 6b not even a
#   device is needed. Andy Lutomirski had disliked the rule earlier that day: `mprotect` could fail
#   because another thread has a short I/O in flight. Yet rule (c) had its reason: where reuse goes
#   by the count, every lost write bit is a trap for the next store.

# %%
for row in TRIALS["5b"].holds:
    assert play(TRIALS["5b"].events, row).verdict == "stale"
for row in TRIALS["5b"].fails:
    assert play(TRIALS["5b"].events, row).verdict == "ok"

skips = POLICIES["linus-2021"].with_(protect=lambda page: "skip")
skipped = play(TRIALS["6a"].events, skips)
assert [moment.outcome for moment in skipped.steps][2:] == ["skipped", "hit"]
assert skipped.verdict == "unprotected"

# %% [markdown]
# ### Copy at mprotect: claim 7
#
# 7. **Jerome Glisse**: an alternative would be to copy at `mprotect` each page that has another
#    page_count than 1. That makes him uneasy about short-lived GUP (direct I/O that races with
#    `mprotect`, maybe even page migration) as against users without an end, such as RDMA.
#
# Short and unbounded users differ in what they lose, and in what one could do instead. **Step**
# through the unbounded one, and count how many of the device's stores reach `P`.

# %%
step_through(
    TRIALS["7e"].events,
    "jerome-mprotect",
    title="A device, and a guard that comes and goes",
    lede="After which line can P no longer hear from its device?",
)

# %%
judge({7: None})

# %% [markdown]
# **The idea does what it should, and the worry was justified.** By 7a `mprotect` gives even more
# than it promises: not even the device can change what `P` sees. By 7b a read in flight is lost,
# in a program that only protected a page. One transfer is lost, where 7e loses all that follow.
# And for the short one alone one could think of waiting until it is over. Andy Lutomirski did, for
# references that only read, at a later copy, and doubted that it would be worth it. Nobody can wait
# for RDMA.
#
# What he meant by migration the mail does not say. If migration's own passing reference is meant,
# `mprotect` copies for nobody (7c), which costs a page. If it meets a direct read, it gives up
# under every row (7d).
#
# v5.19 does neither: `mprotect` takes the write bit, whoever holds the page, and the flag
# remembers. The CPU is bound, the device is not, and nobody is parted.
#
# ### At fork: claims 8 and 9
#
# 8. **Jerome Glisse** asks: on `fork`, with a page_count above 1, do we copy the page instead of
#    write-protecting it?
# 9. **Jerome Glisse** believes it better to protect it for the CPU, but to forbid the child ever to
#    reuse it. If the child is the heir (the parent has unmapped the page, say), it must copy, and
#    the reference may linger on a page that is in no address space any more. `fork` stays fast.
#
# What the *parent* does at its next store the mail does not say. Two readings are
# `jerome-fork`, where it goes by the count, and `jerome-fork-push`, where it keeps the frame and
# first gives a copy to everybody else. **Predict** trial 9d under both.

# %%
Predict(
    TRIALS["9d"].events,
    "jerome-fork",
    "jerome-fork-push",
    ask={3: "outcome", 4: "outcome", 5: "C", 7: "P"},
    title="Protect, and never let the child reuse",
    lede="fork copies nothing. Who pays, and when?",
)

# %%
judge({8: None, 9: None})

# %% [markdown]
# - **8: under rules (a) to (c), yes**, any writable page (8b). The kernel that was out by then
#   copied only what may be *pinned* (8a), since v5.9-rc7
#   ([70e806e4e645](https://git.kernel.org/linus/70e806e4e645)), and so it is today.
# - **9 is right about what it says**: `fork` stays fast (9a), the old pipe does not see what the
#   heir stores, and it does linger on a page that nobody maps (9b, and the cell below). *Never* is
#   stricter than it need be: a child that is left alone copies for nobody (9c).
# - **9 is silent about the parent**, and there it is decided. Going by the count parts the device
#   from its process (9d, `jerome-fork`). Just keeping the frame lets the child see what its parent
#   stores (9d, `jerome-fork-reuse`). Pushing copies keeps both, late and by a walk through all
#   mappings. And under none of the three is the child protected from the *device*: until
#   somebody copies, it sees what is brought for its parent (9e).

# %%
lingering = play(TRIALS["9b"].events, "jerome-fork").moments[-1].world
assert mapcount(lingering, 1) == 0  # in no address space any more,
assert page_count(lingering, 1) == 1  # and still the pipe's

# %% [markdown]
# ### Your verdicts
#
# Run this again when you have judged. Then read the mail itself; it takes two minutes.

# %%
from textwrap import shorten

for claim in CLAIMS:
    mine = my_verdicts.get(claim.number) or "..."
    print(f"{claim.number}  {mine:10}  {shorten(claim.says, 70, placeholder=' ...')}")

# %% [markdown]
# Read with what came later, the mail asks for two things at once: `mprotect` must stay what it is,
# and `fork` must stay fast. The first was granted, the second nearly. `mprotect` protects, whoever
# holds the page. `fork` protects and shares, unless a page may be pinned. The forbidding of reuse came, too, but turned round: not a
# mark on the child's entry that says *not yours*, but a flag of the page that says *yours*, which
# `fork` takes from both, and which either can earn back once it is alone. (That is our
# reading, deduced; nobody in the thread put it so.)
#
# ## What you know now
#
# - No rule that sees counts only can be right: a stranger's pipe and one's own transfer can have
#   the same numbers, and need opposite answers.
# - `PG_anon_exclusive` remembers whose a page is. It is set when a page is made or found to be
#   alone, survives the loss of the write bit, and is cleared by sharing. Not set means *may be
#   shared*.
# - A read pin on a page without the flag unshares it first: a copy because of a read, and the
#   entry stays read-only.
# - `fork` may not take the flag from a page that may be pinned, and copies instead. The guess may
#   only err towards a copy.
# - The flag travels through swap in the swap entry.
# - Open: plain references across `fork`, hugetlb with vmsplice, torn children.
# - Jerome Glisse was right that (c) breaks `mprotect`, and right to be uneasy about copying there,
#   which loses data in flight; what he proposed for `fork` depends on the parent, of whom the mail does not speak.
#
# Now the exercises: `exercises/06_exclusive.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | `PG_anon_exclusive` | a flag of an anonymous page: its one process has it to itself, and every promised reference is that process's own |
# | unshare | to copy a page that may be shared before a read pin is taken; the entry stays read-only |
# | reliable pin | a pin that only the owner's own `munmap`, `MADV_DONTNEED` or `exit` can part from its process |
# | swap exclusive | the bit of a swap entry that keeps the flag while the page is out |
#
# ## Further reading
#
# 1. [get_user_pages() and COW, 2022 edition](https://lwn.net/Articles/895439/), LWN, 2022.
# 2. David Hildenbrand,
#    [COW fixes part 2: reliable GUP pins of anonymous pages](https://lore.kernel.org/r/20220428083441.37290-1-david@redhat.com),
#    28 April 2022: the series that brought the flag. Look for the invariants in its cover letter.
# 3. Jerome Glisse,
#    [Re: mm: restore full accuracy in COW page reuse](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com),
#    12 January 2021: the mail of 6.7.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits: `docs/kernel.md`, section 7. That the flag came with
#   v5.19 and long-term pins of zero and file pages with v6.2 is deduced there from dates and
#   merge windows.
# - The row `v5.19` itself was not recorded; 6.12.117 and 7.3.4 were, which stand for `v6.5`.
# - The rows `linus-2021` and all `jerome` are readings of mails, made for this simulator
#   (`docs/kernel.md`, section 3). No answer to the mail of 12 January was found.
# - The claims are paraphrased from that mail and the mail that it answers; `cowlab/claims.toml` has
#   them with their Message-IDs, and the trials. That programs use `mprotect(PROT_READ)` for
#   security is the mail's argument, not tested here.
# - What Andy Lutomirski and Matthew Wilcox said is paraphrased from their mails of that
#   week in the thread of
#   [20210110004435.26382-1](https://lore.kernel.org/r/20210110004435.26382-1-aarcange@redhat.com).
# - Left out: races of GUP-fast with `fork` and with clearing the flag, large folios that are mapped
#   in part (v6.15), and what only processors or threads can show; see `cowlab/atlas/OUTSIDE.md`.
