"""`drop_zero`: what has no advantage does not count either."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dsk.components.adjustments.masks import LEAVES_DENOMINATOR, only
from dsk.core.roles import Adjustment, MiniBatch


class DropZero(Adjustment):
    """Tokens (or rows) without any advantage leave the loss (SPO-tree drops such segments, DEEP-GRPO such rows)."""

    kind: ClassVar[str] = "drop_zero"

    level: Literal["token", "row"] = Field(
        "token", description="`token`: each token whose advantage is 0; `row`: rows all of whose tokens have 0."
    )
    leaves_denominator: bool = LEAVES_DENOMINATOR

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """By the advantages as they are at this place in the list."""
        kept = batch.trained & (batch.advantages != 0)
        if self.level == "row":
            kept = (np.bincount(batch.row, kept, len(batch.group)) > 0)[batch.row]
        return only(batch, kept, self.leaves_denominator)
