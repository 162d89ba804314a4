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
# # 5. fork
#
# **The question.** In September 2020, on a release candidate of v5.9, the tests of RDMA began to
# fail. It came down to this: a program lets a network card write into its memory, starts a helper
# process, and from then on the card's data do not arrive. The helper reads nothing, writes
# nothing, and is long gone. *A page is held by a device when its process forks. Who keeps the
# frame, who gets the copy, and when does somebody have to make it?*
#
# After this lesson you can
#
# - say where a device's data go after a `fork`, and why for many years it mattered who stores
#   first,
# - explain the regression of September 2020, and the copy at `fork` which mended it,
# - say what `fork` has to copy under rule (c), and what each answer costs,
# - judge Jerome Glisse's proposal for `fork` in three readings, and say what the mail leaves
#   open,
# - explain why a child may be torn if the parent has threads.
#
# **Time:** about 55 minutes. **You need:** lessons 1 to 4, above all: a registered buffer is a
# `FOLL_PIN` that counts 1024, is promised to its owner until the owner unmaps it, and stays on
# its *frame*, whatever the page tables say.

# %%
from itertools import count, islice, product

from cowlab import POLICIES, page_count, play
from cowlab.views import Predict, cost_chart, fork_costs, fork_tree
from cowlab.views.guesses import compare, compare_answers, step_through

# %% [markdown]
# ## 5.1 Whoever stores first loses the frame
#
# `P: register g` lets a device write into `P`'s page, for as long as it likes. Then `P` forks.
# Under `v5.7`, as in lesson 1, parent and child share the frame, and a store keeps the frame
# if mapcount is 1.
#
# **Predict.** `P` stores first, then the device does. Who sees the device's `D`?

# %%
first_script = """
P: write A
P: register g
P: fork C
P: write B
g: write D
P: read
C: read
"""
Predict(
    first_script,
    "v5.7",
    ask={3: "outcome", 4: "outcome", 6: "P", 7: "C"},
    title="A device, a fork, a store",
    lede="The device was P's. Whose is it at the end?",
)

# %% [markdown]
# Twice wrong. `P` waits for `D` and never sees it; `C`, which asked for nothing, does. No step
# of it is new to you: `P`'s store met a frame that is mapped twice, so `P` moved to a copy, and
# the device stayed where it was. **A device is tied to a frame, not to a process**, and
# copy-on-write moves *whoever stores*.
#
# So it depends on who stores. Let us ask, after each of some short stories: which processes are
# on the device's frame at the end?


# %% tags=["nbval-check-output"]
def with_the_device(story, policy):
    """The processes that map g's frame, when P has registered it, forked, and so on."""
    trace = play(f"P: write A\nP: register g\nP: fork C\n{story}", policy)
    world = trace.moments[-1].world
    entries = {p.name: world.pte(p.name, 0) for p in world.processes}
    frame = world.reference("g").frame
    return (
        " and ".join(who for who in entries if entries[who].frame == frame) or "nobody"
    )


stories = {
    "nobody stores": "",
    "P stores": "P: write B",
    "C stores": "C: write E",
    "C stores, then P": "C: write E\nP: write B",
    "C exits, then P stores": "C: exit\nP: write B",
}
for story, lines in stories.items():
    print(f"{story:24}", with_the_device(lines, "v5.7"))

# %% [markdown]
# Only in the second row does `P` lose its device. (In the first `P` has it, and `C` as well: we
# come back to that in 5.5.) A program that forks a helper has to be unlucky for that: it must
# store to that very page in the short time while the helper still shares it.
#
# The old remedy is to keep the child out: `madvise(MADV_DONTFORK)` leaves a hole in the child
# at that address, so nothing is shared there. The library for RDMA does it for a program that
# asks for it.

# %% tags=["nbval-check-output"]
for name in POLICIES:
    assert play("dontfork-pin", name).verdict == "ok"  # under every rule

after = {f"{m.event.actor} reads": m for m in play("dontfork-pin", "v5.7").steps[-2:]}
assert after["P reads"].reading.value == "D"  # P is with its device
print("C reads:", after["C reads"].outcome)  # nothing is there

# %% [markdown]
# > **In the kernel.** [f822566165dd](https://git.kernel.org/linus/f822566165dd) (v2.6.16)
# > brought `MADV_DONTFORK`, for just this. In March 2009 Andrea Arcangeli proposed that `fork`
# > itself should copy what GUP has touched. The loss was rare, he
# > [wrote](https://lore.kernel.org/r/20090311182216.GJ27823@random.random), as the window is small;
# > but nearly every program forks sooner or later. Linus Torvalds had
# > [refused](https://lore.kernel.org/r/alpine.LFD.2.00.0903111024320.32478@localhost.localdomain)
# > an earlier version, as too late in a release and too ugly in `fork`, and for a mixture of direct
# > I/O, `fork` and threads that he found strange anyway. The row `andrea-2009` is the version of
# > [16 March](https://lore.kernel.org/r/20090316135654.GA17949@random.random); it was not merged
# > either.

# %% [markdown]
# ## 5.2 September 2020: the child is gone
#
# v5.9-rc4 exchanged the question at the write fault: not mapcount, but page_count (lessons 1
# and 3). In this script the child leaves before anybody stores. `v5.7` got it right.
#
# **Predict** for both kernels.

# %%
regression_script = """
P: write A
P: register g
P: fork C
C: exit
P: write B
g: write D
P: read
"""
Predict(
    regression_script,
    "v5.7",
    "v5.9-rc4",
    ask={4: "page_count", 5: "outcome", 7: "P"},
    title="The helper is long gone",
    lede="At line 5 P is alone with its device. What does each kernel make of it?",
)

# %% [markdown]
# `fork` took the write bit, the child went, and nobody gave the bit back. So the next store is a
# fault, whenever it comes. page_count is 1025: the mapping, and the pin. "Somebody else holds
# this page" is true. It is the device that `P` itself has asked for.

# %% tags=["nbval-check-output"]
print(f"{'':24}  {'v5.7':9} v5.9-rc4")
for story, lines in stories.items():
    old, new = (with_the_device(lines, name) for name in ("v5.7", "v5.9-rc4"))
    print(f"{story:24}  {old:9} {new}")

# %% [markdown]
# Read the last two rows. Under `v5.7` the danger ended with the child. Under `v5.9-rc4` it
# never ends: after *one* `fork`, each held page is lost at its next store. What had been a race
# became a certainty.
#
# Jason Gunthorpe [reported it](https://lore.kernel.org/r/20200914143829.GA1424636@nvidia.com)
# on 14 September 2020, as a process that does not see what the device has written. The next day
# it turned out that the failing tests had not asked for `MADV_DONTFORK`.
# So were the tests wrong? They were, and
# [he said so](https://lore.kernel.org/r/20200915193838.GN1221970@ziepe.ca); but they had worked
# for a long time, and before, `fork` had failed only in narrow cases. In the same days he wrote
# down [what RDMA needs](https://lore.kernel.org/r/20200915160553.GJ1221970@ziepe.ca): a frame,
# once pinned, stays with the process that pinned it, and if there is a `fork`, the *child* gets
# the copy.
#
# Linus Torvalds, whose rule it was, [asked](https://lore.kernel.org/r/CAHk-=wjtfjB3TqTFRzVmOrB9Mii6Yzc-=wKq0fu4ruDE6AsJgg@mail.gmail.com)
# why this happens at all: whoever pins for writing has broken COW before, so the page is
# writable; and if a pin means anything, nobody should make such a page read-only afterwards.
# Then no store ever faults there, and the count is never asked. `fork` did make it read-only.

# %% [markdown]
# ## 5.3 The early copy
#
# So `fork` may not write-protect a pinned page. But then it cannot share it either: through a
# writable entry `P` would store right into what the child sees. One way is left: copy it at
# once, while both ought to have the same content anyway. This is the **early copy**.
#
# **Predict.** The same script, with one more read: the child's.

# %%
early_script = """
P: write A
P: register g
P: fork C
P: write B
g: write D
P: read
C: read
"""
Predict(
    early_script,
    "v5.9",
    ask={3: ("outcome", "page_count"), 4: "outcome", 6: "P", 7: "C"},
    title="fork copies a pinned page",
    lede="The script of 5.1, under v5.9. What is left for the write fault to decide?",
)

# %% [markdown]
# Nothing is left to decide: `P`'s store is a hit. And mind who got what. The parent keeps the
# old frame, with its device and its write bit, and **the copy goes to the child**. The other
# way round would be the bug of 5.2 again.

# %%
fork_done = play(early_script, "v5.9").moments[3].world
parent, child = fork_done.pte("P", 0), fork_done.pte("C", 0)

assert parent.frame == fork_done.reference("g").frame == 1  # P is with its device,
assert parent.write  # and was not write-protected
assert child.frame == 2 and child.write  # C has a frame of its own, from the start
assert page_count(fork_done, 1) == 1025 and page_count(fork_done, 2) == 1

assert play(early_script, "v5.9").verdict == "ok"
assert play(regression_script, "v5.9").verdict == "ok"

# %% [markdown]
# What the child has now is a **snapshot**: the memory of its parent as it was at one moment,
# the `fork`. Sharing gives a snapshot too, as long as all who store afterwards move away first.
# A device does not move away.
#
# The decision is short. It asks two questions, and gets one of them only approximately:


# %%
def needs_early_copy(page):
    """v5.9 at fork, for small pages; later in page_needs_cow_for_dma()."""
    return "copy" if page.mm_has_pinned and page.maybe_dma_pinned else "share"


mine = POLICIES["v5.9-rc4"].with_(fork=needs_early_copy)
for script in (early_script, regression_script):
    assert play(script, mine).moments[3].outcome == "copy"
    assert play(script, mine).verdict == "ok"
    assert play(script, "v5.9-rc4").verdict != "ok"

# %% [markdown]
# `maybe_dma_pinned` is "page_count is at least 1024" (lesson 3): a thousand pipes look like a
# pin, and the guess may be wrong in that direction. Here an error costs one copy and breaks
# nothing, so guessing is allowed. `mm_has_pinned` says whether this process has *ever* pinned
# anything. One that never has pays for nothing.
#
# > **In the kernel.** [008cfe4418b3](https://git.kernel.org/linus/008cfe4418b3) adds
# > `mm_struct.has_pinned`, [70e806e4e645](https://git.kernel.org/linus/70e806e4e645) the early
# > copy in `copy_present_pte()` (`mm/memory.c`), and
# > [d042035eaf5f](https://git.kernel.org/linus/d042035eaf5f) splits a pinned huge page first.
# > Peter Xu wrote them ([25 September 2020](https://lore.kernel.org/r/20200925222600.6832-1-peterx@redhat.com)),
# > after a [sketch](https://lore.kernel.org/r/20200917193824.GL8409@ziepe.ca) of Jason Gunthorpe's;
# > to remember who has ever pinned, so that nobody else pays, was Linus Torvalds'
# > [wish](https://lore.kernel.org/r/CAHk-=wiY_g+SSjncZi8sO=LrxXmMox0NO7K34-Fs653XVXheGg@mail.gmail.com).
# > All are in v5.9-rc7. hugetlb followed with
# > [4eae4efa2c29](https://git.kernel.org/linus/4eae4efa2c29). Since
# > [6cc9e215eb27](https://git.kernel.org/linus/6cc9e215eb27) an RDMA library can ask the kernel
# > whether it may do without `MADV_DONTFORK`.

# %% [markdown]
# ### What it does not see
#
# **Predict.** Which of these does the early copy of `v5.9` save? In each, somebody holds `P`'s
# page for a device, `P` forks, `P` stores, and the device stores. Write `"ok"` or `"lost"`.

# %%
seen_guess = {"register": None, "direct_read": None, "get": None}

# %%
takers = {
    "register": "register g",
    "direct_read": "direct_read g",
    "get": "get g write",
}


def after_fork(taker, policy):
    """Whether P sees what its device stores."""
    script = early_script.replace("register g", takers[taker])
    look = play(script, policy).readings[0]
    return "ok" if look.value == "D" else "lost"


compare_answers(seen_guess, {taker: after_fork(taker, "v5.9") for taker in takers})

# %% tags=["nbval-check-output"]
rows = ("v5.7", "v5.9-rc4", "v5.9", "v6.5", "andrea-2009", "linus-2021")
print(f"{'':11} ", *(f"{name:11}" for name in rows))
for taker in takers:
    print(f"{taker:11} ", *(f"{after_fork(taker, name):11}" for name in rows))

# %% [markdown]
# A `FOLL_GET` counts 1, and 1 looks like anything. `direct_read` is a read(2) with `O_DIRECT` in
# flight, which became a pin only in v6.5. The manual page open(2) warns programs not to `fork` as
# long as such an I/O is under way in their private memory. So in the model the promise to such a reference ends at the
# `fork`, and a "lost" in the last two rows is not a broken promise. It was announced.
#
# There is one more thing that this decision cannot see: a page that is not there when `fork`
# comes. That one is for the exercises.
#
# ## 5.4 Copy whatever is counted
#
# Look at the last column. `linus-2021` are the rules (a) to (d) of lesson 4. They do not mention
# `fork`, but (c) decides it: unless its page_count is 1, a writable page is never made read-only.
# Sharing at `fork` *is* making it read-only. So everything that is held has to be copied at
# `fork`. That was the second question of Jerome Glisse's mail: do we copy then?
#
# **Predict** what `fork` does under `linus-2021`, `"copy"` or `"share"`, if this is all that has
# happened to `P`'s page. (`kernel: hold P` is a passing look-up, somewhere in the kernel.)

# %%
counted_guess = {
    "P: register g": None,
    "P: direct_read g": None,
    "P: vmsplice g": None,
    "kernel: hold P": None,
    "nothing": None,
}


# %%
def fork_outcome(line, policy):
    before = "P: write A\n" + ("" if line == "nothing" else line + "\n")
    return play(before + "P: fork C", policy).moments[-1]


said = {line: fork_outcome(line, "linus-2021").outcome for line in counted_guess}
compare_answers(counted_guess, said)

# %% tags=["nbval-check-output"]
names = ("v5.9", "v6.5", "linus-2021")
print(f"{'':17}", *(f"{name:10}" for name in names), " needless under linus-2021")
for line in counted_guess:
    outcomes = (f"{fork_outcome(line, name).outcome:10}" for name in names)
    print(f"{line:17}", *outcomes, "", fork_outcome(line, "linus-2021").needless)

# %% [markdown]
# The pipe cannot write, and the look-up will be gone in a moment. Copying for them is safe, and
# of use to nobody. And it is a matter of chance: whether some part of the kernel is looking at a
# page right now, no program can know.
#
# On [12 January](https://lore.kernel.org/r/CAHk-=whxDS7DHHN=ZHCUskXu3A2h3Z5F427kTJqvc5P_8x8ecw@mail.gmail.com)
# Linus Torvalds took the exactness back, after Matthew Wilcox had pointed at such look-ups: the
# count can be too high for a moment, so the bias of 1024 has to stay. No row for a merged kernel
# copies at `fork` by the bare count.

# %% [markdown]
# ## 5.5 Protect, and never let the child reuse
#
# Think of a program with gigabytes of registered memory, and a `fork` that copies all of it for a
# child which calls `exec` at once. Jerome Glisse's
# [mail of 12 January](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com) wants to keep
# `fork` fast. It should go on to write-protect and to share, whatever the count. But a child may
# never *reuse* a page that it got this way, also if everybody else has unmapped it: it has to
# copy. The reference may then remain on a frame that belongs to no process any more.
#
# In the model the child's entry gets a mark: the page is **inherited**. What the child does is
# clear from then on. What the *parent* does at its next store, with the device still in the
# count, the mail does not say, and no answer to it was found. So we try three rules:


# %%
def by_count(page):
    """The parent goes by rule (a), as everybody does."""
    return "copy" if page.inherited or page.page_count > 1 else "reuse"


def push(page):
    """The parent keeps the frame; whoever else maps it is given a copy first."""
    return "copy" if page.inherited else "push"


def keep(page):
    """The parent just keeps the frame: the child will copy anyway."""
    return "copy" if page.inherited else "reuse"


base = POLICIES["jerome-fork"]
readings = {
    rule.__name__: base.with_(reuse=rule, name=rule.__name__, about=rule.__doc__)
    for rule in (by_count, push, keep)
}

# %% [markdown]
# **Predict.** `S` is a secret that `P` stores after the `fork`. What is the outcome of that
# store, and what do the child and the device see? Think before you look: in which of the two
# is something wrong?

# %%
Predict(
    "pin-fork-child-reads",
    readings["push"],
    readings["keep"],
    ask={4: "outcome", 5: "C", 6: "g"},
    title="The parent keeps the frame",
    lede="Left the others get a copy first. Right they do not.",
)

# %% [markdown]
# `keep` confuses two things. "The child will never reuse" stops the child from *storing* into
# the frame. It does not stop it from *reading*: the child still maps the frame, and sees what
# `P` stores. `push` looks perfect: the early copy, made only when it is needed. See how the three
# do in other cases.

# %% tags=["nbval-check-output"]
cases = {
    "pin-fork-exit-write": "5.2: child gone, P stores",
    "pin-fork-write": "5.1: P stores, child there",
    "pin-fork-child-reads": "the secret, above",
    "pin-fork-dma": "only the device stores",
    "leak": "lesson 1: the child's pipe",
}
print(f"{'':27}", *(f"{name:8}" for name in (*readings, "v5.9")))
for case, what in cases.items():
    verdicts = (play(case, row).verdict for row in (*readings.values(), "v5.9"))
    print(f"{what:27}", *(f"{verdict:8}" for verdict in verdicts))

# %% [markdown]
# Each reading fails, and each in another place.
#
# - **by_count** is the literal one, and loses the device as in September 2020. Whether that is
#   wrong depends on what was promised: the mail accepts a reference that is left on a frame of
#   nobody. RDMA was promised more.
# - **keep** leaks to a child that just reads.
# - **push** keeps every pin, and opens the leak of lesson 1 again. Step through it:

# %%
step_through(
    "leak",
    readings["push"],
    "v5.9",
    title="The parent keeps a frame that is not its own",
    lede="At line 5 nobody else maps the frame. Who holds it?",
)

# %% [markdown]
# `push` looks at no count, so it does not see `C`'s pipe. Could it look? Take a moment with two
# references, the parent's device and the child's pipe:

# %%
both_script = """
P: write A
P: register g
P: fork C
C: vmsplice h
C: munmap
P: write S
h: read
"""
fork_tree(both_script, readings["push"])

# %% [markdown]
# For you `g` hangs at `P` and `h` at `C`: one has to stay with `P`'s frame, the other must not.
# The kernel has no such tree. It has one number:

# %%
before = play(both_script, readings["push"]).moments[5].world  # just before P stores
assert page_count(before, 1) == 1 + 1024 + 1  # P's mapping, the pin, the pipe

own = both_script.replace("C: vmsplice", "P: vmsplice")  # now it is P's own pipe
before_too = play(own, readings["push"]).moments[5].world
assert page_count(before_too, 1) == page_count(before, 1)  # and the number is the same

# %% [markdown]
# **A count says *that* somebody holds the page, not *whose* they are.** The early copy gets
# round the question by asking it early: at `fork` the child cannot have taken any reference yet.

# %% [markdown]
# ### Who sees a device's writes?
#
# One row of the table is left: only the device stores. **Predict** what `C` reads.

# %%
dma_guess = """
P: write A
P: register g
P: fork C
g: write D
C: read     -> ? | ?
P: read     -> ? | ?
"""

# %%
compare(dma_guess, readings["push"], "v5.9")

# %%
step_through(
    "pin-fork-dma",
    readings["push"],
    "v5.9",
    title="Nobody stores but the device",
    lede="Look for a page fault between the fork and the child's read.",
)

# %% [markdown]
# There is no fault. Nobody touches a page table at line 4, so no rule of any write fault is
# asked, no mark is looked at, and nobody can make a copy. As long as parent and child share the
# frame, both see what the device brings. Only a copy *at* `fork` gives the child a snapshot here.
#
# Is that a leak? The course keeps a law of its own for it, `dma-isolation`, because one can
# argue. The child ought not to get the parent's network traffic. But a transfer in flight is
# not "the parent's memory at the moment of the `fork`" either, and nobody promised when its
# bytes arrive.

# %% tags=["nbval-check-output"]
child_reads = {name: play("pin-fork-dma", name).readings[0].value for name in POLICIES}
for letter in "DA":
    print(f"{letter}:", *(name for name in POLICIES if child_reads[name] == letter))

# %% [markdown]
# ## 5.6 The cost of fork
#
# Now count. `P` has 8 pages, some of them are registered with a device, and it forks; then the
# child exits and `P` stores to all 8.
#
# **Predict** three numbers for the case that 3 of the 8 are registered.

# %%
cost_guess = {
    "v5.9: pages copied at fork": None,
    "v5.9: entries write-protected": None,
    "v5.9-rc4: copied by P's stores": None,
}

# %%
(new,) = fork_costs("v5.9", pages=8, pinned=[3])
(old,) = fork_costs("v5.9-rc4", pages=8, pinned=[3])
costs = (new.copies, new.protected, old.later)
compare_answers(cost_guess, dict(zip(cost_guess, costs, strict=True)))

# %%
cost_chart(
    fork_costs(["v5.7", "v5.9-rc4", "v5.9", "linus-2021", "jerome-fork", "ideal"])
)

# %% [markdown]
# - The *first* panel is what Jerome Glisse wanted to save: the early copy grows with the pinned
#   pages, up to what a `fork` without copy-on-write would do (`ideal`). The row `jerome-fork` is
#   `by_count`.
# - The *second* is what `fork` leaves for later. Each write-protected entry is a fault of the
#   parent (lesson 1). An early copy takes no fault afterwards.
# - In the *third*, two rows copy after all, at the parent's stores. They make as many copies as
#   the early copy would, and each of them takes a page of the parent away from its device.
#
# Change the holder: direct reads in flight instead of registered buffers. Who moves to another
# line, and who does not?

# %%
cost_chart(
    fork_costs(["v5.7", "v5.9", "v6.5", "linus-2021", "ideal"], verb="direct_read")
)

# %% [markdown]
# And for one GiB of registered buffers, on a machine with pages of 4 KiB:

# %%
gib = 2**30
assert gib // 4096 == 262_144  # copies at fork, one GiB of memory to read and to write,
# before the child runs its first instruction, and if that is exec, for nobody

per_page = fork_costs("v5.9", pages=1, pinned=[0, 1])
assert [row.copies for row in per_page] == [0, 1]  # nothing, for what is not pinned

child_kept_out = "P: write A\nP: madvise dontfork\nP: register g\nP: fork C"
assert play(child_kept_out, "v5.9").copies == 0  # MADV_DONTFORK still saves it all

# %% [markdown]
# So the worry was right, and the answer is: those who pin much can still say `MADV_DONTFORK`,
# now to save time and no longer to save their data. When the early copy was merged, Linus
# Torvalds [tested it](https://lore.kernel.org/r/CAHk-=whWyUg0x72nVQaCjq2xvy=S=x0=_9EuV6Qp4pTarGiaeg@mail.gmail.com)
# with a hack that takes every page for pinned, and found `fork` much slower, as in the line
# `ideal`. Who really pins, he had [expected](https://lore.kernel.org/r/CAHk-=whL44VySgScXjvCQ4VkeaW3nOcPMn0UwnY03iOE=1T7VQ@mail.gmail.com),
# will not fork by the thousand.

# %% [markdown]
# ## 5.7 The torn child
#
# The early copy has a flaw that was described in 2025. A script cannot show it: in a script one
# event ends before the next begins, and here two threads run at once, one in `fork` and one that
# goes on storing. So this section uses **no simulator**: a few lines of Python stand for the
# two threads. `cowlab/atlas/OUTSIDE.md` lists it among the things that the script language
# cannot say.
#
# A thread of the parent stores to two pages in turn: 1 into `X`, 1 into `Y`, 2 into `X`, 2 into
# `Y`, and so on. So at every moment the two are equal, or `X` is one ahead. Another thread calls
# `fork`, which goes from page to page and does one of these:
#
# | step | what it does |
# |---|---|
# | `share` | write-protects the page and gives the child the same frame |
# | `copy` | copies the content for the child, and leaves the parent's entry writable |
#
# The writer that meets a write-protected page stops: its fault waits until `fork` has ended.
#
# **Predict.** `X` is pinned, `Y` is not, and it happens in this order. What has the child? Was the
# parent ever like that?
#
# ```
# writer    X = 1   Y = 1            X = 2   Y = 2
# fork                      copy X                   share Y
# ```

# %%
torn_guess = {"child's X": None, "child's Y": None, "was the parent ever so?": None}


# %%
def fork_beside_a_writer(steps, pauses):
    """The child's memory, and whether the parent's was ever the same.

    Before each step of fork the writer does so many stores, unless it is stopped.
    """
    parent, child, protected = {"X": 0, "Y": 0}, {}, set()
    past, stopped = [dict(parent)], False
    stores = ((page, value) for value in count(1) for page in ("X", "Y"))
    for (act, page), pause in zip(steps, pauses, strict=True):
        for where, value in islice(stores, 0 if stopped else pause):
            if stopped := where in protected:
                break  # until fork has ended
            parent[where] = value
            past.append(dict(parent))
        if act in ("share", "protect"):
            protected.add(page)
        if act == "open":
            protected.remove(page)
        if act in ("share", "copy"):
            child[page] = parent[page]
    return child, child in past


torn, possible = fork_beside_a_writer([("copy", "X"), ("share", "Y")], (2, 2))
truth = {"child's X": torn["X"], "child's Y": torn["Y"]}
truth["was the parent ever so?"] = "yes" if possible else "no"
compare_answers(torn_guess, truth)

# %% [markdown]
# The child has 1 and 2: `Y` is ahead, which never was. No store was lost and no rule of
# copy-on-write was broken. The child's two pages are from two moments: a **torn child**. Where
# both are shared this cannot happen. `share` stops the writer at the first page that it meets,
# and what it stores until then, both have.
#
# Do not trust one interleaving. Here are all of them, with up to three stores before each step
# of `fork`:

# %% tags=["nbval-check-output"]
plans = {
    "both shared": "share X, share Y",
    "X copied early": "copy X, share Y",
    "X copied early, Y first": "share Y, copy X",
    "both copied early": "copy X, copy Y",
    "protected, opened again": "protect X, copy X, open X, share Y",
    "protected until the end": "protect X, copy X, share Y",
}
for plan, words in plans.items():
    steps = [tuple(step.split()) for step in words.split(", ")]
    runs = [
        fork_beside_a_writer(steps, n) for n in product(range(4), repeat=len(steps))
    ]
    wrong = [child for child, possible in runs if not possible]
    example = f", as {wrong[0]}" if wrong else ""
    print(f"{plan:24} {len(wrong):2} of {len(runs):3} are torn{example}")

# %% [markdown]
# The order of the pages matters (row 3: there the writer is stopped before it can run ahead). And
# row 4 need not be two pages: read `X` and `Y` as two halves of *one* page, which is copied byte
# by byte while somebody stores to it.
#
# The last two rows protect `X` *before* it is copied, so the writer is stopped at it as it is by
# `share`. To open `X` again at once is not enough: then both halves of one page fit together, but
# `X` and `Y` need not. It has to stay protected until `fork` is done. But then the parent's next
# store to `X` faults, and the write fault has to keep a frame with a pin on it: exactly what
# failed in 5.2. A rule that counts references cannot repair this. One that knows that the page is
# the parent's alone can: lesson 6.
#
# > **In the kernel.** Jann Horn,
# > [3 June 2025](https://lore.kernel.org/r/20250603-fork-tearing-v1-0-a7f64b7cfc96@google.com):
# > write-protect the parent's entry and flush the TLB, the processor's cache of translations,
# > before the copy; `PG_anon_exclusive` lets the fault handler give the page back later. He names
# > [70e806e4e645](https://git.kernel.org/linus/70e806e4e645) as the origin. Three days later he
# > [found](https://lore.kernel.org/r/CAG48ez0eGkBCNSy1Lp7Fz41uyQym0UMvik9vVVjD1GKGhvGpqQ@mail.gmail.com)
# > his first version wrong in a detail; no second one was found, nor whether one was merged. The
# > proposal of 2009 protected, flushed, copied and opened the entry again; Nick Piggin
# > [remarked](https://lore.kernel.org/r/200903140309.39777.nickpiggin@yahoo.com.au) that one might
# > leave the last step to `do_wp_page()`, which asked the map count then.
#
# Is it a bug? Matthew Wilcox
# [answered](https://lore.kernel.org/r/aD8--plab38qiQF8@casper.infradead.org) with POSIX: the
# child of a process with threads may do very little until it calls `exec`. Jann Horn
# [replied](https://lore.kernel.org/r/CAG48ez36t3ZaG7DsDCw1xLpdOhKVWQMjcH-hwP66Cbd8p4eTAA@mail.gmail.com)
# that he reads this as being about the C library, not about a program's own data; he granted that
# the point is rather theoretical, and that a memory allocator is the likeliest to meet it. And
# Peter Xu
# [pointed out](https://lore.kernel.org/r/aECoHDM3l2dKTfDw@x1.local) what stays torn even so: a
# direct read is in flight, `fork` copies its page, the data arrive, and the thread which waited
# for them stores "done" into a page that is shared only then. A device is stopped by no
# protection. You saw it in 5.5.

# %% [markdown]
# ## What you know now
#
# - A device is tied to a frame. After a `fork` that shares, whoever stores first moves away, and
#   if that is the owner, its data go to the child.
# - With mapcount the danger ended with the child. With page_count it never ended: one `fork`,
#   and the next store loses the page. That was the regression of September 2020.
# - The early copy leaves a pinned page writable and gives the child a copy. It sees pins, with
#   a guess that errs to the safe side. It sees no `FOLL_GET`.
# - Rule (c) means to copy at `fork` whatever is counted, passing look-ups included.
# - "Protect, and never let the child reuse" keeps `fork` fast. What the parent does is open: by
#   count it loses its device, pushing copies it overlooks the child's references, just keeping
#   it leaks. And until somebody copies, the child sees what the device writes.
# - The early copy costs a page for each pinned page. `MADV_DONTFORK` still avoids it.
# - In a process with threads pages copied early and pages shared are from different moments.
#
# Now the exercises: `exercises/05_fork.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | early copy | the copy that `fork` itself makes for the child, of a page that may be pinned; the parent keeps its frame and its write bit |
# | snapshot | the memory of a process as it was at one moment; what a child ought to get |
# | inherited | the mark, in one proposal of January 2021, of an entry that came with `fork`: its frame may never be reused |
# | torn child | a child whose pages are from different moments of its parent, because some were copied and some shared while another thread stored |
#
# ## Further reading
#
# 1. Jason Gunthorpe, Linus Torvalds, Peter Xu and others,
#    [Re: mm: Trial do_wp_page() simplification](https://lore.kernel.org/r/20200914143829.GA1424636@nvidia.com),
#    from 14 September 2020. Read how a report without an explanation becomes, in four days, a
#    question about what a pin means.
# 2. Jerome Glisse, [the mail of 12 January 2021](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com).
#    Short. After lessons 3 to 5 you have played each of its sentences.
# 3. Jann Horn,
#    [mm/memory: fix memory tearing on threaded fork](https://lore.kernel.org/r/20250603-fork-tearing-v1-0-a7f64b7cfc96@google.com),
#    June 2025, with a program that shows it. Patch 2 writes down what `fork` promises about
#    memory, and how it keeps it.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits: `docs/kernel.md` of this project, section 7. The
#   mails of March 2009, September 2020 and June 2025 that are linked were read for this lesson.
# - `v5.9-rc4` and `v5.9` were not recorded on a real kernel. Recorded were 5.4.1 and 5.8.18,
#   where a registered buffer is lost if the parent stores first and the child sees the device's
#   letter, and 5.10.262 and later, where neither happens.
# - What `linus-2021` does at `fork` is drawn from rule (c), and the three readings of
#   `jerome-fork` are this project's: `docs/kernel.md`, section 3. `by_count`, `push` and `keep`
#   are short forms of the rows `jerome-fork`, `jerome-fork-push` and `jerome-fork-reuse`.
# - The warning in open(2) is known from the thread of June 2025, where David Hildenbrand quotes
#   it; that the RDMA library has to be asked, from that of September 2020.
# - Also left to chance in a real kernel: GUP-fast, which may pin a page just when `fork` has
#   decided to share it; closed by [57efa1fe5957](https://git.kernel.org/linus/57efa1fe5957).
#   The real `fork` write-protects the entry for a moment also where it copies, for this reason.
# - The Python of 5.7 is not the model. It stops a writer at once where a real processor may
#   store through an old translation until the flush. For a shared page this makes no difference,
#   since the child has the same frame; for a copied one it is why the flush has to come first.
