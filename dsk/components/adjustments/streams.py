"""`streams`: several means in one loss, each with a denominator and a weight of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dsk.components.adjustments.stream_names import STREAMS, By, stream_of
from dsk.core.roles import Adjustment, MiniBatch


class Streams(Adjustment):
    """`sum over streams s of lambda_s times the mean over s` in place of one mean over all (DEEP-GRPO).

    A stream without tokens adds nothing. One with lambda 0 is not trained and counts nowhere: a mask by origin.
    """

    kind: ClassVar[str] = "streams"

    by: By = Field(
        "origin",
        description="`origin`: search, direct, cached; `tree`: first, later; `given`: whole, continued (sampled after a"
        " given beginning).",
    )
    weights: Mapping[str, float] = Field({}, description="Lambda of each stream; those not named have 1.")
    over: Literal["tokens", "rows"] = Field(
        "tokens",
        description="What the means are over; `rows` where the loss's own mean is (sequence_mean, fixed_length).",
    )

    @model_validator(mode="after")
    def _check_weights(self) -> Streams:
        allowed = STREAMS[self.by]
        for name, weight in self.weights.items():
            if name not in allowed:
                raise ValueError(f"weights has '{name}'; the streams by {self.by} are {', '.join(allowed)}")
            if weight < 0:
                raise ValueError(f"weights.{name} is {weight}; it must be at least 0")
        return self

    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """Weights times `lambda_s C / C_s`, C what all streams count in denominators and C_s what one does."""
        names = stream_of(batch, self.by)
        factor = np.asarray([self.weights.get(name, 1.0) for name in names.tolist()])
        counted = np.where(factor[batch.row] > 0, batch.counted, 0.0)
        for name in np.unique(names):
            factor[names == name] *= self._inverse_share(names == name, counted, batch)
        trained = batch.trained & (factor[batch.row] > 0)
        weights = np.where(trained, batch.weights * factor[batch.row], 0.0)
        return replace(batch, trained=trained, weights=weights, counted=counted)

    def _inverse_share(self, stream_R: np.ndarray, counted_N: np.ndarray, batch: MiniBatch) -> float:
        counts_R = np.bincount(batch.row, counted_N, len(batch.group))
        if self.over == "rows":
            counts_R = (counts_R > 0).astype(np.float64)
        own = counts_R[stream_R].sum()
        return float(counts_R.sum() / own) if own > 0 else 0.0
