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
# # Exercises to 3. page_count == 1
#
# You have read `notebooks/03_page_count_one.ipynb`. Here you count, set a trap, repair one,
# refuse a reference, and say in Python what a wrong copy is.
#
# Each task has a cell in which you replace the line `raise NotImplementedError(...)`, and
# below it a cell that checks: it says what held, what did not, and the shortest script that
# shows it. It never tells the solution. Check as often as you like.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()`
# steps through the script which the last check found.

# %% tags=["setup"]
from cowlab import Reference, page_count, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("03_page_count_one", seed=SEED)

# %% [markdown]
# ## 3.1 Who is in the sum?
#
# A network card, some pipes, a child. Say the counts without playing the script (9 points).
# Mind on which frame everybody is, and that v5.9 treats a pinned page differently at `fork`.

# %% [raw] tags=["task"]
# [count_it]
# kind = "predict"
# title = "Who is in the sum?"
# points = 9
# hint = "Draw the frames. A reference stays on the frame on which it was taken, wherever its owner goes. Which store has to copy, and who moves?"
# script = """
# P: write A
# P: register r
# for n in 1..$pipes: P: vmsplice g{n}
# P: fork C
# P: write B
# r: put
# """
# [count_it.vary]
# pipes = [3, 2, 4, 5]
# filled = "pipes + 2"
# forked = "pipes + 3"
# stored = "pipes + 4"
# put = "pipes + 5"
# [count_it.ask]
# "pinned" = "line 2 page_count of P under v5.7"
# "pipes filled" = "line $filled page_count of P under v5.7"
# "forked" = "line $forked page_count of P under v5.7"
# "forked, mapped" = "line $forked mapcount of P under v5.7"
# "P has stored" = "line $stored page_count of P under v5.7"
# "P has stored, C" = "line $stored page_count of C under v5.7"
# "r is put, C" = "line $put page_count of C under v5.7"
# "v5.9: forked, C" = "line $forked page_count of C under v5.9"
# "v5.9: P has stored" = "line $stored page_count of P under v5.9"

# %% tags=["nbval-check-output"]
check.ask("count_it")


# %% tags=["answer"]
def count_it():
    """The count of the frame which P, or C, has after that line."""
    ### BEGIN SOLUTION
    return {
        "pinned": 1025,
        "pipes filled": 1028,
        "forked": 1029,
        "forked, mapped": 2,
        "P has stored": 1,
        "P has stored, C": 1028,
        "r is put, C": 4,
        "v5.9: forked, C": 1,
        "v5.9: P has stored": 1028,
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(count_it)
### BEGIN HIDDEN TESTS
check.points(count_it)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 5 points: a pin is a reference like any other, and counts one
def count_it():
    return {
        "pinned": 2,
        "pipes filled": 5,
        "forked": 6,
        "forked, mapped": 2,
        "P has stored": 1,
        "P has stored, C": 5,
        "r is put, C": 4,
        "v5.9: forked, C": 1,
        "v5.9: P has stored": 1028,
    }


# %% tags=["wrong"]
# 4 points: vmsplice copies, so that a pipe holds no page
def count_it():
    return {
        "pinned": 1025,
        "pipes filled": 1025,
        "forked": 1026,
        "forked, mapped": 2,
        "P has stored": 1,
        "P has stored, C": 1025,
        "r is put, C": 1,
        "v5.9: forked, C": 1,
        "v5.9: P has stored": 1025,
    }


# %% tags=["wrong"]
# 5 points: P's references are P's, so they move with P to its copy
def count_it():
    return {
        "pinned": 1025,
        "pipes filled": 1028,
        "forked": 1029,
        "forked, mapped": 2,
        "P has stored": 1028,
        "P has stored, C": 1,
        "r is put, C": 1,
        "v5.9: forked, C": 1029,
        "v5.9: P has stored": 1028,
    }


# %% [markdown]
# ## 3.2 What v5.11 left open
#
# v5.11 keeps `clear_refs` and reclaim away from pages that may be pinned. Is a registered
# buffer safe now? Find a script in which the device is left behind without any `fork`
# (4 points). Lesson 4 will need it.

# %% [raw] tags=["task"]
# [left_behind]
# kind = "find"
# title = "What v5.11 left open"
# points = 4
# hint = "The trap has two halves: a reference that was promised to stay, and a write bit that goes. Who may take write bits away, because a program asks for it? And the bit has to be wanted back."
# law = "coherence"
# policy = "v5.11"
# keeps = ["v5.7"]
# uses = ["register"]
# without = ["fork"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("left_behind")


# %% tags=["answer"]
def left_behind():
    """A script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: register g
    P: mprotect r
    P: mprotect rw
    P: write A
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(left_behind)
### BEGIN HIDDEN TESTS
check.points(left_behind)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: clear_refs did it in the lesson, so it does it here
def left_behind():
    return """
    P: write A
    P: register g
    P: clear_refs
    P: write B
    g: write D
    """


# %% tags=["wrong"]
# 0 points: a protected page is safe from the device, so P does not see D
def left_behind():
    return """
    P: register g
    P: mprotect r
    g: write D
    P: read
    """


# %% tags=["wrong"]
# 3.5 points: the loss has to be read by somebody, and the device has to write
def left_behind():
    return """
    P: register g
    P: mprotect r
    P: mprotect rw
    P: write B
    g: write D
    P: read
    """


# %% [markdown]
# ## 3.3 Leave it alone
#
# Now be v5.11 yourself. Write the decision that `clear_refs` and `mprotect` ask before they
# take a write bit away (6 points). `clear_refs` may leave a page as it is, and its tool then
# takes the page to be changed. `mprotect` may not: it is a promise to the program. A page
# which is not writable has no bit to lose, so there is nothing to leave.

# %% [raw] tags=["task"]
# [leave_alone]
# kind = "decide"
# title = "Leave it alone"
# points = 6
# hint = "Who asks is in page.asker. Whom must nobody move away from its device? The count alone is above one for a pipe, too: which field knows better, and which other one makes it guess less often?"
# base = "v5.9"
# cells = { leave_alone = "protect" }
# laws = { coherence = 3, protection = 1 }
# like = { "v5.11" = 2 }
# bounds = { references = 1, holds = 0, events = ["write", "fork", "exit", "clear_refs", "mprotect r", "vmsplice", "register", "g: write"] }

# %% tags=["nbval-check-output"]
check.ask("leave_alone")


# %% tags=["answer"]
def leave_alone(page):
    """Take the write bit away ("protect"), or leave the page as it is ("skip")."""
    ### BEGIN SOLUTION
    pinned = page.mm_has_pinned and page.maybe_dma_pinned
    if page.asker == "clear_refs" and page.writable and pinned:
        return "skip"
    return "protect"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(leave_alone)
### BEGIN HIDDEN TESTS
check.points(leave_alone)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 1 points: to take a bit away is harmless, the store decides
def leave_alone(page):
    return "protect"


# %% tags=["wrong"]
# 4 points: a count above one says that a device is there
def leave_alone(page):
    if page.asker == "clear_refs" and page.writable and page.page_count > 1:
        return "skip"
    return "protect"


# %% tags=["wrong"]
# 3 points: what is good for clear_refs is good for mprotect
def leave_alone(page):
    return "skip" if page.writable and page.maybe_dma_pinned else "protect"


# %% [markdown]
# ## 3.4 try_get_page
#
# Write the rule of `step` for `P: vmsplice g`, for a page that `P` has mapped (6 points). With
# a guard in the counter a reference is refused in time. A reference that is refused is there
# too, with `frame=None`.
#
# What you need: `world.pte(event.actor, event.page).frame` is the number of P's frame;
# `world.references` is a tuple, and `world._replace(references=...)` the World with another one.
# The fields of a `Reference`, in order: name (here `event.args[0]`), verb, owner, page, `"GET"` or
# `"PIN"`, write, longterm, frame.

# %% [raw] tags=["task"]
# [give_or_refuse]
# kind = "rule"
# title = "try_get_page"
# points = 6
# hint = "world.counter is None, or has bits and guard. The kernel reads the count as a signed number: from which value on is that negative? And what is it that is counted, how many there are, or how much they weigh?"
# policy = "v5.9"
# [give_or_refuse.cases]
# "an ordinary counter" = """
# P: write A
# P: vmsplice g
# P: vmsplice h
# """
# "guarded, plenty of room" = """
# kernel: counter 5 bias 4 guard
# P: write A
# P: vmsplice g
# P: vmsplice h
# """
# "guarded, the last that is given" = """
# kernel: counter 3 bias 4 guard
# P: write A
# P: vmsplice g
# P: vmsplice h
# P: vmsplice i
# """
# "guarded, one too many" = """
# kernel: counter 3 bias 4 guard
# P: write A
# P: vmsplice g
# P: vmsplice h
# P: vmsplice i
# P: vmsplice j
# """
# "guarded, two pins" = """
# kernel: counter 4 bias 4 guard
# P: write A
# P: register r
# P: register s
# P: vmsplice g
# """
# "narrow, but without a guard" = """
# kernel: counter 3 bias 4
# P: write A
# P: vmsplice g
# P: vmsplice h
# P: vmsplice i
# P: vmsplice j
# """

# %% tags=["nbval-check-output"]
check.ask("give_or_refuse")


# %% tags=["answer"]
def give_or_refuse(world, event):
    """The World after `P: vmsplice g`, where P has a frame at that page."""
    ### BEGIN SOLUTION
    frame = world.pte(event.actor, event.page).frame
    counter = world.counter
    guarded = counter is not None and counter.guard
    if guarded and page_count(world, frame) >= 2 ** (counter.bits - 1):
        frame = None  # as a signed number the count is negative from here on
    name, who = event.args[0], event.actor
    given = Reference(name, "vmsplice", who, event.page, "GET", False, False, frame)
    return world._replace(references=(*world.references, given))
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(give_or_refuse)
### BEGIN HIDDEN TESTS
check.points(give_or_refuse)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 4 points: it is refused when the next one would reach zero
def give_or_refuse(world, event):
    frame = world.pte(event.actor, event.page).frame
    counter = world.counter
    if counter and counter.guard and page_count(world, frame) + 1 >= 2**counter.bits:
        frame = None
    given = Reference(
        event.args[0], "vmsplice", event.actor, event.page, "GET", False, False, frame
    )
    return world._replace(references=(*world.references, given))


# %% tags=["wrong"]
# 5 points: every narrow counter refuses
def give_or_refuse(world, event):
    frame = world.pte(event.actor, event.page).frame
    counter = world.counter
    if counter and page_count(world, frame) >= 2 ** (counter.bits - 1):
        frame = None
    given = Reference(
        event.args[0], "vmsplice", event.actor, event.page, "GET", False, False, frame
    )
    return world._replace(references=(*world.references, given))


# %% tags=["wrong"]
# 5 points: references are counted by the head, a pin is one
def give_or_refuse(world, event):
    frame = world.pte(event.actor, event.page).frame
    counter = world.counter
    users = 1 + len(world.references)
    if counter and counter.guard and users >= 2 ** (counter.bits - 1):
        frame = None
    given = Reference(
        event.args[0], "vmsplice", event.actor, event.page, "GET", False, False, frame
    )
    return world._replace(references=(*world.references, given))


# %% [markdown]
# ## 3.5 A wrong copy
#
# A copy is *wrong* when a store moves a process away from a reference that it has itself given
# to a device which will write. Say it in Python, so that it is seen **at the store**, before any
# data are lost (10 points). A copy that keeps the store away from somebody else's reference is
# right, and one that is made for nobody is only a waste: do not blame those.
#
# What you need: `step.event.actor` and `step.event.page` say whose store it is and where,
# `step.before.pte(name, page).frame` which frame was there. A reference has `owner`, `page`,
# `frame`, and `write`, which is True for a device that will write.

# %% [raw] tags=["task"]
# [wrong_copy]
# kind = "law"
# title = "A wrong copy"
# points = 10
# hint = "Compare the entry before and after the store: did it get another frame? If so, look who is left on the old one. step.before.references knows of each whose it is, of which page, and whether it writes."
# passes = ["leak under v5.9", "transient-reference under v5.9", "andrea-clear-refs under v5.7", "s05_pin_fork_childexit_parent_writes under v5.9", "the child moves under v5.9-rc4"]
# catches = ["andrea-clear-refs under v5.9", "the disk is not done under v5.9", "pin-fork-exit-write under v5.9-rc4", "pin-mprotect under v5.11", "the second page under v5.9"]
# [wrong_copy.scripts]
# "the child moves" = """
# P: write A
# P: register g
# P: fork C
# C: write B
# """
# "the disk is not done" = """
# P: write A
# P: direct_read g
# P: clear_refs
# P: write B
# """
# "the second page" = """
# P: mmap anon @1
# P: write A @1
# P: direct_read g @1
# P: clear_refs
# P: write B @1
# """

# %% tags=["nbval-check-output"]
check.ask("wrong_copy")


# %% tags=["answer"]
def wrong_copy(step):
    """False at a store that leaves the process's own writing reference behind."""
    ### BEGIN SOLUTION
    if step.event.verb != "write" or step.outcome != "copy":
        return True
    who, page = step.event.actor, step.event.page
    old = step.before.pte(who, page).frame
    held = [r for r in step.before.references if r.frame == old and r.write]
    return all(reference.owner != who for reference in held)
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(wrong_copy)
### BEGIN HIDDEN TESTS
check.points(wrong_copy)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: every copy that is made for a count above one is wrong
def wrong_copy(step):
    return not (step.event.verb == "write" and step.outcome == "copy")


# %% tags=["wrong"]
# 8 points: a copy is wrong once somebody reads an old letter
def wrong_copy(step):
    return all(look.saw == look.now for look in step.looks if look.promised)


# %% tags=["wrong"]
# 9 points: a device on the old frame is enough, whoever gave it the page
def wrong_copy(step):
    if step.event.verb != "write" or step.outcome != "copy":
        return True
    old = step.before.pte(step.event.actor, step.event.page).frame
    return not any(
        reference.write and reference.frame == old
        for reference in step.before.references
    )


# %% [markdown]
# ## 3.6 Whose is it?
#
# Somebody proposes: "Keep page_count, but be cleverer. If mapcount is 1 and page_count is 2, then
# the other one is a reference. Copy if it is a pipe's, keep the frame if it is a disk's." Why can
# `do_wp_page()` not do that, and what are the two ways out that the lesson ends with? Four to six
# sentences (3 points).

# %% [raw] tags=["task"]
# [whose]
# kind = "explain"
# title = "Whose is it?"
# points = 3
# hint = "Which of the words in the proposal can be had from the numbers in struct page? Then take the two scripts of section 3.7: what do they have in common at the store, and what ought to happen in each?"
# rubric = [
#   "The count is a sum: at the store nothing says who the other one is; leak and andrea-clear-refs both show mapcount 1 and page_count 2, and want opposite answers.",
#   "Even the kind of holder would not do, what matters is whose it is: P's own reference, or that of another process which must not see the store (P's own pipe, or a device of the child's, would be misjudged).",
#   "The two ways out: never let such a page come up (do not write-protect a held page, or never hand out a reference to a shared one), or remember at the page whose it is.",
# ]

# %% tags=["nbval-check-output"]
check.ask("whose")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# The kernel has one number, not a list of holders: a pipe's `FOLL_GET` and a direct read's
# `FOLL_GET` both add 1. In `leak` and in Andrea Arcangeli's program the store sees mapcount 1 and
# page_count 2, and in the first it has to copy, in the second it must not. Nor would the kind of
# holder be enough. A pipe may be the writer's own, a pin may be another's: what counts is whether
# the holder may see this store, so *whose* it is. Either such a page must never come up: nobody
# takes the write bit from a page that is held, or nobody gets a reference to a page that is still
# shared. Or the kernel remembers at the page that it belongs to one process alone.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 0 points: the kernel could look it up, only nobody has written it yet
#
# It could do that. Each reference is in `struct page`, one only has to look through the list and
# see which kind it is. It was not done because it would be slow.

# %% [markdown] tags=["wrong"]
# 1 points: the numbers are equal, and that is all there is to it
#
# At the store mapcount is 1 and page_count is 2 in both scripts, but one wants a copy and the other
# wants to keep the frame. So one should use FOLL_PIN for the disk, then its count would be 1025 and
# the two could be told apart.

# %% [markdown] tags=["wrong"]
# 2 points: it says whose is missing, and no way out
#
# The count is only a sum, so pipe and disk look the same. And even a pipe can be P's own, and then
# there is nothing to hide from it; what one would have to know is whose it is. Therefore the kernel
# has to copy in this case to be on the safe side.
