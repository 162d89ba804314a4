"""How long fork takes: what is reported, what is not measured and why, and that nothing is left behind. No time is judged."""

from __future__ import annotations

import errno
import json
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from needs import ROOT

from cowlab import POLICIES
from cowlab.live import forktime
from cowlab.live.forkchart import ForkTime, ticks
from cowlab.live.forktime import ForkTimes, Point, as_json, as_text, fits, in_words, measure, model_copies, rounded

SMALL = {"mapped": (0, 50, 100), "pinned": (0, 10, 20), "of": 100, "runs": 3}
linux = pytest.mark.skipif(sys.platform != "linux", reason="fork is measured on Linux only")


def point(pages: int, pinned: int, median: float, apart: float = 10) -> Point:
    return Point(pages, pinned, median, median - apart / 2, median + apart / 2, 9, median + 1)


WRITTEN = tuple(point(pages, 0, 200 + pages / 10) for pages in (0, 1000, 2000, 4000))
WITH_PINS = tuple(point(4000, pinned, 600 + pinned) for pinned in (500, 1000, 2000))
TIMES = ForkTimes("Linux 6.1 on x86_64", 4096, 4000, (*WRITTEN, *WITH_PINS))


def run(code: str, python: str = sys.executable, **options: Any) -> dict[str, Any]:
    """What is measured in another process that has run that code first."""
    code = f"import json\n{code}\nfrom cowlab.live import forktime\n"
    code += f"print(json.dumps(forktime.as_json(forktime.measure(**{SMALL!r}))))"
    options = {"cwd": ROOT, **options}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=False, **options)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


# --- on this machine -------------------------------------------------------------------------------------------------


@linux
def test_every_point_is_there_or_said_to_be_missing() -> None:
    times = measure(**SMALL)
    assert times.skipped == "" and times.machine.startswith("Linux ")
    assert [(row.pages, row.pinned) for row in times.mapped] == [(0, 0), (50, 0), (100, 0)]
    assert [row.pinned for row in times.pinned] == ([] if times.pins_skipped else [0, 10, 20])
    for row in times.points:
        assert 0 < row.lower <= row.median <= row.upper and row.runs == 3


@linux
def test_one_run_is_its_own_quartiles() -> None:
    (row,) = measure(mapped=(10,), pinned=(), runs=1).points
    assert row.lower == row.median == row.upper and row.runs == 1


@linux
def test_the_time_limit_leaves_what_was_measured() -> None:
    times = measure(**{**SMALL, "runs": 10**6}, seconds=0.4)
    assert times.skipped == "the time limit of 0.4 s is over"
    assert len(times.mapped) == 3 and max(row.runs for row in times.points) - min(row.runs for row in times.points) <= 1


@linux
def test_too_large_is_left_out() -> None:
    times = measure(mapped=(0, 10**6), pinned=(), runs=1)
    assert [row.pages for row in times.points] == [0] and "more than 256 MiB" in times.skipped


def test_what_cannot_be_asked() -> None:
    for wrong in ({"mapped": (-1,)}, {"pinned": (11,), "of": 10}, {"runs": 0}, {"seconds": 0}):
        with pytest.raises(ValueError, match="expected runs"):
            measure(**wrong)


# --- what a machine may lack -----------------------------------------------------------------------------------------

# The kernel's own filter, set by the process that measures: io_uring_setup returns that errno there.
FILTER = """
import ctypes
class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, ERRNO | {errno}), (0x06, 0, 0, ALLOW)]
filters = (Filter * 4)(*(Filter(*line) for line in lines))
libc = ctypes.CDLL(None, use_errno=True)
for number, *rest in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(Program(4, filters)), 0, 0)):
    if libc.prctl(number, *rest):
        raise SystemExit(f"no filter: errno {{ctypes.get_errno()}}")
"""


@linux
@pytest.mark.parametrize(
    ("refusal", "said"),
    [(errno.EPERM, "EPERM"), (errno.ENOSYS, "io_uring is not there: ENOSYS"), (errno.EMFILE, "EMFILE")],
)
def test_without_io_uring_the_rest_is_measured(refusal: int, said: str) -> None:
    found = run(FILTER.format(errno=refusal))
    assert said in found["pins_skipped"] and found["skipped"] == ""
    assert [(row["pages"], row["pinned"]) for row in found["points"]] == [(0, 0), (50, 0), (100, 0)]


@pytest.fixture
def readable() -> Iterator[Path]:
    """cowlab where everybody may read it."""
    with tempfile.TemporaryDirectory(prefix="cowlab-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(ROOT / "cowlab", folder / "cowlab", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


@linux
@pytest.mark.parametrize(("pages", "allowed"), [(16, [0, 10]), (1, [])])
def test_an_ordinary_user_pins_what_the_limit_allows(readable: Path, pages: int, allowed: list[int]) -> None:
    if os.geteuid():
        pytest.skip("only root can become nobody")
    python = "/usr/bin/python3"  # this one may lie where nobody may not look
    newer = "import sys; sys.exit(sys.version_info < (3, 11))"
    if not Path(python).exists() or subprocess.run([python, "-c", newer], check=False).returncode:
        pytest.skip("no /usr/bin/python3 of 3.11 or newer for nobody to run")
    user = pwd.getpwnam("nobody")
    limit = pages * resource.getpagesize()
    code = f"import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit}, {limit}))"
    found = run(code, python, cwd=readable, env={}, user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    pinned = [row["pinned"] for row in found["points"] if row["pages"] == 100]
    if "RLIMIT_MEMLOCK" in found["pins_skipped"]:
        assert [count for count in pinned if count] == [count for count in allowed if count]
        assert f"RLIMIT_MEMLOCK is {pages} pages" in found["pins_skipped"]
    else:
        assert pinned == [0] and "io_uring is" in found["pins_skipped"]  # refused altogether here
    assert found["skipped"] == "" and len(found["points"]) >= 3


def test_not_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forktime.sys, "platform", "darwin")
    times = measure(**SMALL)
    assert times.points == () and times.skipped == "fork is measured on Linux only, and this is darwin"
    assert "Not measured: fork is measured on Linux only" in as_text(times) and times.skipped in ForkTime(times).html()


@linux
def test_no_python_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forktime.sys, "executable", "/nowhere/python")
    assert measure(**SMALL).skipped == "no process to measure in: No such file or directory"


@linux
@pytest.mark.parametrize(
    ("end", "said"), [("os.kill(os.getpid(), 9)", "early, by SIGKILL"), ("os._exit(3)", "early, with code 3")]
)
def test_a_process_that_dies_leaves_its_numbers(
    end: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dies.py"
    line = '{"pages": 50, "pinned": 0, "ns": 7000, "clock": 8000}'
    program.write_text(f"import os\nprint('{line}', flush=True)\nprint('half a li', end='', flush=True)\n{end}\n")
    monkeypatch.setattr(forktime, "PROGRAM", program)
    times = measure(**SMALL)
    assert times.points == (Point(50, 0, 7, 7, 7, 1, 8),) and said in times.skipped


# --- nothing is left behind ------------------------------------------------------------------------------------------


def children(parent: int) -> list[int]:
    """The processes of that parent that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(ppid) == parent and state != "Z":
            found.append(int(path.parent.name))
    return found


def has_forked(pid: int) -> bool:
    """Whether it has waited for a child: the page faults of those are counted then."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8]) > 0


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(true: Any, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@linux
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_it_leaves_no_process(sent: signal.Signals) -> None:
    code = "from cowlab.live.forktime import measure; measure(runs=10**6, seconds=50)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL) as asking:
        (measuring,) = wait_for(lambda: children(asking.pid))
        wait_for(lambda: has_forked(measuring))
        asking.send_signal(sent)
        assert asking.wait(10)
    wait_for(lambda: not lives(measuring))


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_models_counts() -> None:
    assert model_copies() == {
        "v5.7": (0, 0, 0, 0, 0),
        "v5.9": (0, 1, 2, 3, 4),
        "v5.11": (0, 1, 2, 3, 4),
        "v6.5": (0, 1, 2, 3, 4),
    }
    everything = POLICIES["v6.5"].with_(fork=lambda page: "copy")
    assert forktime._copies(everything, 3, 1) == 3  # played, not written down


def test_in_words() -> None:
    first, second = in_words(TIMES)
    assert first == "A written page adds about 0.10 µs to fork."
    assert second == "Pinning a page adds about 1.0 µs, about as much as 10 more written pages."
    mapped, pinned = fits(TIMES)
    assert mapped and pinned and mapped.farthest < 1e-6 and abs(pinned.start - 600) < 1e-6
    flat = TIMES._replace(points=tuple(row._replace(median=200, lower=100, upper=300) for row in TIMES.points))
    assert all("cannot be told from the noise" in said for said in in_words(flat))
    assert in_words(TIMES._replace(points=WRITTEN[:2])) == ("", "")  # two points are always on a line


def test_two_digits() -> None:
    found = [rounded(value) for value in (0.0312, 0.1, 0.996, 8.88, 132.0, 0.0, -0.021)]
    assert found == ["0.031", "0.10", "1.0", "8.9", "130", "0.0", "-0.021"]


def test_as_text_and_as_json() -> None:
    text = as_text(TIMES)
    assert "         4000    2000    2600.0    2595.0 to   2605.0     9        2601.0\n" in text
    assert "  v5.9, v5.11, v6.5     0  1  2  3  4\n" in text and max(map(len, text.splitlines())) <= 80
    found = json.loads(json.dumps(as_json(TIMES)))
    assert found["points"][0] == {
        "pages": 0, "pinned": 0, "median": 200, "lower": 195, "upper": 205, "runs": 9, "clock": 201
    }  # fmt: skip
    assert found["model_copies"]["v6.5"] == [0, 1, 2, 3, 4] and round(found["fits"]["pinned"]["slope"], 6) == 1


def test_the_page() -> None:
    chart = ForkTime(TIMES)
    written, pinned = chart.charts
    assert written.count("<circle") == 4 and pinned.count("<circle") == 4
    assert "about 0.10 µs" in written and "as many written" in pinned and "as many written" not in written
    for svg in chart.charts:
        assert 'role="img"' in svg and "<title>Fork time in µs" in svg and "<desc>" in svg
        assert not re.search(r"#[0-9a-f]{6}\b|nan|font-family", svg)
    html = chart.html()
    assert "<summary>The numbers</summary>" in chart.data()["live"] and "v5.9, v5.11, v6.5" in html
    assert not re.search(r"(?:src|href)=.?.https?:", html)
    assert chart.still().count("<img src=") == 2 and chart.text() == as_text(TIMES)


def test_the_page_says_what_is_missing() -> None:
    why = "io_uring is switched off: EPERM, /proc/sys/kernel/io_uring_disabled is 2"
    chart = ForkTime(TIMES._replace(points=WRITTEN, pins_skipped=why))
    assert chart.charts[1] == "" and why in chart.data()["live"] and "same scale" not in chart.lede
    assert why in as_text(chart.times) and chart.still().count("<img src=") == 1


def test_ticks() -> None:
    assert ticks(2000) == [0, 500, 1000, 1500, 2000] and ticks(1) == [0, 1] and ticks(2313)[-1] == 2500
    for top in (3, 7, 99, 1234, 99999):
        assert 2 <= len(ticks(top)) <= 7 and ticks(top)[-1] >= top
