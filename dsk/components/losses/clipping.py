"""PPO's clipped objective, shared by the losses that differ only in defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from dsk.components.losses.policy import PolicyLoss
from dsk.core.roles import LossInputs

if TYPE_CHECKING:
    from torch import Tensor


class ClippedLoss(PolicyLoss):
    """`max(-A r, -A clip(r, 1 - clip_low, 1 + clip_high))`, at most `-A dual_clip` for negative A."""

    clip_low: float = Field(0.2, ge=0, lt=1, description="epsilon_low: the ratio counts down to 1 - clip_low.")
    clip_high: float = Field(0.2, ge=0, description="epsilon_high: the ratio counts up to 1 + clip_high.")
    dual_clip: float = Field(
        0.0, ge=0, description="c: with a negative advantage the ratio counts up to c (Ye et al. 2020); 0 is off."
    )

    def objective(self, inputs: LossInputs, log_ratio: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """One ratio per token."""
        return self.clipped(log_ratio.exp(), inputs.advantages)

    def clipped(self, ratio: Tensor, advantages: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Loss [B, T] for ratios [B, T] or [B, 1], and where each bound was active."""
        plain = -advantages * ratio
        bounded = -advantages * ratio.clamp(1 - self.clip_low, 1 + self.clip_high)
        loss = plain.maximum(bounded)
        events = {
            "clip_low": (ratio < 1 - self.clip_low) & (advantages < 0),
            "clip_high": (ratio > 1 + self.clip_high) & (advantages > 0),
        }
        if self.dual_clip:
            negative = advantages < 0
            events["clip_dual"] = negative & (ratio > self.dual_clip)
            loss = loss.where(~negative, loss.minimum(-advantages * self.dual_clip))
        return loss, events
