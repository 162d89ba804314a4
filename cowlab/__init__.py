"""cowlab: what Linux does with a copy-on-write page. The public names, once.

>>> from cowlab import play, scenarios
>>> play(scenarios()["leak"], "v5.7").verdict
'leak'
"""

from cowlab.events import Event, Script, ScriptError, enabled, format, impossible, parse
from cowlab.ideal import IDEAL, Ideal
from cowlab.kernel import step, transition
from cowlab.laws import LAWS, VERDICTS, Finding
from cowlab.policy import POLICIES, BadAnswer, PageInfo, Policy, cites, sources
from cowlab.scenario import Moment, Reading, Scenario, Trace, play, policy_named, read_scenario, scenarios
from cowlab.world import Frame, Process, Pte, Reference, Store, Vma, World, mapcount, page_count, parts

__version__ = "0.1.0"
__all__ = [
    "IDEAL",
    "LAWS",
    "POLICIES",
    "VERDICTS",
    "BadAnswer",
    "Event",
    "Finding",
    "Frame",
    "Ideal",
    "Moment",
    "PageInfo",
    "Policy",
    "Process",
    "Pte",
    "Reading",
    "Reference",
    "Scenario",
    "Script",
    "ScriptError",
    "Store",
    "Trace",
    "Vma",
    "World",
    "cites",
    "enabled",
    "format",
    "impossible",
    "mapcount",
    "page_count",
    "parse",
    "parts",
    "play",
    "policy_named",
    "read_scenario",
    "scenarios",
    "sources",
    "step",
    "transition",
]
