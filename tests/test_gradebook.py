"""nbgrader, for real: a course is generated, autograded and graded; cowlab's points stand in its gradebook."""

from __future__ import annotations

import html
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from classes import FIRST, ROOT, SECOND, answered, exercise, hand_in, mark, solution, worth, wrong
from nbconvert.filters.markdown import markdown2html
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

from cowlab.cli import main
from cowlab.grading import tasks
from cowlab.grading.gradebook import GradebookError, Written, write

# nbgrader's own way to add a submission makes SQLAlchemy 2 talk; a cell that stands there twice is meant.
pytestmark = [pytest.mark.slow]
pytestmark += [pytest.mark.filterwarnings(f"ignore:{text}") for text in ("Object of type", "Non-unique cell id")]

BILL = "fork_bill"  # a task of FIRST
HAND = "whose"  # the task of SECOND that a person reads
HOSTILE = """def fork_bill():
    raise ValueError("</pre><script>alert(1)</script> $$x$$ ```\\n\\n<img src=x onerror=alert(2)>\\n# big")
"""


class Course(NamedTuple):
    """A folder as nbgrader wants it, graded once; the records of that."""

    folder: Path
    api: NbGraderAPI
    records: list[dict[str, Any]]

    @property
    def database(self) -> str:
        return str(self.folder / "gradebook.db")

    @contextmanager
    def book(self) -> Iterator[Gradebook]:
        with Gradebook(f"sqlite:///{self.database}", "") as book:
            yield book

    def write(self, records: list[dict[str, Any]] | None = None) -> Written:
        return write(self.database, self.records if records is None else records)

    def cell(self, student: str, task: str, notebook: str = FIRST) -> dict[str, Any]:
        """What stands in the gradebook for a task."""
        name = task if task == HAND else f"check-{task}"
        with self.book() as book:
            grade = book.find_grade(name, notebook, "ps", student).to_dict()
            return {**grade, "comment": book.find_comment(task, notebook, "ps", student).auto_comment}


@pytest.fixture(scope="module", autouse=True)
def path() -> Iterator[None]:
    """nbgrader calls alembic by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


def api(folder: Path, config: bool = True) -> NbGraderAPI:
    """nbgrader in that folder, with the configuration that the guide gives, or its own."""
    loader = PyFileConfigLoader("nbgrader_config.py", str(ROOT / "tools" / "nbgrader"))
    settings = loader.load_config()
    if not config:
        del settings["Autograde"]
    settings.CourseDirectory.root = str(folder)
    settings.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    return NbGraderAPI(config=settings)


def generated(folder: Path, config: bool = True) -> NbGraderAPI:
    """A course with one assignment of two lessons, released."""
    for lesson in (FIRST, SECOND):
        path = folder / "source" / "ps" / f"{lesson}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "solutions" / path.name, path)
    found = api(folder, config)
    assert found.generate_assignment("ps")["success"]
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    folder = tmp_path_factory.mktemp("course")
    nbgrader = generated(folder)
    inbox = folder / "submitted"
    for lesson in (FIRST, SECOND):
        hand_in(inbox, f"ada/ps/{lesson}.ipynb", solution(lesson))
        hand_in(inbox, f"bob/ps/{lesson}.ipynb", exercise(lesson))
    hand_in(inbox, f"cy/ps/{FIRST}.ipynb", wrong(FIRST))
    hand_in(inbox, f"eve/ps/{FIRST}.ipynb", answered(FIRST, {BILL: HOSTILE}))
    hand_in(inbox, f"gus/ps/{SECOND}.ipynb", solution(FIRST))
    twice = solution(FIRST)
    twice["cells"] += [cell for cell in twice["cells"] if mark(cell) == f"check-{BILL}"]
    hand_in(inbox, f"hal/ps/{FIRST}.ipynb", twice)
    hand_in(inbox, f"ida/ps/{FIRST}-Copy1.ipynb", solution(FIRST))
    for student in ("ada", "bob", "cy", "eve"):
        assert nbgrader.autograde("ps", student)["success"]
    assert not nbgrader.autograde("ps", "hal")["success"], "nbgrader takes this notebook now: say so in the guide"
    out = folder / "results"
    done = main(["grade", str(inbox), "--nbgrader", str(folder / "gradebook.db"), "--out", str(out), "--json"])
    assert done == 0
    return Course(folder, nbgrader, [json.loads(line) for line in (out / "results.jsonl").open()])


# --- what nbgrader makes of our notebooks ----------------------------------------------------------------------------


def test_generate_assignment_makes_our_exercises(course: Course) -> None:
    """All but the stubs is the same, so exercises/ may be released as well: nbgrader finds its cells in them."""
    for lesson in (FIRST, SECOND):
        theirs = json.loads((course.folder / "release" / "ps" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
        ours = exercise(lesson)["cells"]
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            by_hand = mark(one) in tasks(lesson) and tasks(lesson)[mark(one)].kind == "explain"
            if mark(one) and (mark(one).startswith("check-") or by_hand):
                assert one["metadata"]["nbgrader"] == other["metadata"]["nbgrader"]
            elif mark(one):
                assert "raise NotImplementedError" in "".join(one["source"])
            if not mark(one) or by_hand:
                assert one["source"] == other["source"]


def test_nbgrader_alone_gives_partial_points(tmp_path: Path) -> None:
    nbgrader = generated(tmp_path, config=False)
    hand_in(tmp_path / "submitted", f"cy/ps/{FIRST}.ipynb", wrong(FIRST))
    assert nbgrader.autograde("ps", "cy")["success"]
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "") as book:
        assert book.find_grade(f"check-{BILL}", FIRST, "ps", "cy").auto_score == worth(FIRST, BILL) > 0


def test_autograde_as_the_guide_has_it_runs_nothing_and_gives_no_points(tmp_path: Path) -> None:
    nbgrader = generated(tmp_path)
    touch = tmp_path / "was-run"
    hand_in(tmp_path / "submitted", f"eve/ps/{FIRST}.ipynb", answered(FIRST, {BILL: f"open({str(touch)!r}, 'w')"}))
    assert nbgrader.autograde("ps", "eve")["success"]
    assert not touch.exists()
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "") as book:
        assert book.find_grade(f"check-{BILL}", FIRST, "ps", "eve").auto_score is None
        assert write(str(tmp_path / "gradebook.db"), []).cells == 0


# --- cowlab's points -------------------------------------------------------------------------------------------------


def test_each_cell_has_the_points_of_its_task(course: Course) -> None:
    for name, task in tasks(SECOND).items():
        if task.kind != "explain":
            assert course.cell("ada", name, SECOND)["auto_score"] == task.points
            assert course.cell("bob", name, SECOND)["auto_score"] == 0
            assert not course.cell("bob", name, SECOND)["needs_manual_grade"]
    assert course.cell("cy", BILL)["auto_score"] == worth(FIRST, BILL)
    assert "P: fork C" in course.cell("cy", BILL)["comment"]


def test_what_a_person_reads_waits_for_a_person(course: Course) -> None:
    ada, bob = course.cell("ada", HAND, SECOND), course.cell("bob", HAND, SECOND)
    assert ada["auto_score"] is None and ada["needs_manual_grade"] and ada["comment"] is None
    assert bob["auto_score"] == 0 and not bob["needs_manual_grade"], "nothing was written there"


def test_a_notebook_that_was_not_handed_in_has_no_points(course: Course) -> None:
    found = course.cell("cy", "count_it", SECOND)
    assert found["auto_score"] == 0 and "not handed in" in found["comment"]


def test_another_lesson_earns_nothing_and_is_looked_at(course: Course) -> None:
    found = course.cell("gus", "count_it", SECOND)
    assert found["auto_score"] == 0 and found["needs_manual_grade"] and FIRST in found["comment"]


def test_points_do_not_need_an_autograde_that_works(course: Course) -> None:
    assert course.cell("hal", BILL)["auto_score"] == tasks(FIRST)[BILL].points


def test_a_comment_is_text_whatever_a_student_wrote(course: Course) -> None:
    said = course.cell("eve", BILL)["comment"]
    assert "<script>alert(1)" in said and "<img" in said
    page = markdown2html(said)
    assert "<script" not in page and "<img" not in page and "<h1" not in page
    assert page.count("<pre>") == 1


def test_the_feedback_of_nbgrader_has_points_and_reasons(course: Course) -> None:
    assert course.api.generate_feedback("ps", "cy")["success"]
    page = (course.folder / "feedback" / "cy" / "ps" / f"{FIRST}.html").read_text("utf-8")
    text = html.unescape(page)
    assert f"Score: {worth(FIRST, BILL)} / 6.0" in text and "C stores D: it is not 'copy'" in text


# --- again and again -------------------------------------------------------------------------------------------------


def test_writing_twice_changes_nothing(course: Course) -> None:
    with course.book() as book:
        before = "\n".join(book.db.connection().connection.iterdump())
    written = course.write()
    assert written.cells > 0 and written.changed == 0
    with course.book() as book:
        assert "\n".join(book.db.connection().connection.iterdump()) == before


def test_autograding_again_leaves_the_points(course: Course) -> None:
    assert course.api.autograde("ps", "cy", force=True)["success"]
    assert course.cell("cy", BILL)["auto_score"] == worth(FIRST, BILL)


def test_what_a_person_gave_stays(course: Course) -> None:
    with course.book() as book:
        for name, notebook, points in ((HAND, SECOND, 2.5), (f"check-{BILL}", FIRST, 1.0)):
            grade = book.find_grade(name, notebook, "ps", "ada")
            grade.manual_score, grade.needs_manual_grade = points, False
        book.find_grade("check-count_it", SECOND, "ps", "ada").extra_credit = 1.0
        book.find_comment(BILL, FIRST, "ps", "ada").manual_comment = "see me"
        book.db.commit()
    assert course.write().changed == 0
    with course.book() as book:
        assert book.find_grade(HAND, SECOND, "ps", "ada").score == 2.5
        assert book.find_grade(f"check-{BILL}", FIRST, "ps", "ada").score == 1.0
        assert not book.find_grade(f"check-{BILL}", FIRST, "ps", "ada").needs_manual_grade
        assert book.find_grade("check-count_it", SECOND, "ps", "ada").score == tasks(SECOND)["count_it"].points + 1
        assert book.find_comment(BILL, FIRST, "ps", "ada").comment == "see me"


def test_a_fault_of_ours_is_no_zero_and_is_mended_by_the_next_run(course: Course) -> None:
    (mine,) = [r for r in course.records if r["student"] == "cy"]
    task, *others = mine["tasks"]
    course.write(
        [
            {
                **mine,
                "tasks": [*others, {**task, "status": "our fault", "points": None, "parts": [], "reason": "no child"}],
            }
        ]
    )
    found = course.cell("cy", BILL)
    assert found["auto_score"] is None and found["needs_manual_grade"] and "our fault" in found["comment"]
    course.write([{**mine, "tasks": [], "points": None, "max": None, "error": "our fault: it died"}])
    assert course.cell("cy", BILL)["auto_score"] is None
    course.write()
    found = course.cell("cy", BILL)
    assert found["auto_score"] == worth(FIRST, BILL) and not found["needs_manual_grade"]


def test_points_that_are_not_cowlabs_do_not_stand(course: Course) -> None:
    """nbgrader's full marks, which it gives where nothing was printed, go: for those who were not graded here, too."""
    with course.book() as book:
        book.find_grade(f"check-{BILL}", FIRST, "ps", "bob").auto_score = 6.0
        book.find_comment(BILL, FIRST, "ps", "bob").auto_comment = None
        book.db.commit()
    course.write([r for r in course.records if r["student"] == "ada"])
    found = course.cell("bob", BILL)
    assert found["auto_score"] is None and found["needs_manual_grade"]
    assert course.cell("cy", BILL)["auto_score"] == worth(FIRST, BILL), "what cowlab gave before stays"
    course.write()
    assert course.cell("bob", BILL)["auto_score"] == 0


def test_a_cell_that_is_worth_more_gets_its_share(course: Course) -> None:
    with course.book() as book:
        book.find_grade_cell(f"check-{BILL}", FIRST, "ps").max_score = 12.0
        book.db.commit()
    course.write()
    assert course.cell("cy", BILL)["auto_score"] == worth(FIRST, BILL) * 2


# --- what cannot be written ------------------------------------------------------------------------------------------


def test_it_says_what_it_cannot_place(course: Course) -> None:
    said = course.write().said
    assert len(said) == 1 and f"{FIRST}-Copy1" in said[0] and "no notebook of that name" in said[0]
    loose = {**course.records[0], "submission": f"{FIRST}.ipynb"}
    elsewhere = {**course.records[0], "submission": f"ada/other/{FIRST}.ipynb"}
    odd = {**course.records[0], "submission": f"\\x1b[2J/ps/{FIRST}.ipynb"}
    assert len(course.write([loose, elsewhere, odd]).said) == 3


def test_no_gradebook_is_made_by_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GradebookError, match="no such gradebook"):
        write(str(tmp_path / "gradebook.db"), [])
    path = hand_in(tmp_path, f"{FIRST}.ipynb", exercise(FIRST))
    assert main(["grade", str(path), "--nbgrader", str(tmp_path / "gradebook.db")]) == 2
    assert "generate_assignment" in capsys.readouterr().err
    assert not (tmp_path / "gradebook.db").exists()


def test_a_file_that_is_no_gradebook_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("not a database, but long enough to be looked at as one\n" * 20)
    with pytest.raises(GradebookError, match="not a database"):
        write(str(tmp_path / "gradebook.db"), [])
