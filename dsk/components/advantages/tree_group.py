"""`tree_group`: a response compared with the prompt's responses, and with those of its tree."""

from __future__ import annotations

from math import fsum, sqrt
from typing import ClassVar, Literal

from dsk.core.roles import Advantage
from dsk.core.types import Group, mean_reward

EPSILON = 1e-6


class TreeGroupAdvantage(Advantage):
    """`z` of the reward among the group's trajectories plus `z` among those of the same tree (Tree-GRPO).

    `z = (R - mean) / (sd + 1e-6)`, sd the sample standard deviation. As in the authors' code a group of one has mean 0
    and sd 1, so that a lone response's z is its reward, -1 for a wrong one (theirs are 0 or more); and a group of equal
    rewards has z 0. All nodes of a trajectory get the same. The paper compares the branches of one parent; its code, as
    here, all trained responses of a tree.
    """

    kind: ClassVar[str] = "tree_group"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "tree"

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.reward` and `Trajectory.tree`."""
        of_tree: dict[int, list[float]] = {}
        for t in group.trajectories:
            of_tree.setdefault(t.tree, []).append(t.reward)
        everyone = [t.reward for t in group.trajectories]
        return [
            [_z(t.reward, everyone) + _z(t.reward, of_tree[t.tree])] * len(t.node_lengths) for t in group.trajectories
        ]


def _z(reward: float, rewards: list[float]) -> float:
    if len(rewards) == 1:
        return reward / (1 + EPSILON)
    mean = mean_reward(rewards)
    deviation = sqrt(fsum((other - mean) ** 2 for other in rewards) / (len(rewards) - 1))
    return (reward - mean) / (deviation + EPSILON)
