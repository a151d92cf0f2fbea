"""The ablation's backup (DeepSearch Table 4, vanilla)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Backup

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Simple(Backup):
    """`q + gamma r` where signs agree, otherwise `max(q + gamma r, 0)`; `r` is any reward in [-1, 1]."""

    kind: ClassVar[str] = "simple"

    def update(
        self,
        values: Float[np.ndarray, " D"],
        visits: Int[np.ndarray, " D"],
        reward: float,
        decay: Float[np.ndarray, " D"],
    ) -> Float[np.ndarray, " D"]:
        """New `q` of the path's nodes [D], root first."""
        moved = values + decay * reward
        return np.where(values * reward >= 0, moved, np.maximum(moved, 0.0))
