"""Trees with a scorer: every open step has its score, whatever the order in which scores and verdicts come back.

Steps that are rated too low are left out, by a rule that is written out slowly; one open node always stays.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, ValuedPolicy, run

from dsk.components.rollouts import Tree
from dsk.components.selectors.frontier import Frontier
from dsk.core.roles import Known
from dsk.core.types import Question, Verdict
from dsk.testing.trees import random_tree

SCORED = replace(SETTING, scored=True, max_response_tokens=40)
DRAWN = (st.integers(0, 10**6), st.floats(0.1, 1), st.floats(0, 1))
policies, valued = st.builds(ScriptedPolicy, *DRAWN), st.builds(ValuedPolicy, *DRAWN)
trees = st.builds(
    lambda **fields: Tree.model_validate({"max_depth": 4, "trajectories": 4, "step_tokens": 5, **fields}),
    width=st.integers(1, 6),
    record=st.sampled_from(["one", "all"]),
    selector=st.sampled_from(["frontier", "uct"]),
)
givens = st.sampled_from([(), (7, 8, 9)])


def score(question: Question) -> float:
    return 1 / (1 + sum(question.tokens) % 7)


def grown(tree: Tree, given_tokens: tuple[int, ...], policy: ScriptedPolicy, order: random.Random):
    search = tree.start(PROBLEM, Known((1, 2), given=given_tokens), 3, SCORED)
    while requests := search.requests():
        (request,) = requests
        questions = search.deliver(request.id, [policy.sample(request.prefix, i) for i in range(request.n)])
        order.shuffle(questions)
        for question in questions:
            assert search.requests() == []
            answer: Verdict | float = policy.verdict(question) if question.ask == "verdict" else score(question)
            search.answer(question.id, answer)
    return search


@given(trees, givens, policies, st.integers(0, 10**6))
def test_scores_and_verdicts_may_come_in_any_order(tree, given_tokens, policy, seed):
    first, second = (grown(tree, given_tokens, policy, random.Random(seed + n)) for n in range(2))
    assert first.group() == second.group()
    assert first.expansion_order == second.expansion_order
    assert np.array_equal(first.tree.score, second.tree.score, equal_nan=True)


@given(trees, givens, policies)
def test_a_tree_knows_the_scores_of_its_open_steps_and_only_those(tree, given_tokens, policy):
    grew = grown(tree, given_tokens, policy, random.Random(0)).tree
    scored = np.flatnonzero(~np.isnan(grew.score)).tolist()
    assert scored == [node for node in range(1, grew.size) if not grew.terminal[node]]
    assert [grew.score[node] for node in scored] == [score(Question(0, grew.response(node)[0])) for node in scored]


def searched(tree: Tree, policy: ScriptedPolicy):
    return run(tree.start(PROBLEM, Known((1, 2)), 3, SETTING), policy)


def slowly_pruned(tree, order: list[int], below: float) -> set[int]:
    """Each expansion's open steps that are rated too low; where nothing else is open, all but the best rated."""
    opened, pruned = {0}, set()
    for node in order:
        opened.discard(node)
        fresh = [child for child in tree.children(node) if not tree.terminal[child]]
        low = [child for child in fresh if tree.score[child] < below]
        opened |= set(fresh)
        if low and opened == set(low):
            low.remove(max(low, key=lambda child: (tree.score[child], -child)))
        opened -= set(low)
        pruned |= set(low)
    return pruned


@given(trees, valued, st.sampled_from([0.2, 0.5, 0.9]))
def test_steps_rated_too_low_are_never_expanded_and_one_open_node_stays(tree, policy, below):
    search = searched(tree.model_copy(update={"prune_below": below}), policy)
    grew, pruned = search.tree, set(np.flatnonzero(search.tree.pruned).tolist())
    assert pruned == slowly_pruned(grew, search.expansion_order, below)
    assert not pruned & set(search.expansion_order)
    assert search.group().stats["pruned"] == len(pruned)
    open_nodes = ~(grew.expanded | grew.terminal | grew.pruned)
    assert search.frontier.nodes() == np.flatnonzero(open_nodes).tolist()
    assert bool(search.frontier) == bool(open_nodes.any())
    finished = len(search.recorded) >= tree.trajectories
    assert finished or not open_nodes.any(), "it ended although it could have gone on"


@given(trees, valued)
def test_values_that_nobody_uses_change_nothing(tree, policy):
    plain, rated = searched(tree, ScriptedPolicy(**vars(policy))), searched(tree, policy)
    assert plain.expansion_order == rated.expansion_order
    assert plain.group().trajectories == rated.group().trajectories
    assert rated.group().stats.items() >= plain.group().stats.items()


@given(trees, valued)
def test_a_step_has_the_value_before_its_last_token(tree, policy):
    grew = searched(tree, policy).tree
    for node in range(1, grew.size):
        parent = int(grew.parent[node])
        prefix = (1, 2, *grew.response(parent)[0].tolist())
        values = policy.values(prefix, node - grew.children(parent).start, len(grew.step_tokens(node)))
        expected = np.nan if grew.terminal[node] or not values else values[-1]
        assert np.array_equal(grew.score[node], expected, equal_nan=True)


@given(st.integers(0, 10**6), st.floats(-2, 2))
def test_a_score_weight_adds_the_score_and_one_half_where_there_is_none(seed, weight):
    tree = random_tree(seed)
    nodes, rng = np.arange(1, tree.size), np.random.default_rng(0)
    added = Frontier(score_weight=weight).scores(tree, nodes, rng) - Frontier().scores(tree, nodes, rng)
    assert added.tolist() == pytest.approx([weight * (0.5 if np.isnan(s) else s) for s in tree.score[nodes]])
