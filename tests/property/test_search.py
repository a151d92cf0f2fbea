"""Invariants of ALGORITHM.md sections 2 to 4 over random scripts, widths and depths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_search import ScriptedPolicy, advance, make_search, run

from dsk.components.rollouts.tree import Tree

SELECTORS = [
    {"kind": "frontier"},
    {"kind": "frontier", "value_weight": 0.0, "depth_weight": 0.0},
    {"kind": "frontier", "entropy_weight": 0.4, "depth_bonus": "log"},
    {"kind": "frontier", "entropy_weight": -0.4, "depth_bonus": "linear"},
    {"kind": "uct"},
    {"kind": "puct"},
    {"kind": "random"},
]
shares = st.floats(0.0, 1.0)
policies = st.builds(ScriptedPolicy, st.integers(0, 10**6), shares, shares, shares, shares)


@st.composite
def specs(draw, **fixed):
    fields = {
        "width": draw(st.integers(1, 4)),
        "max_depth": draw(st.integers(1, 6)),
        "trajectories": draw(st.integers(1, 8)),
        "max_expansions": draw(st.sampled_from([0, 1, 7, 30])),
        "step_tokens": 5,
        "record": draw(st.sampled_from(["one", "all"])),
        "selector": draw(st.sampled_from(SELECTORS)),
        "negative": draw(st.sampled_from(["most_confident", "least_confident", "random"])),
    }
    return Tree.model_validate({**fields, **fixed})


def response(search, node):
    return search.tree.response(node)[0].tolist()


def open_by_walking(search):
    """The frontier, by looking at every node."""
    tree = search.tree
    return [
        n for n in range(tree.size)
        if not tree.expanded[n] and not tree.terminal[n] and tree.depth[n] < search.spec.max_depth
    ]  # fmt: skip


@given(specs(), policies)
def test_every_search_ends_cleanly(spec, policy):
    search = run(make_search(spec), policy)
    assert search.requests() == []
    assert not search.open
    enough = len(search.recorded) >= spec.trajectories
    spent = bool(spec.max_expansions) and len(search.expansion_order) == spec.max_expansions
    assert enough or spent or not open_by_walking(search)


@given(specs(), policies)
def test_frontier_is_the_brute_force_frontier_after_every_expansion(spec, policy):
    search = make_search(spec)
    while advance(search, policy):
        assert search.frontier.nodes() == open_by_walking(search)
        assert bool(search.frontier) == bool(open_by_walking(search))


@given(specs(selector={"kind": "frontier", "entropy_weight": 0.2}), policies)
def test_incremental_selection_equals_recomputing_every_score(spec, policy):
    search = make_search(spec)
    rng = np.random.default_rng(0)
    while advance(search, policy):
        nodes = open_by_walking(search)
        if not nodes:
            break
        scores = spec.selector.scores(search.tree, np.asarray(nodes), rng)
        best = [n for n, s in zip(nodes, scores, strict=True) if s == scores.max()]
        assert search.frontier.select(rng) == min(best, key=search.tree.indices)


@given(specs(backup="constrained"), policies)
def test_constrained_backup_keeps_the_papers_invariants(spec, policy):
    search = run(make_search(spec), policy)
    tree = search.tree
    solved = {n for item in search.recorded if item.reward > 0 for n in tree.path(item.node)}
    assert all(tree.value[n] > 0 for n in solved)
    assert all(n not in solved for n in range(tree.size) if tree.value[n] < 0)


@given(specs(), policies, st.sampled_from(["constrained", "simple", "mean"]))
def test_visits_count_recorded_trajectories_and_births(spec, policy, backup):
    spec = spec.model_copy(update={"backup": Tree.model_validate({"backup": backup}).backup})
    search = run(make_search(spec), policy)
    tree = search.tree
    expected = np.where(tree.terminal | (np.arange(tree.size) == 0), 0, 1)
    for item in search.recorded:
        expected[tree.path(item.node)] += 1
    assert tree.visits.tolist() == expected.tolist()
    assert tree.visits[0] == len(search.recorded)


@given(specs(boundary="surprise"), policies)
def test_a_tree_counts_every_token_it_was_given_and_knows_when_it_was_first_solved(spec, policy):
    search, given_tokens, first = make_search(spec), 0, None
    while requests := search.requests():
        (request,) = requests
        samples = [policy.sample(request.prefix, i) for i in range(request.n)]
        given_tokens += sum(len(sample.tokens) for sample in samples)
        verdicts = {question.id: policy.verdict(question) for question in search.deliver(request.id, samples)}
        for question, verdict in verdicts.items():
            search.answer(question, verdict)
        if first is None and any(v.correct for v in verdicts.values()):
            first = given_tokens
    stats = search.group().stats
    assert stats["tokens"] == given_tokens
    assert stats.get("tokens_to_first_solution") == first


@given(specs(backup="mean", record="one"), policies)
def test_mean_backup_is_the_monte_carlo_mean(spec, policy):
    search = run(make_search(spec), policy)
    rewards = [item.reward for item in search.recorded]
    assert search.tree.value[0] == sum(rewards)


@given(specs(), policies)
def test_monte_carlo_means_equal_recomputation_over_verified_terminals(spec, policy):
    search = run(make_search(spec), policy)
    tree = search.tree
    judged = [n for n in range(tree.size) if tree.terminal[n]]
    for node in range(tree.size):
        below = [1.0 if policy.correct(response(search, n)) else -1.0 for n in judged if node in tree.path(n)]
        assert tree.mean_reward[node] == pytest.approx(sum(below) / len(below) if below else 0.0)


@given(specs(), policies)
def test_the_same_script_grows_the_same_tree(spec, policy):
    first, second = run(make_search(spec), policy), run(make_search(spec), policy)
    assert first.expansion_order == second.expansion_order
    assert first.group() == second.group()


@given(specs(record="one", max_expansions=0), policies)
def test_the_recorded_correct_trajectory_is_the_most_confident_of_its_expansion(spec, policy):
    search = run(make_search(spec), policy)
    for item in (i for i in search.recorded if i.reward > 0):
        siblings = search.tree.children(int(search.tree.parent[item.node]))
        correct = [n for n in siblings if search.tree.terminal[n] and policy.correct(response(search, n))]
        assert item.entropy == min(search.trajectory_entropy(n) for n in correct)


@given(specs(), st.integers(0, 10**6), shares)
def test_non_finite_log_probabilities_are_dropped_and_counted(spec, seed, share):
    search = run(make_search(spec), ScriptedPolicy(seed, 0.4, 0.5, nan_share=share))
    assert np.isfinite(search.tree.entropy).all()
    grown = search.tree.size - 1 + search.dropped_samples
    assert grown == spec.width * len(search.expansion_order)


@given(specs(), policies)
def test_trajectories_carry_their_path_whole(spec, policy):
    for trajectory in run(make_search(spec), policy).group().trajectories:
        depth = len(trajectory.path)
        assert sum(trajectory.node_lengths) == len(trajectory.tokens) == len(trajectory.logprobs)
        assert len(trajectory.values) == len(trajectory.node_lengths) == depth == len(trajectory.mean_rewards) - 1
        assert math.isfinite(trajectory.entropy)


def test_all_children_of_the_root_terminal_ends_the_tree():
    search = run(make_search(Tree(width=3)), ScriptedPolicy(0, terminal_share=1.0, correct_share=0.0))
    assert (len(search.expansion_order), len(search.recorded)) == (1, 1)


def test_no_sample_survives_ends_the_tree_with_nothing():
    policy = ScriptedPolicy(0, 0.5, 0.5, empty_share=0.0, nan_share=1.0)
    search = run(make_search(Tree(width=3)), policy)
    assert search.group().trajectories == ()


def test_empty_steps_end_at_the_deepest_level():
    policy = ScriptedPolicy(0, terminal_share=0.0, correct_share=0.0, empty_share=1.0)
    search = run(make_search(Tree(width=1, max_depth=5)), policy)
    assert search.tree.depth[search.recorded[0].node] == 5


def test_end_of_sequence_on_the_last_token_of_a_full_step_is_terminal():
    search = make_search(Tree(width=1, step_tokens=5))
    policy = ScriptedPolicy(0, terminal_share=1.0, correct_share=1.0, empty_share=0.0)
    run(search, policy)
    assert search.recorded[0].reward == 1.0


def test_selecting_from_an_exhausted_tree_is_an_error():
    search = run(make_search(Tree(width=1)), ScriptedPolicy(0, 1.0, 0.0))
    with pytest.raises(ValueError, match="no open node"):
        search.frontier.select(np.random.default_rng(0))
