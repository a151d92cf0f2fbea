"""`dapo`: clip-higher and token mean."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.components.losses.clipping import ClippedLoss


class DAPO(ClippedLoss):
    """Clipped objective with a wider upper bound and token mean (Yu et al. 2025, eq. 8).

    Its advantages are `outcome` with normalisation `mean_std`; its length penalty is the spec's `overlong`.
    """

    kind: ClassVar[str] = "dapo"

    clip_high: float = Field(0.28, ge=0, description="epsilon_high: the ratio counts up to 1 + clip_high.")
