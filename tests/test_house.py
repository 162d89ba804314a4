"""Rules of the house that no reader should have to check: who imports whom, and that it runs anywhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cowlab"

# Each room may import from the rooms before it. `policy` and `explore` import nothing of ours at all.
ORDER = ["world", "events", "policy", "fault", "reclaim", "gup", "kernel", "ideal", "explore", "laws", "keys", "model"]
ORDER += ["compose", "check"]
ORDER += ["scenario"]
ORDER += [
    "matrix",
    "claims",
    "views",
    "live",
    "grading",
    "lab",
    "terminal",
    "search",
    "marking",
    "showing",
    "onlinux",
    "cli",
    "__main__",
]
CORE = ORDER[: ORDER.index("matrix")]
ALONE = {"policy", "explore"}
# Packages that a view or a grader may want and a bare machine does not have.
OPTIONAL = {"IPython", "anywidget", "dask", "distributed", "graphviz", "ipywidgets"}
OPTIONAL |= {"nbformat", "nbgrader", "pygraphviz", "rich", "sqlalchemy", "traitlets"}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package: its dotted name and its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file, by its full name."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            if base == "cowlab":  # from cowlab import world: the name is the module
                yield from (f"cowlab.{alias.name}" for alias in node.names)
            else:
                yield base


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_imports_go_downwards_only() -> None:
    wrong = []
    for name, path in modules():
        here = room(name)
        if not here:  # cowlab/__init__.py gathers the public names of all
            continue
        assert here in ORDER, f"cowlab/{here} is not in the order of the house"
        allowed = set() if here in ALONE else set(ORDER[: ORDER.index(here)])
        for imported in imports(path):
            there = room(imported)
            if imported.split(".")[0] != "cowlab" or there == here:
                continue
            # a public name of the whole, as in `from cowlab import play`, belongs to the core
            if there not in ORDER:
                there = CORE[-1]
            if there not in allowed:
                wrong.append(f"{name} imports {imported}")
    assert not wrong, wrong


def test_the_core_imports_only_the_standard_library() -> None:
    foreign = [
        f"{name} imports {imported}"
        for name, path in modules()
        if room(name) in CORE or not room(name)
        for imported in imports(path)
        if imported.split(".")[0] not in sys.stdlib_module_names | {"cowlab"}
    ]
    assert not foreign, foreign


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """This interpreter in the repository, without any installed package."""
    return subprocess.run([sys.executable, "-S", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_import_cowlab_loads_nothing_foreign() -> None:
    done = python("-X", "importtime", "-c", "import cowlab")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in lines[1:]}
    assert "cowlab" in loaded
    assert loaded - sys.stdlib_module_names <= {"cowlab", "sitecustomize", "usercustomize"}


@pytest.mark.skipif(os.name != "posix", reason="CPU time of children is measured on POSIX only")
def test_import_cowlab_is_quick() -> None:
    def cpu(code: str) -> float:
        """Least CPU seconds of five runs: other work on the machine only ever adds."""
        import resource

        def spent() -> float:
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            return usage.ru_utime + usage.ru_stime

        times = []
        for _ in range(5):
            before = spent()
            assert python("-c", code).returncode == 0
            times.append(spent() - before)
        return min(times)

    python("-c", "import cowlab")  # compiled once
    assert cpu("import cowlab") - cpu("pass") < 0.060


BARE = """
import sys, ctypes, importlib

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {"resource", "fcntl", "pwd"}:
            raise ImportError(name + " is not on every system")

class NoLibrary(ctypes.CDLL):
    def __init__(self, name=None, *rest, **options):
        if name is None:
            raise OSError("no C library here")
        super().__init__(name, *rest, **options)

for name in ("resource", "fcntl", "pwd"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())
ctypes.CDLL = NoLibrary
module, optional = sys.argv[1], set(sys.argv[2:])
try:
    importlib.import_module(module)
except ModuleNotFoundError as error:
    if error.name.split(".")[0] not in optional:
        raise
"""


@pytest.mark.parametrize("name", [name for name, _path in modules() if room(name) != "__main__"])
def test_every_module_imports_on_every_system(name: str) -> None:
    optional = OPTIONAL if room(name) in {"views", "live", "grading"} else set()
    done = python("-c", BARE, name, *sorted(optional))
    assert done.returncode == 0, done.stderr


def project_files() -> list[Path]:
    """What is in the repository; in an unpacked archive without git, what would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        files = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        hidden = {".venv", "node_modules", "__pycache__"}
        files = [path for path in ROOT.rglob("*") if not hidden & set(path.parts)]
    return [path for path in files if path.is_file()]


def test_no_file_names_somebodys_machine() -> None:
    # Spelt in halves, so that this file does not name them either.
    machine = re.compile(
        rb"(/ro"
        rb"ot/|/ho"
        rb"me/\w|/Us"
        rb"ers/\w|/wo"
        rb"rk/|\.\./sha"
        rb"red\b|[A-Z]:\\Us"
        rb"ers)"
    )
    found = []
    for path in project_files():
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if hit := machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {hit[0].decode()}")
    assert not found, found


def test_the_locks_name_no_registry() -> None:
    for name in ("requirements.lock", "tests/pyodide/package-lock.json"):
        assert "://" not in (ROOT / name).read_text(), name
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert line.startswith("#") or re.match(r"[a-z0-9-]+==[\w.]+( ;.*)?$", line), line
