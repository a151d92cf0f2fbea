"""`AdjustmentContract`: subclass it, say how to make your adjustment, and pytest checks what every one promises."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import fields, replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsk.core.roles import Adjustment, MiniBatch
from dsk.testing.component import ComponentContract, quick
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

SEEDS = st.integers(0, 2**32 - 1)
PER_TOKEN = ("advantages", "logprobs", "trained", "weights", "counted", "row")
FACTS = ("logprobs", "row", "group", "tree", "reward", "correct", "stop", "origin", "given")
"""What an adjustment reads and leaves as it is."""


def random_mini_batch(seed: int) -> MiniBatch:
    """One to four groups of one to four rows; some tokens are given, shared, without advantage or almost certain.

    Every seventh one has a single trained token, every fifth equal advantages. Arrays refuse writes.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(rng.integers(1, 5)), rng.integers(1, 5))
    rows = len(group)
    lengths, given_R = rng.integers(1, 7, rows), rng.integers(0, 3, rows) * (rng.random(rows) < 0.3)
    row = np.repeat(np.arange(rows), lengths + given_R)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths + given_R) - lengths - given_R, lengths + given_R)
    trained = (place >= given_R[row]) & ((place == given_R[row]) | (rng.random(len(row)) < 0.9))
    if seed % 7 == 0:
        trained = np.arange(len(row)) == np.flatnonzero(trained)[0]
    advantages = rng.choice([-1.0, 0.0, 0.5, 1.0], len(row)) if seed % 5 else np.full(len(row), 0.25)
    weights = rng.choice([0.25, 0.5, 1.0], len(row)) * trained
    correct = rng.random(rows) < 0.5
    batch = MiniBatch(
        advantages=advantages,
        logprobs=np.log(rng.choice([0.05, 0.5, 0.9, 0.99, 1.0], len(row))),
        trained=trained,
        weights=weights,
        counted=weights.copy(),
        row=row,
        group=group,
        tree=rng.integers(0, 3, rows),
        reward=np.where(correct, 1.0, -1.0),
        correct=correct,
        stop=rng.choice(["eos", "length"], rows),
        origin=rng.choice(["search", "direct", "cached"], rows),
        given=given_R,
    )
    for array in vars(batch).values():
        array.flags.writeable = False
    return batch


def reordered(batch: MiniBatch, order_R: np.ndarray) -> tuple[MiniBatch, np.ndarray]:
    """The mini-batch with its rows in another order, and where each of its tokens [N] was before."""
    places = np.concatenate([np.flatnonzero(batch.row == row) for row in order_R])
    rank = np.argsort(order_R)
    arrays: dict[str, Any] = {f.name: getattr(batch, f.name) for f in fields(batch)}
    moved = {name: array[places if name in PER_TOKEN else order_R] for name, array in arrays.items()}
    return replace(batch, **moved | {"row": rank[batch.row[places]]}), places


class AdjustmentContract(ComponentContract):
    """What every adjustment promises. Override `make_adjustment`."""

    @abstractmethod
    def make_adjustment(self) -> Adjustment:
        """The adjustment under test; each call gives an equal one."""

    def component(self) -> Adjustment:
        """The adjustment."""
        return self.make_adjustment()

    @given(seed=SEEDS)
    @quick
    def test_every_token_keeps_a_finite_advantage_and_weights_of_at_least_0(self, seed: int) -> None:
        batch = random_mini_batch(seed)
        after = self.make_adjustment().adjusted(batch)
        for name in ("advantages", "weights", "counted"):
            values = getattr(after, name)
            assert values.shape == batch.row.shape, name
            assert bool(np.isfinite(values).all()), name
        assert bool((after.weights >= 0).all() and (after.counted >= 0).all())

    @given(seed=SEEDS)
    @quick
    def test_tokens_are_taken_out_and_never_in_and_what_is_trained_counts(self, seed: int) -> None:
        batch = random_mini_batch(seed)
        after = self.make_adjustment().adjusted(batch)
        assert after.trained.dtype == np.bool_
        assert not (after.trained & ~batch.trained).any()
        assert bool((after.counted[after.trained] > 0).all())

    @given(seed=SEEDS)
    @quick
    def test_what_rows_are_is_not_changed(self, seed: int) -> None:
        batch = random_mini_batch(seed)
        after = self.make_adjustment().adjusted(batch)
        for name in FACTS:
            assert np.array_equal(getattr(after, name), getattr(batch, name)), name

    @given(seed=SEEDS)
    @quick
    def test_the_order_of_rows_does_not_matter(self, seed: int) -> None:
        batch, adjustment = random_mini_batch(seed), self.make_adjustment()
        turned, places = reordered(batch, np.random.default_rng(seed).permutation(len(batch.group)))
        first, second = adjustment.adjusted(batch), adjustment.adjusted(turned)
        for name in ("advantages", "trained", "weights", "counted"):
            expected, found = getattr(first, name)[places], getattr(second, name)
            assert np.allclose(expected, found, rtol=1e-9, atol=1e-9), name

    @given(seed=SEEDS)
    @quick
    def test_the_mini_batch_and_global_randomness_are_left_alone(self, seed: int) -> None:
        batch, before = random_mini_batch(seed), random_mini_batch(seed)
        for array in vars(batch).values():
            array.flags.writeable = True
        with global_randomness_untouched():
            self.make_adjustment().adjusted(batch)
        for name, value in vars(before).items():
            assert np.array_equal(value, getattr(batch, name)), f"it wrote to {name}"

    @given(seed=SEEDS)
    @quick
    def test_it_depends_on_the_mini_batch_only(self, seed: int) -> None:
        adjustment = self.make_adjustment()
        first = adjustment.adjusted(random_mini_batch(seed))
        adjustment.adjusted(random_mini_batch(seed + 1))
        assert _equal(first, adjustment.adjusted(random_mini_batch(seed)))
        assert _equal(first, self.make_adjustment().adjusted(random_mini_batch(seed)))

    def test_threads_do_not_disturb_each_other(self) -> None:
        adjustment = self.make_adjustment()

        def adjusted(index: int) -> list[MiniBatch]:
            return [adjustment.adjusted(random_mini_batch(index)) for _ in range(5)]

        for index, batches in enumerate(in_threads(adjusted)):
            assert all(_equal(batch, adjustment.adjusted(random_mini_batch(index))) for batch in batches)

    def test_nothing_is_kept_of_the_mini_batches_it_has_seen(self) -> None:
        adjustment, batches = self.make_adjustment(), [random_mini_batch(seed) for seed in range(10)]
        assert retained_bytes(lambda number: adjustment.adjusted(batches[number % 10])) < LEAK_BYTES


def _equal(first: MiniBatch, second: MiniBatch) -> bool:
    return all(np.array_equal(value, getattr(second, name)) for name, value in vars(first).items())
