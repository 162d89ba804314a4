"""Explorations as documents, their cache, and `cowlab explore` and `cowlab matrix`."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from short import ROWS
from test_cli import Run, document, run  # noqa: F401 - a fixture

import cowlab.matrix
from cowlab import LAWS, POLICIES, play
from cowlab.matrix import cache_folder, explore_policy, matrix, memory_ceiling
from cowlab.model import REDUCTION, Bounds

EVENTS = ("write", "fork", "munmap", "vmsplice")
SMALL = Bounds(events=EVENTS)
NAMES = ("v5.7", "v5.8", "v5.9")
KEYS = ["policy", "fingerprint", "events", "bounds", "reduction", "states", "transitions", "depth", "complete"]
KEYS += ["stopped", "sometimes", "seconds", "laws"]
LEAK = 5


def small(cache: Path | None = None, bounds: Bounds = SMALL, **limits: int) -> dict[str, dict[str, Any]]:
    with ThreadPoolExecutor(2) as executor:
        return matrix(NAMES, bounds, cache=cache, executor=executor, **limits)


@pytest.fixture
def explored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the rows that were explored, and not recalled."""
    names: list[str] = []
    real = cowlab.matrix.explore_named

    def explore_named(name: str, *rest: Any) -> dict[str, Any]:
        names.append(name)
        return real(name, *rest)

    monkeypatch.setattr(cowlab.matrix, "explore_named", explore_named)
    return names


# --- documents -------------------------------------------------------------------------------------------------------


def test_a_document() -> None:
    found = explore_policy(POLICIES["v5.7"], SMALL)
    assert list(found) == KEYS
    assert (found["policy"], found["complete"], found["stopped"]) == ("v5.7", True, "")
    assert found["events"] == list(EVENTS)
    assert found["bounds"] == {"processes": 2, "pages": 1, "references": 1, "holds": 1, "kind": "anon"}
    assert found["reduction"] == REDUCTION
    assert list(found["laws"]) == list(LAWS)
    isolation = found["laws"]["isolation"]
    assert (isolation["holds"], isolation["length"], len(isolation["witness"])) == (False, LEAK, LEAK)
    assert play("\n".join(isolation["witness"]), "v5.7").verdict == "leak"
    assert found["laws"]["coherence"] == {"holds": True, "witness": None, "length": None}
    assert json.loads(json.dumps(found)) == found


def test_a_document_of_a_search_that_was_stopped() -> None:
    found = explore_policy(POLICIES["v5.9"], SMALL, ("isolation",), max_states=10)
    assert (found["complete"], found["stopped"]) == (False, "10 states")
    assert found["laws"] == {"isolation": {"holds": None, "witness": None, "length": None}}


def test_memory_is_a_bound() -> None:
    found = explore_policy(POLICIES["v5.9"], SMALL, max_megabytes=1)
    assert (found["complete"], found["stopped"]) == (False, "1 MB of memory")
    assert memory_ceiling(10**9)() == ""


# --- the matrix and its cache ----------------------------------------------------------------------------------------


def test_rows_in_their_order_whoever_is_done_first() -> None:
    with ThreadPoolExecutor(2) as executor:
        done: list[str] = []
        rows = matrix(ROWS, SMALL, executor=executor, done=done.append)
        assert executor.submit(int, "7").result() == 7  # it is not ours to shut down
    assert tuple(rows) == ROWS
    assert sorted(done) == sorted(ROWS)
    assert {name: row["policy"] for name, row in rows.items()} == {name: name for name in ROWS}
    leaks = {
        name: row["laws"]["isolation"]["length"] for name, row in rows.items() if row["laws"]["isolation"]["length"]
    }
    assert leaks == {"v5.7": 5, "v5.8": 4, "andrea-2021": 5, "jerome-fork-push": 4, "jerome-fork-reuse": 3}


def test_what_was_found_is_recalled(tmp_path: Path, explored: list[str]) -> None:
    folder = tmp_path / "not" / "yet"
    first = small(folder)
    assert sorted(explored) == list(NAMES)
    assert len(list(folder.iterdir())) == 3
    assert small(folder) == first  # seconds included
    assert len(explored) == 3
    small(None)
    assert len(explored) == 6


def test_an_interrupt_leaves_what_is_there(tmp_path: Path) -> None:
    def done(name: str) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as executor:
        rows = matrix(NAMES, SMALL, cache=tmp_path, executor=executor, done=done)
    assert list(rows) == list(NAMES)
    known = [name for name, row in rows.items() if row["complete"]]
    assert len(known) == 1
    rest = [row for name, row in rows.items() if name not in known]
    assert {row["stopped"] for row in rest} == {"an interrupt"}
    assert {law["holds"] for row in rest for law in row["laws"].values()} == {None}
    assert len(list(tmp_path.iterdir())) == 1


def test_another_row_of_the_same_name_has_found_nothing_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as executor:
        assert matrix(["v5.7"], SMALL, cache=tmp_path, executor=executor)["v5.7"]["laws"]["isolation"]["length"] == LEAK
        monkeypatch.setitem(POLICIES, "v5.7", POLICIES["v5.9"]._replace(name="v5.7"))
        assert matrix(["v5.7"], SMALL, cache=tmp_path, executor=executor)["v5.7"]["laws"]["isolation"]["holds"]


@pytest.mark.parametrize(
    "other",
    [
        {"bounds": SMALL._replace(events=EVENTS[:3])},
        {"bounds": SMALL._replace(references=2)},
        {"bounds": SMALL._replace(kind="thp")},
        {"max_states": 400_000},
    ],
)
def test_other_questions_are_asked_anew(tmp_path: Path, explored: list[str], other: dict[str, Any]) -> None:
    small(tmp_path)
    small(tmp_path, **other)
    assert len(explored) == 6


def test_other_code_has_found_nothing_yet(tmp_path: Path, explored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path)
    monkeypatch.setattr(cowlab.matrix, "code_fingerprint", lambda: "another")
    small(tmp_path)
    assert len(explored) == 6


def test_every_file_of_the_core_is_in_the_fingerprint_of_the_code() -> None:
    from test_house import CORE

    assert set(CORE) - {"scenario"} == set(cowlab.matrix.CORE)  # a scenario is no part of a search


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", "\0\1", "nul"])
def test_a_damaged_cache_is_none(tmp_path: Path, explored: list[str], text: str) -> None:
    first = small(tmp_path)
    for file in tmp_path.iterdir():
        file.write_text(text)
    again = small(tmp_path)
    assert len(explored) == 6
    assert [row["laws"] for row in again.values()] == [row["laws"] for row in first.values()]
    small(tmp_path)
    assert len(explored) == 6  # it was repaired


def test_a_cache_that_is_no_text_is_none(tmp_path: Path, explored: list[str]) -> None:
    small(tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(b"\xff\xfe\xff")
    small(tmp_path)
    assert len(explored) == 6


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path, explored: list[str]) -> None:
    (tmp_path / "file").write_text("here is no folder")
    assert list(small(tmp_path / "file" / "cache")) == list(NAMES)
    assert list(small(tmp_path / "file")) == list(NAMES)
    assert len(explored) == 6


def test_what_the_machine_cut_short_is_not_kept(tmp_path: Path, explored: list[str]) -> None:
    found = small(tmp_path, max_megabytes=1)
    assert {row["stopped"] for row in found.values()} == {"1 MB of memory"}
    assert not list(tmp_path.iterdir())
    small(tmp_path)
    assert len(explored) == 6


def test_what_was_asked_to_stop_is_kept(tmp_path: Path, explored: list[str]) -> None:
    assert {row["stopped"] for row in small(tmp_path, max_states=10).values()} == {"10 states"}
    assert {row["complete"] for row in small(tmp_path, max_states=10).values()} == {False}
    assert len(explored) == 3


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COWLAB_CACHE", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cowlab"
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


# --- cowlab explore --------------------------------------------------------------------------------------------------

FEW = ("--events", ",".join(EVENTS))


def test_explore_as_json(run: Run) -> None:  # noqa: F811
    found = document(run("explore", "--policy", "v5.7", *FEW, "--json"))
    assert list(found) == KEYS
    expected = explore_policy(POLICIES["v5.7"], SMALL)
    assert {**found, "seconds": 0} == {**expected, "seconds": 0}


def test_what_explore_found_is_recalled_unless_one_asks_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    asked = ("explore", "--policy", "v5.7", *FEW, "--json")
    first = document(run(*asked))
    with monkeypatch.context() as patched:
        patched.delattr("cowlab.search.explore_policy")
        assert document(run(*asked)) == first  # seconds included
    with monkeypatch.context() as patched:
        patched.setattr("cowlab.search.explore_policy", lambda *_, **__: {**first, "policy": "explored anew"})
        assert document(run(*asked, "--no-cache"))["policy"] == "explored anew"
    assert document(run("explore", "--policy", "v5.8", *FEW, "--json"))["policy"] == "v5.8"


def test_explore_takes_bounds_and_laws(run: Run) -> None:  # noqa: F811
    bounds = ("--processes", "3", "--pages", "2", "--references", "0", "--holds", "2", "--kind", "file")
    found = document(run("explore", "--json", "--events", "write, fork", *bounds, "--law", "economy"))
    assert found["bounds"] == {"processes": 3, "pages": 2, "references": 0, "holds": 2, "kind": "file"}
    assert (found["policy"], list(found["laws"])) == ("v6.5", ["economy"])


def test_a_verb_alone_stands_for_all_of_its_kinds(run: Run) -> None:  # noqa: F811
    found = document(run("explore", "--json", "--events", "mprotect,pin longterm,write,write", "--law", "isolation"))
    assert found["events"] == ["mprotect r", "mprotect rw", "mprotect none", "pin longterm", "write"]


def test_explore_as_text(run: Run) -> None:  # noqa: F811
    said = run("explore", "--policy", "v5.7", *FEW)
    assert (said.code, said.err) == (0, "")
    for text in ("✗ 5", "✓ complete", "all of them: complete", "within 2 processes, 1 page, ", "P: vmsplice g"):
        assert text in " ".join(said.out.split())
    assert "◐" not in said.out


def test_what_was_not_all_seen_is_not_called_complete(run: Run) -> None:  # noqa: F811
    said = run("explore", "--policy", "v6.5", "--max-states", "50")
    assert said.code == 0
    assert "◐ to depth" in said.out
    assert "stopped at 50 states: not complete" in said.out
    assert "✓" not in said.out
    assert said.out.count("complete") == 1


def test_no_script_is_said_to_be_tried_that_was_not(run: Run) -> None:  # noqa: F811
    """v5.7 leaks by a script of four lines: wherever the search ends before it, the depth shown is less."""
    shown = []
    for most in range(10, 240, 10):
        said = run("explore", "--policy", "v5.7", "--law", "isolation", "--max-states", str(most))
        if "◐" in said.out:
            shown.append(int(said.out.split("◐ to depth ")[1].split()[0]))
    assert shown == sorted(shown)
    assert 0 <= shown[0] <= shown[-1] < 4


def test_explore_says_what_never_happened(run: Run) -> None:  # noqa: F811
    nothing = "never in this search: a reference holds a frame"
    assert nothing in run("explore", "--events", "munmap,get").out  # an untouched page has none
    assert nothing not in run("explore", "--events", "write,munmap,get").out


@pytest.mark.parametrize(
    ("policy", "options", "code"),
    [
        ("v5.7", (), 0),
        ("v5.7", ("--check",), 1),
        ("v5.7", ("--check", "--law", "coherence"), 0),
        ("v5.9", ("--check",), 0),  # a needless copy is a cost, not a broken law
        ("v5.9", ("--check", "--max-states", "10"), 0),
    ],
)
def test_exit_codes(run: Run, policy: str, options: tuple[str, ...], code: int) -> None:  # noqa: F811
    assert run("explore", "--policy", policy, *FEW, *options).code == code
    assert run("explore", "--policy", policy, *FEW, *options, "--json").code == code


BAD = [
    (("--law", "isolaton"), "no law 'isolaton'"),
    (("--events", "wrte"), "no event 'wrte'"),
    (("--events", "ksm"), "no event 'ksm'"),
    (("--events", ""), "--events"),
    (("--events", " , "), "--events"),
    (("--processes", "0"), "--processes: expected 1 to 8, found 0"),
    (("--processes", "9"), "--processes: expected 1 to 8, found 9"),
    (("--pages", "0"), "--pages"),
    (("--references", "-1"), "--references"),
    (("--holds", "9"), "--holds"),
    (("--max-states", "0"), "--max-states"),
    (("--max-memory", "0"), "--max-memory"),
    (("--processes", "two"), "--processes"),
    (("--kind", "paper"), "--kind"),
]


@pytest.mark.parametrize("command", ["explore", "matrix"])
@pytest.mark.parametrize(("options", "message"), BAD)
@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_bad_input(run: Run, command: str, options: tuple[str, ...], message: str, json_too: tuple[str, ...]) -> None:  # noqa: F811
    said = run(command, *options, *json_too)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert "Traceback" not in said.err


def test_an_unknown_policy(run: Run) -> None:  # noqa: F811
    said = run("explore", "--policy", "v5.77")
    assert (said.code, said.out) == (2, "")
    assert "there is no policy 'v5.77'. Did you mean v5.7" in said.err


# --- cowlab matrix ---------------------------------------------------------------------------------------------------


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Threads instead of processes, and a cache of this test's own."""
    monkeypatch.setattr(cowlab.matrix, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("threads")
def test_matrix_as_json(run: Run, explored: list[str]) -> None:  # noqa: F811
    rows = document(run("matrix", *FEW, "--json"))
    assert tuple(rows) == ROWS
    assert {tuple(row) for row in rows.values()} == {LAWS}
    cell = rows["v5.7"]["isolation"]
    assert (cell["holds"], cell["length"], len(cell["witness"]), cell["complete"]) == (False, LEAK, LEAK, True)
    assert (cell["events"], cell["reduction"]) == (list(EVENTS), REDUCTION)
    assert rows["v5.9"]["isolation"]["holds"] is True
    assert document(run("matrix", *FEW, "--json")) == rows
    assert len(explored) == len(ROWS)
    run("matrix", *FEW, "--json", "--no-cache")
    assert len(explored) == 2 * len(ROWS)


@pytest.mark.usefixtures("threads")
def test_matrix_as_text(run: Run) -> None:  # noqa: F811
    said = run("matrix", *FEW, "--law", "isolation", "--law", "economy")
    assert (said.code, said.err) == (0, "")
    lines = {line.split()[0]: line for line in said.out.splitlines() if line.strip()}
    assert set(ROWS) < set(lines)
    assert "✗ 5" in lines["v5.7"]
    assert lines["v5.9"].count("✓ complete") == 1
    assert "◐ to" not in said.out
    assert f"events {', '.join(EVENTS)}" in " ".join(said.out.split())


@pytest.mark.usefixtures("threads")
def test_a_matrix_fits_a_terminal_of_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("COLUMNS", "80")
    said = run("matrix", *FEW)
    assert "…" not in said.out and "isolation" in said.out and "jerome-fork-reuse" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.usefixtures("threads")
def test_a_matrix_that_was_stopped(run: Run) -> None:  # noqa: F811
    said = run("matrix", *FEW, "--law", "dma-isolation", "--max-states", "5")
    rows = [line for line in said.out.splitlines() if line.split()[:1] and line.split()[0] in ROWS]
    assert len(rows) == len(ROWS)
    assert all("◐ to depth" in row and "complete" not in row for row in rows)
    said = run("matrix", *FEW, "--law", "dma-isolation", "--max-memory", "1", "--json")
    assert {row["dma-isolation"]["holds"] for row in json.loads(said.out).values()} == {None}


# --- cowlab matrix --html --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("threads")
def test_the_matrix_as_a_page(run: Run) -> None:  # noqa: F811
    said = run("matrix", *FEW, "--html", "matrix.html")
    assert (said.code, said.err) == (0, "")
    assert said.out == "matrix.html: written. It needs no network: open it in a browser.\n"
    page = Path("matrix.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and 'aria-label=\\"v5.7, isolation: broken, 5 lines\\"' in page


@pytest.mark.usefixtures("threads")
def test_a_page_and_one_json_document(run: Run) -> None:  # noqa: F811
    rows = document(run("matrix", *FEW, "--html", "matrix.html", "--json"))
    assert tuple(rows) == ROWS and Path("matrix.html").stat().st_size > 100_000


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mine.html", "mine.html: exists, and is left alone"),
        ("not/there.html", "there is no folder not"),
        (".", "exists"),
    ],
)
def test_nothing_is_overwritten(run: Run, explored: list[str], file: str, message: str) -> None:  # noqa: F811
    Path("mine.html").write_text("my own")
    said = run("matrix", *FEW, "--html", file)
    assert (said.code, said.out) == (2, "")
    assert message in said.err and "Traceback" not in said.err
    assert Path("mine.html").read_text() == "my own"
    assert not explored  # it is said before the long search, not after it


@pytest.mark.usefixtures("threads")
def test_a_page_that_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    said = run("matrix", *FEW, "--html", "matrix.html", "--no-cache")
    assert (said.code, said.out) == (2, "")
    assert "matrix.html: cannot be written (No space left on device)" in said.err
