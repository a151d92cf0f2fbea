"""`dr_grpo`: GRPO without its length bias."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.components.losses.clipping import ClippedLoss
from dsk.components.losses.policy import Aggregation


class DrGRPO(ClippedLoss):
    """Clipped objective, summed and divided by a constant (Liu et al. 2025, section 3.2).

    Its advantages are `outcome` with normalisation `mean`.
    """

    kind: ClassVar[str] = "dr_grpo"

    aggregation: Aggregation = Field("fixed_length", description="Sum / (rows x longest response allowed).")
