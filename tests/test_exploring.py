"""Two rows explored side by side, and a job that can be stopped."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cowlab import LAWS, POLICIES, PageInfo, play
from cowlab.matrix import MAX_STATES
from cowlab.model import Bounds
from cowlab.policy import ANSWERS, reuse_swap_page
from cowlab.views.editor import exploring
from cowlab.views.editor.exploring import (
    SOME_STATES,
    Explored,
    Job,
    bounds_words,
    explore_both,
    explored_words,
    long_bounds,
    quick_bounds,
)

TINY = Bounds(events=("write", "fork", "munmap", "vmsplice"))
V59, OLD = POLICIES["v5.9"], POLICIES["v5.9"].with_(reuse=reuse_swap_page)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(exploring, "_known", {})


def test_side_by_side() -> None:
    found = explore_both(V59, OLD, TINY, SOME_STATES)
    assert found.after is not None
    assert (found.before["policy"], found.after["policy"]) == ("v5.9", "v5.9(reuse=reuse_swap_page)")
    assert found.before["laws"]["isolation"]["holds"] and not found.after["laws"]["isolation"]["holds"]
    assert play("\n".join(found.after["laws"]["isolation"]["witness"]), OLD).verdict == "leak"
    assert explored_words(found) == "Within small bounds: worse: isolation; better: economy; 4 laws as before."


def test_what_is_answered_otherwise() -> None:
    found = explore_both(V59, OLD, TINY, SOME_STATES)
    assert set(found.asked) == {"reuse"} and 0 < len(found.otherwise) < found.asked["reuse"]
    for one in found.otherwise:
        assert V59.ask("reuse", one.page) == one.before != one.after == OLD.ask("reuse", one.page)


def test_the_row_alone() -> None:
    found = explore_both(V59, None, TINY, SOME_STATES)
    assert (found.after, found.asked, found.otherwise) == (None, {}, ())


def laws(**changed: Any) -> dict[str, Any]:
    return {"laws": {law: changed.get(law, {"holds": True, "length": None}) for law in LAWS}}


def test_words_for_what_becomes_of_a_law() -> None:
    def broken(length: int) -> dict[str, Any]:
        return {"holds": False, "length": length}

    before = laws(isolation=broken(5), coherence=broken(2), economy={"holds": None, "length": None})
    after = laws(isolation=broken(4), coherence=broken(3), accounting=broken(1))
    said = explored_words(Explored(TINY, before, after))
    assert said == (
        "Within small bounds: worse: accounting; broken sooner: isolation; broken later: coherence; "
        "not known: economy; 2 laws as before."
    )


@pytest.mark.parametrize("cell", ANSWERS)
def test_the_small_bounds_ask_every_cell(cell: str) -> None:
    """Else the answer would speak of everything but the cell that was replaced."""
    row = POLICIES["v6.5"]

    def same(page: PageInfo) -> object:
        return getattr(row, cell)(page)

    found = explore_both(row, row.with_(**{cell: same}), quick_bounds([cell]), SOME_STATES)
    assert found.asked[cell] > 0 and found.otherwise == ()


def test_the_bounds_in_words() -> None:
    assert bounds_words(TINY._replace(pages=2, references=0)) == (
        "2 processes, 2 pages (anon), 0 references, 1 hold; events: write, fork, munmap, vmsplice"
    )
    assert quick_bounds([]) == quick_bounds(["reuse"])
    assert quick_bounds(["huge", "drain"]).kind == "thp" and "hold lru" in quick_bounds(["huge", "drain"]).events
    assert long_bounds(["reuse", "users"]) == Bounds() and long_bounds(["huge"]).kind == "thp"


def test_a_row_is_explored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    real = exploring.check
    monkeypatch.setattr(
        exploring, "check", lambda row, *rest, **more: names.append(row.name) or real(row, *rest, **more)
    )
    for _ in range(2):
        explore_both(V59, OLD, TINY, MAX_STATES)
    assert names == [OLD.name, "v5.9", OLD.name]
    exploring._known.clear()  # another kernel, later
    explore_both(V59, OLD, TINY, MAX_STATES)
    assert names[3:] == [OLD.name]


class Ended:
    """Somebody who waits for a job."""

    def __init__(self) -> None:
        self.found: Explored | Exception | None = None
        self.told: list[str] = []
        self.job = Job(lambda job: self.told.append(job.far), self.done)

    def done(self, job: Job, found: Explored | Exception) -> None:
        assert job is self.job
        self.found = found


def test_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "EVERY", 0)
    ended = Ended()
    ended.job.start(V59, OLD, TINY, MAX_STATES)
    ended.job.wait()
    assert isinstance(ended.found, Explored)
    assert ended.told[0].startswith(f"{OLD.name}: ") and ended.told[-1].startswith("v5.9: ")


def test_a_job_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go = threading.Event(), threading.Event()

    def waits(page: PageInfo) -> str:
        asked.set()
        assert go.wait(60)
        return "copy"

    ended = Ended()
    ended.job.start(V59, V59.with_(reuse=waits), Bounds(), MAX_STATES)
    assert asked.wait(60)
    ended.job.stop()
    go.set()
    ended.job.wait()
    assert isinstance(ended.found, Explored) and ended.found.after is not None
    for document in (ended.found.before, ended.found.after):
        assert (document["complete"], document["stopped"]) == (False, "your Stop")
    assert ended.found.before["laws"]["isolation"]["holds"] is None
    assert not exploring._known  # half a result is no result


def test_a_job_that_fails_says_so() -> None:
    ended = Ended()
    ended.job.start(V59, V59.with_(reuse=lambda page: None), TINY, MAX_STATES)
    ended.job.wait()
    assert "answered None" in str(ended.found)


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", cannot)
    ended = Ended()
    ended.job.start(V59, OLD, TINY, MAX_STATES)
    ended.job.wait()
    assert isinstance(ended.found, Explored)
