"""`cowlab lab`: the course in a folder of the learner's own, opened in JupyterLab.

The course is copied, so that a learner may change every cell. What a learner changed is never
overwritten: a manifest in the folder remembers what was copied, and

- a file that is missing is copied (deleting a notebook brings a fresh one),
- a file that is still as it was copied follows the installed version,
- a file that the learner changed stays; a new version of it is put beside it as NAME.new.ipynb.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("notebooks", "exercises")
FIRST_LESSON = "notebooks/01_copy_on_write.ipynb"
DEFAULT_FOLDER = Path("cowlab-course")
MANIFEST = ".cowlab-course.json"


class LabError(Exception):
    """Something the learner can put right; the text says how."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cowlab lab`; what it does not know is handed to JupyterLab."""
    parser.epilog = "Other options are JupyterLab's: cowlab lab --port 9000"
    parser.add_argument(
        "--dir",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="FOLDER",
        help="where your copy of the course lives (default: ./%(default)s)",
    )
    parser.add_argument("--no-browser", action="store_true", help="start the server, print its address, open nothing")
    parser.add_argument("--prepare-only", action="store_true", help="copy the course, do not start JupyterLab")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Copy the course, then become JupyterLab. `extra` goes to JupyterLab as it is."""
    try:
        if not args.prepare_only and importlib.util.find_spec("jupyterlab") is None:
            raise LabError(
                "JupyterLab is not installed beside cowlab; "
                "`pip install cowlab` brings it, `pip install --no-deps cowlab` does not"
            )
        course = find_course()
        folder: Path = args.dir.expanduser().resolve()
        for line in copy_course(course, folder):
            print(line)
        trust(course, folder)
    except LabError as error:
        print(f"cowlab lab: {error}", file=sys.stderr)
        return 2
    if args.prepare_only:
        print(f"The course is in {folder}")
        return 0
    command = jupyter_command(folder, args.no_browser, extra)
    environment = jupyter_environment()
    if os.name == "nt":  # there, exec would return to the prompt while the server runs on
        return subprocess.call(command, env=environment)
    sys.stdout.flush()
    os.execve(command[0], command, environment)


# -- the course ------------------------------------------------------------------------------------


def find_course() -> Path:
    """The course as installed (inside the package) or as cloned (beside the package)."""
    package = Path(__file__).resolve().parent
    for place in (package / "course", package.parent):
        if any((place / FOLDERS[0]).glob("*.ipynb")):
            return place
    raise LabError("the course's notebooks are not beside this installation; install cowlab again")


def course_files(course: Path) -> Iterator[str]:
    """The names of the course's notebooks, relative to `course`, with forward slashes."""
    for folder in FOLDERS:
        for path in sorted((course / folder).glob("*.ipynb")):
            yield f"{folder}/{path.name}"


def copy_course(course: Path, folder: Path) -> list[str]:
    """Bring `folder` up to date with `course`. Returns what the learner should be told."""
    told: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copied = _read_manifest(folder, told)
        for name in course_files(course):
            content = (course / name).read_bytes()
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            offered = copied.get(name)
            if _may_write(target, content, offered):
                _write(target, content)
            elif offered != _digest(content):
                beside = _put_beside(target, content)
                told.append(f"{name} has a new version; yours is kept, the new one is beside it: {beside.name}")
            copied[name] = _digest(content)
        _write(folder / MANIFEST, json.dumps({"copied": copied}, indent=1).encode() + b"\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise LabError(f"cannot write the course to {folder} ({reason}); choose another folder with --dir") from error
    return told


def _may_write(target: Path, content: bytes, copied: str | None) -> bool:
    """Missing, as it was copied, or already what it should be: then nothing of the learner's is lost."""
    if not target.exists():
        return True
    return _digest(target.read_bytes()) in (copied, _digest(content))


def _put_beside(target: Path, content: bytes) -> Path:
    """NAME.new.ipynb, or the next free NAME.new-N.ipynb if the learner works in that one already."""
    number = 1
    while True:
        mark = "new" if number == 1 else f"new-{number}"
        beside = target.with_name(f"{target.stem}.{mark}{target.suffix}")
        if not beside.exists() or beside.read_bytes() == content:
            _write(beside, content)
            return beside
        number += 1


def _read_manifest(folder: Path, told: list[str]) -> dict[str, str]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        copied = json.loads(path.read_bytes())["copied"]
        return {str(name): str(digest) for name, digest in copied.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        told.append(f"{MANIFEST} cannot be read; every notebook that differs is taken to be yours")
        return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a full disk must not leave half a notebook."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    os.replace(draft, path)


# -- JupyterLab ------------------------------------------------------------------------------------


def trust(course: Path, folder: Path) -> None:
    """Tell Jupyter that the copies which are still ours may run their scripts (the stepper).

    Trust is a convenience: where it cannot be given, a picture steps once its cell is run.
    """
    try:
        import nbformat
        from nbformat.sign import NotebookNotary

        notary = NotebookNotary()
        for name in course_files(course):
            copy = folder / name
            if copy.read_bytes() == (course / name).read_bytes():
                notary.sign(nbformat.read(copy, as_version=4))
    except Exception as error:
        print(f"The notebooks could not be marked as trusted: {error}", file=sys.stderr)


def jupyter_command(folder: Path, no_browser: bool, extra: list[str]) -> list[str]:
    """The command that opens JupyterLab on the first lesson. The learner's own options come last and win."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    if (folder / FIRST_LESSON).exists():
        command.append(f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}")
    if no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container's only user; the server listens on loopback
    return command + extra


def jupyter_environment() -> dict[str, str]:
    """Ours, with our defaults for JupyterLab: no question about newsletters before the first lesson.

    They are defaults only: what learners choose in JupyterLab's settings counts more.
    """
    path = [str(Path(__file__).resolve().parent / "jupyter")]
    if already := os.environ.get("JUPYTER_CONFIG_PATH"):
        path.append(already)
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(path)}
