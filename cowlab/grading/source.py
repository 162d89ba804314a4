"""Python in a submission, read and not run: what a cell defines, what it needs, and whether it can change anything but itself."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

IMPORTS, SCOPES, ASSIGNED = (ast.Import, ast.ImportFrom), (ast.FunctionDef, ast.ClassDef), (ast.Assign, ast.AnnAssign)
ALL = "*"

# What tame code may use; see tame().
CALLS = "abs all any ascii bin bool chr dict divmod enumerate filter float format frozenset hash hex int isinstance issubclass"
CALLS += (
    " iter len list map max min next oct ord pow print range repr reversed round set slice sorted str sum tuple zip"
)
FREE = {*CALLS.split(), *(name for name in dir(builtins) if name.endswith("Error"))}
WHOLE = {"math", "itertools"}  # they hold no other module that one could reach through them
NAMED = {
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"},
    "fractions": {"Fraction"},
    "functools": {"cache", "lru_cache", "partial", "reduce"},
    "typing": {"Any", "Callable", "Literal", "NamedTuple", "Optional", "Union"},
    "__future__": {"annotations"},
}
FACADE = {"events", "grading", "policy", "world"}  # modules of it, which hold others
INNER = re.compile(
    r"_(?!replace$|asdict$|fields$)|(gi|cr|ag|tb|f|co|func)_"
)  # attributes that lead into the interpreter
LATER = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
WILD = (*LATER, ast.Match)  # a pattern looks up attributes, and binds names, without a node for them


class Part(NamedTuple):
    """A definition or an import of a cell: the names that it binds, those that it needs, and whether it is tame."""

    node: ast.stmt
    binds: frozenset[str]
    needs: frozenset[str]
    tame: bool

    @property
    def source(self) -> str:
        """Its source; "" where it is nested too deeply to be written down. Most parts are needed by nobody."""
        try:
            return ast.unparse(self.node)
        except (RecursionError, ValueError):
            return ""


def parsed(source: str) -> tuple[str, list[ast.stmt]]:
    """The source without its %magics, !commands and questions?, and its statements; as it is, and none, if it is no Python."""
    lines = [
        "" if (bare := line.strip()).startswith(("%", "!", "?")) or bare.endswith("?") else line
        for line in source.splitlines()
    ]
    for text in (source, "\n".join(lines)):
        try:
            with warnings.catch_warnings(action="ignore"):
                return text, ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return source, []


def definitions(body: list[ast.stmt]) -> Iterator[Part]:
    """The imports, functions, classes and names of a cell, each by itself, so that one that fails takes no other along."""
    for node in body:
        if bound := frozenset(_bound(node)):
            yield Part(node, bound, names(node), tame(node))


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a definition binds; `table[key] = ...` counts as one of table's. Another's attributes are left alone."""
    if isinstance(node, IMPORTS):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, SCOPES):
        yield node.name
    elif isinstance(node, ASSIGNED):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            at = target.value if isinstance(target, ast.Subscript) else target
            several = at.elts if isinstance(at, ast.Tuple | ast.List) else [at]
            yield from (one.id for one in several if isinstance(one, ast.Name))


def names(node: ast.AST) -> frozenset[str]:
    """All names in it."""
    return frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def normal(source: str) -> str:
    """The source without what makes no difference: comments, spaces, the kind of its quotes.

    "" if it is no Python, or cannot be written down: then nothing can be said of what it has in common with others.
    """
    try:
        return ast.dump(ast.parse(source))  # unlike ast.unparse it never writes two programs in the same way
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def tame(node: ast.AST) -> bool:
    """Whether it can change nothing but its own names, so that another answer of the same student may follow in its process.

    It is not about marks: what passes here wrongly could only spoil answers of the one who wrote it.
    """
    return all(map(_tame, ast.walk(node)))


def _tame(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in FREE or not (node.id.startswith("_") or hasattr(builtins, node.id))
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Load) and not INNER.match(node.attr)
    if isinstance(node, ast.Import):
        return all(alias.name in WHOLE and not _hidden(alias.asname) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        wanted = {alias.name for alias in node.names}
        if any(_hidden(alias.asname) for alias in node.names):
            return False
        if node.module == "cowlab":
            return not node.level and not wanted & {*FACADE, ALL}
        return not node.level and (node.module in WHOLE or wanted <= NAMED.get(node.module or "", set()))
    if isinstance(node, SCOPES):
        return not _hidden(node.name) and not getattr(node, "keywords", ())
    if isinstance(node, ast.ExceptHandler):
        return not _hidden(node.name)
    if isinstance(node, ast.Global | ast.Nonlocal):
        return not any(map(_hidden, node.names))
    return not isinstance(node, WILD)


def _hidden(name: str | None) -> bool:
    """Whether that is a name of Python's own, as __del__, or may be one."""
    return name is not None and name.startswith("_")
