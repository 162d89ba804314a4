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
# # Exercises to 5. fork
#
# You have read `notebooks/05_fork.ipynb`. Replace each `raise NotImplementedError(...)`, then
# run the cell below it: it says what held, what did not, and the shortest script that shows it.
# It never tells the solution. Check as often as you like.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import POLICIES, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("05_fork", seed=SEED)

# %% [markdown]
# ## 5.1 Whose frame is it?
#
# A device is registered, the process forks, both store, then the device does. Follow the
# frame through three kernels without playing the script. (8 points)

# %% [raw] tags=["task"]
# [whose_frame]
# kind = "predict"
# title = "Whose frame is it?"
# points = 8
# hint = "First say who maps the frame that the device is tied to, after each line. A store through an entry that kept its write bit is never asked about."
# script = """
# P: write A
# P: register g
# P: fork C
# C: write E
# P: write B
# g: write D
# P: read
# """
# [whose_frame.ask]
# "C stores, v5.7" = "line 4 outcome under v5.7"
# "P stores, v5.7" = "line 5 outcome under v5.7"
# "count before P stores, v5.9-rc4" = "line 4 page_count of P under v5.9-rc4"
# "P stores, v5.9-rc4" = "line 5 outcome under v5.9-rc4"
# "P reads, v5.9-rc4" = "line 7 reading under v5.9-rc4"
# "C stores, v5.9" = "line 4 outcome under v5.9"
# "P stores, v5.9" = "line 5 outcome under v5.9"
# "P reads, v5.9" = "line 7 reading under v5.9"

# %% tags=["nbval-check-output"]
check.ask("whose_frame")


# %% tags=["answer"]
def whose_frame():
    """Outcomes, a count, and the letters that P reads at the end."""
    ### BEGIN SOLUTION
    return {
        "C stores, v5.7": "copy",
        "P stores, v5.7": "reuse",
        "count before P stores, v5.9-rc4": 1025,
        "P stores, v5.9-rc4": "copy",
        "P reads, v5.9-rc4": "B",
        "C stores, v5.9": "hit",
        "P stores, v5.9": "hit",
        "P reads, v5.9": "D",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(whose_frame)
### BEGIN HIDDEN TESTS
check.points(whose_frame)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 4 points: a pin keeps the page where it is, so that P never loses it
def whose_frame():
    return {
        "C stores, v5.7": "copy",
        "P stores, v5.7": "hit",
        "count before P stores, v5.9-rc4": 1025,
        "P stores, v5.9-rc4": "hit",
        "P reads, v5.9-rc4": "D",
        "C stores, v5.9": "copy",
        "P stores, v5.9": "hit",
        "P reads, v5.9": "D",
    }


# %% tags=["wrong"]
# 5 points: P is alone again, so that every rule lets it keep the frame
def whose_frame():
    return {
        "C stores, v5.7": "copy",
        "P stores, v5.7": "reuse",
        "count before P stores, v5.9-rc4": 1,
        "P stores, v5.9-rc4": "reuse",
        "P reads, v5.9-rc4": "D",
        "C stores, v5.9": "hit",
        "P stores, v5.9": "hit",
        "P reads, v5.9": "D",
    }


# %% tags=["wrong"]
# 6 points: after the early copy the entries are write-protected as after any fork
def whose_frame():
    return {
        "C stores, v5.7": "copy",
        "P stores, v5.7": "reuse",
        "count before P stores, v5.9-rc4": 1025,
        "P stores, v5.9-rc4": "copy",
        "P reads, v5.9-rc4": "B",
        "C stores, v5.9": "reuse",
        "P stores, v5.9": "reuse",
        "P reads, v5.9": "D",
    }


# %% [markdown]
# ## 5.2 What pushing overlooks
#
# `jerome-fork-push` is the reading in which the parent keeps its frame and pushes a copy to
# whoever else maps it. It never loses a pin, and yet it leaks. The script of the lesson had
# more lines than it takes. (6 points)

# %% [raw] tags=["task"]
# [push_leaks]
# kind = "find"
# title = "What pushing overlooks"
# points = 6
# hint = "A child that only maps the frame gets its copy in time. Who can hold a frame and is in no page table? And is it of any use to unmap?"
# law = "isolation"
# policy = "jerome-fork-push"
# keeps = ["jerome-fork", "v5.9"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("push_leaks")


# %% tags=["answer"]
def push_leaks():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: write A
    P: fork C
    C: vmsplice g
    P: write S
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(push_leaks)
### BEGIN HIDDEN TESTS
check.points(push_leaks)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 5.5 points: the leak of lesson 1 as it was, with lines that are not needed
def push_leaks():
    return """
    P: write A
    P: fork C
    C: vmsplice g
    C: munmap
    P: write S
    g: read
    """


# %% tags=["wrong"]
# 0 points: the child reads through its own entry, and that is just what pushing takes care of
def push_leaks():
    return """
    P: write A
    P: fork C
    P: write S
    C: read
    """


# %% tags=["wrong"]
# 0 points: the child sees a device's store; that is the other law
def push_leaks():
    return """
    P: register g
    P: fork C
    g: write D
    C: read
    """


# %% [markdown]
# ## 5.3 Share, or copy now?
#
# Write the decision of `fork`. It is given a `PageInfo` of the parent's page: among others
# `page_count`, `mapcount`, `mm_has_pinned`, `maybe_dma_pinned`, `writable`. Never to copy loses
# devices, always to copy is a `fork` without copy-on-write. (8 points)

# %% [raw] tags=["task"]
# [at_fork]
# kind = "decide"
# title = "Share, or copy now?"
# points = 8
# base = "v5.9-rc4"
# cells = { at_fork = "fork" }
# laws = { coherence = 2, dma-isolation = 2, economy = 2 }
# bounds = { processes = 3, pages = 1, references = 2, holds = 0, events = ["write", "fork", "exit", "register", "put", "g: write"] }
# copies = { scripts = ["transient-reference-fork", "get-read-fork"], best = 0, worst = 2, points = 2 }
# hint = "What does a pin leave in the count that nothing else does? And how many mappings, and how many pins, may there be besides?"

# %% tags=["nbval-check-output"]
check.ask("at_fork")


# %% tags=["answer"]
def at_fork(page):
    """Whether the child shares this page or gets a copy at once."""
    ### BEGIN SOLUTION
    return "copy" if page.mm_has_pinned and page.maybe_dma_pinned else "share"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(at_fork)
### BEGIN HIDDEN TESTS
check.points(at_fork)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: a pinned page cannot move, so that there is nothing to do
def at_fork(page):
    return "share"


# %% tags=["wrong"]
# 4 points: whatever has a count above one, as rule (c) has it
def at_fork(page):
    return "copy" if page.page_count > 1 else "share"


# %% tags=["wrong"]
# 6 points: a process that has pinned once is copied for ever
def at_fork(page):
    return "copy" if page.mm_has_pinned else "share"


# %% tags=["wrong"]
# 0 points: one mapping and one pin make 1025, so that is the number to look for
def at_fork(page):
    return "copy" if page.page_count == 1025 else "share"


# %% [markdown]
# ## 5.4 The child and the device: a law
#
# Who may see what a device stores? Write it as a law: a function that is shown each step, and
# answers whether all is well. Nobody may see a *device's* store which was never in their own
# page, neither now nor before. Other leaks are not its business. (8 points)
#
# `look.saw` is the store that a reader sees, and `look.saw.device` says whether a device made
# it; `look.now` and `look.past` are what the reader's own page has held.

# %% [raw] tags=["task"]
# [devices_apart]
# kind = "law"
# title = "The child and the device: a law"
# points = 8
# law = "dma-isolation"
# passes = ["pin-fork-dma under v5.9", "late under v5.9-rc4", "pin-fork-child-reads under jerome-fork-reuse", "inherited under v5.7"]
# catches = ["pin-fork-dma under v5.7", "pin-fork-dma under jerome-fork-push", "pin-fork-write under v5.9-rc4", "direct-io-fork under v5.18"]
# hint = "Go through step.looks and think of three who see a device's store rightly: the owner, the device itself, and a child that was forked later."
# [devices_apart.scripts]
# late = """
# P: write A
# P: register g
# g: write D
# P: fork C
# P: write B
# g: read
# """
# inherited = """
# P: write A
# P: register g
# g: write D
# g: put
# P: fork C
# C: read
# """

# %% tags=["nbval-check-output"]
check.ask("devices_apart")


# %% tags=["answer"]
def devices_apart(step):
    """True if nobody sees a device's store that was never in their own page."""
    ### BEGIN SOLUTION
    seen = [look for look in step.looks if look.saw.device]
    return all(look.saw == look.now or look.saw in look.past for look in seen)
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(devices_apart)
### BEGIN HIDDEN TESTS
check.points(devices_apart)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 7 points: only the present counts, so that whoever is late is taken for a thief
def devices_apart(step):
    return all(look.saw == look.now for look in step.looks if look.saw.device)


# %% tags=["wrong"]
# 5 points: only P may see what a device stores, not even the device
def devices_apart(step):
    return all(look.who == "P" for look in step.looks if look.saw.device)


# %% tags=["wrong"]
# 7 points: every leak is a device's
def devices_apart(step):
    return all(look.saw == look.now or look.saw in look.past for look in step.looks)


# %% [markdown]
# ## 5.5 The page that was not there
#
# The early copy of `v5.9` looks for pins. Find a registered buffer which it overlooks, so that
# the child sees what the device stores after the `fork`. `v5.11` mended that, at another place.
# (6 points)

# %% [raw] tags=["task"]
# [overlooked]
# kind = "find"
# title = "The page that was not there"
# points = 6
# hint = "fork asks about the frame behind each entry. When has a page of P no frame behind its entry, although the device still has one?"
# law = "dma-isolation"
# policy = "v5.9"
# keeps = ["v5.11"]
# uses = ["register"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("overlooked")


# %% tags=["answer"]
def overlooked():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: register g
    kernel: swap_out P
    P: fork C
    g: write D
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(overlooked)
### BEGIN HIDDEN TESTS
check.points(overlooked)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: register and fork alone are what the early copy was made for
def overlooked():
    return """
    P: register g
    P: fork C
    g: write D
    C: read
    """


# %% tags=["wrong"]
# 0 points: a direct read is overlooked too, but it is no registered buffer
def overlooked():
    return """
    P: direct_read g
    P: fork C
    g: write D
    """


# %% tags=["wrong"]
# 5 points: right, with lines that are not needed
def overlooked():
    return """
    P: write A
    P: register g
    kernel: swap_out P
    P: fork C
    g: write D
    C: read
    """


# %% tags=["wrong"]
# 0 points: reclaim after the fork comes too late, the child has its copy
def overlooked():
    return """
    P: register g
    P: fork C
    kernel: swap_out P
    g: write D
    """


# %% [markdown]
# ## 5.6 Why is the child torn?
#
# Explain it to somebody who has read lessons 1 to 3. A thread stores to two pages in turn, and
# one of them is pinned. Why can the child of a `fork` under `v5.9` have a memory which its
# parent never had? Why not if neither page is pinned? And why would it not be enough, under
# `v5.9`, to write-protect the pinned page before it is copied, and leave it so? (4 points)

# %% [raw] tags=["task"]
# [torn]
# kind = "explain"
# title = "Why is the child torn?"
# points = 4
# hint = "Ask for each of the two pages when the parent's later stores stop to be visible for the child, and what happens to the thread at that moment."
# rubric = [
#     "The pinned page is copied at once and stays writable, so the thread goes on; its later stores there are not in the child.",
#     "Its stores to the other page still reach the frame that the child will share: the two pages are from different moments.",
#     "If both are shared, the thread is stopped by the fault at the first protected page, until fork has ended; so both pages stop together.",
#     "A page left protected faults at the next store, and page_count, which has the pin in it, makes that a copy: P loses its device, as in September 2020.",
# ]

# %% tags=["nbval-check-output"]
check.ask("torn")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# The pinned page is copied while `fork` goes through the page tables, and the parent's entry
# stays writable. So the thread is not stopped: it stores to the pinned page again, which the
# child does not see any more, and then to the other page. If `fork` has not come to that one
# yet, the child will share its frame and see the newer value. The two pages of the child are
# from two moments.
#
# If both pages are shared, `fork` write-protects the first one that it meets. The thread's next
# store there is a page fault, which has to wait until `fork` has ended. Whatever it stored before
# is in both frames, and the child has both frames.
#
# Write-protected before the copy, the pinned page would stop the thread as well. But after the
# `fork` its store faults, and `v5.9` asks page_count, which is 1025 because of the pin. It copies,
# the device stays on the old frame, and that is the regression of September 2020.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 1 points: sees only that the copy takes time
#
# Copying a page takes time, and the thread goes on storing meanwhile, so the pinned page in the
# child is older. With locks this could not happen.

# %% [markdown] tags=["wrong"]
# 2 points: explains the tear, but not what stops the thread, nor the fault afterwards
#
# The pinned page is copied early and the parent may go on storing to it, which the child does
# not see. The other page is shared, and stores that come before `fork` reaches it are seen. If
# neither is pinned, both are copied at the same moment. Protecting would make `fork` slow.

# %% [markdown] tags=["wrong"]
# 0 points: takes it for the device's stores
#
# The device writes into the pinned page while `fork` copies it, so the child sees half of what
# the device brings. Without a pin there is no device. Write protection does not stop a device.
