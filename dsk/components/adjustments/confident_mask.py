"""`confident_mask`: tokens that the policy was sure of are not trained."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field

from dsk.components.adjustments.masks import LEAVES_DENOMINATOR, only
from dsk.core.roles import Adjustment, MiniBatch


class ConfidentMask(Adjustment):
    """Only tokens with `pi_old < rho` are trained (SPO's probability mask); a probability of exactly rho is not below.

    `pi_old` is what the engine reports, the probability at temperature 1. A mini-batch without such a token trains
    nothing.
    """

    kind: ClassVar[str] = "confident_mask"

    rho: float = Field(0.9, gt=0, le=1, description="Least probability that is not trained.")
    leaves_denominator: bool = LEAVES_DENOMINATOR

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """Compares logarithms, so that a log-probability of log(rho) is not below."""
        return only(batch, batch.logprobs < math.log(self.rho), self.leaves_denominator)
