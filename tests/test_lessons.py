"""The shape of a lesson: the same headings in the same order, so that a reader knows where to look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lessons import LESSONS, cells, source

each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
ENDING = ["What you know now", "Glossary", "Further reading", "Sources, and what is uncertain"]


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


def number(path: Path) -> int:
    return int(path.stem[:2])


def section(path: Path, title: str) -> str:
    """What stands below the heading of that name."""
    text = prose(path).partition(f"## {title}\n")[2]
    return re.split(r"^## ", text, flags=re.MULTILINE)[0]


@each
def test_it_begins_with_a_question(path: Path) -> None:
    first = source(cells(path, "markdown")[0])
    assert re.match(rf"# {number(path)}\. \S", first)
    assert re.search(r"^\*\*The question\.\*\* [^#]*\?", first, re.MULTILINE)
    goals = first.partition("After this lesson you can\n")[2].partition("**Time:**")[0]
    assert 3 <= len(re.findall(r"^- ", goals, re.MULTILINE)) <= 5
    minutes = re.search(r"\*\*Time:\*\* about (\d+) minutes\b", first)
    assert minutes and 30 <= int(minutes[1]) <= 60
    assert "**You need:**" in first


@each
def test_its_sections_are_numbered_and_the_last_four_are_named(path: Path) -> None:
    titles = re.findall(r"^## (.+)$", prose(path), re.MULTILINE)
    assert titles[-4:] == ENDING
    numbers = [title.partition(" ")[0] for title in titles[:-4]]
    assert numbers == [f"{number(path)}.{n}" for n in range(1, len(numbers) + 1)]


@each
def test_it_says_what_comes_next_and_what_the_words_mean(path: Path) -> None:
    assert section(path, ENDING[0]).rstrip().endswith(f"Now the exercises: `exercises/{path.stem}.ipynb`.")
    rows = [line for line in section(path, ENDING[1]).splitlines() if line.startswith("|")]
    assert rows[:2] == ["| term | meaning |", "|---|---|"] and 1 <= len(rows) - 2 <= 4
    items = re.split(r"^\d\. ", section(path, ENDING[2]), flags=re.MULTILINE)[1:]
    assert len(items) == 3 and all("](https://" in item for item in items)
    assert section(path, ENDING[3]).strip().startswith("- ")


@each
def test_it_asks_before_it_shows(path: Path) -> None:
    code = "\n".join(source(cell) for cell in cells(path, "code"))
    assert len(re.findall(r"\bPredict\(", code)) >= 2
    assert len(re.findall(r"\bstep_through\(", code)) >= 2
    assert prose(path).count("> **In the kernel.**") >= 3
    assert not re.search(r"^from cowlab import .*\bformat\b", code, re.MULTILINE), "format is a word of Python's own"
