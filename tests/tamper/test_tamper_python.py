"""Attacks in Python alone: on the interpreter, on what is compared, on the library."""

from __future__ import annotations

import pytest
from arena import HONEST, SECRET, Attack, attack, cells, earned, graded, notebook, probe
from needs import ROOT

from cowlab.grading.session import Session

FORGED = "class Same:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
CRASH = r"its process ended \(exit code {}\) instead of answering"

ATTACKS = [
    Attack("sys.exit", "guess", "import sys\nsys.exit(0)", "judged", "the cell raised SystemExit"),
    Attack("sys.exit in it", "guess", "import sys\ndef guess(): sys.exit(0)", "judged", r"guess\(\) raised SystemExit"),
    Attack("os._exit", "guess", "import os\nos._exit(0)", "crash", CRASH.format(0)),
    Attack("os._exit in it", "reuse", "import os\ndef reuse(page): os._exit(7)", "crash", CRASH.format(7)),
    Attack("KeyboardInterrupt", "guess", "def guess(): raise KeyboardInterrupt", "crash", CRASH.format(1)),
    Attack("endless", "guess", "def guess():\n    while True: pass", "timeout", "no answer within 3 seconds"),
    Attack("endless above", "trap", "while True: pass", "timeout", "no answer within 3 seconds"),
    Attack("asleep", "reuse", "import time\ndef reuse(page): time.sleep(1e6)", "timeout", "within 3 seconds"),
    Attack("recursion", "guess", "def guess(): return guess()", "judged", "RecursionError"),
    Attack(
        "AST transformer",
        "guess",
        "import ast\nclass No(ast.NodeTransformer):\n    def visit_Assert(self, node): return None\n"
        "get_ipython().ast_transformers.append(No())\ndef guess(): return {}",
        "judged",
        "NameError: name 'get_ipython'",
    ),
    Attack("always equal", "guess", f"{FORGED}def guess(): return Same()", "judged", "found Same"),
    Attack("equal inside", "guess", f"{FORGED}def guess(): return dict(first=Same())", "judged", "found Same"),
    Attack("equal World", "unmap", f"{FORGED}def unmap(world, event): return Same()", "judged", "found Same"),
    Attack("equal bool", "promise", "def promise(step): return 1", "judged", "True or False; it returned 1"),
    Attack(
        "a class as answer",
        "reuse",
        f"{FORGED}class reuse(str):\n    def __eq__(self, o): return True",
        "judged",
        "expected",
    ),
    Attack("generator", "guess", "def guess(): yield {'first': 'fault'}", "judged", "found generator"),
    Attack("coroutine", "guess", "async def f(): pass\ndef guess(): return f()", "judged", "found coroutine"),
    Attack("huge int", "guess", "def guess(): return {'faults': 10**5000}", "judged", "a number is out of range"),
    Attack("NaN", "guess", "def guess(): return {'faults': float('nan')}", "judged", "a number is out of range"),
    Attack("surrogates", "guess", "def guess(): return {'first': chr(0xd800)}", "judged", "surrogates"),
    Attack(
        "nested",
        "guess",
        "def guess():\n    v = []\n    for _ in range(10**5): v = [v]\n    return v",
        "judged",
        "nested more",
    ),
    Attack("ring", "guess", "def guess():\n    v = {}\n    v['first'] = v\n    return v", "judged", "nested more"),
    Attack(
        "long text", "trap", "def trap(): return 'P: read\\n' * 10**7", "judged", "70,000,000|80,000,000 characters"
    ),
    Attack(
        "long script",
        "trap",
        "def trap(): return 'P: read\\n' * 2000",
        "judged",
        "a script of 2000 lines|between 1 and 100",
    ),
    Attack(
        "sly int",
        "guess",
        "class I(int):\n    def __le__(self, o): return True\n    def __ge__(self, o): return True\n    def __eq__(self, o): return True\n"
        "def guess(): return {'faults': I(10**5000)}",
        "judged",
        "out of range|cannot be read",
    ),
    Attack(
        "sly dict",
        "guess",
        "class D(dict):\n    def items(self):\n        while True: yield 'first', 'fault'\ndef guess(): return D()",
        "timeout|memory",
        "within 3 seconds|memory",
    ),
    Attack(
        "PageInfo of its own",
        "reuse",
        "from cowlab import PageInfo\nclass P(PageInfo):\n    def __eq__(self, o): return True\ndef reuse(page): return P()",
        "judged",
        "expected one of",
    ),
    Attack(
        "World of its own",
        "unmap",
        "from cowlab import World\nclass W(World):\n    def __eq__(self, o): return True\ndef unmap(world, event): return W()",
        "judged",
        "is to return a World",
    ),
    Attack("__getattr__", "reuse", "def reuse(page): return page._replace(page_count=1)", "judged", "expected one of"),
    Attack(
        "no builtins",
        "guess",
        "__builtins__.clear() if isinstance(__builtins__, dict) else __builtins__.__dict__.clear()\ndef guess(): return {}",
        "judged|crash|bad answer",
        "",
    ),
    Attack(
        "trace",
        "guess",
        "import sys\nsys.settrace(lambda *a: sys.exit(0))\ndef guess(): return {}",
        "crash|judged|bad answer",
        "",
    ),
]
# How an answer can depend on what it must not depend on.
SCRIPT = "P: write A\\nP: fork C\\nC: vmsplice g\\nC: munmap\\nP: write S\\n"
CHANGING = {
    "random": f"import random\ndef trap(): return '{SCRIPT}# ' + str(random.random())",
    "time": f"import time\ndef trap(): return '{SCRIPT}# ' + str(time.time_ns())",
    "id": f"def trap(): return '{SCRIPT}# ' + str([id(object()) for _ in range(20)])",
    "hash seed": f"def trap(): return '{SCRIPT}# ' + str(hash('trap'))",
    "set order": f"def trap(): return '{SCRIPT}# ' + str(set('abcdefghijklmnop'))",
    "call count": "n = 0\ndef promise(step):\n    global n\n    n += 1\n    return n % 3 == 0",
    "last question": "last = [None]\ndef promise(step):\n    old, last[0] = last[0], step\n    return old is None or str(old) < str(step)",
    "exceptions": "n = []\ndef promise(step):\n    n.append(1)\n    if len(n) == 9: raise ValueError\n    return False",
    "who asks": "import sys\ndef promise(step):\n    f = sys._getframe()\n    while 'message' not in f.f_locals: f = f.f_back\n"
    "    return len(f.f_locals['message']['questions']) > 1",
}


@pytest.mark.parametrize("hostile", ATTACKS, ids=lambda one: one.name)
def test_what_it_earns_and_why(arena: Session, hostile: Attack) -> None:
    assert not attack(arena, hostile)


@pytest.mark.parametrize("name", CHANGING)
def test_an_answer_that_depends_on_more_than_the_question_earns_nothing(arena: Session, name: str) -> None:
    task = "promise" if "promise" in CHANGING[name] else "trap"
    says = f"{task} answers differently when it is asked again"
    assert not attack(arena, Attack(name, task, CHANGING[name], "not deterministic", says))


def test_text_of_a_class_of_its_own_counts_as_text(arena: Session) -> None:
    source = "class S(str):\n    def __eq__(self, o): return True\n    def __repr__(self): return '</script>'\n"
    assert not attack(
        arena,
        Attack("S", "trap", f"{source}{HONEST['trap']}trap_ = trap\ndef trap(): return S(trap_())", "judged", "^$", 4),
    )


LIBRARY = {
    "the decision of a row": "from cowlab import POLICIES\nreuse = POLICIES['v5.9'].reuse",
    "when it is asked": "def reuse(page):\n    from cowlab import POLICIES\n    return POLICIES['v5.9'].reuse(page)",
    "the kernel": "import cowlab.kernel\ndef reuse(page): return cowlab.kernel.POLICIES['v5.9'].reuse(page)",
    "importlib": "import importlib\ndef reuse(page): return importlib.import_module('cowlab.policy').POLICIES['v5.9'].reuse(page)",
    "a path": f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfor m in [m for m in sys.modules if 'cowlab' in m]: del sys.modules[m]\n"
    "from cowlab.policy import POLICIES\ndef reuse(page): return POLICIES['v5.9'].reuse(page)",
    "a loader": "from importlib.machinery import SourceFileLoader\n"
    f"m = SourceFileLoader('m', {str(ROOT / 'cowlab/policy.py')!r}).load_module()\nreuse = m.POLICIES['v5.9'].reuse",
    "a zip": f"import zipimport\nm = zipimport.zipimporter({str(ROOT / 'cowlab.zip')!r})\nreuse = m.load_module('cowlab').POLICIES['v5.9'].reuse",
    "its source": f"exec(open({str(ROOT / 'cowlab/policy.py')!r}).read())\nreuse = POLICIES['v5.9'].reuse",
    "the judge": "from cowlab.grading import exercises\ncheck = exercises('01_copy_on_write')\ndef reuse(page): return check",
}


@pytest.mark.parametrize("name", LIBRARY)
def test_the_answer_cannot_be_left_to_the_library(arena: Session, name: str) -> None:
    says = "ImportError|ModuleNotFoundError|FileNotFoundError|PermissionError|ZipImportError|NameError|AttributeError"
    assert not attack(arena, Attack(name, "reuse", LIBRARY[name], "judged", says))


def test_an_import_that_is_not_there_costs_nothing_until_it_is_used(arena: Session) -> None:
    source = (
        f"from cowlab import POLICIES, play, World\nfrom cowlab.views import Stepper\n{HONEST['reuse']}check(reuse)\n"
    )
    assert not attack(arena, Attack("imports", "reuse", source, "judged", "^$", 6))


def test_patching_all_that_can_be_reached_earns_nothing_and_costs_others_nothing(arena: Session) -> None:
    patches = [
        "import builtins\nfor name in ('isinstance', 'len', 'str', 'repr', 'type', 'map', 'dict', 'compile'):\n    setattr(builtins, name, lambda *a, **k: True)",
        'import json\njson.dumps = json.loads = lambda *a, **k: \'{"is": true, "points": 6}\'',
        "import cowlab, cowlab.world\ncowlab.world.World.__eq__ = cowlab.World.__new__ = lambda *a, **k: True",
        "import cowlab.policy\ncowlab.policy.PageInfo.page_count = property(lambda self: 1)",
        "import gc, types\nfor m in gc.get_objects():\n    if type(m) is types.ModuleType and m.__name__ == 'cowlab.grading.answering':\n        m.answer = lambda *a: {'is': True}",
        "import os\nos.read = os.write = lambda *a: b'{}\\n'",
        "import sys\nfor name in list(sys.modules): sys.modules[name] = None",
    ]
    for patch in patches:
        found = graded(arena, notebook(*cells(promise=f"{patch}\ndef promise(step): return True\n")))
        assert earned(found["promise"]) == 0, patch
        assert found["promise"].status in ("judged", "bad answer", "crash", "timeout"), patch
        assert [earned(found[name]) for name in ("guess", "trap", "reuse", "unmap")] == [6, 4, 6, 2], patch


SPOILERS = {  # what the first task leaves behind for those that may be asked in the same process
    "a generator that ends badly": "def g():\n    try: yield\n    finally:\n        while True: pass\nx = g()\nnext(x)",
    "an object that ends badly": "class D:\n    def __del__(self):\n        while True: pass\nx = D()",
    "a type that takes in all": "from collections.abc import Mapping\nMapping.register(bool)\nMapping.register(str)",
    "a module behind a module": "import re\nre.enum.sys.modules.clear()",
    "a wrapper": "import functools, math\nclass A: prod = None\nfunctools.update_wrapper(math, A, assigned=('prod',), updated=())",
    "a hint": "from typing import get_type_hints\nclass A: x: '__import__(\"json\").__dict__.clear()'\nget_type_hints(A)",
    "a format": "x = '{0.__class__.__init__.__globals__}'.format(ValueError)",
    "much memory": "x = [0] * 20_000_000",
    "much time": "x = sum(n for n in range(10**7))",
    "many names": "for n in range(10**5): TABLE = {n: [n] * 5}",
    "deep": "x = []\nfor n in range(10**6): x = [x]",
    "deep functions": "def f(n): return f(n - 1) if n else 0\ntry: f(10**5)\nexcept RecursionError: pass",
    "a shadow": "def isinstance(*args): return True\ndef print(*args): pass\nlen = dict = map = None",
    "its own facade": "from cowlab import World, Pte, PageInfo\nWorld.with_pte = PageInfo.page_count = Pte.__new__ = None",
    "an import": "import json, cowlab.world\ncowlab.world.World = json.loads = None",
    "a limit": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
    "recursion": "import sys\nsys.setrecursionlimit(60)",
    "a signal": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.pthread_sigmask(0, [2])",
    "the collector": "import gc\ngc.disable()\ngc.set_threshold(1)\ngc.callbacks.append(lambda *a: 1 / 0)",
    "exit": "import atexit, os\natexit.register(os._exit, 3)",
}


@pytest.mark.parametrize("name", SPOILERS)
def test_what_one_answer_leaves_behind_costs_no_other(arena: Session, name: str) -> None:
    for source in (f"{SPOILERS[name]}\n{HONEST['guess']}", f"{HONEST['guess']}\n{SPOILERS[name]}"):
        arena.memory.same.clear()
        found = graded(arena, notebook(*cells(guess=source)))
        assert [earned(found[name]) for name in ("trap", "reuse", "promise", "unmap")] == [4, 6, 4, 2]
        assert found["guess"].status in ("judged", "timeout", "memory", "crash", "bad answer")


DIG = """
import gc, sys, types
seen, todo, texts, names = set(), [sys.modules, *gc.get_objects()], [], set()
frame = sys._getframe()
while frame:
    todo.append(frame.f_globals); todo.append(frame.f_locals); frame = frame.f_back
while todo:
    one = todo.pop()
    if id(one) in seen: continue
    seen.add(id(one))
    if isinstance(one, str): texts.append(one)
    elif isinstance(one, types.ModuleType): names.add(one.__name__); todo.append(one.__dict__)
    elif isinstance(one, type): names.add(one.__name__)
    elif len(seen) < 400000: todo.extend(gc.get_referents(one))
"""


def test_digging_in_the_childs_memory_finds_no_task_and_no_judge(arena: Session) -> None:
    out = probe(
        arena,
        f"{DIG}\nout = sorted(n for n in names if n in {{'Verdict', 'Policy', 'Graded', 'judge', 'Session'}} or 'judges' in n)",
    )
    assert "out=[]" in out
    # spelt in numbers: as a text the compiler would leave it where it is looked for
    spelt = f"''.join(map(chr, {[ord(sign) for sign in SECRET]}))"
    out = probe(arena, f"{DIG}\nsecret = {spelt}\nout = [len(texts) > 1000, [t[:50] for t in texts if secret in t]]")
    assert "out=[True, []]" in out
    out = probe(arena, f"{DIG}\nout = sorted(n for n in names if n.startswith('cowlab'))")
    assert (
        "['cowlab', 'cowlab.events', 'cowlab.grading', 'cowlab.grading.answering', 'cowlab.grading.wire', 'cowlab.policy', 'cowlab.world']"
        in out
    )


def test_what_an_exception_says_is_text_and_short(arena: Session) -> None:
    for said in ("'</script><script>alert(1)</script>'", "'\\x1b[2J\\r\\x00\\u202e'", "'x' * 10**6", "chr(0xdfff)"):
        says = graded(arena, notebook(*cells(guess=f"def guess(): raise ValueError({said})")))["guess"].says
        assert says.isprintable() and len(says) < 700
    strange = "class E(Exception):\n    def __str__(self): raise KeyError\ndef guess(): raise E"
    assert not attack(arena, Attack("E", "guess", strange, "judged", "its text cannot be read"))
