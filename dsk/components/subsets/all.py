"""`all`: every trajectory is trained."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dsk.core.roles import Subset
from dsk.core.types import Group


class AllTrajectories(Subset):
    """Every trajectory of the group."""

    kind: ClassVar[str] = "all"

    def choose(self, group: Group, rng: np.random.Generator) -> list[int]:
        """All indices; `rng` is not used."""
        return list(range(len(group.trajectories)))
