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
# # Exercises to 7. Laws and search
#
# You have read `notebooks/07_laws_and_search.ipynb`. Two of the tasks are laws that you write:
# they are asked for every step of scripts which break them and of scripts which only look as if
# they did.
#
# `check.ask("name")` prints what is asked, `check.hint("name")` a hint, and `check.show()` steps
# through the script which the last check found. Check as often as you like. A word such as `leak`
# names a scenario of the atlas: `play("leak", "v5.9")` plays it, `print(scenarios()["leak"].text)`
# shows it.

# %% tags=["setup"]
from cowlab import POLICIES, play, scenarios  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("07_laws_and_search", seed=SEED)

# %% [markdown]
# ## 7.1 One script, six rules
#
# A buffer is registered, then there is a `fork`, and both go on. Say for six rows what the worst
# thing is that the script shows: `leak`, `dma-leak`, `stale`, `refused`, `snapshot` or `ok`. The
# search has said such things of millions of scripts; you should be able to say them of one. (6
# points)

# %% [raw] tags=["task"]
# [six_rules]
# kind = "predict"
# title = "One script, six rules"
# points = 6
# hint = "Go by two questions. After the fork, who moves to another frame when P stores: nobody, P, or the child, and when? And is the device's store seen by everybody who was promised it, and by nobody else?"
# script = """
# P: write A
# P: register g
# P: fork C
# P: write B
# C: exit
# g: write D
# P: read
# """
# [six_rules.ask]
# "v5.7" = "verdict under v5.7"
# "v5.9-rc4" = "verdict under v5.9-rc4"
# "v5.9" = "verdict under v5.9"
# "linus-2021" = "verdict under linus-2021"
# "jerome-fork" = "verdict under jerome-fork"
# "jerome-fork-reuse" = "verdict under jerome-fork-reuse"

# %% tags=["nbval-check-output"]
check.ask("six_rules")


# %% tags=["answer"]
def six_rules():
    """The verdict under each of the six rows."""
    ### BEGIN SOLUTION
    return {
        "v5.7": "stale",
        "v5.9-rc4": "stale",
        "v5.9": "ok",
        "linus-2021": "ok",
        "jerome-fork": "stale",
        "jerome-fork-reuse": "leak",
    }
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(six_rules)
### BEGIN HIDDEN TESTS
check.points(six_rules)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 2 points: a registered buffer is pinned, so nothing can take it from its process
def six_rules():
    return dict.fromkeys(
        ["v5.7", "v5.9-rc4", "v5.9", "linus-2021", "jerome-fork", "jerome-fork-reuse"],
        "ok",
    )


# %% tags=["wrong"]
# 3 points: the reference is invisible to the map count, so the map count leaks
def six_rules():
    return {
        "v5.7": "leak",
        "v5.9-rc4": "ok",
        "v5.9": "ok",
        "linus-2021": "ok",
        "jerome-fork": "ok",
        "jerome-fork-reuse": "leak",
    }


# %% tags=["wrong"]
# 4 points: old content is never promised to anybody, it is a snapshot
def six_rules():
    return {
        "v5.7": "stale",
        "v5.9-rc4": "snapshot",
        "v5.9": "ok",
        "linus-2021": "ok",
        "jerome-fork": "snapshot",
        "jerome-fork-reuse": "leak",
    }


# %% [markdown]
# ## 7.2 Write the law of isolation
#
# Nobody may see a *CPU's* store that was never in the page they ought to see. You are given a
# step with one `look` for each reader: what it `saw`, what its page in the ideal holds `now`, and
# what that held in the `past`. A store knows who made it (`by`, empty for the zeros at the start)
# and whether a `device` did. Two stores of the same letter are two stores; compare them with `==`.
# The law has to find leaks, and to leave alone what other laws are for. (8 points)

# %% [raw] tags=["task"]
# [nobody_spies]
# kind = "law"
# title = "The law of isolation"
# points = 8
# stub = "return True or False"
# hint = "For each look: is what was seen the present content, or an earlier one, of the page that it ought to be? If not, whose store is it: a CPU's, a device's, or nobody's? Content that is only old belongs to another law."
# law = "isolation"
# passes = ["leak under v5.9", "pin-fork-write under v5.7", "pin-fork-child-reads under v5.7", "get-read-shared under v5.7"]
# catches = ["leak under v5.7", "leak-reverse under v5.8", "cow-basic under jerome-fork-reuse", "same letter under v5.7"]
# [nobody_spies.scripts]
# "same letter" = """
# P: write A
# P: fork C
# C: vmsplice g
# C: munmap
# P: write A
# """

# %% tags=["nbval-check-output"]
check.ask("nobody_spies")


# %% tags=["answer"]
def nobody_spies(step):
    """Whether every reader sees only CPU stores that its own page has, or had."""
    ### BEGIN SOLUTION
    for look in step.looks:
        mine = look.saw == look.now or look.saw in look.past
        by_a_cpu = look.saw.by and not look.saw.device
        if by_a_cpu and not mine:
            return False
    return True
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(nobody_spies)
### BEGIN HIDDEN TESTS
check.points(nobody_spies)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 5 points: whoever does not see the present content is spying
def nobody_spies(step):
    return all(look.saw == look.now for look in step.looks)


# %% tags=["wrong"]
# 7 points: a device's store is a store like any other
def nobody_spies(step):
    return all(look.saw == look.now or look.saw in look.past for look in step.looks)


# %% tags=["wrong"]
# 7 points: the same letter is the same content
def nobody_spies(step):
    for look in step.looks:
        letters = {look.now.letter, *(store.letter for store in look.past)}
        if look.saw.by and not look.saw.device and look.saw.letter not in letters:
            return False
    return True


# %% tags=["wrong"]
# 0 points: whoever sees somebody else's store is spying, whatever was there at the fork
def nobody_spies(step):
    return all(look.saw.by in ("", look.who) for look in step.looks)


# %% [markdown]
# ## 7.3 An invariant, and what it does not say
#
# Some laws need no ideal. Here is one of a World alone, and it is in the spirit of rule (b) of
# January 2021: *an entry that may be written, in a private mapping, is the only entry that leads
# to its frame.* Write it. Then look at what it lets pass: a kernel can keep it and leak. (6 points)

# %% [raw] tags=["task"]
# [only_writer]
# kind = "law"
# title = "Who may write is alone"
# points = 6
# stub = "return True or False"
# hint = "Go through step.after.processes; each has ptes, pairs of a page and an entry. An entry has frame, write and vma. Count how many entries have the same frame. Which mappings are shared on purpose, and how does vma say so?"
# passes = ["leak under v5.7", "pin-exclusive-writes under v6.5", "s24_shared_anon under v6.5"]
# catches = ["cow-basic under jerome-fork-reuse", "s01_fork_child_writes under v5.7, reuse of jerome-fork-reuse", "in the child under v5.7, reuse of jerome-fork-reuse"]
# [only_writer.scripts]
# "in the child" = """
# P: mmap anon @1
# P: write A @1
# P: fork C
# C: fork D
# D: write B @1
# """

# %% tags=["nbval-check-output"]
check.ask("only_writer")


# %% tags=["answer"]
def only_writer(step):
    """Whether each writable private entry is the only entry on its frame."""
    ### BEGIN SOLUTION
    entries = [pte for process in step.after.processes for _, pte in process.ptes]
    frames = [pte.frame for pte in entries]
    writable = [pte.frame for pte in entries if pte.write and pte.vma.cow]
    return all(frames.count(frame) == 1 for frame in writable)
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(only_writer)
### BEGIN HIDDEN TESTS
check.points(only_writer)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 5 points: shared memory is forgotten
def only_writer(step):
    entries = [pte for process in step.after.processes for _, pte in process.ptes]
    frames = [pte.frame for pte in entries]
    return not any(pte.write and frames.count(pte.frame) > 1 for pte in entries)


# %% tags=["wrong"]
# 4 points: a reference is taken for another entry
def only_writer(step):
    entries = [pte for process in step.after.processes for _, pte in process.ptes]
    frames = [pte.frame for pte in entries]
    frames += [reference.frame for reference in step.after.references]
    writable = [pte.frame for pte in entries if pte.write and pte.vma.cow]
    return all(frames.count(frame) == 1 for frame in writable)


# %% tags=["wrong"]
# 4 points: two writers are needed, one who writes while another reads is thought harmless
def only_writer(step):
    entries = [pte for process in step.after.processes for _, pte in process.ptes]
    writable = [pte.frame for pte in entries if pte.write and pte.vma.cow]
    return len(writable) == len(set(writable))


# %% [markdown]
# ## 7.4 Outside the bounds
#
# In the lesson's table, `v5.9` has "✓ complete" for isolation: two processes, one small page, one
# reference, twelve verbs. It leaks nevertheless: section 7.5 has two scripts, of six lines each, and
# lesson 2 had one through swap. Find one that is shorter than six and needs no swap. Every point for
# shortness is a point for knowing what the table did not say. (6 points)

# %% [raw] tags=["task"]
# [outside]
# kind = "find"
# title = "Outside the bounds"
# points = 6
# hint = "Neither other verbs nor more processes are needed. What else did the bounds fix, in one word, about the page itself? Lesson 3 names a kind whose write fault goes its own way and asks the map count. Then a leak of lesson 2 is enough."
# law = "isolation"
# policy = "v5.9"
# shortest = 5
# without = ["swap_out", "madvise"]

# %% tags=["nbval-check-output"]
check.ask("outside")


# %% tags=["answer"]
def outside():
    """A script that breaks isolation under v5.9."""
    ### BEGIN SOLUTION
    return """
    P: mmap hugetlb
    P: vmsplice g
    P: fork C
    P: write A
    C: write B
    """
    ### END SOLUTION


# %% tags=["check", "nbval-check-output"]
check(outside)
### BEGIN HIDDEN TESTS
check.points(outside)
### END HIDDEN TESTS


# %% tags=["wrong"]
# 0 points: the leak of lesson 1, which v5.9 closed
def outside():
    return "P: write A\nP: fork C\nC: vmsplice g\nC: munmap\nP: write S\ng: read"


# %% tags=["wrong"]
# 4.5 points: with a huge page, which is right and takes a line more
def outside():
    return "P: mmap thp\nP: write A\nP: fork C\nP: vmsplice g\nP: exit\nC: write B"


# %% tags=["wrong"]
# 0 points: the reverse leak on a small page, which v5.9 closed as well
def outside():
    return "P: write A\nP: vmsplice g\nP: fork C\nP: exit\nC: write B\nC: read"


# %% [markdown]
# ## 7.5 A report
#
# Somebody changed the write fault and reports: *"I let the explorer run over night. It tried ten
# million scripts and found no counterexample. The patch is safe."* Write the answer, in a few
# sentences: what does the report show, what does it not show, and what would you ask for? (4 points,
# read by a person)

# %% [raw] tags=["task"]
# [report]
# kind = "explain"
# title = "Ten million scripts"
# points = 4
# hint = "Is the number of scripts what matters? Think of the two ways in which a search can end, of three things that stand in its bounds, and of a law that nothing could have broken."
# rubric = [
#   "asks whether the search was complete, that is whether it ended because every reachable state had been seen; the number of scripts does not say so",
#   "asks for the bounds: processes, pages and their kind, references, verbs; and says that the claim holds only within them",
#   "asks whether the laws could have been broken at all by these verbs, for example by trying a rule that is known to be wrong",
#   "names something that no bound of this model covers (threads, processors, flushes), or asks for a check beside the model, such as a real kernel",
# ]

# %% tags=["nbval-check-output"]
check.ask("report")

# %% [markdown] tags=["answer"]
# ### BEGIN SOLUTION
# Ten million scripts is a number about the search and not about the patch: seven million scripts
# of lesson 7 lead to 44 states. The report does not say whether the search was *complete*, that is
# whether it ended because no reachable state was left, or because the night was over. If it was,
# the claim still holds only within its bounds, so I would ask how many processes, pages and
# references there were, of what kind the pages, and which verbs: `v5.9` is complete and clean for
# small pages and leaks with a huge one. I would ask whether the laws could have been broken at all,
# by running the same search on a rule that is known to leak. And what needs two threads or a late
# flush is in no such search; for that I would want a test on a machine.
# ### END SOLUTION

# %% [markdown] tags=["wrong"]
# 0 points: no counterexample is taken for safety
#
# Ten million scripts are far more than any test suite has. If there were a hole, the search would
# have found it, since it tries the shortest scripts first. The patch can be merged.

# %% [markdown] tags=["wrong"]
# 1 point: only more of the same is asked for
#
# Ten million is not enough, because there are infinitely many scripts. The search did not end, it
# was stopped in the morning, so it says nothing final. I would let it run for a week.

# %% [markdown] tags=["wrong"]
# 2 points: nothing but the bounds and the model
#
# The search is a proof, but only for the bounds that were set: with more processes or with huge
# pages it may be otherwise. And the model has no threads, so a race would not be found.
