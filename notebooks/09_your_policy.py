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
# # 9. Your policy
#
# **The question.** You have seen fifteen sets of rules. Those that never copied needlessly
# leaked; those that kept every promise, or all but one, copied where nobody needed it. From the
# mail that began the argument to the patches that ended it took sixteen months. *Can you write a
# rule that keeps every promise, and copies less than any of them?* You have two things that the
# people of the thread did not have: a search that finds the hole in a proposal within a second,
# and a world with one processor.
#
# After this lesson you can
#
# - name the decisions of a policy and write your own,
# - show that a decision *cannot* be right, whatever it answers, because of what it cannot see,
# - improve a hybrid step by step, led by counterexamples,
# - count what a policy costs, and say by a fingerprint whether two policies are the same,
# - present a policy: what it keeps, within which bounds, at which price, and what it leaves open.
#
# **Time:** about 60 minutes. **You need:** lessons 1 to 7. Lesson 8 is not needed here.

# %%
from cowlab import POLICIES, PageInfo, mapcount, play, scenarios
from cowlab.check import check
from cowlab.explore import explore
from cowlab.laws import LAWS
from cowlab.matrix import explore_policy
from cowlab.model import Bounds, Memory
from cowlab.views import (
    MatrixView,
    PolicyEditor,
    Predict,
    cost_chart,
    fork_costs,
    policy_tree,
)
from cowlab.views.guesses import compare_answers, step_through

# %% [markdown]
# ## 9.1 What a policy decides
#
# A policy is a row of **decisions**. Each is asked one question about one page, and answers
# with a word. These five are the ones to design:
#
# | decision | is asked | may answer |
# |---|---|---|
# | `reuse` | a store hits a read-only entry: keep the frame? | `reuse` `copy` `push` |
# | `gup` | somebody wants a reference to read | `take` `break` `unshare` |
# | `fork` | the page is inherited | `share` `copy` `mark` |
# | `protect` | `mprotect`, `clear_refs`, userfaultfd take the right to write | `protect` `skip` `refuse` `copy` |
# | `swap` | may reclaim take it out; at swap-in, is it mine alone? | `True` `False` |
#
# (`push` keeps the frame and gives everybody else a copy; `mark` shares, and notes that the page was
# inherited: both are of lesson 5. `break` and `unshare` are of lessons 2 and 6.
# There are four more, which describe a release: `users`, `huge`, `drain`, `mkwrite`. Leave
# them as they are.)
#
# Who has decided what, and who took it from whom? Click on a row of the tree: it shows what
# that row changed, with the commit or the mail.

# %%
policy_tree()

# %% [markdown]
# A decision sees a `PageInfo` and nothing else: counts and flags, as the kernel does, no names
# and no history. To see what it sees, we write a decision that takes notes and then answers as
# another one would. `with_` puts it into a row. A row with a foreign decision is a **hybrid**.


# %% tags=["nbval-check-output"]
def told(page):
    """A PageInfo in short: what is not as in the plainest page."""
    plain = PageInfo()._asdict()
    odd = [f"{k}={v}" for k, v in page._asdict().items() if v != plain[k]]
    return ", ".join(odd) or "a page like any other"


def asked(script, policy):
    """What the reuse decision of a row is asked while a script is played."""
    notes = []

    def reuse_and_note(page):
        notes.append(page)
        return POLICIES[policy].reuse(page)

    play(script, POLICIES[policy].with_(reuse=reuse_and_note))
    return notes


leak = "P: write A\nP: fork C\nC: vmsplice g\nC: munmap\nP: write S"
for page in asked(leak, "v5.9"):
    print(told(page))

# %% [markdown]
# (Left out is what is as in the plainest page, here `mapcount=1`. `gup_flag` says that GUP has touched
# the page; only the row `andrea-2009` looks at it.)
#
# > **In the kernel.** `reuse` is asked in `do_wp_page()` (`mm/memory.c`; today it looks at
# > `PageAnonExclusive()` and then at `wp_can_reuse_anon_folio()`), `gup` in
# > `gup_must_unshare()` ([a7f226604170](https://git.kernel.org/linus/a7f226604170)), `fork`
# > in the sharing step that can fail since
# > [fb3d824d1a46](https://git.kernel.org/linus/fb3d824d1a46), `protect` where protections change
# > (for `clear_refs`: [9348b73c2e1b](https://git.kernel.org/linus/9348b73c2e1b)), and `swap` in
# > reclaim and `do_swap_page()`
# > ([feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa),
# > [c145e0b47c77](https://git.kernel.org/linus/c145e0b47c77)).

# %% [markdown]
# ## 9.2 Two situations, one PageInfo
#
# Before you write a rule, find out what no rule can do. Here are two scripts. In both, a pipe
# holds the page and `P` is the only process left on it. In the first the pipe is the *child's*,
# in the second it is `P`'s own.
#
# **Predict** for `v5.9`: what happens at `P`'s last store, and what does the pipe see?

# %%
Predict(
    leak + "\ng: read",
    "v5.9",
    ask={5: "outcome", 6: "g"},
    title="The child's pipe",
    lede="P has to move away, or g sees S.",
)

# %%
own_pipe = "P: write A\nP: vmsplice g\nP: fork C\nC: exit\nP: write S"
Predict(
    own_pipe + "\ng: read",
    "v5.9",
    ask={5: "outcome", 6: "g"},
    title="P's own pipe",
    lede="Nobody but P has ever put this page anywhere. Does P have to copy?",
)

# %% [markdown]
# In the first script the copy is needed. In the second it is needless. And now look at what the
# decision was told:

# %% tags=["nbval-check-output"]
for name, script in {"the child's pipe": leak, "P's own pipe": own_pipe}.items():
    print(f"{name:17} {told(asked(script, 'v5.9')[-1])}")

assert asked(leak, "v5.9")[-1] == asked(own_pipe, "v5.9")[-1]

# %% [markdown]
# The two pages are the same to the last flag. So *every* `reuse` decision in the world answers
# both scripts alike: it leaks in the first or copies needlessly in the second. No cleverness
# helps, unless *another* decision makes the two situations different **before** the store:
#
# - `gup` could treat a reference to a shared page otherwise than one to a page of one's own
#   (in the first script the page was shared at line 3, in the second it was not at line 2);
# - `fork` could do something about a page that is held already.
#
# That is the way to think about a policy: not "what should `reuse` answer?" but "who has to leave
# a trace, and when, so that `reuse` can know?" `PG_anon_exclusive` is such a trace.

# %% [markdown]
# ## 9.3 A judge and a bill
#
# A policy is judged twice. First the promises, by a complete search. The bounds are those of
# lesson 7 and one verb more, a long-term pin that only reads:

# %%
EVENTS = (
    *("write", "fork", "exit", "munmap", "mprotect r", "mprotect rw", "clear_refs"),
    *("vmsplice", "direct_read", "register", "pin longterm", "g: write", "put"),
)
BOUNDS = Bounds(events=EVENTS, holds=0)


def judge(policy, bounds=BOUNDS):
    """Print which laws a policy breaks, each with a shortest witness."""
    report = check(policy, bounds)
    end = "complete" if report.complete else f"not complete: {report.stopped}"
    print(f"{policy.name}: {report.states:,} states, {end}")
    for law in LAWS:
        if report.holds(law) is False:
            print(f"  {law:13} {report.script(law).strip().replace(chr(10), '; ')}")
    if all(report.holds(law) for law in LAWS if law != "economy"):
        print("  every promise is kept")


# %% [markdown]
# Then the price. **Economy** as a law says only whether *one* needless copy can be made. For a
# bill we count copies in seven everyday programs, each with four pages.


# %%
def program(*lines):
    """P writes four pages, then these lines; `P: write B` stands for all four pages."""
    text = [f"P: mmap anon @{n}" for n in (1, 2, 3)]
    for line in ("P: write A", *lines):
        every = range(4) if " write " in line and not line.startswith("g") else [0]
        text += [f"{line} @{n}" if n else line for n in every]
    return "\n".join(text)


EVERYDAY = {
    "command": program("P: fork C", "C: exit", "P: write B"),
    "snapshot": program("P: fork C", "P: write B", "C: exit", "P: write D"),
    "worker": program("P: fork C", "C: write B", "P: write D"),
    "buffer": program("P: register g", "P: fork C", "C: exit", "P: write B"),
    "disk": program("P: direct_read g", "P: fork C", "C: exit", "P: write B"),
    "pipe": program("P: vmsplice g", "P: fork C", "C: exit", "P: write B"),
    "look-up": program("kernel: hold P", "P: fork C", "C: exit", "P: write B"),
}


def bill(policies):
    """Print the copies in each program, and how many of all were needless."""
    print(f"{'copies':20}", *EVERYDAY, " needless", sep="  ")
    for policy in policies:
        played = [play(script, policy) for script in EVERYDAY.values()]
        counts = [
            f"{trace.copies:{len(name)}}"
            for trace, name in zip(played, EVERYDAY, strict=True)
        ]
        wasted = sum(trace.needless_copies for trace in played)
        print(f"{policy.name:20}", *counts, f"{wasted:9}", sep="  ")


# %% [markdown]
# A *command* is fork and exec: the child is gone at once. A *snapshot* is a child that writes the
# parent's memory to a disk while the parent goes on. In *buffer*, *disk* and *pipe* somebody holds
# one of the four pages. In *look-up* the kernel itself does, for a moment.
#
# **Predict.** Copy at `fork`, always; that is the ideal. And never reuse: copy at each fault. Both
# are put into `v6.5`. Does each keep every promise (`yes` or `no`)? How many copies does each make
# in *command*?

# %%
careful_guess = {
    "always copy at fork: keeps all": None,
    "always copy at fork: copies in command": None,
    "never reuse: keeps all": None,
    "never reuse: copies in command": None,
}


# %%
def always(page):
    return "copy"


copier = POLICIES["v6.5"].with_(fork=always, name="always copy at fork")
never = POLICIES["v6.5"].with_(reuse=always, name="never reuse")
careful_truth = {}
for policy in (copier, never):
    kept = check(policy, BOUNDS, LAWS[:-1])  # the last law is economy
    keeps = all(kept.holds(law) for law in LAWS[:-1])
    careful_truth[f"{policy.name}: keeps all"] = "yes" if keeps else "no"
    copies = play(EVERYDAY["command"], policy).copies
    careful_truth[f"{policy.name}: copies in command"] = copies
compare_answers(careful_guess, careful_truth)

# %% tags=["nbval-check-output"]
judge(copier)
judge(never)
print()
bill([copier, never, POLICIES["v5.7"], POLICIES["v6.5"]])

# %% [markdown]
# To copy always is safe and pays for it at every `fork`. *Never to reuse is not even safe*: whoever
# copies leaves somebody behind. Step through its witness; it has two lines.

# %%
step_through(
    "P: pin g longterm\nP: write A\ng: read",
    never,
    "v6.5",
    title="Too careful",
    lede="The more cautious rule loses data. What is g promised?",
)

# %% [markdown]
# This is the whole difficulty once more. Towards a stranger a copy too many is harmless, towards
# one's own device it is data lost. So at a store there is no safe side to err on, and a rule that
# only gets *stricter* does not get better. (At `fork` there is one, and it is dear.)

# %% [markdown]
# ## 9.4 A first design
#
# We begin with somebody who came close. Within lesson 7's bounds `andrea-2021` never copied
# needlessly: the map count decides, and a reference to a shared page gets a copy first
# (`unshare`). Two promises are broken:

# %% tags=["nbval-check-output"]
andrea = POLICIES["andrea-2021"]
judge(andrea)

# %% [markdown]
# Both witnesses have the same shape: the reference was there *before* `fork`. Then `gup` had
# nothing to unshare, and `reuse` cannot know (section 9.2). Only `fork` can do something: it sees
# that somebody holds the page, and copies it for the child. `linus-2021` does that, for a
# *writable* page whose count is not explained by its mapping. We take its decision:

# %% tags=["nbval-check-output"]
mixed = andrea.with_(fork=POLICIES["linus-2021"].fork, name="first try")
judge(mixed)

# %% [markdown]
# Not better: three promises are broken now. Do not guess why, ask the search. Step through two of
# the witnesses.

# %%
witness = check(mixed, BOUNDS).script("dma-isolation")
step_through(
    witness,
    mixed,
    title="First try, first witness",
    lede="fork was asked at line 3. Which condition of the rule was not met, and why?",
)

# %% [markdown]
# The page was held and *not writable*: `mprotect` had taken the right to write away, and with it
# the reason to copy. In Linus Torvalds' rules that cannot happen, for rule (c) refuses the
# `mprotect`. **Decisions of one row lean on each other.** Whoever takes one of them out has to
# take along what it leans on, or replace it.
#
# The second witness, for coherence, begins with a read pin on an untouched page. What `pin` gets
# there is a page of its own, mapped read-only, and so again not writable. The repair is the same:
# copy whatever has a reference, writable or not.


# %% tags=["nbval-check-output"]
def fork_copy_referenced(page):
    """Copy what has more in its count than mappings and swap cache."""
    others = page.page_count - page.mapcount - page.in_swapcache
    return "copy" if others > 0 else "share"


design = andrea.with_(fork=fork_copy_referenced, name="design 1")
judge(design)

# %% [markdown]
# Every promise is kept, by a small function that needs neither an exclusive flag nor a difference
# between `FOLL_GET` and `FOLL_PIN`. Why does it work? Read the three decisions together, as one invariant:
#
# > A frame that somebody holds is mapped by at most one process.
#
# `gup` sees to it when a reference is taken, `fork` when a page would be shared. If it holds, then
# whoever is alone on the frame (map count one) and finds a reference there knows that it is their
# own, and `reuse` by the map count is right.
#
# Does it hold? An invariant can be searched for like a law. The search also looks whether
# something comes true in *some* state; we ask for the opposite of the invariant.


# %%
def held_and_shared(state):
    """Some frame but that of zeros (0) is held, and mapped more than once."""
    held = {reference.frame for reference in state.world.references} - {None, 0}
    return any(mapcount(state.world, frame) > 1 for frame in held)


for policy, sometimes in ((design, False), (andrea, True), (POLICIES["v6.5"], True)):
    model = Memory(policy, BOUNDS)
    model.sometimes["held and shared"] = held_and_shared
    assert explore(model).sometimes["held and shared"] is sometimes

# %% [markdown]
# > **In the kernel.** "A page that somebody holds belongs to one process" is the invariant of
# > 2009 as well (row `andrea-2009`,
# > [mail](https://lore.kernel.org/r/20090316135654.GA17949@random.random)), and the one of v5.19 for
# > pins ([6c287605fd56](https://git.kernel.org/linus/6c287605fd56)). What differs is how it is
# > remembered, and who takes part. The debugging checks of
# > [b6a2619c60b4](https://git.kernel.org/linus/b6a2619c60b4) watch it.

# %% [markdown]
# ## 9.5 Find the hole in your own design
#
# A complete search is a fact about these bounds. So choose other bounds, on purpose: larger ones,
# other pages, and above all verbs that the design did not think of.
#
# **Predict** for each of them: does `design 1` keep its five promises (`yes` or `no`)?

# %%
hole_guess = {
    "three processes": None,
    "two references": None,
    "huge pages": None,
    "hugetlb pages": None,
    "swap": None,
}

# %%
elsewhere = {
    "three processes": BOUNDS._replace(processes=3),
    "two references": BOUNDS._replace(references=2),
    "huge pages": BOUNDS._replace(kind="thp"),
    "hugetlb pages": BOUNDS._replace(kind="hugetlb"),
    "swap": BOUNDS._replace(events=(*EVENTS, "swap_out")),
}


def keeps(policy, bounds):
    """Whether a policy keeps all five promises; None if the search ended too early."""
    report = check(policy, bounds, LAWS[:-1])
    held = [report.holds(law) for law in LAWS[:-1]]
    return False if False in held else None if None in held else True


hole_truth = {
    where: {True: "yes", False: "no", None: "unknown"}[keeps(design, bounds)]
    for where, bounds in elsewhere.items()
}
compare_answers(hole_guess, hole_truth)

# %%
swapped = check(design, elsewhere["swap"]).script("isolation")
step_through(
    swapped + "g: read\n",
    design,
    title="What fork was never asked",
    lede="At line 3 the page is not there. Who has the reference, and who knows of it?",
)

# %% [markdown]
# At line 2 reclaim takes the page out of `P`'s page table, although `g` holds the frame. At line 3
# there is no page to ask about, only a swap entry, which `fork` shares. The frame is found again
# in the swap cache, and now two processes map it and somebody holds it: the invariant is gone.
#
# Swap made trouble in the kernel too, by other scripts, and there are two answers: reclaim leaves
# a pinned page alone
# ([feb889fb40fa](https://git.kernel.org/linus/feb889fb40fa), v5.11), and the exclusive flag travels
# in the swap entry ([1493a1913e34](https://git.kernel.org/linus/1493a1913e34), v5.19). Our design
# takes the first way, for every reference:


# %% tags=["nbval-check-output"]
def swap_unreferenced(page):
    """Reclaim leaves what is held; a swap-in asks who else maps or names it."""
    if page.asker == "reclaim":
        return page.page_count - page.mapcount - page.in_swapcache == 0
    return page.mapcount + page.swapcount == 1


design = andrea.with_(
    fork=fork_copy_referenced, swap=swap_unreferenced, name="design 2"
)
for where, bounds in elsewhere.items():
    print(f"{where:15}  design 2 keeps every promise: {keeps(design, bounds)}")

hugetlb = keeps(POLICIES["v6.5"], elsewhere["hugetlb pages"])
print(f"hugetlb pages    v6.5 keeps every promise: {hugetlb}")

# %% [markdown]
# In this model `design 2` keeps its promises even where `v6.5` does not. On hugetlb pages the write
# fault asks the map count in every row, and never sees a pipe. That is harmless as long as no held
# page is shared, and in `v6.5` a page in a pipe may be.
#
# ## 9.6 The price
#
# Now the bill.

# %% tags=["nbval-check-output"]
bill([POLICIES[name] for name in ("v5.7", "v5.9", "v6.5", "andrea-2021")])
bill([design])

# %% [markdown]
# Hardly dearer than the others, and the two needless copies are of the kind which `v6.5` makes as
# well. But *when* are they made? Look at what `fork` costs when more and more pages are held, by
# somebody who does not mind to lose the parent's later stores: pipes.

# %%
cost_chart(
    fork_costs([POLICIES["v5.7"], POLICIES["v6.5"], design], pages=8, verb="vmsplice")
)

# %% [markdown]
# `design 2` pays at `fork`, always, for each page that anybody holds for any reason. `v6.5` pays
# later, and only for what the parent then stores to. A process with much memory in pipes, or a
# machine with many passing look-ups, would copy at each `fork` for nothing.
#
# > **In the kernel.** That price was known. The proposal of 2009 marks the pages that GUP has
# > touched (`PG_gup`) just to keep `fork` from copying for the references of LRU batches, which had
# > been measurable ([the same mail](https://lore.kernel.org/r/20090316135654.GA17949@random.random)).
# > Pins are told from other references by
# > a bias of 1024 since [3faa52c03f44](https://git.kernel.org/linus/3faa52c03f44) (v5.7), and
# > [70e806e4e645](https://git.kernel.org/linus/70e806e4e645) copies at `fork` only what may be
# > *pinned*, in a process that has ever pinned.
#
# The largest bill that we have is the atlas: 138 scenarios, some of them recorded on real kernels,
# most of them made to hurt. (A few are about a counter that overflows, which is none of the
# decisions' business.)


# %% tags=["nbval-check-output"]
def atlas_bill(policy):
    """Scenarios with a broken promise, copies, needless copies."""
    traces = [play(scenario, policy) for scenario in scenarios().values()]
    broken = sum(trace.verdict not in ("ok", "snapshot") for trace in traces)
    copies = sum(trace.copies for trace in traces)
    return broken, copies, sum(trace.needless_copies for trace in traces)


print(f"{'over the atlas':20}  broken  copies  needless")
for policy in (*POLICIES.values(), copier, never, design):
    broken, copies, needless = atlas_bill(policy)
    print(f"{policy.name:20}  {broken:6}  {copies:6}  {needless:8}")

# %% [markdown]
# Two numbers have to be small, and they pull against each other. `jerome-fork-reuse` copies least
# of all the proposals, and look at its first column. Do not read too much into a single unit: the
# atlas is a collection and no sample of what machines do.

# %% [markdown]
# ## 9.7 Is it new?
#
# When are two policies the same? Not when their code is: `page_count == 1` and `page_count < 2`
# are two texts and one rule. They are the same *within bounds* if they answer alike whatever comes
# up there. The **fingerprint** of a policy is a hash of all questions that it was asked, with its
# answers. Equal fingerprints mean: the same policy, within these bounds.


# %% tags=["nbval-check-output"]
def fewer_than_two(page):
    return "reuse" if page.page_count < 2 else "copy"


mine = POLICIES["v5.9"].with_(reuse=fewer_than_two, name="mine")
for policy in (POLICIES["v5.9"], mine, POLICIES["v5.11"], POLICIES["v5.18"], design):
    print(f"{policy.name:9} {check(policy, BOUNDS).policy.fingerprint}")

# %% [markdown]
# `mine` is `v5.9`, in other words. And `v5.11` and `v5.18` are the same row here, although they are
# different kernels: what changed between them is how huge and swapped pages are counted, and within
# these bounds there are none. With huge pages they part:

# %%
huge = BOUNDS._replace(kind="thp")
small_prints = {
    check(POLICIES[n], BOUNDS).policy.fingerprint for n in ("v5.11", "v5.18")
}
huge_prints = {check(POLICIES[n], huge).policy.fingerprint for n in ("v5.11", "v5.18")}
assert len(small_prints) == 1
assert len(huge_prints) == 2

# %% [markdown]
# If two fingerprints differ, ask *where*. (It may be nowhere: a function that the search cannot read
# is asked more questions, in case it looks at fields that others ignore.) The table of a decision has every question
# that came up. Where does our `fork` answer otherwise than `v6.5`'s?


# %% tags=["nbval-check-output"]
def disagreements(one, other, cell, bounds=BOUNDS):
    """The questions on which two policies disagree, of all that came up for either."""
    rows = [check(policy, bounds).policy for policy in (one, other)]
    pages = sorted({page for row in rows for page in row.tables[cell]})
    answers = [(page, *(row.ask(cell, page) for row in rows)) for page in pages]
    return [answer for answer in answers if answer[1] != answer[2]]


differ = disagreements(design, POLICIES["v6.5"], "fork")
print(len(differ), "disagreements about fork; the first three:")
for page, ours, theirs in differ[:3]:
    print(f"  ours {ours}, v6.5's {theirs}:", told(page).removeprefix("asker=fork, "))

# %% [markdown]
# And beside all of history, in the table of lesson 7, with one verb more than there. Find our row
# at the end, and compare its marks with those of the two rows that it was made of.

# %%
rows = {name: explore_policy(policy, BOUNDS) for name, policy in POLICIES.items()}
rows[design.name] = explore_policy(design, BOUNDS)
MatrixView(rows, design, title="Fifteen rules, and ours")

# %% [markdown]
# ## 9.8 Your turn
#
# `design 2` keeps its promises, and its mark for economy is a ✗ after three lines. `v6.5` has its
# ✗ after five. **Within these bounds a policy without any mark exists**: every promise kept, and no
# needless copy that could be made. None of the fifteen rows is one, and none of our designs. What
# you need is in a `PageInfo` already.
#
# 1. *Look.* Which two situations do the witnesses for economy confuse? (Section 9.2 has one pair.)
# 2. *Ask who could tell them apart,* and when: at `gup`, at `fork`? By which flag?
# 3. *Write it, judge it, read the witness,* and only then change it again.
#
# The editor is the quickest way to try: choose a row and a cell, choose an answer of another row or
# write Python, and it shows what changes in the atlas and in a small search. It explores other
# bounds than ours, so let `judge` have the last word.

# %%
editor = PolicyEditor("v6.5", cell="gup")
editor

# %% [markdown]
# Whatever stands in the editor is `editor.policy`. Or write here. The five functions below answer
# as `v6.5` does; change one at a time.

# %%
base = POLICIES["v6.5"]


def my_reuse(page):
    return base.reuse(page)


def my_gup(page):
    return base.gup(page)


def my_fork(page):
    return base.fork(page)


def my_protect(page):
    return base.protect(page)


def my_swap(page):
    return base.swap(page)


yours = base.with_(
    reuse=my_reuse,
    gup=my_gup,
    fork=my_fork,
    protect=my_protect,
    swap=my_swap,
    name="your policy",
)

# %%
judge(yours)
print()
bill([yours])
print("\nover the atlas: broken, copies, needless:", atlas_bill(yours))
tables = check(
    yours, BOUNDS
).policy.tables  # each question that came up, and the answer
alike = [
    row.name
    for row in (*POLICIES.values(), design)
    if all(row.ask(cell, q) == tables[cell][q] for cell in tables for q in tables[cell])
]
print("within these bounds it answers as:", ", ".join(alike) or "none that we know")

# %% [markdown]
# ### How to present it
#
# A proposal that you would send to other people has four parts:
#
# 1. **The invariant**, one sentence that must always be true, and who keeps it at each place.
# 2. **What it keeps**: the laws, *with the bounds*, and whether the search was complete.
# 3. **The price**: copies, and what this model does not count: a bit in a page-table entry or in
#    `struct page`, a longer `fork`, a lock, a map count that has to be exact for huge pages.
# 4. **What it leaves open**: the verbs, pages and races you did not look at.
#
# For `design 2`: (1) a held frame is mapped once at most; (2) all five promises in the bounds of 9.3 and
# 9.5; (3) a copy at `fork` for each held page, whoever holds it, an exact map count, and reclaim
# that skips held pages; (4) everything with a second processor: between the look at the count and
# the sharing of the page somebody may take a reference
# ([57efa1fe5957](https://git.kernel.org/linus/57efa1fe5957) is about just that), and counts that
# are too high for a moment, as Matthew Wilcox reminded the thread
# ([mail](https://lore.kernel.org/r/20210113021619.GL35215@casper.infradead.org)).

# %% [markdown]
# ## 9.9 Who was right?
#
# You can answer that now, and the answer is not a name. What the model says of the proposals, one
# sentence each:
#
# - *Andrea Arcangeli*: a count that includes strangers makes wrong copies, and references should be
#   dealt with when they are taken. `design 2` is that thought, with a copy at `fork` for every
#   reference beside it.
# - *Linus Torvalds*: the map count alone does not say that a page is yours; `fork` and `munmap`
#   launder it. And one would like a mark on what has been made exclusive already
#   ([10 January 2021](https://lore.kernel.org/r/CAHk-=wgi31FKc9AL6m87+pb2B79V2g_QjdhmtJNW8Pnq2ERQ-Q@mail.gmail.com)).
# - *Jerome Glisse*: `mprotect` has to stay what it is; and about copying there, which he proposed,
#   he had the right doubt: it can harm short-lived references. And a child that inherited a page should copy it rather than take it over, for a
#   reference from before the `fork` may be on it ([12 January 2021](https://lore.kernel.org/r/20210112235104.GA490399@redhat.com)).
# - *Jason Gunthorpe*: a page that is held should not leave its process indirectly
#   ([15 January 2021](https://lore.kernel.org/r/20210115183721.GG4605@ziepe.ca)). That is `coherence`.
# - *Hugh Dickins*: the count is unreliable, and erratic copies were the reason for the map count
#   ([1 September 2020](https://lore.kernel.org/r/alpine.LSU.2.11.2008312207450.1212@eggly.anvils)). That is the column *look-up*.
# - *David Hildenbrand* put the thoughts together: the question is not how many, but *whose*; so
#   remember it when you know it ([28 April 2022](https://lore.kernel.org/r/20220428083441.37290-1-david@redhat.com)).
#
# Now open `mm/memory.c` of a current kernel and read `do_wp_page()`. Ask of each line against which
# script it stands, and what it costs. You have the words, and the scripts.

# %% [markdown]
# ## What you know now
#
# - A policy is a row of decisions that see counts and flags of one page. They lean on each other; a
#   hybrid that takes one without the others may be worse than both its parents.
# - If two situations look the same to a decision, and want different answers, no decision can be
#   right. Another one has to leave a trace earlier.
# - At a store there is no safe side: too few copies leak, too many lose data.
# - The counterexample leads the design. Then look for the next one in bounds which the design did
#   not think of.
# - Safety is judged by complete search, economy by counting copies; two policies that answer alike
#   are the same, and a fingerprint says so.
# - "A held frame is mapped once at most" is enough for every promise in this model. What remains is the
#   price of keeping it.
#
# Now the exercises: `exercises/09_your_policy.ipynb`.
#
# ## Glossary
#
# | term | meaning |
# |---|---|
# | decision | a function from what is known of one page to an answer: may this frame be kept, shared, held ...? |
# | hybrid | a row in which some decisions were replaced by others |
# | economy | the law, and the cost: a copy is needless if every reader of the frame had the copier's own page |
# | fingerprint | a hash of all questions that a policy was asked within bounds, with its answers |
#
# ## Further reading
#
# 1. David Hildenbrand,
#    [mm: COW fixes part 2: reliable GUP pins of anonymous pages](https://lore.kernel.org/r/20220428083441.37290-1-david@redhat.com),
#    28 April 2022: a proposal with all four parts.
# 2. David Hildenbrand,
#    [mm: COW fixes part 3: reliable GUP R/W FOLL_GET of anonymous pages](https://lore.kernel.org/r/20220329164329.208407-1-david@redhat.com),
#    29 March 2022: the flag in swap entries. Which script of yours would need it?
# 3. [get_user_pages() and COW, 2022 edition](https://lwn.net/Articles/895439/), LWN, 2022: how the
#    matter stood when the flag came.
#
# ## Sources, and what is uncertain
#
# - Commits and mails: `docs/kernel.md` of this project, section 7. Sixteen months: from the mail of
#   9 January 2021 that opens the thread to that of 28 April 2022 with the flag.
# - The designs of this lesson are this course's. That `design 2` keeps its promises is a statement
#   about this model and these bounds. Nobody has tried it on a machine.
# - `andrea-2021`, and with it what was built on it here, is a reading of mails and lists of patches,
#   not of the branch's code. Whether the author wanted `fork` to copy for every reference is left
#   open there (`docs/kernel.md`, section 3).
# - What this model does not count is left out of every bill: page faults taken, locks, flushes, page
#   flags, and the time that a map count takes.
# - The sentences of 9.9 are paraphrases, and short; read the mails before you quote anybody.
