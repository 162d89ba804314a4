"""One fingerprint of the whole simulator: every scenario of the atlas under every policy, and a small exploration.

Standard library only: test_pythons.py and test_pyodide.py run it on other Pythons and compare.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cowlab import IDEAL, POLICIES, Trace, play, scenarios
from cowlab.check import check
from cowlab.laws import LAWS
from cowlab.model import Bounds


def summary(trace: Trace) -> list[object]:
    """What a user can see of a trace, as JSON has it."""
    steps = [(step.line, step.outcome, step.copies) for step in trace.steps]
    found = [(line, finding.law, finding.kind, finding.who) for line, finding in trace.violations]
    return [trace.verdict, trace.needless_copies, steps, trace.readings, found]


def main() -> None:
    policies = [*POLICIES.values(), IDEAL]
    results = {
        name: {policy.name: summary(play(scenario, policy)) for policy in policies}
        for name, scenario in scenarios().items()
    }
    bounds = Bounds(events=("write", "fork", "munmap", "vmsplice", "register", "g: write", "put"))
    for name, policy in POLICIES.items():
        report = check(policy, bounds)
        results[f"explored {name}"] = {law: [report.holds(law), report.script(law)] for law in LAWS}
    digest = hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()
    print(f"{len(scenarios())} scenarios, {len(policies)} policies: sha256 {digest}")


if __name__ == "__main__":
    main()
