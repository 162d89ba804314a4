"""Tasks as data: what is missing or misspelt is said; a seed varies numbers and letters, and nothing else."""

from __future__ import annotations

import pytest

from cowlab import POLICIES, parse
from cowlab.grading import TaskError, lessons, tasks
from cowlab.grading.task import read_tasks, row_named

COMMON = 'title = "T"\npoints = 2\nhint = "H"\n'
PAGES = f"""
[pages]
kind = "predict"
{COMMON}
vary = {{ pages = [2, 3, 5], last = "pages - 1" }}
script = '''
for n in 1..$last: P: mmap anon @{{n}}
P: write A
P: fork C
C: write B
'''
ask = {{ copies = "copies under v5.7" }}
"""


def test_a_lesson_has_tasks_and_an_unknown_one_is_said() -> None:
    assert "01_copy_on_write" in lessons()
    assert all(task.lesson == name and task.points > 0 for name in lessons() for task in tasks(name).values())
    with pytest.raises(TaskError, match="01_copy_on_write"):
        tasks("10_nothing")


def test_loops_are_unrolled_with_numbers_in_place() -> None:
    task = read_tasks("x", PAGES)["pages"]
    assert task.script(task.data["script"]).splitlines() == ["P: mmap anon @1", "P: write A", "P: fork C", "C: write B"]


def test_another_seed_gives_other_numbers_and_letters_and_the_same_seed_the_same() -> None:
    scripts = []
    for seed in range(12):
        task = read_tasks("x", PAGES, seed)["pages"]
        assert task.values["last"] == task.values["pages"] - 1
        scripts.append(task.script(task.data["script"]))
        again = read_tasks("x", PAGES, seed)["pages"]
        assert again.script(again.data["script"]) == scripts[-1]
        letters = [event.args[0] for event in parse(scripts[-1]).events if event.verb == "write"]
        assert len(set(letters)) == 2
    assert len(set(scripts)) > 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a]\nkind = 'predict'", "title is missing"),
        (f"[a]\nkind = 'guess'\n{COMMON}", "kind is one of"),
        ("[a", "x: "),
    ],
)
def test_what_is_missing_or_misspelt_is_said(text: str, says: str) -> None:
    with pytest.raises(TaskError, match=says):
        read_tasks("x", text)


def test_a_number_without_a_value_is_said() -> None:
    task = read_tasks("x", PAGES.replace("last = ", "least = "))["pages"]
    with pytest.raises(TaskError, match="last"):
        task.script(task.data["script"])


def test_hybrids_have_names() -> None:
    row = row_named("v5.19, fork of v5.7, gup of v5.8")
    assert row.fork is POLICIES["v5.7"].fork and row.gup is POLICIES["v5.8"].gup
    assert row.reuse is POLICIES["v5.19"].reuse
    for wrong in ("v9", "v5.7, fork of nobody", "v5.7, spoon of v5.8", "v5.7, fork"):
        with pytest.raises(TaskError, match="no policy"):
            row_named(wrong)
