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
from cowlab import POLICIES, play  # noqa: F401
from cowlab.grading import exercises

SEED = 0  # in a class: the number that you were given; letters and numbers vary with it
check = exercises("01_copy_on_write", seed=SEED)

# %% [markdown]
# ## 1.1 The bill of a fork
#
# "The writer always gets a copy." Is it so? Predict without playing the script.

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
