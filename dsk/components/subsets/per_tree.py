"""`per_tree`: equally many trajectories of each tree."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Subset
from dsk.core.types import Group


class PerTree(Subset):
    """K random trajectories of each of the group's trees (Tree-GRPO), all of a tree that has fewer."""

    kind: ClassVar[str] = "per_tree"

    size: int = Field(3, ge=1, description="K, trajectories kept of a tree.")

    def choose(self, group: Group, rng: np.random.Generator) -> list[int]:
        """Uniform in each tree, without replacement."""
        trees = np.asarray([t.tree for t in group.trajectories])
        members = (np.flatnonzero(trees == tree) for tree in np.unique(trees))
        return sorted(i for tree in members for i in rng.permutation(tree)[: self.size].tolist())
