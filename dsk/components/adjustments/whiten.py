"""`whiten`: advantages of mean 0 and variance 1 over the mini-batch."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dsk.components.adjustments.stream_names import By, stream_of
from dsk.core.roles import Adjustment, MiniBatch


class Whiten(Adjustment):
    """`(A - mean) / sqrt(var + epsilon)` over the mini-batch's trained tokens (VinePPO, SPO, TreePO; ProRLv2).

    Mean and unbiased variance `sum(w (A - mean)^2) / (sum(w) - 1)`, w what the token counts: under `train.weight:
    unique` a shared token is one observation, as where each segment is a row of its own (SPO-tree). Equal advantages,
    and one observation alone, become 0.
    """

    kind: ClassVar[str] = "whiten"

    count: Literal["tokens", "rows"] = Field(
        "tokens", description="What counts as one observation: a trained token, or a row (its tokens together)."
    )
    per: Literal["batch"] | By = Field(
        "batch", description="Over the whole mini-batch, or within each stream by `origin`, `tree` or `given`."
    )
    epsilon: float = Field(1e-8, ge=0, description="Added to the variance.")

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """Advantages of tokens that are not trained stay."""
        advantages = batch.advantages.copy()
        streams = np.zeros(len(batch.group)) if self.per == "batch" else stream_of(batch, self.per)
        for stream in np.unique(streams):
            inside = batch.trained & (streams == stream)[batch.row]
            advantages[inside] = self._whitened(batch.advantages[inside], batch.counted[inside], batch.row[inside])
        return replace(batch, advantages=advantages)

    def _whitened(self, values_M: np.ndarray, counted_M: np.ndarray, row_M: np.ndarray) -> np.ndarray:
        if self.count == "rows":
            counts_R = np.bincount(row_M, counted_M)
            counted_M = counted_M / np.where(counts_R > 0, counts_R, 1.0)[row_M]
        total = counted_M.sum()
        seen = values_M[counted_M > 0]
        if not len(seen) or total <= 1 or seen.min() == seen.max():
            return np.zeros(len(values_M))
        centred = values_M - (counted_M @ values_M) / total
        variance = counted_M @ centred**2 / (total - 1)
        return centred / np.sqrt(variance + self.epsilon)
