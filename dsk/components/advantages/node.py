"""`node`: every node its own backed-up value."""

from __future__ import annotations

from typing import ClassVar

from dsk.components.advantages.normalisation import NORMALISATION, Normalisation, normalise
from dsk.core.roles import Advantage
from dsk.core.types import Group


class NodeAdvantage(Advantage):
    """`A(s_j) = q(s_j) - mu`, mu the mean reward of the group's recorded trajectories (DeepSearch eq. 15)."""

    kind: ClassVar[str] = "node"

    normalisation: Normalisation = NORMALISATION

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.values` and `Trajectory.reward`."""
        rewards = [trajectory.reward for trajectory in group.trajectories]
        return normalise([trajectory.values for trajectory in group.trajectories], rewards, self.normalisation)
