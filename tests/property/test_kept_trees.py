"""Whole trees that a spec keeps say all that the search did.

1. Nothing but the record drives a second search to the same record: nodes, order of expansion, scores, verdicts.
2. The score of each choice is what the selector's formula (or UCT, among siblings) gives for the tree of that time.
3. The record has the finished tree's numbers, and a search that keeps nothing has no record.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_rounds import run_scripted, scripted_spec
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, advance, run

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.components.rollouts.tree import Tree
from dsk.core.errors import InterruptedRun
from dsk.core.roles import Known
from dsk.core.run.stored_groups import group_files, read_groups, step_file
from dsk.core.run.stored_trees import TREES, read_trees
from dsk.core.sampling.open_nodes import Choice
from dsk.core.seeding import derive_seed
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Sample, Verdict

SEED = 5
SELECTORS = ("frontier", "frontier_ucb", "uct", "puct", "random")
shares = st.floats(0.0, 1.0)
policies = st.builds(ScriptedPolicy, st.integers(0, 10**6), shares, shares, shares, shares)
specs = st.builds(
    Tree,
    width=st.integers(1, 4),
    max_depth=st.integers(1, 6),
    trajectories=st.integers(1, 8),
    max_expansions=st.sampled_from([0, 1, 7, 30]),
    record=st.sampled_from(["one", "all"]),
    selector=st.sampled_from(SELECTORS),
)
prefixes = st.lists(st.integers(0, 9), max_size=2).map(tuple)


def keeping(spec: Tree, given_tokens: tuple[int, ...] = ()) -> TreeSearch:
    setting = replace(SETTING, keep_trees=True)
    return TreeSearch(PROBLEM, Known((1, 2), given_tokens), spec, SEED, setting)


def record_of(search: TreeSearch) -> TreeRecord:
    tree = search.group().tree
    assert tree is not None
    return tree


def replay(record: TreeRecord, search: TreeSearch) -> TreeSearch:
    """Run `search` with what `record` says was sampled below each node and judged of each end."""
    verdicts = zip(record.verified, record.rewards, record.correct, record.answers, strict=True)
    verdict = {int(n): Verdict(bool(correct), answer, "", (r + 1) / 2) for n, r, correct, answer in verdicts}
    while requests := search.requests():
        assert search.target is not None
        children = np.flatnonzero(record.parent == search.target)
        for question in search.deliver(requests[0].id, [sample(record, int(child)) for child in children]):
            search.answer(question.id, verdict[question.id])
    return search


def sample(record: TreeRecord, node: int) -> Sample:
    span = slice(int(record.token_ends[node - 1]), int(record.token_ends[node]))
    return Sample(tuple(record.tokens[span].tolist()), tuple(record.logprobs[span].tolist()), record.stops[node], 0)


@given(specs, policies, prefixes)
def test_the_record_alone_replays_its_search(spec: Tree, policy: ScriptedPolicy, given_tokens: tuple[int, ...]) -> None:
    record = record_of(run(keeping(spec, given_tokens), policy))
    assert record_of(replay(record, keeping(spec, given_tokens))) == record
    assert record.step_tokens(0).tolist() == list(given_tokens)


def formula(search: TreeSearch) -> Choice:
    """What the search should expand next, from every node of its tree as it is now."""
    tree, rng = search.tree, np.random.default_rng(derive_seed(SEED, "select", len(search.choices)))
    open_nodes = [n for n in range(tree.size) if not tree.expanded[n] and not tree.terminal[n]]
    last = search.choices[-1].node
    siblings = [n for n in range(tree.size) if tree.parent[n] == last]
    if siblings and not any(tree.terminal[n] for n in siblings):
        scores = [plain_uct(search, n) for n in siblings]
        return Choice(siblings[scores.index(max(scores))], max(scores), len(siblings), among_siblings=True)
    if search.spec.selector.mode == "frontier":
        scores = search.spec.selector.scores(tree, np.array(open_nodes), rng)
        best = min((n for n, s in zip(open_nodes, scores, strict=True) if s == scores.max()), key=tree.indices)
        return Choice(best, float(scores.max()), len(open_nodes))
    node = 0
    while tree.expanded[node]:
        below = [c for c in tree.children(node) if any(c in tree.path(n) for n in open_nodes)]
        scores = search.spec.selector.scores(tree, np.array(below), rng)
        node = below[int(scores.argmax())]
    return Choice(node, float(scores.max()), len(below), among_siblings=True)


def plain_uct(search: TreeSearch, node: int) -> float:
    tree = search.tree
    visits, parent_visits = int(tree.visits[node]), int(tree.visits[tree.parent[node]])
    if not visits:
        return 0.0
    bonus = search.spec.exploration * math.sqrt(math.log(parent_visits) / visits) if parent_visits else 0.0
    return float(tree.value[node]) / visits + bonus


@given(specs, policies)
def test_the_recorded_score_is_the_formulas_at_the_time_of_the_choice(spec: Tree, policy: ScriptedPolicy) -> None:
    search, expected = keeping(spec), [Choice(0, math.nan, 1)]
    while advance(search, policy):
        if search.target is not None:
            expected.append(formula(search))
    record = record_of(search)
    assert record.order.tolist() == [choice.node for choice in expected]
    np.testing.assert_allclose(record.choice_score, [choice.score for choice in expected], rtol=1e-12)
    assert record.candidates.tolist() == [choice.candidates for choice in expected]
    assert record.among_siblings.tolist() == [choice.among_siblings for choice in expected]


@given(specs, policies)
def test_the_record_has_every_node_of_the_finished_tree(spec: Tree, policy: ScriptedPolicy) -> None:
    search = run(keeping(spec), policy)
    record, tree = record_of(search), search.tree
    assert [record.step_tokens(n).tolist() for n in range(tree.size)] == [
        tree.step_tokens(n).tolist() for n in range(tree.size)
    ]
    for name in ("parent", "visits", "value", "entropy", "terminal"):
        np.testing.assert_array_equal(getattr(record, name), getattr(tree, name))
    assert set(record.verified) == set(np.flatnonzero(tree.terminal))
    assert run(TreeSearch(PROBLEM, Known((1, 2)), spec, SEED, SETTING), policy).group() == replace(
        search.group(), tree=None
    )


def test_a_run_keeps_its_trees_beside_its_groups_and_a_resume_rolls_them_back(tmp_path: Path) -> None:
    spec, folder = scripted_spec([0.3] * 5, 0.0, keep="trees", rounds={"count": 3}), tmp_path / "run"
    with pytest.raises(InterruptedRun):
        run_scripted(spec, folder, should_stop=lambda: any(folder.glob("trees/*.trees.jsonl.zst")))
    stale = step_file(folder, 99, TREES)
    stale.write_bytes(b"of a crash")
    done = run_scripted(spec, folder, resume=True)
    assert not stale.exists()
    origins = {"search": 0, "cached": 0}
    for file in group_files(done.folder):
        groups, trees = read_groups(file), read_trees(file.with_name(f"{file.name[:6]}{TREES}.jsonl.zst"))
        assert [t.problem_id for t in trees] == [g.problem.id for g in groups if g.origin == "search"]
        origins.update({g.origin: origins[g.origin] + 1 for g in groups})
    assert min(origins.values()) > 0


def test_a_run_that_keeps_groups_writes_no_trees(tmp_path: Path) -> None:
    done = run_scripted(scripted_spec([0.3] * 3, 0.0, rounds={"count": 1}), tmp_path / "run")
    assert group_files(done.folder)
    assert not list(done.folder.glob("trees/*.trees.*"))
