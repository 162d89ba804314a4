"""Decisions that stand in a cell: those of the table, and what a learner writes."""

from __future__ import annotations

import inspect
import sys

import pytest

from cowlab import POLICIES, BadAnswer, PageInfo
from cowlab.keys import fields_read
from cowlab.policy import ANSWERS, reuse_exclusive, reuse_page_count
from cowlab.views.editor import decisions
from cowlab.views.editor.decisions import CannotRead, Limited, NoAnswer, written

RULE = "def rule(page):\n    return REUSE if page.mapcount == 1 else COPY"


@pytest.mark.parametrize("cell", ANSWERS)
def test_every_cell_has_a_question_and_decisions(cell: str) -> None:
    assert len(decisions.questions()[cell]) > 10
    found = decisions.choices(cell)
    assert sum(map(len, found.values())) == len(POLICIES)
    for name, rows in found.items():
        assert all(getattr(POLICIES[row], cell) is decisions.chosen(cell, name) for row in rows)
        assert decisions.is_ours(cell, decisions.chosen(cell, name))


@pytest.mark.parametrize("cell", ANSWERS)
def test_the_source_of_a_decision_is_a_decision(cell: str) -> None:
    """What is shown can be applied as it is, and answers as the original; so does the stub answer something."""
    for name in decisions.choices(cell):
        text = decisions.source_of(decisions.chosen(cell, name))
        assert text is not None and text.startswith(f"def {name}(page: PageInfo)")
        assert written(text)(PageInfo()) == decisions.chosen(cell, name)(PageInfo())
    assert written(decisions.stub(cell))(PageInfo()) in ANSWERS[cell]


def test_fields_are_read_from_the_source() -> None:
    found = {field.name: field for field in decisions.fields()}
    assert tuple(found) == PageInfo._fields
    assert found["kind"].meaning.startswith("anon, ksm") and found["kind"].default == '"anon"'
    assert found["asker"].meaning.startswith("write, unshare")  # from the docstring
    assert all(field.meaning for field in found.values())
    assert len(decisions.about_page_info()) == 2 and "asker:" not in " ".join(decisions.about_page_info())


def test_where_there_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(thing: object) -> str:
        raise OSError

    monkeypatch.setattr(inspect, "getsource", gone)
    decisions.fields.cache_clear()
    assert decisions.fields()[1] == ("kind", "'anon'", "")
    assert decisions.source_of(reuse_exclusive) is None
    decisions.fields.cache_clear()


def test_what_is_written() -> None:
    rule = written(RULE)
    assert rule(PageInfo()) == "reuse" and rule(PageInfo(mapcount=2)) == "copy"
    assert decisions.source_of(rule) == RULE  # as for a function of a notebook's cell


def test_the_last_function_is_the_decision() -> None:
    rule = written(f"def helper(page):\n    return page.mapcount\n\n{RULE.replace('page.mapcount', 'helper(page)')}\n")
    assert rule.__name__ == "rule" and rule(PageInfo()) == "reuse"
    assert written("rule = lambda page: COPY")(PageInfo()) == "copy"


def test_a_name_of_the_table_is_not_taken() -> None:
    rule = written(decisions.source_of(reuse_page_count) or "")
    assert rule.__name__ == "my_reuse_page_count"
    assert not decisions.is_ours("reuse", rule)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("def rule(page)\n    return 1", "expected ':'.", 1),
        ("def rule(page):\n    return 1\n  return 2", "unindent does not match any outer indentation level", 3),
        ("a = 1\nb = 1 / 0", "ZeroDivisionError: division by zero.", 2),
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'.", 1),
        ("", "no function is defined", 0),
        ("rule = COPY", "no function is defined", 0),
        ("while True: pass", "no answer after 1,000,000 instructions; does a loop never end?", 1),
        ("raise SystemExit", "it asks Python to exit.", 1),
        ("a\0b", "null bytes", 0),
    ],
)
def test_what_cannot_be_read(text: str, said: str, line: int) -> None:
    with pytest.raises(CannotRead) as caught:
        written(text)
    assert said in str(caught.value) and caught.value.line == line


LOOPS = [
    "def rule(page):\n    while True: pass",
    "def rule(page):\n    while True:\n        try:\n            1 / 0\n        except Exception:\n            pass",
    "def rule(page):\n    return sum(1 for _ in iter(int, 1))",
]


@pytest.mark.parametrize("text", LOOPS)
def test_what_never_answers_is_stopped(text: str) -> None:
    before = sys.gettrace()
    rule = Limited(written(text))
    with pytest.raises(NoAnswer, match="does a loop never end"):
        rule(PageInfo())
    assert sys.gettrace() is before
    policy = POLICIES["v5.9"].with_(reuse=rule)
    with pytest.raises(BadAnswer) as caught:
        policy.ask("reuse", PageInfo())
    wrong = decisions.failure(caught.value)
    assert wrong.sentence.startswith("reuse: no answer after 1,000,000 instructions") and wrong.line > 1


def test_limited_is_seen_through() -> None:
    rule = written("def rule(page):\n    return page.swapcount == 0")
    row = POLICIES["v5.9"]
    assert fields_read(row.with_(reuse=Limited(rule))) == fields_read(row.with_(reuse=rule)) != set(PageInfo._fields)
    limited = Limited(reuse_exclusive)
    assert (limited.__name__, limited.asks) == ("reuse_exclusive", "exclusive")  # type: ignore[attr-defined]
    assert limited(PageInfo(exclusive=True)) == "reuse"


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (
            "def rule(page):\n    pass",
            "reuse answered None, expected one of reuse, copy, push (or True, False); did you",
            0,
        ),
        ("def rule(page):\n    x = 1\n    return page.x", "reuse raised AttributeError: 'PageInfo' object has no", 3),
        ("def rule():\n    return COPY", "reuse raised TypeError: rule() takes 0 positional arguments", 0),
        ("def rule(page):\n    raise SystemExit", "reuse: it asks Python to exit.", 2),
        ("def rule(page):\n    raise ValueError", "reuse raised ValueError.", 2),
    ],
)
def test_a_failure_says_what_and_where(text: str, said: str, line: int) -> None:
    page = PageInfo(mapcount=2)
    with pytest.raises(BadAnswer) as caught:
        POLICIES["v5.9"].with_(reuse=Limited(written(text))).ask("reuse", page)
    wrong = decisions.failure(caught.value, "leak")
    assert wrong.sentence.startswith(said)
    assert wrong[1:] == ("reuse", line, page, "leak")
    assert str(wrong).startswith(f"Line {line}: reuse" if line else "reuse")
    assert wrong.sentence[-1] in ".?" and wrong.sentence[-2] not in ".?"


def test_a_page_as_python() -> None:
    page = PageInfo(asker="fork", page_count=1025, maybe_dma_pinned=True)
    assert decisions.told(page) == "PageInfo(asker='fork', page_count=1025, maybe_dma_pinned=True)"
    assert eval(decisions.told(page)) == page
    assert decisions.told(PageInfo()) == "PageInfo(asker='write')"
