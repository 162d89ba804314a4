"""The shape of the course: what every lesson has, in which order, and where each misconception is met."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from lessons import LESSONS, ROOT, cells, run, source

NAMES = (
    "01_copy_on_write",
    "02_gup_pinning",
    "03_page_count_one",
    "04_mprotect",
    "05_fork",
    "06_exclusive",
    "07_laws_and_search",
    "08_real_kernels",
    "09_your_policy",
)
END = ["What you know now", "Glossary", "Further reading", "Sources, and what is uncertain"]
GOALS = range(3, 6)
MINUTES = range(30, 61)
SECTIONS = range(5, 10)
TERMS = range(1, 5)
PREDICTIONS = STEPS = 2
BOXES = READINGS = 3

each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


def headings(path: Path) -> list[str]:
    return re.findall(r"^## (.+)$", prose(path), re.MULTILINE)


def section(path: Path, name: str) -> str:
    """What stands under that heading of the second level."""
    return re.split(r"^## ", prose(path).partition(f"\n## {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(table: str) -> list[str]:
    """The rows of a table, without its head."""
    return re.findall(r"^\|.*\|$", table, re.MULTILINE)[2:]


def calls(path: Path, *names: str) -> int:
    code = "\n".join(source(cell) for cell in cells(path, "code"))
    return len(re.findall(rf"(?<!def )\b(?:{'|'.join(names)})\(", code))


def test_there_are_nine_lessons() -> None:
    assert [path.stem for path in LESSONS] == list(NAMES)


# --- the first cell --------------------------------------------------------------------------------------------------


@each
def test_it_begins_with_a_question_goals_and_what_it_takes(path: Path) -> None:
    first = source(cells(path, "markdown")[0])
    number = int(path.stem[:2])
    assert re.match(rf"# {number}\. \S", first)
    question = first.split("\n\n")[1]
    assert question.startswith("**The question.**") and "?" in question
    goals = first.partition("\nAfter this lesson you can\n")[2].partition("**Time:**")[0]
    assert len(re.findall("^- ", goals, re.MULTILINE)) in GOALS
    minutes = re.search(r"\*\*Time:\*\* about (\d+) minutes", first)
    assert minutes and int(minutes[1]) in MINUTES
    assert "**You need:**" in first


# --- what comes in between -------------------------------------------------------------------------------------------


@each
def test_its_sections_are_numbered_and_its_end_is_as_everywhere(path: Path) -> None:
    found, number = headings(path), int(path.stem[:2])
    assert found[-4:] == END
    numbers = [heading.partition(" ")[0] for heading in found[:-4]]
    assert numbers == [f"{number}.{n}" for n in range(1, len(numbers) + 1)]
    assert len(numbers) in SECTIONS


@each
def test_it_lets_the_learner_predict_and_step(path: Path) -> None:
    assert calls(path, "Predict", "compare", "compare_answers") >= PREDICTIONS
    assert calls(path, "step_through") >= STEPS
    assert prose(path).count("**Predict") >= PREDICTIONS


@each
def test_it_says_where_in_the_kernel(path: Path) -> None:
    boxes = re.findall(r"^> \*\*In the kernel\.\*\*(?:.*\n?)(?:^>.*\n?)*", prose(path), re.MULTILINE)
    assert len(boxes) >= BOXES
    assert any("git.kernel.org/linus/" in box for box in boxes)


@each
def test_its_links_lead_to_what_they_name(path: Path) -> None:
    text = prose(path)
    commits = re.findall(r"\[([^]]+)\]\(https://git\.kernel\.org/linus/([^)]+)\)", text)
    assert commits and all(name == link and len(link) == 12 for name, link in commits)
    bibliography = (ROOT / "docs/kernel.md").read_text("utf-8").partition("## 7.")[2]
    mails = map(unquote, re.findall(r"https://lore\.kernel\.org/r/([^)\s]+)\)", text))
    assert not {mail for mail in mails if f"| {mail} |" not in bibliography}


# --- the end ---------------------------------------------------------------------------------------------------------


@each
def test_what_is_known_now_ends_with_the_exercises(path: Path) -> None:
    known = section(path, END[0]).strip()
    assert len(re.findall("^- ", known, re.MULTILINE)) >= 3
    assert known.splitlines()[-1] == f"Now the exercises: `exercises/{path.stem}.ipynb`."


@each
def test_it_brings_few_new_words(path: Path) -> None:
    glossary = section(path, END[1]).strip()
    assert glossary.startswith("| term | meaning |\n|---|---|\n")
    assert len(rows(glossary)) in TERMS


@each
def test_it_has_three_further_readings(path: Path) -> None:
    items = re.split(r"^\d\. ", section(path, END[2]), flags=re.MULTILINE)[1:]
    assert len(items) == READINGS
    assert all(re.search(r"\]\(https://\S+\)", item) for item in items)


@each
def test_it_says_what_it_comes_from(path: Path) -> None:
    assert len(re.findall("^- ", section(path, END[3]), re.MULTILINE)) >= 2


# --- the words -------------------------------------------------------------------------------------------------------


def test_the_glossary_of_all_is_up_to_date() -> None:
    run("tools/glossary.py", "--check")


def test_a_word_is_new_only_once() -> None:
    terms = [row.split("|")[1].strip() for path in LESSONS for row in rows(section(path, END[1]))]
    assert terms
    assert {term: n for term, n in Counter(terms).items() if n > 1} == {}


# --- misconceptions --------------------------------------------------------------------------------------------------


class Met(NamedTuple):
    """Where a misconception is met: words in the lesson, and in why somebody answers an exercise wrongly."""

    what: str
    lesson: str
    says: str
    wrong: str


MET = (
    Met("the writer always copies", "01_copy_on_write", "The writer always gets a copy", "the writer always copies"),
    Met("reuse takes no fault", "01_copy_on_write", r"Reuse still costs a page fault", "reuse happens without a fault"),
    Met("SIGSEGV is COW", "01_copy_on_write", "Is a SIGSEGV copy-on-write", "read-only entry is copy-on-write"),
    Met("vmsplice copies", "02_gup_pinning", "vmsplice", "vmsplice copies"),
    Met("a pin is mlock", "02_gup_pinning", "A pin is not `mlock`", "a pin is a lock"),
    Met("a count says whose", "03_page_count_one", r"does not say \*whose\*", "a count above one says"),
    Met("a count says whose", "06_exclusive", r"\*whose\*", "a count says whose it is"),
    Met("protection binds devices", "04_mprotect", "Whom does read-only stop", "write protection stops the device"),
    Met(
        "nothing found means safe",
        "07_laws_and_search",
        "[Nn]o counterexample",
        "no counterexample is taken for safety",
    ),
    Met("kpagecount is page_count", "08_real_kernels", "In spite of its name", "kpagecount is page_count"),
)


@pytest.mark.parametrize("met", MET, ids=lambda met: f"{met.lesson[:2]}-{met.what}".replace(" ", "-"))
def test_a_misconception_is_met_where_it_belongs(met: Met) -> None:
    lesson = " ".join(prose(ROOT / "notebooks" / f"{met.lesson}.ipynb").split())
    assert re.search(met.says, lesson)
    solutions = (ROOT / "solutions" / f"{met.lesson}.py").read_text("utf-8")
    reasons = re.findall(r"^# [\d.]+ points?: (.+)$", solutions, re.MULTILINE)
    assert any(re.search(met.wrong, reason) for reason in reasons), reasons
