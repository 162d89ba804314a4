"""The page a teacher gets of a lesson: how points are spread, what many got wrong in the same way, what needs a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cowlab.grading.report.chart import Aside, chart
from cowlab.grading.report.clean import apart, html
from cowlab.grading.report.records import BY_HAND, JUDGED, LATER, MISSING, OPEN, OUR_FAULT, STOPPED, Record
from cowlab.grading.report.shell import Page, facts, meter
from cowlab.grading.report.tally import Cluster, Tally, TaskTally, bins, tally
from cowlab.grading.report.words import count, lesson_title, mark, number, points_of, state

SHOWN = 6  # equal answers that are shown of a task
STEPPERS = 3  # of these with a Stepper
NAMED = 40  # students that are named in one place
ROWS = 1_000  # of the table of submissions; the CSV has them all
LOOKS = {"✓": "full", "◐": "some", "✗": "none", "–": "later"}
ATTENTION = {
    "open": "{n} of {all} left it unanswered.",
    "stopped": "{n} of {all} gave no answer that could be used.",
    "ours": "{n} could not be judged through a fault of the grader: grade again.",
}


def class_page(records: Iterable[Record], *, anonymous: bool = False, links: Mapping[str, str] | None = None) -> str:
    """The HTML of the page for the submissions of one lesson.

    anonymous: nobody is named, and of answers only those are shown which at least two gave; for showing it to the class.
    links: submission -> address of the student's page. What could not be read has no lesson, and may be among them. Raises ValueError without records, or for those of two lessons.
    """
    known = tally(records)
    lessons = {record.lesson for record in known.records if record.lesson}
    if len(lessons) > 1 or not known.records:
        raise ValueError(f"a class page is about one lesson; these records are of {len(lessons)}")
    lesson = "".join(lessons)
    page = Page(f"{lesson_title(lesson)}: the class")
    who = {} if anonymous else dict(links or {})
    body = [_head(known, lesson), _attention(known, anonymous, who), _overview(known), _mistakes(known)]
    body += [_task(page, n, task, lesson, anonymous, who) for n, task in enumerate(known.tasks, 1)]
    if not anonymous:
        body.append(_everybody(known, who))
    return page.html("".join(body), _foot(known))


def _head(known: Tally, lesson: str) -> str:
    students = len({record.student for record in known.graded})
    points = f"<b>{number(round(known.mean, 1))}</b> of {number(known.most)} points on average" if known.totals else ""
    return (
        f'<header class="top"><div><h1 class="cow-title">{html(lesson_title(lesson), 120)}: the class</h1>'
        f'<p class="lede">{count(len(known.graded), "submission")} by {count(students, "student")}; '
        f"median {number(known.median)} points</p></div>"
        f'<p class="score">{points}</p></header>'
    )


def _attention(known: Tally, anonymous: bool, links: Mapping[str, str]) -> str:
    lines = [
        f"<b>{html(of.first.title, 120)}</b>: {ATTENTION[what].format(n=n, all=len(of.answers))}"
        for of, what, n in known.attention()
    ]
    if known.errors:
        names = "" if anonymous else f": {_names(known.errors, links)}"
        lines.append(f"<b>{count(len(known.errors), 'submission')}</b> could not be graded at all{names}")
    if known.again:
        names = "" if anonymous else f": {_names(known.again, links)}"
        lines.append(
            f"<b>{count(len(known.again), 'student')}</b> handed in more than once, and each counts here{names}"
        )
    if len(known.isolations) > 1:
        lines.append("<b>Isolation</b> was not the same for all: see the foot of this page.")
    if not lines:
        return ""
    return f'<section class="note"><h2>To look at</h2><ul class="look">{"".join(f"<li>{line}</li>" for line in lines)}</ul></section>'


def _overview(known: Tally) -> str:
    rows = ""
    for n, of in enumerate(known.tasks, 1):
        mean = of.mean
        judged = "read by a person" if of.by_hand else f"{len(of.full)} of {len(of.answers)}"
        known_points = "" if mean is None else f"{number(round(mean, 1))} of {number(of.most)}"
        rows += (
            f'<tr><td><a href="#t{n}">{n}. {html(of.first.title, 120)}</a></td><td>{meter(mean, of.most)}</td>'
            f'<td class="num">{known_points}</td><td class="num">{judged}</td>'
            f'<td class="num">{len(of.of(OPEN, MISSING)) or ""}</td><td class="num">{len(of.of(*STOPPED)) or ""}</td></tr>'
        )
    total = chart(bins(known.totals, known.most), [], "Submissions") if known.totals else ""
    return (
        f'<div class="pair"><section aria-label="Points in all"><h2>Points in all</h2>{total}</section>'
        '<div class="wide"><table class="rows over" aria-label="All tasks"><thead><tr><th scope="col">TASK</th>'
        '<th scope="col"><span class="sr">share</span></th><th scope="col">MEAN</th><th scope="col">FULL POINTS</th>'
        f'<th scope="col">OPEN</th><th scope="col">FAILED</th></tr></thead><tbody>{rows}</tbody></table></div></div>'
    )


def _mistakes(known: Tally) -> str:
    rows = "".join(
        f'<tr><td class="num"><b>{mistake.many}</b> of {mistake.of}</td><td>{meter(mistake.many, mistake.of)}</td>'
        f'<td><b>{html(mistake.says, 200)}</b></td><td class="why">{html(mistake.task.title, 120)}</td></tr>'
        for mistake in known.mistakes()
    )
    if not rows:
        return ""
    return (
        '<section class="task"><header><h2>Typical misconceptions</h2></header><div class="wide"><table class="rows beliefs" aria-label="Misconceptions">'
        '<thead><tr><th scope="col">ANSWERS</th><th scope="col"><span class="sr">share</span></th>'
        f'<th scope="col">WHAT IS BELIEVED</th><th scope="col">TASK</th></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


# --- one task --------------------------------------------------------------------------------------------------------


def _task(page: Page, n: int, of: TaskTally, lesson: str, anonymous: bool, links: Mapping[str, str]) -> str:
    head = f"<header><h2>{n}. {html(of.first.title, 120)}</h2><code>{html(of.first.task, 80)}</code></header>"
    silent = "" if anonymous else _silent(of, links)
    if of.by_hand:
        read = f"{count(len(of.of(BY_HAND)), 'answer')} to be read by a person"
        read += f", {len(done)} already read" if (done := of.of(JUDGED)) else ""
        read += f"; {len(of.of(OPEN, MISSING))} left it unanswered."
        return f'<section class="task" id="t{n}">{head}<p class="why">{read}</p>{silent}</section>'
    aside = [
        Aside("open", len(of.of(OPEN, MISSING))),
        Aside("failed", len(of.of(*STOPPED))),
        Aside("later", len(of.of(*LATER))),
    ]
    drawn = chart(bins(of.points, of.most), aside, "Answers")
    return (
        f'<section class="task" id="t{n}">{head}<div class="pair"><div>{drawn}{silent}</div>'
        f"<div>{_clusters(page, of, lesson, anonymous, links)}</div></div></section>"
    )


def _silent(of: TaskTally, links: Mapping[str, str]) -> str:
    """Who has no answer that was judged, by reason."""
    lines = ""
    for status in (OPEN, MISSING, *STOPPED, OUR_FAULT):
        if found := of.of(status):
            names = _names([answer.record for answer in found], links)
            lines += f"<li><b>{state(status).short}</b>: {names}</li>"
    return f'<details><summary>Who gave no answer</summary><ul class="look">{lines}</ul></details>' if lines else ""


def _clusters(page: Page, of: TaskTally, lesson: str, anonymous: bool, links: Mapping[str, str]) -> str:
    right = {answer.task.answers for answer in of.full}
    ways = f", in {len(right)} different ways" if len(right) > 1 else ""
    earned = f"{count(len(of.full), 'answer')} earned" if of.full else "No answer earned"
    said = f'<p class="why">{earned} all points{ways}.</p>'
    wrong = of.wrong()
    shown = [cluster for cluster in wrong if not anonymous or len(cluster.answers) > 1][:SHOWN]
    rows = "".join(_cluster(page, c, lesson, anonymous, links, k < STEPPERS) for k, c in enumerate(shown))
    left = len(wrong) - len(shown)
    more = (
        f'<p class="why">And {count(left, "other wrong answer")}, each given by {_at_most(wrong[len(shown) :])}.</p>'
        if left
        else ""
    )
    return f"{said}{rows}{more}"


def _at_most(clusters: list[Cluster]) -> str:
    most = max(len(cluster.answers) for cluster in clusters)
    return "one student" if most == 1 else f"at most {most}"


def _cluster(page: Page, cluster: Cluster, lesson: str, anonymous: bool, links: Mapping[str, str], opens: bool) -> str:
    task = cluster.task
    sign = mark(task.points, task.max)
    says = f"<b>{html(cluster.mistake, 200)}</b>. " if cluster.mistake else ""
    names = "" if anonymous else f'<p class="who">{_names([answer.record for answer in cluster.answers], links)}</p>'
    shows = page.witness(task, lesson, yours="their policy", picture=False) if opens else ""
    gave = "gave the same answer" if len(cluster.answers) > 1 else "answer"
    return (
        f'<article class="cluster"><p class="many"><b>{len(cluster.answers)}</b> {gave}, '
        f'<span class="{LOOKS[sign]}">{sign} {points_of(task.points, task.max)}</span></p>'
        f"<p>{says}{html(task.reason, 400)}</p>{names}{shows}</article>"
    )


# --- everybody -------------------------------------------------------------------------------------------------------


def _names(records: Iterable[Record], links: Mapping[str, str]) -> str:
    known = list(records)
    shown = ", ".join(_name(record, links) for record in known[:NAMED])
    return f"{shown} and {len(known) - NAMED} more" if len(known) > NAMED else shown


def _name(record: Record, links: Mapping[str, str]) -> str:
    link, name = links.get(record.submission), apart(record.student, 60)
    return f'<a href="{html(link, 300)}">{name}</a>' if link else name


def _everybody(known: Tally, links: Mapping[str, str]) -> str:
    tasks = [of.first for of in known.tasks]
    heads = "".join(f'<th scope="col" title="{html(task.title, 120)}">{n}</th>' for n, task in enumerate(tasks, 1))
    ordered = sorted(known.records, key=lambda record: (record.student, record.submission))
    rows = "".join(_row(record, [task.task for task in tasks], links) for record in ordered[:ROWS])
    more = len(ordered) - ROWS
    left = f'<p class="why">And {count(more, "submission")} more: see the CSV.</p>' if more > 0 else ""
    return (
        '<section class="task"><header><h2>All submissions</h2></header><div class="wide"><table class="rows all" aria-label="All submissions">'
        f'<thead><tr><th scope="col">STUDENT</th>{heads}<th scope="col">POINTS</th><th scope="col">SUBMISSION</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{left}</section>"
    )


def _row(record: Record, names: list[str], links: Mapping[str, str]) -> str:
    tasks = {task.task: task for task in record.tasks}
    cells = ""
    for name in names:
        task = tasks.get(name)
        if task is None:
            cells += "<td></td>"
            continue
        sign = mark(task.points, task.max)
        what = number(task.points) if task.status == JUDGED and task.points is not None else state(task.status).brief
        cells += f'<td class="num"><span class="{LOOKS[sign]}">{sign}</span> {what}</td>'
    total = "–" if record.points is None else number(record.points)
    error = f'<br><span class="none">{html(record.error, 200)}</span>' if record.error else ""
    return (
        f'<tr><th scope="row">{_name(record, links)}</th>{cells}<td class="num"><b>{total}</b></td>'
        f'<td class="why">{apart(record.submission, 120)}{error}</td></tr>'
    )


def _foot(known: Tally) -> str:
    several = len(known.isolations) > 1
    shown = [
        html(words or "not known", 300) + (f" ({count(n, 'submission')})" if several else "")
        for words, n in known.isolations
    ]
    return (
        f"<footer>{facts({'isolation': '<br>'.join(shown)})}<p class='why'>Answers are equal if they are the same wherever they were "
        "asked, whatever the code. Few ways lead to a wrong answer, so that many go the same one: it is no sign of copying.</p></footer>"
    )
