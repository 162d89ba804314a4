"""The words for loads and stores, and for the stores of other processes."""

from __future__ import annotations

from collections.abc import Callable

from cowlab.fault import COPIED, FAULT, REFUSED, REUSE, SIGSEGV
from cowlab.views.scene import slot_name
from cowlab.views.words.telling import Said, Telling, holds, numbered, ought, was_drained, within


def write(step: Telling) -> Said:
    if step.outcome == SIGSEGV:
        old = step.old()
        if old is None or old.vma is None:
            return Said(f"{step.who} has nothing mapped at {step.at}: SIGSEGV.", "nothing is mapped")
        return Said(f"{step.who} may not write {step.at}: SIGSEGV.", "no right to write")
    fault = stored(step, step.who, "Write fault")
    if fault is not None:
        return fault
    words = f"{step.who} writes {step.event.args[-1]} to {step.frame()}: the entry is writable, no fault."
    return Said(words, "no fault: writable")


def poke(step: Telling) -> Said:
    return _remote(step, step.who, "ptrace write")


def vm_write(step: Telling) -> Said:
    return _remote(step, step.event.args[0], "process_vm_writev")


def _remote(step: Telling, target: str, call: str) -> Said:
    if step.outcome == REFUSED:
        return Said(f"{call} fails with EFAULT: {target} may not write {step.at}.", "no right to write")
    fault = stored(step, target, call)
    if fault is not None:
        return fault
    return Said(f"{call} stores {step.event.args[-1]} into {step.frame(target)}: no fault.", "no fault: writable")


def stored(step: Telling, name: str, head: str) -> Said | None:
    """A write fault of `name`, which `head` names; None if there was none."""
    kinds = {FAULT: _first_touch, REUSE: _reused, COPIED: _copied}
    return kinds[step.outcome](step, name, head) if step.outcome in kinds else None


def _first_touch(step: Telling, name: str, head: str) -> Said:
    old, frame = step.old(name), step.frame(name)
    assert old is not None and old.vma is not None
    if old.slot is not None:
        why = step.why("swap", "swapin", name, 1)
        short = f"{head}: {slot_name(old.slot)} comes back as {frame}"
        because = f"; {why}, so {name} keeps it" if why else f", and {name} keeps it"
        return Said(within(f"{short}{because}.", f"{short}."), why or "back from swap")
    if old.vma.kind in ("file", "shared"):
        thing = "the file's page" if old.vma.kind == "file" else "shared memory"
        return Said(f"{head}: {name} maps {frame}, {thing}.", f"{thing} is mapped")
    new = step.new(name)
    if new is not None and new.frame is not None and new.frame < len(step.before.frames):
        before = step.before.frames[new.frame]
        if before is not None and before.freed:
            return Said(f"{head}: {name} gets {frame}, which counts as free but is in use.", f"{frame} counts as free")
    return Said(f"{head}: no frame yet, so {name} gets a fresh one.", f"a fresh frame for {name}")


def _reused(step: Telling, name: str, head: str) -> Said:
    old, frame = step.old(name), step.frame(name)
    assert old is not None and old.vma is not None
    if not old.vma.cow:
        return Said(f"{head}: {frame} is shared, so {name} writes to it as it is.", "shared memory is not copied")
    pushed = [
        p.name for p in step.before.processes if p.name != name and step.was(p.name) == frame != step.frame(p.name)
    ]
    if pushed and step.moment.copies:
        others = ", ".join(pushed)
        return Said(f"{head}: {name} keeps {frame} and pushes copies to {others}.", f"copies pushed to {others}")
    why = step.why("reuse", "write", name)
    if was_drained(step):
        why = f"the LRU batch is drained, {why}"
    because = f"{why}, so " if why else ""
    stores = any(reference.write for reference in step.after.references if reference.frame == old.frame)
    verbs = ("still holds", "still hold") if stores else ("still reads", "still read")
    who = holds(step.after, old.frame, *verbs)
    still = f", which {who}" if who else ""
    short = f"{head}: {because}{name} keeps {frame}"
    return Said(within(f"{short}{still}.", f"{short}."), why or "kept")


def _copied(step: Telling, name: str, head: str) -> Said:
    old = step.old(name)
    assert old is not None and old.vma is not None
    kind = step.before.frame(old.frame).kind if old.frame is not None else ""
    if kind == "zero":
        return Said(f"{head}: the zero page is never written, so {name} gets a frame.", "the zero page is copied")
    if kind == "file" or (old.frame is None and old.slot is None):
        return Said(
            f"{head}: a private store leaves the file alone, so {name} gets a copy.", "the file's page is copied"
        )
    why = step.why("reuse", "write", name)
    because = f"{why}, so " if why else ""
    if old.slot is not None:
        because = f"{slot_name(old.slot)} is read in; {because}"
    who = holds(step.after, old.frame, "keeps", "keep")
    kept = f", and {who} {numbered(old)}" if who else ""
    short = f"{head}: {because}{name} gets a copy"
    return Said(within(f"{short}{kept}.", f"{short}.", f"{head}: {name} gets a copy."), why or "a copy")


def read(step: Telling) -> Said:
    old, reading = step.old(), step.moment.reading
    assert old is not None
    if step.outcome == SIGSEGV or reading is None:
        if old.vma is None:
            return Said(f"{step.who} has nothing mapped at {step.at}: SIGSEGV.", "nothing is mapped")
        return Said(f"{step.who} may not read {step.at}: SIGSEGV.", "no right to read")
    wrong = ought(step.moment, "read")
    reads = f"{step.who} reads {reading.value}{wrong}"
    short = f"{step.who} reads {reading.value}{wrong}" if wrong else ""
    if step.outcome != FAULT:
        return Said(f"{step.who} reads {reading.value} from {step.frame()}{wrong}.", short or "no fault: it is mapped")
    if old.slot is not None:
        words = f"Read fault: {slot_name(old.slot)} comes back as {step.frame()}; {reads}."
        return Said(words, short or "back from swap, read-only")
    if step.frame() == "#0":
        return Said(f"Read fault: {step.who} maps the zero page and reads 0.", "the zero page")
    kind = old.vma.kind if old.vma else ""
    thing = {"file": "the file's page", "shared": "shared memory"}.get(kind, "fresh: hugetlb has no zero page")
    return Said(f"Read fault: {step.frame()} is {thing}; {reads}.", short or thing)


def file_read(step: Telling) -> Said:
    reading = step.moment.reading
    assert reading is not None
    wrong = ought(step.moment, "hold")
    return Said(f"The file holds {reading.value} at {step.at}{wrong}.", f"the file holds {reading.value}{wrong}")


VERBS: dict[tuple[str, str], Callable[[Telling], Said]] = {
    ("process", "write"): write,
    ("process", "read"): read,
    ("process", "poke"): poke,
    ("process", "vm_write"): vm_write,
    ("kernel", "read"): file_read,
}
