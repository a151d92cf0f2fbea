"""`node`: every node its own backed-up value."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.advantages.normalisation import NORMALISATION, Normalisation, normalise
from dsk.core.roles import Advantage
from dsk.core.types import Group


class NodeAdvantage(Advantage):
    """`A(s_j) = q(s_j) - mu`, mu the mean reward of the group's recorded trajectories (DeepSearch eq. 15).

    In a group without a solution binary rewards make mu -1 and soft-clipped values are above -1, so every inner node is
    rewarded; `unsolved` says whether such a group is learnt from. Graded rewards leave a group of wrong answers a mu
    above -1, which ranks them: `unsolved` speaks of correct answers all the same, whatever their rewards.
    """

    kind: ClassVar[str] = "node"

    normalisation: Normalisation = NORMALISATION
    unsolved: Literal["paper", "skip"] = Field(
        "paper",
        description="Groups without a solution: `paper` credits their inner nodes by eq. 15, all of them positively;"
        " `skip` gives them no advantage, so that nothing is learnt from them.",
    )

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.values` and `Trajectory.reward`."""
        if self.unsolved == "skip" and not group.solved:
            return [[0.0] * len(trajectory.node_lengths) for trajectory in group.trajectories]
        rewards = [trajectory.reward for trajectory in group.trajectories]
        return normalise([trajectory.values for trajectory in group.trajectories], rewards, self.normalisation)
