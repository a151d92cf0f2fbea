"""`unfinished`: a fixed advantage for responses that were cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Adjustment, MiniBatch


class Unfinished(Adjustment):
    """Every token of a trajectory that did not end in end-of-sequence gets one advantage (TreeRL's released code: -1).

    A token that such a trajectory shares with a finished one keeps its own advantage there.
    """

    kind: ClassVar[str] = "unfinished"

    advantage: float = Field(-1.0, description="The advantage of every token of an unfinished trajectory.")

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """By the row's `stop`."""
        cut_off = (batch.stop != "eos")[batch.row] & batch.trained
        return replace(batch, advantages=np.where(cut_off, self.advantage, batch.advantages))
