"""The wheel carries the course, and an installed wheel opens it: no clone, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LESSON = "notebooks/01_copy_on_write.ipynb"
PATIENCE = 120  # seconds; a loaded machine starts JupyterLab slowly


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (made,) = folder.glob("cowlab-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment with nothing but the wheel. Returns its folder."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    pip = [sys.executable, "-m", "pip", "--python", python_of(folder), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True)
    return folder


@pytest.fixture(scope="module")
def with_jupyter(installed: Path) -> Path:
    """The same, seeing the Jupyter that the tests run with: as if pip had found it without a network."""
    (site,) = installed.glob("lib/python3.*/site-packages")
    ours = Path(pytest.__file__).parent.parent
    (site / "borrowed.pth").write_text(f"{ours}\n")
    for name in ("share", "etc"):  # JupyterLab's static files and settings lie outside site-packages
        if not (installed / name).exists() and (Path(sys.prefix) / name).exists():
            (installed / name).symlink_to(Path(sys.prefix) / name)
    return installed


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def cowlab_of(folder: Path) -> Path:
    return folder / ("Scripts/cowlab.exe" if os.name == "nt" else "bin/cowlab")


def test_the_wheel_carries_everything_but_the_solutions(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "*.cow", "*.md", "*.json", "*.toml", "*.js", "*.css", "py.typed")
        for path in (ROOT / "cowlab").rglob(pattern)
        if "__pycache__" not in path.parts
    }
    for folder in ("notebooks", "exercises"):
        for path in (ROOT / folder).glob("*.ipynb"):
            expected.add(f"cowlab/course/{folder}/{path.name}")
    assert expected <= names
    assert f"cowlab/course/{LESSON}" in names
    assert any(name.startswith("cowlab/atlas/") and name.endswith(".cow") for name in names)
    assert any(name.startswith("cowlab/live/recordings/") for name in names)
    assert not [name for name in names if "solution" in name or ".ipynb_checkpoints" in name]
    assert {name.split("/")[0] for name in names} == {"cowlab", "cowlab-0.1.0.dist-info"}
    licences = {Path(name).name for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-docs"}


def test_the_core_needs_nothing_installed(installed: Path, tmp_path: Path) -> None:
    # -I: no folder of ours on the path, only the wheel
    play = "import cowlab; print(cowlab.__file__, len(cowlab.scenarios()))"
    done = subprocess.run([python_of(installed), "-I", "-c", play], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    file, count = done.stdout.split()
    assert Path(file).is_relative_to(installed)
    assert int(count) > 0


def test_lab_without_jupyter_says_so(wheel: Path, tmp_path: Path) -> None:
    # A folder of its own: the other tests lend their environment a Jupyter.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    call = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); sys.argv[:] = ['cowlab', 'lab']; "
    call += "from cowlab.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", call], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "JupyterLab is not installed" in done.stderr
    assert "Traceback" not in done.stderr


class Server:
    """A running `cowlab lab`, asked through Jupyter's own interface."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def get(self, path: str, token: bool = True) -> bytes:
        request = urllib.request.Request(self.url + path)
        if token:
            request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def contents(self, path: str) -> Any:
        return json.loads(self.get("api/contents/" + path))


def start(environment: Path, home: Path, folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    runtime = home / "runtime"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "PYTHON", "VIRTUAL_ENV")) and "proxy" not in name.lower()
    }
    process = subprocess.Popen(
        [cowlab_of(environment), "lab", "--no-browser", "--dir", folder, "--ServerApp.port=0"],
        cwd=home,
        env=clean | {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(runtime)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                told = json.loads(file.read_bytes())
                server = Server(told["url"], told["token"])
                server.get("api/status")
                return process, server
            except (ValueError, OSError):
                pass  # still writing, or not listening yet
        time.sleep(0.2)
    stop(process)
    assert process.stdout is not None
    pytest.fail("JupyterLab did not start:\n" + process.stdout.read().decode())


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def opened(with_jupyter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`cowlab lab` from the wheel, running; with the learner's folder."""
    home = tmp_path_factory.mktemp("home")
    process, server = start(with_jupyter, home, home / "mine")
    yield server, home / "mine"
    stop(process)


def test_lab_serves_the_course(opened: tuple[Server, Path], wheel: Path) -> None:
    server, _folder = opened
    packed = {
        name.removeprefix("cowlab/course/")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.startswith("cowlab/course/") and name.endswith(".ipynb")
    }
    served = set()
    for folder in {name.split("/")[0] for name in packed}:
        served |= {entry["path"] for entry in server.contents(folder)["content"]}
    assert packed == served


def test_lab_opens_the_first_lesson_trusted(opened: tuple[Server, Path]) -> None:
    server, _folder = opened
    assert b"jupyter-config-data" in server.get("lab/tree/" + LESSON)
    cells = server.contents(LESSON)["content"]["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["metadata"].get("trusted") for cell in code)


def test_lab_is_not_open_to_others(opened: tuple[Server, Path]) -> None:
    server, _folder = opened
    assert server.url.startswith(("http://localhost", "http://127.0.0.1"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get("api/contents", token=False)
    assert refused.value.code in (401, 403)


def test_a_second_lab_keeps_what_the_learner_changed(
    opened: tuple[Server, Path], with_jupyter: Path, tmp_path: Path
) -> None:
    _server, folder = opened
    (folder / LESSON).write_bytes(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    mine = (folder / LESSON).read_bytes()
    process, server = start(with_jupyter, tmp_path, folder)
    try:
        assert server.contents(LESSON)["content"]["cells"] == []
    finally:
        stop(process)
    assert (folder / LESSON).read_bytes() == mine
