"""The command line. --json prints one document on stdout and nothing else; bad input is one message and exit code 2."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import cowlab
from cowlab import lab, marking, onlinux, search
from cowlab.events import GRAMMAR, ScriptError
from cowlab.events import format as format_event
from cowlab.policy import POLICIES
from cowlab.scenario import Trace, play, scenarios
from cowlab.terminal import Problem, console, find_policy, find_scenario, printable, table

if TYPE_CHECKING:
    from rich.console import Console

WELCOME = """cowlab: one page of memory, from fork to PG_anon_exclusive.

  cowlab lab                       open the course in JupyterLab
  cowlab run leak --policy v5.7    play a scenario under a kernel's rules
  cowlab run leak --policy v5.9    ... and under the next one's
  cowlab outcomes leak leak-thp    scenarios beside policies; without names, all of them
  cowlab explore --policy v5.9     every behaviour within bounds, and the shortest script that breaks a law
  cowlab matrix                    policies beside laws
  cowlab live                      the same scripts on this machine's kernel
  cowlab grade FOLDER              grade a class, a folder a student
  cowlab COMMAND --help            more about a command

Policies: {policies}; ideal.
"""
STYLES = {"ok": "green", "snapshot": "yellow"}
SHORT = {"ok": "·", "dma-leak": "dma", "unprotected": "unprot", "snapshot": "snap"}


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 a law fell short where --check asked, 2 bad input."""
    parser = build_parser()
    args, extra = parser.parse_known_args(argv)
    if args.command is None:
        if extra:
            parser.error(f"unknown option {extra[0]}")
        print(WELCOME.format(policies=", ".join(POLICIES)), end="")
        return 0
    if extra and args.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    try:
        if args.command == "lab":
            return lab.run(args, extra)
        return int(args.act(args))
    except (ScriptError, Problem) as error:
        print(f"cowlab: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cowlab: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


class Once(argparse.Action):
    """An option that is not silently overwritten when it is given twice."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if getattr(namespace, self.dest) != self.default:
            parser.error(
                f"{option_string} may be given once; `cowlab outcomes` and `cowlab matrix` set policies side by side"
            )
        setattr(namespace, self.dest, values)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cowlab", description="A course about one page of memory: see it, break it, check it against real kernels."
    )
    parser.add_argument("--version", action="version", version=f"cowlab {cowlab.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    lab.add_arguments(commands.add_parser("lab", help="open the course in JupyterLab"))

    run = commands.add_parser("run", help="play a script under a policy")
    run.add_argument("scenario", help="a .cow file, the name of a scenario of the atlas, or - for standard input")
    run.add_argument(
        "--policy",
        action=Once,
        default="v6.5",
        metavar="NAME",
        help="whose rules (default v6.5); ideal for the specification",
    )
    run.epilog = f"The script language, one event a line (docs/script.md says more):\n{GRAMMAR}"
    run.formatter_class = argparse.RawDescriptionHelpFormatter
    run.add_argument("--check", action="store_true", help="exit with 1 if a law is broken")
    run.set_defaults(act=command_run)

    outcomes = commands.add_parser("outcomes", help="scenarios x policies: the verdict of each")
    outcomes.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="names or .cow files (default: the whole atlas)"
    )
    outcomes.set_defaults(act=command_outcomes)

    explore = commands.add_parser(
        "explore", help="every behaviour of a policy within bounds, and the shortest witnesses"
    )
    explore.add_argument("--policy", action=Once, default="v6.5", metavar="NAME", help="whose rules (default v6.5)")
    explore.add_argument("--check", action="store_true", help="exit with 1 if a law is broken (economy aside)")
    explore.set_defaults(act=search.command_explore)

    matrix = commands.add_parser("matrix", help="policies x laws: which rule keeps which promise")
    matrix.add_argument(
        "--html",
        metavar="FILE",
        help="write a page in which each cell opens its script or its bounds, without network; FILE must be new",
    )
    matrix.set_defaults(act=search.command_matrix)
    for command in (explore, matrix):
        command.add_argument("--no-cache", action="store_true", help="explore anew what was found before")
        search.add_bounds(command)

    grade = commands.add_parser("grade", help="grade submissions; they answer questions in a process that is confined")
    marking.add_arguments(grade)
    grade.set_defaults(act=marking.command_grade)
    verify = commands.add_parser("verify", help="derive the verdict of a certificate again")
    verify.add_argument("files", nargs="+", metavar="FILE", help="certificates that cowlab grade --out wrote")
    verify.set_defaults(act=marking.command_verify)

    live = commands.add_parser("live", help="the same scripts on this machine's kernel, beside the policies")
    onlinux.add_arguments(live)
    live.set_defaults(act=onlinux.command_live)

    for command in (run, outcomes, explore, matrix, grade, live):
        many = "a line of JSON a submission" if command is grade else "one JSON document"
        command.add_argument("--json", action="store_true", help=f"{many} on stdout, nothing else")
        command.add_argument("--no-color", action="store_true", help="plain text")
    return parser


# --- run -------------------------------------------------------------------------------------------------------------


def command_run(args: argparse.Namespace) -> int:
    trace = play(find_scenario(args.scenario), find_policy(args.policy))
    if args.json:
        print(json.dumps(trace_json(trace), indent=1))
    else:
        print_trace(trace, console(args))
    return int(args.check and any(finding.broken for _, finding in trace.violations))


def trace_json(trace: Trace) -> dict[str, Any]:
    """What `cowlab run --json` prints."""
    from cowlab.views.words import note

    steps = [
        {
            "line": moment.line,
            "event": format_event(moment.event),
            "outcome": moment.outcome,
            "copies": moment.copies,
            "note": note(before, moment, trace.policy),
        }
        for before, moment in zip(trace.moments, trace.steps, strict=False)
        if moment.event is not None
    ]
    violations = [
        {
            "line": line,
            "law": finding.law,
            "kind": finding.kind,
            "who": finding.who,
            "saw": finding.saw.letter if finding.saw else None,
            "should": finding.should.letter if finding.should else None,
            "promised": finding.promised,
        }
        for line, finding in trace.violations
    ]
    return {
        "scenario": trace.scenario.name,
        "policy": trace.policy.name,
        "steps": steps,
        "readings": [reading._asdict() for reading in trace.readings],
        "violations": violations,
        "copies": trace.copies,
        "needless_copies": trace.needless_copies,
        "verdict": trace.verdict,
    }


def print_trace(trace: Trace, out: Console) -> None:
    from rich.markup import escape

    document = trace_json(trace)
    out.print(f"[bold]{escape(trace.scenario.title)}[/]  under [bold]{trace.policy.name}[/] ({trace.policy.about})\n")
    steps = table("line", "event", "outcome", "why")
    for step in document["steps"]:
        wrong = [row for row in document["violations"] if row["line"] == step["line"] and row["promised"] is not False]
        mark = "".join(f"  [bold red]✗ {kind.upper()}[/]" for kind in dict.fromkeys(row["kind"] for row in wrong))
        steps.add_row(
            str(step["line"]), escape(step["event"]), f"[bold]{step['outcome']}[/]", escape(step["note"]) + mark
        )
    out.print(steps)
    for moment in trace.steps:
        if (reading := moment.reading) is not None:
            owed = f", [red]ought to read {reading.ideal}[/]" if moment.owed(reading.who) else ""
            newer = f", not {reading.ideal}, which nobody promised"
            ought = "" if reading.value == reading.ideal else owed or newer
            out.print(f"reading  line {reading.line}: {reading.who} reads [bold]{reading.value}[/]{ought}")
    for row in document["violations"]:
        out.print(violation_words(row))
    wasted = f", {document['needless_copies']} of them needless" if document["needless_copies"] else ""
    out.print(f"copies   {document['copies']}{wasted}")
    verdict = document["verdict"]
    out.print(f"verdict  [{STYLES.get(verdict, 'bold red')}]{verdict}[/]")


def violation_words(row: dict[str, Any]) -> str:
    if row["promised"] is False:
        return f"snapshot line {row['line']}: {row['who']} sees {row['saw']} and not {row['should']}, which nobody promised it"
    saw = f": sees {row['saw']}" if row["saw"] else ""
    should = f", ought to see {row['should']}" if row["should"] else ""
    return f"[red]finding[/]  line {row['line']}: {row['law']} ({row['kind']}), {row['who']}{saw}{should}"


# --- outcomes --------------------------------------------------------------------------------------------------------


def command_outcomes(args: argparse.Namespace) -> int:
    chosen = [find_scenario(name) for name in args.scenarios] or list(scenarios().values())
    verdicts = {s.name: {name: play(s, row).verdict for name, row in POLICIES.items()} for s in chosen}
    if args.json:
        print(json.dumps(verdicts, indent=1))
    else:
        print_outcomes(verdicts, console(args))
    return 0


def print_outcomes(verdicts: dict[str, dict[str, str]], out: Console) -> None:
    """As many tables as the width of the terminal asks for, a group of policies each."""
    room = out.width - max(map(len, verdicts)) - 3
    groups: list[list[str]] = [[]]
    for name in POLICIES:
        if groups[-1] and sum(max(len(n), 6) + 3 for n in (*groups[-1], name)) > room:
            groups.append([])
        groups[-1].append(name)
    for group in groups:
        rows = table("scenario", *group)
        for scenario, row in verdicts.items():
            cells = (f"[{STYLES.get(row[name], 'red')}]{SHORT.get(row[name], row[name])}[/]" for name in group)
            rows.add_row(scenario, *cells)
        out.print(rows)
    out.print(
        "leak: somebody sees a store they never had   stale: a promised reader sees an old one   refused: mprotect fails"
    )
    out.print(
        "· ok   snap: stale where nothing was promised   dma: a device's store leaks   unprot: a store that ought to fault"
    )


if __name__ == "__main__":
    raise SystemExit(main())
