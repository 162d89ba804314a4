"""Reading a submission: which cell answers which task, and what of the others goes with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from arena import HONEST, KNOWN, LESSON, SETUP, cell, cells, notebook, our_lesson

from cowlab.grading.submission import MAX_BYTES, SubmissionError, answer, content, parsed, read


@pytest.fixture(autouse=True)
def lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    our_lesson(monkeypatch)


def helpers(source: str, *others: str) -> tuple[str, ...]:
    found = read("x.ipynb", notebook(cell(source, "reuse"), *map(cell, others), cell("", "guess")))
    return answer(found, KNOWN["reuse"]).helpers


def test_the_lesson_is_that_of_the_marks_or_of_the_name() -> None:
    assert read("anything.ipynb", notebook(*cells())).lesson == LESSON
    assert read(f"a/b/{LESSON}.ipynb", notebook(cell("x = 1"))).lesson == LESSON
    with pytest.raises(SubmissionError, match=f"no exercise of this course: there are those of {LESSON}"):
        read("essay.ipynb", notebook(cell("x = 1")))


def test_a_cell_is_found_by_its_mark_then_by_what_it_defines() -> None:
    other = "def reuse(page): return 'other'"
    book = read("x", notebook(cell(other), cell(HONEST["reuse"], "reuse"), cell(other)))
    assert answer(book, KNOWN["reuse"]).source == HONEST["reuse"]
    book = read("x", notebook(cell(other), cell("reuse = 1\ndef guess(): pass", "guess")))
    assert answer(book, KNOWN["reuse"]).source.startswith("reuse = 1")  # the last one
    book = read("x", notebook(cell("x = 1", "reuse"), cell("x = 2", "guess")))
    assert answer(book, KNOWN["reuse"]).source == "x = 1"  # it will say itself what it lacks
    assert answer(book, KNOWN["trap"]) == ("", (), "no cell defines trap")


def test_only_what_an_answer_needs_goes_with_it() -> None:
    assert helpers(
        "def reuse(page): return one(page)", "def two(): pass", "def one(p): return TEN", "TEN = 10", "loop()"
    ) == ("def one(p):\n    return TEN", "TEN = 10")
    assert helpers("def reuse(page): return math.inf", "import os", "import math, re", "math.pi = 3") == (
        "import math, re",
    )
    assert helpers("def reuse(page): return T[0]", "T = {}\nT[0] = 1\nU = {}\nU[0] = 2") == ("T = {}", "T[0] = 1")
    assert helpers("def reuse(page): return 1", "from cowlab import *") == ("from cowlab import *",)
    assert helpers("def reuse(page: Page): return 1", "class Page:\n    x = y", "y = z = 1") == (
        "class Page:\n    x = y",
        "y = z = 1",
    )


def test_python_with_magics_is_python() -> None:
    assert parsed("%time\nx = 1\n!ls\nx?")[0] == "\nx = 1\n\n"
    assert parsed("x = (1\n% 2)\n")[0] == "x = (1\n% 2)\n"  # which is no magic
    assert parsed("no Python at all")[1] == [] and parsed("\0")[1] == [] and len(parsed("a\nb")[1]) == 2


def test_only_a_regular_file_of_some_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * MAX_BYTES)
    assert len(content(tmp_path / "a")) == MAX_BYTES
    os.truncate(tmp_path / "a", MAX_BYTES + 1)
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    says = {
        "a": "longer than 20 MB",
        "link": "a symbolic link",
        "pipe": "not a file",
        ".": "not a file",
        "none": "cannot be read: No such",
    }
    for name, expected in says.items():
        with pytest.raises(SubmissionError, match=expected):
            content(tmp_path / name)


def test_the_same_bytes_have_the_same_hash_whatever_they_are_called() -> None:
    data = notebook(cell(SETUP, "guess"))
    assert read("a", data).sha256 == read("b", data).sha256 != read("a", data + b" ").sha256
