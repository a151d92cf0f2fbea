"""Any of the wrong answers, uniformly (DeepSearch Table 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.core.roles import Negative

if TYPE_CHECKING:
    from jaxtyping import Float


class RandomNegative(Negative):
    """Any of the wrong answers, uniformly (DeepSearch Table 5)."""

    kind: ClassVar[str] = "random"

    def choose(self, entropies: Float[np.ndarray, " A"], rng: np.random.Generator) -> int:
        """Index into the candidates' trajectory entropies [A]."""
        return int(rng.integers(len(entropies)))
