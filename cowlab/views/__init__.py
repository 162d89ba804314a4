"""Views: pure functions from a value to text, SVG or HTML. Nothing in the core imports them.

What is said of a moment: words/ has the sentences, text.py the columns, picture.py the drawing (of scene, layout, lanes,
wires, cards, marks, legend). What is opened: stepper.py (side, panel, compare), predict.py (questions), sandbox.py (menu),
matrix.py (grid, witness), editor/ and graph/. What these share: shown.py for a view without a kernel, widget.py for one
that asks Python, mount.py for how both come into a page, packed.py, lawmarks.py, citing.py. A view is drawn by its
NAME.js and NAME.css; what all share is in cowlab.js and cowlab.css.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cowlab.policy import Policy
from cowlab.scenario import Scenario, named_or_text, play, scenarios
from cowlab.views.layout import Layout
from cowlab.views.picture import picture
from cowlab.views.stepper import Stepper
from cowlab.views.text import text_frame
from cowlab.views.words import changes, note, sentence

__all__ = ["Layout", "Predict", "Stepper", "changes", "note", "picture", "sentence", "step_through", "text_frame"]

# What needs more than the standard library, or is seldom wanted, is loaded when it is first asked for.
LATER: dict[str, str] = {
    "Predict": "predict",  # the learner says first what will happen
    "Sandbox": "sandbox",  # one event at a time, from a menu of those that can happen
    "MatrixView": "matrix",  # policies x laws; what breaks opens in a Stepper
    "PolicyEditor": "editor.policy_editor",  # another decision in one cell of a row, and what that changes
    "state_graph": "graph.stategraph",  # the states of a small exploration, and the events between them
    "fork_tree": "graph.forktree",  # who forked whom in a scenario, who exited, and the references
    "policy_tree": "graph.family",  # the policies, each with what it changed and the sources
    "fork_costs": "graph.costs",  # what fork costs under each policy, as rows
    "cost_chart": "graph.costs",  # and as a chart
}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(f"cowlab.views.{LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LATER])


def step_through(
    scenario: Scenario | str,
    *policies: Policy | str,
    title: str = "",
    lede: str = "",
    start: int | str = 0,
    covered: bool = False,
) -> Stepper:
    """Play a scenario under these policies and step through it, side by side.

    scenario: one of the atlas by its name, or a place in it (`leak@5`), a Scenario, or the text of a script. Without
    policies: v5.7 and v5.9.
    covered: what a line does is covered until one has stepped there.
    """
    scenario, start = placed(scenario, start)
    traces = [play(scenario, policy) for policy in policies or ("v5.7", "v5.9")]
    return Stepper(*traces, title=title, lede=lede, start=start, covered=covered)


def placed(scenario: Scenario | str, start: int | str = 0) -> tuple[Scenario, int | str]:
    """The scenario that is named, and where to start in it: `leak@5` names both."""
    if isinstance(scenario, Scenario):
        return scenario, start
    name, at, line = scenario.partition("@")
    if at and name in scenarios() and not start:
        return scenarios()[name], line
    return named_or_text(scenario), start
