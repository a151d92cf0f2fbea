"""`outcome`: every node the value of its trajectory's end."""

from __future__ import annotations

from typing import ClassVar

from dsk.components.advantages.normalisation import NORMALISATION, Normalisation, normalise
from dsk.core.roles import Advantage
from dsk.core.types import Group


class OutcomeAdvantage(Advantage):
    """`A(s_j) = q(s_end) - mu` for all nodes of a trajectory (DeepSearch Table 4; GRPO with `mean_std`)."""

    kind: ClassVar[str] = "outcome"

    normalisation: Normalisation = NORMALISATION

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.reward` alone."""
        rewards = [trajectory.reward for trajectory in group.trajectories]
        scores = [[trajectory.reward] * len(trajectory.node_lengths) for trajectory in group.trajectories]
        return normalise(scores, rewards, self.normalisation)
