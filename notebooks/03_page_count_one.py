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
# # 3. page_count == 1
#
# **The question.** From v5.9 to v5.18 a store that met a write-protected page asked one number:
# is page_count 1? The old number, mapcount, had overlooked a pipe. The new one overlooks nobody:
# whoever holds the page is in the sum. And yet network cards lost their buffers in the very
# month in which it came, and in January 2021 a program that never forks lost data which it
# had read from disk. *How can a count that sees everybody be wrong?*
#
# After this lesson you can
#
# - read a page_count: say what may be in the sum, and what the sum no longer tells,
# - explain why a pin counts 1024, and in which direction one may rely on *maybe pinned*,
# - say what happens if enough references make the count run over, and what stops it,
# - tell a missed, a wrong and an unnecessary copy apart, and show one of each,
# - prove in a few lines that no rule which sees only the two counts is right.
#
# **Time:** about 55 minutes. **You need:** lessons 1 and 2: copy or reuse at a write fault,
# and who takes references (`FOLL_GET`, `FOLL_PIN`).

# %%
from itertools import pairwise

from cowlab import POLICIES, mapcount, page_count, parts, play, scenarios
from cowlab.views import PolicyEditor, Predict, Sandbox
from cowlab.views.guesses import compare_answers, step_through
from cowlab.world import maybe_dma_pinned

# %% [markdown]
# ## 3.1 A sum
#
# mapcount counts page-table entries. page_count counts everybody who would be hurt if the
# frame were freed: page-table entries, pipes, disk transfers, network cards, and other parts
# of the kernel that look at the frame for a moment. That is its purpose: at 0 the frame is
# free. What a write fault may conclude from it is another matter.
#
# **Predict** the count of the frame after each line; nothing is copied here. `register` is a
# buffer for a network card, a `FOLL_PIN`. `kernel: hold P` is somebody in the kernel who holds
# the frame for a moment.

# %%
sum_script = """
P: write A
P: register r
P: vmsplice g
P: fork C
C: exit
r: put
kernel: hold P
"""
Predict(
    sum_script,
    "v5.7",
    ask=dict.fromkeys(range(2, 8), "page_count"),
    title="What is in the sum?",
    lede="One frame, and everybody who holds it. Say the count before you see it.",
)

# %% [markdown]
# A mapping counts 1, a `FOLL_GET` counts 1, a passing look-up counts 1, and a `FOLL_PIN`
# counts 1024. (Why 1024, is the next section.) The picture writes the sum with the name of
# every part. **The kernel does not have these names.** It has one number in `struct page`.
#
# Here are three moments. In each the frame is mapped once and counted twice:

# %% tags=["nbval-check-output"]
moments = {
    "P's own pipe": "P: write A\nP: vmsplice g",
    "C's pipe": "P: write A\nP: fork C\nC: vmsplice g\nC: munmap",
    "a passing look-up": "P: write A\nkernel: hold P",
}
for who, script in moments.items():
    world = play(script, "v5.9").moments[-1].world
    named = " + ".join(f"{part.count} {part.what}" for part in parts(world, 1))
    print(f"{who:18} mapcount {mapcount(world, 1)}, page_count {page_count(world, 1)}")
    print(f"{'':18} in the model: {named}")

# %% [markdown]
# In the second row the other holder is somebody who must *not* see what `P` stores next. In
# the first it is `P` itself. In the third it is nobody who would ever look at the data. Keep
# these three in mind: section 3.7 comes back to them.
#
# ## 3.2 The bias, and *maybe pinned*
#
# A network card that writes into memory holds its pages with a `FOLL_PIN`, and the kernel would
# like to know about such pages: at `fork`, for instance. A second counter beside the first would
# tell. But there is one `struct page` for every 4 KiB of memory, and no room in it. So both
# kinds of reference share one counter, and a pin adds a large number, the **bias**, where a
# plain reference adds 1. The question "is this page pinned?" becomes "is the count at least
# 1024?"
#
# **Predict.** `P` has stored to its page and nobody has pinned it. How many pipes does it take
# until the page looks pinned? And the other way round: can a page look *not* pinned although
# it is? Write a number, and `"yes"` or `"no"`.

# %%
maybe_guess = {"pipes": None, "can a pin be overlooked?": None}


# %%
def pipes(number):
    """So many lines, each of which puts P's page into another pipe."""
    return "".join(f"P: vmsplice g{n}\n" for n in range(number))


worlds = [moment.world for moment in play("P: write A\n" + pipes(1023), "v5.9").steps]
enough = next(n for n, world in enumerate(worlds) if maybe_dma_pinned(world, 1))
compare_answers(maybe_guess, {"pipes": enough, "can a pin be overlooked?": "no"})

# %% [markdown]
# The mapping counts 1, so 1023 pipes do. That is a *false positive*. A false negative cannot
# be: each pin adds 1024, and nothing in the sum is negative, so a pinned page has at least
# 1024, for as long as the counter does not run over. This is why the kernel's function has
# the name it has, **maybe** pinned: its *no* is certain, its *yes* is a guess.
#
# > **In the kernel.** [3faa52c03f44](https://git.kernel.org/linus/3faa52c03f44) (v5.7), "mm/gup:
# > track FOLL_PIN pages", brought the bias, `GUP_PIN_COUNTING_BIAS`, and the guess,
# > `page_maybe_dma_pinned()`, later `folio_maybe_dma_pinned()`.
# > [47e29d32afba](https://git.kernel.org/linus/47e29d32afba) gave huge pages an exact count
# > of their pins: they have more than one `struct page`, and therefore room.
#
# What does a wrong *yes* cost? Since v5.9 `fork` copies at once what may be pinned, so that the
# device stays with the parent (lesson 5). To guess wrong less often, it asks first whether this
# process has *ever* pinned anything.

# %% tags=["nbval-check-output"]
start = "P: write A\nP: register r\n"
forks = {
    "pinned": start + "P: fork C",
    "not any more": start + "r: put\nP: fork C",
    "not any more, 1023 pipes": start + "r: put\n" + pipes(1023) + "P: fork C",
    "never, 1023 pipes": "P: write A\n" + pipes(1023) + "P: fork C",
}
for page, script in forks.items():
    trace = play(script, "v5.9")
    outcome, needless = trace.steps[-1].outcome, trace.needless_copies
    print(f"{page:26} fork: {outcome:5}  needless copies: {needless}")

# %% [markdown]
# The third row is the false positive, and it costs one copy that nobody needed. Nothing is
# lost and nothing leaks. That is no accident, it is the only way in which a guess may be
# used: **a maybe may decide where an error costs a copy, never where it saves one.** The
# commit [feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa) (v5.11-rc4) warns of the
# other direction, of letting the guess decide that a write may *keep* a page. Section 3.7 and
# the exercises come back to it.
#
# ## 3.3 When the counter runs over
#
# A counter has a last value. The real one has 32 bits. The model can have a smaller one, so
# that a short script gets to the end: with `kernel: counter 2 bias 2` it has two bits, counts
# 0, 1, 2, 3, and then begins again at 0.
#
# **Predict.** `P` and its child `C` share a page, and `C` puts it into two pipes. `Q` is
# somebody else: it was there before `P` had stored anything, and shares nothing with anybody.

# %%
overflow_script = """
kernel: counter 2 bias 2
P: fork Q
P: write A
P: fork C
C: vmsplice g
C: vmsplice h
Q: write S
g: read
"""
counts = dict.fromkeys((4, 5, 6), "page_count")
Predict(
    overflow_script,
    "v5.9",
    ask={**counts, 7: ("outcome", "P"), 8: "g"},
    title="Four users and two bits",
    lede="What is page_count after line 6, and what does the kernel believe then?",
)

# %% [markdown]
# Two mappings and two pipes are four, and four is 0 in two bits. A count of 0 means *free*. The
# allocator gives the frame to the next who wants one: `Q`. Now `P`, `C` and two pipes look at
# the memory of somebody else.
#
# Which reuse rule was at fault? The scenario `overflow` does the same with three bits and
# seven pipes. Here it is under every policy we have:

# %% tags=["nbval-check-output"]
verdicts = {name: play("overflow", name).verdict for name in POLICIES}
print(set(verdicts.values()), "under", len(verdicts), "policies")

# %% [markdown]
# None was at fault: no rule was asked. (`Q`'s store is a `fault`, it wants a fresh page. There
# is nothing to reuse.) Whoever decides by a counter has to see to it that nobody can wind it
# round. In January 2021 John Hubbard noted that a page will hardly have many such users, so
# that many bits of the counter are wasted. Linus Torvalds answered that under real load this
# may be so, and that an attacker makes a load of his own: many processes, many pipes, one page.
#
# The remedy is simple. Whoever wants a reference has to ask, and near the end of the counter
# the answer is no. In the model that is the word `guard`. Step through the same lines. Where
# does the count stop, and why so early?

# %%
step_through(
    overflow_script.replace("bias 2", "bias 2 guard"),
    "v5.9",
    title="The same lines, with try_get_page()",
    lede="At which count is a pipe refused?",
)

# %% [markdown]
# At 2 already, half of what two bits can hold, a reference is refused: the kernel reads the
# count as a signed number, and half way up it turns negative. The upper half is left to those
# who do not ask, such as the second mapping here. Both pipes stay empty. That can be a
# nuisance, but it is no leak.
#
# > **In the kernel.** CVE-2019-11487, answered by four commits in v5.1:
# > [f958d7b528b1](https://git.kernel.org/linus/f958d7b528b1) recognises counts near the end,
# > [88b1a17dfc3e](https://git.kernel.org/linus/88b1a17dfc3e) adds **`try_get_page()`**, a
# > reference that can be refused, [8fde12ca79af](https://git.kernel.org/linus/8fde12ca79af)
# > makes GUP use it, and [15fab63e1e57](https://git.kernel.org/linus/15fab63e1e57) pipes.
#
# The bias makes this limit nearer, because a pin takes 1024 of the numbers that are left:

# %%
before_refusal = 2**31  # plain references, until the signed count turns negative
assert before_refusal // 1024 == 2_097_152  # pins

direct_reads = play("overflow-direct-io", "v5.9"), play("overflow-direct-io", "v6.5")
third = [trace.steps[4].outcome for trace in direct_reads]  # P: direct_read d3
assert third == ["hit", "refused"]  # in five bits: three GETs fit, three pins do not

# %% [markdown]
# ## 3.4 Rules (a) and (b)
#
# On 11 January 2021 Linus Torvalds put into words what v5.9 had meant to do, and went further
# with it. Lesson 4 is about the further half. The first half, in our words:
#
# - **(a)** An anonymous page becomes writable only while its page_count is 1.
# - **(b)** It follows that a page in a COW mapping, when it becomes writable, can be reached
#   through the page table and in no other way.
#
# (*Anonymous* is memory that belongs to no file, all that we have had so far. A *COW mapping* is
# a private one, in which a store must stay unseen by others.)
#
# mapcount could never give (b), as a pipe is in no page table. Lesson 2 showed the hole that
# v5.8 still had: there the reference is *older* than the `fork`. Go through it once more with an
# eye on the two counts. **Predict** for v5.8, which goes by mapcount and breaks COW when a
# reference is taken, and for v5.9.

# %%
Predict(
    "leak-reverse",
    "v5.8",
    "v5.9",
    ask={2: "outcome", 4: ("mapcount", "page_count"), 5: "outcome", 6: "g"},
    title="The older reference, counted",
    lede="At line 2 nothing is shared yet. Who can still notice the pipe at line 5?",
)

# %% [markdown]
# At line 2 there is nothing to break: the page is `P`'s alone. So a rule at GUP time comes too
# early for this script, and mapcount looks at the wrong thing. Rule (a) looks at the right
# thing at the right time. Both leaks, this one and the one of lesson 1, are closed by one
# comparison, and no code for GUP was needed.
#
# > **In the kernel.** [09854ba94c6a](https://git.kernel.org/linus/09854ba94c6a) (v5.9-rc4), "mm:
# > do_wp_page() simplification". A KSM page (the kernel has merged equal pages) is copied. A
# > page_count other than 1: copied. The page lock cannot be had at once: copied. With the lock,
# > counts that changed meanwhile: copied. Otherwise the frame is kept. `reuse_page_count` in
# > `cowlab/policy.py` is the same without the lock.
#
# ### Does v5.9 obey?
#
# A rule that sounds right can be asked of every script we have. Here is the question: whenever a
# store makes an entry writable, what is page_count then?


# %%
def became_writable(trace):
    """For each entry that a store made writable: how it was, and the count then."""
    for before, after in pairwise(trace.moments):
        who, page = after.event.actor, after.event.page
        if after.event.verb != "write" or before.world.process(who) is None:
            continue  # no store, or a device's
        old, new = before.world.pte(who, page), after.world.pte(who, page)
        if new.write and not old.write and new.vma.kind == "anon":
            yield old, page_count(after.world, new.frame)


def against_a(policy):
    """Entries that rule (a) forbids, over all scenarios: as they were before."""
    traces = [play(scenario, policy) for scenario in scenarios().values()]
    found = [pair for trace in traces for pair in became_writable(trace)]
    return [old for old, count in found if count > 1]


# %% tags=["nbval-check-output"]
for name in ("v5.7", "v5.9", "v5.18", "v5.19"):
    entries = against_a(name)
    swapped = sum(entry.slot is not None for entry in entries)
    print(f"{name:5}  {len(entries):2} against (a), {swapped} of them were swapped out")

exceptions = against_a("v5.9")
assert exceptions and all(entry.slot is not None for entry in exceptions)
assert not against_a("v5.18")

# %% [markdown]
# - v5.7 does not obey, it never meant to.
# - v5.9 obeys with one kind of exception. A store to a page that is *swapped out* is not
#   decided in `do_wp_page()` but in `do_swap_page()`, and that still went by mapcount. The leak
#   was open there (scenario `leak-swapped`), and so it was for huge pages (`leak-thp`), until
#   v5.18 changed both.
# - v5.19 breaks rule (a) again, and on purpose. That is the end of the story: lesson 6.
#
# > **In the kernel.** [c145e0b47c77](https://git.kernel.org/linus/c145e0b47c77) (v5.18) made
# > `do_swap_page()` go by the count, [3bff7e3f1f16](https://git.kernel.org/linus/3bff7e3f1f16)
# > `do_huge_pmd_wp_page()`. hugetlb pages, huge ones from a reserve of their own, have a write
# > fault of their own too, which asks mapcount to this day where the flag of lesson 6 does not
# > answer.
#
# Read (b) once more: *when it becomes* writable. It does not say that a writable page has a
# count of 1. A reference may come later, and a store through a writable entry asks nobody:

# %%
later_script = """
P: write A
P: direct_read g
P: write B
g: write D
P: read
"""
step_through(
    later_script,
    "v5.9",
    title="A reference to a page that is writable already",
    lede="page_count is 2 at line 3. Who looks at it?",
)

# %% [markdown]
# Nobody looks, because there is no fault, and that is good: `P` and the disk stay together on
# one frame. In v5.9 a page with a reference and a writable entry is in good order. It stays so
# *for as long as nobody takes the write bit away*.

# %% [markdown]
# ## 3.5 The program that loses a read
#
# On 9 January 2021 Andrea Arcangeli sent a patch, and with it a program that loses data under
# the count rule. One thread reads 512 bytes from disk with `O_DIRECT`. While the disk is at
# work, somebody writes `4` to `/proc/PID/clear_refs`, as a tool does that wants to know later
# which pages the process has changed. The kernel takes the write bits away, so that the next
# store to each page faults and can be noted. Then another thread of the program stores to
# *another byte* of the page. No `fork`, no second process that maps the page, no attacker.
#
# A page holds one letter here, so in the model the disk is simply last: what `P` reads in the
# end ought to be the disk's `D`. **Predict** for a kernel that goes by mapcount, and for one
# that goes by page_count.

# %%
Predict(
    "andrea-clear-refs",
    "v5.7",
    "v5.9",
    ask={3: "page_count", 4: "outcome", 5: "P", 7: "P"},
    title="A read from disk is lost without any fork",
    lede="Line 3 only takes a bit away. What does it set up?",
)

# %% [markdown]
# Under v5.9 the store finds a count of 2 and copies. The other holder is the process's own
# read. The disk finishes into a frame that nobody maps any more, and when the read is done the
# frame is freed, with the data in it. `read(2)` returns 512, as if all were well.

# %% tags=["nbval-check-output"]
print(f"{'':8}  clear_refs  store  P reads")
for name in ("v5.7", "v5.8", "v5.9", "v5.11", "v5.18", "v5.19", "v6.5"):
    trace = play("andrea-clear-refs", name)
    _, _, cleared, stored, *_ = trace.steps
    (reading,) = trace.readings
    lost = "" if reading.value == reading.ideal else "  lost"
    print(f"{name:8}  {cleared.outcome:10}  {stored.outcome:5}  {reading.value}{lost}")

# %% [markdown]
# This is not only what the model says. On recorded kernels the same experiment with a slow disk
# lost the data under 5.10.262 and 5.18.12, and not under 5.4.1, 5.8.18, 6.12.117 and 7.3.4
# (scenario `s19_direct_clearrefs`).
#
# v5.11 has a repair, and it does not help this program: `clear_refs` skips pages that *may be
# pinned*. Until v6.5 a direct read takes a `FOLL_GET`, so that its page does not look pinned.
#
# > **In the kernel.** The program is in the cover letter,
# > [20210110004435.26382-1-aarcange@redhat.com](https://lore.kernel.org/r/20210110004435.26382-1-aarcange@redhat.com);
# > the [patch](https://lore.kernel.org/r/20210110004435.26382-2-aarcange@redhat.com) behind it has
# > the three threads line by line. It would have taken back 09854ba94c6a and gone by mapcount
# > again. The repair of v5.11:
# > [9348b73c2e1b](https://git.kernel.org/linus/9348b73c2e1b), "mm: don't play games with pinned
# > pages in clear_page_refs", with
# > [29a951dfb3c3](https://git.kernel.org/linus/29a951dfb3c3), which lets it take the lock of the
# > address space for writing. Direct I/O that pins:
# > [a7e689dd1c06](https://git.kernel.org/linus/a7e689dd1c06) (v6.5).
#
# **Your turn.** The trap has two halves: a reference that was promised to stay, and a write bit
# that goes. `clear_refs` is one way to take the bit. Find another that loses the read under v5.9
# and not under v5.7, without `clear_refs` and without `fork`. Begin after line 2; end with `P:
# write`, `g: write` and `P: read`. (There are at least three ways. Lesson 4 needs one of them.)

# %%
Sandbox(
    "P: write A\nP: direct_read g",
    "v5.7",
    "v5.9",
    title="Set the trap without clear_refs",
    lede="What else takes the write bit away, and gives it back at the next store?",
)

# %% [markdown]
# ## 3.6 Three ways to be wrong
#
# Copying too much seemed harmless: *when in doubt, copy*. The program has shown that it is not.
# A year later, when the final repair was discussed, Linus Torvalds and David Hildenbrand sorted
# all these cases into three:
#
# | | what the kernel did | what it costs |
# |---|---|---|
# | **missed** copy | kept the frame, although somebody else still sees it | a leak |
# | **wrong** copy | copied, although a reference was promised to stay | lost data |
# | **unnecessary** copy | copied, and nobody needed it | time and memory |
#
# (The words, there of a missed, wrong or unnecessary *COW*, are from the cover letter
# [20220126095557.32392-1-david@redhat.com](https://lore.kernel.org/r/20220126095557.32392-1-david@redhat.com).)
#
# The model judges each line beside an ideal kernel which really copies at `fork`. So the three
# words can be computed:


# %%
def mistake(scenario, policy):
    """What that rule gets wrong in that scenario."""
    trace = play(scenario, policy)
    if trace.verdict == "leak":
        return "missed"
    if trace.verdict == "stale":
        return "wrong"
    return "unnecessary" if trace.needless_copies else "-"


# %% [markdown]
# **Predict** for the third kind. The child is gone, and something in the kernel looks the frame
# up and holds it for a moment. `P`'s store comes within that moment.

# %%
Predict(
    "transient-reference",
    "v5.7",
    "v5.9",
    ask={3: "page_count", 4: "page_count", 5: "outcome"},
    title="A look at the wrong moment",
    lede="Nobody will ever see P's data but P. What do the two counts say?",
)

# %% [markdown]
# The content is right in both. But under v5.9 whether this store copies is a matter of chance.
# Hugh Dickins had objected to this before the rule was merged. page_count had decided once
# before, until 2.6.13, and mapcount had taken its place
# ([c475a8ab625d](https://git.kernel.org/linus/c475a8ab625d)) so that copies should not come and
# go ([alpine.LSU.2.11.2008312207450.1212@eggly.anvils](https://lore.kernel.org/r/alpine.LSU.2.11.2008312207450.1212@eggly.anvils)).
#
# Now fill in the whole table. **Predict** three of its cells with `"missed"`, `"wrong"`,
# `"unnecessary"` or `"-"`. The second scenario is what RDMA users met while v5.9 was still a
# release candidate: a registered buffer, a `fork`, a child that exits at once, a store.

# %%
mistake_guess = {
    "leak under v5.9": None,
    "pin-fork-exit-write under v5.9-rc4": None,
    "reuse-after-exit under v5.9": None,
}

# %%
asked = {question: mistake(*question.split(" under ")) for question in mistake_guess}
compare_answers(mistake_guess, asked)

# %% tags=["nbval-check-output"]
kernels = ("v5.7", "v5.8", "v5.9-rc4", "v5.9")
rows = ["leak", "leak-reverse", "reuse-after-exit", "transient-reference"]
rows += ["pin-fork-exit-write", "andrea-clear-refs"]
print(f"{'':20}", "".join(f"{name:13}" for name in kernels).rstrip())
for scenario in rows:
    found = "".join(f"{mistake(scenario, name):13}" for name in kernels)
    print(f"{scenario:20}", found.rstrip())

lost = play("andrea-clear-refs", "v5.9")
assert lost.verdict == "stale" and lost.needless_copies == 1  # one copy is both

# %% [markdown]
# Read it by columns. v5.7 misses. v5.8 misses less. v5.9-rc4 never misses here, and pays with
# wrong and unnecessary copies. v5.9 mended the one wrong copy that RDMA users had met, with the
# copy at `fork` ([70e806e4e645](https://git.kernel.org/linus/70e806e4e645), v5.9-rc7), and
# left the other.
#
# Not one of these four columns is a column of `-`. And the wrong copies are unnecessary ones too:
# nobody needed them, and somebody had a promise. So "when in doubt, copy" is only safe as long
# as nobody has been promised that the page stays.
#
# ## 3.7 The same numbers
#
# Perhaps the two counts are good and only the rule is bad? Both are known when the store comes.
# Could a cleverer function of both be right?
#
# **Predict.** At the deciding store in each of these scenarios: what are mapcount and
# page_count, and what ought the kernel to do, `"copy"` or `"reuse"`?

# %%
numbers_guess = {
    "leak: mapcount": None,
    "leak: page_count": None,
    "leak: ought to": None,
    "andrea-clear-refs: mapcount": None,
    "andrea-clear-refs: page_count": None,
    "andrea-clear-refs: ought to": None,
}


# %%
def counts_at(scenario, line):
    """The two counts of frame #1 just before that line."""
    world = play(scenario, "v5.9").moments[line - 1].world
    return mapcount(world, 1), page_count(world, 1)


same = counts_at("leak", 5), counts_at("andrea-clear-refs", 4)
answers = (*same[0], "copy", *same[1], "reuse")
compare_answers(numbers_guess, dict(zip(numbers_guess, answers, strict=True)))

# %% [markdown]
# The same two numbers, and the opposite is right. Andrea Arcangeli had put two such cases side by
# side on [8 January 2021](https://lore.kernel.org/r/X%2FiPtCktcQHwuK5T@redhat.com), a child's pipe
# and a network card's buffer, and asked how the kernel should tell them apart. Whatever a function
# of the two counts answers for `(1, 2)`, it answers it in both scenarios. So it gets one of them
# wrong, and there are only two answers to try:

# %% tags=["nbval-check-output"]
assert same == ((1, 2), (1, 2))


def copies_at_1_2(page):
    return page.page_count == 1


def keeps_at_1_2(page):
    return page.page_count == 1 or (page.mapcount, page.page_count) == (1, 2)


for rule in (copies_at_1_2, keeps_at_1_2):
    kernel = POLICIES["v5.9"].with_(reuse=rule)
    for scenario in ("leak", "andrea-clear-refs", "transient-reference"):
        print(f"{rule.__name__:14} {scenario:20} {mistake(scenario, kernel)}")

# %% [markdown]
# That is a proof, and a small one: **no rule that sees only the two counts is right at every
# store.** A count says *that* somebody holds the frame. It does not say *whose* they are: a
# reader on the other side of a `fork`, who must not see the store, or one's own, who must.
# ("Right" means here: no leak, and nothing lost that was promised.)
#
# What about *maybe pinned*? It is one bit more, made from the same number. Choose *your own
# function* below and write a rule; the atlas answers at once, and a small search follows. Try
# this one first: keep the frame if `page.maybe_dma_pinned`, or else if `page.page_count == 1`. It
# mends a whole row of scenarios. But open the script that now breaks *isolation*. Whose pin is
# it, and who reads what they should not? (v5.9's own isolation breaks too, in five lines: that is
# the swapped-out page of 3.4.)

# %%
PolicyEditor("v5.9", "reuse")

# %% [markdown]
# In that script the pin is `P`'s own, and true, no false positive at all. It was taken for reading
# on a page which `P` still shares with `C`. A pin says that somebody holds the page; it does not
# say that the page is theirs. That is the same hole as before, with larger numbers.
#
# Two ways out are left.
#
# **Never let such a page come up.** If every write-protected page with a count above 1 is one
# that somebody *else* may see, then the count is right again. Linus Torvalds took this way: he
# held that the count is the only thing that can say a page is exclusive, that `clear_refs` was
# the broken party, and wrote rule (c), by which nobody takes the write bit of a page that is
# held. Andrea Arcangeli took it from the other end: go by mapcount again, and break the sharing
# before a reference is taken, as v5.8 had done, so that no reader can sit on what belongs to two.
# (Later in 2021 he did it by a gentler copy, which you will meet in lesson 6.) He held that for
# copy-on-write all references are equal, long-term or not, that the reuse of a page must be
# accurate, and that the leak had better be closed in `vmsplice` first. Each end leaves something
# open. At his it is the older reference of `leak-reverse`; and he said himself that `fork` would
# have to copy every referenced page then, or none. At the other it is what rule (c) does to
# `mprotect`: lesson 4.
#
# **Know more than a number.** Remember, at the page, *whose* it is. That took until 2022:
# lesson 6.

# %% [markdown]
# ## What you know now
#
# - page_count is a sum: mappings, plain references, passing holders, 1024 for each pin. The
#   kernel has the sum and not its parts.
# - *Maybe pinned* is a comparison with that sum. Its no is certain, its yes is a guess, and a
#   guess may only decide where an error costs a copy.
# - A counter that can be wound round frees memory that is in use, whatever the reuse rule.
#   `try_get_page()` refuses in time.
# - Rule (a), writable only at a count of 1, closes both directions of the leak, also where the
#   reference is older than the `fork`. v5.9 kept it except for swapped-out and huge pages.
# - It also copies where a reference was promised to stay: after `fork` (RDMA, September 2020), and
#   after `clear_refs` without any `fork` (a direct read, January 2021).
# - A copy can be missed, wrong or unnecessary. Two scripts with the same two counts want opposite
#   answers, so no rule on these counts avoids both of the first two.
#
# Now the exercises: `exercises/03_page_count_one.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | bias | what a `FOLL_PIN` adds to page_count, 1024, so that pins stand out in the sum |
# | maybe pinned | page_count is at least the bias: never false for a pinned page, sometimes true for another |
# | try_get_page | takes a reference unless the count is too high; so the counter cannot be wound round |
# | missed, wrong, unnecessary copy | kept what others see (leak); moved away from a reference that was promised to stay (lost data); copied for nobody |
#
# ## Further reading
#
# 1. Andrea Arcangeli,
#    [mm: restore full accuracy in COW page reuse](https://lore.kernel.org/r/20210110004435.26382-1-aarcange@redhat.com),
#    January 2021. A short letter with the program of section 3.5; the reasons are in the patch.
# 2. Linus Torvalds, [the mail with rules (a) to (d)](https://lore.kernel.org/r/CAHk-=wje9r3fREBdZcOu=NihGczBtkqkhXRPDhY-ZkNVv=thiQ@mail.gmail.com),
#    11 January 2021. It begins with the bits of the counter and the bias. Read (a) and (b), and
#    predict what (c) breaks.
# 3. David Hildenbrand,
#    [COW fixes part 1](https://lore.kernel.org/r/20220126095557.32392-1-david@redhat.com), cover
#    letter, January 2022. Missed, wrong and unnecessary COW, and what became v5.18.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits, and the Message-IDs: `docs/kernel.md`, section 7. RDMA
#   and the copy at `fork`:
#   [20200925222600.6832-1-peterx@redhat.com](https://lore.kernel.org/r/20200925222600.6832-1-peterx@redhat.com).
# - The remarks on unused bits and on attackers (3.3) are quoted at the top of
#   [20210112235104.GA490399@redhat.com](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com).
# - The positions at the end of 3.7 are told from the thread which the letter with the program opens
#   (Andrea Arcangeli's are in letter and patch). His branch of 2021 is known here from patch lists
#   and mails, not from its code.
# - From memory: that the counter has 32 bits, and why there is no room for a second one in a small
#   page's `struct page`.
# - The rows `v5.9-rc4` and `v5.9` were not recorded on a real kernel. 5.10.262, which was, copies
#   in Andrea Arcangeli's program and loses the data.
# - Also a matter of chance in 09854ba94c6a, and not in the model: the page lock. If somebody else
#   has it just then, the page is copied.
# - The proof in 3.7 is about the two counts as the decision sees them in this model. A real
#   kernel could look at more, who maps the page for instance.
