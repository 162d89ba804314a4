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
# # Exercises to 8. Real kernels
#
# You have read `notebooks/08_real_kernels.ipynb`. Each task has a cell in which you replace the
# line `raise NotImplementedError(...)`, and below it a cell that checks: it says what held,
# what did not, and the shortest script that shows it. It never tells the solution. Check as
# often as you like. The last task is answered in words and read by a person.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import POLICIES, mapcount, page_count, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("08_real_kernels", seed=SEED)

# %% [markdown]
# ## 8.1 Before you look
#
# An experiment is worth most if you have said before what it will show. `P` fills a pipe,
# forks and leaves; then the child stores. *Mapped* is what `/proc/kpagecount` would show for
# the frame, *counted* is page_count, which no file shows. The last four are what the pipe
# shows on four recorded kernels, by the rows that stand for them. (8 points)

# %% [raw] tags=["task"]
# [before_you_look]
# kind = "predict"
# title = "Before you look"
# points = 8
# stub = "return a dictionary with the keys printed above"
# hint = "Who is in a page table at that line, and who else holds the frame? For the pipes: which question does the child's store ask on each kernel, and is the reference here older or younger than the fork?"
# script = """
# P: write A
# P: vmsplice g
# P: fork C
# P: munmap
# C: write B
# g: read
# """
# [before_you_look.ask]
# "mapped, pipe filled" = "line 2 mapcount of P under v6.5"
# "counted, pipe filled" = "line 2 page_count of P under v6.5"
# "mapped, P gone" = "line 4 mapcount of C under v6.5"
# "counted, P gone" = "line 4 page_count of C under v6.5"
# "pipe on 5.4.1" = "line 6 reading under v5.7"
# "pipe on 5.8.18" = "line 6 reading under v5.8"
# "pipe on 5.10.262" = "line 6 reading under v5.11"
# "pipe on 6.12.117" = "line 6 reading under v6.5"

# %% tags=["nbval-check-output"]
check.ask("before_you_look")


# %% tags=["answer"]
def before_you_look():
    """Four numbers, and four letters that the pipe shows."""
    ### BEGIN SOLUTION
    return {
        "mapped, pipe filled": 1,
        "counted, pipe filled": 2,
        "mapped, P gone": 1,
        "counted, P gone": 2,
        "pipe on 5.4.1": "B",
        "pipe on 5.8.18": "B",
        "pipe on 5.10.262": "A",
        "pipe on 6.12.117": "A",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(before_you_look)
### BEGIN HIDDEN TESTS
check.points(before_you_look)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: kpagecount is page_count, as its name says
def before_you_look():
    return {
        "mapped, pipe filled": 2,
        "counted, pipe filled": 2,
        "mapped, P gone": 2,
        "counted, P gone": 2,
        "pipe on 5.4.1": "B",
        "pipe on 5.8.18": "B",
        "pipe on 5.10.262": "A",
        "pipe on 6.12.117": "A",
    }


# %% tags=["wrong"]
# 4 points: vmsplice copies, so that nothing is counted and no pipe changes
def before_you_look():
    return {
        "mapped, pipe filled": 1,
        "counted, pipe filled": 1,
        "mapped, P gone": 1,
        "counted, P gone": 1,
        "pipe on 5.4.1": "A",
        "pipe on 5.8.18": "A",
        "pipe on 5.10.262": "A",
        "pipe on 6.12.117": "A",
    }


# %% tags=["wrong"]
# 7 points: v5.8 breaks COW at the reference, so no pipe leaks there
def before_you_look():
    return {
        "mapped, pipe filled": 1,
        "counted, pipe filled": 2,
        "mapped, P gone": 1,
        "counted, P gone": 2,
        "pipe on 5.4.1": "B",
        "pipe on 5.8.18": "A",
        "pipe on 5.10.262": "A",
        "pipe on 6.12.117": "A",
    }


# %% [markdown]
# ## 8.2 The bit and the flag
#
# The documentation calls bit 56 of pagemap *exclusively mapped*. Suppose somebody takes it for
# `PG_anon_exclusive`. Write what they believe as a law: *an anonymous frame that exactly one
# page-table entry maps is marked exclusive.* The law is not true, and that is its use: the
# steps at which it breaks are those at which the bit says something else than the flag.
#
# `step.after` is the World after the event. Its `frames` are in order of their numbers (a place may be
# `None`); a frame has a `kind` (`"anon"`, `"zero"`, `"file"`, `"ksm"`) and `exclusive`. `mapcount(world, number)`
# and `page_count(world, number)` count. (7 points)

# %% [raw] tags=["task"]
# [bit_is_flag]
# kind = "law"
# title = "The bit and the flag"
# stub = "return True where it holds, else False"
# points = 7
# hint = "The bit is about mappings: which of the two counts is that? And the flag is only kept for one kind of frame. There is a scenario for whoever forgets that, and one for a frame that two processes map."
# passes = ["s07_pin_mprotect_write under v6.5", "pin-fork-write under v6.5", "s26_reads_only under v6.5", "s11_zeropage_read_pin_write under v6.5"]
# catches = ["the pipe stays under v6.5", "reuse-after-exit under v6.5", "s01_fork_child_writes under v6.5"]
# [bit_is_flag.scripts]
# "the pipe stays" = """
# P: write A
# P: fork C
# C: vmsplice g
# C: munmap
# """

# %% tags=["nbval-check-output"]
check.ask("bit_is_flag")


# %% tags=["answer"]
def bit_is_flag(step):
    """False if some anonymous frame is mapped exactly once and is not exclusive."""
    ### BEGIN SOLUTION
    world = step.after
    for number, frame in enumerate(world.frames):
        if frame is None or frame.kind != "anon":
            continue
        if mapcount(world, number) == 1 and not frame.exclusive:
            return False
    return True
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(bit_is_flag)
### BEGIN HIDDEN TESTS
check.points(bit_is_flag)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: page_count is taken for what the bit shows, and the leak is not seen
def bit_is_flag(step):
    world = step.after
    for number, frame in enumerate(world.frames):
        if frame is None or frame.kind != "anon":
            continue
        if page_count(world, number) == 1 and not frame.exclusive:
            return False
    return True


# %% tags=["wrong"]
# 6 points: the zero page is mapped once, and has no flag
def bit_is_flag(step):
    world = step.after
    for number, frame in enumerate(world.frames):
        if frame is not None and not frame.exclusive and mapcount(world, number) == 1:
            return False
    return True


# %% tags=["wrong"]
# 6 points: a frame that two processes share has no flag either, and is not mapped once
def bit_is_flag(step):
    frames = [frame for frame in step.after.frames if frame is not None]
    return all(frame.exclusive for frame in frames if frame.kind == "anon")


# %% [markdown]
# ## 8.3 Tell 5.10 from 5.18
#
# The three pipes of section 8.5 show `A A A` on 5.10.262 and on 5.18.12. Find a fourth
# experiment, again one with a pipe, that any program can do: a script that leaks by the rules
# of `v5.11` and does not by those of `v5.18`. (6 points)

# %% [raw] tags=["task"]
# [tell_apart]
# kind = "find"
# title = "Tell 5.10 from 5.18"
# stub = "return the text of a script, one event a line"
# points = 6
# hint = "What did the count rule not reach before v5.18? The first line of a script may say what kind of page @0 is."
# law = "isolation"
# policy = "v5.11"
# keeps = ["v5.18"]
# uses = ["vmsplice"]
# without = ["swap_out", "migrate", "ksm", "hold", "drop", "clear_refs", "counter"]
# shortest = 6

# %% tags=["nbval-check-output"]
check.ask("tell_apart")


# %% tags=["answer"]
def tell_apart():
    """A script: the experiment that shows which of the two kernels this is."""
    ### BEGIN SOLUTION
    return """
P: mmap thp
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write B
"""
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(tell_apart)
### BEGIN HIDDEN TESTS
check.points(tell_apart)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: the leak of lesson 1, which both kernels have closed
def tell_apart():
    return """
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write B
"""


# %% tags=["wrong"]
# 4.5 points: hugetlb leaks, and on every kernel
def tell_apart():
    return """
P: mmap hugetlb
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write B
"""


# %% tags=["wrong"]
# 5 points: with a look at the end, which the laws do not need
def tell_apart():
    return """
P: mmap thp
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write B
g: read
"""


# %% [markdown]
# ## 8.4 A rule from a recording
#
# Suppose you had the recording of 5.10.262, the other decisions of its row, and no source for
# its write fault. This is what was noted:
#
# | scenario | noted |
# |---|---|
# | `s02_child_exits_parent_writes`: the child is gone | the parent's frame: `same` |
# | `s07_pin_mprotect_write`: a pipe holds the page | the frame `moved`, the pipe is `stale` |
# | `s13_thp_pin_mprotect`: the same with a huge page | the frame is the `same`, the pipe `coherent` |
# | `s13_thp_vmsplice_leak_munmap`: the leak, with a huge page | the parent's frame: `same`; `LEAK` |
# | `s30_hugetlb_vmsplice_leak`: the same with hugetlb | `same`; `LEAK` |
# | `s14_ksm`: the last one who maps a merged page stores | the frame `moved` |
#
# Write the decision: may the writer keep the frame? You are given a `PageInfo` with `size`
# (`"base"`, `"thp"`, `"hugetlb"`), `kind` (`"anon"`, `"ksm"`, ...), `mapcount`, `page_count` and more.
# Your rule is put into the row and played beside the recording, all 62 scenarios. (8 points)

# %% [raw] tags=["task"]
# [from_recording]
# kind = "decide"
# title = "A rule from a recording"
# stub = "return 'reuse' or 'copy'"
# points = 8
# hint = "Sort the six notes by the kind of page. For each kind: does a pipe keep the writer from keeping the frame? If so, the rule there looks at page_count, else at something that a pipe does not change."
# base = "v5.11"
# cells = { from_recording = "reuse" }
# recorded = { "5.10.262 s0*" = 2, "5.10.262 s13_*" = 2, "5.10.262 s14_*" = 1, "5.10.262" = 3 }

# %% tags=["nbval-check-output"]
check.ask("from_recording")


# %% tags=["answer"]
def from_recording(page):
    """May the writer keep this frame? As 5.10.262 was seen to answer."""
    ### BEGIN SOLUTION
    if page.kind == "ksm":
        return "copy"
    users = page.page_count if page.size == "base" else page.mapcount
    return "reuse" if users == 1 else "copy"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(from_recording)
### BEGIN HIDDEN TESTS
check.points(from_recording)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 2 points: what holds for a small page holds for all
def from_recording(page):
    return "reuse" if page.page_count == 1 else "copy"


# %% tags=["wrong"]
# 2 points: a leak was noted, so it must be the map count rule
def from_recording(page):
    return "reuse" if page.mapcount == 1 else "copy"


# %% tags=["wrong"]
# 4 points: whoever is the last one keeps the frame, also of a merged page
def from_recording(page):
    users = page.page_count if page.size == "base" else page.mapcount
    return "reuse" if users == 1 else "copy"


# %% tags=["wrong"]
# 5 points: hugetlb is taken for a small page, since it is no THP
def from_recording(page):
    if page.kind == "ksm":
        return "copy"
    users = page.mapcount if page.size == "thp" else page.page_count
    return "reuse" if users == 1 else "copy"


# %% [markdown]
# ## 8.5 A disagreement
#
# Somebody runs `s12_pageout_plain` on a laptop with a kernel 6.12: the page is stored to, sent out
# by `MADV_PAGEOUT`, read, and stored to again. They note
#
# | field | noted | the row `v6.5` says |
# |---|---|---|
# | `pte_became_swap_entry` | 0 | 1 |
# | `parent_frame` | `same` | `moved` |
# | `parent_sees` | `P` | `P` |
#
# and propose to change the decision `swap` of the row, so that a page which comes back from swap
# is the same frame. The laptop has no swap space. What do you answer? Say which of the five
# questions settles it, what the values tell about the last store and what not, what is to become
# of the row, and how the experiment is to be mended. (5 points)

# %% [raw] tags=["task"]
# [answer_them]
# kind = "explain"
# title = "A disagreement"
# points = 5
# hint = "Which of the three values was noted first in time? Start there, and ask what the other two can still mean if it is true."
# rubric = [
#   "The first question settles it: it did not happen. pte_became_swap_entry 0 says that the page never went out; without swap space there is nowhere to go.",
#   "Then same follows: the page was there all the time, and the store was a hit (or at most a fault without a copy); who copies at swap-in was never asked.",
#   "The two differing cells are one disagreement, the second a consequence of the first; they are not compared (na, a configuration) and no reason for a change.",
#   "The row stays: two recorded kernels of that row note 1 and moved, and the change would break their cells.",
#   "Mended: add swap space, check by pagemap (bit 62) that the page has gone before going on, and note the frame also between the read and the store, as moved alone does not tell a copy from a reuse.",
# ]

# %% tags=["nbval-check-output"]
check.ask("answer_them")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# Ask first whether it happened at all. `pte_became_swap_entry` is 0, so when that was noted the
# page had not gone out; the laptop has no swap space, where should it have gone? From this the
# second value follows. The page was mapped all the time, the read and the store went through, and
# `same` says nothing about pages that come back from swap: the question was never asked. So there
# is one disagreement here, not two, and it is a matter of configuration. The cells are not to be
# compared, and the row stays as it is: 6.12.117 and 7.3.4 were recorded with swap, both note 1 and
# `moved`, and with the proposed change the row would disagree with them. To mend the experiment,
# give the machine some swap space, try MADV_PAGEOUT until bit 62 of pagemap is set, and give up with
# `na` otherwise. And note the frame between the read and the store as well: `moved` at the end is
# true whether the store copies or not.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 1 points: that a newer release may differ is true, and is not looked into
#
# A recording always wins over the model, that is how the course was made. 6.12 on a laptop is
# another kernel than Debian's, so it may have another rule. One should give it a row of its own, with
# a swap decision that answers True. The existing row stays, because the recorded kernels agree with it.

# %% [markdown] tags=["wrong"]
# 2 points: it sees that nothing went out, and stops there
#
# The page was not swapped out, you can see it in the first value, because there is no swap. So the
# store was an ordinary hit and the frame is of course the same. One should repeat it on another
# machine.

# %% [markdown] tags=["wrong"]
# 0 points: a cell is mended until it agrees
#
# The model says moved and the kernel says same, so the model is wrong about swap-in on new kernels.
# PG_anon_exclusive is remembered in the swap entry, therefore the page is reused and the frame
# stays the same. The change is right, and afterwards all three cells agree.
