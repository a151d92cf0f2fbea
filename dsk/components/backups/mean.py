"""The classical Monte-Carlo backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Backup

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Mean(Backup):
    """`q + r`, so that `Q = q / N` is the mean reward, graded or not; the decay is not used."""

    kind: ClassVar[str] = "mean"

    def update(
        self,
        values: Float[np.ndarray, " D"],
        visits: Int[np.ndarray, " D"],
        reward: float,
        decay: Float[np.ndarray, " D"],
    ) -> Float[np.ndarray, " D"]:
        """New `q` of the path's nodes [D], root first."""
        return values + reward
