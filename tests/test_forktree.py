"""The fork tree: who forked whom at which line, who exited, who holds what."""

from __future__ import annotations

from cowlab import play, scenarios
from cowlab.views import fork_tree
from cowlab.views.graph.forktree import lives

SCRIPT = """# a comment, which no line counts
P: write A
P: fork C
C: vmsplice g
C: fork D
C: exit
D: register buf
P: fork C
buf: put
P: direct_read buf
"""


def test_lives() -> None:
    found = [(life.name, life.born, life.ended, life.owner) for life in lives(play(SCRIPT, "v5.7"))]
    assert found == [
        *[("P", 0, 0, None), ("C", 2, 5, 0), ("g", 3, 0, 1), ("D", 4, 0, 1), ("buf", 6, 8, 3)],
        *[("C", 7, 0, 0), ("buf", 9, 0, 0)],  # names come again, for another life
    ]


def test_in_words() -> None:
    assert fork_tree("leak", "v5.7").text() == (
        "name  what            of  begins            ends  wrong\n"
        "P     process         -   from the start    -     -\n"
        "C     process         P   fork, line 2      -     -\n"
        "g     pipe, FOLL_GET  C   vmsplice, line 3  -     leak, since line 5\n"
    )
    assert "exits, line 5" in fork_tree(SCRIPT).text() and "put, line 8" in fork_tree(SCRIPT).text()


def test_drawn() -> None:
    source = fork_tree(SCRIPT, "v6.5").dot.source
    assert source.count("class=forked") == 3 and source.count("class=gone") == 2
    assert 'n1 -> n2 [label=" vmsplice, line 3 " arrowhead=odot arrowsize=1 class="ref reads"' in source
    assert 'n3 -> n4 [label=" register, line 6 " arrowhead=box arrowsize=1 class="ref writes"' in source
    assert "badcard" in fork_tree("leak").cards["n2"].drawing
    assert "badcard" not in fork_tree("leak", "v5.9").cards["n2"].drawing


def test_a_card_opens_where_it_begins() -> None:
    graph = fork_tree(SCRIPT)
    assert [graph.opens[f"n{number}"].at for number in range(7)] == [0, 2, 3, 4, 6, 7, 9]
    assert len(graph.steppers) == 1


def test_every_scenario_has_one() -> None:
    for scenario in scenarios().values():
        graph = fork_tree(scenario)
        assert graph.cards and graph.text().count("\n") == len(graph.cards) + 1


def test_a_crowd_is_cut() -> None:
    script = "P: write A\n" + "".join(f"P: get g{n}\n" for n in range(210))
    graph = fork_tree(script)
    assert len(graph.cards) == 200 and "11 more processes and references are left out" in graph.note
