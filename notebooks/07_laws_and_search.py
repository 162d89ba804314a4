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
# # 7. Laws and search
#
# **The question.** In lesson 2 you pressed a button, and a search found the leak that had
# been in the kernel for years. Suppose that you change a rule, press the button again, and it
# finds *nothing*. Is your rule safe? Or did the search stop too early, look in the wrong
# place, or ask the wrong question? In January 2021 every proposal came with examples for
# which it worked. *What would it take to know that no example is left?*
#
# After this lesson you can
#
# - say what a law is, and what it compares a kernel with,
# - write a breadth-first search in sixteen lines, and say why what it finds first is shortest,
# - say why seven million scripts come down to 44 states,
# - tell "complete within these bounds" from "no counterexample found",
# - read the table of fifteen rules and six laws, and say which of its entries you can check by hand.
#
# **Time:** about 60 minutes. **You need:** lessons 1 to 6, and enough Python to read a
# `while` loop.

# %%
from collections import deque

from cowlab import POLICIES, parse, play
from cowlab.check import check, lettered
from cowlab.events import format as script_text
from cowlab.explore import explore, replay
from cowlab.laws import LAWS, readers
from cowlab.matrix import explore_policy
from cowlab.model import Bounds, Memory
from cowlab.views import MatrixView, Predict, state_graph
from cowlab.views.guesses import compare_answers, step_through

# %% [markdown]
# ## 7.1 What is a broken promise?
#
# A machine can only look for something that it can recognise. "The child reads a secret" is
# not yet that: which letters are secret, and from whom?
#
# The trick is to run a second kernel beside the first. It is slow and simple: at `fork` it
# really copies every page, it never shares and so never has to decide anything. We call it the
# **ideal**. What a reader sees in the ideal is what the reader ought to see. A reader is a
# process that may read the page, or a reference through which somebody can look.
#
# **Step** through the leak of lesson 1 once more. At the last line, say what `g` would see in
# a kernel that copied at line 2.

# %%
leak = """
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write S
"""
step_through(
    leak,
    "v5.7",
    title="What ought g to see?",
    lede="C's pipe g holds C's page. In the ideal that page was copied at line 2.",
)

# %% tags=["nbval-check-output"]
last = play(leak, "v5.7").moments[-1]
print("reader  sees  ought to see")
for reader in readers(last.world, last.ideal):
    print(f"{reader.who:6}  {reader.sees.letter:4}  {reader.cell.now.letter}")

# %% [markdown]
# Nobody had to say which letter is secret. `S` is neither the content nor an earlier content
# of the page that `g` was taken from, so `g` has no business with it.
#
# A **law** is a question about one step, asked beside the ideal, that can be answered with yes
# or no. After each line of a script every reader looks, also where the script does not say
# `read`. This course has six laws:
#
# | law | is broken if |
# |---|---|
# | isolation | somebody sees a *CPU's* store that was never in the page they ought to see |
# | dma-isolation | the same for a *device's* store |
# | coherence | somebody sees an *older* content of their page, and was promised the present one |
# | protection | after `mprotect r` a store succeeds, or `mprotect` is refused |
# | accounting | a frame is freed in use, a pin is overlooked, or a promised pin is not exclusive |
# | economy | a copy is made that no reader needed |
#
# Who was promised what, depends on the verb and not on the kernel: `register` is coherent
# until the owner unmaps the page; `direct_read` until then or until the owner forks; `vmsplice`
# promises nothing, so an old content in a pipe is a *snapshot* and breaks no law. Economy is a
# cost: breaking it loses no data.
#
# **Predict.** Which law does each script break under the kernel beside it? Write the name of a
# law in the place of `None`.

# %%
law_guess = {"one": None, "two": None, "three": None, "four": None}

# %%
cases = {
    "one": ("P: register g\nP: fork C\ng: write D", "v5.7"),
    "two": ("P: register g\nP: clear_refs\nP: write A\ng: write D", "v5.9"),
    "three": ("P: direct_read g\nP: mprotect r", "linus-2021"),
    "four": ("P: write A\nkernel: hold P\nP: clear_refs\nP: write B", "v5.9"),
}
for name, (script, policy) in cases.items():
    print(f"{name} ({policy}):", script.replace("\n", "; "))


# %%
def broken_laws(script, policy):
    """The laws that a script breaks, in the order in which it does."""
    trace = play(script, policy)
    laws = [finding.law for _, finding in trace.violations if finding.broken]
    return [*dict.fromkeys(laws), *["economy"] * (trace.needless_copies > 0)]


first_law = {name: broken_laws(*case)[0] for name, case in cases.items()}
compare_answers(law_guess, first_law)

# %% [markdown]
# In *two* the copy was needless as well, but what makes it harmful is the reference that stays
# behind: coherence. In *four* nobody but `P` reads the page. A passing look-up (`kernel: hold`)
# was in the count, so the kernel copied, and that is all that happened: economy.

# %% tags=["nbval-check-output"]
for name, (script, policy) in cases.items():
    print(f"{name:5}  {policy:10}  {', '.join(broken_laws(script, policy))}")

# %% [markdown]
# > **In the kernel.** One of these laws is checked by Linux itself. Since
# > [b6a2619c60b4](https://git.kernel.org/linus/b6a2619c60b4) (v5.19) a kernel built with
# > `CONFIG_DEBUG_VM` objects when an anonymous page is pinned, or unpinned, without being
# > exclusive. That is part of our `accounting`. Isolation, coherence and economy a kernel cannot
# > check in this way: it has no ideal beside it.

# %% [markdown]
# ## 7.2 Trying everything
#
# Now to the search. It has nothing to do with memory, so we build it for a puzzle. You have a
# jug that holds 3 litres, one that holds 5, and a tap. You may fill a jug, empty it, or pour
# one into the other until one is empty or full. *Measure 4 litres.*
#
# A **state** is what is in the two jugs, like `(0, 5)`. Events lead from one state to the
# next. And so that the search has something to look for, we turn the question into a law:
# nobody ever measures 4.


# %%
class Jugs:
    start = (0, 0)

    def events(self, state):
        return ("fill 5", "fill 3", "empty 5", "empty 3", "pour 5", "pour 3")

    def step(self, state, event):
        three, five = state
        room = {"pour 3": min(three, 5 - five), "pour 5": -min(five, 3 - three)}
        if event in room:
            return three - room[event], five + room[event]
        level = 0 if event.startswith("empty") else int(event[-1])
        return (level, five) if event.endswith("3") else (three, level)

    def broken(self, before, event, after):
        return ["nobody measures 4"] if 4 in after else []

    def canonical(self, state):
        return state  # what stands for a state: here the state itself


# %% [markdown]
# And here is the search. Read it slowly, it is all there is. `waiting` is a queue of states
# whose events have not been tried yet, each with the path that led there.


# %%
def search(model, newest_first=False):
    """How many states can be reached, and for each broken law the path found first."""
    found = {model.canonical(model.start)}
    waiting = deque([(model.start, ())])
    witnesses = {}
    while waiting:
        before, path = waiting.pop() if newest_first else waiting.popleft()
        for event in model.events(before):
            after = model.step(before, event)
            if after is None:  # this cannot happen here
                continue
            for law in model.broken(before, event, after):
                witnesses.setdefault(law, (*path, event))
            if model.canonical(after) not in found:
                found.add(model.canonical(after))
                waiting.append((after, (*path, event)))
    return len(found), witnesses


# %% [markdown]
# The loop ends when nobody is waiting any more: every event was tried in every state that can
# be reached. A path that breaks a law is a **witness**.
#
# **Predict.** Of the 4 × 6 = 24 pairs of levels, how many can be reached? (After each event one
# of the jugs is empty or full.) How many events does the shortest way to 4 litres have? And if
# we take the *newest* state from the queue instead of the oldest: does the search see as many
# states (`yes` or `no`), and is the way that it finds first just as short (`yes` or `no`)?

# %%
jug_guess = {
    "states": None,
    "events to 4 litres": None,
    "newest first sees as many": None,
    "newest first finds as short a way": None,
}

# %%
states, witnesses = search(Jugs())
other_states, other_witnesses = search(Jugs(), newest_first=True)
way, other_way = witnesses["nobody measures 4"], other_witnesses["nobody measures 4"]
jug_truth = {
    "states": states,
    "events to 4 litres": len(way),
    "newest first sees as many": "yes" if states == other_states else "no",
    "newest first finds as short a way": "yes" if len(way) == len(other_way) else "no",
}
compare_answers(jug_guess, jug_truth)

# %% tags=["nbval-check-output"]
print("oldest first:", ", ".join(way))
print("newest first:", ", ".join(other_way))

level = Jugs.start
for event in way:
    level = Jugs().step(level, event)
assert 4 in level

# %% [markdown]
# Oldest first is **breadth-first search**: all states one event away, then all that are two
# away, and so on. So the first witness cannot be longer than any other. That matters more than
# it seems: a witness of four lines is an explanation, one of forty is a riddle. What is *seen*
# does not depend on the order, only on trying everything.

# %% [markdown]
# ## 7.3 The same search over memory
#
# `cowlab.model.Memory` has the same five things as `Jugs`. Its states are a World with the
# ideal beside it, its step is the one that `play` uses, its events are lines of script, and
# what `broken` asks are the six laws. How much there is to try, is said by **bounds**: at most
# so many processes, pages, references, and these verbs.
#
# Here are small ones: two processes, one page, one reference, five verbs.

# %% tags=["nbval-check-output"]
SMALL = Bounds(events=("write", "fork", "exit", "munmap", "vmsplice"), holds=0)

states, witnesses = search(Memory(POLICIES["v5.7"], SMALL))
print(states, "states")
for law, path in witnesses.items():
    print(f"{law} is broken by {len(path)} lines:")
    print(script_text(lettered(path)))

# %% [markdown]
# Our sixteen lines found CVE-2020-29374 in 44 states, and in another shape than lesson 1's: here
# it is the *parent* who puts the page into a pipe, and its own store moves it away.
#
# (`lettered` gives each store a letter of its own. While it searches, the model only notes
# *whose* store a reader sees, not which letter it was.)
#
# Newest first, the same search finds it as well, in a form that nobody wants to read:

# %% tags=["nbval-check-output"]
_, riddles = search(Memory(POLICIES["v5.7"], SMALL), newest_first=True)
print(len(riddles["isolation"]), "lines:")
print(script_text(lettered(riddles["isolation"])))

# %% [markdown]
# Here are all 44 states. Each card is a state, each column is one event farther from the start.
# Press the red button `✗ isolation`: it goes to the arrow that breaks the law, and the script that
# leads there opens below. Click on any other card to see how one gets there.

# %%
state_graph("v5.7", SMALL)

# %% [markdown]
# The package's own `explore` is the same search with bounds on time and memory added. It must
# come to the same result, and a witness must break its law when it is **replayed** from the
# start. This is also how you check what somebody else's search claims: you need not trust the
# search, only play the script.

# %%
for name, policy in POLICIES.items():
    states, witnesses = search(Memory(policy, SMALL))
    theirs = explore(Memory(policy, SMALL))
    assert states == theirs.states, name
    assert witnesses == {law: w for law, w in theirs.witnesses.items() if w}, name
    for law, path in witnesses.items():
        assert law in replay(Memory(policy, SMALL), path)
        assert law in broken_laws(script_text(lettered(path)), name)

# %% [markdown]
# ### What you looked for in lesson 1
#
# Lesson 1 ended with a task: `v5.8` copies when a reference is taken, and still has a hole.
# If you did not find it by hand, the button of lesson 2 showed it to you. Now you know what is behind
# that button: `check` does what `search` does, and answers with a report.

# %% tags=["nbval-check-output"]
hole = check(POLICIES["v5.8"], SMALL).script("isolation")
print(hole)

# %% [markdown]
# **Predict**, now under two kernels, what each line from the `fork` on does. One of the two lets
# the child's letter into the parent's pipe.

# %%
Predict(
    hole + "g: read\n",
    "v5.8",
    "v5.9",
    ask={2: "outcome", 3: "outcome", 4: "outcome", 5: "g"},
    title="The hole in v5.8",
    lede="The reference was taken before the fork: there was nothing to break yet.",
)

# %% [markdown]
# Could a shorter script of these verbs do it? No: breadth-first search tried those first. So
# in a shortest witness no line can be spared. Leave out any one of the four, and either the
# rest cannot happen or it breaks nothing:

# %% tags=["nbval-check-output"]
lines = hole.splitlines()
for n, line in enumerate(lines):
    rest = "\n".join(lines[:n] + lines[n + 1 :])
    try:
        print(f"without {line:14}", broken_laws(rest, "v5.8") or "nothing is broken")
    except ValueError:
        print(f"without {line:14}", "the rest cannot happen")

# %% [markdown]
# > **In the kernel.** `v5.8` treats a read reference as a write
# > ([17839856fd58](https://git.kernel.org/linus/17839856fd58)). That helps against a reference
# > taken while the page is shared, and not against one that was there before. v5.9-rc4 asks the
# > count when somebody writes
# > ([09854ba94c6a](https://git.kernel.org/linus/09854ba94c6a)), and then the order no longer
# > matters. The kernel's own test of all this, `tools/testing/selftests/mm/cow.c`
# > ([69c66add5663](https://git.kernel.org/linus/69c66add5663)), is a list of scripts that
# > people thought of. One of them is this hole, with an `munmap` in place of `P`'s store.

# %% [markdown]
# ## 7.4 What differs in names only
#
# Why are 44 states enough? Count how many scripts there are. With five verbs there are about
# five things to do at each line. Do not count them by hand; count paths, layer by layer:


# %%
def scripts(model, lines):
    """How many scripts of so many lines there are."""
    layer = {model.canonical(model.start): (model.start, 1)}
    for _ in range(lines):
        following = {}
        for state, ways in layer.values():
            for event in model.events(state):
                if (after := model.step(state, event)) is not None:
                    key = model.canonical(after)
                    following[key] = after, ways + following.get(key, (None, 0))[1]
        layer = following
    return sum(ways for _, ways in layer.values())


# %% [markdown]
# **Predict.** How many scripts of ten lines do our five verbs allow, when at most two processes and
# one reference exist at once? Say how many digits the number has.

# %%
digits_guess = {"digits": None}

# %%
tried = scripts(Memory(POLICIES["v5.7"], SMALL), 10)
compare_answers(digits_guess, {"digits": len(str(tried))})

# %% tags=["nbval-check-output"]
print(f"{tried:,} scripts of ten lines")

# %% [markdown]
# Seven million scripts, and they lead to 44 states. Three things make the difference.
#
# 1. **Two scripts may lead to the same World.** `P: fork C`, `C: exit` leads back to where it
#    began. A search that remembers where it has been goes on only once.
# 2. **Two Worlds may differ in names only.** If `P` has exited and `C` is alone, that is `P`
#    alone under another name. Which is called what, no law asks. The same holds for frames and
#    references.
# 3. **Two Worlds may differ only in what nobody will ask.** How often somebody stored does not
#    matter; *whose* store a reader sees does.
#
# Two scripts with other names and other letters:


# %%
def reached(model, script):
    """The state of a model after a script."""
    state = model.start
    for event in parse(script).events:
        state = model.step(state, event)
    return state


model = Memory(POLICIES["v5.7"], SMALL)
one = reached(model, "P: write A\nP: fork C\nC: write B\nP: exit")
other = reached(
    model, "P: write X\nP: write Y\nP: fork Q\nP: write Z\nP: exit\nQ: write E"
)

assert one.world != other.world  # other names, other frames, other letters,
assert model.canonical(one) == model.canonical(other)  # and the same state

# %% [markdown]
# `canonical` is the function that says so. How much do its three parts save? We count states
# three times, up to a number of lines: Worlds as they are; states that differ in more than letters
# and frame numbers, but still tell processes and references apart; and canonical states. The
# bounds are larger here: three processes, two references.


# %%
class AsItIs(Memory):
    """Two states are one only if they are equal to the letter."""

    def canonical(self, state):
        return state.world, state.ideal


# %% tags=["nbval-check-output"]
LARGER = SMALL._replace(processes=3, references=2)
row = POLICIES["v5.7"]
print("lines    scripts   Worlds  told apart  canonical")
for lines in range(1, 7):
    exact = explore(AsItIs(row, LARGER), max_depth=lines).states
    apart = explore(Memory(row, LARGER, interchangeable=()), max_depth=lines).states
    canonical = explore(Memory(row, LARGER), max_depth=lines).states
    paths = scripts(Memory(row, LARGER), lines)
    print(f"{lines:5}  {paths:9,}  {exact:7,}  {apart:10,}  {canonical:9,}")

# %% [markdown]
# The first column grows about ninefold with each line and the second about fourfold, for ever: no
# computer comes to their end. The last two come to an end, because there is only so much that can be *different*
# about three processes and one page. To the end:

# %% tags=["nbval-check-output"]
apart = explore(Memory(row, LARGER, interchangeable=()))
canonical = explore(Memory(row, LARGER))
print(f"told apart: {apart.states:,} states, {apart.transitions:,} transitions")
print(f"canonical:  {canonical.states:,} states, {canonical.transitions:,} transitions")

lengths = [
    {law: w and len(w) for law, w in e.witnesses.items()} for e in (apart, canonical)
]
assert lengths[0] == lengths[1]  # nothing was lost: the same laws, witnesses as short

# %% [markdown]
# Symmetry is safe only where nothing asks for what was thrown away. If a rule of yours treated
# a process called `P` better than others, names would matter. A decision cannot: it sees counts
# and flags, and no names (lesson 9 is about decisions).

# %% [markdown]
# ## 7.5 Nothing found
#
# Now to the question at the start. Here is a search that ends early: `max_depth` tells it to
# try scripts of so many lines and no more. `holds` answers `True`, `False`, or `None`.
#
# **Predict** for `v5.7` and isolation. We know that five lines break it.

# %%
depth_guess = {"holds, 3 lines": "?", "holds, 5 lines": "?", "complete, 3 lines": "?"}

# %%
short = check(row, SMALL, ("isolation",), max_depth=3)
enough = check(row, SMALL, ("isolation",), max_depth=5)
depth_truth = {
    "holds, 3 lines": short.holds("isolation"),
    "holds, 5 lines": enough.holds("isolation"),
    "complete, 3 lines": short.complete,
}
compare_answers(depth_guess, depth_truth)

# %% [markdown]
# After 3 lines nothing was found, and the answer is `None`: *unknown*. It would have been easy
# to print "no counterexample" and let the reader think "safe". That sentence is true of every
# search that was not done.
#
# A search is **complete** when it ended because nobody was waiting any more. Watch two kernels:

# %% tags=["nbval-check-output"]
words = {None: "unknown", True: "holds", False: "broken"}
print("lines  v5.7     v5.9")
for lines in range(1, 8):
    reports = [
        check(POLICIES[name], SMALL, ("isolation",), max_depth=lines)
        for name in ("v5.7", "v5.9")
    ]
    print(f"{lines:5}", *(f" {words[r.holds('isolation')]:7}" for r in reports))

# %% [markdown]
# For `v5.9` six lines settle it: no script of these verbs within these bounds, of *whatever*
# length, leaks. Not because nobody has found one, but because every state was seen, and from
# each of them every event leads back into states that were seen.
#
# So `v5.9` is safe? **Predict.** Each line below is a *complete* search for a broken isolation
# under `v5.9`; the last three differ from the first in one thing each. `holds` or `broken`?

# %%
bounds_guess = {
    "as before": None,
    "three processes, two references": None,
    "a huge page instead of a small one": None,
    "and reclaim may swap the page out": None,
}

# %%
worlds = {
    "as before": SMALL,
    "three processes, two references": LARGER,
    "a huge page instead of a small one": SMALL._replace(kind="thp"),
    "and reclaim may swap the page out": SMALL._replace(
        events=(*SMALL.events, "swap_out")
    ),
}
reports = {
    what: check(POLICIES["v5.9"], bounds, ("isolation",))
    for what, bounds in worlds.items()
}
assert all(report.complete for report in reports.values())
bounds_truth = {what: words[r.holds("isolation")] for what, r in reports.items()}
compare_answers(bounds_guess, bounds_truth)

# %% tags=["nbval-check-output"]
for what in ("a huge page instead of a small one", "and reclaim may swap the page out"):
    print(what)
    print(reports[what].script("isolation"))

# %% [markdown]
# Step through the one with the huge page. Which count does the last store look at, and why does
# it not see the pipe?

# %%
step_through(
    reports["a huge page instead of a small one"].script("isolation"),
    "v5.9",
    "v5.18",
    title="Complete, and yet",
    lede="v5.9 made its rule for small pages. A huge one still went by mapcount.",
)

# %% [markdown]
# All four reports are complete, and all four are true. "Complete" always means *within the
# bounds*, and the bounds belong to the sentence:
#
# > `v5.9` keeps isolation in every script of write, fork, exit, munmap and vmsplice, for two
# > processes, one small page and one reference at once.
#
# Leave out "small", or let reclaim in, and it is false. There is also a way to be complete and say
# nothing at all. With no reference allowed, even `v5.7` is spotless:

# %%
empty = check(row, SMALL._replace(references=0), ("isolation",))
assert empty.complete and empty.holds("isolation")

# %% [markdown]
# > **In the kernel.** What the last searches found has its counterpart. The mapcount rule lived on
# > for huge pages, and for pages coming back from swap, for a year and a half after v5.9. The leak was
# > closed there in v5.18, by
# > [3bff7e3f1f16](https://git.kernel.org/linus/3bff7e3f1f16) (huge pages) and
# > [c145e0b47c77](https://git.kernel.org/linus/c145e0b47c77) (swap-in). In the recordings of
# > lesson 8 a 5.10 kernel still leaks through a huge page. The script with swap was not recorded.

# %% [markdown]
# ## 7.6 Fifteen rules, five promises and a cost
#
# Now everything at once. All fifteen rows of this course, judged by all six laws, with these
# bounds: two processes, one page, one reference, and twelve verbs.

# %%
EVENTS = (
    *("write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs"),
    *("vmsplice", "direct_read", "register", "g: write", "put"),
)
BOUNDS = Bounds(events=EVENTS, holds=0)

# %% [markdown]
# **Predict.** You have met all fifteen rules. Economy aside: how many of the eight *merged* rows
# (`v5.7` to `v6.5`) break isolation within these bounds? How many of the *fifteen* keep all five
# promises? And how many lines break the promise that `linus-2021` breaks?

# %%
matrix_guess = {
    "merged rows that break isolation": None,
    "rows that keep all five": None,
    "lines against linus-2021": None,
}

# %%
rows = {name: explore_policy(policy, BOUNDS) for name, policy in POLICIES.items()}
assert all(found["complete"] for found in rows.values())

promises = [law for law in LAWS if law != "economy"]
merged = [name for name in rows if name.startswith("v")]
leaky = [name for name in merged if not rows[name]["laws"]["isolation"]["holds"]]
sound = [
    name
    for name, found in rows.items()
    if all(found["laws"][law]["holds"] for law in promises)
]
refused = rows["linus-2021"]["laws"]["protection"]
matrix_truth = {
    "merged rows that break isolation": len(leaky),
    "rows that keep all five": len(sound),
    "lines against linus-2021": refused["length"],
}
compare_answers(matrix_guess, matrix_truth)

# %%
MatrixView(rows, title="Fifteen rules, five promises and a cost")

# %% [markdown]
# A number is the length of the shortest witness; click on it, or press Enter, and the script
# opens below. Read the table by rows, as a history:
#
# - The first two rows leak. `v5.9-rc4` closes that, and from then on every merged row can be made
#   to copy needlessly: a count cannot tell whose reference it is.
# - Where such a copy leaves a reference behind, coherence is broken, up to `v5.18`. It took a
#   flag (`v5.19`) to mend it without giving isolation away.
# - What is left in `v5.19` is a direct read that is in flight at a `fork`: `direct_read` takes
#   `FOLL_GET`, and `fork` copies only what is pinned. In `v6.5` it pins.
# - Each proposal of January 2021 keeps promises that others break. `andrea-2021` never copies
#   needlessly; `linus-2021` keeps all but one; `jerome-mprotect` keeps that one, and pays for it
#   with a direct read.
#
# Exactly one row keeps all five promises within these bounds, and none of the fifteen is without
# a mark.
#
# > **In the kernel.** The three steps of the last rows:
# > [6c287605fd56](https://git.kernel.org/linus/6c287605fd56) (the exclusive flag decides),
# > [a7f226604170](https://git.kernel.org/linus/a7f226604170) (a read pin unshares), and
# > [a7e689dd1c06](https://git.kernel.org/linus/a7e689dd1c06) (direct I/O of the block layer
# > pins, v6.5).

# %% tags=["nbval-check-output"]
print("broken promises, by row")
for name, found in rows.items():
    broken = [law for law in promises if found["laws"][law]["holds"] is False]
    print(f"  {name:18} {', '.join(broken) or 'none'}")

# %% [markdown]
# ## 7.7 Do not believe the table
#
# It came from a search of a thousand lines of Python, and programs have faults. But the two
# kinds of entries are not equally hard to check.
#
# A **✗** needs no trust at all: it comes with a witness, and a witness can be played.

# %% tags=["nbval-check-output"]
checked = 0
for name, found in rows.items():
    for law, result in found["laws"].items():
        if result["holds"] is False:
            assert law in broken_laws("\n".join(result["witness"]), name), (name, law)
            checked += 1
print(checked, "witnesses played, and each breaks its law")

# %% [markdown]
# **Predict** one of them. Jerome Glisse wrote that copying at `mprotect` made him uneasy about
# short-lived users such as direct I/O ([mail of 12 January 2021](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com)). The search says that
# three lines are enough. What does each line do, in Linus Torvalds' proposal and in the
# alternative?

# %%
uneasy = "\n".join(rows["jerome-mprotect"]["laws"]["coherence"]["witness"])
Predict(
    uneasy + "\nP: read",
    "linus-2021",
    "jerome-mprotect",
    title="Three lines against a proposal",
    lede="A disk is filling the page while the process protects it.",
)

# %% [markdown]
# Both remarks in that mail were right, in this model: refusing breaks `protection`, copying
# breaks `coherence`. The table shows no row that answers at `mprotect` and escapes both. What
# escapes is to protect, and not to copy at the next store because the page is known to be
# exclusive.
#
# A **✓** is a claim about everything that was *not* found, and you have to trust the search, the
# step function, the law, and `canonical`. What can be done: compare with a second search (we did,
# for `SMALL`), see whether a broken rule is found out, and hold the step function against real
# kernels (lesson 8). Here is the second of these. If `v6.5` forgets one thing, does the table
# notice?

# %% tags=["nbval-check-output"]
for cell in ("reuse", "gup", "fork", "users"):
    worse = POLICIES["v6.5"].with_(**{cell: getattr(POLICIES["v5.7"], cell)})
    report = check(worse, BOUNDS)
    broken = [law for law in promises if report.holds(law) is False]
    print(f"v6.5 with v5.7's {cell:5}  {', '.join(broken) or 'nothing is noticed'}")

# %% [markdown]
# Three of four. That `gup` of `v5.7` goes unnoticed is not a proof that it does no harm: our
# twelve verbs have nobody who *pins to read*. Add `pin longterm`, and it is noticed. A law that
# no event could ever break holds for every rule.

# %%
old_gup = POLICIES["v6.5"].with_(gup=POLICIES["v5.7"].gup)
pins = BOUNDS._replace(events=(*EVENTS, "pin longterm"))
assert check(old_gup, BOUNDS).holds("coherence") is True
assert check(old_gup, pins).holds("coherence") is False
assert check(POLICIES["v6.5"], pins).holds("coherence") is True

# %% [markdown]
# And some things are outside every bound that you can set, because the model has no word for
# them: two threads, two processors, a TLB that is flushed late, half a page. The torn child of
# lesson 5 ([mail](https://lore.kernel.org/r/20250603-fork-tearing-v1-0-a7f64b7cfc96@google.com)) needs a second thread. No search
# here will ever find it. `cowlab/atlas/OUTSIDE.md` lists what a script cannot say.
#
# **Your turn.** Ask a question of your own: change the row, the verbs, or the bounds, and say
# first what you expect. (`cowlab.model.event_specs()` lists all verbs; `kind` may be `anon`,
# `thp`, `hugetlb`, `file` or `shared`. Three processes and twelve verbs take a few seconds.)

# %%
question = check(POLICIES["v6.5"], BOUNDS._replace(kind="hugetlb"), ("isolation",))
print("complete" if question.complete else f"stopped at {question.stopped}")
print(question.script("isolation") or "isolation holds within these bounds")

# %% [markdown]
# ## What you know now
#
# - A law is a question about one step, asked beside an ideal kernel that copies at `fork`. It
#   needs no list of secrets.
# - Breadth-first search tries every event in every state, nearest first. What it finds first is
#   a shortest witness, and a witness can be checked by playing it.
# - States that differ only in names, frame numbers or what nobody asks are one. That makes the
#   search end.
# - "No counterexample found" says something about the search. "Complete within these bounds"
#   says something about the rule, and only together with the bounds.
# - ✗ can be checked by anybody; ✓ rests on the search, the laws and the model, and on verbs by
#   which the law could have been broken at all.
# - Of fifteen rules one keeps all five promises within our bounds, and none is free of needless
#   copies *and* safe.
#
# Now the exercises: `exercises/07_laws_and_search.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | law | a yes-or-no question about one step of a kernel, asked beside the ideal |
# | ideal | a kernel that copies every page at `fork`; what a reader sees there is what the reader ought to see |
# | complete | of a search: it ended because every reachable state within the bounds had been seen |
# | witness | a script that breaks a law; from a breadth-first search, a shortest one |
#
# ## Further reading
#
# 1. David Hildenbrand,
#    [Summary of COW (Copy On Write) Related Issues in Upstream Linux](https://lore.kernel.org/r/3ae33b08-d9ef-f846-56fb-645e3b9b4c66@redhat.com),
#    15 November 2021: five classes of trouble with reproducers. Which of our laws is which?
# 2. [tools/testing/selftests/mm/cow.c](https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/tools/testing/selftests/mm/cow.c):
#    the kernel's own list of scripts, run on every kind of page. Try to find one that the search
#    would have found, and one that it could not.
# 3. Leslie Lamport,
#    [Specifying Systems](https://lamport.azurewebsites.net/tla/book.html): states, steps and
#    invariants, written down for a checker that searches as ours does.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits: `docs/kernel.md` of this project, section 7. That the
#   changes named here came with v5.18 and v5.19 is deduced there from dates.
# - The rows of January 2021 are this project's *readings* of mails that leave gaps
#   (`docs/kernel.md`, section 3). A ✗ in such a row is a ✗ of the reading.
# - Which promise belongs to which verb is a decision of this course, the same for every row. Who
#   thinks that `vmsplice` ought to be coherent would get another table.
# - The rows `v5.9`, `v5.9-rc4`, `v5.19` and the proposals were never recorded on a machine; what
#   the table says of them is what the model says.
# - The book is named from memory.
