"""The least sure wrong answer (DeepSearch Table 5): the highest trajectory entropy, the first among equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Negative

if TYPE_CHECKING:
    from jaxtyping import Float


class LeastConfident(Negative):
    """The least sure wrong answer (DeepSearch Table 5): the highest trajectory entropy, the first among equals."""

    kind: ClassVar[str] = "least_confident"

    def choose(self, entropies: Float[np.ndarray, " A"], rng: np.random.Generator) -> int:
        """Index into the candidates' trajectory entropies [A]."""
        return int(np.argmax(entropies))
