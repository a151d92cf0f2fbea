"""`uncertain_share`: only the least expected tokens are trained."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from dsk.components.adjustments.masks import LEAVES_DENOMINATOR, only
from dsk.core.roles import Adjustment, MiniBatch


class UncertainShare(Adjustment):
    """Of the mini-batch's trained tokens only the share with the highest surprise `-log pi_old` stays in the loss.

    The surprise of the sampled token, not the entropy of its distribution (Wang et al. 2025 take the latter).
    """

    kind: ClassVar[str] = "uncertain_share"

    share: float = Field(0.2, gt=0, le=1, description="Share of tokens that stay, rounded up; equal ones all stay.")
    leaves_denominator: bool = LEAVES_DENOMINATOR

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """Tokens count once in each row that has them, whatever their weights."""
        surprise = -batch.logprobs[batch.trained]
        if not len(surprise):
            return batch
        rank = len(surprise) - math.ceil(self.share * len(surprise))
        return only(batch, -batch.logprobs >= np.partition(surprise, rank)[rank], self.leaves_denominator)
