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
# # 1. Copy on write
#
# **The question.** `fork` promises the child a copy of its parent's memory, and copies
# none of it. Each page is copied later, when somebody writes to it, and sometimes not even
# then. *When may the kernel skip the copy?* For about fifteen years Linux answered with one
# small comparison. In 2020 a script of six lines showed that the answer was wrong.
#
# After this lesson you can
#
# - say what `fork` does to a page and to the two page tables that lead to it,
# - tell how a store can end: no fault, a fresh frame, copy, reuse, or `SIGSEGV`,
# - count what `fork` costs, now and later,
# - explain the leak CVE-2020-29374, and why counting something else closes it.
#
# **Time:** about 60 minutes. **You need:** processes and virtual memory from an
# operating-systems class, and a little Python. Nothing of the kernel's source.
#
# **How to work.** Run each cell with Shift+Enter. Before each experiment there is a cell
# with question marks: write your prediction there first. Nobody sees it and nothing is
# marked, but what you predicted wrongly you will remember.

# %%
from cowlab import POLICIES, mapcount, page_count, parts, play, scenarios
from cowlab.events import format as as_line
from cowlab.views import Predict
from cowlab.views.guesses import compare, compare_answers, step_through

# %% [markdown]
# ## 1.1 What fork copies
#
# Our world is small: a process `P` with one private page, called `@0`. Each line of a script
# is one event: who, and what they do. A page holds one letter, which is enough to see who reads
# whose data. `"v5.7"` in the cells says which kernel's rules are played: those of Linux up to 5.7.
#
# Every event has an *outcome*. These are the words for your predictions:
#
# | word | what happened |
# |---|---|
# | `hit` | the access went straight through: no page fault |
# | `fault` | a page fault, because nothing was there yet: a fresh frame |
# | `copy` | the content went into a new frame |
# | `reuse` | a page fault, and the old frame was kept: no copy |
# | `share` | `fork` copied no page |
# | `sigsegv` | a page fault that ends in a signal: the process may not do this |
# | `done` | anything else |
#
# For a line that reads, predict the *letter* instead, as it stands in the script: `a` and `A` are
# two different stores here.
#
# **Predict.** Put a word, or a letter, in the place of each `?`.

# %%
fork_guess = """
P: write A  -> ?
P: fork C   -> ?
C: read     -> ?
"""

# %%
compare(fork_guess, "v5.7")

# %% [markdown]
# Now step through it. Click into the picture, then use the arrow keys, or drag the slider.
# What a line does stays covered until you get there.
# Processes are on the left and frames of physical memory in the middle. A solid line with a
# `W` is a **page-table entry** that lets its process write; a dashed line with a lock and an
# `R` lets it only read. Amber is what the last line changed.

# %%
fork_script = """
P: write A
P: fork C
C: read
"""
step_through(
    fork_script,
    "v5.7",
    title="What fork copies",
    lede="Two processes, one frame. What did P lose at line 2?",
)

# %% [markdown]
# The child reads `A` although no page was copied: its page-table entry leads to the parent's
# frame. But look at what the *parent* lost. Its entry was writable before `fork` and is
# read-only after it. If only the child's entry were protected, the parent could go on
# writing, and the child would see it.
#
# The same in Python. A `World` is everything at one moment, and a trace has one after each
# line:

# %%
trace = play(fork_script, "v5.7")
start, written, forked, _ = [moment.world for moment in trace.moments]

assert written.pte("P", 0).write  # P could write before the fork,
assert not forked.pte("P", 0).write  # and cannot after it.
assert not forked.pte("C", 0).write  # Neither can C.
assert forked.pte("P", 0).frame == forked.pte("C", 0).frame  # One frame for both.

# %% [markdown]
# > **In the kernel.** `fork` walks the parent's page tables down to `copy_present_pte()` in
# > `mm/memory.c` (up to v5.8 `copy_one_pte()`, today `copy_present_ptes()`). For each page that is
# > present in a private mapping it takes away the write permission in the parent's entry,
# > and gives the child an entry just like it. The model's version is `fork` in
# > `cowlab/kernel.py`.

# %% [markdown]
# ## 1.2 The fault: copy or reuse
#
# Both processes still *may* write: `mmap` promised it, and nobody took it back. Only the
# page-table entries say no. So the CPU stops at the store and raises a **page fault**, and
# the kernel has to find out what the store should mean.
#
# **Predict.** Three stores follow. "The writer always gets a copy" is what many people
# would answer.

# %%
store_guess = """
P: write A
P: fork C
P: write B  -> ?
C: write D  -> ?
C: write E  -> ?
P: read     -> ?
"""

# %%
compare(store_guess, "v5.7")

# %%
store_script = """
P: write A
P: fork C
P: write B
C: write D
C: write E
P: read
"""
step_through(
    store_script,
    "v5.7",
    title="Copy or reuse",
    lede="Three stores after a fork. How does each of them end?",
)

# %% [markdown]
# The writer does not *always* get a copy. `P` wrote first and got one. Then `C` was alone on
# the old frame, so the kernel gave it the write permission back and copied nothing. And
# after that, `C` wrote without any fault.
#
# Keep `reuse` and `hit` apart. **Reuse still costs a page fault**: the entry was read-only,
# the CPU stopped, the kernel decided. Only a writable entry makes a store a hit.

# %%
# The steps of a trace are its moments without the start: one for each line.
outcomes = [moment.outcome for moment in play(store_script, "v5.7").steps]
assert outcomes == ["fault", "share", "copy", "reuse", "hit", "hit"]

faults = [word for word in outcomes if word in ("fault", "copy", "reuse", "sigsegv")]
assert len(faults) == 3  # not five stores and reads, not one copy

# %% [markdown]
# > **In the kernel.** A write fault on an entry that is present but read-only ends in
# > `do_wp_page()`; *wp* is write-protect. It decides between `wp_page_reuse()`, which makes
# > the entry writable, and `wp_page_copy()`, which maps a copy instead. Most of this course
# > is about that one decision.

# %% [markdown]
# ### Is a SIGSEGV copy-on-write?
#
# An entry can be read-only for two reasons: because the page is shared since a `fork`, or
# because the process *asked* for it with `mprotect`. The CPU cannot tell them apart, and it
# raises the same fault. The kernel can: it looks at what the mapping allows.
#
# **Predict** the last four outcomes.

# %%
protect_guess = """
P: write A
P: fork C
P: mprotect r
P: write B      -> ?
P: mprotect rw  -> ?
P: write D      -> ?
C: read         -> ?
"""

# %%
compare(protect_guess, "v5.7")

# %%
protect_script = """
P: write A
P: fork C
P: mprotect r
P: write B
P: mprotect rw
P: write D
C: read
"""
step_through(
    protect_script,
    "v5.7",
    title="Two reasons to be read-only",
    lede="Which of the two stores is copy-on-write?",
)

# %% [markdown]
# `P: write B` is not copy-on-write. The mapping forbids the store, so nothing is copied and
# the process gets a signal. (A process in a script survives its signals; the letter is not
# stored.) When `mprotect rw` gives the right back, the entry *stays* read-only: the frame is
# still shared with `C`, and the next store has to ask again.

# %%
worlds = [moment.world for moment in play(protect_script, "v5.7").moments]
entry = worlds[5].pte("P", 0)  # after `mprotect rw`
assert entry.vma.prot == "rw"  # the mapping allows a store,
assert not entry.write  # the page-table entry does not: this one is copy-on-write

# %% [markdown]
# ## 1.3 Who else is here? mapcount
#
# In 1.2 the kernel knew that `C` was alone. From what? It counts how many page-table entries
# lead to a frame. That number is the frame's **mapcount**; `fork` raises it, and `munmap`,
# `exit` and a copy lower it.
#
# **Predict.** The child goes away without having written anything. Must the parent copy? From here
# on you will often be asked in the picture itself: choose, press *Answer*, and the line is shown.
# (*Show me* if you would rather look; *Again* begins anew.)

# %%
exit_script = """
P: write A
P: fork C
C: exit
P: write B
P: write D
"""
Predict(
    exit_script,
    "v5.7",
    ask={2: "mapcount", 3: "mapcount", 4: "outcome", 5: "outcome"},
    title="The child is gone",
    lede="Watch mapcount, which this kernel asks: it is underlined.",
)

# %% [markdown]
# Nobody told `P` that its child was gone, and its entry stayed read-only. At the next store
# the kernel looked, found a mapcount of 1 and let `P` keep the frame. A shell that forks all
# day would otherwise copy every page that it writes after each command, for nobody.
#
# Here is mapcount over a longer script with two children. `D` writes first and moves to a
# frame of its own, `C` leaves, and then `P` is alone:

# %% tags=["nbval-check-output"]
family_script = """
P: write A
P: fork C
P: fork D
D: write B
C: exit
P: write E
"""
print(f"{'event':10}  {'outcome':7}  mapcount of #1")
for moment in play(family_script, "v5.7").steps:
    line = as_line(moment.event)
    print(f"{line:10}  {moment.outcome:7}  {mapcount(moment.world, 1)}")

# %% [markdown]
# > **In the kernel.** From 2.6.13 to v5.8 the decision was `reuse_swap_page()`, first called
# > `can_share_swap_page()`: keep the frame if it is mapped once, where an entry that was
# > swapped out counts as well. The map count came in with
# > [c475a8ab625d](https://git.kernel.org/linus/c475a8ab625d), "[PATCH]
# > can_share_swap_page: use page_mapcount"; since
# > [ab967d86015a](https://git.kernel.org/linus/ab967d86015a) (2.6.29) the decision waits for
# > the page lock. In this course the name `v5.7` stands for the kernels from there to v5.7;
# > `v5.8` asks the map count as well, and has a row of its own.

# %% [markdown]
# ## 1.4 What fork costs
#
# Time depends on the machine, so we do not measure it. We *count*, and the model counts
# for us: how many page-table entries did `fork` copy, how many of the parent's did it
# write-protect, and how many faults and page copies came later? The first function below
# writes a script, the second one counts; their first lines are all you need.


# %%
def scenario(pages, child_writes=0, parent_writes=0, child_exits=False):
    """A script: P touches `pages` pages and forks C; then stores, by C first."""
    lines = [f"P: mmap anon @{n}" for n in range(1, pages)]
    lines += [f"P: write A @{n}" for n in range(pages)]
    lines += ["P: fork C"]
    lines += [f"C: write B @{n}" for n in range(child_writes)]
    lines += ["C: exit"] * child_exits
    lines += [f"P: write D @{n}" for n in range(parent_writes)]
    return "\n".join(lines)


def cost(script, policy):
    """What the fork did, and what the stores after it did. Counts, not times."""
    moments = play(script, policy).moments
    at = script.split("\n").index("P: fork C") + 1  # moments[0] is the start
    before, fork, later = moments[at - 1].world, moments[at], moments[at + 1 :]
    parent = zip(before.process("P").ptes, fork.world.process("P").ptes, strict=True)
    return {
        "entries": sum(e.frame is not None for _, e in fork.world.process("C").ptes),
        "protected": sum(old.write and not new.write for (_, old), (_, new) in parent),
        "copies now": fork.copies,
        "faults later": sum(m.outcome in ("fault", "copy", "reuse") for m in later),
        "copies later": sum(m.copies for m in later),
    }


assert cost(scenario(16), "v5.7")["entries"] == 16

# %% [markdown]
# **Predict.** `P` has 10 pages and forks. The child writes to 3 of them and stays alive; then
# the parent writes to all 10. How many pages are copied after the `fork`, and how many page
# faults do these 13 stores take? Write numbers in the place of `None`.

# %%
cost_guess = {"copies later": None, "faults later": None}

# %%
busy = cost(scenario(10, child_writes=3, parent_writes=10), "v5.7")
compare_answers(cost_guess, {question: busy[question] for question in cost_guess})

# %% [markdown]
# Now the same for several lives of a child. The last row is a kernel that really copies at
# `fork`, as the textbook's first picture has it. We call it `ideal`, because nothing can
# leak there.

# %% tags=["nbval-check-output"]
lives = {
    "child exits at once": (scenario(16, child_exits=True), "v5.7"),
    "  then the parent writes 16": (scenario(16, 0, 16, child_exits=True), "v5.7"),
    "child writes 4 and exits": (scenario(16, 4, 0, child_exits=True), "v5.7"),
    "child writes 4, parent 16": (scenario(16, 4, 16), "v5.7"),
    "the same, copied at fork": (scenario(16, 4, 16), "ideal"),
}
print(f"{'16 pages':28}", *cost(scenario(1), "v5.7"), sep="  ")
for life, (script, policy) in lives.items():
    counts = cost(script, policy).items()
    print(f"{life:28}", *(f"{count:{len(name)}}" for name, count in counts), sep="  ")

# %% [markdown]
# Read the table by rows.
#
# - A child that leaves at once, as one that calls `exec` does, costs 16 entries and no page.
#   That is the case for which copy-on-write was made.
# - The parent pays as well, and later: its 16 stores are 16 faults, although nothing is
#   copied. The manual page fork(2) names the page tables and the task structure as the only
#   price. These faults are not in that bill.
# - If everything is written in the end, copy-on-write copies as many pages as copying at once
#   would (16), and takes a fault for each store on top: 20 here. With one child, a page is
#   copied at most once; whoever comes second finds itself alone and reuses.
#
# So copy-on-write does not make a copy cheaper. It bets that most copies are never needed, and
# leaves it to `do_wp_page()` to say, page by page, which ones are.
#
# What does the bet itself cost? Each entry is 8 bytes on a 64-bit machine:

# %%
entries = 2**30 // 4096  # a process with one GiB in pages of 4 KiB
assert entries == 262_144
assert entries * 8 == 2 * 2**20  # fork copies 2 MiB of page tables, and no page

# %% [markdown]
# What the counts leave out: a real `fork` also copies the list of mappings and flushes the
# processor's cache of translations (the TLB), and a fault costs far more than a hit. How
# much, depends on the machine. Huge pages change the sum: one entry covers 2 MiB.

# %% [markdown]
# ## 1.5 Somebody who is not in any page table
#
# `vmsplice(2)` puts memory into a pipe. Data in a pipe is a copy, is it not? `write(2)` does
# copy. Here is `vmsplice`, in one process and with no `fork` at all. `P: vmsplice g` calls the
# pipe `g`, and `g: read` looks at what is in it.
#
# **Predict**, above all, the letter that comes out of the pipe. A pipe appears at line 2: which
# count notices, and which does not?

# %%
pipe_script = """
P: write A
P: vmsplice g
P: write B
g: read
"""
Predict(
    pipe_script,
    "v5.7",
    ask={2: ("outcome", "mapcount", "page_count"), 3: "outcome", 4: "g"},
    title="What is in the pipe?",
    lede="One process, one page, and a pipe that P fills itself.",
)

# %% [markdown]
# `vmsplice` copies nothing. The pipe holds the *frame*, and sees what is stored there later.
# That is the point of the call, it saves a copy, and here it does no harm: these are `P`'s own
# data in `P`'s own pipe.
#
# But look at the numbers. mapcount is still 1, because a pipe is in no page table. There is a
# second count that notices: **page_count**, the number of all **references** that hold the
# frame. Each mapping is one of them, the pipe is another. In the picture it is a sum of named
# parts; the kernel's own word for the pipe's part is `FOLL_GET`.

# %% tags=["nbval-check-output"]
world = play(pipe_script, "v5.7").moments[-1].world

print("mapcount  ", mapcount(world, 1))
print("page_count", page_count(world, 1))
for part in parts(world, 1):
    print("  ", part.count, part.what)

# %% [markdown]
# > **In the kernel.** `vmsplice` calls `get_user_pages()` (GUP), which finds the frame
# > behind an address and raises its count. Unmapping the page does not undo that; emptying
# > or closing the pipe does. A frame is freed when its count falls to 0. Lesson 2 is about all
# > the others who call GUP.

# %% [markdown]
# ## 1.6 Six lines that read a secret
#
# Now put the pieces together. `P` forks `C`. The child puts the shared page into a pipe,
# which it may, since it may read the page. Then it unmaps the page. Later `P` stores something
# new. Whatever `P` stores *after* the `fork` is none of the child's business.
#
# **Predict** for two kernels at once: `v5.7`, where a write keeps its frame if **mapcount** is 1, and
# `v5.9`, where it does if **page_count** is 1. At line 4 count the lines that end at frame #1; at
# line 5 the two kernels part. (On a small screen they stand one below the other. To see them side
# by side, close the list of files with Ctrl+B and zoom out a step or two.)

# %%
leak_script = """
P: write A
P: fork C
C: vmsplice g
C: munmap
P: write S
g: read
"""
Predict(
    leak_script,
    "v5.7",
    "v5.9",
    ask={3: "outcome", 4: ("mapcount", "page_count"), 5: "outcome", 6: "g"},
    title="How a pipe reads a secret",
    lede="One script, two kernels. Who may keep the frame at line 5?",
)

# %% [markdown]
# Under `v5.7` the child's pipe shows `S`, a letter that the parent stored after the `fork`.
# No rule of the processor was broken and no check was forgotten. `do_wp_page()` asked *how
# many page tables lead here?* and got a true answer: one. It was the wrong question. What it
# wanted to know was *can anybody else see this frame?*

# %% tags=["nbval-check-output"]
old, new = play(leak_script, "v5.7"), play(leak_script, "v5.9")
before = old.moments[4].world  # after line 4, just before P's store

assert before == new.moments[4].world  # the two kernels still agree on everything
print("mapcount  ", mapcount(before, 1), " so v5.7 says", old.moments[5].outcome)
print("page_count", page_count(before, 1), " so v5.9 says", new.moments[5].outcome)
print()
for trace in (old, new):
    (look,) = trace.readings
    print(f"{trace.policy.name}: g reads {look.value}, ought to read {look.ideal}")

# %% [markdown]
# This is **CVE-2020-29374**, reported by Jann Horn as Project Zero issue 2045. (The CVE's text
# speaks of unintended *write* access. As far as the sources of this course go, unintended
# *read* access is meant.) Linux answered twice:

# %% tags=["nbval-check-output"]
for name in ("v5.7", "v5.8", "v5.9", "v5.19", "v6.5"):
    trace = play(leak_script, name)
    took, stored = trace.moments[3].outcome, trace.moments[5].outcome
    print(f"{name:5}  vmsplice: {took:4}  P's store: {stored:5}  {trace.verdict}")

# %% [markdown]
# `v5.8` breaks the sharing early: taking the reference counts as a store, and `C`'s pipe gets
# a copy of its own. `v5.9` lets the pipe have the shared frame and is careful later: `P` moves
# away. Both close *this* hole.
#
# > **In the kernel.** [17839856fd58](https://git.kernel.org/linus/17839856fd58) (v5.8), "gup:
# > document and work around 'COW can break either way' issue", makes a read reference break
# > COW. [09854ba94c6a](https://git.kernel.org/linus/09854ba94c6a) (v5.9-rc4), "mm:
# > do_wp_page() simplification", makes `do_wp_page()` ask `page_count()`, and
# > [a308c71bf1e6](https://git.kernel.org/linus/a308c71bf1e6) takes the early break out again.

# %% [markdown]
# ### Turn the screws
#
# **Predict** the verdict, `"leak"` or `"ok"`, under `v5.7` for three changes of the script. (A
# pipe has two ends: when `C` exits, somebody else is taken to hold on to `g`.)

# %%
changed_guess = {
    "line 4 is C: exit": None,
    "line 4 is left out": None,
    "line 4, then P: fork D": None,
}

# %%
changed = {
    "line 4 is C: exit": leak_script.replace("C: munmap", "C: exit"),
    "line 4 is left out": leak_script.replace("C: munmap\n", ""),
    "line 4, then P: fork D": leak_script.replace("munmap", "munmap\nP: fork D"),
}
verdicts = {change: play(script, "v5.7").verdict for change, script in changed.items()}
compare_answers(changed_guess, verdicts)

# %% [markdown]
# Why did each come out as it did? Step through the one that surprised you: exchange the name
# in the square brackets. What is mapcount just before `P: write S`?

# %%
step_through(
    changed["line 4 is left out"],
    "v5.7",
    title="The leak, changed",
    lede="What is mapcount just before P stores?",
)

# %% [markdown]
# ## 1.7 Write the rule yourself
#
# `do_wp_page()` knows a frame only by numbers such as these. Here are three rules as Python
# functions: each looks at the page and says whether the writer may keep the frame. `with_` puts
# a rule in the place of `v5.7`'s own.
#
# A rule has to be judged twice: does it leak, and does it copy when nobody needs it?


# %% tags=["nbval-check-output"]
def mapped_once(page):
    return page.mapcount == 1


def never(page):
    return False


def counted_once(page):
    return page.page_count == 1


leak, child_gone = scenarios()["leak"], scenarios()["reuse-after-exit"]
print(f"{'rule':12}  {'leak':4}  needless copies")
for rule in (mapped_once, never, counted_once):
    kernel = POLICIES["v5.7"].with_(reuse=rule)
    verdict = play(leak, kernel).verdict
    wasted = play(child_gone, kernel).needless_copies
    print(f"{rule.__name__:12}  {verdict:4}  {wasted}")

# %% [markdown]
# Never to reuse cannot leak, and pays for it after every `fork`. (Whether it is *safe* is another
# question: lessons 3 and 9.) `counted_once` is the best of the three, on these two scripts. Do not
# trust it yet: it has seen only two. A count says
# *that* somebody holds the frame. It does not say *who*, nor whether they wanted your copy or
# your frame. The count rule was still in a release candidate when it turned out to take
# buffers away from network cards (RDMA; the repair is
# [70e806e4e645](https://git.kernel.org/linus/70e806e4e645), in v5.9-rc7). That, and the
# argument of January 2021 about this rule, is what the next lessons are for.
#
# **Your turn.** `v5.8` still has a hole that `v5.9` has not, and a script of six lines shows
# it. Here is a start that is harmless. Change it and step. A hint: in the leak above the
# reference was taken *after* the `fork`. (`sorted(scenarios())` lists what others have
# tried; `step_through` takes such a name as well.)

# %%
my_script = """
P: write A
P: vmsplice g
P: fork C
C: write S
g: read
"""
step_through(
    my_script,
    "v5.8",
    "v5.9",
    title="My script",
    lede="Harmless so far. Who would have to let go, and when?",
)

# %% [markdown]
# ## What you know now
#
# - `fork` copies page-table entries, not pages, and takes the write permission out of *both*
#   entries.
# - A store through a writable entry is a hit. Through a read-only one it is a page fault, and
#   the kernel decides: copy, reuse, or `SIGSEGV` if the mapping forbids the store. Reuse is a
#   fault too.
# - The writer does not always copy: whoever is alone on a frame keeps it.
# - Copy-on-write moves the cost of `fork` to the stores that come later, the parent's among
#   them, and saves only the copies that nobody needs.
# - `vmsplice` does not copy. It takes a reference, which no page table shows and mapcount
#   does not count.
# - Up to v5.7 that made a leak of six lines. v5.8 copied when the reference was taken; v5.9
#   asked page_count instead of mapcount.
#
# Now the exercises: `exercises/01_copy_on_write.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | page-table entry | what leads from a page of a process to a frame, with a bit that allows stores; to *write-protect* is to clear that bit |
# | page fault | the CPU stops at an access that the entry does not allow, and asks the kernel |
# | mapcount | how many page-table entries lead to a frame |
# | reference, page_count | anything that holds a frame, and how many do; each mapping is one of them |
#
# ## Further reading
#
# 1. Vlastimil Babka,
#    [Patching until the COWs come home, part 1](https://lwn.net/Articles/849638/), LWN, 2021.
#    The history up to the rule of v5.9, by one of the kernel's developers; continued in
#    [part 2](https://lwn.net/Articles/849876/).
# 2. The manual pages [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html) and
#    [vmsplice(2)](https://man7.org/linux/man-pages/man2/vmsplice.2.html): what programs are
#    promised. Look for what they say about cost, and about changing pages after the call.
# 3. [pin_user_pages() and related calls](https://docs.kernel.org/core-api/pin_user_pages.html),
#    in the kernel's documentation: a first look at lesson 2.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits: `docs/kernel.md` of this project, section 7.
# - The leak was observed on a recorded kernel, 5.4.1, which stands for the row `v5.7`. The row
#   `v5.9` itself was not recorded; 5.10.262 was, and does not leak on a small page. With huge
#   pages the story was longer: see the scenarios `leak-thp` and `leak-hugetlb`.
# - The names of that function in v5.9 and today, and what fork(2) says of its price, are from
#   memory and public patches, not from release files.
# - The report of Project Zero and the articles of LWN were not read again, what is said of them is
#   from memory; this lesson was written from
#   commits, mails and recorded kernels.
# - Left out on purpose: the page lock, passing look-ups that raise page_count for a moment, the
#   swap cache, and anything that needs two processors at once. `cowlab/atlas/OUTSIDE.md` lists
#   what a script cannot say.
