"""Run by another user's Python, from a copy of the course: what holds where nobody is root. Prints one JSON document."""

from __future__ import annotations

import json
import os
import sys

from arena import HONEST, QUICK, Attack, adopt_orphans, attack, cells, earned, graded, notebook, probe

from cowlab.grading.session import Session

TRY = "try: out = {}\nexcept BaseException as error: out = type(error).__name__"


def main() -> None:
    adopt_orphans()
    course, library = os.getcwd(), os.path.dirname(os.__file__)
    session = Session(limits=QUICK)
    probes = {
        "read the course": f"open({course + '/cowlab/policy.py'!r}).read()[:3]",
        "list the course": f"__import__('os').listdir({course!r})",
        "read a password file": "open('/etc/passwd').read()[:3]",
        "read what is installed": f"open({library + '/site-packages/README.txt'!r}).read()",
        "read the parent": f"open('/proc/{os.getpid()}/environ').read()[:3]",
        "read the library": f"open({library + '/this.py'!r}).read()[:1]",
        "write to the library": f"open({library + '/this.py'!r}, 'r+')",
        "write to /tmp of all": "open('/var/tmp/tamper-left-this', 'w')",
        "signal the parent": f"__import__('os').kill({os.getpid()}, 0)",
        "signal its parent": "__import__('os').kill(__import__('os').getppid(), 0)",
        "network": "__import__('socket').socket()",
        "fork": "__import__('os').fork()",
        "program": "__import__('os').execv('/bin/true', ['true'])",
        "import late": "__import__('csv').__name__",
        "ptrace": f"__import__('ctypes').CDLL(None).ptrace(16, {os.getpid()}, 0, 0)",
    }
    hostile = [
        Attack("os._exit", "guess", "import os\nos._exit(0)", "crash", "exit code 0"),
        Attack("endless", "guess", "def guess():\n    while True: pass", "timeout", "within 3 seconds"),
        Attack("10 GB", "guess", "def guess(): return len(bytearray(10**10))", "memory", "more memory"),
        Attack(
            "library", "reuse", "from cowlab import POLICIES\nreuse = POLICIES['v5.9'].reuse", "judged", "ImportError"
        ),
        Attack("fork bomb", "guess", "import os\ndef guess():\n    while True: os.fork()", "judged", "PermissionError"),
        Attack("hash", "trap", "def trap(): return 'P: read # ' + str(hash('a'))", "not deterministic", "differently"),
    ]
    found = {
        "uid": os.getuid(),
        "in force": session.in_force,
        "lacks": session.lacks,
        "honest": sum(earned(one) or 0 for one in graded(session, notebook(*cells())).values()),
        "probes": {
            name: probe(session, TRY.format(code)).partition("out=")[2].partition(" (in")[0]
            for name, code in probes.items()
        },
        "wrong": [f"{one.name}: {wrong}" for one in hostile if (wrong := attack(session, one))],
        "answers": sorted(HONEST),
    }
    session.close()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
