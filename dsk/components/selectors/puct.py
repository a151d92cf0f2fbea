"""PUCT with the policy's own probability of a step as the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from dsk.core.roles import Selector, TreeView, added

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Puct(Selector):
    """`Q(s) + c P(s) sqrt(N(parent)) / (1 + N(s))`, followed from the root (AlphaZero).

    The prior `P(s)` is exp(-H(s)), the geometric mean of the step's token probabilities, made to sum to 1 over the
    siblings: a length-normalised stand-in for the probability of the whole step, which vanishes for long steps.
    """

    kind: ClassVar[str] = "puct"
    mode: ClassVar[Literal["frontier", "descend"]] = "descend"

    exploration: float = Field(default=2.0, ge=0, description="c: weight of the prior term.")

    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """PUCT of each sibling [A]; `rng` is not used."""
        return added(self.terms(tree, nodes, rng))

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """The mean value, and the prior's term with its weight."""
        visits = tree.visits[nodes]
        prior = np.exp(-tree.entropy[nodes])
        prior = prior / np.maximum(prior.sum(), np.finfo(np.float64).tiny)
        return {
            "mean value": tree.value[nodes] / np.maximum(visits, 1),
            "exploration": self.exploration * prior * np.sqrt(tree.visits[tree.parent[nodes]]) / (1 + visits),
        }
