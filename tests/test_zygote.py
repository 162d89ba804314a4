"""The sandbox: a zygote forks children, a child answers, and whatever goes wrong has a name. tests/tamper attacks it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from arena import adopt_orphans, descendants, nothing_left
from needs import missing

from cowlab.grading.sandbox import OURS, Limits, Trouble, Zygote, facade
from cowlab.grading.wire import question

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only")
ADD = "def add(a, b): return a + b"


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


def test_a_child_answers_in_order_and_forgets_with_its_end(zygote: Zygote) -> None:
    child = zygote.fork()
    assert child.load([], ADD, ["add"]) == {"loaded": True}
    assert child.ask([question("add", 1, 2), question("add", "a", "b"), question("add", [1], [2])]) == [
        {"is": 3},
        {"is": "ab"},
        {"is": [1, 2]},
    ]
    assert "TypeError" in child.ask([question("add", 1, "b")])[0]["failed"]
    assert child.ask([question("sub", 1, 2)]) == [{"failed": "there is no function sub"}]
    child.close()
    other = zygote.fork()
    assert other.ask([question("add", 1, 2)]) == [{"failed": "there is no function add"}]
    other.close()


def test_a_world_goes_in_and_comes_out(zygote: Zygote) -> None:
    from cowlab import World
    from cowlab.grading import wire

    child = zygote.fork()
    child.load(["from cowlab import World"], "def same(world): return [world, isinstance(world, World)]", ["same"])
    assert child.ask([question("same", World())]) == [{"is": [wire.plain(World()), True]}]
    child.close()


def test_helpers_that_fail_take_no_other_along(zygote: Zygote) -> None:
    child = zygote.fork()
    helpers = ["x = 1 / 0", "import nothing", "y = 2", "def twice(n): return n * y"]
    assert child.load(helpers, "from cowlab import nothing, PageInfo\ndef f(n): return twice(n)", ["f"]) == {
        "loaded": True
    }
    assert child.ask([question("f", 21)]) == [{"is": 42}]
    child.close()


@pytest.mark.parametrize(
    ("source", "key", "says"),
    [
        ("def f(:", "failed", "the cell cannot be read"),
        ("1 / 0", "failed", "ZeroDivisionError"),
        ("raise NotImplementedError('write it')", "open", "write it"),
        ("def f(): pass\n1 / 0", "loaded", "True"),
    ],
)
def test_a_cell_that_cannot_be_run_says_why(zygote: Zygote, source: str, key: str, says: str) -> None:
    child = zygote.fork()
    found = child.load([], source, ["f"])
    assert list(found) == [key] and says in str(found[key])
    child.close()


def test_trouble_has_a_status(zygote: Zygote) -> None:
    for source, status in (
        ("while True: pass", "timeout"),
        ("import os; os._exit(3)", "crash"),
        ("x = bytearray(10**10)", "memory"),
    ):
        child = zygote.fork(Limits(seconds=1, megabytes=200))
        with pytest.raises(Trouble) as trouble:
            child.load([], source)
        assert trouble.value.status == status and not child.alive


def test_a_zygote_that_died_is_our_fault() -> None:
    with nothing_left() as left:
        zygote = Zygote()
        child = zygote.fork()
        zygote.process.kill()
        zygote.process.wait()
        with pytest.raises(Trouble) as trouble:
            while True:  # what is below it may live a moment longer
                child.ask([question("f")])
        assert trouble.value.status == OURS and not zygote.works
        with pytest.raises(Trouble):
            zygote.fork()
        zygote.close()
    assert not left


def test_with_the_zygote_ends_all_that_it_forked() -> None:
    adopt_orphans()
    with nothing_left() as left:
        before = descendants()
        zygote = Zygote()
        children = zygote.fork(), zygote.fork()
        assert len(descendants() - before) >= 3
        zygote.close()
        for child in children:
            child.talk.close()
    assert not left


def test_the_facade_is_the_world_and_no_rule() -> None:
    names = dict(facade.modules())
    assert [name for name in names if "grading" not in name] == [
        "cowlab.world",
        "cowlab.events",
        "cowlab.policy",
        "cowlab",
        "cell",
        "zygote",
    ]
    assert "POLICIES" not in names["cowlab.policy"] and "class PageInfo" in names["cowlab.policy"]


LANDLOCK = """
import os, sys
sys.path.insert(0, {root!r})
from cowlab.grading.sandbox import cell
cell.LIBRARY = {library!r}
rules = cell.ruleset()
if rules < 0: sys.exit(9)
cell.call("prctl", cell.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
cell.call("syscall", cell.ctypes.c_long(cell.LANDLOCK_RESTRICT), rules, 0)
def tried(what, *args):
    try: return what(*args) is not None
    except PermissionError: return False
mine, theirs, outside = (os.path.join({library!r}, name) for name in ("mine.py", "site-packages/theirs.py", "../outside"))
print([tried(os.open, mine, os.O_RDONLY), tried(os.listdir, {library!r})])
print([tried(os.open, path, os.O_RDONLY) for path in (theirs, outside)])
print([tried(os.open, mine, flags) for flags in (os.O_RDWR, os.O_RDONLY | os.O_TRUNC)], tried(os.truncate, mine, 0))
print([tried(os.rename, mine, mine + "2"), tried(os.unlink, mine), tried(os.mkdir, mine + "3")])
"""


def test_landlock_leaves_the_library_to_read_and_not_what_is_installed(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    (library / "site-packages").mkdir(parents=True)
    for name in ("mine.py", "site-packages/theirs.py", "../outside"):
        (library / name).write_text("x = 1\n")
    code = LANDLOCK.format(root=os.getcwd(), library=str(library))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 9:
        missing("this kernel has no Landlock")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[True, True]",
        "[False, False]",
        "[False, False] False",
        "[False, False, False]",
    ]
    assert (library / "mine.py").read_text() == "x = 1\n"
