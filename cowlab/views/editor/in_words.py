"""A PolicyEditor in words: what a notebook shows where no widget runs, and what a test compares."""

from __future__ import annotations

from collections.abc import Sequence

from cowlab.laws import LAWS
from cowlab.matrix import cell_words
from cowlab.policy import ANSWERS, Policy
from cowlab.views.editor.decisions import Problem
from cowlab.views.editor.differences import SIGNS, Change, Differences, Judged, summary
from cowlab.views.editor.exploring import Document, Explored, bounds_words


def text(
    base: Policy, policy: Policy, wrong: Problem | None, found: Differences | None, explored: Explored | None
) -> str:
    """The row, what is replaced in it, and what that changes."""
    blocks = [[f"{policy.name}: {policy.about}"], _cells(base, policy)]
    if wrong is not None:
        blocks.append([f"✗ {wrong}"])
    if found is not None:
        blocks += [_changes(base, policy, found), list(summary(found))]
    if explored is not None:
        blocks += [_laws(base, policy, explored), [f"bounds  {bounds_words(explored.bounds)}"]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _cells(base: Policy, policy: Policy) -> list[str]:
    own, now = base.decisions, policy.decisions
    same = policy is base
    rows = [(cell, own[cell].__name__, "same" if now[cell] is own[cell] else now[cell].__name__) for cell in ANSWERS]
    if same:
        return _table(("cell", base.name), [row[:2] for row in rows])
    return _table(("cell", base.name, policy.name), rows)


def _changes(base: Policy, policy: Policy, found: Differences) -> list[str]:
    if not found.changes:
        return []
    rows = [(one.scenario, verdict(one.before), verdict(one.after), effect(one)) for one in found.changes]
    return _table(("scenario", base.name, policy.name, "change"), rows)


def verdict(one: Judged) -> str:
    """The verdict; a broken law that sets none, by its name."""
    return one.laws[0] if one.laws and one.verdict in ("ok", "snapshot") else one.verdict


def effect(change: Change) -> str:
    return f"{SIGNS[change.word]} {change.word}: {why(change)}"


def why(change: Change) -> str:
    what = [f"breaks {law}" for law in change.breaks] + [f"keeps {law}" for law in change.mends]
    return ", ".join(what) or "no law is at stake"


def _laws(base: Policy, policy: Policy, found: Explored) -> list[str]:
    documents = [found.before] + ([found.after] if found.after else [])
    rows = [(law, *(_mark(document, law) for document in documents)) for law in LAWS]
    return _table(("law", base.name, policy.name)[: len(documents) + 1], rows)


def _mark(document: Document, law: str) -> str:
    verdict = document["laws"][law]
    return cell_words(verdict, document) + (" lines" if verdict["holds"] is False else "")


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Plain columns, two spaces between."""
    wide = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (zip(row, wide, strict=True) for row in (heads, *rows))
    return ["  ".join(f"{cell:{width}}" for cell, width in line).rstrip() for line in lines]
