"""The claims of the mail: every script does under every row what claims.toml says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cowlab import POLICIES, play, scenarios
from cowlab.claims import CLAIMS, TRIALS, Claim, Trial, holds, results
from cowlab.fault import OUTCOMES

ROOT = Path(__file__).resolve().parent.parent

each_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"claim-{claim.number}")
each_trial = pytest.mark.parametrize("trial", TRIALS.values(), ids=lambda trial: trial.name)


def test_there_are_nine_in_the_order_of_the_mail() -> None:
    assert [claim.number for claim in CLAIMS] == list(range(1, 10))


@each_claim
def test_a_claim_is_complete(claim: Claim) -> None:
    assert claim.who and claim.says.endswith((".", "?"))
    assert claim.trials
    names = [trial.name for trial in claim.trials]
    assert names == [f"{claim.number}{letter}" for letter in "abcdefgh"[: len(names)]]


@each_claim
def test_its_mail_is_in_the_bibliography(claim: Claim) -> None:
    bibliography = (ROOT / "docs/kernel.md").read_text("utf-8").partition("### Mails")[2]
    assert f"| {claim.mail} |" in bibliography


@each_trial
def test_it_comes_out_as_it_says(trial: Trial) -> None:
    came_out = {name: holds(trial, name) for name in (*trial.holds, *trial.fails)}
    assert came_out == {**dict.fromkeys(trial.holds, True), **dict.fromkeys(trial.fails, False)}


@each_trial
def test_every_row_is_named_at_most_once_and_in_order(trial: Trial) -> None:
    order = list(POLICIES)
    for names in (trial.holds, trial.fails):
        assert list(names) == sorted(names, key=order.index)
    assert not set(trial.holds) & set(trial.fails)


@each_trial
def test_a_row_that_is_left_out_has_no_occasion(trial: Trial) -> None:
    """What is left out would count as failing: the store, or the call, goes through without the question."""
    for name in set(POLICIES) - set(trial.holds) - set(trial.fails):
        wrong = [was for _, said, was in results(trial, name) if was != said]
        assert wrong[0] == "hit", (trial.name, name)


@each_trial
def test_it_says_something_that_can_be_wrong(trial: Trial) -> None:
    assert trial.expected
    for event, said, _ in results(trial, "v5.7"):
        assert (len(said) == 1) if event.endswith("read") else (said in OUTCOMES), event
    if trial.fails:
        assert trial.holds, "a claim that holds nowhere is not one that anybody made"


def test_holds_notices_a_line_that_comes_out_differently() -> None:
    trial = TRIALS["6a"]
    assert not holds(trial._replace(script=trial.script.replace("-> hit", "-> copy")), "linus-2021")
    assert not holds(trial._replace(script=trial.script.replace("-> refused", "-> done")), "linus-2021")


def test_the_events_are_a_script_like_any_other() -> None:
    assert play(TRIALS["4a"].events, "v5.7").verdict == "leak"
    assert [moment.event for moment in play(TRIALS["4a"].events, "v5.9").steps] == list(scenarios()["leak"].events)


def test_a_policy_of_ones_own_can_be_tried() -> None:
    mine = POLICIES["v5.7"].with_(reuse=lambda page: page.page_count == 1)
    assert not holds(TRIALS["4a"], "v5.7")
    assert holds(TRIALS["4a"], mine)


@each_trial
def test_its_summary_names_what_it_says(trial: Trial) -> None:
    summary = trial.summary
    assert max(map(len, summary.splitlines())) <= 86
    flat = re.sub(r"\s+", " ", summary)
    assert flat.startswith(f"{trial.name} {trial.says}")
    named = min(trial.holds, trial.fails, key=len)
    assert all(name in flat for name in named)


def test_a_claims_summary_has_its_trials() -> None:
    for claim in CLAIMS:
        assert all(trial.summary in claim.summary for trial in claim.trials)
        assert max(map(len, claim.summary.splitlines())) <= 86
