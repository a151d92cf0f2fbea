"""A step's credit is how much it changed the chance of success."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from dsk.core.roles import Advantage
from dsk.core.types import Group


class MonteCarloAdvantage(Advantage):
    """`V(s_j) - V(parent)`, with V the mean reward of all verified terminals below (VinePPO, TreeRL, SPO).

    Nothing is centred: the parent's value is the baseline. A direct rollout's parent is the prompt, whose value is the
    group's mean reward. A tree without any success has no signal.
    """

    kind: ClassVar[str] = "monte_carlo"

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.mean_rewards`."""
        return [[value - parent for parent, value in pairwise(t.mean_rewards)] for t in group.trajectories]
