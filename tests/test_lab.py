"""`cowlab lab`: what it copies, and above all what it leaves alone."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from cowlab import lab

LESSON = lab.FIRST_LESSON


def notebook(text: str) -> bytes:
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": text}
    whole = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole).encode()


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of one lesson and one exercise."""
    root = tmp_path / "course"
    for name in (LESSON, "exercises/01_copy_on_write.ipynb"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(notebook("'version 1'"))
    return root


@pytest.fixture
def folder(course: Path, tmp_path: Path) -> Path:
    """A learner's folder, filled once."""
    folder = tmp_path / "mine"
    assert lab.copy_course(course, folder) == []
    return folder


def test_the_course_is_copied(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb")}
    assert names == {LESSON, "exercises/01_copy_on_write.ipynb"}


def test_a_second_time_changes_nothing(course: Path, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert lab.copy_course(course, folder) == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_a_changed_notebook_is_kept(course: Path, folder: Path) -> None:
    (folder / LESSON).write_bytes(b"my work")
    assert lab.copy_course(course, folder) == []
    assert (folder / LESSON).read_bytes() == b"my work"


def test_an_untouched_notebook_follows_the_new_version(course: Path, folder: Path) -> None:
    (course / LESSON).write_bytes(notebook("'version 2'"))
    assert lab.copy_course(course, folder) == []
    assert (folder / LESSON).read_bytes() == (course / LESSON).read_bytes()


def test_a_new_version_is_put_beside_a_changed_notebook_and_said_once(course: Path, folder: Path) -> None:
    (folder / LESSON).write_bytes(b"my work")
    (course / LESSON).write_bytes(notebook("'version 2'"))
    (line,) = lab.copy_course(course, folder)
    beside = (folder / LESSON).with_name("01_copy_on_write.new.ipynb")
    assert beside.name in line
    assert (folder / LESSON).read_bytes() == b"my work"
    assert beside.read_bytes() == (course / LESSON).read_bytes()
    assert lab.copy_course(course, folder) == []


def test_work_in_the_copy_beside_is_kept_too(course: Path, folder: Path) -> None:
    beside = (folder / LESSON).with_name("01_copy_on_write.new.ipynb")
    (folder / LESSON).write_bytes(b"my work")
    beside.write_bytes(b"more work")
    (course / LESSON).write_bytes(notebook("'version 3'"))
    (line,) = lab.copy_course(course, folder)
    assert "01_copy_on_write.new-2.ipynb" in line
    assert beside.read_bytes() == b"more work"


def test_a_deleted_notebook_comes_back(course: Path, folder: Path) -> None:
    (folder / LESSON).unlink()
    lab.copy_course(course, folder)
    assert (folder / LESSON).read_bytes() == (course / LESSON).read_bytes()


def test_a_folder_with_files_of_the_same_name_is_respected(course: Path, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    (folder / LESSON).parent.mkdir(parents=True)
    (folder / LESSON).write_bytes(b"from somewhere else")
    assert len(lab.copy_course(course, folder)) == 1
    assert (folder / LESSON).read_bytes() == b"from somewhere else"


@pytest.mark.parametrize("manifest", [b"", b"[]", b'{"copied": 3}', b"\xff\xfe"])
def test_a_broken_manifest_costs_nobody_any_work(course: Path, folder: Path, manifest: bytes) -> None:
    (folder / LESSON).write_bytes(b"my work")
    (folder / lab.MANIFEST).write_bytes(manifest)
    told = lab.copy_course(course, folder)
    assert lab.MANIFEST in told[0]
    assert (folder / LESSON).read_bytes() == b"my work"


def arguments(*given: str) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser()
    lab.add_arguments(parser)
    return parser.parse_known_args(given)


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "find_course", lambda: course)
    (tmp_path / "file").write_text("in the way")
    assert lab.run(*arguments("--prepare-only", "--dir", str(tmp_path / "file"))) == 2
    said = capsys.readouterr().err
    assert "--dir" in said
    assert "Traceback" not in said


def test_an_installation_without_the_course_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "cowlab" / "lab.py"))
    assert lab.run(*arguments("--prepare-only")) == 2
    assert "install cowlab again" in capsys.readouterr().err


def test_only_unmodified_copies_are_trusted(
    course: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    import nbformat
    from nbformat.sign import NotebookNotary

    (folder / LESSON).write_bytes(notebook("'mine'"))
    lab.trust(course, folder)
    notary = NotebookNotary()
    exercise = folder / "exercises/01_copy_on_write.ipynb"
    assert notary.check_signature(nbformat.read(exercise, as_version=4))
    assert not notary.check_signature(nbformat.read(folder / LESSON, as_version=4))


def test_jupyter_gets_the_learners_own_options_last(folder: Path) -> None:
    args, extra = arguments("--no-browser", "--port", "9000")
    command = lab.jupyter_command(folder, args.no_browser, extra)
    assert "--no-browser" in command
    assert command[-2:] == ["--port", "9000"]
    assert f"--LabApp.default_url=/lab/tree/{LESSON}" in command
