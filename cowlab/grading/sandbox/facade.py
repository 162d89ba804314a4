"""What a child may import as `cowlab`: the World, a PageInfo, events. No policies, laws, kernel, explorer, atlas or tasks.

They are sent as text and live in the child's memory only: there is no file of ours that it could read.
"""

from __future__ import annotations

import inspect
from importlib.resources import files

from cowlab import policy

INIT = '''"""What an answer may use of cowlab."""
from cowlab.events import Event, Script, ScriptError, enabled, format, impossible, parse
from cowlab.policy import PageInfo
from cowlab.world import Frame, Process, Pte, Reference, Store, Vma, World, mapcount, page_count, parts
'''
CONSTANTS = ("REUSE", "COPY", "PUSH", "TAKE", "BREAK", "UNSHARE", "SHARE", "MARK", "PROTECT", "SKIP", "REFUSE")


def modules() -> list[tuple[str, str]]:
    """The modules of the facade in the order in which they are loaded: name and text."""
    words = "\n".join(f"{name} = {getattr(policy, name)!r}" for name in CONSTANTS)
    info = f"from __future__ import annotations\nfrom typing import NamedTuple\n\n{inspect.getsource(policy.PageInfo)}\n{words}\n"
    return [
        ("cowlab.world", text_of("world")),
        ("cowlab.events", text_of("events")),
        ("cowlab.policy", info),
        ("cowlab", INIT),
        ("cowlab.grading", ""),
        ("cowlab.grading.wire", text_of("grading/wire")),
        ("cowlab.grading.answering", text_of("grading/answering")),
        ("cell", text_of("grading/sandbox/cell")),
        ("zygote", text_of("grading/sandbox/zygote")),
    ]


def text_of(module: str) -> str:
    return files("cowlab").joinpath(*f"{module}.py".split("/")).read_text("utf-8")


# The first thing that a zygote runs: it makes modules of the texts it is sent, and forgets where they came from.
BOOT = """
import json, socket, sys, types
control = socket.socket(fileno=int(sys.argv[1]))
file = control.makefile("rb")
bundle = json.loads(file.readline())
file.close()
for name, text in bundle["modules"]:
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = "<" + name + ">"
    if name in ("cowlab", "cowlab.grading"):
        module.__path__ = []
    if "." in name and name.rpartition(".")[0] in sys.modules:
        setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    exec(compile(text, module.__file__, "exec"), module.__dict__)
for name in bundle["preload"]:
    try:
        __import__(name)
    except ImportError:
        pass
hidden = {name: sys.modules.pop(name) for name in ("cell", "zygote", "cowlab.grading.wire", "cowlab.grading.answering", "cowlab.grading")}
del sys.modules["cowlab"].grading
del sys.argv[1:]
hidden["zygote"].main(control, hidden["cell"], hidden["cowlab.grading.answering"], hidden["cowlab.grading.wire"], bundle["isolated"])
"""
# Loaded before the fork: a child cannot open what these need, and each child would pay for them.
PRELOAD = [
    "abc",
    "array",
    "bisect",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "inspect",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "pprint",
    "random",
    "re",
    "resource",
    "statistics",
    "string",
    "textwrap",
    "time",
    "traceback",
    "types",
    "typing",
    "unittest.mock",
]
