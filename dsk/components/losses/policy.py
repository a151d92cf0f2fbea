"""What every policy loss shares: aggregation, KL to a reference, entropy bonus, engine correction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from dsk.core.roles import Loss, LossInputs, LossOutput

if TYPE_CHECKING:
    from torch import Tensor

Aggregation = Literal["token_mean", "sequence_mean", "fixed_length"]


class PolicyLoss(Loss):
    """Per-token objective, then `aggregate(correction * objective + kl) - entropy`; subclasses give the objective."""

    aggregation: Aggregation = Field(
        "token_mean",
        description="`token_mean`: weighted sum over the mini-batch's tokens / what they count (DAPO); `sequence_mean`:"
        " mean over rows of each row's token mean (GRPO); `fixed_length`: sum / (rows x longest response allowed) (Dr."
        " GRPO).",
    )
    kl_coef: float = Field(0.0, ge=0, description="Weight beta of the KL to the reference model; 0 needs no reference.")
    kl_estimator: Literal["k1", "k2", "k3"] = Field(
        "k3",
        description="Per-token KL: k1 = log(p/ref); k2 = log(p/ref)^2 / 2 (ProRLv2); k3 = ref/p - log(ref/p) - 1"
        " (Schulman, GRPO).",
    )
    kl_cap: float = Field(
        0.0, ge=0, description="Largest |KL| of a token (VinePPO, Tree-GRPO: 10), without gradient beyond; 0 is off."
    )
    kl_aggregation: Literal["as_loss", "row_sum"] = Field(
        "as_loss",
        description="How the KL of tokens adds up: as the objective does, or `row_sum`, summed over each row's tokens"
        " and averaged over rows (VinePPO, SPO).",
    )
    entropy_coef: float = Field(0.0, ge=0, description="Weight of the entropy bonus, the mean over tokens in nats.")
    correction: Literal["none", "truncate", "mask"] = Field(
        "none",
        description="Importance weight trainer / engine on each token's loss: `truncate` caps it at `correction_cap`,"
        " `mask` drops what exceeds it. With it on, clipping is measured from the trainer's own log-probabilities.",
    )
    correction_level: Literal["token", "sequence"] = Field(
        "token", description="Weight each token by its own ratio, or all of a trajectory by the product of its ratios."
    )
    correction_cap: float = Field(2.0, gt=0, description="Largest importance weight between trainer and engine.")

    @abstractmethod
    def objective(self, inputs: LossInputs, log_ratio: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Loss of each token [B, T] (or [B, 1]) and masks [B, T] or [B, 1] whose shares are recorded."""

    @property
    def needs_reference(self) -> bool:
        """True with a KL term."""
        return self.kl_coef > 0

    @property
    def needs_entropy(self) -> bool:
        """True with an entropy bonus."""
        return self.entropy_coef > 0

    @property
    def needs_recompute(self) -> bool:
        """True where `old_logprobs` must be the trainer's and `sampling_logprobs` the engine's."""
        return self.correction != "none"

    @property
    def needs_whole_rows(self) -> bool:
        """True where a trajectory's importance weight is the product of all its tokens' ratios."""
        return self.correction != "none" and self.correction_level == "sequence"

    @final
    def __call__(self, inputs: LossInputs) -> LossOutput:
        """The micro-batch's share of the mini-batch loss; metrics are weighted shares of the mini-batch's tokens."""
        per_token, events = self.objective(inputs, inputs.logprobs - inputs.old_logprobs)
        per_token = self._corrected(per_token, inputs)
        metrics = {name: token_share(event, inputs) for name, event in events.items()}
        loss = inputs.logprobs.new_zeros(())
        if inputs.ref_logprobs is not None and self.needs_reference:
            penalty = self._penalty(inputs.logprobs, inputs.ref_logprobs)
            metrics["kl_reference"] = token_share(penalty.detach(), inputs)
            if self.kl_aggregation == "as_loss":
                per_token = per_token + self.kl_coef * penalty
            else:
                loss = self.kl_coef * weighted(penalty, inputs).sum() / inputs.total_rows
        loss = loss + aggregate(per_token, inputs, self.aggregation)
        if inputs.entropy is not None and self.needs_entropy:
            bonus = token_share(inputs.entropy, inputs)
            loss = loss - self.entropy_coef * bonus
            metrics["entropy_policy"] = bonus.detach()
        return LossOutput(loss, metrics)

    def _penalty(self, logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
        penalty = reference_kl(logprobs, ref_logprobs, self.kl_estimator)
        return penalty.clamp(-self.kl_cap, self.kl_cap) if self.kl_cap else penalty

    def _corrected(self, per_token: Tensor, inputs: LossInputs) -> Tensor:
        if self.correction == "none" or inputs.sampling_logprobs is None:
            return per_token
        log_weight = masked(inputs.old_logprobs - inputs.sampling_logprobs, inputs.mask)
        if self.correction_level == "sequence":
            log_weight = log_weight.sum(-1, keepdim=True)
        weight = log_weight.exp()
        if self.correction == "truncate":
            return per_token * weight.clamp(max=self.correction_cap)
        return per_token * weight.masked_fill(weight > self.correction_cap, 0.0)


def masked(values: Tensor, mask: Tensor) -> Tensor:
    """`values` with 0 where `mask` is false, whatever was there (padding may hold anything)."""
    return values.masked_fill(~mask, 0.0)


def weighted(values: Tensor, inputs: LossInputs) -> Tensor:
    """[B, T]: values [B, T] or [B, 1] times the tokens' weights, 0 outside the mask."""
    return masked(values.expand(inputs.mask.shape), inputs.mask) * inputs.weights


def token_share(values: Tensor, inputs: LossInputs) -> Tensor:
    """The micro-batch's share of the weighted mean of values (or events) over the mini-batch's tokens."""
    return weighted(values.to(inputs.logprobs.dtype), inputs).sum() / inputs.total_tokens


def reference_kl(logprobs: Tensor, ref_logprobs: Tensor, estimator: str) -> Tensor:
    """Per-token estimate of KL(policy || reference) [B, T], with gradients to `logprobs`."""
    log_ratio = ref_logprobs - logprobs
    if estimator == "k3":
        return log_ratio.exp() - log_ratio - 1
    return -log_ratio if estimator == "k1" else log_ratio.square() / 2


def aggregate(per_token: Tensor, inputs: LossInputs, how: Aggregation) -> Tensor:
    """The share of [B, T] (or [B, 1]) losses in the mini-batch's loss.

    With w the weights: `sum(w x) / total_tokens`; `sum over rows of sum(w x) / row_tokens, / total_rows`;
    `sum(w x) / (total_rows max_tokens)`.
    """
    per_token = weighted(per_token, inputs)
    if how == "token_mean":
        return per_token.sum() / inputs.total_tokens
    if how == "fixed_length":
        return per_token.sum() / (inputs.total_rows * inputs.max_tokens)
    return (per_token.sum(-1) / inputs.row_tokens).sum() / inputs.total_rows
