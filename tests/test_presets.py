"""The presets of the explorer: all rows with the default event set, other kinds of pages, two references.

Huge pages and files take minutes for some rows: COWLAB_LONG=1 (`make long`) looks at all of them, else at the quick ones.
"""

from __future__ import annotations

import os

import pytest
from test_model import PRESETS, as_pinned, witnesses_play

SLOW = ("default thp", "default file")
QUICK = ("v5.8", "v5.9-rc4", "andrea-2009", "linus-2021")
NOW = [cell for cell in PRESETS if cell[1] not in SLOW or cell[0] in QUICK or os.environ.get("COWLAB_LONG")]


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "world"), NOW)
def test_as_pinned(policy: str, world: str) -> None:
    as_pinned(policy, world)
    witnesses_play(policy, world)
