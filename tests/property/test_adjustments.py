"""Adjustments, weights and subsets against their written-out definitions.

1. Each adjustment, token by token in plain Python, on random mini-batches with shared, given and certain tokens.
2. What the loss makes of it: means over what is left, one mean a stream.
3. `train.weight`: k counted by going through the trajectories.
4. Subsets keep what the papers' code keeps; the group's terminals stay all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dsk.components.adjustments import ConfidentMask, DropZero, Streams, UncertainShare, Unfinished, Whiten
from dsk.components.adjustments.stream_names import stream_of
from dsk.components.losses import DAPO, GRPO, DrGRPO
from dsk.components.subsets import Balanced, CorrectFirst, PerTree
from dsk.core.errors import DataError
from dsk.core.roles import Adjustment, Loss, LossInputs, MiniBatch, Subset
from dsk.core.sampling.subsets import trained_subset
from dsk.core.training.adjusting import adjust
from dsk.core.training.rows import Totals, TrainingRow, padded
from dsk.core.training.shared_tokens import sharers, token_weights
from dsk.core.types import Trajectory
from dsk.testing.adjustment import random_mini_batch
from dsk.testing.subset import random_forest

SEEDS = st.integers(0, 2**32 - 1)


def trained_tokens(batch: MiniBatch) -> list[int]:
    return [token for token in range(len(batch.row)) if batch.trained[token]]


def whitened(values: Sequence[float], counts: Sequence[float]) -> list[float]:
    """Frequency-weighted mean and unbiased variance, one value after the other."""
    total = math.fsum(counts)
    if len(set(values)) < 2 or total <= 1:
        return [0.0] * len(values)
    mean = math.fsum(c * v for c, v in zip(counts, values, strict=True)) / total
    variance = math.fsum(c * (v - mean) ** 2 for c, v in zip(counts, values, strict=True)) / (total - 1)
    return [(v - mean) / math.sqrt(variance + 1e-8) for v in values]


@given(seed=SEEDS)
def test_whitening_is_over_the_mini_batchs_trained_tokens(seed: int) -> None:
    batch = random_mini_batch(seed)
    tokens = trained_tokens(batch)
    expected = whitened([batch.advantages[t] for t in tokens], [batch.counted[t] for t in tokens])
    after = Whiten().adjusted(batch)
    assert after.advantages[tokens].tolist() == pytest.approx(expected, abs=1e-9)
    others = ~batch.trained
    assert np.array_equal(after.advantages[others], batch.advantages[others])


@given(seed=SEEDS)
def test_plain_whitening_is_torchs_unbiased_one(seed: int) -> None:
    batch = random_mini_batch(seed)
    batch = replace(batch, counted=batch.trained.astype(float), weights=batch.trained.astype(float))
    values = torch.from_numpy(batch.advantages[batch.trained])
    if len(values) < 2:
        return
    expected = (values - values.mean()) * torch.rsqrt(values.var() + 1e-8)
    assert torch.allclose(torch.from_numpy(Whiten().adjusted(batch).advantages[batch.trained]), expected, atol=1e-9)


@given(seed=SEEDS)
def test_whitening_by_rows_gives_every_row_one_vote(seed: int) -> None:
    """One number a row, as TreePO and ProRLv2 have it: mean and deviation over rows, whatever their lengths."""
    batch = random_mini_batch(seed)
    per_row = np.random.default_rng(seed).normal(size=len(batch.group))
    batch = replace(batch, advantages=per_row[batch.row])
    rows = sorted({int(batch.row[token]) for token in trained_tokens(batch)})
    expected = dict(zip(rows, whitened([per_row[row] for row in rows], [1.0] * len(rows)), strict=True))
    after = Whiten(count="rows").adjusted(batch)
    for token in trained_tokens(batch):
        assert after.advantages[token] == pytest.approx(expected[int(batch.row[token])], abs=1e-9)


@given(seed=SEEDS, by=st.sampled_from(["origin", "tree", "given"]))
def test_whitening_per_stream_sees_one_stream_at_a_time(seed: int, by: Any) -> None:
    batch = random_mini_batch(seed)
    names, after = stream_of(batch, by).tolist(), Whiten(per=by).adjusted(batch)
    for name in set(names):
        tokens = [token for token in trained_tokens(batch) if names[batch.row[token]] == name]
        expected = whitened([batch.advantages[t] for t in tokens], [batch.counted[t] for t in tokens])
        assert after.advantages[tokens].tolist() == pytest.approx(expected, abs=1e-9)


def test_a_shared_token_is_one_observation_where_it_counts_once() -> None:
    """Two rows share a token of advantage 1 (1/2 in each) and end with -1 and 0: whitened over 1, -1, 0."""
    row = np.asarray([0, 0, 1, 1])
    batch = replace(
        random_mini_batch(1),
        **{name: np.zeros(2) for name in ("group", "tree", "reward", "correct", "stop", "origin", "given")},
        advantages=np.asarray([1.0, -1.0, 1.0, 0.0]),
        logprobs=np.zeros(4),
        trained=np.ones(4, np.bool_),
        weights=np.asarray([0.5, 1.0, 0.5, 1.0]),
        counted=np.asarray([0.5, 1.0, 0.5, 1.0]),
        row=row,
    )
    assert Whiten(epsilon=0).adjusted(batch).advantages.tolist() == pytest.approx([1.0, -1.0, 1.0, 0.0])


@pytest.mark.parametrize("advantage", [0.0, 1 / 3, -1.0])
@pytest.mark.parametrize("count", ["tokens", "rows"])
def test_equal_advantages_whiten_to_exactly_zero(advantage: float, count: Any) -> None:
    for seed in (2, 7):  # seed 7 has a single trained token
        batch = random_mini_batch(seed)
        equal = replace(batch, advantages=np.full(len(batch.row), advantage))
        assert not Whiten(count=count).adjusted(equal).advantages[batch.trained].any()


def masked(batch: MiniBatch, stays: Sequence[bool], leaves: bool) -> tuple[list[bool], list[float], list[float]]:
    """(trained, weights, counted) of a mask, token by token."""
    trained = [bool(t) and s for t, s in zip(batch.trained, stays, strict=True)]
    weights = [w if t else 0.0 for w, t in zip(batch.weights, trained, strict=True)]
    counted = [0.0 if leaves and not s else c for c, s in zip(batch.counted, stays, strict=True)]
    return trained, weights, counted


def state(batch: MiniBatch) -> tuple[list[bool], list[float], list[float]]:
    return batch.trained.tolist(), batch.weights.tolist(), batch.counted.tolist()


@given(seed=SEEDS, rho=st.sampled_from([0.5, 0.9, 1.0]), leaves=st.booleans())
def test_only_tokens_below_rho_are_trained(seed: int, rho: float, leaves: bool) -> None:
    """The mini-batches have tokens of probability exactly 0.5, 0.9 and 1."""
    batch = random_mini_batch(seed)
    after = ConfidentMask(rho=rho, leaves_denominator=leaves).adjusted(batch)
    probabilities = [min([0.05, 0.5, 0.9, 0.99, 1.0], key=lambda p: abs(math.log(p) - x)) for x in batch.logprobs]
    assert state(after) == masked(batch, [p < rho for p in probabilities], leaves)
    assert np.array_equal(after.advantages, batch.advantages)


def test_a_probability_of_exactly_rho_is_not_trained() -> None:
    batch = random_mini_batch(3)
    at, below = math.log(0.9), math.nextafter(math.log(0.9), -1.0)
    assert not ConfidentMask().adjusted(replace(batch, logprobs=np.full(len(batch.row), at))).trained.any()
    after = ConfidentMask().adjusted(replace(batch, logprobs=np.full(len(batch.row), below)))
    assert np.array_equal(after.trained, batch.trained)


@given(seed=SEEDS, level=st.sampled_from(["token", "row"]), leaves=st.booleans())
def test_what_has_no_advantage_is_dropped(seed: int, level: Any, leaves: bool) -> None:
    batch = random_mini_batch(seed)
    live = {int(batch.row[token]) for token in trained_tokens(batch) if batch.advantages[token]}
    stays = [
        int(row) in live if level == "row" else bool(t) and a != 0
        for row, t, a in zip(batch.row, batch.trained, batch.advantages, strict=True)
    ]
    assert state(DropZero(level=level, leaves_denominator=leaves).adjusted(batch)) == masked(batch, stays, leaves)


@given(seed=SEEDS, share=st.sampled_from([0.2, 0.5, 1.0]), leaves=st.booleans())
def test_the_least_expected_share_stays(seed: int, share: float, leaves: bool) -> None:
    batch = random_mini_batch(seed)
    ranked = sorted(batch.logprobs[token] for token in trained_tokens(batch))
    bound = ranked[math.ceil(share * len(ranked)) - 1]
    after = UncertainShare(share=share, leaves_denominator=leaves).adjusted(batch)
    assert state(after) == masked(batch, [x <= bound for x in batch.logprobs], leaves)


@given(seed=SEEDS)
def test_an_unfinished_rows_tokens_all_get_the_same_advantage(seed: int) -> None:
    batch = random_mini_batch(seed)
    after = Unfinished().adjusted(batch)
    for token in trained_tokens(batch):
        expected = batch.advantages[token] if batch.stop[batch.row[token]] == "eos" else -1.0
        assert after.advantages[token] == expected
    assert state(after) == state(batch)


def rows_of(batch: MiniBatch) -> tuple[list[TrainingRow], list[Trajectory]]:
    """Rows and trajectories whose flat arrays the mini-batch is."""
    rows: list[TrainingRow] = []
    trajectories: list[Trajectory] = []
    for index in range(len(batch.group)):
        at = np.flatnonzero(batch.row == index)
        tokens = np.arange(len(at), dtype=np.int32)
        credit = (batch.advantages[at], batch.logprobs[at], batch.trained[at], batch.weights[at])
        rows.append(TrainingRow(int(batch.group[index]), np.asarray([1]), tokens, *credit))
        facts: dict[str, Any] = {
            "reward": float(batch.reward[index]),
            "correct": bool(batch.correct[index]),
            "stop": str(batch.stop[index]),
            "origin": str(batch.origin[index]),
            "tree": int(batch.tree[index]),
            "node_lengths": np.asarray([len(at) - batch.given[index]]),
            "trained": batch.trained[at],
        }
        values = {"node_ids": (1,), "values": (0.0,), "mean_rewards": (0.0, 0.0), "entropy": 0.0, "version": 0}
        trajectories.append(Trajectory(tokens=tokens, logprobs=batch.logprobs[at], **values, **facts))
    return rows, trajectories


def loss_after(seed: int, adjustments: Sequence[Adjustment], loss: Loss) -> tuple[float, MiniBatch, list[float]]:
    """(the loss, the mini-batch before, each of its tokens' loss without weights), near the old policy."""
    batch = random_mini_batch(seed)
    rows = adjust(*rows_of(batch), adjustments)
    totals = Totals.of(rows)
    kept = [row for row in rows if row.trained.any()]
    shape = torch.zeros(len(kept), max(len(row.response) for row in kept), dtype=torch.float64)
    old = padded([row.old_logprobs for row in kept], shape)
    inputs = LossInputs(
        logprobs=old - 0.05,
        old_logprobs=old,
        advantages=padded([row.advantages for row in kept], shape),
        mask=padded([row.trained for row in kept], shape).bool(),
        total_tokens=totals.tokens,
        total_rows=totals.rows,
        max_tokens=9,
        weights=padded([row.weights for row in kept], shape),
        row_tokens=shape.new_tensor([row.counted for row in kept]),
    )
    return float(loss(inputs).loss), batch, (-batch.advantages * math.exp(-0.05)).tolist()


LAMBDAS = {"cached": 0.3, "direct": 2.0}


@given(seed=SEEDS)
def test_streams_are_token_means_of_their_own(seed: int) -> None:
    """DEEP-GRPO: the mean over chains plus lambda times the mean over branches."""
    found, batch, losses = loss_after(seed, [Streams(weights=LAMBDAS)], DAPO.model_validate({}))
    expected = 0.0
    for name in ("search", "direct", "cached"):
        tokens = [t for t in trained_tokens(batch) if batch.origin[batch.row[t]] == name]
        counts = math.fsum(batch.counted[t] for t in tokens)
        if counts:
            mean = math.fsum(batch.counted[t] * losses[t] for t in tokens) / counts
            expected += LAMBDAS.get(name, 1.0) * mean
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", [GRPO, DrGRPO])
@given(seed=SEEDS)
def test_streams_over_rows_are_row_means_of_their_own(kind: type[GRPO | DrGRPO], seed: int) -> None:
    streams = Streams(weights=LAMBDAS, over="rows")
    found, batch, losses = loss_after(seed, [streams], kind.model_validate({}))
    expected = 0.0
    for name in ("search", "direct", "cached"):
        rows: dict[int, list[int]] = {}
        for token in trained_tokens(batch):
            if batch.origin[batch.row[token]] == name:
                rows.setdefault(int(batch.row[token]), []).append(token)
        sums = [math.fsum(batch.counted[t] * losses[t] for t in tokens) for tokens in rows.values()]
        counts = [math.fsum(batch.counted[t] for t in tokens) if kind is GRPO else 9.0 for tokens in rows.values()]
        if rows:
            mean = math.fsum(s / c for s, c in zip(sums, counts, strict=True)) / len(rows)
            expected += LAMBDAS.get(name, 1.0) * mean
    assert found == pytest.approx(expected, abs=1e-9)


@given(seed=SEEDS, leaves=st.booleans())
def test_masked_tokens_leave_the_mean_or_stay_in_it(seed: int, leaves: bool) -> None:
    """SPO's order: mask, whitening over what is left, mean over what is left (or over all)."""
    batch = random_mini_batch(seed)
    below = [token for token in trained_tokens(batch) if batch.logprobs[token] < math.log(0.9)]
    if not below:
        return
    found, _, _ = loss_after(seed, [ConfidentMask(leaves_denominator=leaves), Whiten()], DAPO.model_validate({}))
    credit = whitened([batch.advantages[t] for t in below], [batch.counted[t] for t in below])
    total = math.fsum(batch.counted[t] for t in (below if leaves else trained_tokens(batch)))
    summed = math.fsum(-a * math.exp(-0.05) * batch.weights[t] for a, t in zip(credit, below, strict=True))
    assert found == pytest.approx(summed / total, abs=1e-9)


@given(seed=SEEDS)
def test_a_row_without_any_counted_token_is_no_row(seed: int) -> None:
    rows = adjust(*rows_of(random_mini_batch(seed)), [DropZero(level="row")])
    live = sum(not row.silent for row in rows)
    assert Totals.of(rows).rows == live
    assert [row.counted > 0 for row in rows] == [not row.silent for row in rows]


def test_without_adjustments_rows_are_as_they_were() -> None:
    rows, trajectories = rows_of(random_mini_batch(4))
    assert adjust(rows, trajectories, []) == rows
    assert adjust([], [], [Whiten()]) == []


class Changing(Adjustment):
    """Changes one array of the mini-batch."""

    kind = "changing"
    name: str
    value: float | bool | None
    short: bool = False

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        length = len(batch.row) - self.short
        return replace(batch, **{self.name: np.full(length, math.nan if self.value is None else self.value)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Changing(name="advantages", value=None), "advantages has .* values that are not finite"),
        (Changing(name="weights", value=1.0, short=True), "weights has the shape"),
        (Changing(name="trained", value=True), "it trains tokens that are not trained"),
        (Changing(name="weights", value=-1.0), "weights and counted must be at least 0"),
        (Changing(name="counted", value=0.0), "a token is trained and counts nothing"),
    ],
)
def test_a_broken_adjustment_is_named_with_its_place(change: Adjustment, message: str) -> None:
    with pytest.raises(DataError, match=rf"train\.adjustments\.1 \('changing'\): {message}"):
        adjust(*rows_of(random_mini_batch(1)), [Whiten(), change])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": {"serch": 1.0}}, "weights has 'serch'; the streams by origin are search, direct, cached"),
        ({"by": "tree", "weights": {"search": 1.0}}, "the streams by tree are first, later"),
        ({"weights": {"search": -1.0}}, "weights.search is -1.0; it must be at least 0"),
    ],
)
def test_a_stream_that_is_not_there_is_answered_with_those_that_are(fields: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Streams.model_validate(fields)


def forest(seed: int) -> list[Trajectory]:
    """Trajectories that share nodes, in two trees that number their nodes alike, some with given beginnings."""
    rng = np.random.default_rng(seed)
    lengths, members = rng.integers(0, 4, 12), list[Trajectory]()
    for _ in range(int(rng.integers(1, 7))):
        nodes = tuple(int(n) for n in np.flatnonzero(rng.random(12) < 0.4)) or (5,)
        sampled, given_ = int(lengths[list(nodes)].sum()), int(rng.integers(0, 3))
        text = rng.integers(0, 40, sampled + given_)
        trained = (np.arange(len(text)) >= given_) & (rng.random(len(text)) < 0.8)
        paths: dict[str, Any] = {"node_ids": nodes, "values": (0.0,) * len(nodes), "mean_rewards": ()}
        ends: dict[str, Any] = {"reward": 1.0, "entropy": 0.0, "stop": "eos", "version": 0, "origin": "search"}
        texts: dict[str, Any] = {"tokens": text, "logprobs": np.zeros(len(text)), "trained": trained}
        steps: dict[str, Any] = {"node_lengths": lengths[list(nodes)], "tree": int(rng.integers(2))}
        members.append(Trajectory(**texts, **steps, **paths, **ends))
    return members


@pytest.mark.parametrize(
    ("how", "of_k"), [("trajectory", lambda k: 1.0), ("unique", lambda k: 1 / k), ("root", lambda k: k**-0.5)]
)
@given(seed=SEEDS)
def test_a_shared_token_weighs_what_its_k_says(how: str, of_k: Any, seed: int) -> None:
    members = forest(seed)
    k = Counter((t.tree, node) for t in members for node in t.node_ids)
    assert [s.tolist() for s in sharers(members)] == [[k[t.tree, node] for node in t.node_ids] for t in members]
    for trajectory, weights in zip(members, token_weights(members, how), strict=True):
        owners = [node for node, n in zip(trajectory.node_ids, trajectory.node_lengths, strict=True) for _ in range(n)]
        expected = [0.0] * trajectory.given + [of_k(k[trajectory.tree, node]) for node in owners]
        expected = [w if t else 0.0 for w, t in zip(expected, trajectory.trained, strict=True)]
        assert weights.tolist() == pytest.approx(expected)


def test_no_trajectory_has_no_weights() -> None:
    assert [token_weights([], how) for how in ("trajectory", "unique", "root")] == [[], [], []]


def chosen(subset: Subset, seed: int) -> tuple[list[int], list[bool]]:
    group = random_forest(seed)
    indices = list(subset.choose(group, np.random.default_rng(seed)))
    return indices, [t.correct for t in group.trajectories]


@given(seed=SEEDS, size=st.integers(1, 14))
def test_correct_first_keeps_a_correct_one_wherever_there_is_one(seed: int, size: int) -> None:
    indices, correct = chosen(CorrectFirst(size=size), seed)
    assert len(indices) == min(size, len(correct))
    assert any(correct[i] for i in indices) == any(correct)


def test_correct_first_draws_the_correct_one_and_the_rest_uniformly() -> None:
    group = next(
        g
        for s in range(99)
        if len((g := random_forest(s)).trajectories) == 8 and len([t for t in g.trajectories if t.correct]) == 2
    )
    rng, seen = np.random.default_rng(0), Counter[int]()
    for _ in range(4000):
        seen.update(CorrectFirst(size=3).choose(group, rng))
    correct = [i for i, t in enumerate(group.trajectories) if t.correct]
    # one of two for certain, and two of the seven others: 1/2 + 1/2 x 2/7, and 2/7 each
    for index in range(8):
        assert seen[index] / 4000 == pytest.approx(0.5 + 1 / 7 if index in correct else 2 / 7, abs=0.03)


@given(seed=SEEDS, half=st.integers(1, 7))
def test_balanced_keeps_the_first_of_each_kind_and_fills_up_from_the_other(seed: int, half: int) -> None:
    indices, correct = chosen(Balanced(size=2 * half), seed)
    right = [i for i, c in enumerate(correct) if c]
    wrong = [i for i, c in enumerate(correct) if not c]
    expected = right[:half] + wrong[:half]
    for rest in (right[half:], wrong[half:]):
        expected += rest[: 2 * half - len(expected)]
    assert sorted(indices) == sorted(expected)


@given(seed=SEEDS, size=st.integers(1, 5))
def test_per_tree_keeps_k_of_each_tree(seed: int, size: int) -> None:
    group = random_forest(seed)
    indices = list(PerTree(size=size).choose(group, np.random.default_rng(seed)))
    kept, there = Counter(group.trajectories[i].tree for i in indices), Counter(t.tree for t in group.trajectories)
    assert kept == {tree: min(size, count) for tree, count in there.items()}


@given(seed=SEEDS)
def test_a_subset_leaves_the_groups_terminals_all(seed: int) -> None:
    group = random_forest(seed)
    if not group.trajectories:
        return
    small = trained_subset(group, CorrectFirst(size=1), seed)
    assert len(small.trajectories) == 1
    assert small.verified == group.verified
    assert len(small.verified) == len(group.trajectories)
    assert trained_subset(group, CorrectFirst(size=1), seed) == small


class Choosing(Subset):
    """Chooses what it is told to."""

    kind = "choosing"
    indices: tuple[int, ...]

    def choose(self, group: Any, rng: np.random.Generator) -> Sequence[int]:
        return self.indices


@pytest.mark.parametrize("indices", [(0, 0), (99,), (-1,), ()])
def test_a_subset_that_is_none_is_named(indices: tuple[int, ...]) -> None:
    group = next(g for seed in range(9) if (g := random_forest(seed)).trajectories)
    with pytest.raises(DataError, match=r"train\.subset \('choosing'\): problem 'p' has .* may be chosen once"):
        trained_subset(group, Choosing(indices=indices), 0)
