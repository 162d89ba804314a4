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
# # Exercises to 6. PG_anon_exclusive
#
# You have read `notebooks/06_exclusive.ipynb`. Each task has a cell in which you replace the
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
check = exercises("06_exclusive", seed=SEED)

# %% [markdown]
# ## 6.1 A flag's life
#
# Two children, a read pin between them, and three stores. When is the flag set, and what does
# each step make of it? A count would say something else at nearly every line. Predict
# without playing the script. (8 points)

# %% [raw] tags=["task"]
# [flags_life]
# kind = "predict"
# title = "A flag's life"
# stub = "return the dictionary that is asked for"
# points = 8
# hint = "Write down the flag after every line, and only then what the next line makes of it. Who can give it back, once it is gone? A read pin looks at it, and so does the second fork."
# script = """
# P: write A
# P: fork C
# C: exit
# P: pin g
# P: write B
# P: fork D
# P: write E
# g: read
# """
# [flags_life.ask]
# "exclusive after the fork" = "line 2 exclusive of P under v5.19"
# "exclusive after C's exit" = "line 3 exclusive of P under v5.19"
# "the pin" = "line 4 outcome under v5.19"
# "exclusive after the pin" = "line 4 exclusive of P under v5.19"
# "P stores B" = "line 5 outcome under v5.19"
# "the second fork" = "line 6 outcome under v5.19"
# "P stores E" = "line 7 outcome under v5.19"
# "g reads" = "line 8 reading under v5.19"

# %% tags=["nbval-check-output"]
check.ask("flags_life")


# %% tags=["answer"]
def flags_life():
    """The flag of P's frame ("yes" or "no"), outcomes, and the letter that g reads."""
    ### BEGIN SOLUTION
    return {
        "exclusive after the fork": "no",
        "exclusive after C's exit": "no",
        "the pin": "reuse",
        "exclusive after the pin": "yes",
        "P stores B": "reuse",
        "the second fork": "copy",
        "P stores E": "hit",
        "g reads": "E",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(flags_life)
### BEGIN HIDDEN TESTS
check.points(flags_life)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: the flag is another word for mapcount 1
def flags_life():
    return {
        "exclusive after the fork": "no",
        "exclusive after C's exit": "yes",
        "the pin": "hit",
        "exclusive after the pin": "yes",
        "P stores B": "reuse",
        "the second fork": "copy",
        "P stores E": "hit",
        "g reads": "E",
    }


# %% tags=["wrong"]
# 2 points: a count says whose it is: page_count is above one, so P copies
def flags_life():
    return {
        "exclusive after the fork": "no",
        "exclusive after C's exit": "no",
        "the pin": "hit",
        "exclusive after the pin": "no",
        "P stores B": "copy",
        "the second fork": "share",
        "P stores E": "copy",
        "g reads": "A",
    }


# %% tags=["wrong"]
# 5 points: fork always shares and takes the flag, a pin or not
def flags_life():
    return {
        "exclusive after the fork": "no",
        "exclusive after C's exit": "no",
        "the pin": "reuse",
        "exclusive after the pin": "yes",
        "P stores B": "reuse",
        "the second fork": "share",
        "P stores E": "copy",
        "g reads": "B",
    }


# %% tags=["wrong"]
# 6 points: unsharing always copies, and leaves the entry writable
def flags_life():
    return {
        "exclusive after the fork": "no",
        "exclusive after C's exit": "no",
        "the pin": "copy",
        "exclusive after the pin": "yes",
        "P stores B": "hit",
        "the second fork": "copy",
        "P stores E": "hit",
        "g reads": "E",
    }


# %% [markdown]
# ## 6.2 Open to this day
#
# `v6.5` has the flag, unsharing, and direct I/O that pins. Still there is a way for a child to
# see what a *device* stores for its parent after the `fork`. Find the shortest script. Under
# `linus-2021`, which copies at `fork` whenever the count is above one, the same script must do
# no harm. (4 points)

# %% [raw] tags=["task"]
# [open_today]
# kind = "find"
# title = "Open to this day"
# points = 4
# hint = "fork copies what may be pinned. So the device must hold the page in the other way, and be allowed to store. Which verb takes such a reference in every release? And must P have stored before?"
# policy = "v6.5"
# law = "dma-isolation"
# keeps = ["linus-2021"]
# shortest = 3

# %% tags=["nbval-check-output"]
check.ask("open_today")


# %% tags=["answer"]
def open_today():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: get g write
    P: fork C
    g: write D
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(open_today)
### BEGIN HIDDEN TESTS
check.points(open_today)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: any device will do; but a registered buffer is pinned, and fork copies
def open_today():
    return """
    P: register g
    P: fork C
    g: write D
    """


# %% tags=["wrong"]
# 0 points: direct I/O still takes a plain reference
def open_today():
    return """
    P: write A
    P: direct_read g
    P: fork C
    g: write D
    C: read
    """


# %% tags=["wrong"]
# 3.5 points: a page must have been written before, and somebody must read
def open_today():
    return """
    P: write A
    P: get g write
    P: fork C
    g: write D
    C: read
    """


# %% [markdown]
# ## 6.3 Who forgot to help?
#
# Take `v5.19` and give it back one older decision: references are taken on whatever is
# mapped, as in v5.18. The reuse rule still asks the flag, `fork` still asks for pins. Find the
# shortest script in which a promised reader is left behind here, and *not* under v5.19
# itself. (4 points)

# %% [raw] tags=["task"]
# [who_forgot]
# kind = "find"
# title = "Who forgot to help?"
# points = 4
# hint = "v5.19 has a two-line hole of its own, on memory that was never written: that one does not count. You need an anonymous page without the flag. What takes a flag away? And which kind of reference is promised anything?"
# policy = "v5.19, gup of v5.18"
# law = "coherence"
# keeps = ["v5.19"]
# shortest = 4

# %% tags=["nbval-check-output"]
check.ask("who_forgot")


# %% tags=["answer"]
def who_forgot():
    """The text of a script, one event a line."""
    ### BEGIN SOLUTION
    return """
    P: write A
    P: fork C
    P: pin g
    P: write B
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(who_forgot)
### BEGIN HIDDEN TESTS
check.points(who_forgot)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 3 points: the zero page has no flag; but v5.19 forgets it as well
def who_forgot():
    return """
    P: pin g longterm
    P: write B
    """


# %% tags=["wrong"]
# 0 points: a lost write bit is enough, as it was for a count
def who_forgot():
    return """
    P: write A
    P: mprotect r
    P: pin g
    P: mprotect rw
    P: write B
    """


# %% tags=["wrong"]
# 0 points: every reference is promised the present
def who_forgot():
    return """
    P: write A
    P: fork C
    P: vmsplice g
    P: write B
    g: read
    """


# %% tags=["wrong"]
# 3.5 points: it is stale only when somebody reads
def who_forgot():
    return """
    P: write A
    P: fork C
    P: pin g
    P: write B
    g: read
    """


# %% [markdown]
# ## 6.4 The promise as a law
#
# Kernels that are built for debugging check, each time that somebody pins a page, that an
# anonymous page which is pinned is exclusive. Write that check for the World after a step. It
# must see a broken promise as soon as it is broken, not when somebody has read something
# old; and it must leave alone what was never promised.
#
# `step.after.references` has the references. Each has `take` (`"GET"` or `"PIN"`) and `frame` (a
# number; `None` if the call was refused). `step.after.frame(number)` has `kind` (`"anon"`,
# `"zero"`, `"file"`, ...) and `exclusive`. (7 points)

# %% [raw] tags=["task"]
# [pinned_is_exclusive]
# kind = "law"
# title = "The promise as a law"
# stub = "return True where it holds, else False"
# points = 7
# hint = "Say the sentence slowly: an anonymous page, which is pinned, is exclusive. Each of the three words is one condition, and there is a scenario for whoever forgets it."
# law = "accounting"
# passes = ["pin-fork-write under v5.19", "pin-read-zero-page under v5.19", "get-read-shared under v5.19", "pin-remap under v5.19"]
# catches = ["pin-read-shared under v5.19, gup of v5.18", "pin-read-previously-shared under v5.19, gup of v5.18", "fixed-buffer-fork under v5.19, fork of v5.7"]

# %% tags=["nbval-check-output"]
check.ask("pinned_is_exclusive")


# %% tags=["answer"]
def pinned_is_exclusive(step):
    """Whether every pinned anonymous page is exclusive after the step."""
    ### BEGIN SOLUTION
    for reference in step.after.references:
        if reference.take == "PIN" and reference.frame is not None:
            frame = step.after.frame(reference.frame)
            if frame.kind == "anon" and not frame.exclusive:
                return False
    return True
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(pinned_is_exclusive)
### BEGIN HIDDEN TESTS
check.points(pinned_is_exclusive)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 6 points: a reference is a reference, plain ones are promised it too
def pinned_is_exclusive(step):
    for reference in step.after.references:
        frame = step.after.frame(reference.frame)
        if frame.kind == "anon" and not frame.exclusive:
            return False
    return True


# %% tags=["wrong"]
# 6 points: the zero page is forgotten
def pinned_is_exclusive(step):
    for reference in step.after.references:
        if reference.take == "PIN" and not step.after.frame(reference.frame).exclusive:
            return False
    return True


# %% tags=["wrong"]
# 5 points: exclusive is taken for mapped once
def pinned_is_exclusive(step):
    for reference in step.after.references:
        anonymous = step.after.frame(reference.frame).kind == "anon"
        shared = mapcount(step.after, reference.frame) != 1
        if reference.take == "PIN" and anonymous and shared:
            return False
    return True


# %% tags=["wrong"]
# 3 points: it waits until somebody sees an old value
def pinned_is_exclusive(step):
    return all(look.saw == look.now for look in step.looks if look.promised)


# %% [markdown]
# ## 6.5 Keep and take
#
# Now be the kernel. `v6.5` lends you everything but two decisions: who keeps the frame at a
# write fault (`keep_frame`), and how a read reference is taken (`take_reference`; `page.asker` is
# `"get"`, `"pin"` or `"longterm"`). No leak, no promise broken, and no more copies than it takes.
#
# A flag that is not set proves nothing, and a count proves something only in one direction:
# there is a place for both. (8 points)

# %% [raw] tags=["task"]
# [keep_and_take]
# kind = "decide"
# title = "Keep and take"
# stub = "return one of the answers above"
# points = 8
# hint = "Who may keep a frame: whoever has the flag, and who else? For a reference ask first whether anything is promised at all, and then what the flag says. A writable entry is a proof as well."
# base = "v6.5"
# functions = ["keep_frame", "take_reference"]
# cells = { keep_frame = "reuse", take_reference = "gup" }
# laws = { isolation = 2, coherence = 3 }
# bounds = { references = 1, holds = 0, events = ["write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs", "vmsplice", "register", "pin longterm", "g: write"] }
# copies = { scripts = ["reuse-after-exit", "pin-read-previously-shared", "pin-read-shared"], best = 1, worst = 3, points = 3 }

# %% tags=["nbval-check-output"]
check.ask("keep_and_take")


# %% tags=["answer"]
def keep_frame(page):
    """At a write fault on a page that is mapped read-only: reuse or copy."""
    ### BEGIN SOLUTION
    return "reuse" if page.exclusive or page.page_count == 1 else "copy"
    ### END SOLUTION


def take_reference(page):
    """A read reference is wanted: take, break or unshare."""
    ### BEGIN SOLUTION
    if page.asker == "get" or page.writable or page.exclusive:
        return "take"
    return "unshare"
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(keep_frame, take_reference)
### BEGIN HIDDEN TESTS
check.points(keep_frame, take_reference)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 2 points: a count says whose it is
def keep_frame(page):
    return "reuse" if page.page_count == 1 else "copy"


def take_reference(page):
    return "take"


# %% tags=["wrong"]
# 5 points: a flag that is not set means that the page is shared
def keep_frame(page):
    return "reuse" if page.exclusive else "copy"


def take_reference(page):
    if page.asker == "get" or page.exclusive:
        return "take"
    return "unshare"


# %% tags=["wrong"]
# 3 points: with unsharing in place, mapcount will do again
def keep_frame(page):
    return "reuse" if page.mapcount == 1 else "copy"


def take_reference(page):
    if page.asker == "get" or page.exclusive:
        return "take"
    return "unshare"


# %% [markdown]
# ## 6.6 The answer that was never found
#
# We found no answer to Jerome Glisse's mail of 12 January 2021. Write it now, in at most
# 150 words, and fairly: he could not know what came later. Say what became of his two wishes
# (`mprotect` stays what it is, `fork` stays fast), where his own proposals fail or are silent, and
# what is still open. Name a trial of `cowlab.claims` or a scenario for each thing that you
# claim. (4 points)

# %% [raw] tags=["task"]
# [the_answer]
# kind = "explain"
# title = "The answer that was never found"
# points = 4
# hint = "Look at the trials of claims 6, 7 and 9 once more, and at 6.6 of the lesson. For each of his two wishes: which row grants it, and at what price?"
# rubric = [
#   "mprotect: it neither fails nor copies today; the flag survives, so that device and process stay together (6a, 7e under v5.19)",
#   "fork: pages that are not pinned are shared, pages that may be pinned are copied at once (8a, 9a)",
#   "a place where a proposal of his fails or is silent, with its trial: a read in flight (7b), the parent's store (9d), the device's store (9e)",
#   "something that is still open, with a scenario: plain references across fork (get-swap-fork), vmsplice and hugetlb (leak-hugetlb)",
# ]

# %% tags=["nbval-check-output"]
check.ask("the_answer")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# The first wish was granted, the second nearly. `mprotect` takes the write bit, whoever holds the
# page: it does not fail for that (6a fails under v5.19) and does not copy, and since the exclusive
# flag outlives the write bit, a device stays with its process (7e fails). `fork` shares and
# protects; only pages that may be pinned are copied at once (8a holds, 9a does not under v5.19).
#
# You were right to worry about copying at `mprotect`: a direct read in flight is lost (7b). Your
# proposal for `fork` leaves open what the parent does at its next store. Going by the count parts
# it from its device (9d under `jerome-fork`); and in every reading the child sees what the device
# brings (9e). So the copy at `fork` stayed for pins.
#
# One thing is open still: a plain write reference is not seen by `fork`, and its data can reach the
# child instead of the parent (`get-swap-fork`, also under v6.5).
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 1 point: the mprotect half alone, and nothing to show for it
#
# You were right, rule (c) would have broken `mprotect`, and it was never merged. Today `mprotect`
# just takes the write bit and the flag remembers the rest. About `fork` you were right as well:
# it stays fast because the child may never reuse a page.

# %% [markdown] tags=["wrong"]
# 0 points: a count says whose it is
#
# Your worries are gone since v5.9: a page is kept only if page_count is 1, so nobody else can
# hold it, and whoever holds it has pinned it. `mprotect` refuses pinned pages and `fork` copies
# nothing.

# %% [markdown] tags=["wrong"]
# 2 points: what came later, but not what was wrong with the proposals, nor what is open
#
# `mprotect` does not fail and does not copy: under v5.19 trial 6a fails, and 7e as well, because
# `PG_anon_exclusive` survives the loss of the write bit. `fork` shares what is not pinned and copies
# what may be (8a). With the flag all of these problems are solved.
