"""The loss `sapo`: a smooth gate where PPO clips."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

import dsk


class SAPO(dsk.Loss):
    """Soft Adaptive Policy Optimization (Gao et al. 2025, arXiv 2511.20347).

    `-f(p / p_old) A` with `f(x) = sigmoid(tau (x - 1)) 4 / tau`, whose slope is 1 at x = 1 and fades on both sides.
    `tau` is `temperature_positive` where A > 0 and `temperature_negative` elsewhere. Mean over a trajectory's tokens,
    then over trajectories, as in the paper.
    """

    kind: ClassVar[str] = "sapo"

    temperature_positive: float = Field(default=1.0, gt=0, le=1e3, description="tau of tokens with A > 0 (paper: 1).")
    temperature_negative: float = Field(
        default=1.05, gt=0, le=1e3, description="tau of the others; higher fades faster (paper: 1.05)."
    )

    def __call__(self, inputs: dsk.LossInputs) -> dsk.LossOutput:
        """The micro-batch's share of the mini-batch loss; every array is [B, T], and padding may hold anything."""
        ratio = (inputs.logprobs - inputs.old_logprobs).masked_fill(~inputs.mask, 0.0).exp()
        tau = inputs.advantages.new_full(inputs.advantages.shape, self.temperature_negative)
        tau = tau.masked_fill(inputs.advantages > 0, self.temperature_positive)
        gate = (tau * (ratio - 1)).sigmoid() * 4 / tau
        per_token = (-gate * inputs.advantages).masked_fill(~inputs.mask, 0.0)
        loss = ((per_token * inputs.weights).sum(-1) / inputs.row_tokens).sum() / inputs.total_rows
        slope = (gate * tau * (1 - gate * tau / 4)).detach()  # f'(ratio): 1 on policy, towards 0 far from it
        return dsk.LossOutput(loss, {"gate_slope": (slope * inputs.weights).sum() / inputs.total_tokens})


@dsk.hookimpl
def register_losses(register: dsk.Register) -> None:
    register(SAPO)
