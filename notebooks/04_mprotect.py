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
# # 4. mprotect
#
# **The question.** A device is filling a page. In the middle of it the program calls
# `mprotect` and makes the page read-only, as a garbage collector or a just-in-time compiler
# does all day. In January 2021 Linus Torvalds proposed a rule under which such a page would
# have to stay writable. The next day Jerome Glisse answered that this breaks `mprotect`, and
# asked whether the kernel should copy the page instead. *A device holds the page, and the
# program asks for protection: may the kernel refuse? May it copy? What does it owe to whom?*
#
# After this lesson you can
#
# - say whom a read-only page-table entry stops, and whom it does not,
# - explain how `mprotect`, there and back, makes a count rule lose a device's data,
# - say why `clear_refs` may leave a page alone, and why `mprotect` may not,
# - judge rule (c) of January 2021 in both of its readings, and Jerome Glisse's alternative,
# - show by a table that the answer is not to be found in `mprotect` at all.
#
# **Time:** about 50 minutes, 10 more for the optional section. **You need:** lessons 1 to 3,
# above all these ideas: a *reference* holds a frame without any page-table entry, `FOLL_GET`
# adds 1 to page_count and `FOLL_PIN` adds 1024, and from v5.9 to v5.18 a store that faults
# keeps its frame only if page_count is 1.

# %%
from cowlab import POLICIES, page_count, play
from cowlab.views import PolicyEditor, Predict, Sandbox
from cowlab.views.guesses import compare, compare_answers, step_through

# %% [markdown]
# ## 4.1 Whom does read-only stop?
#
# `P: register g` registers the page as a buffer for a device, with io_uring or with an RDMA
# card: a long-term pin, which may write. From then on `g: write D` is the device storing `D`,
# whenever it likes. Now `P` makes the page read-only, and both try to store.
#
# **Predict.** Step with ▶ or the right arrow key. Before a line that matters the view asks:
# answer, then *Go on*. What does `P` see after the device's store?

# %%
guard_script = """
P: write A
P: register g
P: mprotect r
P: write B
g: write D
P: read
"""
Predict(
    guard_script,
    "v5.9",
    ask={4: "outcome", 5: "P"},
    title="Read-only for whom?",
    lede="P protects its page. Then P and a device try to store.",
)

# %% [markdown]
# `P`'s own store ends in `sigsegv`, and the device's store arrives: `P` sees `D` in a page
# that it has made read-only. That is not a bug of one kernel. **Write protection is a bit in
# a page-table entry, and it binds the processor, which obeys it at each access.** A
# device was told a frame when the reference was taken. It does not ask the page table again,
# so it makes its **device write** whatever the entry says by then.
#
# In the picture both facts are lines. `P`'s line to frame #1 has become dashed, with a lock.
# The device's line is still solid, with a `W`.

# %%
end = play(guard_script, "v5.9").moments[-1].world
entry, device = end.pte("P", 0), end.reference("g")

assert entry.frame == device.frame == 1  # one frame, two ways to it
assert not entry.write  # the processor's way is closed,
assert device.write  # the device's is open

# %% [markdown]
# All rows for merged kernels agree about this script, and so does the ideal, the kernel that
# really copies at `fork`: no law is broken. Nobody promised `P` that the *content* stays. The
# promise of `mprotect(PROT_READ)` is about `P`'s own stores: they fault.

# %%
merged = [name for name in POLICIES if name.startswith("v")]
for kernel in (*merged, "ideal"):
    trace = play(guard_script, kernel)
    assert trace.moments[4].outcome == "sigsegv"
    assert [look.value for look in trace.readings] == ["D"]
    assert trace.verdict == "ok"
assert len(merged) == 8

# %% [markdown]
# > **In the kernel.** `mprotect` walks the page tables in `change_pte_range()`
# > (`mm/mprotect.c`) and clears the write bit of each entry. In no row for a merged kernel
# > does it ask then who else holds the page. In the thread Linus Torvalds drew from this
# > ([10 January 2021](https://lore.kernel.org/r/CAHk-=wgi31FKc9AL6m87+pb2B79V2g_QjdhmtJNW8Pnq2ERQ-Q@mail.gmail.com))
# > that it makes no sense to write-protect such a page: somebody else can write to it all the same.
# > Jason Gunthorpe [agreed](https://lore.kernel.org/r/20210111011837.GH504133@ziepe.ca): other code
# > may take *read-only* at its word. The scenario `pin-mprotect-dma` has this story.

# %% [markdown]
# ## 4.2 There and back: the trap
#
# `P` does not stay read-only. A garbage collector protects a page, looks at it undisturbed,
# opens it again and goes on storing. So: `mprotect r`, `mprotect rw`, a store of `P`, and
# then the device's store. There is no `fork` and no other process.
#
# **Predict**, left of the bar for `v5.7` (a store keeps its frame if mapcount is 1), right of
# it for `v5.9` (if page_count is 1). For a read, predict the letter.

# %%
trap_guess = """
P: write A
P: register g
P: mprotect r
P: mprotect rw
P: write B      -> ? | ?
g: write D
P: read         -> ? | ?
"""
compare(trap_guess, "v5.7", "v5.9")

# %% [markdown]
# Step through it. At line 4 look at `P`'s line: the *mapping* is writable again, but the
# *entry* still has its lock, as in lesson 1. Then go to line 5.

# %%
trap_script = """
P: write A
P: register g
P: mprotect r
P: mprotect rw
P: write B
g: write D
P: read
"""
step_through(
    trap_script,
    "v5.7",
    "v5.9",
    title="There and back",
    lede="Who is counted at line 5, and what does each kernel make of it?",
)

# %% [markdown]
# Under `v5.9` the store finds the write bit missing, so it faults. The kernel counts 1025 and
# copies. But *for whom* is that copy? There is no second process. The one in the count is the
# device, and it had been promised to stay together with `P`: this is a **wrong copy**. From
# now on `P` and its device are on two different frames, and `D` goes where nobody looks.
#
# Look at who did what. `mprotect r` did no harm, and neither did `mprotect rw`. The damage
# happens at the store, and the write bit was only its condition: as long as the entry is
# writable there is no fault, and a rule that is never asked cannot answer wrongly.

# %%
trace = play(trap_script, "v5.9")
_, _, pinned, closed, opened, stored, *_ = (moment.world for moment in trace.moments)

counts = [page_count(world, 1) for world in (pinned, closed, opened)]
assert counts == [1025, 1025, 1025]  # mprotect changes no count
assert opened.pte("P", 0).vma.prot == "rw"  # the mapping allows stores again,
assert not opened.pte("P", 0).write  # the entry does not: the trap is set
assert stored.pte("P", 0).frame != stored.reference("g").frame  # and has closed
assert trace.verdict == "stale"  # a promised reader sees an older value

# %% [markdown]
# ### Does it matter who takes the bit?
#
# `mprotect` is not the only one. `clear_refs` takes it to find out what a process writes (4.3).
# `userfaultfd` write-protection takes it so that a monitor hears of each store.
#
# **Predict** the verdict under `v5.9`, `"stale"` or `"ok"`, with these two in the place of
# `mprotect`.

# %%
taker_guess = {"clear_refs": None, "userfaultfd": None}
takers = {
    "mprotect": "P: mprotect r\nP: mprotect rw",
    "clear_refs": "P: clear_refs",
    "userfaultfd": "P: uffd_wp on\nP: uffd_wp off",
}


def trap(holder, taker):
    """A script: somebody holds P's page, the bit goes, P stores, the device stores."""
    bit = takers[taker]
    return f"P: write A\nP: {holder} g\n{bit}\nP: write B\ng: write D\nP: read"


said = {who: play(trap("register", who), "v5.9").verdict for who in taker_guess}
compare_answers(taker_guess, said)

# %% [markdown]
# It does not matter. And it does not take a long-term pin. `direct_read` is a read from disk
# with `O_DIRECT`, a reference for a few milliseconds:

# %% tags=["nbval-check-output"]
kernels = ("v5.7", "v5.9", "v5.11", "v5.18", "v5.19", "v6.5")
print(f"{'holder':11}  {'who takes the bit':17} ", *(f"{name:5}" for name in kernels))
for holder in ("register", "direct_read"):
    for taker in takers:
        verdicts = (play(trap(holder, taker), name).verdict for name in kernels)
        print(f"{holder:11}  {taker:17} ", *(f"{word:5}" for word in verdicts))

# %% [markdown]
# Two columns need a word now. `v5.7` is right in every line, because mapcount does not see
# devices; but it is the kernel that leaks (lesson 1). `v5.11` differs from `v5.9` in a single
# cell. How it does that, and why only there, is the next section. The last two columns are
# lesson 6.
#
# > **In the kernel.** That any operation which clears write bits sets this trap was Andrea
# > Arcangeli's point
# > ([7 January 2021](https://lore.kernel.org/r/20210107200402.31095-1-aarcange@redhat.com)):
# > `fork` may lead to a copy, but `clear_refs` or userfaultfd may not. The rule that makes
# > the copy is [09854ba94c6a](https://git.kernel.org/linus/09854ba94c6a), v5.9-rc4. On the
# > recorded kernels 5.10.262 and 5.18.12 a registered buffer was lost to `mprotect` and to
# > userfaultfd, and a direct read to `mprotect` and to `clear_refs`. On 5.4.1, 5.8.18,
# > 6.12.117 and 7.3.4 none was, wherever it could be run.

# %% [markdown]
# ## 4.3 clear_refs may leave a page alone
#
# A tool that moves a running process to another machine copies its memory while the process
# goes on, and then needs to know which pages have changed meanwhile. It writes `4` to
# `/proc/PID/clear_refs`; the kernel marks every page clean and takes the write bits away. The
# next store to a page faults, and the fault marks the page **soft-dirty**. Later the tool reads
# the marks. The documentation says that these faults are quick, because the page is still
# there and only bits have to be set: no copy is foreseen.
#
# **Predict.** This is Andrea Arcangeli's program from lesson 3, with a pin in the place of the
# direct read. `v5.11` has learnt something that `v5.9` did not know.

# %%
Predict(
    "andrea-clear-refs-pin",
    "v5.9",
    "v5.11",
    ask={3: "outcome", 4: "outcome", 5: "P"},
    title="clear_refs meets a pin",
    lede="The outcomes of clear_refs: done, or skipped if a page was left alone.",
)

# %% [markdown]
# `v5.11` does not spring the trap because it does not set it. `clear_refs` *skips* a page that
# is writable and may be pinned, and the store at line 4 is a hit.
#
# Is that allowed? What the tool gets is one page that is never marked clean. It will copy that
# page once more than needed, and nothing is wrong. It is even the better answer: a device
# write goes through no page table, so it can set no mark there. A page under a write pin that
# is reported clean may have changed all the same.
#
# And the kernel may *guess* here. "May be pinned" is page_count ≥ 1024 (lesson 3), and a false
# yes costs one useless report. But a guess that sees pins sees only pins:

# %% tags=["nbval-check-output"]
holders = {
    "registered": "P: register g",
    "in a pipe": "P: vmsplice g",
    "direct read": "P: direct_read g",
}
print(f"{'holder':12} ", *(f"{name:7}" for name in ("v5.9", "v5.11", "v6.5")))
for holder, line in holders.items():
    script = f"P: write A\n{line}\nP: clear_refs"
    outcomes = (
        play(script, name).moments[3].outcome for name in ("v5.9", "v5.11", "v6.5")
    )
    print(f"{holder:12} ", *(f"{word:7}" for word in outcomes))

# %% [markdown]
# The direct read, from Andrea Arcangeli's own program, is `FOLL_GET` until v6.4: it adds 1, and
# 1 looks like anything. That is why `v5.11` still loses it in the table of 4.2.
#
# > **In the kernel.** [9348b73c2e1b](https://git.kernel.org/linus/9348b73c2e1b), "mm: don't play
# > games with pinned pages in clear_page_refs", puts the question `pte_is_pinned()` into
# > `clear_soft_dirty()` (`fs/proc/task_mmu.c`);
# > [29a951dfb3c3](https://git.kernel.org/linus/29a951dfb3c3) makes `clear_refs` take the lock of
# > the address space for writing. Both are in v5.11-rc4. They mend what Andrea Arcangeli had shown for
# > pins, and leave the rule at the write fault as it is. Jason Gunthorpe
# > [had heard](https://lore.kernel.org/r/20210115183721.GG4605@ziepe.ca) of programs that rely on
# > `clear_refs` for pinned memory, without any copy: the migration of virtual machines by RDMA.

# %% [markdown]
# ## 4.4 Rule (c): never take the bit
#
# If skipping helps `clear_refs`, why not make a law of it? You know rules (a) and (b) of Linus
# Torvalds' mail of
# [11 January 2021](https://lore.kernel.org/r/CAHk-=wje9r3fREBdZcOu=NihGczBtkqkhXRPDhY-ZkNVv=thiQ@mail.gmail.com):
# a page becomes writable only when its page_count is 1, so it starts its writable life with
# nobody but the page tables. **Rule (c)** keeps it so: a writable page of a private mapping is
# never made read-only unless its page_count is 1.
#
# See what that buys. Let us call a page *held* if it is writable and somebody else is in its
# count. Under (c) a held page keeps its write bit, so its owner never faults there, so the
# question "copy or keep?" is never asked about it. The trap of 4.2 cannot be set by anybody,
# for pins and plain references alike, and no guess is needed.
#
# For `clear_refs` and userfaultfd, keeping the bit means skipping, and we saw that one can live
# with that. And `mprotect`? The mail with the rules does not say, and elsewhere in the thread
# its author left two readings open:
#
# - **refuse**: the call fails, with an error (`EBUSY`, say),
# - **skip**: the call succeeds and leaves that page writable.
#
# The row `linus-2021` refuses. The other reading is a *hybrid*: the same row with another
# answer in the cell `protect`. A decision is a Python function that looks at a page, as in 1.7.


# %%
def skip_held(page):
    """Rule (c), read as: leave a held page alone and say nothing."""
    return "skip" if page.writable and page.page_count > 1 else "protect"


linus_skip = POLICIES["linus-2021"].with_(protect=skip_held, name="linus-skip")

# %% [markdown]
# **Predict.** `P` asks for protection, then stores by mistake. Does anything stop it?

# %%
rule_c_script = """
P: write A
P: register g
P: mprotect r
P: write B
"""
Predict(
    rule_c_script,
    "linus-2021",
    linus_skip,
    ask={3: "outcome", 4: "outcome"},
    title="Rule (c), in both readings",
    lede="Under linus-2021 the call may fail, under linus-skip it may do nothing.",
)

# %% [markdown]
# Two new verdicts: `refused`, a call failed that ought to work, and `unprotected`, a store went
# through that ought to fault.
#
# *Refuse* is at least honest. But the manual page
# [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html) has no such error: a
# failure today means a wrong address, a right that cannot be had, or no memory. *Skip* says
# that the page is protected, and it is not. The same manual page gives POSIX's view: a system
# may permit more than was asked for, but a store only if `PROT_WRITE` was given. A program
# that makes its code or its tables read-only so that a stray store is stopped would be left
# without that guard, and would not learn of it.
#
# This is how Jerome Glisse's
# [answer of 12 January](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com) begins: rule (c)
# breaks `mprotect` with `PROT_READ`, and perhaps programs that use it for their security.
# `clear_refs` collects hints, and a missing hint costs time. `mprotect` gives a guarantee, and
# a missing guarantee is a wrong result.
#
# ### Who can make it fail?
#
# **Predict.** Whose references make `mprotect` fail under `linus-2021`? Write `"refused"` or
# `"done"`. The last one is a transient reference: the kernel itself, looking at the page for a
# moment.

# %%
holder_guess = {
    "registered": None,
    "in a pipe": None,
    "direct read": None,
    "kernel's look": None,
}
answers = {}
for holder, line in {**holders, "kernel's look": "kernel: hold P"}.items():
    trace = play(f"P: write A\n{line}\nP: mprotect r", "linus-2021")
    answers[holder] = trace.moments[3].outcome
compare_answers(holder_guess, answers)

# %% [markdown]
# All of them. The rule looks at a count, and a count does not say who it was: the program
# itself, another thread with a short read, or the kernel in passing. Jason Gunthorpe would have
# [let the call fail](https://lore.kernel.org/r/20210111011837.GH504133@ziepe.ca) if pins could be
# told *reliably*. Andy Lutomirski
# [did not like](https://lore.kernel.org/r/CALCETrWEAOj28Y6SaBVuxahuRmk9exp1fqcJO0ibGKbFw4HQ4A@mail.gmail.com)
# a `mprotect` that fails because another thread does a short I/O: such bugs come and go. And Matthew
# Wilcox
# [pointed at](https://lore.kernel.org/r/20210113021619.GL35215@casper.infradead.org) the
# kernel's passing looks. Linus Torvalds
# [agreed](https://lore.kernel.org/r/CAHk-=whxDS7DHHN=ZHCUskXu3A2h3Z5F427kTJqvc5P_8x8ecw@mail.gmail.com)
# then that the count cannot be taken as exact, and kept the bias of pins.
#
# In fairness to the rule: it does what it was made for. Under either reading no device's data
# are lost. Its author had also said
# ([10 January](https://lore.kernel.org/r/CAHk-=wgi31FKc9AL6m87+pb2B79V2g_QjdhmtJNW8Pnq2ERQ-Q@mail.gmail.com))
# what he thought of there and back, and that he was not happy with it: `PROT_READ` alone is
# harmless, since a store then is a `SIGSEGV` and no copy-on-write; whoever opens the page again
# and stores loses coherence. He could live with that as the program's own doing; he would rather
# have had a mark on the page (4.6). Whether it is a fair contract is what was disputed.

# %%
scripts = [
    trap(holder, taker) for holder in ("register", "direct_read") for taker in takers
]
assert set(answers.values()) == {"refused"}
for policy in ("linus-2021", linus_skip):
    assert "stale" not in {play(script, policy).verdict for script in scripts}

# %% [markdown]
# > **In the model.** Rule (c) is a few lines of `cowlab/policy.py`: `held()` says which pages it
# > is about, `protect_or_refuse()` is the row's answer. It asks the count *after* taking off a
# > swap cache that nobody needs. The mail stops at rules for small pages; what it leaves open,
# > and how it was read here, is in `docs/kernel.md`, section 3.

# %% [markdown]
# ## 4.5 Copy at mprotect
#
# Jerome Glisse's alternative, in the same mail and as a question: if page_count is not 1, let
# `mprotect` *copy* the page, map the copy read-only, and leave the old frame to whoever holds
# it. The program gets its guarantee, and the device keeps a frame to write to.
#
# **Predict.** `P` has started a read from disk with `O_DIRECT`. The disk is slow; as long as it
# has not answered, the read is **in flight**. Meanwhile another thread of `P` calls `mprotect`.
# Nobody but the disk stores anything.

# %%
flight_script = """
P: write A
P: direct_read g
P: mprotect r
g: write D
g: put
P: read
"""
Predict(
    flight_script,
    "v5.9",
    "jerome-mprotect",
    ask={3: "outcome", 4: "P"},
    title="A read in flight",
    lede="The disk answers at line 4. Into which frame?",
)

# %% [markdown]
# `read(2)` has returned, it reports success, and the data are not in the buffer. Under `v5.9`
# it takes a store of `P` to lose them; here it takes `mprotect` alone. Nothing that `P` did was
# wrong: starting a read and protecting a page are both its good right, and they may be in two
# threads that know nothing of each other.
#
# He was uneasy about it himself, in the same paragraph: about references that live for a short
# time, a direct read that races with `mprotect` or with page migration, as against those
# without an end, such as RDMA. Here is the endless kind. **Predict** first in your head: which
# of the two stores of the device will `P` ever see?

# %%
endless_script = """
P: write A
P: register g
P: mprotect r
g: write D
P: read
P: mprotect rw
P: write B
g: write E
P: read
"""
step_through(
    endless_script,
    "v5.9",
    "jerome-mprotect",
    title="A reference without an end",
    lede="From which line on do P and the device no longer meet?",
)

# %% [markdown]
# Neither, under `jerome-mprotect`. After line 3 the registered buffer is a page that `P` cannot
# reach. Compare the two:
#
# | | the read in flight | the registered buffer |
# |---|---|---|
# | page_count at `mprotect` | 2 | 1025 |
# | what is lost | the data of this one read | everything from now on |
# | who knows that there is a reference | perhaps only another thread | the program: it registered the page |
# | can the program avoid it? | only if it waits for every I/O | it can protect first and register afterwards |
#
# That is why a copy may look right for one and wrong for the other. Two days before, Jason
# Gunthorpe had [thought of](https://lore.kernel.org/r/20210111011837.GH504133@ziepe.ca) a copy at
# `mprotect` too, for pages that a device writes to: the program parts from its device *explicitly*, as it does
# with `munmap`. Nobody parts explicitly from a read that is in flight.
#
# ### Can the kernel tell them apart?
#
# The counts in the table differ. So copy only what may be pinned:


# %%
def copy_pinned(page):
    """Part from long users only: a pin is in the count with 1024."""
    if page.asker == "mprotect" and page.writable and page.maybe_dma_pinned:
        return "copy"
    return "protect"


copies = POLICIES["v5.9"].with_(protect=copy_pinned, name="copy-pinned")
pins = copies.with_(users=POLICIES["v6.5"].users, name="copy-pinned, 6.5")

# %% [markdown]
# `pins` is the same rule in a world where direct I/O takes `FOLL_PIN`, as block devices do
# since v6.5. **Predict** the letter that `P` reads at the end of `flight_script`, and of the
# script of 4.2 with a direct read.

# %%
apart_guess = {
    "copies, in flight": None,
    "pins, in flight": None,
    "copies, there and back": None,
}
there_and_back = trap("direct_read", "mprotect")
runs = {
    "copies, in flight": (flight_script, copies),
    "pins, in flight": (flight_script, pins),
    "copies, there and back": (there_and_back, copies),
}
letters = {name: play(*run).readings[-1].value for name, run in runs.items()}
compare_answers(apart_guess, letters)

# %% [markdown]
# Half a success. The short read survives `mprotect` itself, and is lost at the next store,
# because the count rule is still there. And since direct I/O takes pins too, 1024 in the count no
# longer means "for long". `FOLL_LONGTERM` is said in the *call*; nothing in the page remembers
# it. The kernel cannot know how long a reference will last.

# %%
assert letters["copies, in flight"] == "D"  # what the disk stored has arrived
assert letters["pins, in flight"] == "A"  # the guess takes it for a long one
assert letters["copies, there and back"] == "B"  # the count rule has lost it

# %% [markdown]
# > **In the kernel.** Block devices pin for direct I/O since
# > [a7e689dd1c06](https://git.kernel.org/linus/a7e689dd1c06) (v6.5). Copying at `mprotect` was
# > never merged. No direct answer to Jerome Glisse's mail was found. Andy Lutomirski's mail,
# > linked above, has another idea, with doubts, for short references that only read: let a later
# > copy *wait* until they are gone.
#
# **Your turn.** Under `jerome-mprotect` the device `g` has just been left behind. With two more
# lines a device's store reaches `P` again. Which two? And how would a program know that it has
# to do the first? Choose from the menu; undo is free.

# %%
Sandbox(
    "P: write A\nP: register g\nP: mprotect r\nP: mprotect rw\nP: write B",
    "jerome-mprotect",
    title="Left behind",
    lede="g stores into a frame that nobody maps. Let a device's store reach P again.",
)

# %% [markdown]
# ## 4.6 Four answers, one table
#
# `protect` has four possible answers for a held page: protect it all the same, skip it, refuse,
# or copy it. You have met all four. Here they are in one kernel, `v5.9`, with everything else
# equal, and four scripts that each ask for one thing a program may expect:
#
# | script | what it asks for |
# |---|---|
# | `mprotect-refused` | after `mprotect r` my stores fault |
# | `pin-mprotect-dma` | the device's data arrive while the page is read-only |
# | `pin-mprotect` | they arrive after there and back and a store |
# | `direct-io-mprotect` | so do the data of a read in flight |
#
# **Predict.** How many of the four scripts end in `ok`, for each answer?

# %%
table_guess = {"protect": None, "skip": None, "refuse": None, "copy": None}
wishes = ("mprotect-refused", "pin-mprotect-dma", "pin-mprotect", "direct-io-mprotect")


def with_answer(kernel, answer):
    """That kernel, with one answer for every held page."""

    def decide(page):
        return answer if page.writable and page.page_count > 1 else "protect"

    return POLICIES[kernel].with_(protect=decide)


def verdicts(policy):
    return [play(wish, policy).verdict for wish in wishes]


held_pages = {answer: verdicts(with_answer("v5.9", answer)) for answer in table_guess}
compare_answers(table_guess, {a: row.count("ok") for a, row in held_pages.items()})

# %% tags=["nbval-check-output"]
print(f"{'v5.9':8}", *(f"{wish:18}" for wish in wishes))
for answer, row in held_pages.items():
    print(f"{answer:8}", *(f"{word:18}" for word in row))

# %% [markdown]
# No row is `ok` from end to end. *Skip* is the best of them for the device, and the only one
# that says "protected" of a page that is not. Would a cleverer function help? The first three
# scripts begin with the same three lines, and the third is `mprotect`: whatever a function looks
# at there, it sees the same three times, and can only give one answer. To pass the first column
# the answer must take the bit away, or move `P` off the frame. With `P` moved off, the second
# column fails; with the bit gone, the third does.
#
# Read the last half sentence again. *With the bit gone, the third column fails*: because of what
# the next **write fault** decides, and that is not `mprotect`. Take the kernel that decides
# differently there, v5.19, and the same four answers:

# %% tags=["nbval-check-output"]
print(f"{'v5.19':8}", *(f"{wish:18}" for wish in wishes))
for answer in table_guess:
    row = verdicts(with_answer("v5.19", answer))
    print(f"{answer:8}", *(f"{word:18}" for word in row))

# %% [markdown]
# The oldest and simplest answer, protect and ask nobody, is right in all four, once the write
# fault no longer goes by the count of references. What v5.19 goes by is a mark on the page which
# says "this page is its owner's alone" and which stays when the write bit goes. In his mail of
# 10 January Linus Torvalds had called such a mark the best way. It is the subject of lesson 6.
#
# So who was right in January 2021? *Linus Torvalds*: a bit that was never taken sets no trap, and
# for pins and `clear_refs` that is what was merged. *Jerome Glisse*: it cannot be done to
# `mprotect`. *Andrea Arcangeli*: it goes wrong at the fault, so the fault has to be mended. His
# way was mapcount again, with the leak of lesson 1 closed where references are taken. Mapcount
# did not come back; unsharing a page when a pin is taken came with v5.19.
#
# > **In the kernel.** [6c287605fd56](https://git.kernel.org/linus/6c287605fd56) (v5.19) keeps the
# > mark across `mprotect` and `clear_refs`.
# > [64fe24a3e05e](https://git.kernel.org/linus/64fe24a3e05e) (v6.0) goes one step further: when
# > `mprotect` gives the right to write back and the page carries the mark, the entry becomes
# > writable at once, and the store after there and back is a hit.

# %%
stores = {
    name: play(trap_script, name).moments[5].outcome for name in ("v5.19", "v6.5")
}
assert stores == {"v5.19": "reuse", "v6.5": "hit"}

# %% [markdown]
# **Your turn.** Here is `v5.9` with the cell `protect` open. Choose other answers, or write your
# own, and look at what changes in all 138 scenarios and in a small search. Then open `reuse` and
# see what a change there can do that none in `protect` could.

# %%
PolicyEditor("v5.9", "protect")

# %% [markdown]
# ## 4.7 Optional: rule (d), swap, migration
#
# *Skip this section if time is short: the main line of the course does not need it.*
#
# There is one more way to lose a write bit: the whole entry goes. When memory is short, the
# kernel takes a page out (`kernel: swap_out P`). Between "mapped" and "on disk" a page is in the
# **swap cache**, which is one more user in its count, and a page that a load brings back is mapped
# read-only at first (so in all our rows; today's kernels map an exclusive page writable at once).
#
# Here a direct read is in flight while reclaim takes the page out. `P` reads it back in, then
# stores. **Predict** the outcomes of lines 3 and 5, left for `v5.18`, right for `linus-2021`.

# %%
swap_guess = """
P: write A
P: direct_read g
kernel: swap_out P  -> ? | ?
P: read
P: write B          -> ? | ?
g: write D
P: read             -> ? | ?
"""
compare(swap_guess, "v5.18", "linus-2021")

# %%
swap_script = """
P: write A
P: direct_read g
kernel: swap_out P
P: read
P: write B
g: write D
P: read
"""
step_through(
    swap_script,
    "v5.18",
    "linus-2021",
    title="Reclaim and a read in flight",
    lede="What is in the count of frame #1 at lines 3 and 4?",
)

# %% [markdown]
# This is what **rule (d)** is for, the last of the four: a writable page of a private mapping is
# never turned into a swap-cache page. It would have to be made read-only first, and that (c) allows
# only at a count of 1. So reclaim leaves held pages alone, and this is how (d) is read here. Its
# author named the difficulty himself: reclaim enters a page into the swap cache *before* it takes
# it out of the page tables, and would have to begin at the other end. For pins something like it
# was merged:

# %% tags=["nbval-check-output"]
print(f"{'holder':12} ", *(f"{name:7}" for name in ("v5.9", "v5.11", "v6.5", "linus")))
for holder, line in holders.items():
    script = f"P: write A\n{line}\nkernel: swap_out P"
    rows = ("v5.9", "v5.11", "v6.5", "linus-2021")
    outcomes = (play(script, name).moments[3].outcome for name in rows)
    print(f"{holder:12} ", *(f"{word:7}" for word in outcomes))

# %% [markdown]
# > **In the kernel.** [feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa), "mm: don't put
# > pinned pages into the swap cache", v5.11-rc4. Its text warns against the other direction: to
# > *keep* a page at a write fault because it may be pinned would be a serious mistake, since a
# > false yes would then be a leak. A guess may decide only where an error costs a copy, or a page
# > that stays in memory.
#
# And **page migration**, the other race of Jerome Glisse's mail? The kernel moves a page to
# another frame only if it knows everybody in the count. Somebody unknown makes it give up, under
# every rule of this course, so a held page stays where it is:

# %%
for name in POLICIES:
    moved = play("migrate-direct-io", name)
    assert [moment.outcome for moment in moved.steps][2] == "skipped"
    assert moved.verdict == "ok"

# %% [markdown]
# ## What you know now
#
# - Write protection is a bit that the processor reads. A device that holds the frame goes on
#   writing, and `mprotect` has never promised otherwise.
# - Under a count rule, whoever clears the write bit of a held page sets a trap: the next store
#   faults, counts the device, and copies away from it.
# - `clear_refs` may skip a page that may be pinned, because an extra "dirty" costs little.
#   `mprotect` may not: refused, it fails by accident; skipped, it lies.
# - Copying at `mprotect` keeps the guarantee and loses the device: one read in flight, or
#   everything that a registered buffer will ever receive. The count cannot tell which.
# - No answer at `mprotect` satisfies everybody. The write fault has to know more than a count.
#
# Now the exercises: `exercises/04_mprotect.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | device write | a store by a device into the frame that it holds; no page-table entry is asked |
# | soft-dirty | a mark per page, "written since the last `clear_refs`"; set by the write fault, so a device write does not set it |
# | in flight | an I/O that has been started and has not finished; it holds its pages so long |
# | swap cache (optional) | where a page is between being mapped and being on disk; one more user in page_count |
#
# ## Further reading
#
# 1. Jerome Glisse's mail of 12 January 2021,
#    [20210112235104.GA490399@redhat.com](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com),
#    with the rules (a) to (c) that it quotes. You can now read its first half word by word; the
#    second is lesson 5.
# 2. [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html): what is promised, and
#    which errors there are.
# 3. [Soft-Dirty PTEs](https://docs.kernel.org/admin-guide/mm/soft-dirty.html), in the kernel's
#    documentation: a page long. Look for what it says about the cost of the faults.
#
# ## Sources, and what is uncertain
#
# - Titles, releases and hashes of commits, and the mails: `docs/kernel.md`, section 7. Recorded
#   kernels: the scenarios `s09_uring_mprotect`, `s09_uring_uffdwp`, `s09_uring_clearrefs`,
#   `s19_direct_mprotect`, `s19_direct_clearrefs` and `s16_mprotect_pinned_pipe`. The rows `v5.9`
#   and `v5.19` have no recording of their own.
# - `linus-2021` and `jerome-mprotect` are readings of mails. Jerome Glisse wrote of `mprotect`
#   only; that `clear_refs` and userfaultfd then skip a held page is this project's completion.
#   What he was uneasy about he said in half a sentence; the table in 4.5 is our elaboration.
# - That garbage collectors and compilers use `mprotect` so, and how tools use `clear_refs`, is
#   general knowledge; Jerome Glisse's mail speaks of security. A machine with an IOMMU has tables
#   for devices as well; `mprotect` does not change these. Devices that follow the processor's page
#   tables hold no pin and are not meant.
# - `clear_refs` skips small pages only: a pinned huge page lost its write bit on every recorded
#   kernel (`s13_thp_uring_clearrefs`). That migration gives up is from memory.
# - Left out: ranges of several pages, where refusing in the middle would leave half of them
#   protected; and the races between processors that the thread began with, where a write bit is
#   cleared and the TLB is flushed later (`cowlab/atlas/OUTSIDE.md`).
