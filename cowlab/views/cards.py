"""The cards: processes with their rows, frames, swap slots, references."""

from __future__ import annotations

from html import escape

from cowlab.views import marks, scene
from cowlab.views.layout import TAG, Layout, sum_lines
from cowlab.views.marks import span, text
from cowlab.views.scene import Card, Ref, Row, Slot

HUGE = ("THP", "hugetlb")


def heads(layout: Layout) -> str:
    size, drawn = layout.size, ""
    columns = (
        (0, "PROCESSES", "page, what it sees, right"),
        (size.fx, "FRAMES", "content, kind, who is counted"),
        (size.rx, "REFERENCES", "right, holder, what it sees"),
    )
    for x, head, words in columns:
        if head != "REFERENCES" or layout.refs:
            drawn += text(x, 13, head, "t-col") + text(x, 26, words, "t-sub")
    return drawn


def process(layout: Layout, name: str, *, there: bool, new: bool, pinned: bool, bad: bool) -> str:
    """A process's card without its rows; a place that waits if there is no such process."""
    size, (top, height) = layout.size, layout.boxes[name]
    shown = marks.fit(name, 4 if pinned else 10)
    if not there:
        words = text(10, top + 17, marks.fit(name, 10), "t-gone") + text(
            size.pw - 8, top + height / 2 + 13, "no process", "t-mut", "end"
        )
        return marks.rect(0, top, size.pw, height, "free") + words
    drawn = marks.rect(0, top, size.pw, height, "card" + (" badcard" if bad else " chg" if new else ""))
    drawn += text(10, top + 17, shown, "t-name")
    if new:
        drawn += text(size.pw - 10, top + 17, "new", "t-was", "end")
    elif pinned:
        drawn += text(size.pw - 10, top + 17, "has pinned", "t-sub", "end")
    return drawn


def row(layout: Layout, shown: Row, old: Row | None, *, compared: bool) -> str:
    """One page: number, what is seen there, the right; below it what else there is to say."""
    size, y = layout.size, layout.line(shown.process, shown.page)
    changed = compared and (old is None or old.same_entry != shown.same_entry)
    drawn = ""
    if changed:
        height = size.row - 3 + TAG * len(shown.tags)
        drawn = marks.rect(3, y - size.row / 2 + 1.5, size.pw - 6, height, "mark", 3)
    drawn += text(10, y + 4, f"@{shown.page}", "t-mono")
    if shown.state != "unmapped":
        drawn += marks.box(36, y - 10, 20, shown.sees, "bad" if scene.sees_wrong(shown.finding) else "")
    drawn += _right(layout, shown, old if changed else None, y)
    for line, tag in enumerate(shown.tags, 1):
        cls = "t-bad" if tag.bad else "t-tag"
        drawn += text(14, layout.line(shown.process, shown.page, line) + 4, tag.words, cls)
        if tag.rest is not None:
            drawn += marks.badge(size.pw - 32, layout.line(shown.process, shown.page, line), "r")
    return drawn


def _right(layout: Layout, shown: Row, old: Row | None, y: float) -> str:
    right = layout.size.pw
    if shown.state in ("w", "r", "closed"):
        drawn = marks.badge(right - 32, y, shown.state)
        if old is not None and old.state in "wr" and old.state != shown.state:
            drawn += text(right - 36, y + 4, f"{old.state.upper()}→", "t-was", "end")
        return drawn
    if shown.state == "swap":
        return marks.swap_badge(right - 46, y)
    return text(right - 8, y + 4, scene.STATES[shown.state], "t-mut", "end")


def frame(
    layout: Layout, number: int, shown: Card | None, old: Card | None, was: str, *, asks: str, compared: bool
) -> str:
    """A frame's card. `was` says what it was before: was A, new, new, a copy."""
    size, top = layout.size, layout.frames[number]
    if shown is None:
        drawn = marks.rect(size.fx, top, size.fw, size.fh, "free")
        words = f"#{number} free" if number else "nobody maps the zero page"
        return drawn + text(size.fx + size.fw / 2, top + size.fh / 2 + 4, words, "t-mut", "middle")
    changed = compared and (old is None or old.holds != shown.holds)
    drawn = _outline(layout, shown, top, changed)
    drawn += marks.box(size.fx + 10, top + size.ptop, size.plate, shown.holds, "mk" if changed else "")
    x, right = size.fx + 22 + size.plate, size.fr - 10
    first = top + (19.5 if size.tight else 23 if size.dense else 29)
    drawn += marks.spans(x, first, [span(f"#{number}", "t-name"), "&#160; ", span(_kind(layout, shown))])
    drawn += _pill(layout, shown, top)
    if changed and not size.dense:
        short = "a copy" if shown.pill and was == "new, a copy" else was
        drawn += text(right, first, short, "t-was", "end")
    if shown.counted and not size.tight:
        counters = _counters(shown, old if compared else None, asks)
        if size.dense:
            edge = right - (8 if shown.kind.startswith("file") else 0)
            drawn += marks.spans(edge, top + 23, counters, "t-sub", "end")
        else:
            drawn += marks.spans(x, top + 50, counters, "t-sub")
    if not size.dense:
        drawn += marks.path(f"M{size.fx + 10:g} {top + 68:g}H{right:g}", "hair")
    return drawn + _sum(layout, shown, top)


def _outline(layout: Layout, shown: Card, top: float, changed: bool) -> str:
    """The card: a pile for a huge page, a folded corner for a file's, dashed red if it counts as free."""
    size, drawn = layout.size, ""
    cls = "card" + (" badcard" if shown.freed else " chg" if changed else "")
    if shown.kind in HUGE:
        for inset in (7, 3.5):
            drawn += marks.rect(size.fx + inset, top + inset, size.fw - 2 * inset, size.fh, "card pile")
    if shown.kind.startswith("file"):
        d = f"M{size.fx:g} {top:g}h{size.fw - 14:g}l14 14v{size.fh - 14:g}h-{size.fw:g}z"
        return marks.path(d, cls) + marks.path(f"M{size.fr - 14:g} {top:g}v14h14", "dogear")
    return drawn + marks.rect(size.fx, top, size.fw, size.fh, cls)


def _kind(layout: Layout, shown: Card) -> str:
    kind = shown.kind
    if kind in HUGE and not layout.size.dense and not shown.pill:
        kind += " 2 MiB"
    return kind


def _pill(layout: Layout, shown: Card, top: float) -> str:
    if not shown.pill:
        return ""
    size = layout.size
    if size.tight:
        return marks.pill(size.fr - 10 - marks.pill_width(shown.pill), top + 6, shown.pill)
    return marks.pill(size.fx + (148 if size.dense else 150), top + (9 if size.dense else 15), shown.pill)


def _counters(shown: Card, old: Card | None, asks: str) -> list[str]:
    """`mapcount 2→1  page_count 3→2`, the one that the policy asks underlined."""
    words: list[str] = []
    for what in ("mapcount", "page_count"):
        now, was = getattr(shown, what), getattr(old, what) if old else None
        words += ["&#160; " if words else "", span(what, "t-sub asked" if what == asks else "t-sub"), " "]
        if was is not None and was != now:
            words.append(span(f"{was}→", "t-was"))
        words.append(span(now, "t-cnt"))
    return words


def _sum(layout: Layout, shown: Card, top: float) -> str:
    size = layout.size
    x = size.fx + 22 + size.plate + (88 if size.tight else 0)
    y = top + (19.5 if size.tight else 44)
    if not size.dense:
        x, y = size.fx + 12, top + 86
    if not shown.counted:
        return text(x, y, "not counted: every process may map it", "t-sub")
    drawn, lines = "", sum_lines(shown, size)
    for i, line in enumerate(lines):
        words = ["+ "] if i else []
        for k, part in enumerate(line):
            mark = marks.PARTS[part.what]
            words += [
                " + " if k else "",
                span(marks.GLYPHS[mark], f"c-{mark}"),
                span(f" {scene.part_words(part, shown.lru)}"),
            ]
        if i == len(lines) - 1:
            words += ["&#160; ", span(scene.total_words(shown), "t-total")]
        drawn += marks.spans(x, y + 16 * i, words, "t-sum")
    return drawn


def slot(layout: Layout, name: str, shown: Slot | None) -> str:
    size, top = layout.size, layout.slots[name]
    if shown is None:
        drawn = marks.rect(size.fx, top, size.fw, 44, "free")
        return drawn + text(size.fx + size.fw / 2, top + 26, f"swap slot {name} free", "t-mut", "middle")
    drawn = marks.rect(size.fx, top, size.fw, 44, "swapcard") + marks.box(size.fx + 10, top + 8, 28, shown.holds)
    drawn += text(size.fx + 22 + size.plate, top + 27, f"swap slot {name}")
    words = f"also cached in #{shown.cached}" if shown.cached is not None else "shared memory" if shown.shared else ""
    return drawn + (text(size.fr - 10, top + 27, words, "t-sub", "end") if words else "")


def reference(layout: Layout, name: str, shown: Ref | None, *, new: bool) -> str:
    size, top = layout.size, layout.refs[name]
    if shown is None:
        drawn = marks.rect(size.rx, top, size.rw, size.rh, "free")
        return drawn + text(size.rx + size.rw / 2, top + size.rh / 2 + 4, "no reference", "t-mut", "middle")
    bad = shown.finding is not None and shown.finding.broken
    cls = "card" + (" badcard" if bad else " chg" if new else "") + (" dead" if shown.dead else "")
    x, right, mid = size.rx, size.rx + size.rw, top + size.rmid
    drawn = marks.rect(x, top, size.rw, size.rh, cls)
    holder = "" if len(name) > 3 else "&#160; " + escape(shown.holder)
    drawn += marks.spans(x + 10, top + (21 if size.dense else 17), [span(marks.fit(name, 9), "t-name"), holder])
    drawn += marks.badge(x + 6, mid, "w" if shown.write and not shown.dead else "r")
    long = ", longterm" if shown.longterm and size.dense else ""
    drawn += text(x + 40, mid + 4, f"{shown.take}{long}", "t-dead" if shown.dead else "")
    drawn += marks.box(right - 28, mid - 10, 20, shown.sees, "bad" if scene.sees_wrong(shown.finding) else "")
    return drawn + _reference_words(layout, shown, top, new)


def _reference_words(layout: Layout, shown: Ref, top: float, new: bool) -> str:
    """Who took it, and what is wrong with it."""
    size = layout.size
    right, mid = size.rx + size.rw, top + size.rmid
    bad = shown.finding is not None and shown.finding.broken
    wrong = scene.ought(shown.finding) if shown.finding else ""
    cls = "t-bad" if bad else "t-sub"
    if size.dense:
        drawn = text(right - 8, top + 21, marks.fit(shown.by, 21), "t-sub", "end")
        x, y = (right - 8, top + 68) if shown.longterm else (right - 34, mid + 4)
        return drawn + (text(x, y, wrong, cls, "end") if wrong else "")
    drawn = text(size.rx + 10, top + 65, marks.fit(shown.by, 21), "t-sub")
    if shown.longterm:
        drawn += text(size.rx + 10, top + 83, "longterm", "t-sub")
        wrong = wrong.removeprefix("snapshot, ")
    if wrong:
        return drawn + text(right - 8, top + 83, wrong, cls, "end")
    return drawn + (text(right - 8, top + 83, "new", "t-was", "end") if new else "")
