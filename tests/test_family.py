"""The family tree of the policies."""

from __future__ import annotations

from cowlab import POLICIES, sources
from cowlab.policy import MERGED, PROPOSED, Policy, fork_share
from cowlab.views import policy_tree
from cowlab.views.graph.family import differing, family, short

BASES = {
    **{"v5.7": None, "v5.8": "v5.7", "v5.9-rc4": "v5.8", "v5.9": "v5.9-rc4", "v5.11": "v5.9", "v5.18": "v5.11"},
    **{"v5.19": "v5.18", "v6.5": "v5.19", "andrea-2009": "v5.7", "andrea-2021": "v5.9", "linus-2021": "v5.9"},
    **{"jerome-mprotect": "linus-2021", "jerome-fork": "jerome-mprotect"},
    **{"jerome-fork-push": "jerome-fork", "jerome-fork-reuse": "jerome-fork"},
}


def test_each_row_and_its_base() -> None:
    found = family()
    bases = {kin.policy.name: None if kin.base is None else found[kin.base].policy.name for kin in found}
    assert bases == BASES
    assert [kin.policy for kin in found if kin.merged] == list(MERGED)


def test_a_base_and_the_cells_make_the_row() -> None:
    found = family()
    for kin in found[1:]:
        assert kin.base is not None and kin.cells
        base = found[kin.base].policy
        made = base._replace(**{cell: getattr(kin.policy, cell) for cell in kin.cells})
        assert made.decisions == kin.policy.decisions


def test_every_source_is_told() -> None:
    graph = policy_tree()
    for place, kin in enumerate(family()):
        for cell in kin.cells:
            for source in sources(getattr(kin.policy, cell)):
                assert source in graph.text()
                assert short(source) in graph.cards[f"n{place}"].drawing
        assert all(source.replace("&", "&amp;") in graph.opens[f"n{place}"].html for source in sources(kin.policy))


def test_what_differs_is_marked() -> None:
    html = policy_tree().opens["n1"].html
    assert html.count("<tr class=changed>") == 2 == len(differing(*MERGED[:2]))
    assert "<code>should_force_cow_break</code> <em>was gup_take</em>" in html
    assert 'href="https://git.kernel.org/linus/17839856fd58"' in html
    mail = policy_tree().opens[f"n{len(MERGED) + PROPOSED.index(POLICIES['linus-2021'])}"].html
    assert 'href="https://lore.kernel.org/r/CAHk-%3Dwje9r3f' in mail


def test_a_row_of_your_own_hangs_at_what_it_changes() -> None:
    own: Policy = POLICIES["v5.9"].with_(fork=lambda page: fork_share(page))
    graph = policy_tree(own)
    assert len(graph.cards) == 16 and graph.dot.source.count("n3 -> n15") == 1
    assert "v5.9(fork=&lt;lambda&gt;)" in graph.cards["n15"].drawing
