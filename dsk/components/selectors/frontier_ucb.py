"""Frontier selection with an upper confidence bound on the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from dsk.core.roles import Selector, TreeView, added

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class FrontierUcb(Selector):
    """`F(s) = Q(parent) + c / sqrt(1 + N(parent)) + lambda2 H(s) + lambda3 sqrt(d(s) / d_T)` over all open nodes.

    The first two terms are an upper bound on the parent's mean reward: Hoeffding's inequality for rewards in [-1, 1]
    holds with probability 1 - delta for c = sqrt(2 ln(1 / delta)), and a node with no reward yet counts once. The
    paper's frontier takes the mean alone, so a branch of one unlucky terminal is left for good.
    """

    kind: ClassVar[str] = "frontier_ucb"

    confidence: float = Field(default=1.0, ge=0, description="c: width of the bound, in rewards, at no visits.")
    entropy_weight: float = Field(
        default=0.0, description="lambda2: weight of the step entropy; the sign steers (un)certainty."
    )
    depth_weight: float = Field(default=0.01, description="lambda3: weight of the depth bonus.")

    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """The bound and its bonuses for each node [A]; `rng` is not used."""
        return added(self.terms(tree, nodes, rng))

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """The parent's mean, the width of its bound, and the two bonuses, weighted."""
        parents = tree.parent[nodes]
        visits = tree.visits[parents]
        return {
            "parent value": tree.value[parents] / np.maximum(visits, 1),
            "confidence": self.confidence / np.sqrt(1 + visits),
            "entropy": self.entropy_weight * tree.entropy[nodes],
            "depth": self.depth_weight * np.sqrt(tree.depth[nodes] / tree.max_depth),
        }
