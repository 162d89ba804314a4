"""`cowlab grade` and `cowlab verify`: submissions in, records and reports out."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from cowlab.grading import outlets
from cowlab.grading.batch import NOTHING_RUN, Item, Options, collect, empty_handed, other_seed, seed_of
from cowlab.grading.certificate import CertificateError, verify
from cowlab.grading.feedback import feedback
from cowlab.grading.many import grade_all, grade_on_cluster
from cowlab.grading.results import Results
from cowlab.grading.sandbox import SandboxError
from cowlab.grading.session import Session
from cowlab.grading.submission import SubmissionError, content
from cowlab.terminal import Problem, console, printable, table

SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
INTERRUPTED = 130  # as a shell says it of Ctrl-C
BRIEF = 70  # characters of a reason in the table
NAMED = 20  # students that are named in a line
REFUSED = (
    "a submission could reach {}: this system cannot keep it apart.\n"
    "Use Linux 5.13 or newer, or say --trust-submissions if you know everybody who wrote them."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="notebooks, or folders with one folder a student")
    parser.add_argument(
        "--out", metavar="FOLDER", help="keep results and reports there; again, it resumes where it was"
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes at work (default: one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="grade on a Dask cluster, for example tcp://host:8786")
    parser.add_argument("--secret", metavar="FILE", help="a file with the course's secret: each student has a seed")
    parser.add_argument("--seed-of", action="append", metavar="STUDENT", help="print the seed of a student and end")
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 unless all points that a judge can give are there"
    )
    parser.add_argument(
        "--trust-submissions", action="store_true", help="grade without confinement, where this system has none"
    )
    outlets.add_arguments(parser)


def positive(text: str) -> int:
    """A number of processes. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number from 1 upwards was expected, not {text!r}")
    return int(text)


def command_grade(args: argparse.Namespace) -> int:
    secret = _secret(args.secret)
    if args.seed_of:
        return _print_seeds(args.seed_of, secret)
    try:
        outlets.check_arguments(args)
        items = collect(args.paths)
    except (SubmissionError, outlets.OutletError) as error:
        raise Problem(str(error)) from None
    if args.student:
        items = [item._replace(student=args.student) for item in items]
    if not items and not args.gradescope:  # there a student who handed in none is told so
        raise Problem("no notebook to grade: give .ipynb files, or folders that hold some")
    solutions = str(SOLUTIONS) if SOLUTIONS.is_dir() else ""
    options = Options(True, args.trust_submissions, secret, solutions=solutions, certificates=bool(args.out))
    if not args.scheduler:
        options = _confined(options)
    try:
        with closing(Results(Path(args.out) if args.out else None)) as results:
            try:
                _grade(args, items, options, results)
            except KeyboardInterrupt:
                again = "run the same command again to go on" if args.out else "--out FOLDER would have kept them"
                print(f"cowlab: stopped; {len(results)} of {len(items)} are graded, {again}", file=sys.stderr)
                return INTERRUPTED
            results.finish()
            records = outlets.View(results, lambda record: outlets.asked_for(record, args.lesson))
            return _told(args, records, items, secret)
    except BrokenPipeError:
        raise
    except outlets.OutletError as error:
        raise Problem(str(error)) from None
    except OSError as error:
        raise Problem(f"{error.filename or args.out}: cannot be written ({error.strerror or error})") from None


def _told(args: argparse.Namespace, records: outlets.View, items: list[Item], secret: str) -> int:
    """Write and show what was found. Returns the exit code. Raises OutletError, OSError."""
    if args.out:
        records = outlets.reports(args, records, {item.shown[0]: item.path for item in items})
    _show(args, records)
    for line in [*outlets.put(args, records), *_to_look_at(args, records, items, secret)]:
        print(printable(line), file=sys.stderr)
    return int(args.check and not all(map(passed, records)))


def _to_look_at(args: argparse.Namespace, records: outlets.View, items: list[Item], secret: str) -> Iterator[str]:
    """What no line of a table shows: who handed in nothing, who more than once, and who answered other questions."""
    if args.gradescope or args.classroom:  # one student, who reads it there
        return
    if missing := [] if args.student else empty_handed(args.paths, items):
        yield f"no notebook, and so no line, for {_names(missing)}"
    many = Counter((record["student"], record["lesson"]) for record in records if record["lesson"])
    if twice := sorted({student for (student, _), count in many.items() if count > 1}):
        yield f"more than one notebook, each with a line, from {_names(twice)}: say which one counts"
    if others := other_seed(items, secret):
        theirs = "theirs" if secret else "0, and no --secret was given"
        yield f"another SEED in the notebook than {theirs}, so other questions answered, by {_names(others)}"


def _names(students: list[str]) -> str:
    more = f" and {len(students) - NAMED} others" if len(students) > NAMED else ""
    return ", ".join(name.replace("\n", "\\n") for name in students[:NAMED]) + more


def _confined(options: Options) -> Options:
    """Raises Problem unless files, network and signals are kept apart, or the submissions are trusted."""
    try:
        session = Session(isolated=options.isolated, limits=options.limits)
    except (SandboxError, ImportError) as error:
        if options.trusted and options.isolated:
            return _confined(options._replace(isolated=False))
        raise Problem(f"submissions cannot be graded here: {error}") from None
    session.close()
    if session.lacks and not options.trusted:
        raise Problem(REFUSED.format(" and ".join(session.lacks)))
    return options


def _grade(args: argparse.Namespace, items: list[Item], options: Options, results: Results) -> None:
    """Grade what no earlier run has graded; each record is kept as soon as it is there."""
    left = [item for item in items if not results.again(item, _digest(item), seed_of(item.student, options.secret))]
    if left:
        found = _on_cluster(left, options, args.scheduler) if args.scheduler else grade_all(left, options, args.jobs)
        for record in _watched(found, len(left), len(items) - len(left)):
            results.keep(record)


def _on_cluster(items: list[Item], options: Options, address: str) -> Iterator[dict[str, Any]]:
    try:
        yield from grade_on_cluster(items, options, address, lambda says: print(f"cowlab: {says}", file=sys.stderr))
    except ImportError:
        raise Problem("--scheduler needs Dask: pip install 'cowlab[grading]'") from None
    except OSError as error:
        raise Problem(f"no Dask scheduler at {address}: {error}") from None


def _watched(found: Iterator[dict[str, Any]], left: int, before: int) -> Iterator[dict[str, Any]]:
    """The same, with progress and the time left on a terminal."""
    if not sys.stderr.isatty():
        yield from found
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("grading", total=left + before, completed=before)
        for record in found:
            progress.advance(task)
            yield record


def _digest(item: Item) -> str:
    try:
        return hashlib.sha256(content(Path(item.path))).hexdigest()
    except SubmissionError:
        return ""


def _secret(name: str | None) -> str:
    if name is None:
        return ""
    try:
        found = Path(name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "it is not text"
        raise Problem(f"{name}: the secret cannot be read ({why})") from None
    if len(found) < 16:
        raise Problem(f"{name}: a secret of at least 16 characters was expected, not {len(found)}")
    return found


def _print_seeds(students: list[str], secret: str) -> int:
    if not secret:
        raise Problem("--seed-of needs --secret FILE: seeds follow from it")
    for student in students:
        print(f"{printable(student)}\t{seed_of(student, secret)}")
    return 0


def passed(record: dict[str, Any]) -> bool:
    """Whether all points were earned that need no person to read."""
    judged = [task for task in record["tasks"] if task["kind"] != "explain"]
    return bool(judged) and all(task["points"] == task["max"] for task in judged)


# --- output ----------------------------------------------------------------------------------------------------------


def _show(args: argparse.Namespace, records: outlets.View) -> None:
    if args.json:
        for record in records:
            print(json.dumps(record))
        return
    screen = console(args)
    isolation: dict[str, None] = {}
    unread = 0
    rows = table("submission", "student", "points", "of", "why")
    for record in records:
        fell = [_brief(task) for task in _short(record)]
        points = "-" if record["points"] is None else f"{record['points']:g}"
        most = "-" if record["max"] is None else f"{record['max']:g}"
        why = record["error"] or "; ".join(fell[:2]) + ("; ..." if len(fell) > 2 else "")
        rows.add_row(*map(_plain, (record["submission"], record["student"], points, most, why)))
        isolation.update({record["isolation"]: None} if record["isolation"] != NOTHING_RUN else {})
        unread += bool(record["error"])
    screen.print(rows)
    if len(records) == 1:
        for task in (task for record in records for task in _short(record)):
            screen.print(feedback(task), markup=False, end="\n\n")
    if args.out:
        screen.print(
            f"Reports are in {_plain(args.out)}: grades.csv, class-*.html, students/, certificates/, by-hand.csv"
        )
    many = f"{len(records)} submission{'s' * (len(records) != 1)}"
    many += f", {unread} without answers that could be graded" if unread else ""
    screen.print(f"{many}. Isolation: {'; '.join(isolation) or 'none was needed, nothing was run'}")


def _short(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for task in record["tasks"] if task["points"] != task["max"]]


def _brief(task: dict[str, Any]) -> str:
    """Why a task has not all its points, in a few words."""
    if task["status"] != "judged":
        return f"{task['task']}: {task['status']}"
    return task["reason"] if len(task["reason"]) <= BRIEF else f"{task['reason'][:BRIEF]}..."


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(printable(text.replace("\n", " ")))


def command_verify(args: argparse.Namespace) -> int:
    """Derive the verdicts of certificates again."""
    wrong = 0
    for name in args.files:
        try:
            found = json.loads(content(Path(name)))
        except (OSError, ValueError, RecursionError) as error:
            raise Problem(f"{name}: no certificate ({error})") from None
        try:
            verdict = verify(found)
        except CertificateError as error:
            print(printable(f"{name}: does NOT hold. {error}"))
            wrong += 1
        else:
            print(printable(f"{name}: holds. {verdict.task}: {verdict.points:g} of {verdict.max:g} points"))
    return int(wrong > 0)
