"""`tree_grpo`: the paper's loss."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.components.losses.clipping import ClippedLoss


class TreeGRPO(ClippedLoss):
    """Clipped objective with clip-higher and dual clip, token mean, no KL (DeepSearch eqs. 13-14)."""

    kind: ClassVar[str] = "tree_grpo"

    clip_high: float = Field(0.28, ge=0, description="epsilon_high: the ratio counts up to 1 + clip_high.")
    dual_clip: float = Field(10.0, ge=0, description="c: with a negative advantage the ratio counts up to c; 0 is off.")
