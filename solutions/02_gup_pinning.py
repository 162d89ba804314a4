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
# # Exercises to 2. Who else holds the page
#
# You have read `notebooks/02_gup_pinning.ipynb`. Here you follow a frame through several hands,
# write the call that lets a page go, part a device from its process, and close the leak of lesson 1
# without counting references at the store.
#
# Each task has a cell in which you replace the line `raise NotImplementedError(...)`, and
# below it a cell that checks: it says what held, what did not, and the shortest script that
# shows it. It never tells the solution. Check as often as you like.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import Pte, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("02_gup_pinning", seed=SEED)

# %% [markdown]
# ## 2.1 Who is on which frame?
#
# Some pipes of `P`'s, a fork, and a child that reads from a disk. Say who holds what, without playing
# the script (10 points). Draw the frames, and write beside each who is on it: most wrong answers
# come from a holder that is put on the wrong frame.

# %% [raw] tags=["task"]
# [on_which_frame]
# kind = "predict"
# title = "Who is on which frame?"
# points = 10
# hint = "A reference stays on the frame on which it was taken. Ask of each GUP call whether the page will be read or written: read(2) fills memory. At P's store ask the number that the kernel asks, once for each kernel."
# script = """
# P: write A
# for n in 1..$pipes: P: vmsplice g{n}
# P: fork C
# C: direct_read d
# d: write E
# C: read
# P: write B
# g1: read
# P: munmap
# """
# [on_which_frame.vary]
# pipes = [2, 3, 4]
# filled = "pipes + 1"
# forked = "pipes + 2"
# started = "pipes + 3"
# looked = "pipes + 5"
# stored = "pipes + 6"
# emptied = "pipes + 7"
# unmapped = "pipes + 8"
# [on_which_frame.ask]
# "pipes filled: page_count" = "line $filled page_count of P under v5.7"
# "forked: mapcount" = "line $forked mapcount of P under v5.7"
# "forked: page_count" = "line $forked page_count of P under v5.7"
# "C's direct read starts" = "line $started outcome under v5.7"
# "then g1's frame: page_count" = "line $started page_count of g1 under v5.7"
# "P stores B" = "line $stored outcome under v5.7"
# "g1 reads" = "line $emptied reading under v5.7"
# "unmapped, g1's frame: page_count" = "line $unmapped page_count of g1 under v5.7"
# "v5.9: P stores B" = "line $stored outcome under v5.9"
# "v5.9: g1 reads" = "line $emptied reading under v5.9"

# %% tags=["nbval-check-output"]
check.ask("on_which_frame")


# %% tags=["answer"]
def on_which_frame():
    """Counts are numbers, outcomes words such as copy, and a reading is the letter."""
    ### BEGIN SOLUTION
    return {
        "pipes filled: page_count": 3,
        "forked: mapcount": 2,
        "forked: page_count": 4,
        "C's direct read starts": "copy",
        "then g1's frame: page_count": 3,
        "P stores B": "reuse",
        "g1 reads": "B",
        "unmapped, g1's frame: page_count": 2,
        "v5.9: P stores B": "copy",
        "v5.9: g1 reads": "A",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(on_which_frame)
### BEGIN HIDDEN TESTS
check.points(on_which_frame)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 4 points: vmsplice copies the page into the pipe
def on_which_frame():
    return {
        "pipes filled: page_count": 1,
        "forked: mapcount": 2,
        "forked: page_count": 2,
        "C's direct read starts": "copy",
        "then g1's frame: page_count": 1,
        "P stores B": "reuse",
        "g1 reads": "A",
        "unmapped, g1's frame: page_count": 1,
        "v5.9: P stores B": "reuse",
        "v5.9: g1 reads": "A",
    }


# %% tags=["wrong"]
# 6 points: a direct read only reads, so that it may share
def on_which_frame():
    return {
        "pipes filled: page_count": 3,
        "forked: mapcount": 2,
        "forked: page_count": 4,
        "C's direct read starts": "hit",
        "then g1's frame: page_count": 5,
        "P stores B": "copy",
        "g1 reads": "E",
        "unmapped, g1's frame: page_count": 2,
        "v5.9: P stores B": "copy",
        "v5.9: g1 reads": "A",
    }


# %% tags=["wrong"]
# 7 points: a pipe is one more mapping, and munmap takes everybody off the frame
def on_which_frame():
    return {
        "pipes filled: page_count": 3,
        "forked: mapcount": 4,
        "forked: page_count": 4,
        "C's direct read starts": "copy",
        "then g1's frame: page_count": 3,
        "P stores B": "copy",
        "g1 reads": "B",
        "unmapped, g1's frame: page_count": 0,
        "v5.9: P stores B": "copy",
        "v5.9: g1 reads": "A",
    }


# %% [markdown]
# ## 2.2 Let the page go
#
# `madvise(MADV_DONTNEED)` tells the kernel that a process does not need what is in its page. The
# mapping stays, and the next access finds a fresh page. Write the event (5 points): what changes in
# the World, and above all what does not?
#
# `world.with_pte(name, page, entry)` gives a World with another entry. `Pte(vma)` is the entry of a page
# which is mapped as `vma` says and has never been touched.

# %% [raw] tags=["task"]
# [let_go]
# kind = "rule"
# title = "Let the page go"
# points = 5
# hint = "Whose decision is it, and whom does it bind? 2.1 has a sentence in bold type. Play one of the cases, and look at the World before and after with play(script, 'v5.7').moments[-1].world."
# policy = "v5.7"
# [let_go.cases]
# "a page of P's alone" = """
# P: write A
# P: madvise dontneed
# """
# "a page that a child shares" = """
# P: write A
# P: fork C
# P: madvise dontneed
# """
# "a page in a pipe" = """
# P: write A
# P: vmsplice g
# P: madvise dontneed
# """
# "a registered buffer, and C lets go" = """
# P: write A
# P: fork C
# C: register g
# C: madvise dontneed
# """
# "a page that P may only read" = """
# P: write A
# P: mprotect r
# P: madvise dontneed
# """

# %% tags=["nbval-check-output"]
check.ask("let_go")


# %% tags=["answer"]
def let_go(world, event):
    """The World after `P: madvise dontneed`, by event.actor on event.page."""
    ### BEGIN SOLUTION
    entry = world.pte(event.actor, event.page)
    return world.with_pte(event.actor, event.page, Pte(entry.vma))
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(let_go)
### BEGIN HIDDEN TESTS
check.points(let_go)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: whoever holds the page through this process loses it too
def let_go(world, event):
    entry = world.pte(event.actor, event.page)
    others = tuple(g for g in world.references if g.owner != event.actor)
    world = world._replace(references=others)
    return world.with_pte(event.actor, event.page, Pte(entry.vma))


# %% tags=["wrong"]
# 0 points: the frame is filled with zeros and stays where it is
def let_go(world, event):
    number = world.pte(event.actor, event.page).frame
    empty = world.frame(number)._replace(holds=world.frame(0).holds)
    return world.with_frame(number, empty)


# %% tags=["wrong"]
# 4 points: an untouched page is readable and writable
def let_go(world, event):
    return world.with_pte(event.actor, event.page, Pte())


# %% [markdown]
# ## 2.3 Pinned, and not there
#
# "The buffer is registered, so nothing can come between the program and its device. It is as good
# as locked." Show that it is not (4 points): under `v5.7`, with a registered buffer, somebody who was
# promised to see the present content sees an older one. Nobody may ask for that: if the owner
# unmaps the page or throws it away, no promise is broken.

# %% [raw] tags=["task"]
# [not_there]
# kind = "find"
# title = "Pinned, and not there"
# points = 4
# hint = "The frame stays, that much is certain. Who can make the *process* leave the frame, without wanting to? Reclaim tries, and the page is found again. Something else write-protects pages, and it is not mprotect."
# law = "coherence"
# policy = "v5.7"
# keeps = ["v5.9"]
# uses = ["register"]
# shortest = 3

# %% tags=["nbval-check-output"]
check.ask("not_there")


# %% tags=["answer"]
def not_there():
    """A script that breaks coherence under v5.7, and not under v5.9."""
    ### BEGIN SOLUTION
    return """
    P: register g
    P: fork C
    P: write A
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(not_there)
### BEGIN HIDDEN TESTS
check.points(not_there)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: a pin is a lock, so that only giving the page up can part the two
def not_there():
    return """
    P: write A
    P: register g
    P: madvise dontneed
    P: write B
    g: read
    """


# %% tags=["wrong"]
# 0 points: what is swapped out is lost to the device
def not_there():
    return """
    P: write A
    P: register g
    kernel: swap_out P
    P: write B
    g: write D
    P: read
    """


# %% tags=["wrong"]
# 3.5 points: right, with lines that nobody needs
def not_there():
    return """
    P: write A
    P: register g
    P: fork C
    P: write B
    g: read
    """


# %% [markdown]
# ## 2.4 Two moments
#
# Close the leak of lesson 1 without touching the store: the write fault goes on to ask mapcount, as
# `v5.7` does. You may decide at two other moments: when a reference is taken to read, and when a page is
# inherited at `fork`. Nobody may ever see a store that is none of their business, and ordinary
# programs, which have no references at all, may not pay for it with a copy (7 points).
#
# v5.8 tried to get by with one of the two moments.
# [Andrea Arcangeli's proposal of March 2009](https://lore.kernel.org/r/20090316135654.GA17949@random.random)
# had used both; it was never merged.

# %% [raw] tags=["task"]
# [two_moments]
# kind = "decide"
# title = "Two moments"
# stub = "return one of the answers above"
# points = 7
# hint = "Two things must never come together: a frame that is shared, and a reference on it. Each of your functions can prevent one of the two orders. What does a PageInfo know when a reference is wanted, and what when a page is inherited?"
# base = "v5.7"
# functions = ["before_taking", "at_fork"]
# cells = { before_taking = "gup", at_fork = "fork" }
# laws = { isolation = 4 }
# bounds = { processes = 3, references = 1, holds = 0, events = ["write", "fork", "exit", "munmap", "vmsplice", "put"] }
# copies = { scripts = ["reuse-after-exit", "s02_child_exits_parent_writes", "s26_reads_only"], best = 0, worst = 3, points = 3 }

# %% tags=["nbval-check-output"]
check.ask("two_moments")


# %% tags=["answer"]
def before_taking(page):
    """A reference to read is wanted: take it, or break COW first, as a store would."""
    ### BEGIN SOLUTION
    return "break" if page.mapcount > 1 else "take"
    ### END SOLUTION


def at_fork(page):
    """The page is inherited: share it, or copy it for the child at once."""
    ### BEGIN SOLUTION
    return "copy" if page.page_count > page.mapcount else "share"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(before_taking, at_fork)
### BEGIN HIDDEN TESTS
check.points(before_taking, at_fork)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: with the rule of v5.8 no reference is ever on a shared frame
def before_taking(page):
    return "break"


def at_fork(page):
    return "share"


# %% tags=["wrong"]
# 0 points: fork looks at pins, as it does since v5.9
def before_taking(page):
    return "break" if page.mapcount > 1 else "take"


def at_fork(page):
    return "copy" if page.maybe_dma_pinned else "share"


# %% tags=["wrong"]
# 4 points: it is safe to copy at every fork
def before_taking(page):
    return "break"


def at_fork(page):
    return "copy"


# %% [markdown]
# ## 2.5 The whole promise
#
# Somebody proposes: "Let every call of GUP break COW, for reading and for writing. Then a reference
# always begins on a frame that belongs to one process. So references are never on shared frames,
# and mapcount is the right number again." What is right in it, where is the gap, and what has to be
# added? (3 points)

# %% [raw] tags=["task"]
# [whole_promise]
# kind = "explain"
# title = "The whole promise"
# points = 3
# hint = "Read the second and the third sentence again: 'begins' and 'never'. What happens between the two moments? Section 2.6."
# rubric = [
#   "Right: at the moment of taking the frame belongs to one process (the write fault has copied if it was shared), so references that are younger than the fork are harmless.",
#   "The gap: 'begins' is not 'stays'. A later fork shares the frame, reference and all, and GUP is not asked again; then mapcount falls to 1 and the store keeps the frame (leak-reverse; 5.8.18 shows it).",
#   "To be added: somebody who looks later: fork copies what is referenced (or refuses to share it), or the store counts references as v5.9 does.",
# ]

# %% tags=["nbval-check-output"]
check.ask("whole_promise")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# The second sentence is right. If the page is shared, the write fault gives the caller a frame of
# their own first, so at that moment no one else maps the frame. This ends the leak of lesson 1, in
# which the reference was younger than the `fork`.
#
# The step to the third sentence is wrong. A frame that belongs to one process when the reference
# *begins* can be shared afterwards: a later `fork` shares it, with the pipe still on it, and does not
# ask GUP. From there it goes on as before: the owner of the pipe unmaps or moves away, mapcount is 1,
# the child stores and keeps the frame, and the pipe shows its secret. The recorded 5.8.18 does this.
#
# So somebody has to look later: `fork`, which must then copy every page that has a reference, or the
# store, which must count references and not only mappings.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 0 points: the proposal is refused for its cost alone
#
# This is too slow, because then each vmsplice would have to copy a page, and the point of vmsplice is
# not to copy. Also it is unnecessary, since mapcount is already right for everything but pipes.

# %% [markdown] tags=["wrong"]
# 1 points: the gap is not seen
#
# It is right: whoever takes a reference gets their own frame by the write fault. So all leaks are
# closed, and that is why v5.8 did it. It was only removed because of bugs with userfaultfd.

# %% [markdown] tags=["wrong"]
# 2 points: the gap, but no way out
#
# When the reference is taken the frame is private, so the first leak is gone. But if the process forks
# after that, the pipe is on a shared frame, and the reverse leak works as before. So one cannot use
# mapcount, whatever one does.
