"""What a test has measured is shown at the end of every run, also where workers run the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run and every machine; no example fails for being slow.
settings.register_profile("cowlab", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("cowlab")


@pytest.fixture(scope="session")
def course() -> Iterator[Path]:
    """cowlab with the arena's tasks in place of the course's, in a folder that everybody may read."""
    from arena import adopt_orphans
    from course import made

    adopt_orphans()
    with made() as folder:
        yield folder


MEASURED = "measured"  # record_property(MEASURED, "a line")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    for report in reports:
        for name, line in getattr(report, "user_properties", ()):
            if name == MEASURED:
                terminalreporter.write_line(line)
