"""Losses and advantages that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from dsk.core.roles import Advantage, Loss, LossOutput
from dsk.testing import AdvantageContract, LossContract


class Sound(Loss):
    """`-A log p`, token mean: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def __call__(self, inputs):
        return self.output(self.per_token(inputs).masked_fill(~inputs.mask, 0.0), inputs)

    def per_token(self, inputs):
        return -inputs.advantages * inputs.logprobs

    def output(self, per_token, inputs):
        loss = per_token.sum() / inputs.total_tokens
        return LossOutput(loss, {"share": inputs.mask.sum() / inputs.total_tokens})


class BrokenLoss(LossContract):
    loss: ClassVar[Loss]

    def make_loss(self):
        return self.loss


class OwnMean(Sound):
    """Divides by the micro-batch's tokens, so that the micro-batch size changes the gradient."""

    def output(self, per_token, inputs):
        return LossOutput(per_token.sum() / inputs.mask.sum(), {})


class BreaksMicroBatches(BrokenLoss):
    caught_by = "test_micro_batch_losses_and_metrics_add_up"
    loss = OwnMean()


class FirstRow(Sound):
    """Weights rows by their place."""

    def per_token(self, inputs):
        rows = torch.arange(len(inputs.mask), dtype=inputs.logprobs.dtype)[:, None]
        return super().per_token(inputs) * (1 + rows)


class BreaksOrderIndependence(BrokenLoss):
    caught_by = "test_the_order_of_rows_does_not_matter"
    loss = FirstRow()


class Unmasked(Sound):
    """Forgets the mask."""

    def __call__(self, inputs):
        return self.output(self.per_token(inputs), inputs)


class BreaksPadding(BrokenLoss):
    caught_by = "test_padding_has_no_value_and_no_gradient"
    loss = Unmasked()


class Rooted(Sound):
    """A square root whose gradient at 0 is infinite."""

    def per_token(self, inputs):
        return (inputs.logprobs - inputs.logprobs.detach()).abs().sqrt() + super().per_token(inputs)


class BreaksGradients(BrokenLoss):
    caught_by = "test_the_gradient_is_finite_and_metrics_are_detached_scalars"
    loss = Rooted()


class Attached(Sound):
    """A metric that keeps the graph, and so the memory of every micro-batch."""

    def output(self, per_token, inputs):
        return LossOutput(per_token.sum() / inputs.total_tokens, {"objective": per_token.sum()})


class BreaksMetrics(BrokenLoss):
    caught_by = "test_the_gradient_is_finite_and_metrics_are_detached_scalars"
    loss = Attached()


class Ascending(Sound):
    """The sign is turned around."""

    def per_token(self, inputs):
        return inputs.advantages * inputs.logprobs


class BreaksTheSign(BrokenLoss):
    caught_by = "test_good_tokens_become_likelier_on_policy"
    loss = Ascending()


class SoundAdvantage(Advantage):
    """Reward less the group's mean: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def values(self, group):
        mean = sum(t.reward for t in group.trajectories) / len(group.trajectories)
        return [[t.reward - mean] * len(t.node_lengths) for t in group.trajectories]


class BrokenAdvantage(AdvantageContract):
    advantage: ClassVar[Advantage]

    def make_advantage(self):
        return self.advantage


class PerToken(SoundAdvantage):
    """One number a token instead of one a node."""

    def values(self, group):
        return [row[:1] * len(t.tokens) for row, t in zip(super().values(group), group.trajectories, strict=True)]


class BreaksTheShape(BrokenAdvantage):
    caught_by = "test_there_is_one_finite_number_for_each_node_of_each_trajectory"
    advantage = PerToken()


class NoSpread(SoundAdvantage):
    """Divides by a standard deviation that is 0 where all rewards are equal."""

    def values(self, group):
        rows = super().values(group)
        spread = math.sqrt(sum(row[0] ** 2 for row in rows) / len(rows))
        return [[value / spread if spread else math.nan for value in row] for row in rows]


class BreaksFiniteness(BrokenAdvantage):
    caught_by = "test_there_is_one_finite_number_for_each_node_of_each_trajectory"
    advantage = NoSpread()


class Ranked(SoundAdvantage):
    """Prefers the first trajectories."""

    def values(self, group):
        return [[value - 0.01 * place for value in row] for place, row in enumerate(super().values(group))]


class BreaksAdvantageOrder(BrokenAdvantage):
    caught_by = "test_the_order_of_trajectories_does_not_matter"
    advantage = Ranked()


class Regretful(SoundAdvantage):
    """The sign is turned around."""

    def values(self, group):
        return [[-value for value in row] for row in super().values(group)]


class BreaksRanking(BrokenAdvantage):
    caught_by = "test_no_trajectory_ends_better_than_a_correct_one"
    advantage = Regretful()
