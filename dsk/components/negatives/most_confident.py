"""The surest wrong answer (DeepSearch eq. 2): the lowest trajectory entropy, the first among equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Negative

if TYPE_CHECKING:
    from jaxtyping import Float


class MostConfident(Negative):
    """The surest wrong answer (DeepSearch eq. 2): the lowest trajectory entropy, the first among equals."""

    kind: ClassVar[str] = "most_confident"

    def choose(self, entropies: Float[np.ndarray, " A"], rng: np.random.Generator) -> int:
        """Index into the candidates' trajectory entropies [A]."""
        return int(np.argmin(entropies))
