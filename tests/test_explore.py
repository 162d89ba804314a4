"""The search itself, which knows no memory: two jugs of water, and models small enough to follow by hand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import count

import pytest

from cowlab.explore import Exploration, ReplayError, explore, replay

# --- two jugs, of 3 and 5 ---------------------------------------------------------------------------------------------

Jug = tuple[int, int]  # what is in the jug of 3, and in that of 5
SIZES = (3, 5)


class Jugs:
    """Fill a jug, empty it, or pour one into the other until one is empty or full."""

    start: Jug = (0, 0)
    laws: tuple[str, ...] = ("nobody measures 4", "no jug overflows")
    sometimes: dict[str, Callable[[Jug], bool]] = {  # noqa: RUF012 - never changed
        "both are full": lambda jugs: jugs == SIZES,
        "both are half full": lambda jugs: jugs == (1, 2),
    }

    def events(self, state: Jug) -> tuple[str, ...]:
        return ("fill 3", "fill 5", "empty 3", "empty 5", "pour 3", "pour 5")

    def step(self, state: Jug, event: str) -> Jug | None:
        verb, size = event.split()
        which = SIZES.index(int(size))
        after = list(state)
        if verb == "pour":
            amount = min(state[which], SIZES[1 - which] - state[1 - which])
            after[which] -= amount
            after[1 - which] += amount
        else:
            after[which] = int(size) if verb == "fill" else 0
        return None if tuple(after) == state else (after[0], after[1])

    def canonical(self, state: Jug) -> Hashable:
        return state

    def broken(self, before: Jug, event: str, after: Jug) -> Iterable[str]:
        if 4 in after:
            yield "nobody measures 4"
        if after > SIZES:
            yield "no jug overflows"


# By hand: one of the two is always empty or full, so the states are the border of a rectangle of 4 x 6. In a corner
# four things can be done at most; the numbers are (states, transitions, depth).
BORDER = {(a, b) for a in range(4) for b in range(6) if a in (0, 3) or b in (0, 5)}
FOUR = ("fill 5", "pour 5", "empty 3", "pour 5", "fill 5", "pour 5")


class Seen(Jugs):
    """Remembers what it was asked about."""

    def __init__(self) -> None:
        self.states: set[Jug] = set()

    def canonical(self, state: Jug) -> Hashable:
        self.states.add(state)
        return state


def test_two_jugs() -> None:
    model = Seen()
    found = explore(model)
    assert model.states == BORDER
    # a corner has 2 ways out where both are alike, 3 elsewhere; one of the other twelve 4: 2 * 2 + 2 * 3 + 12 * 4
    assert (found.states, found.transitions, found.depth) == (16, 58, 7)
    assert (found.complete, found.stopped) == (True, "")
    assert found.witnesses == {"nobody measures 4": FOUR, "no jug overflows": None}
    assert replay(model, FOUR) == {"nobody measures 4"}
    assert not replay(model, FOUR[:-1])


def test_what_never_comes_true_is_named() -> None:
    assert explore(Jugs()).sometimes == {"both are full": True, "both are half full": False}


def test_what_is_true_at_the_start_has_come_true() -> None:
    model = Jugs()
    model.sometimes = {"all is empty": lambda jugs: jugs == (0, 0)}
    assert explore(model).sometimes == {"all is empty": True}


def test_a_search_without_laws_still_sees_everything() -> None:
    model = Jugs()
    model.laws = ()
    model.broken = lambda before, event, after: ()  # type: ignore[method-assign]
    found = explore(model)
    assert (found.states, found.complete, found.witnesses) == (16, True, {})


def test_where_every_law_is_broken_the_search_ends() -> None:
    model = Jugs()
    model.laws = ("nobody measures 4",)
    found = explore(model)
    assert found.witnesses == {"nobody measures 4": FOUR}
    assert found.stopped == "every law is broken"
    assert not found.complete
    assert found.states < 16


def test_states_that_differ_in_names_only_are_one() -> None:
    """Which jug is which may be forgotten where both are alike."""

    class Twins(Jugs):
        def canonical(self, state: Jug) -> Hashable:
            return tuple(sorted(state))

    plain, twins = Jugs(), Twins()
    for model in (plain, twins):
        model.step = lambda state, event: two_of_five(state, event)  # type: ignore[method-assign]
        model.broken = lambda before, event, after: ["no jug overflows"] * (after == (5, 5))  # type: ignore[method-assign]
    assert explore(plain).states == 4
    assert explore(twins).states == 3
    assert [len(explore(m).witnesses["no jug overflows"] or ()) for m in (plain, twins)] == [2, 2]


def two_of_five(state: Jug, event: str) -> Jug | None:
    verb, size = event.split()
    level = {"fill": 5, "empty": 0}.get(verb)
    if level is None or state[SIZES.index(int(size))] == level:
        return None
    return (level, state[1]) if size == "3" else (state[0], level)


# --- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", range(1, 16))
def test_a_bound_on_states_is_named(most: int) -> None:
    found = explore(Jugs(), max_states=most)
    assert found.stopped == f"{most} states"
    assert found.stopped.endswith(" states")
    assert not found.complete
    assert most <= found.states < most + 6  # the state in hand is done with: it has six events


@pytest.mark.parametrize("deepest", range(7))
def test_a_bound_on_depth_is_named(deepest: int) -> None:
    found = explore(Jugs(), max_depth=deepest)
    assert found.stopped == f"depth {deepest}"
    assert not found.complete
    assert found.depth == deepest
    assert (found.witnesses["nobody measures 4"] is not None) == (deepest >= len(FOUR))


def test_bounds_that_are_not_reached_change_nothing() -> None:
    assert explore(Jugs(), max_states=17, max_depth=8) == explore(Jugs())


def test_a_bound_of_the_caller_is_named() -> None:
    found = explore(Jugs(), exhausted=lambda: "7 MB of memory")
    assert (found.stopped, found.complete) == ("7 MB of memory", False)
    assert found.states == 3  # the start, and what can be filled


def test_a_long_search_asks_now_and_then() -> None:
    asked, said = count(), []
    found = explore(
        Line(2000), exhausted=lambda: "enough" if next(asked) == 3 else "", progress=lambda *at: said.append(at)
    )
    assert found.stopped == "enough"
    assert said == [(2, 1, 0), (258, 257, 256), (514, 513, 512), (770, 769, 768)]  # states, transitions, depth


class Line:
    """0, 1, 2, ... up to an end. Every number breaks a law of its own, and one is always kept."""

    start = 0
    sometimes: dict[str, Callable[[int], bool]] = {}  # noqa: RUF012 - never changed

    def __init__(self, end: int, *laws: int) -> None:
        self.end, self.laws = end, (*map(str, laws), "kept")

    def events(self, state: int) -> Iterable[str]:
        return ("next",)

    def step(self, state: int, event: str) -> int | None:
        return state + 1 if state < self.end else None

    def canonical(self, state: int) -> Hashable:
        return state

    def broken(self, before: int, event: str, after: int) -> Iterable[str]:
        return (law for law in self.laws if law == str(after))


def test_each_law_has_its_own_witness() -> None:
    found = explore(Line(5, 1, 3, 7))
    assert {law: w and len(w) for law, w in found.witnesses.items()} == {"1": 1, "3": 3, "7": None, "kept": None}


@pytest.mark.parametrize("most", range(1, 16))
def test_depth_is_that_of_the_farthest_state(most: int) -> None:
    """Also where a bound ends the search in the middle of a level: some states of the next are known."""
    model = Seen()
    assert explore(model, max_states=most).depth == max(map(distance, model.states))


@pytest.mark.parametrize("steps", range(0, 90, 7))
def test_depth_where_an_interrupt_ends_the_search(steps: int) -> None:
    model = Seen()
    assert interrupted_after(steps, model).depth == max(map(distance, model.states))


def test_depth_where_every_law_is_broken() -> None:
    model = Seen()
    model.laws = ("nobody measures 4",)
    assert explore(model).depth == max(map(distance, model.states))


def distance(jugs: Jug) -> int:
    """How many steps it takes to get there, by trying ever longer ones."""
    reached, steps = {Jugs.start}, 0
    while jugs not in reached:
        reached |= {s for before in reached for e in Jugs().events(before) if (s := Jugs().step(before, e))}
        steps += 1
    return steps


# --- laws are judged on every edge -----------------------------------------------------------------------------------


class Graph:
    """A graph that is written down: state -> event -> state; an event with ! breaks the law."""

    laws = ("no exclamation", "kept")
    sometimes: dict[str, Callable[[str], bool]] = {}  # noqa: RUF012 - never changed
    start = "a"

    def __init__(self, **edges: dict[str, str]) -> None:
        self.edges = edges

    def events(self, state: str) -> Iterable[str]:
        return tuple(self.edges.get(state, {}))

    def step(self, state: str, event: str) -> str | None:
        return self.edges[state].get(event)

    def canonical(self, state: str) -> Hashable:
        return state

    def broken(self, before: str, event: str, after: str) -> Iterable[str]:
        return self.laws[: "!" in event]


@pytest.mark.parametrize(
    ("graph", "witness"),
    [
        (Graph(a={"1": "b", "2!": "b"}), ("2!",)),
        (Graph(a={"1": "a", "2!": "a"}), ("2!",)),  # the first state is known from the start
        (Graph(a={"1": "b", "2": "c"}, b={"3": "d"}, c={"4!": "d"}), ("2", "4!")),
        (Graph(a={"1": "b"}, b={"2": "c", "3!": "a"}), ("1", "3!")),
    ],
)
def test_a_second_edge_into_a_known_state_is_judged(graph: Graph, witness: tuple[str, ...]) -> None:
    found = explore(graph)
    assert found.witnesses == {"no exclamation": witness, "kept": None}
    assert found.transitions == sum(map(len, graph.edges.values()))
    assert found.complete


def test_the_shortest_witness_is_found_first() -> None:
    graph = Graph(a={"1": "b", "2": "c"}, b={"3": "d"}, c={"5!": "a"}, d={"4!": "a"})
    assert explore(graph).witnesses["no exclamation"] == ("2", "5!")


# --- an interrupt ----------------------------------------------------------------------------------------------------


def interrupted_after(steps: int, model: Jugs) -> Exploration:
    left = count(-steps)

    def step(state: Jug, event: str) -> Jug | None:
        if next(left) == 0:
            raise KeyboardInterrupt
        return Jugs.step(model, state, event)

    model.step = step  # type: ignore[method-assign]
    return explore(model)


def test_an_interrupt_returns_what_is_known() -> None:
    none, some, most = (interrupted_after(steps, Jugs()) for steps in (0, 10, 90))
    for found in (none, some, most):
        assert (found.stopped, found.complete) == ("an interrupt", False)
    assert (none.states, none.transitions, none.depth) == (1, 0, 0)
    assert 1 < some.states < most.states == 16
    assert some.witnesses["nobody measures 4"] is None
    assert most.witnesses["nobody measures 4"] == FOUR


def test_an_interrupt_while_progress_is_shown() -> None:
    def progress(*_: int) -> None:
        raise KeyboardInterrupt

    found = explore(Jugs(), progress=progress)
    assert (found.states, found.transitions, found.stopped) == (3, 2, "an interrupt")


# --- what cannot be replayed -----------------------------------------------------------------------------------------


def test_a_step_that_depends_on_hidden_things_is_found_out() -> None:
    class Tired(Jugs):
        """Nothing can be poured any more after a hundred times."""

        poured = 0

        def step(self, state: Jug, event: str) -> Jug | None:
            self.poured += 1
            return None if self.poured > 90 else super().step(state, event)

    with pytest.raises(ReplayError, match="fill 5 cannot happen after"):
        explore(Tired())


def test_a_law_that_depends_on_hidden_things_is_found_out() -> None:
    class Forgetful(Jugs):
        """Nobody measures 4 twice."""

        told = False

        def broken(self, before: Jug, event: str, after: Jug) -> Iterable[str]:
            if 4 in after and not self.told:
                self.told = True
                return ["nobody measures 4"]
            return []

    with pytest.raises(ReplayError, match="nobody measures 4 is not broken when its witness is replayed"):
        explore(Forgetful())


def test_a_search_for_the_first_ends_when_one_law_is_broken() -> None:
    """`first` is for a caller who will go on without that law."""
    found = explore(Jugs(), first=True)
    assert found.witnesses == {"nobody measures 4": FOUR, "no jug overflows": None}
    assert found.stopped == "a law is broken"
    assert not found.complete
