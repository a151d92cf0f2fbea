"""Equation 15 as published credits every inner node of a tree without a solution; `unsolved` switches that off."""

from hypothesis import assume, given
from hypothesis import strategies as st
from scripted_search import ScriptedPolicy, make_search, run

from dsk.components.advantages import NodeAdvantage
from dsk.components.rollouts.tree import Tree
from dsk.core.spec import OverlongSpec, SoftClipSpec
from dsk.core.training.batch import shape_scores

failing = st.builds(ScriptedPolicy, st.integers(0, 10**6), st.floats(0, 1), st.just(0.0))
specs = st.builds(
    lambda **fields: Tree.model_validate({"step_tokens": 5, **fields}),
    width=st.integers(1, 4),
    max_depth=st.integers(2, 6),
    trajectories=st.integers(1, 8),
    max_expansions=st.sampled_from([0, 7, 30]),
    record=st.sampled_from(["one", "all"]),
    backup=st.sampled_from([{"kind": "constrained"}, {"kind": "simple"}]),
)


def shaped(spec, policy):
    group = run(make_search(spec), policy).group()
    assume(group.trajectories)
    assert not group.solved
    return shape_scores(group, SoftClipSpec(), OverlongSpec(), 10**6)


@given(specs, failing)
def test_every_inner_node_of_a_tree_without_a_solution_has_a_positive_advantage(spec, policy):
    group = shaped(spec, policy)
    for path in NodeAdvantage().values(group):
        assert all(value > 0 for value in path[:-1])
        assert path[-1] == 0


@given(specs, failing)
def test_a_tree_without_a_solution_gives_nothing_to_learn_where_it_is_skipped(spec, policy):
    credit = NodeAdvantage(unsolved="skip").values(shaped(spec, policy))
    assert {value for path in credit for value in path} == {0.0}
