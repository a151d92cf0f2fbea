"""`monte_carlo`: a step's credit is how much it changed the chance of success."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from dsk.core.roles import Advantage
from dsk.core.sampling.search_tree import ROOT
from dsk.core.training.group_tree import GroupTree
from dsk.core.types import Group, mean_reward

EPSILON = 1e-8
EXACT = 1e-12
"""Means of equal rewards by different ways differ by less: that is no credit."""


class MonteCarloAdvantage(Advantage):
    """`A(s) = V(s) - V(parent)`, with V from all verified ends below, also those that are not trained (SPO-tree).

    Nothing is centred: the parent's value is the baseline. A direct response's parent is the prompt, whose value is the
    group's mean reward. A tree whose rewards are all equal has no signal. Probes count in no value, and of a node's
    children those that have a verified end below. SPO then whitens over the batch (the adjustment `whiten`).
    """

    kind: ClassVar[str] = "monte_carlo"

    value: Literal["leaves", "children"] = Field(
        "leaves",
        description="V of a node: `leaves`, the mean reward of the ends below; `children`, the mean of its children's V"
        " (SPO-tree), which differs where some ends come early.",
    )
    scale: Literal["none", "siblings"] = Field(
        "none",
        description="`siblings` divides by the population standard deviation of V among the node and its siblings,"
        " plus 1e-8 (SPO-tree's other form).",
    )

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from the rewards of `Group.verified`."""
        tree = GroupTree.of(group)
        values = tree.leaf_means() if self.value == "leaves" else tree.child_means()
        spreads = {node: _spread([values[c] for c in below]) for node, below in tree.children.items()}

        def credit(parent: int, node: int) -> float:
            change = values[node] - values[parent]
            if abs(change) < EXACT or self.scale == "none":
                return change if abs(change) >= EXACT else 0.0
            return change / (spreads[parent] + EPSILON)

        return [[credit(*edge) for edge in pairwise((ROOT, *t.node_ids))] for t in group.trajectories]


def _spread(values: list[float]) -> float:
    mean = mean_reward(values)
    return math.sqrt(mean_reward([(value - mean) ** 2 for value in values]))
