"""The instructor's guide, typed as it stands: all its commands in order, in a fresh folder, as a new instructor would."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from classes import ROOT

from cowlab.cli import build_parser
from cowlab.grading import tasks

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs" / "instructors.md").read_text("utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
LESSON = "03_page_count_one"


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the class after all commands, and all that they printed."""
    place = tmp_path_factory.mktemp("instructor")
    (place / "cowlab").symlink_to(ROOT)
    script = "set -eu\n" + "\n".join(COMMANDS)
    command = place / "bin" / "cowlab"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cowlab "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    environment |= {"PIP_NO_BUILD_ISOLATION": "false", "PIP_NO_INDEX": "1"}  # what builds the wheel is installed
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return place / "class", done.stdout


def test_the_table_looks_as_the_guide_shows_it(typed: tuple[Path, str]) -> None:
    shown = re.search(r"^```\n( submission.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    printed = {" ".join(line.split()) for line in typed[1].splitlines()}
    for line in shown[1].splitlines():
        if line.strip() and "───" not in line and not line.startswith("3 submissions"):
            assert " ".join(line.split()) in printed, line


def test_there_is_what_the_guide_says(typed: tuple[Path, str]) -> None:
    place, printed = typed
    results = place / "results"
    assert {path.name for path in results.glob("*.csv")} == {"grades.csv", "by-hand.csv"}
    assert len(list(results.glob("class-*.html"))) == 1 and len(list((results / "students").iterdir())) == 3
    assert printed.count(": holds.") == len(list((results / "certificates").iterdir())) > 0
    grades = {row["student"]: row for row in csv.DictReader((results / "grades.csv").open(encoding="utf-8-sig"))}
    assert grades["ada"]["whose"] == "2.5"
    assert float(grades["ada"]["points"]) == sum(task.points for task in tasks(LESSON).values()) - 0.5


def test_each_student_has_a_notebook_with_their_seed(typed: tuple[Path, str]) -> None:
    place, _ = typed
    seeds = dict(line.split("\t") for line in (place / "seeds.tsv").read_text().splitlines())
    assert len(set(seeds.values())) == 3
    for student, seed in seeds.items():
        text = (place / "release" / student / f"{LESSON}.ipynb").read_text("utf-8")
        assert f"SEED = {seed} " in text and json.loads(text)["cells"]
    records = [json.loads(line) for line in (place / "results-with-seeds" / "results.jsonl").open()]
    ada = next(record for record in records if record["student"] == "ada")
    assert ada["seed"] == int(seeds["ada"])
    assert 0 < ada["points"] <= sum(task.points for task in tasks(LESSON).values() if task.kind != "explain")


def test_nbgrader_exports_cowlabs_points(typed: tuple[Path, str]) -> None:
    course = typed[0] / "course"
    grades = {row["student_id"]: row for row in csv.DictReader((course / "grades.csv").open())}
    judged = sum(task.points for task in tasks(LESSON).values() if task.kind != "explain")
    assert float(grades["ada"]["score"]) == judged and float(grades["bob"]["score"]) == 0
    page = (course / "feedback" / "ada" / "ps3" / f"{LESSON}.html").read_text("utf-8")
    assert f"count_it: {tasks(LESSON)['count_it'].points:g} of" in page


def test_the_autograder_is_packed(typed: tuple[Path, str]) -> None:
    import zipfile

    archive = zipfile.ZipFile(typed[0] / "autograder.zip")
    names = {re.sub(r"-\d.*", "", name) for name in archive.namelist()}
    assert names == {"setup.sh", "run_autograder", "lesson", "cowlab"}
    assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111, "it can be executed"
    assert json.loads((typed[0] / "results.json").read_text())["score"] > 0


def test_the_guide_names_only_what_there_is() -> None:
    parser = build_parser()
    grade = next(action for action in parser._actions if action.dest == "command").choices["grade"]  # type: ignore[union-attr, index, call-overload]
    options = {option for action in grade._actions for option in action.option_strings}
    lines = [line for line in GUIDE.splitlines() if "nbgrader " not in line and "pip " not in line]
    others = {"--policy", "--force"}  # of cowlab run, and of nbgrader
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(lines))) <= options | others
    for place in re.findall(r"`((?:tools|tests|docs|solutions|exercises)/[\w./-]*)`", GUIDE):
        if "NN" not in place:
            assert (ROOT / place).exists(), place
    for link in re.findall(r"\]\(#([\w-]+)\)", GUIDE):
        heads = {
            re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.+)$", GUIDE, re.M)
        }
        assert link in heads, link
