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
# # Exercises to 1. Copy on write
#
# You have read `notebooks/01_copy_on_write.ipynb`. Each task has a cell in which you replace
# the line `raise NotImplementedError(...)`, and below it a cell that checks: it says what
# held, what did not, and the shortest script that shows it. It never tells the solution.
# Check as often as you like.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import Process, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("01_copy_on_write", seed=SEED)

# %% [markdown]
# ## 1.1 The bill of a fork
#
# "The writer always gets a copy." Is it so? Predict without playing the script (6 points).

# %% [raw] tags=["task"]
# [fork_bill]
# kind = "predict"
# title = "The bill of a fork"
# points = 6
# hint = "Who is alone on the frame at the moment of the store? A store through a writable entry takes no fault at all."
# script = """
# P: write A
# P: fork C
# P: write B
# C: write D
# C: write E
# C: exit
# P: write G
# """
# [fork_bill.ask]
# "P stores B" = "line 3 outcome under v5.7"
# "C stores D" = "line 4 outcome under v5.7"
# "C stores E" = "line 5 outcome under v5.7"
# "P stores G" = "line 7 outcome under v5.7"
# "faults" = "faults under v5.7"
# "copies" = "copies under v5.7"

# %% tags=["nbval-check-output"]
check.ask("fork_bill")


# %% tags=["answer"]
def fork_bill():
    """What happens at each store, and how many faults and copies there are in all."""
    ### BEGIN SOLUTION
    return {
        "P stores B": "copy",
        "C stores D": "reuse",
        "C stores E": "hit",
        "P stores G": "hit",
        "faults": 3,
        "copies": 1,
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(fork_bill)
### BEGIN HIDDEN TESTS
check.points(fork_bill)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 4 points: the writer always copies
def fork_bill():
    return {
        "P stores B": "copy",
        "C stores D": "copy",
        "C stores E": "hit",
        "P stores G": "hit",
        "faults": 3,
        "copies": 2,
    }


# %% tags=["wrong"]
# 3 points: reuse happens without a fault
def fork_bill():
    return {
        "P stores B": "copy",
        "C stores D": "hit",
        "C stores E": "hit",
        "P stores G": "reuse",
        "faults": 2,
        "copies": 1,
    }


# %% tags=["wrong"]
# 0 points: fork copied everything, so that no store has to
def fork_bill():
    return dict.fromkeys(["P stores B", "C stores D"], "fault")


# %% [markdown]
# ## 1.2 Two reasons to be read-only
#
# `fork` makes entries read-only, and so does `mprotect`. Both at once: which fault is
# copy-on-write, and which is not? Read the script to its end before you answer (8 points).

# %% [raw] tags=["task"]
# [two_reasons]
# kind = "predict"
# title = "Two reasons to be read-only"
# points = 8
# hint = "At each store ask two questions, in this order. May this process store here at all, by what its mapping allows? If so: what does its page-table entry say, and who else is on the frame? A child inherits its parent's rights."
# script = """
# P: write A
# P: mprotect r
# P: write B
# P: fork C
# P: mprotect rw
# P: write D
# C: write E
# C: mprotect rw
# C: write G
# C: write H
# P: read
# """
# [two_reasons.ask]
# "P stores B" = "line 3 outcome under v5.7"
# "P stores D" = "line 6 outcome under v5.7"
# "C stores E" = "line 7 outcome under v5.7"
# "C stores G" = "line 9 outcome under v5.7"
# "C stores H" = "line 10 outcome under v5.7"
# "P reads" = "line 11 reading under v5.7"
# "faults" = "faults under v5.7"
# "copies" = "copies under v5.7"

# %% tags=["nbval-check-output"]
check.ask("two_reasons")


# %% tags=["answer"]
def two_reasons():
    """What happens at each store, what P reads, and how many faults and copies."""
    ### BEGIN SOLUTION
    return {
        "P stores B": "sigsegv",
        "P stores D": "copy",
        "C stores E": "sigsegv",
        "C stores G": "reuse",
        "C stores H": "hit",
        "P reads": "D",
        "faults": 5,
        "copies": 1,
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(two_reasons)
### BEGIN HIDDEN TESTS
check.points(two_reasons)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: every fault at a read-only entry is copy-on-write
def two_reasons():
    return {
        "P stores B": "reuse",
        "P stores D": "copy",
        "C stores E": "reuse",
        "C stores G": "hit",
        "C stores H": "hit",
        "P reads": "D",
        "faults": 4,
        "copies": 2,
    }


# %% tags=["wrong"]
# 5 points: mprotect rw makes the entry writable again
def two_reasons():
    return {
        "P stores B": "sigsegv",
        "P stores D": "hit",
        "C stores E": "sigsegv",
        "C stores G": "hit",
        "C stores H": "hit",
        "P reads": "D",
        "faults": 3,
        "copies": 1,
    }


# %% tags=["wrong"]
# 6 points: whoever writes after a fork copies, and a signal is not a fault
def two_reasons():
    return {
        "P stores B": "sigsegv",
        "P stores D": "copy",
        "C stores E": "sigsegv",
        "C stores G": "copy",
        "C stores H": "hit",
        "P reads": "D",
        "faults": 3,
        "copies": 1,
    }


# %% [markdown]
# ## 1.3 Write fork
#
# You have seen what `fork` does to a page. Now do it yourself, for a process that has one page,
# `@0` (5 points). A `World` is a value: nothing in it can be changed, but
# `world.with_pte("P", 0, entry)` gives you a World with another entry, `entry._replace(write=True)`
# an entry with another bit, `world.with_frame(number, frame)` one with another frame, and
# `world._replace(processes=(...))` one with other processes. `Process("C", ((0, entry),))` is a process
# with that entry.
#
# One thing you cannot know yet: a frame has a mark `exclusive`, which says that it belongs to one
# process alone. Lesson 6 is about it. Here it only has to be `False` on a frame that is shared.

# %% [raw] tags=["task"]
# [write_fork]
# kind = "rule"
# title = "Write fork"
# points = 5
# hint = "Print world.pte('P', 0) before and after a fork, with play(...).moments. How many entries change, and how many frames are new? A page that was never touched has an entry without a frame."
# policy = "v5.7"
# [write_fork.cases]
# "a page that P has written" = """
# P: write A
# P: fork C
# """
# "a page that nobody has touched" = """
# P: fork C
# """
# "a page that P may only read" = """
# P: write A
# P: mprotect r
# P: fork C
# """
# "the second child" = """
# P: write A
# P: fork D
# P: fork C
# """
# "a page that is P's alone again" = """
# P: write A
# P: fork D
# P: write B
# P: fork C
# """

# %% tags=["nbval-check-output"]
check.ask("write_fork")


# %% tags=["answer"]
def write_fork(world, event):
    """The World after `P: fork C`: event.actor forks, the child is event.args[0]."""
    ### BEGIN SOLUTION
    parent, child = event.actor, event.args[0]
    entry = world.pte(parent, 0)._replace(write=False)
    world = world.with_pte(parent, 0, entry)
    if entry.frame is not None:
        shared = world.frame(entry.frame)._replace(exclusive=False)
        world = world.with_frame(entry.frame, shared)
    return world._replace(processes=(*world.processes, Process(child, ((0, entry),))))
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(write_fork)
### BEGIN HIDDEN TESTS
check.points(write_fork)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: only the child's entry is protected
def write_fork(world, event):
    entry = world.pte(event.actor, 0)
    if entry.frame is not None:
        frame = world.frame(entry.frame)._replace(exclusive=False)
        world = world.with_frame(entry.frame, frame)
    child = Process(event.args[0], ((0, entry._replace(write=False)),))
    return world._replace(processes=(*world.processes, child))


# %% tags=["wrong"]
# 1 points: fork copies the page
def write_fork(world, event):
    entry = world.pte(event.actor, 0)
    if entry.frame is not None:
        world, number = world.new_frame(world.frame(entry.frame))
        entry = entry._replace(frame=number)
    child = Process(event.args[0], ((0, entry),))
    return world._replace(processes=(*world.processes, child))


# %% tags=["wrong"]
# 1 points: the child gets a page table of its own, and it is empty
def write_fork(world, event):
    entry = world.pte(event.actor, 0)._replace(write=False)
    world = world.with_pte(event.actor, 0, entry)
    child = Process(event.args[0], ((0, entry._replace(frame=None)),))
    return world._replace(processes=(*world.processes, child))


# %% [markdown]
# ## 1.4 The one who is on disk
#
# In 1.7 a rule looked at `page.mapcount`. There are no pipes in this task, but memory runs short:
# `kernel: swap_out P` takes a frame out of all page tables and puts it on the disk. What is left
# in each table is a *swap entry*, which names the place. Such a process has not given up the page:
# it comes back at the next access. A page that has come back may also be known to the *swap
# cache* for a while, and that is one more reference.
#
# Write the rule of the write fault for this world (5 points). It may not leak, and it may not
# copy for nobody.

# %% [raw] tags=["task"]
# [may_keep]
# kind = "decide"
# title = "The one who is on disk"
# points = 5
# hint = "Who will read this frame some day? Somebody whose entry leads to it, or somebody whose entry names the place from which it came. A PageInfo has a number for each of the two."
# base = "v5.7"
# cells = { may_keep = "reuse" }
# laws = { isolation = 3, economy = 2 }
# [may_keep.bounds]
# processes = 3
# references = 0
# holds = 0
# events = ["write", "read", "fork", "exit", "munmap", "swap_out"]

# %% tags=["nbval-check-output"]
check.ask("may_keep")


# %% tags=["answer"]
def may_keep(page):
    """At a write fault: True if the writer may keep the frame, False for a copy.

    Look at page.mapcount, page.swapcount (swap entries that name the page),
    page.page_count, page.in_swapcache.
    """
    ### BEGIN SOLUTION
    return page.mapcount + page.swapcount == 1
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(may_keep)
### BEGIN HIDDEN TESTS
check.points(may_keep)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: who is on disk is not counted
def may_keep(page):
    return page.mapcount == 1


# %% tags=["wrong"]
# 0 points: the page is private, so that its owner may always keep it
def may_keep(page):
    return page.kind == "anon"


# %% tags=["wrong"]
# 3 points: page_count closed the leak, so it must be the better number
def may_keep(page):
    return page.page_count == 1


# %% [markdown]
# ## 1.5 The hole in v5.8
#
# The lesson ended with a promise: `v5.8` leaks, though not by the script of 1.6, and `v5.9` does not.
# Find the script, as short as you can (4 points). You need no `read` at the end: a leak counts as soon
# as somebody *could* look. Try things in `Sandbox(start, "v5.8", "v5.9")` from `cowlab.views`.

# %% [raw] tags=["task"]
# [still_open]
# kind = "find"
# title = "The hole in v5.8"
# points = 4
# hint = "v5.8 acts when the reference is taken. When is there nothing to act on? After that mapcount has to become 1, and munmap is not the only way: what does a store do to a shared page? And memory need not be written before it goes into a pipe."
# law = "isolation"
# policy = "v5.8"
# keeps = ["v5.9"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("still_open")


# %% tags=["answer"]
def still_open():
    """A script that leaks under v5.8 and not under v5.9."""
    ### BEGIN SOLUTION
    return """
    P: vmsplice g
    P: fork C
    P: write A
    C: write B
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(still_open)
### BEGIN HIDDEN TESTS
check.points(still_open)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: the leak of the lesson, which v5.8 has closed
def still_open():
    return """
    P: write A
    P: fork C
    C: vmsplice g
    C: munmap
    P: write S
    g: read
    """


# %% tags=["wrong"]
# 0 points: the pipe is older than the fork, but nobody leaves the frame
def still_open():
    return """
    P: write A
    P: vmsplice g
    P: fork C
    C: write S
    """


# %% tags=["wrong"]
# 3.5 points: right, and one line too long
def still_open():
    return """
    P: write A
    P: vmsplice g
    P: fork C
    P: munmap
    C: write S
    """


# %% [markdown]
# ## 1.6 Was it worth it?
#
# A shell forks for every command, and the child calls `exec` at once. A database forks to save
# its memory to a file: the child only reads, while the parent goes on serving and stores to nearly
# every page before the child is done. Compare what `fork` costs the two, in copies and in faults, with
# a `fork` that copies everything at once. What does copy-on-write save, and whom does it make wait?
# (3 points)

# %% [raw] tags=["task"]
# [worth_it]
# kind = "explain"
# title = "Was it worth it?"
# points = 3
# hint = "Take `cost` of section 1.4 and play both lives with 16 pages. Look at the column of faults as well, and ask whose they are."
# rubric = [
#   "The shell: no page is copied at all, only page-table entries; the parent still takes a fault for each page that it stores to afterwards, and reuses the frame.",
#   "The database: nearly every page is copied in the end, as many as by copying at once; nothing is saved but the pages that nobody wrote.",
#   "What changes is when and by whom: each copy comes with a page fault, at the parent's stores, so it is the serving process that waits; copy-on-write is a bet that most pages are not written.",
# ]

# %% tags=["nbval-check-output"]
check.ask("worth_it")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# The shell wins everything. `fork` copies page-table entries and no page; the child leaves, and the
# parent, alone again, keeps each frame at its next store. What remains of the price is one page fault
# for each page that the parent writes: its entries are still read-only.
#
# The database wins next to nothing. The child keeps every frame, so each store of the parent to a
# page not yet written since the `fork` is a page fault and a copy. In the end about as many pages are
# copied as a `fork` that copies at once would have copied. They are only copied later, one by one, each
# with a fault on top, and by the process that has clients waiting. Copy-on-write is a bet that most
# pages will not be written. It does not make a copy cheaper.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 0 points: copy-on-write is always cheaper, because it copies less
#
# It never copies more than copying at once, so both programs gain. The database gains most, because it
# has most pages.

# %% [markdown] tags=["wrong"]
# 1 points: the shell is described, and its faults; the database is said to be free too
#
# The shell copies no page. After the child has left, the parent has a fault at each page, but it reuses.
# The database's child only reads, and reading shares, so nothing is copied there either.

# %% [markdown] tags=["wrong"]
# 2 points: counts without who pays
#
# For the shell nothing is copied, the stores afterwards are faults with reuse. For the database nearly
# everything is copied in the end, just as with a full copy, so that it makes no difference there.
