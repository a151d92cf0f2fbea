"""Advantages and what prepares scores for them.

1. Every built-in advantage keeps the contract.
2. Hand-computed node and outcome advantages, with each normalisation.
3. Soft clipping leaves the terminal node alone; the overlong penalty moves scores and the mean.
4. In a tree without a solution every inner node is credited, unless `unsolved` says to skip it.
5. Groups without signal have no rows; trajectories that do not fit their tokens are named.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dsk.components.advantages import NodeAdvantage, OutcomeAdvantage
from dsk.components.losses import TreeGRPO
from dsk.core.errors import DataError
from dsk.core.roles import Advantage
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.batch import overlong_penalty, prepare, shape_scores
from dsk.core.types import Group, Problem
from dsk.testing.advantage import AdvantageContract
from tests.tree_rows import random_group, trajectory

NO_CLIP = SoftClipSpec(epsilon=1.0, q_max=1.0)
NO_PENALTY = OverlongSpec(buffer=0, factor=1.0)


class TestNode(AdvantageContract):
    def make_advantage(self) -> Advantage:
        return NodeAdvantage()


class TestNodeWithDeviation(AdvantageContract):
    def make_advantage(self) -> Advantage:
        return NodeAdvantage(normalisation="mean_std")


class TestNodeWithoutUnsolvedGroups(AdvantageContract):
    def make_advantage(self) -> Advantage:
        return NodeAdvantage(unsolved="skip")


class TestOutcome(AdvantageContract):
    def make_advantage(self) -> Advantage:
        return OutcomeAdvantage()


class TestOutcomeAsIs(AdvantageContract):
    def make_advantage(self) -> Advantage:
        return OutcomeAdvantage(normalisation="none")


def group_of(*trajectories: Any) -> Group:
    return Group(Problem("p", "?", "!"), (1, 2), trajectories, "search")


def train_spec(advantage: Advantage) -> TrainSpec:
    return TrainSpec.model_validate({"loss": TreeGRPO.model_validate({}), "advantage": advantage})


PAIR = group_of(
    trajectory((5, 6), 1.0, (0.4, 1.0)), trajectory((5, 7), -1.0, (0.4, -1.0)), trajectory((8,), 1.0, (1.0,))
)
MEAN = 1 / 3
DEVIATION = math.sqrt(((1 - MEAN) ** 2 * 2 + (1 + MEAN) ** 2) / 2)


@pytest.mark.parametrize(
    ("advantage", "expected"),
    [
        (NodeAdvantage(), [[0.4 - MEAN, 1 - MEAN], [0.4 - MEAN, -1 - MEAN], [1 - MEAN]]),
        (NodeAdvantage(normalisation="none"), [[0.4, 1.0], [0.4, -1.0], [1.0]]),
        (OutcomeAdvantage(), [[1 - MEAN] * 2, [-1 - MEAN] * 2, [1 - MEAN]]),
        (
            OutcomeAdvantage(normalisation="mean_std"),
            [[(1 - MEAN) / DEVIATION] * 2, [(-1 - MEAN) / DEVIATION] * 2, [(1 - MEAN) / DEVIATION]],
        ),
    ],
)
def test_advantages_are_as_written(advantage: Advantage, expected: list[list[float]]) -> None:
    for path, wanted in zip(advantage.values(PAIR), expected, strict=True):
        assert path == pytest.approx(wanted)


def test_equal_rewards_are_centred_without_dividing_by_nothing() -> None:
    wrong = group_of(trajectory((5, 6), -1.0, (-0.9, -1.0)), trajectory((5, 7), -1.0, (-0.9, -1.0)))
    assert NodeAdvantage(normalisation="mean_std").values(wrong)[0] == pytest.approx([0.1, 0.0])


def test_a_group_without_a_solution_is_skipped_where_asked_and_one_with_a_solution_never() -> None:
    wrong = group_of(trajectory((5, 6), -1.0, (-0.9, -1.0)), trajectory((7,), -1.0, (-1.0,)))
    skip = NodeAdvantage(unsolved="skip")
    assert skip.values(wrong) == [[0.0, 0.0], [0.0]]
    assert all(row.silent for row in prepare([wrong], train_spec(skip), NO_CLIP, NO_PENALTY, 100))
    assert skip.values(PAIR) == NodeAdvantage().values(PAIR)


def test_soft_clip_bounds_inner_nodes_and_keeps_the_end() -> None:
    path = group_of(trajectory((1, 2, 3), 1.0, (7.0, -0.5, 1.0)), trajectory((4,), -1.0, (-1.0,)))
    shaped = shape_scores(path, SoftClipSpec(epsilon=2.0, q_max=0.5), NO_PENALTY, 100)
    assert shaped.trajectories[0].values == pytest.approx((0.5 * math.tanh(3.5), 0.5 * math.tanh(-0.25), 1.0))
    assert shaped.trajectories[1].values == (-1.0,)


@pytest.mark.parametrize(("length", "penalty"), [(60, 0.0), (80, 0.0), (90, -1.0), (100, -2.0), (110, -3.0)])
def test_overlong_penalty_starts_at_the_buffer(length: int, penalty: float) -> None:
    assert math.isclose(overlong_penalty(length, OverlongSpec(buffer=20, factor=2.0), 100), penalty, abs_tol=1e-12)


def test_overlong_penalty_lowers_every_node_and_the_mean() -> None:
    long = trajectory(tuple(range(10)), 1.0, (0.0, 1.0))
    group = group_of(long, trajectory((1,), -1.0, (-1.0,)))
    shaped = shape_scores(group, NO_CLIP, OverlongSpec(buffer=4, factor=1.0), 10)
    assert shaped.trajectories[0].values == pytest.approx((-1.0, 0.0))
    assert NodeAdvantage().values(shaped)[0] == pytest.approx([-1.0 + 0.5, 0.0 + 0.5])


def test_rows_repeat_a_nodes_advantage_over_its_tokens() -> None:
    group = group_of(replace(trajectory((5, 6, 7), 1.0, (0.0, 1.0)), node_lengths=(2, 1)), PAIR.trajectories[1])
    rows = prepare([group], train_spec(NodeAdvantage()), NO_CLIP, NO_PENALTY, 100)
    assert rows[0].advantages.tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert rows[0].tokens.tolist() == [1, 2, 5, 6, 7]
    assert rows[0].old_logprobs.tolist() == [-3.5] * 3
    assert rows[0].trained.tolist() == [True] * 3


def test_what_was_given_is_in_the_row_without_credit_and_is_not_trained() -> None:
    begun = replace(trajectory((5, 6, 7), 1.0, (0.0, 1.0)), node_lengths=(1, 1), trained=(False, True, True))
    (row, _) = prepare([group_of(begun, PAIR.trajectories[1])], train_spec(NodeAdvantage()), NO_CLIP, NO_PENALTY, 100)
    assert begun.given == 1
    assert row.response.tolist() == [5, 6, 7]
    assert row.advantages.tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert row.trained.tolist() == [False, True, True]


def test_a_response_of_which_nothing_was_sampled_has_no_row() -> None:
    given = replace(trajectory((5, 6), -1.0, (-1.0,)), node_lengths=(0,), trained=(False, False))
    rows = prepare([group_of(given, PAIR.trajectories[2])], train_spec(NodeAdvantage()), NO_CLIP, NO_PENALTY, 100)
    assert [row.response.tolist() for row in rows] == [[8]]


def test_rows_of_groups_without_signal_are_silent() -> None:
    flat = group_of(trajectory((5,), 1.0, (1.0,)), trajectory((6,), 1.0, (1.0,)))
    rows = prepare([flat, random_group(3), flat], train_spec(OutcomeAdvantage()), NO_CLIP, NO_PENALTY, 100)
    assert {row.group for row in rows if not row.silent} == {1}


def test_an_empty_response_has_no_row_but_counts_in_the_mean() -> None:
    empty = replace(trajectory((), -1.0, (-1.0,)), node_lengths=(0,))
    rows = prepare(
        [group_of(empty, trajectory((5,), 1.0, (1.0,)))], train_spec(NodeAdvantage()), NO_CLIP, NO_PENALTY, 9
    )
    assert [row.advantages.tolist() for row in rows] == [[1.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logprobs": ()}, "0 log-probabilities for 2 tokens"),
        ({"node_lengths": (1, 2)}, "node_lengths sum to 3 of 2 tokens; what they leave at the beginning was given"),
        ({"node_lengths": (1,)}, "node_lengths sum to 1 of 2 tokens; .*, and cannot be trained"),
    ],
)
def test_a_trajectory_that_does_not_fit_its_tokens_is_named(change: dict[str, Any], message: str) -> None:
    broken = group_of(PAIR.trajectories[2], replace(PAIR.trajectories[1], **change))
    with pytest.raises(DataError, match=f"problem 'p', trajectory 1: {message}"):
        prepare([broken], train_spec(NodeAdvantage()), NO_CLIP, NO_PENALTY, 100)
