"""The page a student gets: points, each task with its parts and reasons, and the script that shows what failed."""

from __future__ import annotations

from cowlab.grading.report.clean import apart, html
from cowlab.grading.report.records import JUDGED, OUR_FAULT, Record, TaskRecord
from cowlab.grading.report.shell import Page, facts, meter
from cowlab.grading.report.words import lesson_title, mark, number, pending, points_of, state, summary
from cowlab.grading.verdict import Part

LOOKS = {"✓": "full", "◐": "some", "✗": "none", "–": "later"}


def student_page(record: Record) -> str:
    """The HTML of the page. It needs no network, fetches nothing, and runs no script but ours."""
    page = Page(f"{record.student}, {lesson_title(record.lesson)}")
    body = [_head(record)]
    if record.tasks:
        body += [_overview(record), *(_task(page, n, task, record.lesson) for n, task in enumerate(record.tasks, 1))]
    return page.html("".join(body), _foot(record))


def _head(record: Record) -> str:
    points = f"<b>{number(record.points or 0)}</b> of {number(record.max)} points" if record.max else "no points"
    points = "not graded" if record.points is None else points
    error = ""
    if record.error:
        ours = " This was a fault of ours: it is no zero, and is graded again." if record.points is None else ""
        error = f'<p class="note bad"><b>This submission could not be graded:</b> {html(record.error)}.{ours}</p>'
    later = f'<p class="note">{pending(record)}</p>' if pending(record) else ""
    return (
        f'<header class="top"><div><h1 class="cow-title">{html(lesson_title(record.lesson), 120)}</h1>'
        f'<p class="lede">{apart(record.student)}<br>{apart(record.submission, 200)}</p></div>'
        f'<p class="score">{points}</p></header>{error}{later}'
    )


def _overview(record: Record) -> str:
    rows = ""
    for n, task in enumerate(record.tasks, 1):
        sign = mark(task.points, task.max)
        rows += (
            f'<tr><td class="sign {LOOKS[sign]}">{sign}</td><td><a href="#t{n}">{n}. {html(task.title, 120)}</a></td>'
            f"<td>{meter(task.points, task.max)}</td><td class='num'>{points_of(task.points, task.max)}</td>"
            f'<td class="why">{summary(task)}</td></tr>'
        )
    return (
        '<table class="rows over" aria-label="All tasks"><thead><tr><th scope="col"><span class="sr">mark</span></th>'
        '<th scope="col">TASK</th><th scope="col"><span class="sr">share</span></th><th scope="col">POINTS</th>'
        f'<th scope="col"></th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _task(page: Page, n: int, task: TaskRecord, lesson: str) -> str:
    sign = mark(task.points, task.max)
    return (
        f'<section class="task" id="t{n}"><header><h2>{n}. {html(task.title, 120)}</h2>'
        f'<code>{html(task.task, 80)}</code><span class="got {LOOKS[sign]}">{sign} {points_of(task.points, task.max)}</span>'
        f"</header>{_said(task)}{_parts(task)}{page.witness(task, lesson)}</section>"
    )


def _said(task: TaskRecord) -> str:
    """What is not told by the parts: why nothing was judged, or what fell short as a whole."""
    if task.status == JUDGED:
        known = any(task.reason == f"{part.name}: {part.says}" for part in task.parts)
        return f'<p class="reason">{html(task.reason, 600)}</p>' if task.reason and not known else ""
    known = task.reason in ("", state(task.status).short)
    reason = "" if known else f'<pre class="reason" tabindex="0">{html(task.reason)}</pre>'
    if task.status == OUR_FAULT and not reason:
        reason = "<p>Tell your teacher if this page does not change.</p>"
    return f'<p class="reason"><b>{state(task.status).short.capitalize()}.</b> {state(task.status).told}</p>{reason}'


def _parts(task: TaskRecord) -> str:
    if not task.parts:
        return ""
    rows = "".join(_part(part) for part in task.parts)
    earned = sum(part.points for part in task.parts)
    rounded = ""
    if task.points is not None and abs(earned - task.points) > 1e-6:
        rounded = f'<p class="why">Together {number(earned)}, rounded down to halves.</p>'
    return (
        '<table class="rows parts" aria-label="What was looked at"><thead><tr><th scope="col"><span class="sr">mark</span></th>'
        '<th scope="col">PART</th><th scope="col">POINTS</th><th scope="col">WHAT WAS FOUND</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{rounded}"
    )


def _part(part: Part) -> str:
    sign = mark(part.points, part.max)
    return (
        f'<tr><td class="sign {LOOKS[sign]}">{sign}</td><th scope="row">{html(part.name, 80)}</th>'
        f'<td class="num">{number(part.points)} of {number(part.max)}</td><td>{html(part.says, 600)}</td></tr>'
    )


def _foot(record: Record) -> str:
    known = {
        "isolation": html(record.isolation or "not known", 300),
        "seed": str(record.seed),
        "submission": f"<code>sha256 {html(record.sha256, 80)}</code>" if record.sha256 else "",
        "took": f"{record.seconds:.2f} s",
    }
    return (
        f"<footer>{facts(known)}<p class='why'>Isolation is what kept the submission apart from the grader while it ran. "
        "You disagree with a mark? Take this page to your teacher.</p></footer>"
    )
