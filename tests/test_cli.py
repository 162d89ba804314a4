"""The command line: the JSON of design section 7, exit codes, and one message for bad input, never a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from short import ROWS

from cowlab import LAWS, VERDICTS, play, scenarios
from cowlab.cli import main
from cowlab.fault import OUTCOMES

ROOT = Path(__file__).resolve().parent.parent


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> Said:
        try:
            code = main(list(arguments))
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return call


def document(said: Said) -> Any:
    """The one JSON document that a command printed."""
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)


# --- run -------------------------------------------------------------------------------------------------------------

RUN_KEYS = ["scenario", "policy", "steps", "readings", "violations", "copies", "needless_copies", "verdict"]


def test_the_json_of_run(run: Run) -> None:
    got = document(run("run", "leak", "--policy", "v5.7", "--json"))
    assert list(got) == RUN_KEYS
    assert (got["scenario"], got["policy"]) == ("leak", "v5.7")
    assert [list(step) for step in got["steps"]] == [["line", "event", "outcome", "copies", "note"]] * 6
    plain = [(step["line"], step["event"], step["outcome"], step["copies"]) for step in got["steps"]]
    assert plain == [
        (8, "P: write A", "fault", 0),
        (9, "P: fork C", "share", 0),
        (10, "C: vmsplice g", "hit", 0),
        (11, "C: munmap", "done", 0),
        (12, "P: write S", "reuse", 0),
        (13, "g: read", "done", 0),
    ]
    assert got["readings"] == [{"line": 13, "who": "g", "value": "S", "ideal": "A"}]
    assert got["violations"] == [
        {"line": 12, "law": "isolation", "kind": "leak", "who": "g", "saw": "S", "should": "A", "promised": None}
    ]
    assert (got["copies"], got["needless_copies"], got["verdict"]) == (0, 0, "leak")


def test_the_line_is_the_lines_number_in_the_file(run: Run) -> None:
    Path("mine.cow").write_text("# a title\n\nP: write A @0  # here\n\nP: read\n", "utf-8")
    got = document(run("run", "mine.cow", "--json"))
    assert [(step["line"], step["event"]) for step in got["steps"]] == [(3, "P: write A"), (5, "P: read")]
    assert got["scenario"] == "mine.cow"
    assert got["policy"] == "v6.5"


def test_coherence_says_what_was_promised(run: Run) -> None:
    for name, kind, promised in (("pin-fork-write", "stale", True), ("direct-io-fork", "snapshot", False)):
        got = document(run("run", name, "--policy", "v5.7", "--json"))
        found = [row for row in got["violations"] if row["law"] == "coherence"]
        assert [(row["kind"], row["promised"]) for row in found] == [(kind, promised)] * len(found)
        assert found


@pytest.mark.parametrize("policy", [*ROWS, "ideal"])
def test_every_word_of_a_run_is_one_of_the_design(run: Run, policy: str) -> None:
    for name in ("leak-reverse", "pin-fork-dma", "pin-mprotect", "s14_ksm", "overflow", "fixed-buffer-swap"):
        got = document(run("run", name, "--policy", policy, "--json"))
        assert got["policy"] == policy
        assert {step["outcome"] for step in got["steps"]} <= set(OUTCOMES)
        assert {row["law"] for row in got["violations"]} <= set(LAWS)
        assert got["verdict"] in VERDICTS
        assert all(isinstance(step["note"], str) and len(step["note"]) <= 80 for step in got["steps"])
        assert got["copies"] == sum(step["copies"] for step in got["steps"])


def test_every_scenario_has_a_note_for_every_step(run: Run) -> None:
    for name in scenarios():
        got = document(run("run", name, "--policy", "v6.5", "--json"))
        assert all(step["note"] and "\n" not in step["note"] for step in got["steps"]), name


def test_a_script_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"P: write A\r\nP: read\r\n")))
    got = document(run("run", "-", "--json"))
    assert [step["event"] for step in got["steps"]] == ["P: write A", "P: read"]


def test_a_file_with_a_byte_order_mark_and_another_systems_lines(run: Run) -> None:
    Path("mine.cow").write_bytes(b"\xef\xbb\xbfP: write A\r\nP: read\r\n")
    assert [step["line"] for step in document(run("run", "mine.cow", "--json"))["steps"]] == [1, 2]


def test_a_file_goes_before_the_atlas(run: Run) -> None:
    Path("leak").write_text("P: read\n")
    assert len(document(run("run", "leak", "--json"))["steps"]) == 1


@pytest.mark.parametrize("flag", [(), ("--no-color",)])
def test_the_text_of_run(run: Run, flag: tuple[str, ...]) -> None:
    said = run("run", "leak", "--policy", "v5.7", *flag)
    assert (said.code, said.err) == (0, "")
    for word in ("leak", "P: write S", "reuse", "LEAK", "isolation", "g reads S, ought to read A", "verdict", "v5.7"):
        assert word in said.out
    assert "\x1b" not in said.out


@pytest.mark.parametrize("columns", ["80", "100"])
def test_nothing_of_a_run_is_cut_off(run: Run, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in scenarios():
        assert "…" not in run("run", name, "--policy", "v5.11").out, name


def test_brackets_in_a_title_are_no_markup(run: Run) -> None:
    Path("mine.cow").write_text("# A [bold]title[/] and [/nonsense]\nP: read\n")
    said = run("run", "mine.cow")
    assert said.code == 0
    assert "A [bold]title[/] and [/nonsense]" in said.out


@pytest.mark.parametrize("policy, code", [("v5.7", 1), ("v5.9", 0)])
def test_check_turns_a_broken_law_into_an_exit_code(run: Run, policy: str, code: int) -> None:
    assert run("run", "leak", "--policy", policy, "--check").code == code
    assert run("run", "leak", "--policy", policy, "--check", "--json").code == code
    assert run("run", "leak", "--policy", policy).code == 0


def test_a_snapshot_breaks_no_law(run: Run) -> None:
    Path("mine.cow").write_text("P: write A\nP: vmsplice g\nP: fork C\nP: write B\n")
    assert play(Path("mine.cow").read_text(), "v5.9").verdict == "snapshot"
    assert run("run", "mine.cow", "--policy", "v5.9", "--check").code == 0


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_the_json_of_outcomes(run: Run) -> None:
    got = document(run("outcomes", "leak", "leak-thp", "--json"))
    assert list(got) == ["leak", "leak-thp"]
    assert all(list(row) == list(ROWS) for row in got.values())
    assert got["leak"]["v5.7"] == "leak"
    assert got["leak"]["v5.9"] == "ok"
    assert got["leak-thp"]["v5.11"] == "leak"


def test_outcomes_of_the_whole_atlas(run: Run) -> None:
    got = document(run("outcomes", "--json"))
    assert list(got) == list(scenarios())
    assert {verdict for row in got.values() for verdict in row.values()} <= set(VERDICTS)
    assert got["leak"] == {name: play(scenarios()["leak"], name).verdict for name in ROWS}


def test_outcomes_of_a_file(run: Run) -> None:
    Path("mine.cow").write_text("P: read\n")
    assert document(run("outcomes", "mine.cow", "--json")) == {"mine.cow": dict.fromkeys(ROWS, "ok")}


@pytest.mark.parametrize("columns", ["60", "80", "100", "250"])
def test_the_table_of_outcomes_names_every_row_and_scenario(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = run("outcomes", "leak", "s05_pin_fork_childexit_parent_writes")
    assert (said.code, said.err) == (0, "")
    assert set(re.findall(r"[a-z0-9_.-]+", said.out)) >= {*ROWS, "leak", "s05_pin_fork_childexit_parent_writes"}
    assert "…" not in said.out


# --- without a command, and help -------------------------------------------------------------------------------------


def test_no_arguments_say_what_to_do_next(run: Run) -> None:
    said = run()
    assert (said.code, said.err) == (0, "")
    assert "cowlab lab" in said.out
    assert "cowlab run leak --policy v5.7" in said.out
    assert all(name in said.out for name in (*ROWS, "ideal"))


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("outcomes", "--help"), ("--version",)])
def test_help_is_given(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert (said.code, said.err) == (0, "")
    assert "cowlab" in said.out


# --- bad input -------------------------------------------------------------------------------------------------------

FILES = {
    "verb.cow": b"# a title\nP: write A\nP: jump\n",
    "line.cow": b"P: write A\nwrite B\n",
    "impossible.cow": b"P: write A\nC: read\n",
    "store.cow": b"P: write A\nP: uffd_wp on\nP: write B\n",
    "counter.cow": b"P: read\nkernel: counter 8 bias 4\n",
    "binary.cow": bytes(range(256)) * 8,
    "latin.cow": "# é\nP: read\n".encode("latin-1"),
    "utf16.cow": "P: read\n".encode("utf-16"),
    "nul.cow": b"P: read\0\n",
    "empty.cow": b"",
    "comments.cow": b"# nothing\n",
    "ten-megabytes.cow": b"P: read\n" * 1_250_000,
    "one-line.cow": b"x" * 10_000_000,
    "many-lines.cow": b"P:read\n" * 100_001,
    "good.cow": b"P: read\n",
}
BAD = {
    "an unknown verb": ("run verb.cow", "cowlab: verb.cow:3: unknown verb 'jump'"),
    "a line that is none": ("run line.cow", "cowlab: line.cow:2: expected 'NAME: verb ...'"),
    "an event that cannot happen": (
        "run impossible.cow", "cowlab: impossible.cow:2: this cannot happen: there is no process or reference 'C'"
    ),
    "a store under uffd_wp": ("run store.cow", "cowlab: store.cow:3: this cannot happen: P @0 is under uffd_wp"),
    "a misplaced counter": ("run counter.cow", "cowlab: counter.cow:2: the counter must be the first event"),
    "a binary file": ("run binary.cow", "cowlab: binary.cow: not a text file"),
    "another encoding": ("run latin.cow", "cowlab: latin.cow: not a text file"),
    "a file of 16-bit characters": ("run utf16.cow", "cowlab: utf16.cow: not a text file"),
    "a file with a zero in it": ("run nul.cow", "cowlab: nul.cow: not a text file"),
    "an empty file": ("run empty.cow", "cowlab: empty.cow: no event in it"),
    "only comments": ("run comments.cow", "cowlab: comments.cow: no event in it"),
    "ten megabytes": ("run ten-megabytes.cow", "cowlab: ten-megabytes.cow: too long"),
    "ten megabytes in one line": ("run one-line.cow", "cowlab: one-line.cow: too long"),
    "too many lines": ("run many-lines.cow", "cowlab: many-lines.cow: too long: 100,001 lines"),
    "a folder": ("run folder", "cowlab: folder: is a folder"),
    "a missing file": ("run missing.cow", "cowlab: missing.cow: no such file"),
    "a missing folder": ("run a/b", "cowlab: a/b: no such file"),
    "a name that is too long": (f"run {'x' * 5000}", "cowlab: "),
    "a scenario misspelt": ("run leek", "cowlab: there is no scenario 'leek'. Did you mean leak"),
    "a policy misspelt": ("run leak --policy v5.77", "cowlab: there is no policy 'v5.77'. Did you mean v5.7"),
    "a policy and no script": ("run empty.cow --policy zzz", "cowlab: "),
    "one good scenario and one bad": ("outcomes leak leek", "cowlab: there is no scenario 'leek'"),
    "one good file and one bad": ("outcomes good.cow impossible.cow", "cowlab: impossible.cow:2: this cannot happen"),
}  # fmt: skip


@pytest.mark.parametrize("command, message", BAD.values(), ids=BAD)
@pytest.mark.parametrize("flag", ["", "--json"])
def test_bad_input_gets_one_message(run: Run, command: str, message: str, flag: str) -> None:
    Path("folder").mkdir()
    for word in command.split():
        if word in FILES:
            Path(word).write_bytes(FILES[word])
    said = run(*command.split(), *flag.split())
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith(message)
    assert said.err.count("cowlab: ") == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "arguments",
    [("run",), ("frob",), ("run", "leak", "--jsn"), ("run", "leak", "--policy"), ("run", "leak", "leak"), ("--frob",)],
)
def test_a_wrong_command_line(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("usage: cowlab")
    assert "Traceback" not in said.err


def test_an_event_that_cannot_happen_says_what_could(run: Run) -> None:
    Path("mine.cow").write_text("P: write A\nP: get g\ng: write B\n")
    where, line, hint = run("run", "mine.cow").err.splitlines()
    assert where == "cowlab: mine.cow:3: this cannot happen: g was taken by get without write: it cannot store"
    assert line == "    g: write B"
    assert hint == "What could happen instead: g: read; g: put."


def test_no_message_can_move_the_cursor(run: Run) -> None:
    """What stands in a file is not to be obeyed by the terminal."""
    Path("mine.cow").write_bytes(b"P: \x1b[2J\x1b]0;mine\x07jump\rA\n")
    said = run("run", "mine.cow")
    assert said.code == 2
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", said.err)


# --- as a program ----------------------------------------------------------------------------------------------------


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COLUMNS"))}
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-m", "cowlab.cli", *arguments]
    return subprocess.run(command, env=clean, capture_output=True, check=False)


def test_a_terminal_that_knows_only_ascii() -> None:
    done = program("run", "leak", "--policy", "v5.7", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"verdict" in done.stdout


def test_a_program_that_reads_no_further() -> None:
    command = f"{sys.executable} -m cowlab.cli outcomes | head -c 100 >/dev/null; exit ${{PIPESTATUS[0]}}"
    clean = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["bash", "-c", command], env=clean, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_needs_no_rich() -> None:
    call = "import sys; sys.modules['rich'] = None; from cowlab.cli import main; sys.exit(main())"
    clean = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    for flag, code in ((["--json"], 0), ([], 2)):
        command = [sys.executable, "-c", call, "run", "leak", *flag]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert bool(done.stdout) == (code == 0)
