"""A program of ours in a process of its own: asked with one JSON text, it answers with JSON, an object a line.

The program ends when its stdin does, and by an alarm of its own. So nothing is left behind, even if we are killed.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

LAST = 5  # seconds for a process to exit that has closed its stdout


def ask(program: Path, question: dict[str, Any], seconds: float) -> tuple[list[dict[str, Any]], str]:
    """The lines of the answer, and why they are not all, "" if they are. The last line of a whole one has an "end"."""
    command = [sys.executable or "python3", "-I", "-S", str(program), json.dumps(question)]
    # The other end of its stdin is ours alone: it is closed whenever, and however, we go.
    stdin, alive = os.pipe()
    try:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return [], f"no process to measure in: {error.strerror}"
    else:
        with process:
            try:
                return _listen(process, seconds)
            finally:
                if process.returncode is None:  # not waited for, so its number is still its own
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
    finally:
        os.close(stdin)
        os.close(alive)


def _listen(process: subprocess.Popen[bytes], seconds: float) -> tuple[list[dict[str, Any]], str]:
    assert process.stdout is not None
    text, ended = _read(process.stdout, seconds)
    lines = [json.loads(line) for line in text.splitlines() if line.endswith(b"}")]
    if lines and "end" in lines[-1]:
        return lines, str(lines.pop()["end"])
    if not ended:
        return lines, f"the measuring process did not end within {seconds:g} s"
    with suppress(subprocess.TimeoutExpired):
        process.wait(LAST)
    code = process.returncode
    how = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with code {code}"
    return lines, f"the measuring process ended early, {how}"


def _read(stream: IO[bytes], seconds: float) -> tuple[bytes, bool]:
    """All that comes, and whether it ended in time."""
    text, deadline = b"", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                return text, True
            text += chunk
    return text, False
