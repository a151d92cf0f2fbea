"""Losses and advantages that are wrong in one way each; `caught_by` is the property that must say so."""

from __future__ import annotations

import math
import time
from typing import Any, ClassVar

import torch

from dsk.core.roles import Advantage, Loss, LossOutput
from dsk.testing import AdvantageContract, LossContract

STATE: dict[str, Any] = {}
KEPT: list[Any] = []


class Sound(Loss):
    """`-A log p`, token mean: what each mistake below starts from."""

    kind: ClassVar[str] = "sound"

    def __call__(self, inputs):
        return self.output(self.per_token(inputs).masked_fill(~inputs.mask, 0.0) * inputs.weights, inputs)

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


class Unweighted(Sound):
    """Counts a token that several rows share in each of them."""

    def __call__(self, inputs):
        return self.output(self.per_token(inputs).masked_fill(~inputs.mask, 0.0), inputs)


class BreaksWeights(BrokenLoss):
    caught_by = "test_weights_are_heard"
    loss = Unweighted()


class RowRatio(Sound):
    """One ratio a row, and not a word that it needs whole rows."""

    def per_token(self, inputs):
        log_ratio = (inputs.logprobs - inputs.old_logprobs).masked_fill(~inputs.mask, 0.0)
        return -inputs.advantages * log_ratio.sum(-1, keepdim=True).exp()


class BreaksCutRows(BrokenLoss):
    caught_by = "test_what_has_no_advantage_at_a_rows_end_can_be_left_out"
    loss = RowRatio()


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


class Overflowing(Sound):
    """Squares a ratio of single precision."""

    def per_token(self, inputs):
        ratio = (inputs.logprobs - inputs.old_logprobs).float().exp()
        return (-inputs.advantages * ratio**4).double()


class BreaksFarOffPolicy(BrokenLoss):
    caught_by = "test_tokens_far_off_the_old_policy_keep_the_loss_and_its_gradient_finite"
    loss = Overflowing()


class Centring(Sound):
    """Takes the mean off the advantages, in place."""

    def per_token(self, inputs):
        inputs.advantages.sub_(0.5)
        return super().per_token(inputs)


class BreaksPurity(BrokenLoss):
    caught_by = "test_the_inputs_and_global_randomness_are_left_alone"
    loss = Centring()


class Dropout(Sound):
    """Leaves tokens out at random."""

    def per_token(self, inputs):
        return torch.nn.functional.dropout(super().per_token(inputs), 0.1)


class BreaksGlobalRandomness(BrokenLoss):
    caught_by = "test_the_inputs_and_global_randomness_are_left_alone"
    loss = Dropout()


class Baseline(Sound):
    """Keeps a moving mean between calls."""

    def per_token(self, inputs):
        mean = STATE.get("mean", inputs.advantages.mean())
        STATE["mean"] = 0.9 * mean + 0.1 * inputs.advantages.mean()
        return -(inputs.advantages - mean) * inputs.logprobs


class BreaksDeterminism(BrokenLoss):
    caught_by = "test_a_loss_depends_on_its_inputs_only"
    loss = Baseline()


class Scratch(Sound):
    """Shares one buffer between calls."""

    def per_token(self, inputs):
        STATE["inputs"] = inputs
        time.sleep(0.001)
        return super().per_token(STATE["inputs"])


class BreaksThreads(BrokenLoss):
    caught_by = "test_threads_do_not_disturb_each_other"
    loss = Scratch()


class Remembering(Sound):
    """Keeps every loss it has given, for a plot."""

    def per_token(self, inputs):
        value = super().per_token(inputs)
        KEPT.append(value.tolist())
        return value


class BreaksMemory(BrokenLoss):
    caught_by = "test_nothing_is_kept_of_its_inputs"
    loss = Remembering()


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
    caught_by = "test_no_wrong_trajectory_ends_better_than_a_correct_one"
    advantage = Regretful()


class Smoothed(SoundAdvantage):
    """Keeps a moving mean between groups."""

    def values(self, group):
        rows = super().values(group)
        mean = STATE["advantage"] = 0.9 * STATE.get("advantage", 0.0) + 0.1 * rows[0][0]
        return [[value - mean for value in row] for row in rows]


class BreaksAdvantageDeterminism(BrokenAdvantage):
    caught_by = "test_credit_depends_on_the_group_only"
    advantage = Smoothed()


class SharedGroup(SoundAdvantage):
    """Shares the group between calls."""

    def values(self, group):
        STATE["group"] = group
        time.sleep(0.001)
        return super().values(STATE["group"])


class BreaksAdvantageThreads(BrokenAdvantage):
    caught_by = "test_threads_do_not_disturb_each_other"
    advantage = SharedGroup()


class Logging(SoundAdvantage):
    """Keeps all credit it has given."""

    def values(self, group):
        KEPT.append(super().values(group))
        return KEPT[-1]


class BreaksAdvantageMemory(BrokenAdvantage):
    caught_by = "test_nothing_is_kept_of_the_groups_it_has_seen"
    advantage = Logging()
