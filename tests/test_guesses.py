"""Predictions written as text, as lesson 1 has them."""

from __future__ import annotations

import pytest

from cowlab import views
from cowlab.views.guesses import NOTHING_YET, compare, compare_answers, step_through

LEAK = """
P: write A
P: fork C      -> copy  | Share
C: vmsplice g  -> hit   | ?
C: munmap      ->
P: write S     -> reuse | copy
g: read        -> S     | S
"""


def test_an_open_prediction_is_met_with_an_invitation(capsys: pytest.CaptureFixture[str]) -> None:
    compare("P: write A -> ?\nP: fork C", "v5.7")
    compare_answers({"copies": None}, {"copies": 16})
    assert capsys.readouterr().out == f"{NOTHING_YET}\n" * 2


def test_predictions_are_compared_policy_by_policy(capsys: pytest.CaptureFixture[str]) -> None:
    compare(LEAK, "v5.7", "v5.9")
    out = capsys.readouterr().out
    assert "v5.7: 3 of 4 predictions held." in out
    assert "v5.9: 2 of 3 predictions held." in out
    assert "P: fork C      ->  share    you said copy; find out what decided it" in out
    assert out.count("still open") == 3
    assert "P: write A" not in out  # was not asked
    assert "done" not in out  # what was left open is not given away


def test_a_slip_of_the_pen_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    compare("P: write A -> fualt", "v5.7")
    assert "'fualt', which is not a word of the table" in capsys.readouterr().out
    compare("P: wrote A -> fault", "v5.7")
    assert "cannot be played" in capsys.readouterr().out


def test_a_small_letter_is_told_from_a_capital_one(capsys: pytest.CaptureFixture[str]) -> None:
    compare("P: write B\nP: read -> b", "v5.7")
    assert "B        almost: b and B are two letters, and so two stores" in capsys.readouterr().out


def test_numbers_may_be_written_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    compare_answers({"copies": "16", "faults": 4}, {"copies": 16, "faults": 20})
    assert "1 of 2 predictions held." in capsys.readouterr().out


def test_what_is_ahead_is_covered() -> None:
    shown = step_through("P: write A\nP: fork C\nP: write B", "v5.7", "v5.9", title="Three lines")
    assert shown.covered and '"covered":true' in shown._repr_html_()
    assert repr(shown).startswith("v5.7  start")
    assert '"covered":false' in views.step_through("P: write A", "v5.7")._repr_html_()
