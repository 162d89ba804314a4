"""The pages of the reports: what they say of a student and of a class, and what strangers cannot do in them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from test_report import EVIL, FOUND, ISOLATION, LESSON, LETTER, RIGHT, ada, hostile, klass, of

from cowlab.grading import Part
from cowlab.grading.report import class_page, student_page
from cowlab.grading.report.records import LATER, STATUSES
from cowlab.grading.report.tally import bins, tally
from cowlab.grading.report.words import STATES, lesson_title
from cowlab.views.mount import as_json


class Structure(HTMLParser):
    """The tags and the names of their attributes, in order; what stands in scripts; what is addressed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.links: list[str | None] = []
        self._inside: list[str] | None = None
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in ("href", "src", "action", "data")]
        self.last = tag, dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self.last = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attrs = self.last
        if tag == "script":
            self.scripts.append((attrs, data))
        elif tag == "style":
            self.styles.append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_a_hostile_text_is_text() -> None:
    """The page has the same elements with the same attributes as if the texts had been harmless."""
    harmless = re.sub(r"[^a-z/() ]", "a", EVIL)
    for page in (student_page, lambda one: class_page([one, one])):
        evil, good = Structure(page(hostile(EVIL))), Structure(page(hostile(harmless)))
        assert evil.tags == good.tags and len(evil.scripts) == 2
        assert [script for attrs, script in evil.scripts if not attrs] == [
            script for attrs, script in good.scripts if not attrs
        ]
        assert evil.styles == good.styles
        assert all(link is not None and link.startswith("#t") for link in evil.links)
        assert (
            "pwned()" in evil.text
            and "‹U+202E›" in evil.text
            and not set("\u202e\u2066\x00\x1b\ud800") & set(evil.text)
        )


def test_nothing_of_a_page_runs_but_its_own_script() -> None:
    for page in (student_page(ada()), class_page(klass())):
        found = Structure(page)
        (_, data), (attrs, script) = found.scripts
        assert attrs == {} and "<" not in data and json.loads(data)["steppers"]
        policy = re.search('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
        assert policy is not None and page.index(policy[0]) < page.index("<style") < page.index("<script")
        rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["script-src"] == hashed(script) and rules["style-src-elem"] == hashed("".join(found.styles))
        assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)|url\(|@import", page)


def test_json_in_a_page_ends_neither_its_element_nor_a_line() -> None:
    text = as_json({"text": EVIL})
    assert not set("<\u2028\u2029") & set(text) and json.loads(text) == {"text": EVIL}


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_student_page_says_what_was_judged() -> None:
    text = Structure(student_page(ada())).text
    for words in (
        "Lesson 1, copy on write",
        "0 of 15 points",
        "1 task (4 points) is still to be read by a person.",
        "✗ isolation 0 of 4 the shortest script that shows it has",
        "counts once the other laws hold",
        "What shows it , under your policy".replace(" ,", ","),
        "✗ g sees C and ought to see B",
        "mapcount is 1, so C keeps #1, which the pipe still reads.",
        "What shows it, under v5.7",
        "To be read by a person. ",
        ISOLATION,
        "sha256 9f9f9f",
    ):
        assert words in text, words


def test_parts_that_were_rounded_say_so() -> None:
    thirds = tuple(Part(f"case {n}", 4 / 3 * (n < 2), 4 / 3, "x") for n in range(3))
    text = Structure(student_page(of("ada", RIGHT._replace(points=2.5, max=4, parts=thirds)))).text
    assert "1.33 of 1.33" in text and "Together 2.67, rounded down to halves." in text and "2 of 3 parts held" in text


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_words_of_its_own(status: str) -> None:
    points = None if status in LATER else 0
    text = Structure(
        student_page(of("ada", RIGHT._replace(status=status, points=points, parts=(), reason="the reason")))
    ).text
    assert STATES[status].told in text and "the reason" in text
    assert ("0 of 6 points" in text.split("WHAT")[-1].split("1. May I")[-1]) == (points == 0)
    assert (
        len({state.short for state in STATES.values()} | {state.brief for state in STATES.values()})
        >= 2 * len(STATUSES) - 2
    )


def test_a_fault_of_ours_is_never_a_zero() -> None:
    text = Structure(student_page(of("ada", points=None, error="the judge ended: OSError"))).text
    assert "not graded" in text and "a fault of ours: it is no zero" in text and "0 of" not in text
    text = Structure(student_page(of("ada", points=0, error="this is not a notebook"))).text
    assert "fault of ours" not in text and "no points" in text and "0 of" not in text


def test_a_script_that_cannot_be_drawn_is_shown_as_text() -> None:
    page = student_page(of("ada", FOUND._replace(witness=("P: dance <b>", "# \u202ex"))))
    assert "P: dance &lt;b&gt;\n# ‹U+202E›x</pre>" in page and "This script cannot be drawn here." in page
    assert "data-steps" not in page.split("</head>")[1].split("<script")[0]


def test_a_page_is_the_same_every_time() -> None:
    assert student_page(ada()) == student_page(ada()) and class_page(klass()) == class_page(klass())


# --- the class -------------------------------------------------------------------------------------------------------


def test_the_class_is_counted() -> None:
    known = tally(klass())
    first, letter = known.tasks
    assert (len(first.full), first.mean, len(first.of("open")), letter.by_hand, letter.mean) == (
        5,
        38 / 12,
        1,
        True,
        None,
    )
    assert [(len(c.answers), c.mistake) for c in first.wrong()] == [
        (4, "who maps it is who sees it"),
        (2, "the writer always copies"),
    ]
    assert [(m.many, m.of, m.says) for m in known.mistakes()] == [
        (4, 11, "who maps it is who sees it"),
        (2, 11, "the writer always copies"),
    ]
    assert known.attention() == []


def test_what_many_left_open_and_every_fault_of_ours_is_pointed_out() -> None:
    late = RIGHT._replace(status="timeout", points=0)
    ours = RIGHT._replace(status="our fault", points=None)
    known = tally([*klass(), of("a", late), of("b", late), of("c", late), of("d", late), of("e", ours)])
    assert [(what, count) for _, what, count in known.attention()] == [("stopped", 4), ("ours", 1)]
    text = Structure(class_page(known.records)).text
    assert (
        "4 of 17 gave no answer that could be used." in text
        and "1 could not be judged through a fault of the grader" in text
    )


def test_a_class_page_says_who_gave_the_same_answer() -> None:
    text = Structure(class_page(klass())).text
    assert "12 submissions by 12 students; median 4 points" in text and "3.2 of 10 points on average" in text
    assert "4 gave the same answer, ✗ 0 of 6 points who maps it is who sees it . isolation: the shortest" in text
    assert "student05 , student06 , student07 , student08" in text and "5 answers earned all points." in text
    assert "not answered : student11" in text and "under their policy" in text
    page = class_page(klass())
    assert (
        'aria-label="Answers by points. 6 points: 5; 4 to less than 5 points: 2; 0 to less than 1 points: 4; open: 1"'
        in page
    )


def test_an_anonymous_page_names_nobody_and_shows_no_single_answer() -> None:
    own = FOUND._replace(
        task="can_reuse",
        reason="it is not 'I am student03'",
        answers="abc",
        witness=("P: write A", "P: fork student03"),
    )
    crash = RIGHT._replace(status="crash", points=0, parts=(), reason="student04 was here", answers="")
    records = [
        *klass(),
        of("student03", own),
        of("student04", crash),
        of("student09", points=0, error="student09: no notebook"),
    ]
    page = class_page(records, anonymous=True, links={one.submission: "students/x.html" for one in records})
    assert not re.search(r"student\d|students/|\.ipynb", page)
    assert "Who gave no answer" not in page
    text = Structure(page).text
    assert "4 gave the same answer" in text and "And 1 other wrong answer, each given by one student." in text
    assert "student03" in class_page(records)


def test_a_class_page_is_of_one_lesson() -> None:
    for records in ([], [of("ada", RIGHT), of("ada", RIGHT, lesson="02_pins")]):
        with pytest.raises(ValueError, match="a class page is about one lesson; these records are of"):
            class_page(records)


def test_what_could_not_be_read_is_on_the_page_of_the_class() -> None:
    lost = of("lea", lesson="", points=None, isolation="none", error="our fault: the process died")
    text = Structure(class_page([*klass(), lost])).text
    assert "1 submission could not be graded at all: lea" in text and "not the same" not in text
    assert "Submission: the class" in Structure(class_page([lost])).text


def test_who_handed_in_more_than_once_is_on_the_page_of_the_class() -> None:
    records = [of("ada", RIGHT), of("lea", RIGHT), of("lea", RIGHT)._replace(submission="lea/late.ipynb")]
    assert "1 student handed in more than once, and each counts here: lea" in Structure(class_page(records)).text
    assert "counts here</li>" in class_page(records, anonymous=True)
    assert "more than once" not in class_page(records[:2])


def test_what_a_person_reads_has_no_points_yet() -> None:
    silent = LETTER._replace(status="open", points=0)
    records = [*(of(f"s{n}", RIGHT, LETTER) for n in range(3)), of("lea", RIGHT, silent)]
    text = Structure(class_page(records)).text
    assert "3 answers to be read by a person; 1 left it unanswered." in text and "not answered : lea" in text
    read = LETTER._replace(status="judged", points=2)
    text_later = Structure(class_page([*records, of("max", RIGHT, read)])).text
    assert "3 answers to be read by a person, 1 already read; 1 left it unanswered." in text_later
    own = Structure(student_page(of("max", read._replace(parts=(Part("by hand", 2, 4, "short"),))))).text
    assert "2 of 4 points read by a person" in own and "parts held" not in own
    assert "2. A letter read by a person 1" in text and tally(records).tasks[1].mean is None


def test_isolation_that_differed_is_told_apart() -> None:
    text = Structure(class_page([*klass(), of("zed", RIGHT, isolation="none: --trust-submissions")])).text
    assert "Isolation was not the same for all" in text and "none: --trust-submissions (1 submission)" in text
    assert "not the same" not in Structure(class_page(klass())).text


@pytest.mark.parametrize(
    "points, most, lows",
    [
        ([0, 6], 6, [0, 1, 2, 3, 4, 5, 6]),
        ([2.5], 6, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6]),
        ([2.5], 10, [*range(11)]),
        ([25], 25, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 25]),
        ([], 0, [0, 0]),
        ([1], 1200, [k * 100 for k in range(13)]),
    ],
)
def test_columns_have_equal_width_and_all_points_the_last(points: list[float], most: float, lows: list[float]) -> None:
    found = bins(points, most)
    assert [b.low for b in found] == lows and sum(b.many for b in found) == len(points)


def test_the_name_of_a_lesson() -> None:
    assert (
        lesson_title(LESSON) == "Lesson 1, copy on write"
        and lesson_title("odd") == "odd"
        and lesson_title("") == "Submission"
    )
