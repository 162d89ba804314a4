"""Few zygotes serve all hostile submissions: a session that confines, and one that does not, to show that an attack works."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from arena import QUICK, adopt_orphans

from cowlab.grading.session import Session

if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def arena() -> Iterator[Session]:
    """As `cowlab grade` confines submissions on this machine."""
    adopt_orphans()
    session = Session(limits=QUICK)
    assert not session.lacks, f"not confined: {session.lacks}"
    yield session
    session.close()


@pytest.fixture(scope="session")
def open_field() -> Iterator[Session]:
    """Without confinement: what works here and fails in the arena is what the confinement is good for."""
    adopt_orphans()
    session = Session(isolated=False, limits=QUICK)
    yield session
    session.close()
