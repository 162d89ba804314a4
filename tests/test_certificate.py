"""Certificates: anybody derives the same verdict from the answers, and whatever was changed is found."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from arena import POINTS, QUICK, cells, graded, notebook, our_lesson

from cowlab.grading.certificate import CertificateError, certificate, rules, verify
from cowlab.grading.session import Session, Told

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are confined on Linux only")


@pytest.fixture(scope="module")
def certificates() -> Iterator[dict[str, dict[str, Any]]]:
    """Of an honest submission, and of one that raises; as they are written and read."""
    session = Session(limits=QUICK)
    found = graded(session, notebook(*cells()))
    found["broken"] = graded(session, notebook(*cells(guess="1 / 0")))["guess"]
    found["greedy"] = graded(session, notebook(*cells(reuse="def reuse(page): return True")))["reuse"]
    session.close()
    yield {name: json.loads(json.dumps(certificate("00" * 32, one))) for name, one in found.items()}


@pytest.fixture(autouse=True)
def lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    our_lesson(monkeypatch)


def test_every_verdict_is_derived_again(certificates: dict[str, Any]) -> None:
    assert {name: verify(one).points for name, one in certificates.items()} == {**POINTS, "broken": 0, "greedy": 0}
    assert certificates["reuse"]["states"] > 0 and certificates["greedy"]["parts"][0][4].startswith("P: ")


def changed(found: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    made = copy.deepcopy(found)
    *above, last = path
    place = made
    for key in above:
        place = place[key]
    place[last] = to
    return made


def resealed(found: dict[str, Any]) -> dict[str, Any]:
    """With a fingerprint that fits the answers, as a forger would."""
    from cowlab.grading.session import digest

    told = [Told(question, answer)._asdict() for question, answer in found["told"]]
    return {**found, "fingerprint": digest(told)[:12]}


@pytest.mark.parametrize(
    ("path", "to", "says"),
    [
        (("points",), 7, "points: it says 7"),
        (("parts", 0, 1), 99, "parts: it says"),
        (("states",), 1, "states: it says 1"),
        (("says",), "well done", "says: it says"),
        (("told", 0, 1), {"is": "copy"}, "the fingerprint is not that of the answers"),
        (("model",), "0" * 12, "made by version 000000000000"),
        (("task",), "nothing", "not a certificate"),
        (("lesson",), "nothing", "not a certificate"),
        (("seed",), "x", "not a certificate"),
        (("seed",), float("inf"), "not a certificate"),
        (("told",), 5, "not a certificate"),
        (("told", 0), [1, 2, 3], "not a certificate"),
        (("told", 0, 1), {"is": float("nan")}, "not a certificate"),
        (("fingerprint",), None, "the fingerprint"),
    ],
)
def test_what_was_changed_is_found(certificates: dict[str, Any], path: tuple[Any, ...], to: Any, says: str) -> None:
    with pytest.raises(CertificateError, match=says):
        verify(changed(certificates["reuse"], *path, to=to))


def test_a_forger_who_reseals_it_is_found_too(certificates: dict[str, Any]) -> None:
    found = certificates["greedy"]
    for told in (
        [],
        found["told"][:1],
        found["told"] * 2,
        found["told"][::-1],
        [*found["told"], [["reuse", 1], {"is": 1}]],
    ):
        with pytest.raises(CertificateError, match=r"does not answer|nobody asked"):
            verify(resealed({**found, "told": told}))
    better = resealed({**found, "told": certificates["reuse"]["told"]})
    with pytest.raises(CertificateError, match="points: it says 0"):
        verify(better)
    for nothing in ({}, [], None, 5, "x", {"lesson": "01_tamper"}):
        with pytest.raises(CertificateError, match="not a certificate"):
            verify(nothing)  # type: ignore[arg-type]


def test_rules_change_with_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    import arena

    before = rules(arena.LESSON)
    monkeypatch.setattr(arena, "TASKS", arena.TASKS.replace("points = 6", "points = 7"))
    rules.cache_clear()
    assert rules(arena.LESSON) != before
    rules.cache_clear()
