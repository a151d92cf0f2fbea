"""`correct_first`: a correct trajectory for certain, the rest at random."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Subset
from dsk.core.types import Group


class CorrectFirst(Subset):
    """One random correct trajectory if there is any, the others drawn at random from all the rest (TreeRL: 16 of 30).

    A group with fewer is kept whole; TreeRL's code stops there.
    """

    kind: ClassVar[str] = "correct_first"

    size: int = Field(16, ge=1, description="Trajectories kept of a group.")

    def choose(self, group: Group, rng: np.random.Generator) -> list[int]:
        """Uniform, without replacement."""
        count = len(group.trajectories)
        correct = [i for i, t in enumerate(group.trajectories) if t.correct]
        sure = [correct[rng.integers(len(correct))]] if correct else []
        rest = [i for i in range(count) if i not in sure]
        drawn = rng.permutation(rest)[: self.size - len(sure)].tolist()
        return sorted(sure + drawn)
