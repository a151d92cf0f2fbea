"""`balanced`: as many correct trajectories as wrong ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Subset
from dsk.core.types import Group


class Balanced(Subset):
    """The first n/2 correct and n/2 wrong trajectories, what one kind lacks made up from the other (Reinforce-Ada)."""

    kind: ClassVar[str] = "balanced"

    size: int = Field(4, ge=2, multiple_of=2, description="n, trajectories kept of a group; all where it has fewer.")

    def choose(self, group: Group, rng: np.random.Generator) -> list[int]:
        """In the group's order; `rng` is not used."""
        correct = [i for i, t in enumerate(group.trajectories) if t.correct]
        wrong = [i for i, t in enumerate(group.trajectories) if not t.correct]
        half = self.size // 2
        lacking = max(half - len(correct), 0)
        kept = wrong[: half + lacking]
        return sorted(correct[: self.size - len(kept)] + kept)
