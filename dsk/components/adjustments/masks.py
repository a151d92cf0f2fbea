"""What the masks share: taking tokens out of the loss, and out of its denominators or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from dsk.core.roles import MiniBatch

if TYPE_CHECKING:
    from jaxtyping import Bool

LEAVES_DENOMINATOR: Any = Field(
    True,
    description="Whether tokens that are taken out leave the loss's denominators too (and a row without any other is no"
    " row); false: they count there as before.",
)


def only(batch: MiniBatch, kept: Bool[np.ndarray, " N"], leaves_denominator: bool) -> MiniBatch:
    """The mini-batch with only the tokens `kept` [N] trained, as far as they were."""
    trained = batch.trained & kept
    counted = np.where(kept, batch.counted, 0.0) if leaves_denominator else batch.counted
    return replace(batch, trained=trained, counted=counted, weights=np.where(trained, batch.weights, 0.0))
