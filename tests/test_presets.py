"""The presets of the explorer, which take longer: the default event set for every kind of page, two references."""

from __future__ import annotations

import pytest
from test_model import PRESETS, as_pinned, witnesses_play


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "world"), PRESETS)
def test_as_pinned(policy: str, world: str) -> None:
    as_pinned(policy, world)
    witnesses_play(policy, world)
