"""Hostile notebooks: cells that are gone, doubled, edited or marked as something else, and files that are no notebook."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from arena import HONEST, KNOWN, POINTS, SETUP, cell, cells, earned, graded, notebook, nothing_left

from cowlab.grading.session import Session
from cowlab.grading.submission import MAX_BYTES, SubmissionError, answer, read

ALL = list(POINTS.values())
FALSE = "def promise(step): return False\n"


def marks(session: Session, *cells: dict[str, Any]) -> list[float | None]:
    """The points of each task, in order."""
    with nothing_left() as left:
        found = graded(session, notebook(*cells))
    assert not left
    return [earned(found[name]) for name in POINTS]


def without(name: str) -> list[float]:
    return [0 if name == other else points for other, points in POINTS.items()]


def test_honest_cells_earn_all(arena: Session) -> None:
    assert marks(arena, *cells()) == ALL


def test_a_cell_that_is_gone_is_missing_and_no_other(arena: Session) -> None:
    for name in POINTS:
        kept = [one for one in cells() if one["metadata"].get("nbgrader", {}).get("grade_id") != name]
        found = graded(arena, notebook(*kept))
        assert (found[name].status, found[name].says) == ("missing", f"no cell defines {name}")
        assert [earned(one) for one in found.values()] == without(name)


def test_checks_may_be_edited_doubled_or_deleted(arena: Session) -> None:
    check = cell("check = lambda *a: 10**6\nprint(check(guess))\nassert True", "check-guess", points=10**6, grade=True)
    boom = cell("import sys\nsys.exit()\ndef guess(): return {}\ndef reuse(page): return 1 / 0", "check-reuse")
    assert marks(arena, check, check, *cells(), boom, check) == ALL


def test_of_doubled_cells_the_last_counts_and_it_is_said(arena: Session) -> None:
    wrong = cell(FALSE, "promise")
    assert marks(arena, wrong, *cells()) == ALL
    found = graded(arena, notebook(*cells(), wrong))["promise"]
    assert earned(found) == 0 and found.says.startswith("several cells answer this task: the last one counts")


def test_marks_that_were_exchanged_lost_or_are_no_marks(arena: Session) -> None:
    names = list(HONEST)
    shifted = [cell(HONEST[name], other) for name, other in zip(names, names[1:] + names[:1], strict=True)]
    assert marks(arena, cell(SETUP), *shifted) == ALL  # found by what they define
    for mark in (None, 7, ["guess"], {"a": 1}, "", "guess\n", "x" * 10**5, "task-1"):
        assert marks(arena, cell(SETUP), *(cell(source, mark) for source in HONEST.values())) == ALL
    for metadata in (None, [], 3, {"nbgrader": None}, {"nbgrader": []}, {"nbgrader": {"points": 1e99, "locked": True}}):
        assert marks(arena, cell(SETUP), *({**cell(source), "metadata": metadata} for source in HONEST.values())) == ALL


def test_a_cell_of_another_kind_answers_nothing(arena: Session) -> None:
    for kind in ("markdown", "raw", "Code", "", None, 7):
        others = [one for one in cells() if one["source"] != HONEST["trap"]]
        assert marks(arena, *others, cell(HONEST["trap"], "trap", kind=kind)) == without("trap")  # type: ignore[arg-type]


def test_all_in_one_cell_is_found_too(arena: Session) -> None:
    assert marks(arena, cell(SETUP + "".join(HONEST.values()))) == ALL
    assert marks(arena, cell(SETUP + "".join(HONEST.values()), "guess")) == ALL


def test_what_the_notebook_does_elsewhere_costs_no_task(arena: Session) -> None:
    """Only what an answer needs goes with it."""
    loops = [
        "while True: pass",
        "x = sum(iter(int, 1))",
        "class Loop:\n    while True: pass",
        "import sys\nsys.exit()",
        "import json\njson.dumps = json.loads = None\nimport builtins\nbuiltins.len = None",
        "import os\nos._exit(0)",
        "raise SystemExit",
        "def helper(): return helper()\nhelper()",
        "x = bytearray(10**11)",
        "this is no Python (",
        "%%bash\nrm -rf ~\n",
    ]
    assert marks(arena, *map(cell, loops), *cells(), *map(cell, loops)) == ALL


def test_helpers_of_other_cells_work(arena: Session) -> None:
    helpers = cell("LIMIT = 1\nTABLE = {}\nTABLE['a'] = LIMIT\ndef alone(page): return count(page) == TABLE['a']")
    count = cell("def count(page): return page.page_count")
    assert marks(arena, helpers, *cells(reuse="def reuse(page): return alone(page)\n"), count) == ALL


def test_magics_and_what_comes_after_an_answer_cost_nothing(arena: Session) -> None:
    source = f"%matplotlib inline\n!ls\n{HONEST['reuse']}reuse?\n%timeit reuse(1)\ncheck(reuse)\n1 / 0\n"
    assert marks(arena, *cells(reuse=source)) == ALL


SOURCES = {  # what a parser may choke on; each as a cell of its own, and in the place of an answer
    "parentheses": "(" * 50_000 + ")" * 50_000,
    "brackets": "x = " + "[" * 90_000,
    "minus": "-" * 150_000 + "1",
    "attributes": "x" + ".a" * 90_000,
    "calls": "f" + "()" * 90_000,
    "not": "not " * 40_000 + "x",
    "lambda": "lambda: " * 20_000 + "1",
    "conditions": "1 if 1 else " * 15_000 + "1",
    "indents": "".join(" " * n + "if 1:\n" for n in range(110)) + " " * 110 + "pass",
    "decorators": "@a\n" * 60_000 + "def f(): pass",
    "digits": "x = " + "9" * 100_000,
    "names": "\n".join(f"a{n} = a{n + 1}" for n in range(9_000)),
    "powers": "x = " + "**".join(["9"] * 60_000),
    "f-strings": "x = f'{" * 50 + "1" + "}'" * 50,
    "null": "x = 1\0",
    "surrogate": "x = '\ud800'",
    "bidi": "x = '\u202e' # \u2066\n",
    "form feed": "\x0c\x0b\x1c\x85\u2028def guess(): return {}",
    "dots": "import " + ".".join(["a"] * 50_000),
    "longer than a cell": "x = 1\n" * 50_000,
    "coding": "# -*- coding: utf-7 -*-\n# +AAo-import os\n",
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources_that_are_hard_to_read(arena: Session, name: str) -> None:
    source = SOURCES[name]
    start = time.process_time()
    assert marks(arena, cell(source), *cells(), cell(source)) == ALL
    assert marks(arena, *cells(promise=source)) == without("promise")
    assert time.process_time() - start < 20  # of this process: the rest is bounded


def test_much_code_is_read_no_further_than_it_must() -> None:
    start = time.process_time()
    long = [cell("x = [" + "1, " * 60_000 + "]") for _ in range(100)]
    found = read("01_copy_on_write.ipynb", notebook(*long, *cells(), *long))
    assert all(answer(found, task).source for task in KNOWN.values())
    assert time.process_time() - start < 20
    many = read("01_copy_on_write.ipynb", notebook(*(cell("x = 1") for _ in range(10_000))))
    assert len(many.cells) == 2_000


FILES = {
    "empty": b"",
    "text": b"hello",
    "zip": b"PK\x03\x04" + bytes(1000),
    "null": b"null",
    "list": b"[]",
    "no cells": b'{"nbformat": 4}',
    "cells are a number": b'{"cells": 5}',
    "cells are text": b'{"cells": "abc"}',
    "cells are an object": b'{"cells": {"0": {}}}',
    "cells of nothing": b'{"cells": [null]}',
    "no source": b'{"cells": [{"cell_type": "code"}]}',
    "source of numbers": b'{"cells": [{"source": [1, 2]}]}',
    "source of objects": b'{"cells": [{"source": {"a": 1}}]}',
    "deep": b'{"cells": ' + b"[" * 10**5,
    "deep mark": b'{"cells": [{"source": "", "metadata": {"nbgrader": {"grade_id": '
    + b"[" * 900
    + b"]" * 900
    + b"}}}]}",
    "digits": b'{"cells": ' + b"9" * 10**5 + b"}",
    "UTF-16": "{}".encode("utf-16"),
    "half": notebook(*cells())[:-40],
    "not UTF-8": b'{"cells": [{"source": "\xff"}]}',
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_notebook_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(SubmissionError, match=r"not a notebook|no exercise of this course"):
        read("homework.ipynb", FILES[name])


def test_a_large_notebook_of_lists_is_read_or_refused_in_seconds() -> None:
    start = time.process_time()
    data = b'{"cells": [' + b"[]," * (MAX_BYTES // 3 - 10) + b"[]]}"
    with pytest.raises(SubmissionError):
        read("x.ipynb", data)
    assert time.process_time() - start < 20


def test_what_json_allows_and_nbformat_does_not(arena: Session) -> None:
    book = {
        "cells": cells(),
        "cells ": [],
        "metadata": {"kernelspec": {"argv": ["rm"]}},
        "nbformat": float("nan"),
        "x": 10**400,
    }
    found = graded(arena, json.dumps(book).replace('"nbformat"', '"cells_": [], "nbformat"').encode())
    assert [earned(one) for one in found.values()] == ALL
