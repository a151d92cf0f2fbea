"""`tree_rl`: how good a node is and how much it gained, less where many trajectories share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import sqrt
from typing import ClassVar, Literal

from pydantic import Field

from dsk.core.roles import Advantage
from dsk.core.sampling.search_tree import ROOT
from dsk.core.training.group_tree import GroupTree
from dsk.core.types import Group, Trajectory

FILLED = 1e-8
"""A gain below this is taken from the node before."""


class TreeRLAdvantage(Advantage):
    """A node's value plus its gain over the parent's, over the root of how many responses share it (TreeRL).

    `code`: `x` is an end's reward less the mean of the other ends', `X(s)` the mean of `x` over the ends at or below s,
    `k(s)` the trajectories through s, `U = X / sqrt(k)`; `A(s) = a(s) + U(s)` with the gain `a(s) = U(s) - U(parent)`,
    where from a path's second node on a gain below 1e-8 is that of the node before. `paper`: `((V(s) - V(root)) +
    (V(s) - V(parent))) / sqrt(ends below s)`, V the mean reward of the ends below. Statistics are over all verified
    ends, `k` over what is trained. One end alone has none to be compared with, and no credit: the authors' code stops
    there. That an unfinished response gets -1 on every token is the adjustment `unfinished`.
    """

    kind: ClassVar[str] = "tree_rl"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "tree"

    form: Literal["code", "paper"] = Field(
        "code", description="What the authors' code computes, or what their paper states."
    )

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from the rewards of `Group.verified` and the nodes that trajectories share."""
        tree = GroupTree.of(group)
        means = tree.leaf_means()
        gained = {node: mean - means[ROOT] for node, mean in means.items()}
        if self.form == "paper":
            shares = {node: sqrt(len(rewards)) for node, rewards in tree.below.items()}
            return [
                [(2 * gained[s] - gained[p]) / shares[s] for p, s in pairwise((ROOT, *t.node_ids))]
                for t in group.trajectories
            ]
        ends = len(tree.below[ROOT])
        others = ends / (ends - 1) if ends > 1 else 0.0
        through = Counter(node for t in group.trajectories for node in t.node_ids)
        shared = {node: others * gained[node] / sqrt(count) for node, count in through.items()}
        return [_along(t, shared) for t in group.trajectories]


def _along(trajectory: Trajectory, shared: dict[int, float]) -> list[float]:
    """`a + U` of each node of the path; the root's U is 0."""
    own = [shared[node] for node in trajectory.node_ids]
    gains = _filled(node - before for before, node in pairwise([0.0, *own]))
    return [gain + value for gain, value in zip(gains, own, strict=True)]


def _filled(gains: Iterable[float]) -> list[float]:
    filled: list[float] = []
    for gain in gains:
        filled.append(filled[-1] if filled and abs(gain) < FILLED else gain)
    return filled
