"""The field's credit against its formulas, written out over the ends of a group, on random trees
and on what rollouts make.

1. Every built-in advantage keeps the contract.
2. `monte_carlo`: leaves, children, siblings' deviation; early leaves make the two values differ.
3. `tree_rl`: the authors' code and the paper's equation; one end, equal ends, the fill.
4. `tree_group`: trees of one, equal rewards. `subgroup`: rows of unequal depth, one response.
5. `probed`: VinePPO's steps, its bound on states, SPO-chain's first tokens.
6. `outcome`: leave one out, and baselines over what is not trained.
7. The overlong penalty acts under each; a group of whole responses has credit under each that allows it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.advantages import (
    MonteCarloAdvantage,
    NodeAdvantage,
    OutcomeAdvantage,
    ProbedAdvantage,
    SubgroupAdvantage,
    TreeGroupAdvantage,
    TreeRLAdvantage,
)
from dsk.components.rollouts.branch import Branch
from dsk.components.rollouts.levels import Levels
from dsk.components.rollouts.lockstep import Lockstep
from dsk.components.rollouts.probed import Probed
from dsk.components.rollouts.tree import Tree
from dsk.core.roles import Advantage, Rollout
from dsk.core.spec import OverlongSpec, SoftClipSpec
from dsk.core.training.batch import overlong_penalty, shape_scores
from dsk.core.types import Group, Problem, Terminal, Trajectory
from dsk.testing import AdvantageContract
from dsk.testing.groups import random_group
from dsk.testing.jobs import World, play, start

ROLLOUTS = (
    Branch(chains=2, rounds=2),
    Levels(widths=(2, 3), step_tokens=3),
    Lockstep(width=6, segment_tokens=3, depth=4),
    Probed(samples=4, probes=2, max_states=2),
    Tree(width=3, max_depth=4, step_tokens=3, trajectories=4, record="all"),
)


def sampled(seed: int, rollout: Rollout) -> Group:
    """What a rollout makes of a scripted world; probed responses that are equal share their nodes."""
    world = World(seed)
    return play(world, start(rollout, world, world.known(), seed)).end


groups = st.one_of(
    st.builds(random_group, st.integers(0, 10**6), st.booleans()),
    st.builds(sampled, st.integers(0, 10**6), st.sampled_from(ROLLOUTS)).filter(lambda group: group.trajectories),
)
Path = tuple[int, ...]

ADVANTAGES: dict[str, Advantage] = {
    "node": NodeAdvantage(),
    "leaves": MonteCarloAdvantage(),
    "children": MonteCarloAdvantage(value="children"),
    "siblings": MonteCarloAdvantage(scale="siblings"),
    "children and siblings": MonteCarloAdvantage(value="children", scale="siblings"),
    "TreeRL": TreeRLAdvantage(),
    "TreeRL's paper": TreeRLAdvantage(form="paper"),
    "Tree-GRPO": TreeGroupAdvantage(),
    "TreePO": SubgroupAdvantage(),
    "TreePO by size": SubgroupAdvantage(weight="size", flat="drop"),
    "VinePPO": ProbedAdvantage(),
    "leave one out": OutcomeAdvantage(normalisation="leave_one_out"),
    "leave one out of all": OutcomeAdvantage(normalisation="leave_one_out", baseline="all"),
    "Reinforce-Ada": OutcomeAdvantage(baseline="all"),
    "deviation of all": OutcomeAdvantage(normalisation="mean_std", baseline="all"),
}


for title, made in ADVANTAGES.items():  # the contract's classes: pytest collects them by name
    globals()[f"Test {title}"] = type(f"Test {title}", (AdvantageContract,), {"make_advantage": lambda _, a=made: a})


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def under(group: Group, path: Path) -> list[Terminal]:
    """The ends that begin with `path`, probes left out."""
    return [end for end in group.verified if not end.probe and end.path[: len(path)] == path]


def leaf_value(group: Group, path: Path) -> float:
    return mean([end.reward for end in under(group, path)])


def child_value(group: Group, path: Path) -> float:
    ends = [end.reward for end in under(group, path) if end.path == path]
    steps = {end.path[: len(path) + 1] for end in under(group, path)} - {path}
    return mean([*ends, *(child_value(group, step) for step in sorted(steps))])


def prefixes(trajectory: Trajectory) -> list[Path]:
    return [trajectory.node_ids[:depth] for depth in range(len(trajectory.node_ids) + 1)]


def same(credit: Sequence[Sequence[float]], expected: Sequence[Sequence[float]], size: float = 1e-9) -> None:
    assert [len(path) for path in credit] == [len(path) for path in expected]
    for path, wanted in zip(credit, expected, strict=True):
        assert path == pytest.approx(wanted, rel=1e-9, abs=size)


def each_step(group: Group, formula: Any) -> list[list[float]]:
    """formula(parent's path, node's path) for each node of each trajectory."""
    return [[formula(p, s) for p, s in zip(prefixes(t), prefixes(t)[1:], strict=False)] for t in group.trajectories]


@given(groups, st.sampled_from(["leaves", "children"]))
def test_monte_carlo_credit_is_the_gain_in_value(group, value):
    v = {"leaves": leaf_value, "children": child_value}[value]
    same(MonteCarloAdvantage(value=value).values(group), each_step(group, lambda p, s: v(group, s) - v(group, p)))


@given(groups, st.sampled_from(["leaves", "children"]))
def test_siblings_deviation_is_of_the_population_and_leaves_no_noise(group, value):
    v = {"leaves": leaf_value, "children": child_value}[value]

    def scaled(parent, node):
        steps = sorted({end.path[: len(node)] for end in under(group, parent)})
        gain = v(group, node) - v(group, parent)
        deviation = statistics.pstdev([v(group, step) for step in steps])
        return gain / (deviation + 1e-8) if abs(gain) > 1e-12 else 0.0

    same(MonteCarloAdvantage(value=value, scale="siblings").values(group), each_step(group, scaled))


@given(groups)
def test_tree_rl_is_what_the_authors_code_computes(group):
    ends = under(group, ())

    def others(end):  # x_l
        return end.reward - mean([other.reward for other in ends if other is not end]) if len(ends) > 1 else 0.0

    def shared(path):  # U
        through = [t for t in group.trajectories if t.node_ids[: len(path)] == path]
        return mean([others(end) for end in under(group, path)]) / math.sqrt(len(through))

    expected = []
    for trajectory in group.trajectories:
        path = prefixes(trajectory)
        gains = [shared(path[i]) - shared(path[i - 1]) for i in range(1, len(path))]
        for i in range(1, len(gains)):
            if abs(gains[i]) < 1e-8:
                gains[i] = gains[i - 1]
        expected.append([gain + shared(step) for gain, step in zip(gains, path[1:], strict=True)])
    same(TreeRLAdvantage().values(group), expected)


@given(groups)
def test_tree_rl_of_the_paper_is_global_plus_local_advantage_over_the_root_of_the_ends_below(group):
    def credit(parent, node):
        value = leaf_value(group, node)
        gains = (value - leaf_value(group, ())) + (value - leaf_value(group, parent))
        return gains / math.sqrt(len(under(group, node)))

    same(TreeRLAdvantage(form="paper").values(group), each_step(group, credit))


def standardised(reward: float, rewards: Sequence[float]) -> float:
    centre, deviation = (mean(rewards), statistics.stdev(rewards)) if len(rewards) > 1 else (0.0, 1.0)
    return (reward - centre) / (deviation + 1e-6)


@given(groups)
def test_tree_group_is_the_sum_of_two_standardised_rewards(group):
    expected = []
    for t in group.trajectories:
        everyone = [other.reward for other in group.trajectories]
        tree = [other.reward for other in group.trajectories if other.tree == t.tree]
        expected.append([standardised(t.reward, everyone) + standardised(t.reward, tree)] * len(t.node_ids))
    same(TreeGroupAdvantage().values(group), expected)


@given(groups, st.sampled_from(["equal", "size"]), st.sampled_from(["keep", "drop"]))
def test_subgroup_is_the_mean_over_the_groups_that_share_a_beginning(group, weight, flat):
    deepest = max(len(end.path) for end in under(group, ()))
    expected = []
    for t in group.trajectories:
        terms, weights = [], []
        for j in range(deepest):  # G_j; a row of fewer than j nodes shares them with nobody
            members = [end.reward for end in under(group, ()) if end.path[:j] == t.node_ids[:j]]
            alone, equal = len(members) == 1, len(set(members)) == 1
            if j == 0 or not (alone or (equal and flat == "drop")):
                baseline = mean(members) if len(under(group, ())) > 1 else 0.0
                terms.append(t.reward - baseline)
                weights.append(len(members) if weight == "size" else 1)
        expected.append([sum(w * x for w, x in zip(weights, terms, strict=True)) / sum(weights)] * len(t.node_ids))
    same(SubgroupAdvantage(weight=weight, flat=flat).values(group), expected)


@given(groups)
def test_probed_credit_is_the_change_of_the_probes_mean(group):
    expected = []
    for t in group.trajectories:
        seen, row = False, []
        states = prefixes(t)[:-1]
        probes = [[end.reward for end in group.terminals if end.probe and end.path == state] for state in states]
        values = [mean(rewards) if rewards else t.reward for rewards in probes]
        for i in range(len(states)):
            seen = seen or bool(probes[i])
            last = i == len(states) - 1
            reward, after = (t.reward, 0.0) if last else (0.0, values[i + 1])
            row.append(reward + after - values[i] if seen else 0.0)
        expected.append(row)
    same(ProbedAdvantage().values(group), expected)


@given(groups)
def test_probed_credit_adds_up_to_the_reward_less_the_first_probed_value(group):
    for t, row in zip(group.trajectories, ProbedAdvantage().values(group), strict=True):
        probes = [[e.reward for e in group.terminals if e.probe and e.path == state] for state in prefixes(t)[:-1]]
        first = next((mean(rewards) for rewards in probes if rewards), t.reward)
        assert math.fsum(row) == pytest.approx(t.reward - first, abs=1e-9)


@given(groups)
def test_nothing_but_probed_reads_the_probes(group):
    plain = replace(group, terminals=tuple(end for end in group.terminals if not end.probe))
    for advantage in ADVANTAGES.values():
        if not isinstance(advantage, ProbedAdvantage):
            assert advantage.values(group) == advantage.values(plain)


@given(groups, st.sampled_from(["trained", "all"]))
def test_leave_one_out_compares_with_the_mean_of_the_others(group, baseline):
    expected = []
    for number, t in enumerate(group.trajectories):
        if baseline == "trained":
            others = [other.reward for i, other in enumerate(group.trajectories) if i != number]
        else:
            others = [end.reward for end in under(group, ())]
            others.remove(t.reward)
        expected.append([t.reward - mean(others) if others else 0.0] * len(t.node_ids))
    same(OutcomeAdvantage(normalisation="leave_one_out", baseline=baseline).values(group), expected)


@given(groups, st.sampled_from(["mean", "mean_std"]))
def test_a_baseline_of_all_counts_what_is_not_trained(group, how):
    rewards = [end.reward for end in under(group, ())]
    deviation = statistics.stdev(rewards) if how == "mean_std" and len(set(rewards)) > 1 else 1.0
    expected = [[(t.reward - mean(rewards)) / deviation] * len(t.node_ids) for t in group.trajectories]
    same(OutcomeAdvantage(normalisation=how, baseline="all").values(group), expected)


@given(groups)
def test_where_all_is_trained_and_nothing_shared_the_methods_meet(group):
    """Independent responses: a leaf's value is its reward, and the only group is the prompt's."""
    flat = whole([t.reward for t in group.trajectories])
    n = len(flat.trajectories)
    factor = n / (n - 1) if n > 1 else 0.0
    centred = OutcomeAdvantage().values(flat)
    same(MonteCarloAdvantage().values(flat), centred)
    same(MonteCarloAdvantage(value="children").values(flat), centred)
    same(TreeRLAdvantage().values(flat), [[2 * factor * value for value in path] for path in centred])
    same(TreeRLAdvantage(form="paper").values(flat), [[2 * value for value in path] for path in centred])
    if n > 1:
        same(SubgroupAdvantage().values(flat), centred)


@given(st.sampled_from([-1.0, 0.1, 0.7, 1.0]), st.integers(2, 7), st.sampled_from(sorted(ADVANTAGES)))
def test_equal_rewards_leave_no_credit_at_all(reward, n, name):
    flat = whole([reward] * n)
    if name != "node":  # q there is what the search backed up
        assert {value for path in ADVANTAGES[name].values(flat) for value in path} == {0.0}


@given(groups, st.sampled_from(sorted(ADVANTAGES)))
def test_the_overlong_penalty_reaches_every_end(group, name):
    """In all terminals, probes included; and credit is read from them, not from the means that a rollout noted."""
    overlong, longest = OverlongSpec(buffer=4, factor=0.5), 6
    shaped = shape_scores(group, SoftClipSpec(), overlong, longest)
    for before, after in zip(group.terminals, shaped.terminals, strict=True):
        assert after.reward == before.reward + overlong_penalty(before.length, overlong, longest)
        assert (after.correct, after.probe, after.path) == (before.correct, before.probe, before.path)
    for t in shaped.trajectories:
        assert t.mean_rewards == pytest.approx([leaf_value(shaped, path) for path in prefixes(t)])
        assert {end.reward for end in under(shaped, t.node_ids)} == {t.reward}
    again = replace(shaped, trajectories=tuple(replace(t, mean_rewards=()) for t in shaped.trajectories))
    assert ADVANTAGES[name].values(again) == ADVANTAGES[name].values(shaped)


@pytest.mark.parametrize("name", sorted(set(ADVANTAGES) - {"VinePPO"}))
def test_of_two_right_answers_the_overlong_one_has_less_credit(name):
    group = whole([1.0, 1.0, -1.0], lengths=[4, 20, 4])
    shaped = shape_scores(group, SoftClipSpec(), OverlongSpec(buffer=10, factor=1.0), 20)
    [[short], [long], _] = ADVANTAGES[name].values(shaped)
    assert short > long


def whole(rewards: Sequence[float], lengths: Sequence[int] | None = None) -> Group:
    """Independent responses."""
    paths = {(number,): reward for number, reward in enumerate(rewards, start=1)}
    return tree_of(paths, lengths=lengths)


def tree_of(
    ends: dict[Path, float],
    probes: dict[Path, Sequence[float]] | None = None,
    kept: Sequence[Path] | None = None,
    trees: Sequence[int] | None = None,
    lengths: Sequence[int] | None = None,
) -> Group:
    """A group from the rewards of its ends by path; one token a node where `lengths` of responses are not given."""
    sizes = lengths or [len(path) for path in ends]
    terminals = [Terminal(path, reward, size) for (path, reward), size in zip(ends.items(), sizes, strict=True)]
    fresh = [Terminal(path, r, len(path) + 1, probe=True) for path, rewards in (probes or {}).items() for r in rewards]
    members = [
        trajectory(end, tree)
        for end, tree in zip(terminals, trees or [0] * len(terminals), strict=True)
        if kept is None or end.path in kept
    ]
    return Group(Problem("p", "?", "!"), (1, 2), tuple(members), "search", terminals=(*fresh, *terminals))


def trajectory(end: Terminal, tree: int) -> Trajectory:
    depth, tokens = len(end.path), list(range(end.length))
    lengths = [1] * (depth - 1) + [end.length - depth + 1]
    values, means = (0.0,) * (depth - 1) + (end.reward,), (0.0,) * (depth + 1)
    scores: Any = (lengths, end.path, values, means, end.reward, 1.0)
    return Trajectory(tokens, [-1.0] * end.length, *scores, "eos", 0, "search", tree=tree)  # type: ignore[arg-type]


def test_an_early_leaf_weighs_as_much_as_its_sibling_subtree_by_children():
    group = tree_of({(1,): 1.0, (2, 3): -1.0, (2, 4): -1.0, (2, 5): -1.0})
    assert MonteCarloAdvantage().values(group)[0] == [1.0 - -0.5]
    assert MonteCarloAdvantage(value="children").values(group)[0] == [1.0]
    assert MonteCarloAdvantage(value="children", scale="siblings").values(group)[0] == pytest.approx([1.0])


def test_tree_rl_fills_a_step_without_gain_from_the_one_before():
    """A chain that forks only at the end of its first node: its second and third node gain nothing of their own."""
    group = tree_of({(1, 2, 3, 4): 1.0, (5,): -1.0})
    assert TreeRLAdvantage().values(group) == [[4.0, 4.0, 4.0, 4.0], [-4.0]]
    assert TreeRLAdvantage(form="paper").values(group) == [[2.0, 1.0, 1.0, 1.0], [-2.0]]


def test_tree_rl_divides_each_term_by_the_trained_responses_of_its_own_node():
    ends = {(1, 2): 1.0, (1, 3): 1.0, (4,): -1.0, (5,): -1.0}
    x = 4 / 3
    assert TreeRLAdvantage().values(tree_of(ends))[0] == pytest.approx(
        [2 * x / math.sqrt(2), (x - x / math.sqrt(2)) + x]
    )
    one_kept = tree_of(ends, kept=[(1, 2), (4,)])
    assert TreeRLAdvantage().values(one_kept)[0] == pytest.approx([2 * x, 2 * x])


@pytest.mark.parametrize("form", ["code", "paper"])
def test_tree_rl_has_no_credit_for_a_lone_end(form):
    assert TreeRLAdvantage(form=form).values(whole([1.0])) == [[0.0]]


def test_two_forks_at_one_token_make_an_empty_node_like_any_other():
    """A fork at index 0 and two at one index: nodes of no tokens keep their place in every path."""
    group = tree_of({(1, 2, 3): 1.0, (1, 2, 4): -1.0, (5,): -1.0})
    empty = replace(group.trajectories[0], tokens=[7], logprobs=[-1.0], node_lengths=[0, 0, 1])
    group = replace(group, trajectories=(empty, *group.trajectories[1:]))
    for advantage in ADVANTAGES.values():
        assert [len(path) for path in advantage.values(group)] == [3, 3, 1]


def test_a_lone_response_of_a_tree_adds_its_reward():
    group = tree_of({(1,): 1.0, (2,): -1.0, (3,): -1.0}, trees=[0, 1, 1])
    first, second, third = (path[0] for path in TreeGroupAdvantage().values(group))
    assert first == pytest.approx(standardised(1.0, [1.0, -1.0, -1.0]) + 1.0, abs=1e-5)
    assert second == third == pytest.approx(standardised(-1.0, [1.0, -1.0, -1.0]))


def test_a_prompts_only_response_gets_its_reward_under_subgroup_and_twice_under_tree_group():
    assert SubgroupAdvantage().values(whole([-1.0])) == [[-1.0]]
    assert TreeGroupAdvantage().values(whole([-1.0]))[0] == pytest.approx([-2.0], abs=1e-5)


def test_a_row_shallower_than_a_subgroup_is_not_in_it():
    group = tree_of({(1, 2, 3): 1.0, (1, 2, 4): -1.0, (1, 5): 1.0, (6,): 1.0})
    deep, _, shallow, alone = (path[0] for path in SubgroupAdvantage().values(group))
    assert alone == 0.5
    assert shallow == pytest.approx((0.5 + 2 / 3) / 2)
    assert deep == pytest.approx((0.5 + 2 / 3 + 1.0) / 3)


def test_steps_beyond_the_last_probed_state_and_before_the_first_get_nothing():
    vine = tree_of({(1, 2, 3, 4): 1.0}, probes={(): [-1.0, 1.0], (1,): [1.0, 1.0, -1.0, 1.0]})
    assert ProbedAdvantage().values(vine) == [[0.5, 0.5, 0.0, 0.0]]
    chain = tree_of({(1, 2, 3): -1.0}, probes={(1,): [1.0], (1, 2): [0.0, 1.0]})
    assert ProbedAdvantage().values(chain) == [[0.0, -0.5, -1.5]]
    assert ProbedAdvantage().values(tree_of({(1, 2): 1.0})) == [[0.0, 0.0]]


def test_a_response_that_ends_where_another_goes_on_is_no_probe_there_and_a_child_of_its_node():
    group = tree_of({(1,): -1.0, (1, 2): 1.0, (3,): 1.0})
    assert ProbedAdvantage().values(group) == [[0.0], [0.0, 0.0], [0.0]]
    assert MonteCarloAdvantage(value="children").values(group) == [[-0.5], [-0.5, 1.0], [0.5]]
