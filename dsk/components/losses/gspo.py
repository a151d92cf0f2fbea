"""`gspo`: one ratio per sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from dsk.components.losses.clipping import ClippedLoss
from dsk.components.losses.policy import Aggregation, masked
from dsk.core.roles import LossInputs

if TYPE_CHECKING:
    from torch import Tensor


class GSPO(ClippedLoss):
    """Clipped objective on the geometric mean of a trajectory's ratios (Zheng et al. 2025, eq. 5)."""

    kind: ClassVar[str] = "gspo"

    aggregation: Aggregation = Field("sequence_mean", description="The mean over rows of row means.")
    clip_low: float = Field(3e-4, ge=0, lt=1, description="epsilon_low of the sequence ratio (paper, section 5.1).")
    clip_high: float = Field(4e-4, ge=0, description="epsilon_high of the sequence ratio (paper, section 5.1).")

    @property
    def needs_whole_rows(self) -> bool:
        """Always: the ratio is of all the row's trained tokens."""
        return True

    def objective(self, inputs: LossInputs, log_ratio: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """One ratio per row [B, 1], over its trained tokens whatever their weights, counted by each of them."""
        lengths = inputs.mask.sum(-1, keepdim=True).clamp(min=1)
        ratio = (masked(log_ratio, inputs.mask).sum(-1, keepdim=True) / lengths).exp()
        return self.clipped(ratio, inputs.advantages)
