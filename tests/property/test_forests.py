"""`Forest` and `Nodes` against formulas that look at tokens alone, on random forests whose tokens are all different."""

from __future__ import annotations

import random
import tempfile
from itertools import combinations, count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.components.rollouts.jobs.forest import PROMPT, Forest, Nodes
from dsk.components.rollouts.jobs.forest_group import Harvest
from dsk.components.rollouts.jobs.forest_record import forest_record
from dsk.core.run.failures import failures_of
from dsk.core.run.stored_trees import read_trees, write_trees
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group, Problem, Sample, Verdict, mean_reward
from dsk.testing.jobs import pieces

GIVEN = (7001, 7002)


def random_forest(seed: int, chains: int = 9) -> Forest:
    """Forks anywhere, also before the first token, twice at one place and at ends; empty chains; probes at cuts."""
    rng, tokens = random.Random(seed), count(100)
    forest = Forest(GIVEN[: rng.randint(0, 2)], pieces)
    for _ in range(rng.randint(1, chains)):
        parents = [PROMPT, *(chain for chain in range(len(forest)) if not forest.probes[chain])]
        parent = rng.choice(parents)
        start = len(forest.given) if parent == PROMPT else rng.randint(forest.starts[parent], forest.ends[parent])
        length = rng.choice([0, 1, 2, 5])
        drawn = tuple(next(tokens) for _ in range(length))
        sample = Sample(drawn, tuple(-rng.random() for _ in drawn), rng.choice(["eos", "length"]), rng.randint(0, 3))
        chain = forest.add(sample, parent, start, tree=rng.randint(0, 2), probe=rng.random() < 0.3)
        if not forest.probes[chain]:
            forest.cuts[chain] |= {rng.randint(start, start + length) for _ in range(rng.randint(0, 2))}
    for chain in range(len(forest)):
        if rng.random() < 0.8:
            forest.verdicts[chain] = Verdict(rng.random() < 0.5, "a", "script", rng.random())
    return forest


def harvested(forest: Forest, merge: bool = False) -> Harvest:
    return Harvest(forest, Nodes(forest, merge), lambda verdict: 2 * verdict.score - 1)


def lineage(forest: Forest, chain: int) -> list[int]:
    return [] if chain == PROMPT else [*lineage(forest, forest.parents[chain]), chain]


def response(forest: Forest, chain: int) -> list[int]:
    """Every token, by walking down from the first chain."""
    line, tokens = lineage(forest, chain), list(forest.given)
    for one in line:
        tokens = tokens[: forest.starts[one]] + forest.tokens(one).tolist()
    return tokens


@given(st.integers(0, 10**9))
def test_a_response_is_its_chains_up_to_where_the_next_forks(seed):
    forest = random_forest(seed)
    for chain in range(len(forest)):
        tokens, logprobs = forest.response(chain, forest.ends[chain])
        assert tokens.tolist() == response(forest, chain)
        assert len(logprobs) == len(tokens)
        assert (logprobs[: len(forest.given)] == 0).all()
        own = len(tokens) - len(forest.tokens(chain))
        assert logprobs[own:].tolist() == forest.logprobs(chain).tolist()


@given(st.integers(0, 10**9))
def test_responses_share_nodes_exactly_where_they_share_tokens(seed):
    forest = random_forest(seed)
    nodes = Nodes(forest)
    whole = [chain for chain in range(len(forest)) if not forest.probes[chain]]
    for one, other in combinations(whole, 2):
        paths = [nodes.path(nodes.last(chain)) for chain in (one, other)]
        shared = set(paths[0]) & set(paths[1])
        texts = [response(forest, chain) for chain in (one, other)]
        common = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
        assert sum(nodes.length[node] for node in shared) == common - len(forest.given)


@given(st.integers(0, 10**9))
def test_a_nodes_mean_reward_is_that_of_the_ends_with_its_last_token(seed):
    forest = random_forest(seed)
    found = harvested(forest)
    rewards = {chain: 2 * verdict.score - 1 for chain, verdict in forest.verdicts.items()}
    holds = {chain: set(response(forest, chain)) for chain in rewards}
    for t in found.trajectories:
        assert t.mean_rewards[0] == pytest.approx(np.mean(list(rewards.values())), abs=1e-12)
        ends = np.cumsum([t.given, *t.node_lengths])
        for node, length, end, mean in zip(t.node_ids, t.node_lengths, ends[1:], t.mean_rewards[1:], strict=True):
            if length:
                below = [rewards[chain] for chain in rewards if int(t.tokens[end - 1]) in holds[chain]]
                assert mean == pytest.approx(np.mean(below), abs=1e-12), node
        assert t.values == t.mean_rewards[1:]


@given(st.integers(0, 10**9))
def test_a_failure_is_recoverable_as_far_as_it_has_tokens_in_common_with_a_right_end(seed):
    forest = random_forest(seed)
    found = harvested(forest)
    group = Group(Problem("p", "q", "a"), (), found.trajectories, "search", {}, found.terminals)
    wrong = [chain for chain, verdict in sorted(forest.verdicts.items()) if not verdict.correct]
    wrong = [chain for chain in wrong if not forest.probes[chain]]
    right = [response(forest, chain) for chain, verdict in forest.verdicts.items() if verdict.correct]
    failures = failures_of(group)
    assert [list(failure.tokens) for failure in failures] == [response(forest, chain) for chain in wrong]
    for failure in failures:
        common = [[a == b for a, b in zip(failure.tokens, other, strict=False)] for other in right]
        assert failure.recoverable == max(([*same, False].index(False) for same in common), default=0)


@given(st.integers(0, 10**9))
def test_an_empty_node_holds_what_forks_before_its_chains_first_token(seed):
    forest = random_forest(seed)
    found = harvested(forest)
    for chain, first in ((chain, found.nodes._own[chain]) for chain in range(len(forest)) if not forest.probes[chain]):
        start, end = forest.starts[chain], forest.ends[chain]
        forked = start in forest.cuts[chain]
        assert (found.nodes.length[first[0][1]] == 0) == (forked or start == end)
        if forked and first[0][1] in found.means:
            rewards = [2 * v.score - 1 for one, v in forest.verdicts.items() if chain in lineage(forest, one)]
            assert found.means[first[0][1]] == pytest.approx(np.mean(rewards), abs=1e-12)


@given(st.integers(0, 10**9))
def test_probes_end_at_the_node_that_they_start_from_and_are_in_no_trajectory(seed):
    forest = random_forest(seed)
    found = harvested(forest)
    judged = sorted(forest.verdicts)
    assert len(found.terminals) == len(judged)
    assert len(found.trajectories) == sum(not forest.probes[chain] for chain in judged)
    for chain, end in zip(judged, found.terminals, strict=True):
        assert end.probe == forest.probes[chain]
        assert end.length == len(response(forest, chain))
        lengths = sum(found.nodes.length[node] for node in end.path)
        assert len(forest.given) + lengths == (forest.starts[chain] if end.probe else end.length)


@given(st.integers(0, 10**9))
def test_a_trajectory_knows_its_place_its_tree_and_its_oldest_policy(seed):
    forest = random_forest(seed)
    found = harvested(forest)
    judged = [chain for chain in sorted(forest.verdicts) if not forest.probes[chain]]
    assert len({t.path for t in found.trajectories}) == len({t.node_ids for t in found.trajectories})
    for chain, t in zip(judged, found.trajectories, strict=True):
        assert t.tree == forest.trees[chain]
        assert t.version == min(forest.versions[one] for one in lineage(forest, chain))
        assert t.given == len(forest.given)
        sampled = t.logprobs[t.given :]
        assert t.entropy == (pytest.approx(-np.mean(sampled)) if len(sampled) else 0.0)


@given(st.lists(st.lists(st.lists(st.integers(1, 2), min_size=1, max_size=2), min_size=1, max_size=3), max_size=6))
def test_merged_nodes_are_the_trie_of_the_steps(responses):
    forest = Forest((), pieces)
    for steps in responses:
        tokens = tuple(token for step in steps for token in step)
        chain = forest.add(Sample(tokens, (-1.0,) * len(tokens), "eos", 0), PROMPT, 0)
        forest.cuts[chain] = set(np.cumsum([len(step) for step in steps]).tolist())
    nodes = Nodes(forest, merge=True)
    trie = {tuple(map(tuple, steps[:depth])) for steps in responses for depth in range(1, len(steps) + 1)}
    assert len(nodes) == 1 + len(trie)
    for one, other in combinations(range(len(responses)), 2):
        same = [a == b for a, b in zip(responses[one], responses[other], strict=False)]
        shared = [*same, False].index(False)
        paths = [nodes.path(nodes.last(chain)) for chain in (one, other)]
        assert len(set(paths[0]) & set(paths[1])) == shared


@pytest.mark.parametrize("merge", [False, True])
@given(seed=st.integers(0, 10**9))
def test_the_record_of_a_forest_has_its_responses_ends_and_expansions(seed, merge):
    forest = random_forest(seed)
    wave_of = sorted(random.Random(seed).randint(0, 3) for _ in range(len(forest)))
    harvest = harvested(forest, merge)
    sampled = [chain for chain in range(len(forest)) if not forest.probes[chain]]
    record = forest_record("p", harvest, set(sampled), wave_of)
    assert read_back(record) == record

    def said(node: int) -> list[int]:
        above = said(int(record.parent[node])) if node else []
        return above + record.step_tokens(node).tolist()

    lasts = {chain: harvest.nodes.last(chain) for chain in sampled}
    for chain, node in lasts.items():
        assert said(node) == response(forest, chain)
    assert set(np.flatnonzero(record.terminal)) == set(lasts.values())
    places = {(wave_of[c], forest.parents[c], forest.starts[c]): None for c in sampled}
    begun = [
        ([] if p == PROMPT else response(forest, p))[:s] if p != PROMPT else list(forest.given) for _, p, s in places
    ]
    assert [said(int(node)) for node in record.order] == begun
    ends = {c: response(forest, c) for c in sorted(forest.verdicts)}
    starts = {c: forest.starts[c] if forest.probes[c] else forest.ends[c] for c in ends}
    assert [said(int(node)) for node in record.verified] == [ends[c][: starts[c]] for c in ends]
    for node in range(len(record.parent)):
        tokens = said(node)
        held = [c for c in ends if node in (0, *harvest.nodes.path(int(record.verified[list(ends).index(c)])))]
        assert record.visits[node] == len(held)
        assert record.value[node] == pytest.approx(
            mean_reward([2 * forest.verdicts[c].score - 1 for c in held] or [0.0])
        )
        assert all(ends[c][: len(tokens)] == tokens for c in held)


def read_back(record: TreeRecord) -> TreeRecord:
    with tempfile.TemporaryDirectory() as folder:
        group = Group(Problem("p", "q", "a"), (), (), "search", {}, (), tree=record)
        write_trees(Path(folder) / "0.trees.jsonl.zst", [group])
        (found,) = read_trees(Path(folder) / "0.trees.jsonl.zst")
    return found
