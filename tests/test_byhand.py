"""The table of answers that a person reads: filled in, read again, nothing of it lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from classes import SECOND, answered, hand_in

from cowlab.cli import main
from cowlab.grading.batch import Item, record
from cowlab.grading.byhand import HandError, filled_in
from cowlab.grading.byhand import by_hand as read_table
from cowlab.grading.memory import Graded
from cowlab.grading.submission import read
from cowlab.grading.task import tasks

TASK = "whose"
KNOWN = tasks(SECOND)
MOST = KNOWN[TASK].points


def class_of(folder: Path, texts: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Students with these texts for TASK, as records in which a person has still to read it, and their files."""
    records, files = [], {}
    for student, text in texts.items():
        name = f"{student}/{SECOND}.ipynb"
        path = hand_in(folder, name, answered(SECOND, {TASK: text}))
        graded = [Graded(KNOWN[TASK], "by hand", "read by a person", None)]
        sha256 = read(name, path.read_bytes()).sha256
        records.append(record(Item(name, student, str(path)), sha256, SECOND, 0, graded, {}, ()))
        files[name] = str(path)
    return records, files


def by_hand(path: Path, records: list[dict[str, Any]], files: dict[str, str]) -> list[dict[str, Any]]:
    return list(map(read_table(path, records, files), records))


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def fill(path: Path, delimiter: str = ",", **given: tuple[str, str]) -> None:
    """Points and a remark for students, as a spreadsheet saves them."""
    found = rows(path)
    for row in found:
        row["points"], row["remark"] = given.get(row["student"], (row["points"], row["remark"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.DictWriter(file, list(found[0]), delimiter=delimiter)
        write.writeheader()
        write.writerows(found)


def test_each_answer_has_a_line_with_what_is_looked_for(tmp_path: Path) -> None:
    records, files = class_of(tmp_path, {"ada": "It is P's own.\n\nNobody else's.", "bob": "=HYPERLINK(1)"})
    table = tmp_path / "by-hand.csv"
    assert by_hand(table, records, files) == records
    ada, bob = rows(table)
    assert ada["answer"] == "It is P's own. Nobody else's." and ada["points"] == "" and ada["of"] == f"{MOST:g}"
    assert bob["answer"] == "'=HYPERLINK(1)", "no formula"
    assert len(ada["rubric"]) > 20


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_was_filled_in_is_in_the_record(tmp_path: Path, delimiter: str) -> None:
    records, files = class_of(tmp_path, {"ada": "P's own", "bob": "C's"})
    table = tmp_path / "by-hand.csv"
    by_hand(table, records, files)
    fill(table, delimiter, ada=("2,5", "- short; but =right"))
    for _ in range(3):  # and stays there, as it is
        ada, bob = by_hand(table, records, files)
        assert ada["points"] == 2.5 and ada["tasks"][0]["status"] == "judged"
        assert ada["tasks"][0]["parts"][0]["says"] == "- short; but =right"
        assert "short" not in ada["tasks"][0]["reason"], "the class page shows it"
        assert bob["points"] == 0 and bob["tasks"][0]["status"] == "by hand"
    assert rows(table)[0]["remark"] == "- short; but =right"


def test_points_stay_while_the_text_stays_and_no_line_is_lost(tmp_path: Path) -> None:
    records, files = class_of(tmp_path, {"ada": "one", "bob": "two"})
    table = tmp_path / "by-hand.csv"
    by_hand(table, records, files)
    fill(table, ada=("1", ""), bob=("2", "fine"))
    records, files = class_of(tmp_path, {"ada": "one", "bob": "two, and more"})
    ada, bob = by_hand(table, records, files)
    assert (ada["points"], bob["points"]) == (1, 0)
    assert [row["points"] for row in rows(table)] == ["1", "", "2"]
    records, files = class_of(tmp_path, {"bob": "two"})
    assert by_hand(table, records, files)[0]["points"] == 2


@pytest.mark.parametrize(
    ("points", "says"), [("-1", "from 0"), ("99", "from 0"), ("good", "a number"), ("nan", "from 0")]
)
def test_points_that_cannot_be_meant_are_an_error(tmp_path: Path, points: str, says: str) -> None:
    records, files = class_of(tmp_path, {"ada": "one"})
    table = tmp_path / "by-hand.csv"
    by_hand(table, records, files)
    fill(table, ada=(points, ""))
    before = table.read_bytes()
    with pytest.raises(HandError, match=f"by-hand.csv, line 2: points are {says}"):
        by_hand(table, records, files)
    assert table.read_bytes() == before


def test_a_table_without_keys_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "by-hand.csv").write_text("student,task,of,points\nada,whose,3,2\n")
    with pytest.raises(HandError, match="without a key"):
        filled_in(tmp_path / "by-hand.csv")


def test_nobody_to_read_makes_no_table(tmp_path: Path) -> None:
    assert by_hand(tmp_path / "by-hand.csv", [], {}) == []
    assert not (tmp_path / "by-hand.csv").exists()


def test_points_by_hand_are_in_all_that_the_next_run_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And whoever has all points that a judge can give passes, read or not."""
    hand_in(tmp_path, f"submitted/ada/{SECOND}.ipynb", answered(SECOND, {TASK: "P's own"}))
    command = ["grade", str(tmp_path / "submitted"), "--out", str(tmp_path / "results"), "--json"]
    assert main(command) == 0
    fill(tmp_path / "results" / "by-hand.csv", ada=("2", "well-seen"))
    assert main([*command, "--gradescope", str(tmp_path / "results.json")]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["points"], second["points"]) == (0, 2)
    assert json.loads((tmp_path / "results.json").read_text())["score"] == 2
    (line,) = csv.DictReader((tmp_path / "results" / "grades.csv").read_text("utf-8-sig").splitlines())
    assert line[TASK] == "2" and line["points"] == "2"
    (student,) = (tmp_path / "results" / "students").iterdir()
    (page,) = (tmp_path / "results").glob("class-*.html")
    assert "well-seen" in student.read_text("utf-8") and "well-seen" not in page.read_text("utf-8")
    fill(tmp_path / "results" / "by-hand.csv", ada=("200", ""))
    assert main(command) == 2
    assert "from 0 to 3" in capsys.readouterr().err
