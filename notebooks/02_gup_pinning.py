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
# # 2. Who else holds the page
#
# **The question.** In lesson 1 a pipe held a frame, and no page table showed it. That was
# enough to read a secret. v5.8 answered at once: whoever takes such a reference gets a copy
# of their own first. *Is that enough?* To answer, we have to know who takes references, what
# for, and when. Then you look for a leak by hand, and after that you press a button, and a
# program tries everything.
#
# After this lesson you can
#
# - say what `get_user_pages()` (GUP) does, and name five kinds of callers,
# - tell `FOLL_GET` from `FOLL_PIN`, and say what *long-term* adds,
# - say what a pin keeps and what it does not keep: it is not `mlock`,
# - find a script that leaks, and say why a rule about taking references cannot stop it,
# - read the answer of a search: a shortest script, or *complete*.
#
# **Time:** about 60 minutes. **You need:** lesson 1: copy or reuse at a write fault, mapcount,
# page_count, and the leak of six lines.

# %%
from cowlab import POLICIES, mapcount, page_count, parts, play
from cowlab.check import check
from cowlab.model import Bounds
from cowlab.views import PolicyEditor, Predict, Sandbox
from cowlab.views.guesses import compare_answers, step_through

# %% [markdown]
# ## 2.1 An address is not enough
#
# A program asks the kernel to write a page to the disk, and to spare the copy: `O_DIRECT`. The
# disk shall take the data straight from the program's memory. But a disk knows nothing of
# processes and their addresses. It is given the number of a *frame*, and it reads the frame
# some time later, while the processor does something else.
#
# In the meantime the program goes on. It may unmap the page, and then nobody needs the frame
# any more, and the kernel gives it to somebody else. The disk would write a stranger's data.
# So the kernel has to do two things before the transfer begins: find the frame behind the
# address, and *hold* it.
#
# **Predict**, here in the picture itself: say what a line does, press *Answer*, and the line is
# shown. `P: direct_write g` is such a write in flight, and `g: read` is the moment at which the
# disk looks. At `g: put` it is done.

# %%
flight_script = """
P: write A
P: direct_write g
P: munmap
g: read
g: put
"""
Predict(
    flight_script,
    "v5.7",
    ask={2: "page_count", 3: ("mapcount", "page_count"), 4: "g", 5: "page_count"},
    title="A write in flight",
    lede="P unmaps the page before the disk has looked. What does the disk find?",
)

# %% [markdown]
# The disk reads `A`. After line 3 the frame is in no page table at all, and it still exists,
# because the count of those who hold it is 1 and not 0. Only the last `put` frees it.
#
# **A reference holds the frame, not the address.** `P` could unmap the page, and could map
# something new at the same address; the disk would not notice. Keep this sentence: half of
# this course follows from it.

# %%
unmapped = play(flight_script, "v5.7").steps[2].world

assert mapcount(unmapped, 1) == 0  # in no page table,
assert [part.what for part in parts(unmapped, 1)] == ["FOLL_GET"]  # only referenced,
assert unmapped.frame(1).holds.letter == "A"  # and its data are still in it

# %% [markdown]
# > **In the kernel.** `get_user_pages()` in `mm/gup.c`, **GUP** for short, takes a range of a
# > process's addresses and gives back its frames. For each page it looks at the page table; if
# > the entry is missing, or does not allow what is asked, it calls the page-fault handler as if
# > the process itself had touched the page (`faultin_page()`). Then it raises the frame's
# > count. The caller gives it back with `put_page()` or `unpin_user_page()`. The model has all
# > of this in `cowlab/gup.py`.

# %% [markdown]
# ## 2.2 Who takes references
#
# | who | why | what happens to the page | how long | in a script |
# |---|---|---|---|---|
# | `vmsplice(2)` | data into a pipe without a copy | is read | until the pipe is emptied | `vmsplice` |
# | `write(2)` with `O_DIRECT` | memory to disk | is read | until the disk is done | `direct_write` |
# | `read(2)` with `O_DIRECT` | disk to memory | is **written** | until the disk is done | `direct_read` |
# | RDMA cards, io_uring's fixed buffers | a card or a ring may use the buffer at any time | is read and **written** | until it is unregistered | `register` |
# | `ptrace(2)`, `process_vm_writev(2)` | a process reaches into another | is read or **written** | during the call | `poke`, `vm_write` |
#
# Mind the third row. `read(2)` is a *write* to memory. It is named after what the program
# does with the file.
#
# **Predict.** `C` and `D` inherit the page. `C` starts a direct write, `D` a direct read. Which of
# them needs a frame of its own, and when?

# %%
direction_script = """
P: write A
P: fork C
P: fork D
C: direct_write g
D: direct_read h
h: write E
"""
Predict(
    direction_script,
    "v5.7",
    ask={4: ("outcome", "page_count"), 5: ("outcome", "page_count"), 6: ("P", "D")},
    title="Which way do the data go?",
    lede="Two processes share P's page. One writes a file, the other reads one.",
)

# %% [markdown]
# A direct write only looks at the page, so under `v5.7` it takes a reference to the frame that
# all three share. A direct read will change the page, so GUP asks for it *as a store would*
# (`FOLL_WRITE`): the page fault gives `D` a frame of its own first, and the reference is taken
# on that one. At the moment at which a reference to write is taken, no other process maps its frame.
#
# So the two directions are dangerous in different ways. A reference **to read** may be taken on
# a shared frame: its holder sees more than it should if somebody else later keeps that frame.
# A reference **to write** starts on a frame that nobody else maps, and goes wrong later: a `fork`
# shares the frame, or the process moves *away* from it and no longer sees what the device stores.
#
# The last row of the table is quickly done. Nothing stays behind when these calls end:

# %%
remote_script = """
P: write A
P: fork C
P: vm_write C B
C: mprotect r
C: poke D
"""
trace = play(remote_script, "v5.7")
_, _, written, _, poked = [moment.outcome for moment in trace.steps]

assert written == "copy"  # P writes into C: C gets a frame of its own, as by a store
assert poked == "reuse"  # a debugger's write does not mind `mprotect r` ...
assert not trace.moments[-1].world.references  # ... and neither call left a reference

# %% [markdown]
# ### Does vmsplice copy after all?
#
# In lesson 1 the pipe saw what `P` stored later, so `vmsplice` had not copied. Here is a script
# in which the pipe does *not* see the later store. `C` keeps its mapping this time.
#
# **Predict** who is given a new frame, and at which line.

# %%
Predict(
    "P: write A\nP: fork C\nC: vmsplice g\nP: write S\ng: read",
    "v5.7",
    "v5.8",
    ask={3: "outcome", 4: "outcome"},
    title="A pipe that keeps the old letter",
    lede="The pipe shows A under both kernels. Who was copied away, and at which line?",
)

# %% [markdown]
# Both pipes show `A`, for two different reasons. Under `v5.7` it is `P` that moved away at its
# store, because `C` still maps the frame; the pipe holds the frame that `P` left. Under `v5.8`
# it is `C`: `vmsplice` was treated like a store by `C`, so `C` and its pipe got a frame of
# their own, and `P`, now alone, keeps the old one.
#
# `vmsplice` itself copies in neither. What looks like a copy was made by the write fault, or by
# the fault that GUP asked for. That a reader still sees the old letter does not tell you who
# copied, or whether the next store will be seen.
#
# ## 2.3 Two kinds: FOLL_GET and FOLL_PIN
#
# For a long time all callers took the same kind of reference: the count goes up by one. Since
# v5.6 there are two kinds, and the names are those of flags inside GUP.
#
# - **`FOLL_GET`**, by `get_user_pages()`: please do not free this frame.
# - **`FOLL_PIN`**, by `pin_user_pages()`: and somebody is going to touch the *data* in it, past all
#   page tables.
#
# The second is something that the rest of the kernel would like to know. It must not write a
# page to disk and call it clean while a device is still changing it. It should not share it at
# `fork`, either, if the process then moves away from its device. To make a pin visible, it does
# not count 1 but 1024. (Why such a number, and what it may be used for, is lesson 3.)
#
# Who takes which? The model knows it from the releases:


# %% tags=["nbval-check-output"]
def taken(verb, policy):
    """The reference that this verb takes there, and what it adds to the count."""
    world = play(f"P: write A\nP: {verb} g", policy).moments[-1].world
    (reference,) = world.references
    return reference, page_count(world, 1) - mapcount(world, 1)


print("              v5.7        v6.5        writes  long-term")
for verb in ("vmsplice", "direct_write", "direct_read", "register"):
    print(f"{verb:12}", end="  ")
    for policy in ("v5.7", "v6.5"):
        reference, adds = taken(verb, policy)
        print(f"{reference.take} +{adds:<5}", end="  ")
    print(f"{reference.write!s:6}  {reference.longterm}")

# %% [markdown]
# A row named `v5.7` stands for older kernels too, which had only one kind. The difference is
# worth something from v5.9 on, where `fork` looks at it.
#
# **Predict.** `P` stores, takes a reference, and forks. Up to `v5.8` `fork` shares the page with the
# child in any case. When does it copy the page at once? Write `"copy"` or `"share"`.

# %%
fork_guess = {
    "v5.9, after vmsplice": None,
    "v5.9, after direct_read": None,
    "v5.9, after register": None,
    "v6.5, after vmsplice": None,
    "v6.5, after direct_read": None,
}

# %%
truth = {}
for question in fork_guess:
    policy, verb = question.split(", after ")
    script = f"P: write A\nP: {verb} g\nP: fork C"
    truth[question] = play(script, policy).steps[-1].outcome
compare_answers(fork_guess, truth)

# %% [markdown]
# Only pins are copied, so a direct read that is in flight during `fork` was not seen until
# v6.5, although its device writes. And a full pipe is not seen to this day. Which of these
# copies are needed, and for whom, is the subject of lesson 5.
#
# > **In the kernel.** [eddb1c228f79](https://git.kernel.org/linus/eddb1c228f79) (v5.6), "mm/gup:
# > introduce pin_user_pages*() and FOLL_PIN", gave the second kind calls of its own;
# > [3faa52c03f44](https://git.kernel.org/linus/3faa52c03f44) (v5.7) made it count 1024.
# > [70e806e4e645](https://git.kernel.org/linus/70e806e4e645) (v5.9-rc7) is the copy at `fork`.
# > [a7e689dd1c06](https://git.kernel.org/linus/a7e689dd1c06) (v6.5), "block: Convert
# > bio_iov_iter_get_pages to use iov_iter_extract_pages", moved direct I/O on block devices from
# > `FOLL_GET` to `FOLL_PIN`.

# %% [markdown]
# ## 2.4 Long-term, and what a pin is not
#
# A direct read ends when the disk is done. A buffer that is registered with an RDMA card ends
# when the program says so: perhaps in a week. Such callers add a flag, **`FOLL_LONGTERM`**. Memory
# from which the kernel has to be able to move pages away is not for them, and GUP moves the page
# first, or refuses.
#
# "The buffer is pinned, so its pages stay where they are." `mlock(2)` promises something like
# that. Is a pin the same?
#
# **Predict.** A buffer is registered for a device. Then the kernel runs out of memory, and after
# that the program throws the page away itself.

# %%
Predict(
    """
P: write A
P: register g
kernel: swap_out P
P: write B
g: write D
P: read
P: madvise dontneed
g: write E
P: read
""",
    "v5.7",
    "v5.11",
    ask={3: ("outcome", "mapcount"), 4: "outcome", 6: "P", 9: "P"},
    title="Pinned. And in its place?",
    lede="Reclaim wants the page, then its owner gives it up. Where is the device?",
)

# %% [markdown]
# Under `v5.7` reclaim takes the page out of `P`'s page table although it is pinned. The *frame*
# stays, somebody holds it; but `P` takes a page fault to find it again. Only since v5.11 does
# reclaim leave such pages alone. And `madvise dontneed` parts `P` from its device under both: it is
# what `P` asked for, and `P` reads zeros from then on. On memory that `mlock` has locked, the call
# would have failed.
#
# A fork can part them as well. Watch where the device's `D` goes:

# %%
parted_script = """
P: write A
P: register g
P: fork C
P: write B
g: write D
P: read
"""
step_through(
    parted_script,
    "v5.7",
    "v5.9",
    title="Pinned, and left behind",
    lede="P forks, then stores. Does P still see what its device writes?",
)

# %% [markdown]
# Under `v5.7` the page is pinned, and `P` is not on it any more. Nothing freed the frame, nothing
# was swapped: copy-on-write gave `P` another one. A pin says *this frame stays*. It never said
# *this address stays on this frame*.
#
# | | `mlock(2)` | a pin |
# |---|---|---|
# | is about | a range of addresses of a process | a frame |
# | keeps | the data in memory: no waiting for the disk | the frame, for as long as it is held |
# | lets the kernel move the data to another frame | yes | no |
# | a store after `fork` may copy the page | yes | yes, unless the rules forbid it |
# | ends | with `munlock`, `munmap`, or the process | when the holder lets go, even if the process is gone |
#
# A device needs the second column *and* that `P` stays on that frame. That a pinned page and the
# page of its process remain one and the same is an extra promise, and most of the argument of
# January 2021 is about who has to keep it.
#
# > **In the kernel.** [feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa) (v5.11-rc4), "mm:
# > don't put pinned pages into the swap cache", is what parts the two columns of the prediction.
# > For `fork` there had long been a way out for programs: `MADV_DONTFORK`,
# > [f822566165dd](https://git.kernel.org/linus/f822566165dd) (v2.6.16), keeps registered memory
# > out of the child.

# %% [markdown]
# ## 2.5 A leak, by hand
#
# Back to the pipe. In lesson 1, `C` filled a pipe and unmapped the page, and `P` stored. You know
# why it leaks. Do you know all ways to do it?
#
# Find a leak under `v5.7` **without `munmap`, `madvise`, and `exit`**: nobody gives anything up.
# You need `fork`, `vmsplice` and `write`, and no more than five lines before somebody sees a letter
# that is none of their business. Before you try, say what has to be true at the last store:
#
# 1. Somebody who has no page-table entry looks at the frame: a pipe.
# 2. mapcount is 1 when somebody *else* stores, so that they keep the frame.
#
# How can mapcount fall from 2 to 1 if nobody unmaps anything?
#
# The menu beside the script has everything that can happen next. Undo as often as you like. A leak is
# marked in red, where it is and since which line. Take ten minutes, not more.

# %%
hunt = Sandbox(
    "P: write A\nP: fork C",
    "v5.7",
    title="Hunt a leak",
    lede="Only fork, vmsplice and write. Who is on the frame at the last store?",
)
hunt

# %% [markdown]
# Run this cell when you think that you have it. (With an empty hunt it only says what is missing.)

# %%
used = {moment.event.verb for moment in hunt.trace.steps}
if hunt.trace.verdict != "leak":
    print(
        f"No leak yet: after {len(hunt.trace.steps)} lines the verdict is",
        hunt.trace.verdict,
    )
elif used & {"munmap", "madvise", "exit"}:
    print("A leak, but with", *sorted(used & {"munmap", "madvise", "exit"}))
else:
    print(f"Found, in {len(hunt.trace.steps)} lines.")

# %% [markdown]
# If you have not found it, leave it. Somebody will find it for you in 2.7.
#
# ## 2.6 A reference that is older than the fork
#
# v5.8 closed the leak of lesson 1 where the reference is taken: a page that is mapped read-only
# in a private mapping is first treated as if the caller wanted to store. After a `fork` both
# entries are read-only, so whoever takes a reference gets a frame of their own.
#
# **Predict** the same leak with two lines exchanged: first the pipe, then the `fork`. Now it is `P`
# who listens, and `C` who has a secret.

# %%
Predict(
    "leak-reverse",
    "v5.8",
    "v5.9",
    ask={2: "outcome", 3: "outcome", 5: ("outcome", "g")},
    title="The reference that is older than the fork",
    lede="At line 2 nobody shares anything. What can a rule about line 2 do?",
)

# %% [markdown]
# At line 2 the page is `P`'s alone and its entry is writable. There is nothing to break: no rule
# about *taking* references can object to this one. The sharing comes later, with `fork`, and
# `fork` in `v5.8` does not ask who holds the frame. From then on the pipe is on a shared frame
# after all, and everything goes its way as in lesson 1.
#
# What could help? Somebody has to look at a moment that comes *after* the `fork` began: at the
# `fork` itself, and copy; or at the store, and count. `v5.9` counts at the store.
#
# Let us be systematic, as one is by hand: three ways to place the reference, four ways to leave the
# frame, three kernels.

# %% tags=["nbval-check-output"]
leaving = ("munmap", "madvise dontneed", "exit", "write B")
orders = {
    "C, after the fork": "P: fork C\nC: vmsplice g\nC: {leave}\nP: write S",
    "P, after the fork": "P: fork C\nP: vmsplice g\nP: {leave}\nC: write S",
    "P, before the fork": "P: vmsplice g\nP: fork C\nP: {leave}\nC: write S",
}
print(f"{'the pipe is filled by':21}", *leaving, sep="  ")
for policy in ("v5.7", "v5.8", "v5.9"):
    print(policy)
    for order, script in orders.items():
        print(f"  {order:19}", end="  ")
        for leave in leaving:
            found = play("P: write A\n" + script.format(leave=leave), policy).verdict
            print(f"{found:{len(leave)}}", end="  ")
        print()

# %% [markdown]
# Twelve scripts leak under `v5.7`, four under `v5.8`, none under `v5.9`. (`snapshot` is no leak: the
# pipe shows an older letter of its own process. `vmsplice` promises nothing else.) The last column
# is the answer to the hunt: whoever *stores* may move to a copy, and that takes one off mapcount as
# `munmap` does.
#
# > **In the kernel.** [17839856fd58](https://git.kernel.org/linus/17839856fd58) (v5.8) is the rule at
# > the taking, `should_force_cow_break()`. [a308c71bf1e6](https://git.kernel.org/linus/a308c71bf1e6)
# > (v5.9-rc4), "mm/gup: Remove enfornced COW mechanism" (so spelt), takes it out again, beside
# > [09854ba94c6a](https://git.kernel.org/linus/09854ba94c6a), which counts at the store. The selftest
# > `tools/testing/selftests/mm/cow.c` has a case for each order. The recorded 5.8.18 leaks in
# > the third one and not in the first.

# %% [markdown]
# ## 2.7 One button
#
# Twelve scripts were twelve ideas. What about a thirteenth? A machine does not need ideas. It can
# try *every* script of one line, then every script of two lines, and so on, in a small world of two
# processes, one page and one reference. **Predict** how many lines it needs until somebody sees what
# they should not (the last `read` does not count), and whether `v5.9` leaks at all.

# %%
search_guess = {
    "lines under v5.7": None,
    "lines under v5.8": None,
    "does v5.9 leak?": None,
}


# %%
def searched(policy, *events):
    """Try every script of these events: two processes, one page, one reference."""
    return check(POLICIES[policy], Bounds(events=events), ("isolation",))


small = ("fork", "vmsplice", "write", "munmap")
reports = {name: searched(name, *small) for name in ("v5.7", "v5.8", "v5.9")}
scripts = {name: report.script("isolation") for name, report in reports.items()}
truth = {
    "lines under v5.7": len(scripts["v5.7"].splitlines()),
    "lines under v5.8": len(scripts["v5.8"].splitlines()),
    "does v5.9 leak?": "yes" if scripts["v5.9"] else "no",
}
compare_answers(search_guess, truth)

# %% tags=["nbval-check-output"]
for name, report in reports.items():
    print(f"{name}: {report.states} states, complete: {report.complete}")
    print(scripts[name] or "no script breaks isolation\n")

# %% [markdown]
# There it is, in the first block: the leak that you hunted, with nobody unmapping anything. It is as
# long as the one of lesson 1 without its `read`, and as the search goes by length there is no
# shorter one with these four events. Under `v5.8` it is even four lines, and on memory that nobody has touched before:
# `vmsplice` makes the page present, and everybody writes once.
#
# For `v5.9` the program came to an end without a finding. *Complete* means that no state is left
# which it has not seen: in this small world, with these four events, `v5.9` does not leak. That is a
# statement about *all* scripts, also those of a thousand lines, and it took a fraction of a second.
# How that can be is lesson 7.
#
# Step through the four lines. What does the picture say about `g` at line 3, and at line 4?

# %%
step_through(
    scripts["v5.8"],
    "v5.8",
    "v5.9",
    title="What the search found",
    lede="Four lines. Where should v5.8 have looked?",
)

# %% [markdown]
# "These four events" is the small print. With `swap_out` and registered buffers among the events,
# the same button finds a script for `v5.9` as well:

# %% tags=["nbval-check-output"]
print(searched("v5.9", "fork", "register", "write", "swap_out").script("isolation"))

# %% [markdown]
# No kernel with these rules was recorded. It follows from them as they were read: a page that is
# swapped out is no page that `fork` could copy, and whoever reads it back in is still judged by mapcount in
# `v5.9`. Believe it as far as you believe the reading. What matters here: *no counterexample* is
# worth as much as the list of events.
#
# Now with a real button. Below is `v5.7`, decision by decision. Go down to *Within small bounds*: next to
# **isolation** there is a red ✗ with a number of lines. Press it, and the script opens in a Stepper.
#
# **Predict**, then look: what becomes of the scenarios with another verdict, and what of the ✗ beside
# isolation, if you choose `should_force_cow_break`, the rule of `v5.8`, as the decision for **gup**?

# %%
PolicyEditor("v5.7", "gup")

# %% [markdown]
# About twenty scenarios of the atlas become better and none becomes worse. If these were all our
# tests, we would be content. The search is not: isolation is broken in as few lines as before.
# **A rule that mends every script that you have thought of may still not keep its promise.**
#
# Now put **gup** back and choose `reuse_page_count`, the rule of `v5.9`, for **reuse**. The leaks get
# better again, also the one with the reference before the `fork`. But look at what gets worse, and
# at which law. That is lesson 3.

# %% [markdown]
# ## What you know now
#
# - GUP finds the frame behind an address, as a load or a store of the process would, and holds it.
#   A reference holds the frame, not the address.
# - A reference to read may sit on a shared frame; a reference to write starts on a frame that no
#   other process maps. `read(2)` with `O_DIRECT` writes to memory.
# - `FOLL_GET` says "do not free it", `FOLL_PIN` says "and its data are touched". Pins count 1024, and
#   since v5.9 `fork` looks at them. `vmsplice` is still `FOLL_GET`; direct I/O on block devices pins since
#   v6.5. *Long-term* means: for as long as the holder likes.
# - A pin is not `mlock`: it keeps a frame, and not the process on that frame.
# - The leak has many shapes. A rule at the taking of a reference stops those where the `fork` came
#   first. Where the reference came first, somebody has to look later: at the `fork`, or at the store.
# - A search tries all scripts by length. It ends with a shortest script, or with *complete within
#   these bounds*.
#
# Now the exercises: `exercises/02_gup_pinning.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | GUP | `get_user_pages()` and its relatives: find the frame behind an address, and hold it |
# | `FOLL_GET` | the kind of reference that keeps a frame from being freed; counts 1 |
# | `FOLL_PIN` | the kind for those who touch the data; counts 1024, so that others can guess it |
# | long-term | a reference without an end that the kernel could wait for (`FOLL_LONGTERM`) |
#
# ## Further reading
#
# 1. [pin_user_pages() and related calls](https://docs.kernel.org/core-api/pin_user_pages.html), in
#    the kernel's documentation: five cases of callers, and which kind of reference each should take.
# 2. [The trouble with get_user_pages()](https://lwn.net/Articles/753027/), LWN, 2018: why a pin is
#    not a reference.
# 3. The manual pages [vmsplice(2)](https://man7.org/linux/man-pages/man2/vmsplice.2.html) and
#    [open(2)](https://man7.org/linux/man-pages/man2/open.2.html), there what it says of `O_DIRECT`
#    and `fork`.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits: `docs/kernel.md` of this project, section 7; who takes
#   which kind in which release: section 2, "users". Older kernels than v5.6 took plain references
#   for registered buffers (from memory); no row before `v5.9` looks at the difference.
# - Recorded kernels showed the leak of lesson 1 (5.4.1) and the reverse order (5.4.1 and 5.8.18), and
#   that reclaim leaves a pinned page alone (5.10.262 and later). That `v5.7` unmaps a pinned page
#   is read from feb889fb40fa, which ended it.
# - `mlock(2)` is not in the model. What the table says of it, and of `MADV_DONTNEED` on locked pages,
#   is from its manual pages and from memory; so is what `FOLL_LONGTERM` does about memory that must
#   stay movable.
# - The leak that the search finds for `v5.9` is deduced from the rules; no kernel was seen doing it.
# - The LWN article is named by its title. It was not read again for this lesson.
# - Left out on purpose: GUP-fast, which looks at page tables without locks; huge pages; memory that is
#   not anonymous. Who else calls GUP: graphics drivers, virtual machines, futexes.
