"""Every typical wrong answer of the course, asked in a child: it earns what the solutions say it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from needs import ROOT

from cowlab.grading.mistakes import mistakes, named, setup
from cowlab.grading.session import Session
from cowlab.grading.submission import Found
from cowlab.grading.task import lessons, tasks

SOURCES = [path for path in sorted((ROOT / "solutions").glob("[0-9]*.py")) if path.stem in lessons()]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_typical_wrong_answer_earns_its_points_and_no_more(arena: Session, source: Path) -> None:
    known, text = tasks(source.stem), source.read_text("utf-8")
    found = mistakes(text)
    assert {one.task for one in found} == {name for name, task in known.items() if task.kind != "explain"}
    wrong = []
    for one in found:
        graded = arena.task(known[one.task], Found(one.code, setup(text)))
        points = graded.verdict.points if graded.verdict else None
        if (graded.status, points) != ("judged", one.points):
            wrong.append(f"{one.task}, {one.why!r}: {graded.status}, {points}, not {one.points}: {graded.says}")
    assert not wrong
    assert set(named(arena, known, source.parent).values()) <= {one.why for one in found}
