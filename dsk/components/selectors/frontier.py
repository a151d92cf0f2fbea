"""Global frontier selection (DeepSearch eqs. 6-7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from dsk.core.roles import Selector, TreeView, added

if TYPE_CHECKING:
    from jaxtyping import Float, Int

DepthBonus = Callable[["Float[np.ndarray, ' A']", int], "Float[np.ndarray, ' A']"]

DEPTH_BONUSES: dict[str, DepthBonus] = {
    "sqrt": lambda depth, max_depth: np.sqrt(depth / max_depth),
    "log": lambda depth, _: np.log(depth + 1),
    "linear": lambda depth, _: depth,
}


class Frontier(Selector):
    """`F(s) = lambda1 tanh(Q(parent)) + lambda2 H(s) + lambda3 D(d(s)) + lambda4 V(s)` over all open nodes of the tree.

    Defaults are the paper's: lambda1 = 0.4, lambda2 = 0, lambda3 = 0.01, D = sqrt(d / d_T); its lambda4 is 0. `V` is
    what the scorer says of the step, 0.5 where it says nothing.
    """

    kind: ClassVar[str] = "frontier"

    value_weight: float = Field(default=0.4, description="lambda1: weight of the parent's squashed mean value.")
    entropy_weight: float = Field(
        default=0.0, description="lambda2: weight of the step entropy; the sign steers (un)certainty."
    )
    depth_weight: float = Field(default=0.01, description="lambda3: weight of the depth bonus.")
    depth_bonus: Literal["sqrt", "log", "linear"] = Field(
        default="sqrt", description="D: `sqrt` is sqrt(d / d_T), `log` is log(d + 1), `linear` is d."
    )

    score_weight: float = Field(default=0.0, description="lambda4: weight of the scorer's score of the step.")

    @property
    def needs_scores(self) -> bool:
        """Where scores have a weight."""
        return bool(self.score_weight)

    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """Eq. 7 for each node [A]; `rng` is not used."""
        return added(self.terms(tree, nodes, rng))

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """The three terms of eq. 7, weighted, and that of the score where it has a weight."""
        parents = tree.parent[nodes]
        mean = tree.value[parents] / np.maximum(tree.visits[parents], 1)
        bonus = DEPTH_BONUSES[self.depth_bonus](tree.depth[nodes].astype(np.float64), tree.max_depth)
        terms = {
            "parent value": self.value_weight * np.tanh(mean),
            "entropy": self.entropy_weight * tree.entropy[nodes],
            "depth": self.depth_weight * bonus,
        }
        if self.score_weight:
            terms["score"] = self.score_weight * np.nan_to_num(tree.score[nodes], nan=0.5)
        return terms
