"""`import hypothesis` on a Python that has no Hypothesis: its tests are skipped, the others run."""

from __future__ import annotations

from typing import Any

import pytest


def given(*_strategies: Any, **_named: Any) -> Any:
    """The test takes no arguments any more and says why it did not run."""

    def skipped(_test: Any) -> Any:
        @pytest.mark.skip(reason="random scripts are tried where Hypothesis is installed")
        def test() -> None: ...

        return test

    return skipped


class _Anything:
    """Stands for strategies: may be called, asked and combined, and means nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_arguments: Any, **_named: Any) -> Any:
        return self

    def __or__(self, _other: Any) -> Any:
        return self


class _Decorator(_Anything):
    """Stands for what is written above a test: @settings(...), @example(...)."""

    def __call__(self, *_arguments: Any, **_named: Any) -> Any:
        return lambda test: test


strategies = HealthCheck = assume = note = event = target = _Anything()
settings = example = seed = _Decorator()
