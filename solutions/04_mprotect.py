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
# # Exercises to 4. mprotect
#
# You have read `notebooks/04_mprotect.ipynb`. Each task has a cell in which you replace the
# line `raise NotImplementedError(...)`, and below it a cell that checks: it says what held,
# what did not, and the shortest script that shows it. It never tells the solution. Check as
# often as you like. The last task is answered in words and read by a person.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import POLICIES, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("04_mprotect", seed=SEED)

# %% [markdown]
# ## 4.1 Whom it stops
#
# A device holds a buffer; its owner protects the page, opens it again, and both store. Two
# things are easily mixed up here: what the *mapping* allows, and what the *entry* and the
# device do. Predict without playing the script. (8 points)

# %% [raw] tags=["task"]
# [whom_it_stops]
# kind = "predict"
# title = "Whom it stops"
# points = 8
# stub = "return a dictionary with the keys printed above"
# hint = "For each store ask first who makes it. A device looks at no page table. For a process: what does the mapping allow, and then, has the entry its write bit?"
# script = """
# P: write A
# P: register g
# P: mprotect r
# P: write B
# g: write D
# P: read
# P: mprotect rw
# P: write E
# g: write G
# P: read
# """
# [whom_it_stops.ask]
# "count, protected" = "line 3 page_count of P under v5.9"
# "P stores at 4" = "line 4 outcome under v5.9"
# "P reads at 6" = "line 6 reading under v5.9"
# "P stores at 8" = "line 8 outcome under v5.9"
# "P's count" = "line 8 page_count of P under v5.9"
# "g's count" = "line 8 page_count of g under v5.9"
# "P reads at 10" = "line 10 reading under v5.9"
# "the verdict" = "verdict under v5.9"

# %% tags=["nbval-check-output"]
check.ask("whom_it_stops")


# %% tags=["answer"]
def whom_it_stops():
    """What each store does, what is counted, and what P reads."""
    ### BEGIN SOLUTION
    return {
        "count, protected": 1025,
        "P stores at 4": "sigsegv",
        "P reads at 6": "D",
        "P stores at 8": "copy",
        "P's count": 1,
        "g's count": 1024,
        "P reads at 10": "E",
        "the verdict": "stale",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(whom_it_stops)
### BEGIN HIDDEN TESTS
check.points(whom_it_stops)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: write protection stops the device as well
def whom_it_stops():
    return {
        "count, protected": 1025,
        "P stores at 4": "sigsegv",
        "P reads at 6": "A",
        "P stores at 8": "reuse",
        "P's count": 1025,
        "g's count": 1025,
        "P reads at 10": "E",
        "the verdict": "ok",
    }


# %% tags=["wrong"]
# 3 points: mprotect rw gives the entry its write bit back
def whom_it_stops():
    return {
        "count, protected": 1025,
        "P stores at 4": "sigsegv",
        "P reads at 6": "D",
        "P stores at 8": "hit",
        "P's count": 1025,
        "g's count": 1025,
        "P reads at 10": "G",
        "the verdict": "ok",
    }


# %% tags=["wrong"]
# 5 points: a SIGSEGV is copy-on-write
def whom_it_stops():
    return {
        "count, protected": 1025,
        "P stores at 4": "copy",
        "P reads at 6": "B",
        "P stores at 8": "hit",
        "P's count": 1,
        "g's count": 1024,
        "P reads at 10": "E",
        "the verdict": "stale",
    }


# %% [markdown]
# ## 4.2 What mprotect does to one entry
#
# The model's `mprotect` is a few lines. Write its heart, for one private page, as the merged
# kernels up to v5.19 have it: who holds the page is not asked. `world.entry(name, page)` is a
# page-table entry (`vma`, `frame`, `write`, ...), `entry.vma.prot` is what the mapping allows,
# `thing._replace(field=value)` makes a changed copy of anything, and
# `world.with_pte(name, page, entry)` is the World with that entry in its place. In `event` you
# find `actor`, `page` and `args`, here `("r",)` or `("rw",)`. (5 points)

# %% [raw] tags=["task"]
# [mprotect_entry]
# kind = "rule"
# title = "What mprotect does to one entry"
# points = 5
# hint = "Two things can change: what the mapping allows, and the write bit of the entry. Go through the cases and ask for each of the two. When does the bit come back?"
# policy = "v5.9"
# [mprotect_entry.cases]
# "a page of its own" = """
# P: write A
# P: mprotect r
# """
# "a device holds it" = """
# P: write A
# P: register g
# P: mprotect r
# """
# "there and back" = """
# P: write A
# P: mprotect r
# P: mprotect rw
# """
# "shared since a fork" = """
# P: write A
# P: fork C
# C: mprotect r
# """
# "nothing there yet" = """
# P: mprotect r
# """

# %% tags=["nbval-check-output"]
check.ask("mprotect_entry")


# %% tags=["answer"]
def mprotect_entry(world, event):
    """The World after `event`, a call of mprotect for one page."""
    ### BEGIN SOLUTION
    right = event.args[0]
    entry = world.entry(event.actor, event.page)
    mapping = entry.vma._replace(prot=right)
    write = entry.write and right == "rw"
    return world.with_pte(
        event.actor, event.page, entry._replace(vma=mapping, write=write)
    )
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(mprotect_entry)
### BEGIN HIDDEN TESTS
check.points(mprotect_entry)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 4 points: the write bit comes back with the right
def mprotect_entry(world, event):
    right = event.args[0]
    entry = world.entry(event.actor, event.page)
    mapping = entry.vma._replace(prot=right)
    changed = entry._replace(vma=mapping, write=right == "rw")
    return world.with_pte(event.actor, event.page, changed)


# %% tags=["wrong"]
# 3 points: only the mapping changes, the fault will look at it
def mprotect_entry(world, event):
    entry = world.entry(event.actor, event.page)
    mapping = entry.vma._replace(prot=event.args[0])
    return world.with_pte(event.actor, event.page, entry._replace(vma=mapping))


# %% tags=["wrong"]
# 4 points: whoever holds the page loses the right to write as well
def mprotect_entry(world, event):
    right = event.args[0]
    entry = world.entry(event.actor, event.page)
    mapping = entry.vma._replace(prot=right)
    write = entry.write and right == "rw"
    world = world.with_pte(
        event.actor, event.page, entry._replace(vma=mapping, write=write)
    )
    stopped = tuple(reference._replace(write=False) for reference in world.references)
    return world._replace(references=stopped)


# %% tags=["wrong"]
# 4 points: rule (c) is taken for what the kernels do
def mprotect_entry(world, event):
    entry = world.entry(event.actor, event.page)
    if any(reference.frame == entry.frame for reference in world.references):
        return world
    right = event.args[0]
    mapping = entry.vma._replace(prot=right)
    write = entry.write and right == "rw"
    return world.with_pte(
        event.actor, event.page, entry._replace(vma=mapping, write=write)
    )


# %% [markdown]
# ## 4.3 Refused, and nobody did anything
#
# Under rule (c), read as `EBUSY`, a program's `mprotect` can fail although no reference was
# ever taken by anybody: no device, no pipe, no debugger. Find the shortest script in which it
# does. It is the hole for which the rule's author took its exactness back. (4 points)

# %% [raw] tags=["task"]
# [innocent_refusal]
# kind = "find"
# title = "Refused, and nobody did anything"
# points = 4
# hint = "Who else is counted in page_count? Besides processes and those whom they ask for something, there is the kernel itself. And the page must be writable, or rule (c) says nothing about it."
# policy = "linus-2021"
# verdict = "refused"
# without = ["vmsplice", "direct_read", "direct_write", "register", "get", "pin"]
# shortest = 3

# %% tags=["nbval-check-output"]
check.ask("innocent_refusal")


# %% tags=["answer"]
def innocent_refusal():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: write A
    kernel: hold P
    P: mprotect r
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(innocent_refusal)
### BEGIN HIDDEN TESTS
check.points(innocent_refusal)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: a child raises the count; but fork leaves the page read-only, so (c) is silent
def innocent_refusal():
    return """
    P: write A
    P: fork C
    P: mprotect r
    P: read
    """


# %% tags=["wrong"]
# 0 points: only devices and pipes are counted
def innocent_refusal():
    return """
    P: write A
    P: direct_read g
    P: mprotect r
    """


# %% tags=["wrong"]
# 3 points: the refusal shows only when the store goes through
def innocent_refusal():
    return """
    P: write A
    P: read
    kernel: hold P
    P: mprotect r
    P: write B
    """


# %% [markdown]
# ## 4.4 Lost in flight
#
# Jerome Glisse was uneasy about his own proposal where a short read is in flight. Find the
# shortest script that shows why: under `jerome-mprotect` the data of a direct read are lost,
# and under `v5.9`, with its trap, the very same script does no harm. (6 points)

# %% [raw] tags=["task"]
# [lost_in_flight]
# kind = "find"
# title = "Lost in flight"
# points = 6
# hint = "Under v5.9 it takes a store of P to lose the data. So P may not store after the read has been started. And must P have stored before?"
# policy = "jerome-mprotect"
# law = "coherence"
# keeps = ["v5.9"]
# uses = ["direct_read"]
# shortest = 3

# %% tags=["nbval-check-output"]
check.ask("lost_in_flight")


# %% tags=["answer"]
def lost_in_flight():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: direct_read g
    P: mprotect r
    g: write D
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(lost_in_flight)
### BEGIN HIDDEN TESTS
check.points(lost_in_flight)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: the trap of v5.9 is taken for the loss at mprotect
def lost_in_flight():
    return """
    P: write A
    P: direct_read g
    P: mprotect r
    P: mprotect rw
    P: write B
    g: write D
    P: read
    """


# %% tags=["wrong"]
# 0 points: the copy alone is taken for the loss; nobody has stored anything yet
def lost_in_flight():
    return """
    P: write A
    P: direct_read g
    P: mprotect r
    P: read
    """


# %% tags=["wrong"]
# 0 points: it takes a fork to be separated from a page
def lost_in_flight():
    return """
    P: direct_read g
    P: fork C
    g: write D
    """


# %% tags=["wrong"]
# 5 points: a page must have been written before a disk can write it
def lost_in_flight():
    return """
    P: write A
    P: direct_read g
    P: mprotect r
    g: write D
    P: read
    """


# %% [markdown]
# ## 4.5 Who may be left alone?
#
# `v5.9` sets its trap with every write bit that is taken. Write the decision `protect` so that
# the trap is set as rarely as can be, and `mprotect` stays what programs rely on: it does not
# fail, and after it their stores fault. `page.asker` says who wants the bit: `"mprotect"`,
# `"clear_refs"` or `"uffd_wp"`. A `clear_refs` that always skipped would be safe and useless,
# so a page that nobody holds has to be tracked. (6 points)
#
# The events below let a page be protected and never opened again. With `mprotect rw` among
# them no answer would do. Why not, is the question of 4.6.

# %% [raw] tags=["task"]
# [whose_bit]
# kind = "decide"
# title = "Who may be left alone?"
# points = 6
# stub = "return one of the answers printed above"
# hint = "First decide by the asker: which of the three collect hints, and which gives a guarantee? Then ask for what a direct read, which is no pin, adds to page_count."
# base = "v5.9"
# cells = { whose_bit = "protect" }
# laws = { coherence = 3, protection = 2 }
# [whose_bit.bounds]
# processes = 2
# references = 1
# events = ["write", "fork", "mprotect r", "clear_refs", "uffd_wp on", "uffd_wp off", "register", "direct_read", "g: write", "put"]
# [whose_bit.ends]
# "P: write A\nP: clear_refs\nP: write B" = ["reuse", 1]

# %% tags=["nbval-check-output"]
check.ask("whose_bit")


# %% tags=["answer"]
def whose_bit(page):
    """Somebody wants the write bit of this page's entry: what happens?"""
    ### BEGIN SOLUTION
    held = page.writable and page.page_count > 1
    if held and page.asker != "mprotect":
        return "skip"
    return "protect"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(whose_bit)
### BEGIN HIDDEN TESTS
check.points(whose_bit)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: as v5.11, which sees pins only, and a direct read is none
def whose_bit(page):
    if page.asker != "mprotect" and page.maybe_dma_pinned:
        return "skip"
    return "protect"


# %% tags=["wrong"]
# 4 points: rule (c) for everybody: mprotect says that it protects, and does not
def whose_bit(page):
    return "skip" if page.page_count > 1 else "protect"


# %% tags=["wrong"]
# 4 points: rule (c) for everybody: mprotect fails
def whose_bit(page):
    if page.page_count == 1:
        return "protect"
    return "refuse" if page.asker == "mprotect" else "skip"


# %% tags=["wrong"]
# 3 points: mprotect copies, and the device is left behind
def whose_bit(page):
    if page.page_count == 1:
        return "protect"
    return "copy" if page.asker == "mprotect" else "skip"


# %% tags=["wrong"]
# 5 points: clear_refs never does anything, which is safe and useless
def whose_bit(page):
    return "protect" if page.asker == "mprotect" else "skip"


# %% [markdown]
# ## 4.6 A letter to January 2021
#
# Somebody on the list writes: "`clear_refs` skips pages that may be pinned, and nobody
# complained. Let `mprotect` do the same, or let it return an error, and the whole problem is
# gone." Answer in about eight sentences: what is right about it, what is lost, and where you
# would look for the cure. Be fair. (4 points)

# %% [raw] tags=["task"]
# [why_not_skip]
# kind = "explain"
# title = "A letter to January 2021"
# points = 4
# hint = "Compare what a program has when clear_refs tells it too little with what it has when mprotect does. Then find the line of the trap's script in which something goes wrong."
# rubric = ["what is right: a bit that is not taken sets no trap; skipped pages are only reported dirty once too often", "mprotect is a guarantee: skipped, a stray store goes through in silence", "refused, it fails because of somebody else's reference, which the program can neither see nor prevent", "the harm happens at the write fault, which goes by a count and cannot know whose page it is: the cure belongs there"]

# %% tags=["nbval-check-output"]
check.ask("why_not_skip")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# You are right that a write bit that is never taken sets no trap, and for `clear_refs` that is
# a good answer: a page that is skipped is reported as changed once more than needed, and a
# device may indeed have changed it. But `clear_refs` collects hints, and `mprotect` gives a
# guarantee. If `mprotect` skips a page and reports success, a stray store into protected memory
# goes through, and nobody learns of it. If it fails, it fails because somebody is counted whom
# the program does not know: another thread's read in flight, a pipe, or the kernel's passing
# look. The program can neither see nor prevent that. Copying at `mprotect` keeps the guarantee,
# but separates the page from a device that was promised to stay with it.
#
# Look at the script of the trap again: nothing is lost at `mprotect`, and nothing when the right
# comes back. The loss happens at the next store, when the write fault counts references and takes
# the device for somebody else. The fault needs to know *whose* the page is, and a count cannot
# tell. If that were remembered with the page, `mprotect` could go on taking bits from anybody.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 1 point: sees what is right and nothing of the price
#
# That is what I think, too. A bit that stays cannot be a trap. `clear_refs` has done it since
# v5.11 and all it costs is that a page is copied once more by the tool. `mprotect` should do the
# same, then devices never lose data.

# %% [markdown] tags=["wrong"]
# 2 points: names both prices, but believes that protection is about the device
#
# If `mprotect` skips the page, a wrong store of the program goes through although it was told
# that the page is protected. If it returns an error, programs fail because somebody else is
# reading from disk. And above all the device could go on writing into a page that was declared
# read-only, which `mprotect` has to prevent.

# %% [markdown] tags=["wrong"]
# 2 points: knows where it goes wrong, not why mprotect is special
#
# The loss happens at the store after `mprotect rw`, since the kernel counts the device and copies.
# It would be enough to use mapcount there, as v5.7 did. Skipping would help too, because then
# there is no fault at all, and an extra page in a report hurts nobody.
