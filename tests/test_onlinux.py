"""The command `cowlab live`: its tables, its JSON, recordings that are kept and compared, exit codes, no tracebacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from onkernel import linux

from cowlab import scenarios, showing
from cowlab.cli import main
from cowlab.live import record
from cowlab.live.agreement import read_recording, recordings
from cowlab.live.record import as_json
from cowlab.live.references import Skip

KEYS = ["kernel", "privileges", "machine", "results", "nearest", "agree", "values"]


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Without what is only there for the eye."""
        return [" ".join(line.split()) for line in self.out.splitlines() if line.strip(" ─")]

    @property
    def document(self) -> Any:
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)


Live = Callable[..., Said]


@pytest.fixture
def live(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Live:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*arguments: str) -> Said:
        try:
            code = main(["live", *arguments])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return call


def nothing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine on which nothing runs. Returns the names of what was tried."""
    tried: list[str] = []

    def refuse(scenario: Any) -> None:
        tried.append(scenario.name)
        raise Skip("line 8, P: write A: by the moon")

    monkeypatch.setattr(record, "run", refuse)
    return tried


# --- JSON ------------------------------------------------------------------------------------------------------------


@linux
def test_the_json(live: Live) -> None:
    got = live("cow-basic", "overflow", "--json").document
    assert list(got) == KEYS
    assert list(got["results"]) == ["cow-basic", "overflow"]
    assert [list(row) for row in got["results"].values()] == [["verdict", "readings", "seen", "others", "skipped"]] * 2
    basic, other = got["results"].values()
    assert (basic["verdict"], basic["skipped"]) == ("ok", None)
    reads = [row for row in basic["readings"] if list(row) == ["line", "who", "value", "ideal"]]
    assert reads == basic["readings"] != [] and all(row["value"] == row["ideal"] for row in reads)
    assert {f"{row['line']} {row['who']}: read": row["value"] for row in reads}.items() <= basic["seen"].items()
    assert other == {
        "verdict": None,
        "readings": [],
        "seen": {},
        "others": {},
        "skipped": "no kernel has such a counter",
    }
    assert got["privileges"] == got["machine"]["privileges"]
    assert got["nearest"] and 0 < got["agree"] == got["values"] <= len(basic["seen"])


def test_where_nothing_runs_the_json_says_so(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing(monkeypatch)
    got = live("leak", "--json").document
    assert got["results"]["leak"]["skipped"] == "line 8, P: write A: by the moon"
    assert (got["nearest"], got["agree"], got["values"]) == ([], 0, 0)


def test_without_names_it_is_the_whole_atlas(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = nothing(monkeypatch)
    assert list(live("--json").document["results"]) == tried == list(scenarios())


# --- tables ----------------------------------------------------------------------------------------------------------


@linux
def test_the_table_of_a_few(live: Live) -> None:
    said = live("cow-basic", "reuse-after-exit")
    assert (said.code, said.err) == (0, "")
    assert "scenario here v6.5" in said.lines  # nobody has recorded these two
    assert "cow-basic ok ✓" in said.lines and "reuse-after-exit ok ✓" in said.lines
    assert len([line for line in said.lines if line.startswith("this kernel")]) == 2
    assert len([line for line in said.lines if line.startswith("cow-basic ")]) == 2  # a row, and a table of its own
    assert "ran 2 of 2 scenarios" in said.lines and any(line.startswith("nearest ") for line in said.lines)
    assert "skipped why" not in said.lines and "\x1b" not in said.out


@linux
def test_the_lines_of_many_are_not_shown(live: Live) -> None:
    said = live("cow-basic", "reuse-after-exit", "reuse-in-child", "zero-page-write")
    assert said.code == 0 and "reuse-in-child ok ✓" in said.lines and "this kernel" not in said.out


@linux
def test_the_recorded_kernels_that_show_the_same(live: Live) -> None:
    rows = live("s01_fork_child_writes", "cow-basic").lines
    assert "scenario here v6.5 recorded kernels that show the same" in rows
    assert "s01_fork_child_writes ok ✓ all" in rows and "cow-basic ok ✓" in rows


@pytest.mark.parametrize(
    ("same", "words"),
    [
        ([], "none"),
        (["7.3.4"], "7.3.4"),
        (["5.4.1", "5.8.18", "7.3.4"], "5.4.1, 5.8.18, 7.3.4"),
        (["5.10.262", "5.18.12", "6.12.117", "7.3.4"], "all but 5.4.1, 5.8.18"),
        (list(recordings()), "all"),
    ],
)
def test_recorded_kernels_in_few_words(same: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "like_recorded", lambda found, name: same)
    assert showing.alike(recordings()["5.4.1"], LEAK) == words
    assert showing.alike(recordings()["5.4.1"], "leak") == ""  # nobody recorded it


@linux
def test_no_table_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for said in (live("--policy", "v5.7"), live("s05_pin_fork_childexit_parent_writes", "leak", "pin-fork-dma")):
        assert said.code == 0 and "…" not in said.out
        assert max(map(len, said.out.splitlines())) <= 80


def test_columns_go_into_as_many_tables_as_they_need() -> None:
    groups = {("A",): ["this kernel"], ("B",): ["x" * 20], ("C",): ["y" * 20], ("D",): ["z"]}
    here, *others = groups
    assert list(showing.side_by_side(groups, 200)) == [list(groups)]
    assert list(showing.side_by_side(groups, 41)) == [[here, others[0]], [here, *others[1:]]]
    assert list(showing.side_by_side(groups, 1)) == [[here, one] for one in others]
    assert list(showing.side_by_side({here: ["this kernel"]}, 1)) == [[here]]


def test_what_nobody_sees_here_tells_no_policies_apart() -> None:
    seen = {"1 P: write A": "?", "2 P: read": "A", "3 P: write B": "same", "rc": "-14", "mapcount": "1"}
    other = {"1 P: write A": "moved", "2 P: read": "A", "3 P: write B": "moved", "rc": "succeeds"}
    assert showing.marked(seen, {**other, "3 P: write B": "?"}) == ("?", "A", "?", "≠ succeeds", "")
    assert showing.marked(seen, other) == ("?", "A", "≠ moved", "succeeds", "")  # only the first has a sign


def test_the_table_where_nothing_runs(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing(monkeypatch)
    said = live("leak", "cow-basic", "leak-thp", "leak-reverse")
    rows = said.lines[said.lines.index("skipped why") + 1 :]
    assert rows[:2] == ["4 by the moon", "leak, cow-basic, leak-thp and 1 more"]
    assert rows[2] == "ran 0 of 4 scenarios" and "agreement" in rows[3] and said.code == 0


# --- --policy and --check ----------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_check(options: tuple[str, ...], live: Live) -> None:
    Path("mine.cow").write_text("P: write A\nP: fork C\nP: read\nC: write B\nC: read\n", "utf-8")
    assert live("mine.cow", "--check", *options).code == 0
    Path("store.cow").write_text("P: write A\nP: vmsplice g\nP: fork C\nC: exit\nP: write B\nP: read\n", "utf-8")
    assert {live("store.cow", "--policy", policy, "--check", *options).code for policy in ("v5.7", "v5.8", "v6.5")} == {
        0,
        1,
    }
    assert {live("store.cow", "--policy", policy, *options).code for policy in ("v5.7", "v5.8", "v6.5")} == {0}


def test_the_check_where_nothing_runs(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing(monkeypatch)
    assert live("leak", "--check").code == 0


@linux
def test_what_differs_is_said(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    real = record.noted

    def lied(run: Any) -> dict[str, str]:
        return {field: "Z" if field.endswith("C: read") else value for field, value in real(run).items()}

    monkeypatch.setattr(record, "noted", lied)
    Path("mine.cow").write_text("P: write A\nP: fork C\nC: read\n", "utf-8")
    said = live("mine.cow", "--check")
    assert "mine.cow ok ≠" in said.lines and "mine.cow 3 C: read Z A" in said.lines and said.code == 1
    assert "differs first at" in said.out and "next" not in said.out


# --- scripts of one's own ----------------------------------------------------------------------------------------------


@linux
def test_a_file_whose_name_looks_like_markup(live: Live) -> None:
    Path("[").mkdir()
    Path("[/red].cow").write_text("# mine\n\nP: write A\nP: read\n", "utf-8")
    said = live("[/red].cow")
    assert (
        said.code == 0
        and "[/red].cow ok ✓" in said.lines
        and any(line.startswith("4 P: read A") for line in said.lines)
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("no-such",), "there is no scenario 'no-such'"),
        (("no-such.cow",), "no-such.cow: no such file"),
        (("leak", "--policy", "v9"), "there is no policy 'v9'"),
        (("bad.cow",), "bad.cow:1: expected 'NAME: verb ...'"),
        (("ghost.cow",), "ghost.cow:2: this cannot happen: there is no process or reference 'Q'"),
        (("nofile.cow",), "nofile.cow:1: this cannot happen: no process maps a file"),
        (("waits.cow",), "waits.cow:2: this cannot happen: P @0 is under uffd_wp"),
        (("leak", "--html", "x.html"), "--html is for --fork-time"),
        (("leak", "--record", "kept.json"), "kept.json: exists, and is left alone"),
        (("leak", "--record", "no/folder.json"), "no/folder.json: there is no folder no"),
        (("leak", "--record", "bad.cow/x.json"), "bad.cow/x.json: there is no folder bad.cow"),
        (("leak", "--record", "n" * 300), f"{'n' * 300}: cannot be written (File name too long)"),
        (("leak", "--record", ""), "the name of the file to write is empty"),
        (("--fork-time", "--html", "no/x.html"), "no/x.html: there is no folder no"),
        (("--fork-time", "leak"), "--fork-time takes no scenarios (leak)"),
        (("--fork-time", "--check"), "--fork-time takes no --check"),
        (("--fork-time", "--record", "x.json"), "--fork-time takes no --record"),
        (("--compare", "5.4.1", "7.3.4", "--policy", "v5.7"), "--compare takes no --policy"),
        (("--compare", "5.4.1", "7.3.4", "--record", "x.json"), "--compare takes no --record"),
        (("--compare", "5.4.1", "7.3.4", "leak"), "leak is a scenario: name it before --compare"),
        (("leak", "--policy", "ideal"), "the ideal is no kernel"),
    ],
)
def test_bad_input_is_one_message_and_nothing_runs(
    arguments: tuple[str, ...], why: str, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = nothing(monkeypatch)
    files = {
        "bad": "write A",
        "ghost": "P: write A\nQ: write A",
        "nofile": "file: read",
        "waits": "P: uffd_wp on\nP: write A",
    }
    for name, text in files.items():
        Path(f"{name}.cow").write_text(f"{text}\n", "utf-8")
    Path("kept.json").write_text("mine", "utf-8")
    said = live(*arguments)
    assert (said.code, said.out.count("Traceback")) == (2, 0) and said.err.startswith(f"cowlab: {why}"), said.err
    assert not tried
    assert Path("kept.json").read_text("utf-8") == "mine"


def test_interrupted(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(scenario: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "run", interrupt)
    assert live("leak", "--record", "r.json") == (130, "", "cowlab: interrupted\n") and not Path("r.json").exists()


# --- --record and --compare ------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_recording_is_kept_and_can_be_read(options: tuple[str, ...], live: Live) -> None:
    said = live("cow-basic", "overflow", "--record", "mine.json", *options)
    assert said.code == 0 and (bool(options) or "Recorded in mine.json." in said.lines)
    kept = read_recording(Path("mine.json").read_text("utf-8"), "mine.json")
    assert kept.runs == 2 and list(kept.results) == ["cow-basic", "overflow"]
    assert kept.results["overflow"] == {"na": "no kernel has such a counter"}
    before = Path("mine.json").read_bytes()
    assert live("cow-basic", "--record", "mine.json").code == 2 and Path("mine.json").read_bytes() == before


def kept(name: str, kernel: str = "mine", **results: dict[str, str]) -> None:
    Path(name).write_text(as_json(recordings()["5.4.1"]._replace(kernel=kernel, results=results)), "utf-8")


LEAK = "s04_vmsplice_leak_munmap"


def test_recorded_kernels_are_compared(live: Live) -> None:
    said = live("--compare", "5.4.1", "7.3.4", "--json")
    cells = said.document["7.3.4"]
    assert {
        "kernel": "5.4.1",
        "scenario": LEAK,
        "field": "verdict",
        "recorded": "LEAK",
        "model": "ok",
        "reason": "",
    } in cells
    said = live(LEAK, "--compare", "5.4.1", "5.8.18", "7.3.4")
    heads = [line for line in said.lines if " and " in line]
    assert [head.split(": ")[0] for head in heads] == ["5.4.1 and 5.8.18", "5.4.1 and 7.3.4"]
    assert f"{LEAK} verdict LEAK ok" in said.lines and said.code == 0


def test_the_same_kernel_differs_nowhere(live: Live) -> None:
    assert live("--compare", "7.3.4", "7.3.4", "--json").document == {"7.3.4": []}


def test_files_are_compared_also_of_scripts_that_are_not_here(live: Live) -> None:
    kept("a.json", **{"own.cow": {"1 P: read": "A"}, LEAK: {"verdict": "ok"}, "x": {"na": "no"}})
    kept("b.json", **{"own.cow": {"1 P: read": "B"}, "x": {"1 P: read": "A"}})
    kept("c.json", **{"own.cow": {"1 P: read": "A"}})
    got = live("--compare", "a.json", "b.json", "c.json", "--json").document
    assert {name: [cell["field"] for cell in cells] for name, cells in got.items()} == {
        "b.json": ["1 P: read"],
        "c.json": [],
    }
    said = live("--compare", "a.json", "b.json")
    assert said.lines[:3] == [
        "mine and mine: scenarios that ran on both: 1; values that differ: 1",
        f"only on mine: 1: {LEAK}",
        "only on mine: 1: x",
    ]
    assert "own.cow 1 P: read A B" in said.lines
    none = "mine and mine: scenarios that ran on both: 0; values that differ: 0"
    assert live(LEAK, "--compare", "a.json", "b.json").lines[0] == none
    assert live("leak", "--compare", "a.json", "b.json").lines == [none, "in neither of them: leak"]


def test_a_kernel_whose_name_looks_like_markup(live: Live) -> None:
    kept("a.json", "[/a]", s={"f": "A"})
    kept("b.json", "[b]", s={"f": "[/B]"})
    said = live("--compare", "a.json", "b.json")
    assert said.lines[0].startswith("[/a] and [b]: scenarios") and "s f A [/B]" in said.lines


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("5.4.1",), "--compare needs two recordings or more"),
        (("5.4.1", "no.json"), "no.json: cannot be read (No such file or directory); recorded kernels are 5.4.1, "),
        (("5.4.1", "."), ".: cannot be read (Is a directory)"),
        (("5.4.1", "text.json"), "text.json is not a recording of a kernel: line 1 is no JSON"),
        (("5.4.1", "bytes.json"), "bytes.json is not a recording of a kernel"),
        (("5.4.1", "seven.json"), "seven.json is not a recording of a kernel: a value is not a text"),
        (("5.4.1", "empty.json"), "empty.json is not a recording of a kernel: it has no field 'kernel'"),
        (("5.4.1", "deep.json"), "deep.json is not a recording of a kernel: its JSON has another form"),
        (("5.4.1", "7.3.4", "--json", "--", "no-such"), "there is no scenario 'no-such'"),
    ],
)
def test_what_cannot_be_compared(arguments: tuple[str, ...], why: str, live: Live) -> None:
    Path("text.json").write_text("hello", "utf-8")
    Path("empty.json").write_text("{}", "utf-8")
    Path("deep.json").write_text("[" * 100_000, "utf-8")
    Path("bytes.json").write_bytes(b"\xff\xfe\x00")
    Path("seven.json").write_text(json.dumps({**recordings()["5.4.1"]._asdict(), "kernel": 7}), "utf-8")
    said = live("--compare", *arguments)
    assert said.code == 2 and said.err.startswith(f"cowlab: {why}") and "Traceback" not in said.err, said.err


@linux
def test_a_name_given_twice_is_run_once(live: Live) -> None:
    assert "ran 1 of 1 scenarios" in live("cow-basic", "cow-basic").lines


def test_a_folder_that_may_not_be_written(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = nothing(monkeypatch)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    said = live("leak", "--record", "x.json")
    assert (said.code, said.out, tried) == (2, "", [])
    assert said.err == "cowlab: x.json: cannot be written: you may make no file in .; give another name\n"
