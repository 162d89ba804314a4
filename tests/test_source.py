"""Python, read and not run: what is tame, and what is the same code."""

from __future__ import annotations

import ast

import pytest

from cowlab.grading.source import normal, tame

TAME = [
    "def f(page):\n    if page.mapcount > 1 and not page.exclusive: return 'copy'\n    return 'reuse'",
    "from cowlab import World, Pte, POLICIES, page_count\ndef f(w, e): return w._replace(fresh=False).with_pte('P', 0, Pte(vma=None))",
    "import math, itertools\nfrom collections import Counter\nfrom functools import lru_cache\n@lru_cache\ndef f(n): return math.prod(Counter(n))",
    "TABLE = {}\nTABLE['a'] = 1\nfor n in range(3): TABLE[n] = [k for k in sorted(TABLE) if k]\nprint(f'{TABLE}')",
    "class Pair:\n    def sum(self): return 1\nx = lambda a, *b, **c: a\nassert x(1)\nraise ValueError('x')",
    "def f():\n    global n\n    n += 1\n    try: return n\n    except ZeroDivisionError: raise NotImplementedError\n    finally: print(n)",
]
WILD = [
    "import os",
    "import math.foo",
    "from cowlab import *",
    "from cowlab import world",
    "import cowlab",
    "from cowlab.world import World",
    "from . import math",
    "from collections import abc",
    "from functools import update_wrapper",
    "from typing import get_type_hints",
    "import re",
    "exec('x')",
    "getattr(f, 'x')",
    "setattr(f, 'x', 1)",
    "open('x')",
    "__builtins__",
    "f.__globals__",
    "g.gi_frame",
    "e.tb_frame.f_back",
    "math.pi = 3",
    "del math.pi",
    "math.pi += 1",
    "for math.pi in (1, 2): pass",
    "def f():\n    try: yield\n    finally: 1 / 0",
    "async def f(): pass",
    "class A:\n    def __del__(self): pass",
    "class A(metaclass=B): pass",
    "type('A', (), {})",
    "object",
    "globals()",
    "vars()",
    "input()",
    "breakpoint()",
    "super()",
    "memoryview(b'')",
    "match x:\n    case object(): pass",
    "with open('x') as f: pass",
    "[x.y for x.y in z]",
    "try: pass\nexcept BaseException as e: pass",
]


@pytest.mark.parametrize("source", TAME)
def test_what_students_write_is_tame(source: str) -> None:
    assert all(map(tame, ast.parse(source).body))


@pytest.mark.parametrize("source", WILD)
def test_what_could_reach_further_is_not(source: str) -> None:
    assert not all(map(tame, ast.parse(source).body))


def test_the_same_code_is_the_same_however_it_is_written() -> None:
    assert normal("def f(a):\n  return 'x'  # mine\n") == normal('# yours\n\ndef f( a ):\n    return "x"')
    assert normal("x = 1") != normal("x = 2") and normal("x = 1") != normal("y = 1")
    assert normal("def f(): 'doc'") != normal("def f(): 'other'")
    assert normal("no Python at all") == normal("\0") == ""
