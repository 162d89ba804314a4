"""Reports of grading: what goes out and comes in, texts of strangers, witnesses, files. The pages: test_report_pages.py."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cowlab.check import check
from cowlab.grading import Part
from cowlab.grading.report import Record, RecordError, TaskRecord, line, read, record, spreadsheet, student_page, write
from cowlab.grading.report.clean import cell, file_name, visible
from cowlab.grading.report.played import MAX_LINES, played
from cowlab.grading.report.records import LATER, STATUSES
from cowlab.grading.report.words import STATES
from cowlab.model import Bounds
from cowlab.policy import POLICIES, PageInfo, tabulated
from cowlab.views.words import note

LESSON = "01_copy_on_write"
ISOLATION = "user, mount, network, pid and ipc namespaces; seccomp; rlimits"
EVENTS = ("write", "fork", "exit", "vmsplice", "munmap", "put")
EVIL = (
    "</script><script>pwned()</script><img src=x onerror=pwned()><!--<b style='position:fixed'>\"' onclick=pwned() \u202egnp"
    "\u2066\x00\x1b[31m\u2028\u2029\ud800\r\n=cmd|'/C calc'!A0" + "e" + "\u0301" * 60
)


def by_mapcount(page: PageInfo) -> str:
    return "reuse" if page.mapcount == 1 else "copy"


def never(page: PageInfo) -> str:
    return "copy"


@cache
def decided(decision: Any, law: str, points: float, mistake: str = "") -> TaskRecord:
    """What the grader writes of a decision: the answers as a table, and the shortest script that breaks the law."""
    row = tabulated(POLICIES["v5.9"].with_(reuse=decision)._replace(name="your policy"))
    report = check(row, Bounds(processes=2, references=1, holds=0, events=EVENTS), ("isolation", "economy"))
    table = tuple((c, tuple(p), a) for c, known in report.policy.tables.items() for p, a in sorted(known.items()))
    script = (report.script(law) or "").splitlines()
    said = f"the shortest script that shows it has {len(script)} lines"
    kept, cost = Part("isolation", 4, 4, "holds in all states"), Part("economy", 0, 2, said)
    parts = (
        (kept, cost)
        if law == "economy"
        else (Part("isolation", 0, 4, said), cost._replace(says="counts once the other laws hold"))
    )
    reason = next(f"{part.name}: {part.says}" for part in parts if not part.held)
    common = {
        "policy": "your policy",
        "table": table,
        "parts": parts,
        "answers": report.policy.fingerprint,
        "mistake": mistake,
    }
    return TaskRecord(
        "can_reuse", "May I keep it?", "decide", "judged", points, 6, law, reason, tuple(script), **common
    )


def leaks() -> TaskRecord:
    return decided(by_mapcount, "isolation", 0, "who maps it is who sees it")


def copies() -> TaskRecord:
    return decided(never, "economy", 4, "the writer always copies")


RIGHT = TaskRecord(
    "can_reuse", "May I keep it?", "decide", "judged", 6, 6, parts=(Part("isolation", 6, 6, "holds"),), answers="0" * 12
)
FOUND = TaskRecord(
    "shortest_leak", "The shortest leak", "find", "judged", 0, 5, "breaks isolation", "breaks isolation: not under v5.7",
    ("P: write A", "# a comment", "P: fork C", "P: write S", "C: read"), "v5.7",
    parts=(Part("breaks isolation", 0, 5, "not under v5.7"),), answers="f" * 12,
)  # fmt: skip
LETTER = TaskRecord("letter", "A letter", "explain", "by hand", None, 4)


def of(student: str, *tasks: TaskRecord, **more: Any) -> Record:
    points = sum(task.points or 0 for task in tasks)
    known = Record(
        f"{student}/{LESSON}.ipynb",
        student,
        LESSON,
        "9f" * 32,
        7,
        tasks,
        points,
        sum(t.max for t in tasks),
        ISOLATION,
        0.12,
    )
    return known._replace(**more)


def ada() -> Record:
    return of("ada", leaks(), FOUND, LETTER)


def hostile(text: str) -> Record:
    """Wherever a submission could put in a text of its own, it is this one; and wherever it could not, too."""
    own = {"task": text, "title": text, "kind": text, "law": text, "reason": text, "answers": text, "mistake": text}
    tasks = [
        task._replace(**own, parts=tuple(p._replace(name=text, says=text) for p in task.parts))
        for task in (leaks(), FOUND, LETTER)
    ]
    tasks.append(leaks()._replace(witness=(text, text)))
    tasks.append(FOUND._replace(policy=text))
    tasks.append(FOUND._replace(witness=("P: write A # " + text.replace("\n", ""), "P: write B")))
    tasks += [task._replace(reason=text, status=status) for task, status in zip([FOUND] * 10, STATUSES, strict=False)]
    tasks = [task._replace(task=f"{text}{n}") for n, task in enumerate(tasks)]
    return of(text, *tasks, submission=text, lesson=text, sha256=text, isolation=text, error=text)


def klass() -> list[Record]:
    """Twelve: five know it, four and two make a mistake each, one did nothing."""
    silent = RIGHT._replace(status="open", points=0, parts=(), answers="", reason="return 'reuse' or 'copy'")
    answers = [RIGHT] * 5 + [leaks()] * 4 + [copies()] * 2 + [silent]
    return [of(f"student{n:02}", task, LETTER) for n, task in enumerate(answers)]


# --- JSON lines ------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was() -> None:
    for one in (ada(), hostile(EVIL), of("nobody", points=None, error="not a notebook")):
        text = line(one)
        assert text.isascii() and text.count("\n") == 1 and text.endswith("}\n")
        assert read([text]).records == [one] == [record(json.loads(text))]


def test_what_a_line_holds() -> None:
    data = json.loads(line(ada()))
    assert list(data)[:4] == ["submission", "student", "lesson", "sha256"]
    assert data["tasks"][0]["parts"][0] == {"name": "isolation", "points": 0, "max": 4, "says": leaks().parts[0].says}
    assert data["tasks"][0]["table"][0][0] == "reuse" and len(data["tasks"][0]["table"][0][1]) == len(PageInfo._fields)
    assert data["tasks"][2]["points"] is None and data["tasks"][2]["witness"] is None


def test_a_last_line_that_was_cut_off_is_left_out_and_said() -> None:
    whole, last = line(ada()), line(of("bela", RIGHT))
    for cut in range(1, len(last) - 1):
        found = read((whole + last[:cut]).splitlines(keepends=True))
        assert [one.student for one in found.records] == ["ada"]
        assert found.said.startswith("The last line was cut off and is left out: line 2")
    for kept in (last, last[:-1], last + "\n\n"):
        assert read((whole + kept).splitlines(keepends=True)) == ([ada(), of("bela", RIGHT)], "")
    assert read([]) == ([], "")


def test_a_broken_line_before_the_last_is_an_error() -> None:
    with pytest.raises(RecordError, match="line 1 is not JSON"):
        read(['{"submission": "ada\n', line(ada())])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"student": 3}, "line 1: student is 3, expected text"),
        ({"points": "6"}, "line 1: points is '6', expected a number"),
        ({"points": True}, "line 1: points is True"),
        ({"max": float("nan")}, "line 1: max is nan"),
        ({"tasks": "none"}, "line 1: tasks is .none., expected a list"),
        ({"tasks": {}}, "line 1: tasks is {}, expected a list"),
        ({"tasks": [[]]}, r"line 1, tasks\[0\]: expected an object, found \[\]"),
        ({"tasks": [{"task": "x"}]}, r"line 1, tasks\[0\]: title is missing"),
    ],
)
def test_a_record_that_is_none_says_where(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read([json.dumps({**json.loads(line(ada())), **change})])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"status": "fine"}, "status is one of judged, open, missing, .*, not 'fine'"),
        ({"parts": [{"name": "x", "points": 1, "max": 1}]}, "parts: says is missing"),
        ({"witness": ["P: write A", 3]}, "witness: expected lines of text"),
        ({"table": [["reuse", []]]}, r"table: expected \[cell, "),
        ({"table": [["reuse", [[]], "copy"]]}, r"table: expected \[cell, "),
    ],
)
def test_a_task_that_is_none_says_where(change: dict[str, Any], message: str) -> None:
    data = json.loads(line(ada()))
    data["tasks"][0] |= change
    with pytest.raises(RecordError, match=r"record, tasks\[0\].*" + message):
        record(data)


def test_fields_of_later_versions_are_passed_over() -> None:
    data = json.loads(line(ada()))
    data["tasks"][0]["parts"][0]["new"] = data["tasks"][0]["new"] = data["new"] = 1
    assert record(data) == ada()


def test_null_is_as_good_as_nothing() -> None:
    data = json.loads(line(ada()))
    data |= {"max": None, "points": None, "lesson": None}
    data["tasks"][1] |= {"law": None, "mistake": None, "parts": None, "table": None}
    found = record(data)
    assert (found.max, found.points, found.lesson) == (0, None, "")
    assert found.tasks[1] == FOUND._replace(law="", parts=())
    assert "not graded" in student_page(found) and rows(spreadsheet([found]))[1][6:8] == ["", "0"]


def test_what_is_no_answer_is_left_out_of_a_table() -> None:
    data = json.loads(line(of("ada", leaks())))
    table = data["tasks"][0]["table"]
    data["tasks"][0]["table"] = [
        *table,
        ["reuse", table[0][1], {"not": ["an", "answer"]}],
        ["reuse", table[0][1], None],
    ]
    assert record(data).tasks[0].table == leaks().table


def test_no_number_is_no_line() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line(ada()._replace(points=float("nan")))


def test_equal_tables_are_kept_once() -> None:
    one, two = read([line(of("ada", leaks())), line(of("bela", leaks()))]).records
    assert one.tasks[0].table is two.tasks[0].table is not None and one.tasks[0].parts is two.tasks[0].parts


# --- the CSV ---------------------------------------------------------------------------------------------------------


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline="")))


def test_a_line_a_submission_and_a_column_a_task() -> None:
    table = rows(
        spreadsheet([ada(), of("bela", RIGHT._replace(points=2.5)), of("zed", points=None, error="not a notebook")])
    )
    assert table[0] == [
        "student",
        "lesson",
        "submission",
        "can_reuse",
        "shortest_leak",
        "letter",
        "points",
        "max",
        "remarks",
    ]
    assert table[1] == ["ada", LESSON, f"ada/{LESSON}.ipynb", "0", "0", "", "0", "15", "letter: to be read by a person"]
    assert table[2][3:] == ["2.5", "", "", "2.5", "6", ""]
    assert table[3][3:] == ["", "", "", "", "0", "not a notebook"]


def test_what_nobody_has_judged_is_empty_and_no_zero() -> None:
    for status in LATER:
        table = rows(spreadsheet([of("ada", RIGHT._replace(status=status, points=None))]))
        assert table[1][3] == "" and STATES[status].short in table[1][-1]


def test_tasks_of_several_lessons_have_the_lesson_before_them() -> None:
    table = rows(spreadsheet([of("ada", RIGHT), of("ada", RIGHT, lesson="02_pins")]))
    assert table[0][3:5] == [f"{LESSON}/can_reuse", "02_pins/can_reuse"]
    assert [row[3:5] for row in table[1:]] == [["6", ""], ["", "6"]]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\x00=1",
    "\u202e=1",
    "＝1",
    "a;=1",
    "a,-1",
    'a;"=1"',
    "a|@b",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_defused(text: str) -> None:
    """In whatever way a spreadsheet cuts the line into cells."""
    book = spreadsheet([of(text, RIGHT._replace(task=text, status="open"), submission=text, error=text)])
    for separator in ",;|\t":
        for row in csv.reader(StringIO(book, newline=""), delimiter=separator):
            for value in row:
                assert not re.match(r"[\s\"']*(?<!')[=+\-@＝]", value), value
    assert "'" in cell(text)


def test_ordinary_texts_stay_as_they_are() -> None:
    for text in ("Zoë O'Neill-Smith", "ada@uni.example", "a - b", "x=1", "دنيا", "1.5"):
        assert cell(text) == text


def test_no_hidden_sign_comes_into_the_csv() -> None:
    book = spreadsheet([hostile(EVIL)])
    assert not any(ord(sign) < 32 and sign not in "\r\n" for sign in book)
    assert not set("\u202e\u2066\u2028\u2029\ud800\x00\x1b") & set(book) and len(rows(book)) == 2
    book.encode("utf-8")


# --- texts of strangers ----------------------------------------------------------------------------------------------


def test_hidden_signs_are_shown_by_their_numbers() -> None:
    assert visible("a\u202eb\u2066\x00\x1b\ud800\u2028\U000e0041\ufeff") == (
        "a‹U+202E›b‹U+2066›‹U+0000›‹U+001B›‹U+D800›‹U+2028›‹U+E0041›‹U+FEFF›"
    )
    assert visible("one\r\ntwo\tthree") == "one\ntwo    three" and visible("Zoë, דנה, 👩‍🔬") == "Zoë, דנה, 👩‍🔬"
    assert visible("e" + "\u0301" * 60) == "e" + "\u0301" * 4
    assert visible("x" * 30, 10) == "x" * 10 + "… (20 more characters)"


def test_names_of_files() -> None:
    names = [
        "ada",
        "Ada",
        "../../etc/passwd",
        "..",
        ".",
        "",
        "con",
        "a/b",
        "a\\b",
        "a\0b",
        "\ud800",
        "דנה",
        "x" * 900,
        EVIL,
        "-rf",
        "é",
    ]
    found = [file_name(name, LESSON) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) < 120 for name in found)
    assert file_name("a", "b") != file_name("a\0b") and file_name("Zoë").startswith("zoe-")


# --- witnesses -------------------------------------------------------------------------------------------------------


def test_a_witness_is_played_under_the_answers_that_were_given() -> None:
    found = played(leaks(), "no lesson")
    assert found is not None and found.at == len(found.lines) == len(leaks().witness or ())
    assert found.lines[-1].split("✗")[1] == " g sees C and ought to see B"
    assert found.trace.policy.name == "your policy" and found.trace.verdict == "leak"
    cost = played(copies(), "no lesson", "their policy")
    assert (
        cost is not None
        and "✗ a copy that no reader needed" in cost.lines[-1]
        and cost.trace.policy.name == "their policy"
    )


def test_the_fact_that_decided_is_the_one_that_explains_all_answers() -> None:
    found = played(leaks(), "no lesson")
    assert found is not None
    told = [
        note(before, after, found.trace.policy)
        for before, after in zip(found.trace.moments, found.trace.steps, strict=False)
    ]
    assert told[3:] == ["mapcount is 2", "mapcount is 1"]


def test_what_cannot_be_played_is_none() -> None:
    task = leaks()
    assert task.table is not None
    for change in (
        {"witness": None},
        {"witness": ()},
        {"table": None},
        {"table": task.table[1:2]},
        {"table": tuple((c, p, "maybe") for c, p, _ in task.table)},
        {"table": (*task.table, ("no such cell", (), "copy"))},
        {"policy": "v9.9"},
        {"policy": EVIL},
        {"witness": ("P: write A", "P: dance")},
        {"witness": ("leak",)},
        {"witness": ("C: read",)},
        {"witness": ("# only a comment",)},
        {"witness": ("P: write A",) * (MAX_LINES + 1), "policy": "v5.7", "kind": "find"},
        {"witness": ("P: write A", "P: fork " + "C" * 100), "policy": "v5.7", "kind": "find"},
        {"witness": ("P: write A", "P: fork C")},  # does not break the law that it should
        {"law": "coherence"},
    ):
        assert played(task._replace(**change), "no lesson") is None, change


def test_other_policies_and_kinds() -> None:
    found = played(FOUND, LESSON)
    assert found is not None and found.at == 4 and found.lines[3] == "4  C: read" and found.trace.policy.name == "v5.7"
    leak = ("P: write A", "P: fork C", "C: vmsplice g", "C: munmap", "P: write S", "g: put")
    harm = played(FOUND._replace(law="", reason="harmless under v5.7: no, there too", witness=leak), LESSON)
    assert harm is not None and harm.at == 5 and "✗ g sees S and ought to see A" in harm.lines[4]
    hybrid = played(FOUND._replace(policy="v5.19, fork of v5.7", kind="law"), LESSON)
    assert hybrid is not None and hybrid.trace.policy.name == "v5.19, fork of v5.7"


def test_cells_that_were_not_answered_are_those_of_the_tasks_base(monkeypatch: pytest.MonkeyPatch) -> None:
    task = leaks()
    own = task._replace(table=tuple(row for row in task.table or () if row[0] == "reuse"))
    assert played(own, "no lesson") is None
    monkeypatch.setattr("cowlab.grading.report.played._base", lambda lesson, task: "v5.9")
    found, whole = played(own, LESSON), played(task, LESSON)
    assert found is not None and whole is not None and found.lines == whole.lines


# --- files -----------------------------------------------------------------------------------------------------------


def test_everything_is_written_into_the_folder(tmp_path: Path) -> None:
    records = [
        ada(),
        of("../../evil", RIGHT),
        of(EVIL, RIGHT, submission="x"),
        of("ada", RIGHT, lesson="02_pins", submission="y"),
    ]
    files = write(tmp_path / "out", iter(records))
    assert sorted(files) == sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert len(files) == 4 + 2 + 1 and list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert files[-1].read_bytes().startswith(b"\xef\xbb\xbfstudent,lesson,")
    class_html = files[4].read_text("utf-8")
    assert f'href="students/{files[0].name}"' in class_html and files[0].read_text("utf-8") == student_page(ada())
    assert write(tmp_path / "out", records, anonymous=True) == files
    assert 'href="students' not in files[4].read_text("utf-8")
    (tmp_path / "out" / "class-notes.html").write_text("mine")
    write(tmp_path / "out", records[:1])
    assert len(list((tmp_path / "out" / "students").iterdir())) == 1, "no page of an earlier run is left"
    assert (tmp_path / "out" / "class-notes.html").exists()
    assert (
        len(write(tmp_path / "one", [of("zed", lesson="", error="x")])) == 3 and len(write(tmp_path / "none", [])) == 1
    )
    assert len(write(tmp_path / "two", [ada(), of("zed", lesson="", error="x")])) == 4


def test_what_could_not_be_read_is_with_the_lesson_that_its_name_names(tmp_path: Path) -> None:
    other = of("ada", RIGHT, lesson="02_pins", submission="ada/02_pins.ipynb")
    lost = (
        of("zed", lesson="", error="no notebook"),
        of("yara", lesson="", error="no notebook", submission="yara/x.ipynb"),
    )
    pages = {
        path.name[:8]: path.read_text("utf-8")
        for path in write(tmp_path, [ada(), other, *lost])
        if path.name[:6] == "class-"
    }
    assert (
        "zed" in pages["class-01"] and "zed" not in pages["class-02"] and all("yara" in page for page in pages.values())
    )
    assert "1 submission by 1 student;" in pages["class-01"]
