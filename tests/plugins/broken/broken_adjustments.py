"""Adjustments that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from dsk.core.roles import Adjustment
from dsk.testing import AdjustmentContract

STATE: dict[str, Any] = {}
KEPT: list[Any] = []


class Sound(Adjustment):
    """Takes the mean off trained advantages: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def adjusted(self, batch):
        return replace(batch, advantages=batch.advantages - batch.advantages[batch.trained].mean())


class BrokenAdjustment(AdjustmentContract):
    adjustment: ClassVar[Adjustment]

    def make_adjustment(self):
        return self.adjustment


class NoSpread(Sound):
    """Divides by a deviation that is 0 where all advantages are equal."""

    def adjusted(self, batch):
        centred = super().adjusted(batch).advantages
        with np.errstate(all="ignore"):
            return replace(batch, advantages=centred / centred[batch.trained].std())


class BreaksFiniteness(BrokenAdjustment):
    caught_by = "test_every_token_keeps_a_finite_advantage_and_weights_of_at_least_0"
    adjustment = NoSpread()


class OnlyTrained(Sound):
    """Gives back an advantage for each trained token only."""

    def adjusted(self, batch):
        return replace(batch, advantages=batch.advantages[batch.trained][:-1])


class BreaksTheShape(BrokenAdjustment):
    caught_by = "test_every_token_keeps_a_finite_advantage_and_weights_of_at_least_0"
    adjustment = OnlyTrained()


class Greedy(Sound):
    """Trains what was given."""

    def adjusted(self, batch):
        return replace(batch, trained=np.ones(len(batch.row), np.bool_), counted=np.ones(len(batch.row)))


class BreaksTheMask(BrokenAdjustment):
    caught_by = "test_tokens_are_taken_out_and_never_in_and_what_is_trained_counts"
    adjustment = Greedy()


class Uncounted(Sound):
    """Trains tokens that count in no denominator."""

    def adjusted(self, batch):
        return replace(batch, counted=np.zeros(len(batch.row)))


class BreaksTheDenominator(BrokenAdjustment):
    caught_by = "test_tokens_are_taken_out_and_never_in_and_what_is_trained_counts"
    adjustment = Uncounted()


class Forgetting(Sound):
    """Makes every row a fresh one."""

    def adjusted(self, batch):
        return replace(batch, given=np.zeros(len(batch.group), np.int64))


class BreaksFacts(BrokenAdjustment):
    caught_by = "test_what_rows_are_is_not_changed"
    adjustment = Forgetting()


class Ranked(Sound):
    """Prefers the first rows."""

    def adjusted(self, batch):
        return replace(batch, advantages=batch.advantages - 0.01 * batch.row)


class BreaksOrderIndependence(BrokenAdjustment):
    caught_by = "test_the_order_of_rows_does_not_matter"
    adjustment = Ranked()


class InPlace(Sound):
    """Writes into the mini-batch."""

    def adjusted(self, batch):
        batch.advantages[:] = super().adjusted(batch).advantages
        return batch


class BreaksPurity(BrokenAdjustment):
    caught_by = "test_the_mini_batch_and_global_randomness_are_left_alone"
    adjustment = InPlace()


class Noisy(Sound):
    """Draws from numpy's global generator."""

    def adjusted(self, batch):
        return replace(batch, advantages=batch.advantages + np.random.normal(size=len(batch.row)))


class BreaksGlobalRandomness(BrokenAdjustment):
    caught_by = "test_the_mini_batch_and_global_randomness_are_left_alone"
    adjustment = Noisy()


class Smoothed(Sound):
    """Keeps a moving mean between mini-batches."""

    def adjusted(self, batch):
        mean = STATE["mean"] = 0.9 * STATE.get("mean", 1.0) + 0.1 * batch.advantages.mean()
        return replace(batch, advantages=batch.advantages - mean)


class BreaksDeterminism(BrokenAdjustment):
    caught_by = "test_it_depends_on_the_mini_batch_only"
    adjustment = Smoothed()


class Shared(Sound):
    """Shares the mini-batch between calls."""

    def adjusted(self, batch):
        STATE["batch"] = batch
        time.sleep(0.001)
        return super().adjusted(STATE["batch"])


class BreaksThreads(BrokenAdjustment):
    caught_by = "test_threads_do_not_disturb_each_other"
    adjustment = Shared()


class Hoarding(Sound):
    """Keeps every result."""

    def adjusted(self, batch):
        KEPT.append(super().adjusted(batch))
        return KEPT[-1]


class BreaksMemory(BrokenAdjustment):
    caught_by = "test_nothing_is_kept_of_the_mini_batches_it_has_seen"
    adjustment = Hoarding()
