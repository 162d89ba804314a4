"""cowlab: what Linux does with a copy-on-write page. The public names, once.

    from cowlab import play, scenarios
    trace = play(scenarios()["leak"], "v5.7")
    trace.verdict                                   # 'leak'
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
    *("Event", "Script", "ScriptError", "enabled", "format", "impossible", "parse"),
    *("IDEAL", "Ideal", "step", "transition", "LAWS", "VERDICTS", "Finding"),
    *("POLICIES", "BadAnswer", "PageInfo", "Policy", "cites", "sources"),
    *("Moment", "Reading", "Scenario", "Trace", "play", "policy_named", "read_scenario", "scenarios"),
    *("Frame", "Process", "Pte", "Reference", "Store", "Vma", "World", "mapcount", "page_count", "parts"),
]
