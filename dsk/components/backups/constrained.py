"""The paper's constrained backup (DeepSearch eqs. 3-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Backup

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Constrained(Backup):
    """A node once on a path of positive reward stays positive, and forgets the failures it had before.

    `q + gamma r` where `q r >= 0`; `gamma r` where `q < 0 < r`; `q` where `r < 0 < q`. With graded rewards `r` may be
    anything from -1 to 1, and its sign takes the place of correct and wrong: a score above one half rescues a node,
    however little above, one below leaves a positive node as it is, and one half changes nothing. It is the reward that
    decides, not `correct`.
    """

    kind: ClassVar[str] = "constrained"

    def update(
        self,
        values: Float[np.ndarray, " D"],
        visits: Int[np.ndarray, " D"],
        reward: float,
        decay: Float[np.ndarray, " D"],
    ) -> Float[np.ndarray, " D"]:
        """New `q` of the path's nodes [D], root first."""
        step = decay * reward
        same_sign = values * reward >= 0
        rescued = np.where(reward > 0, step, values)
        return np.where(same_sign, values + step, rescued)
