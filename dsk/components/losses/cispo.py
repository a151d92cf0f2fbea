"""`cispo`: clipped importance weights, gradients for every token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from dsk.components.losses.policy import PolicyLoss
from dsk.core.roles import LossInputs

if TYPE_CHECKING:
    from torch import Tensor


class CISPO(PolicyLoss):
    """`-sg(min(r, ratio_max)) A log p`, token mean (MiniMax-M1, eq. 4): clipping caps the weight, not the gradient."""

    kind: ClassVar[str] = "cispo"

    ratio_max: float = Field(5.0, gt=0, description="Largest importance weight (1 + epsilon_high of the paper).")

    def objective(self, inputs: LossInputs, log_ratio: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """One detached weight per token."""
        ratio = log_ratio.detach().exp()
        loss = -ratio.clamp(max=self.ratio_max) * inputs.advantages * inputs.logprobs
        return loss, {"clip_high": ratio > self.ratio_max}
