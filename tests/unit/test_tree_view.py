"""Trees of runs and searches as pages: which tree, what is in it, and one line where there is none."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted_rounds import run_scripted, scripted_spec
from scripted_search import PROBLEM, SETTING, ScriptedPolicy, run
from tree_rows import random_group

from dsk.cli.tree_lines import tree_lines
from dsk.components.backups.mean import Mean
from dsk.components.rollouts.tree import Tree
from dsk.components.selectors.frontier import Frontier
from dsk.core.errors import DataError, RunFolderError
from dsk.core.roles import Known
from dsk.core.spec import RunSpec
from dsk.core.tree_record import TreeRecord
from dsk.core.types import Group
from dsk.treeview import Rules, Trained, rules_of, trained_on, tree_data, trees_page
from dsk.treeview.run_trees import KeptTree, kept_trees, pick_tree

HOSTILE = "</script><script>alert(1)</script>\u202e\u2066 [red]\x00\x1b[31m"


def grown(policy_seed: int = 3, **changes: object) -> tuple[Group, TreeRecord]:
    from dsk.components.rollouts.jobs.tree_search import TreeSearch

    spec = Tree(**{"width": 3, "max_depth": 5, "trajectories": 6, **changes})  # type: ignore[arg-type]
    search = TreeSearch(PROBLEM, Known((1, 2)), spec, 5, replace(SETTING, keep_trees=True))
    group = run(search, ScriptedPolicy(policy_seed, 0.3, 0.4)).group()
    assert group.tree is not None
    return group, group.tree


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run that keeps its trees, and one that does not."""
    folder = tmp_path_factory.mktemp("runs")
    run_scripted(scripted_spec([0.4] * 5, 0.0, keep="trees", rounds={"count": 2}), folder / "kept")
    run_scripted(scripted_spec([0.4] * 3, 0.0, rounds={"count": 1}), folder / "none")
    return folder


def test_a_runs_trees_are_found_with_the_groups_that_were_trained_on_them(kept):
    trees = kept_trees(kept / "kept")
    assert trees
    for tree in trees:
        assert tree.group.problem.id == tree.record.problem_id
        assert {t.node_ids[-1] for t in tree.group.trajectories} <= set(tree.record.verified.tolist())
    assert [tree.step for tree in trees] == sorted(tree.step for tree in trees)


def test_a_run_without_trees_is_told_which_field_to_set(kept):
    with pytest.raises(RunFolderError, match=r'keeps no whole trees; run it with keep = "trees"') as caught:
        kept_trees(kept / "none")
    assert len(caught.value.lines()) == 1
    with pytest.raises(RunFolderError, match="holds no run"):
        kept_trees(kept)


def test_a_tree_is_picked_by_problem_and_step_and_else_by_interest(kept):
    trees = kept_trees(kept / "kept")
    problem = trees[0].record.problem_id
    mine = [tree for tree in trees if tree.record.problem_id == problem]
    assert pick_tree(trees, problem) is mine[-1]
    assert pick_tree(trees, problem, mine[0].step) is mine[0]
    assert pick_tree(trees).interest == max(tree.interest for tree in trees)
    with pytest.raises(DataError, match="no tree of problem 'q'"):
        pick_tree(trees, "q")
    with pytest.raises(DataError, match=r"at step 99; steps that have one: \d"):
        pick_tree(trees, problem, 99)


def test_a_tree_with_right_and_wrong_ends_is_more_interesting_than_a_larger_one():
    group, record = grown()
    assert 0 < record.correct.sum() < len(record.correct)
    mixed = KeptTree(1, record, group)
    wrong = replace(record, correct=np.zeros(len(record.correct), np.bool_), parent=np.append(record.parent, 0))
    assert pick_tree([mixed, KeptTree(1, wrong, group)]) is mixed


def test_the_advantage_of_a_node_is_the_mean_over_the_trained_responses_through_it():
    group, spec = random_group(4), RunSpec.model_validate({**BARE, "train": {"advantage": "outcome"}})
    trained = trained_on(group, 10, spec)
    rewards = [t.reward for t in group.trajectories]
    for node in range(10):
        through = [t.reward - np.mean(rewards) for t in group.trajectories if node in t.node_ids]
        assert trained.trajectories[node] == len(through)
        expected = np.mean(through) if through else np.nan
        np.testing.assert_allclose(trained.advantage[node], expected, atol=1e-12)
    assert trained.note == ""


BARE = {"name": "bare", "model": {"path": "bundled:tiny-reasoner"}, "task": {"kind": "arithmetic"}}


def test_rules_come_from_the_tree_within_a_prefix_and_from_neither_of_two_that_differ():
    tree = {"kind": "tree", "selector": "puct", "exploration": 0.5}
    inside = rules_of(RunSpec.model_validate({**BARE, "rollout": {"kind": "prefix", "rollout": tree}, "replay": None}))
    assert inside is not None
    assert (inside.selector.kind, inside.exploration) == ("puct", 0.5)
    both = {"rollout": tree, "replay": {"kind": "prefix", "rollout": {"kind": "tree"}}}
    assert rules_of(RunSpec.model_validate({**BARE, **both})) is None
    assert rules_of(RunSpec.model_validate({**BARE, "rollout": "direct"})) is None


def test_without_rules_the_recorded_scores_are_shown_and_the_page_says_so():
    _, record = grown()
    data = tree_data(record, PROBLEM, str)
    assert (data["rules"], data["numbers"]) == (None, [])
    assert [c["node"] for c in data["choices"]] == record.order.tolist()
    assert "only the scores that it recorded" in data["note"]


def test_nothing_a_tree_says_leaves_the_script_element_that_holds_it():
    _, record = grown()
    trained = Trained(np.full(len(record.parent), np.nan), np.zeros(len(record.parent), np.int64))
    problem = replace(PROBLEM, id=HOSTILE, prompt=HOSTILE, answer=HOSTILE)
    data = tree_data(record, problem, lambda tokens: HOSTILE, trained=trained, title=HOSTILE)
    page = trees_page(HOSTILE, [data])
    assert page.count("</script>") == 2
    (inside,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    read = json.loads(inside)["trees"][0]
    assert read["nodes"]["text"][1] == read["problem"]["prompt"] == HOSTILE
    assert read["trained"]["advantage"][0] is None


@pytest.mark.parametrize("width", [40, 80, 133])
def test_a_tree_on_the_terminal_is_as_wide_as_the_terminal_and_one_line_a_node(width):
    _, record = grown(width=4, max_depth=30, trajectories=40)
    data = tree_data(record, PROBLEM, lambda tokens: HOSTILE * 3)
    head, *lines = [line.plain for line in tree_lines(data, width)]
    assert len(lines) == len(record.parent)
    assert max(map(len, [head, *lines])) <= width
    assert all(line.isprintable() for line in lines)


def test_a_line_has_the_order_the_selectors_score_and_the_verdict():
    _, record = grown()
    lines = [line.plain for line in tree_lines(tree_data(record, PROBLEM, str), 100)]
    orders = sorted(int(line[:4]) for line in lines[1:] if line[:4].strip())
    assert orders == list(range(1, len(record.order) + 1))
    second = next(line for line in lines if line[:4].strip() == "2")
    assert float(second[4:12]) == pytest.approx(record.choice_score[1], abs=6e-4)
    assert sum(" right " in line for line in lines) == record.correct.sum()
    assert sum(" wrong " in line for line in lines) == (~record.correct).sum()


def test_a_trees_page_is_one_file_that_names_its_page(tmp_path: Path):
    _, record = grown()
    page = trees_page("two", [tree_data(record, PROBLEM, str, title=name) for name in ("a", "b")])
    assert '"page":"trees"' in page
    assert not re.search(r'(src|href)="', page.split("<script>")[0])


@pytest.mark.parametrize("rollout", [{"kind": "branch"}, {"kind": "levels", "widths": [2, 3]}, "probed"])
def test_a_forest_of_waves_is_shown_without_a_selector_and_with_every_node_in_time(rollout):
    """Its values are means already, its probes are no ends, and a step is never there before the one above it."""
    spec = RunSpec.model_validate({**BARE, "rollout": rollout, "replay": None}).rollout
    job = spec.start(PROBLEM, Known((1, 2)), 5, replace(SETTING, keep_trees=True, max_response_tokens=64))
    record = run(job, ScriptedPolicy(3, 0.5, 0.4)).group().tree
    assert record is not None
    data = tree_data(record, PROBLEM, str, Rules(Frontier(), Mean(), 1.0, 0.1, 8, 64))
    nodes, parent = data["nodes"], record.parent.tolist()
    assert (data["rules"], data["numbers"]) == (None, [])
    assert "no selector chose here" in data["note"]
    assert all(nodes["created"][node] >= nodes["created"][parent[node]] for node in range(1, len(parent)))
    assert max(nodes["created"]) <= len(record.order)
    means = np.array(nodes["value"]) / np.maximum(record.visits, 1)
    np.testing.assert_allclose(means[record.visits > 0], record.value[record.visits > 0], rtol=1e-6)
    assert [end["probe"] for end in data["ends"]] == [not record.terminal[end["node"]] for end in data["ends"]]
    assert any(end["probe"] for end in data["ends"]) == (rollout == "probed")
