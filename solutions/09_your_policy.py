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
# # Exercises to 9. Your policy
#
# You have read `notebooks/09_your_policy.ipynb`. The last design task is what the whole course has
# led to: a policy of your own, judged by every promise and by every copy. The tasks before it
# prepare for it; do them in order.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()` steps
# through the script which the last check found. Check as often as you like; the checks of designs
# take a few seconds.

# %% tags=["setup"]
from cowlab import POLICIES, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("09_your_policy", seed=SEED)

# %% [markdown]
# ## 9.1 What a decision is told
#
# Two pages: one is in a pipe of `P`'s own, the other in a pipe of the child's. At the end `P` is the
# only process left on both. Predict the counts that the `reuse` decision is told of each page, and
# what it makes of them under two rows. This is why a policy is more than its write fault. (8 points)

# %% [raw] tags=["task"]
# [told]
# kind = "predict"
# title = "What a decision is told"
# points = 8
# hint = "Count for each frame, after line 8: which entries lead to it, and who else holds it? Does any of these numbers know a name? Then ask of andrea-2021 what it did when the child took its reference."
# script = """
# P: mmap anon @1
# P: write A
# P: write B @1
# P: vmsplice own @1
# P: fork C
# C: vmsplice other
# C: munmap
# C: munmap @1
# P: write S
# P: write T @1
# other: read
# own: read
# """
# [told.ask]
# "mapcount, child's pipe" = "line 8 mapcount of P under v6.5"
# "page_count, child's pipe" = "line 8 page_count of P under v6.5"
# "mapcount, own pipe" = "line 8 mapcount of P @1 under v6.5"
# "page_count, own pipe" = "line 8 page_count of P @1 under v6.5"
# "P stores S, v6.5" = "line 9 outcome under v6.5"
# "P stores T, v6.5" = "line 10 outcome under v6.5"
# "page_count, andrea-2021" = "line 8 page_count of P under andrea-2021"
# "P stores T, andrea-2021" = "line 10 outcome under andrea-2021"

# %% tags=["nbval-check-output"]
check.ask("told")


# %% tags=["answer"]
def told():
    """The counts of both pages, and how P's stores end."""
    ### BEGIN SOLUTION
    return {
        "mapcount, child's pipe": 1,
        "page_count, child's pipe": 2,
        "mapcount, own pipe": 1,
        "page_count, own pipe": 2,
        "P stores S, v6.5": "copy",
        "P stores T, v6.5": "copy",
        "page_count, andrea-2021": 1,
        "P stores T, andrea-2021": "reuse",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(told)
### BEGIN HIDDEN TESTS
check.points(told)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: the count says whose reference it is
def told():
    return {
        "mapcount, child's pipe": 1,
        "page_count, child's pipe": 2,
        "mapcount, own pipe": 1,
        "page_count, own pipe": 1,
        "P stores S, v6.5": "copy",
        "P stores T, v6.5": "reuse",
        "page_count, andrea-2021": 1,
        "P stores T, andrea-2021": "reuse",
    }


# %% tags=["wrong"]
# 5 points: vmsplice copies, so a pipe holds nothing
def told():
    return {
        "mapcount, child's pipe": 1,
        "page_count, child's pipe": 1,
        "mapcount, own pipe": 1,
        "page_count, own pipe": 1,
        "P stores S, v6.5": "copy",
        "P stores T, v6.5": "reuse",
        "page_count, andrea-2021": 1,
        "P stores T, andrea-2021": "reuse",
    }


# %% tags=["wrong"]
# 4 points: a pipe is a mapping, and both rows ask the same
def told():
    return {
        "mapcount, child's pipe": 2,
        "page_count, child's pipe": 2,
        "mapcount, own pipe": 2,
        "page_count, own pipe": 2,
        "P stores S, v6.5": "copy",
        "P stores T, v6.5": "copy",
        "page_count, andrea-2021": 2,
        "P stores T, andrea-2021": "copy",
    }


# %% [markdown]
# ## 9.2 Decisions lean on each other
#
# Rule (c) of `linus-2021` refuses `mprotect` on a page that is held, and people objected. So
# somebody takes that rule out and leaves the others: `linus-2021` with the `protect` of `v5.7`. Find
# the script that shows what leant on it. `linus-2021` itself must keep dma-isolation on the same
# script. (6 points)

# %% [raw] tags=["task"]
# [leaning]
# kind = "find"
# title = "Decisions lean on each other"
# points = 6
# hint = "Which other decision of linus-2021 looks at whether the entry is writable? Make it look when the entry no longer is, although a device still has the page."
# law = "dma-isolation"
# policy = "linus-2021, protect of v5.7"
# keeps = ["linus-2021"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("leaning")


# %% tags=["answer"]
def leaning():
    """A script that breaks dma-isolation in the hybrid, and not in linus-2021."""
    ### BEGIN SOLUTION
    return """
    P: direct_read g
    P: mprotect r
    P: fork C
    g: write D
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(leaning)
### BEGIN HIDDEN TESTS
check.points(leaning)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: the device writes into a protected page, and that is taken for a leak
def leaning():
    return "P: register g\nP: mprotect r\ng: write D\nP: read"


# %% tags=["wrong"]
# 0 points: held and writable at the fork, which is copied
def leaning():
    return "P: register g\nP: fork C\ng: write D\nC: read"


# %% tags=["wrong"]
# 5 points: right, with two lines that nobody needs
def leaning():
    return "P: write A\nP: register g\nP: mprotect r\nP: fork C\ng: write D\nC: read"


# %% [markdown]
# ## 9.3 The invariant
#
# `design 2` of the lesson rests on one sentence: *an anonymous frame that somebody holds is mapped by
# at most one process.* Write it as a law. It needs no ideal and looks at one World only. (6 points)

# %% [raw] tags=["task"]
# [held_by_one]
# kind = "law"
# title = "A held frame is mapped once"
# points = 6
# stub = "return True or False"
# hint = "step.after.references says who holds which frame (None where a call was refused); step.after.processes have ptes, pairs of a page and an entry. step.after.frame(number) tells the kind of a frame: the page of zeros and the pages of files are shared by nature."
# passes = ["leak under andrea-2021", "zero page under v5.7", "reuse-after-exit under v5.7"]
# catches = ["leak under v5.9", "get-read-fork under v6.5", "pin-fork-write under v5.7"]
# [held_by_one.scripts]
# "zero page" = """
# P: read
# P: fork C
# C: read
# C: vmsplice g
# """

# %% tags=["nbval-check-output"]
check.ask("held_by_one")


# %% tags=["answer"]
def held_by_one(step):
    """Whether every anonymous frame with a reference on it is mapped at most once."""
    ### BEGIN SOLUTION
    world = step.after
    mapped = [pte.frame for process in world.processes for _, pte in process.ptes]
    for reference in world.references:
        number = reference.frame
        shared = number is not None and mapped.count(number) > 1
        if shared and world.frame(number).kind == "anon":
            return False
    return True
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(held_by_one)
### BEGIN HIDDEN TESTS
check.points(held_by_one)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: a shared page is wrong already, held or not
def held_by_one(step):
    entries = [pte for process in step.after.processes for _, pte in process.ptes]
    frames = [pte.frame for pte in entries if pte.frame is not None]
    return len(frames) == len(set(frames))


# %% tags=["wrong"]
# 4 points: only pins are thought to hold a page
def held_by_one(step):
    world = step.after
    mapped = [pte.frame for process in world.processes for _, pte in process.ptes]
    pins = [
        r.frame for r in world.references if r.take == "PIN" and r.frame is not None
    ]
    return all(mapped.count(number) <= 1 for number in pins)


# %% tags=["wrong"]
# 4 points: the holder is looked for among the processes
def held_by_one(step):
    world = step.after
    for reference in world.references:
        owner = world.process(reference.owner)
        if owner is None or reference.frame not in [pte.frame for _, pte in owner.ptes]:
            return False
    return True


# %% [markdown]
# ## 9.4 Finish v5.19
#
# Within the lesson's bounds `v5.19` breaks two promises: a read pin on an untouched page goes stale at
# the first store, and a direct read that is in flight at a `fork` shows its data to the child. v6.2 and
# v6.5 mended both, the second by changing what `O_DIRECT` takes. You may not change that: mend both
# with `gup` and `fork` alone. A page that nobody holds may not be copied at `fork`. (8 points)

# %% [raw] tags=["task"]
# [finish]
# kind = "decide"
# title = "Finish v5.19"
# points = 8
# stub = "return one of the answers printed above"
# hint = "A long-term pin may be asked for on a page that is not anonymous at all: see page.kind. And for fork: in this row a frame can only be mine alone while the flag says so, and then everything in its count besides mappings and swap cache is a reference that somebody took from me."
# base = "v5.19"
# functions = ["at_gup", "at_fork"]
# cells = { at_gup = "gup", at_fork = "fork" }
# laws = { isolation = 1, dma-isolation = 2, coherence = 2, accounting = 1 }
# copies = { scripts = ["reuse-after-exit", "s02_child_exits_parent_writes"], best = 0, worst = 2, points = 2 }
# bounds = { references = 1, holds = 0, events = ["write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs", "vmsplice", "direct_read", "register", "pin longterm", "g: write", "put"] }

# %% tags=["nbval-check-output"]
check.ask("finish")


# %% tags=["answer"]
def at_gup(page):
    """What happens before a reference to read is taken."""
    ### BEGIN SOLUTION
    if page.writable or page.asker == "get":
        return "take"
    if page.kind in ("zero", "file"):
        return "unshare" if page.asker == "longterm" else "take"
    return "take" if page.exclusive else "unshare"
    ### END SOLUTION


def at_fork(page):
    """What happens to a page that is inherited."""
    ### BEGIN SOLUTION
    others = page.page_count - page.mapcount - page.in_swapcache
    return "copy" if page.exclusive and others > 0 else "share"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(at_gup, at_fork)
### BEGIN HIDDEN TESTS
check.points(at_gup, at_fork)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 2 points: v5.19 as it is
def at_gup(page):
    if page.asker == "get" or page.writable or page.kind not in ("anon", "ksm"):
        return "take"
    return "take" if page.exclusive and page.kind == "anon" else "unshare"


def at_fork(page):
    pinned = page.exclusive and page.mm_has_pinned and page.maybe_dma_pinned
    return "copy" if pinned else "share"


# %% tags=["wrong"]
# 1 points: fork asks for a writable page, as linus-2021 does
def at_gup(page):
    if page.writable or page.asker == "get":
        return "take"
    if page.kind in ("zero", "file"):
        return "unshare" if page.asker == "longterm" else "take"
    return "take" if page.exclusive else "unshare"


def at_fork(page):
    return "copy" if page.writable and page.page_count > 1 else "share"


# %% tags=["wrong"]
# 4 points: every reference unshares, and fork is left as it is
def at_gup(page):
    if page.writable:
        return "take"
    return "take" if page.exclusive else "unshare"


def at_fork(page):
    pinned = page.exclusive and page.mm_has_pinned and page.maybe_dma_pinned
    return "copy" if pinned else "share"


# %% tags=["wrong"]
# 6 points: whoever copies at every fork keeps everything, and pays for everybody
def at_gup(page):
    if page.writable or page.asker == "get":
        return "take"
    return "take" if page.exclusive else "unshare"


def at_fork(page):
    return "copy"


# %% [markdown]
# ## 9.5 Your policy
#
# Now your own: `reuse`, `gup` and `fork`, in `v6.5`. It is judged on every promise, on economy as a law
# (no needless copy that could be made, within the bounds), and by the copies that it makes in six
# scenarios of the atlas. Economy and copies count only once the promises are kept. A policy that earns
# everything exists; `v6.5` itself earns about two thirds. (16 points)

# %% [raw] tags=["task"]
# [your_policy]
# kind = "decide"
# title = "Your policy"
# points = 16
# stub = "return one of the answers printed above"
# hint = "Two steps. First: if a reference to a page that is not yours alone is never taken, what do you know of every reference on a frame that two processes share? Then: which of the two cannot own it, and who could tell them? One of the three answers of fork was in no merged kernel. Do not forget what a device needs at fork."
# base = "v6.5"
# functions = ["my_reuse", "my_gup", "my_fork"]
# cells = { my_reuse = "reuse", my_gup = "gup", my_fork = "fork" }
# laws = { isolation = 2, dma-isolation = 2, coherence = 3, protection = 1, accounting = 1, economy = 3 }
# bounds = { references = 1, holds = 0, events = ["write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs", "vmsplice", "direct_read", "register", "pin longterm", "g: write", "put"] }
# copies = { scripts = ["get-read-fork", "reuse-after-exit", "reuse-in-child", "s05_pin_fork_childexit_parent_writes", "transient-reference", "transient-reference-fork"], best = 0, worst = 4, points = 4 }

# %% tags=["nbval-check-output"]
check.ask("your_policy")


# %% tags=["answer"]
def my_reuse(page):
    """A store hits a read-only entry: may the frame be kept?"""
    ### BEGIN SOLUTION
    if page.exclusive:
        return "reuse"
    if page.inherited:  # a reference may be the parent's
        return "reuse" if page.page_count == page.share else "copy"
    return "reuse" if page.mapcount + page.swapcount == 1 else "copy"
    ### END SOLUTION


def my_gup(page):
    """Somebody wants a reference to read."""
    ### BEGIN SOLUTION
    if page.writable:
        return "take"
    if page.kind in ("zero", "file"):
        return "unshare" if page.asker == "longterm" else "take"
    return "take" if page.exclusive and page.kind == "anon" else "unshare"
    ### END SOLUTION


def my_fork(page):
    """The page is inherited."""
    ### BEGIN SOLUTION
    return "copy" if page.exclusive and page.maybe_dma_pinned else "mark"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(my_reuse, my_gup, my_fork)
### BEGIN HIDDEN TESTS
check.points(my_reuse, my_gup, my_fork)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 11 points: v6.5 as it is: every promise, and copies that nobody needs
def my_reuse(page):
    return "reuse" if page.exclusive or page.page_count == 1 else "copy"


def my_gup(page):
    if page.asker == "longterm" and page.kind in ("zero", "file"):
        return "unshare"
    if page.asker == "get" or page.writable or page.kind not in ("anon", "ksm"):
        return "take"
    return "take" if page.exclusive and page.kind == "anon" else "unshare"


def my_fork(page):
    pinned = page.exclusive and page.mm_has_pinned and page.maybe_dma_pinned
    return "copy" if pinned else "share"


# %% tags=["wrong"]
# 9 points: everything is copied at fork, so that nothing has to be decided later
def my_reuse(page):
    return "reuse" if page.exclusive or page.mapcount == 1 else "copy"


def my_gup(page):
    return "unshare" if page.asker == "longterm" and not page.writable else "take"


def my_fork(page):
    return "copy"


# %% tags=["wrong"]
# 1 point: nothing is copied unless it must be: the map count, and references as they come
def my_reuse(page):
    return "reuse" if page.mapcount == 1 else "copy"


def my_gup(page):
    return "take"


def my_fork(page):
    return "share"


# %% tags=["wrong"]
# 6 points: never reuse, since to copy is always the safe side
def my_reuse(page):
    return "copy"


def my_gup(page):
    return "take" if page.writable else "unshare"


def my_fork(page):
    return "copy" if page.maybe_dma_pinned else "share"


# %% [markdown]
# ## 9.6 Present it
#
# Write your policy up as a proposal, in ten sentences or fewer, for people who know the kernel well and
# have no time. They will ask four things, and one more: what did those who decided otherwise see that
# you might have overlooked? (5 points, read by a person)

# %% [raw] tags=["task"]
# [present]
# kind = "explain"
# title = "Present it"
# points = 5
# hint = "Section 9.8 names four parts. For the fifth: look in docs/kernel.md for what each row asks, and think of what costs nothing in this model and something in a kernel."
# rubric = [
#   "states an invariant in one sentence, and says which decision keeps it at each place (reference, fork, swap)",
#   "says which laws hold, with the bounds, and that the search was complete",
#   "states the price: copies in named situations, and at least one thing that this model does not count (a bit in an entry, an exact map count, time at fork, a lock)",
#   "says what is left open: pages, verbs or races that were not looked at",
#   "compares with at least one row of history and gives a reason, with its source, why that row decided otherwise",
# ]

# %% tags=["nbval-check-output"]
check.ask("present")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# Invariant: a reference on a frame that is not exclusive was taken by the process that has it *not
# inherited*. `gup` keeps it by unsharing before any reference, `FOLL_GET` too, on a page that is not
# exclusive; `fork` keeps it by clearing the flag and marking the child's entry; reclaim carries the
# flag in the swap entry, as in v5.19. So the process without the mark may keep a frame that it maps
# alone, whatever the count, and the one with the mark goes by the count. Within two processes, one
# small page, one reference and the thirteen verbs of lesson 9 the search was complete: all five
# promises hold, and no needless copy can be made. Price: `vmsplice` of a shared page now copies, and
# each entry needs one more bit, which an architecture may not have; I have not counted the faults. Left
# open: with `swap_out` among the verbs a needless copy can be made again, a passing look-up makes a
# marked process copy, and nothing was said about two processors: `gup` has to look at flag and entry
# after it has taken the reference, as the kernel does (a7f226604170). `andrea-2021` unshares for
# every reference, too, and then goes by the map count; when that was tried again in December 2021
# it was turned down, because a map count does not say that a page is yours
# (CAHk-=wgL5u3XMgfUN6BOqVO0OvPx3-LEri1ju-1TW4dFhHQO4g@mail.gmail.com), and a reference from before
# the `fork` does break it. The mark is my answer: who inherited the page does not go by the map count.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 1 point: a result without bounds, price or gaps
#
# The invariant is that a held frame is mapped once: references unshare, and fork copies what is held.
# I have tested it and it is safe, and it makes fewer copies than the kernel does.

# %% [markdown] tags=["wrong"]
# 2 points: the bounds are there, and nothing that it costs
#
# All five laws hold for two processes, one page and one reference with thirteen verbs; the search was
# complete. I did not look at huge pages, swap or threads. So it should be merged, with tests for those.

# %% [markdown] tags=["wrong"]
# 0 points: code instead of a reason
#
# If the flag is set return reuse, else if the count is one return reuse, else copy. At fork I copy if
# the page may be pinned. It gets all points in the exercise.
