"""`cowlab grade` and `cowlab verify`: submissions in, records and reports out."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cowlab.grading import outlets
from cowlab.grading.batch import Item, Options, collect, done_before, grade_all, grade_on_cluster, seed_of
from cowlab.grading.certificate import CertificateError, verify
from cowlab.grading.feedback import feedback
from cowlab.grading.sandbox import SandboxError
from cowlab.grading.session import Session
from cowlab.grading.submission import SubmissionError, content
from cowlab.terminal import Problem, console, printable, table

SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
RESULTS, BY_HAND = "results.jsonl", "by-hand.csv"
INTERRUPTED = 130  # as a shell says it of Ctrl-C
BRIEF = 70  # characters of a reason in the table
REFUSED = (
    "a submission could reach {}: this system cannot keep it apart.\n"
    "Use Linux 5.13 or newer, or say --trust-submissions if you know everybody who wrote them."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="notebooks, or folders with one folder a student")
    parser.add_argument(
        "--out", metavar="FOLDER", help="keep results and reports there; again, it resumes where it was"
    )
    parser.add_argument("--anonymous", action="store_true", help="the class pages of --out name nobody")
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
    options = Options(not args.trust_submissions, secret, solutions=solutions, certificates=bool(args.out))
    if not args.scheduler:
        _refuse_unless_confined(options)
    records = []
    try:
        for record in _graded(args, items, options):
            records.append(outlets.asked_for(record, args.lesson))
    except KeyboardInterrupt:
        again = "run the same command again to go on" if args.out else "--out FOLDER would have kept them"
        print(f"cowlab: stopped; {len(records)} of {len(items)} were graded, {again}", file=sys.stderr)
        return INTERRUPTED
    records.sort(key=lambda record: (record["submission"], record["student"]))
    if args.out:
        records = _write(Path(args.out), records, {item.name: item.path for item in items}, args.anonymous)
    _show(args, records)
    try:
        for line in outlets.put(args, records):
            print(printable(line), file=sys.stderr)
    except outlets.OutletError as error:
        raise Problem(str(error)) from None
    return int(args.check and not all(map(passed, records)))


def _refuse_unless_confined(options: Options) -> None:
    """Raises Problem unless files, network and signals are kept apart, or the submissions are trusted."""
    try:
        session = Session(isolated=options.isolated, limits=options.limits)
    except (SandboxError, ImportError) as error:
        raise Problem(f"submissions cannot be graded here: {error}") from None
    session.close()
    if options.isolated and session.lacks:
        raise Problem(REFUSED.format(" and ".join(session.lacks)))


def _graded(args: argparse.Namespace, items: list[Item], options: Options) -> Iterator[dict[str, Any]]:
    """The records, those of an earlier run first; each is kept as soon as it is there."""
    out = Path(args.out) if args.out else None
    before = done_before(out / RESULTS) if out else {}
    left = []
    for item in items:
        known = before.get((item.name, _digest(item)))
        if known is None or stale(known, item, options):
            left.append(item)
        else:
            yield known
    if not left:
        return
    found = _on_cluster(left, options, args.scheduler) if args.scheduler else grade_all(left, options, args.jobs)
    keep = _keeper(out)
    for record in _watched(found, len(left), len(items) - len(left)):
        keep(record)
        yield record


def stale(record: dict[str, Any], item: Item, options: Options) -> bool:
    """Whether an earlier record is not to be kept: made for another student or seed, or with a fault of ours."""
    ours = record["points"] is None or any(task["status"] == "our fault" for task in record["tasks"])
    return ours or record["student"] != item.student or record["seed"] != seed_of(item.student, options.secret)


def _on_cluster(items: list[Item], options: Options, address: str) -> Iterator[dict[str, Any]]:
    try:
        yield from grade_on_cluster(items, options, address)
    except ImportError:
        raise Problem("--scheduler needs Dask: pip install 'cowlab[grading]'") from None
    except OSError as error:
        raise Problem(f"no Dask scheduler at {address}: {error}") from None


def _keeper(out: Path | None) -> Any:
    """What appends a record to the results, whole lines only."""
    if out is None:
        return lambda record: None
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / RESULTS).open("a", encoding="utf-8")
    except OSError as error:
        raise Problem(f"{out}: cannot be written ({error.strerror})") from None

    def keep(record: dict[str, Any]) -> None:
        file.write(json.dumps(record) + "\n")
        file.flush()

    return keep


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
        raise Problem(f"{name}: the secret cannot be read ({error})") from None
    if len(found) < 16:
        raise Problem(f"{name}: a secret of at least 16 characters was expected")
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


def _show(args: argparse.Namespace, records: list[dict[str, Any]]) -> None:
    if args.json:
        for record in records:
            print(json.dumps({key: value for key, value in record.items() if key != "certificates"}))
        return
    screen = console(args)
    rows = table("submission", "student", "points", "of", "why")
    for record in records:
        fell = [_brief(task) for task in _short(record)]
        points = "-" if record["points"] is None else f"{record['points']:g}"
        most = "-" if record["max"] is None else f"{record['max']:g}"
        why = record["error"] or "; ".join(fell[:2]) + ("; ..." if len(fell) > 2 else "")
        rows.add_row(*map(_plain, (record["submission"], record["student"], points, most, why)))
    screen.print(rows)
    if len(records) == 1:
        for task in _short(records[0]):
            screen.print(printable(feedback(task)), markup=False, end="\n\n")
    many = "1 submission" if len(records) == 1 else f"{len(records)} submissions"
    unread = sum(bool(record["error"]) for record in records)
    many += f", {unread} without answers that could be graded" if unread else ""
    if args.out:
        screen.print(
            f"Reports are in {_plain(args.out)}: grades.csv, class-*.html, students/, certificates/, {BY_HAND}"
        )
    screen.print(f"{many}. Isolation: {'; '.join(dict.fromkeys(r['isolation'] for r in records)) or 'none was needed'}")


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


def _write(out: Path, records: list[dict[str, Any]], files: dict[str, str], anonymous: bool) -> list[dict[str, Any]]:
    """The reports and the certificates, beside the results. Returns the records with what people gave by hand."""
    from cowlab.grading.byhand import HandError, by_hand
    from cowlab.grading.report import record as read_record
    from cowlab.grading.report import write

    folder = out / "certificates"
    try:
        folder.mkdir(exist_ok=True)
        for record in records:
            for one in record.get("certificates", ()):
                (folder / f"{record['sha256'][:16]}-{one['task']}.json").write_text(json.dumps(one) + "\n", "utf-8")
        records = by_hand(out / BY_HAND, records, files)
        write(out, map(read_record, records), anonymous=anonymous)
    except HandError as error:
        raise Problem(str(error)) from None
    except OSError as error:
        raise Problem(f"{error.filename}: cannot be written ({error.strerror})") from None
    return records


def command_verify(args: argparse.Namespace) -> int:
    """Derive the verdicts of certificates again."""
    wrong = 0
    for name in args.files:
        try:
            found = json.loads(Path(name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise Problem(f"{name}: no certificate ({error})") from None
        try:
            verdict = verify(found)
        except CertificateError as error:
            print(printable(f"{name}: does NOT hold. {error}"))
            wrong += 1
        else:
            print(printable(f"{name}: holds. {verdict.task}: {verdict.points:g} of {verdict.max:g} points"))
    return int(wrong > 0)
