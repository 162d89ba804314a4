"""Runs made by hand, as a kernel might have given them: tests of what is shown of a run depend on no machine."""

from __future__ import annotations

from collections.abc import Mapping

from cowlab import Scenario, read_scenario, scenarios
from cowlab.live.drive import Look, Moment, Run

ABSENT = Look(present=False)


def page(letter: str, frame: int | None = None, mapcount: int | None = None, **more: object) -> Look:
    """A page that is there. frame: None, without root."""
    flags = ["anon"] if frame is not None else None
    found = Look(True, once=mapcount == 1, frame=frame, mapcount=mapcount if frame else None, flags=flags, value=letter)
    return found._replace(**more)  # type: ignore[arg-type]


def made(
    scenario: Scenario | str,
    looks: list[Mapping[str, Look]],
    said: Mapping[int, Mapping[str, object]] | None = None,
    ends: Mapping[str, str] | None = None,
) -> Run:
    """A run of that script. looks: after the start and each line, by `P`, or `P 1` for page 1. said: what is not just done."""
    if isinstance(scenario, str):
        scenario = scenarios().get(scenario) or read_scenario(scenario, "made")
    steps = [(0, None), *((line.number, line.event) for line in scenario.script.steps)]
    moments = [
        Moment(number, event, looks={_place(at): look for at, look in seen.items()})
        for (number, event), seen in zip(steps, looks, strict=True)
    ]
    for n, what in (said or {}).items():
        moments[n] = moments[n]._replace(**what)  # type: ignore[arg-type]
    return Run(scenario, tuple(moments), {_place(at): letter for at, letter in (ends or {}).items()})


def _place(at: str) -> tuple[str, int]:
    who, _, number = at.partition(" ")
    return who, int(number or 0)


def leak(root: bool = True) -> Run:
    """The leak on a kernel that copies. root: whether frames were seen."""
    one, two = (1234567, 7654321) if root else (None, None)
    shared = page("A", one, 2)
    return made(
        "leak",
        [
            {"P": ABSENT},
            {"P": page("A", one, 1)},
            {"P": shared, "C": shared},
            {"P": shared, "C": shared},
            {"P": page("A", one, 1)},
            {"P": page("S", two, 1)},
            {"P": page("S", two, 1)},
        ],
        said={6: {"value": "A"}},
        ends={"g": "A", "P": "S"},
    )


def protected() -> Run:
    """A store that met SIGSEGV, and a call that was refused."""
    shown = page("A", 5, 1)
    return made(
        "P: write A\nP: mprotect r\nP: write B\nP: vm_write P C\n",
        [{"P": ABSENT}, *[{"P": shown}] * 4],
        said={3: {"outcome": "sigsegv"}, 4: {"outcome": "refused", "errno": 14}},
    )
