"""A kept tree replayed: at each expansion the tree of that time, and the scores that the search went by.

1. Visits and values before every choice are those that the search had then, whatever the rollout's settings.
2. The chosen node's terms add up to the score that the search recorded, among siblings too; the candidates are as many.
3. A selector that draws random numbers is not replayed, and a record that other rules give other scores for says so.
4. What the page holds of the frontier, which is only what changed, is the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, ValuedPolicy, advance

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.components.selectors.frontier_ucb import FrontierUcb
from dsk.components.selectors.puct import Puct
from dsk.core.roles import Known
from dsk.core.tree_record import TreeRecord
from dsk.treeview.data import SHOWN, tree_data
from dsk.treeview.replay import Choice, Moment, replay
from dsk.treeview.rules import Rules

REPLAYED = ("frontier", "frontier_ucb", "uct", "puct")
shares = st.floats(0.0, 1.0)
policies = st.builds(
    lambda kind, *drawn: kind(*drawn),
    st.sampled_from([ScriptedPolicy, ValuedPolicy]),
    st.integers(0, 10**6),
    *(shares,) * 4,
)
given_tokens = st.lists(st.integers(0, 9), max_size=2).map(tuple)


def specs(*selectors: str) -> st.SearchStrategy[Tree]:
    return st.builds(
        Tree,
        width=st.integers(1, 4),
        max_depth=st.integers(1, 6),
        trajectories=st.integers(1, 8),
        max_expansions=st.sampled_from([0, 7, 30]),
        record=st.sampled_from(["one", "all"]),
        backup=st.sampled_from(["constrained", "mean", "simple"]),
        negative=st.sampled_from(["most_confident", "random"]),
        selector=st.sampled_from(selectors),
        prune_below=st.sampled_from([0.0, 0.4]),
    )


def rules(spec: Tree) -> Rules:
    shared = (spec.selector, spec.backup, spec.exploration, spec.gamma_min, spec.max_depth)
    return Rules(*shared, 1 << 30, spec.prune_below)


def searched(spec: Tree, policy: ScriptedPolicy, prefix: tuple[int, ...] = ()) -> tuple[TreeRecord, list[Snapshot]]:
    """A search's record, and visits and values before each of its choices and at the end."""
    search = TreeSearch(PROBLEM, Known((1, 2), prefix), spec, 5, replace(SETTING, keep_trees=True))
    seen = [snapshot(search)]
    while advance(search, policy):
        seen.append(snapshot(search))
    record = search.group().tree
    assert record is not None
    return record, seen


Snapshot = tuple[list[int], list[float]]


def snapshot(search: TreeSearch) -> Snapshot:
    return search.tree.visits.tolist(), search.tree.value.tolist()


def accumulated(moments: Iterator[Moment] | list[Moment]) -> list[Snapshot]:
    visits: dict[int, int] = {}
    value: dict[int, float] = {}
    told: list[Snapshot] = []
    for moment in moments:
        visits |= zip(moment.changed.tolist(), moment.visits.tolist(), strict=True)
        value |= zip(moment.changed.tolist(), moment.value.tolist(), strict=True)
        told.append(([visits[n] for n in sorted(visits)], [value[n] for n in sorted(value)]))
    return told


@given(specs(*REPLAYED, "random"), policies, given_tokens)
def test_visits_and_values_are_those_of_the_time(spec: Tree, policy: ScriptedPolicy, prefix: tuple[int, ...]) -> None:
    record, seen = searched(spec, policy, prefix)
    assert accumulated(replay(record, rules(spec))) == seen


@given(specs(*REPLAYED), policies)
def test_the_chosen_nodes_terms_add_up_to_the_recorded_score(spec: Tree, policy: ScriptedPolicy) -> None:
    record, _ = searched(spec, policy)
    choices = [moment.choice for moment in replay(record, rules(spec)) if moment.choice]
    assert [choice.node for choice in choices] == record.order.tolist()
    assert choices[0].how == "root"
    for number, choice in enumerate(choices[1:], 1):
        asked = choice.asked[-1]
        scores = dict(zip(asked.nodes.tolist(), asked.scores.tolist(), strict=True))
        assert scores[choice.node] == pytest.approx(record.choice_score[number], rel=1e-9, abs=1e-12)
        assert len(scores) == record.candidates[number]
        assert (choice.how != "frontier") == record.among_siblings[number]


@given(specs(*REPLAYED), policies)
def test_a_descent_names_the_candidates_of_every_level(spec: Tree, policy: ScriptedPolicy) -> None:
    record, _ = searched(spec, policy)
    for moment in replay(record, rules(spec)):
        choice = moment.choice
        if choice is None or choice.how != "descent":
            continue
        path = [choice.node]
        while (above := int(record.parent[path[0]])) > 0:
            path.insert(0, above)
        assert [n in level.nodes for n, level in zip(path, choice.asked, strict=True)] == [True] * len(path)


@given(specs("random"), policies)
def test_a_selector_that_draws_is_not_replayed(spec: Tree, policy: ScriptedPolicy) -> None:
    record, _ = searched(spec, policy)
    picked = [m.choice for m in replay(record, rules(spec)) if m.choice and m.choice.how == "frontier"]
    assert all(choice.drawn and not choice.asked for choice in picked)
    data = tree_data(record, PROBLEM, str, rules(spec))
    assert ("draws random numbers" in data["note"]) == bool(picked)


def test_other_rules_than_the_searchs_are_found_out() -> None:
    policy = ScriptedPolicy(3, 0.3, 0.3)
    record, _ = searched(Tree(width=3, max_depth=4), policy)
    other = rules(Tree(width=3, max_depth=4, selector=FrontierUcb()))
    choices = [moment.choice for moment in replay(record, other) if moment.choice]
    assert any(choice.differs for choice in choices if choice.how == "frontier")
    assert "other scores here" in tree_data(record, PROBLEM, str, other)["note"]


@given(specs("frontier", "frontier_ucb"), policies)
def test_the_changes_of_a_frontier_make_up_the_whole_of_it(spec: Tree, policy: ScriptedPolicy) -> None:
    record, _ = searched(spec, policy)
    data = tree_data(record, PROBLEM, str, rules(spec))
    known: dict[int, list[float]] = {}
    for moment, row in zip(replay(record, rules(spec)), data["choices"], strict=False):
        choice = moment.choice
        assert isinstance(choice, Choice)
        if choice.how != "frontier":
            continue
        known |= {node: terms for node, *terms in row["scored"]}
        (asked,) = choice.asked
        for place, node in enumerate(asked.nodes.tolist()):
            assert known[node] == pytest.approx([term[place] for term in asked.terms.values()], rel=1e-6)


@given(specs(*REPLAYED), policies)
def test_an_end_says_how_confident_the_whole_response_was(spec: Tree, policy: ScriptedPolicy) -> None:
    record, _ = searched(spec, policy, (7,))
    for end in tree_data(record, PROBLEM, str, rules(spec))["ends"]:
        path, logprobs = end["node"], []
        while path:
            span = slice(int(record.token_ends[path - 1]), int(record.token_ends[path]))
            logprobs += record.logprobs[span].tolist()
            path = int(record.parent[path])
        assert end["entropy"] == pytest.approx(-sum(logprobs) / max(len(logprobs), 1), abs=1e-9)


def test_a_choice_among_very_many_shows_the_best_and_the_chosen() -> None:
    """Only where scores do not last; `puct` over 1,000 siblings."""
    spec = Tree(width=1000, max_depth=3, max_expansions=3, selector=Puct(), trajectories=1 << 20)
    record, _ = searched(spec, ScriptedPolicy(1, 0.2, 0.5))
    levels = tree_data(record, PROBLEM, str, rules(spec))["choices"][1]["levels"]
    assert SHOWN <= len(levels[0]) <= SHOWN + 1
    assert record.order[1] in [row[0] for row in levels[0]]
    assert np.isfinite(np.array(levels[0])).all()
