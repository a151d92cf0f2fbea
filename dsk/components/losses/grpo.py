"""`grpo`: group-relative policy optimisation."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.components.losses.clipping import ClippedLoss
from dsk.components.losses.policy import Aggregation


class GRPO(ClippedLoss):
    """Clipped objective, each trajectory's token mean, then the mean over trajectories (DeepSeekMath eq. 3)."""

    kind: ClassVar[str] = "grpo"

    aggregation: Aggregation = Field(
        "sequence_mean", description="As in DeepSeekMath: the mean over rows of row means."
    )
