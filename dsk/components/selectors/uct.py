"""The vanilla baseline: UCT descent from the root."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from dsk.core.roles import Selector, TreeView
from dsk.core.sampling.uct import uct, uct_terms

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int


class Uct(Selector):
    """`Q(s) + lambda sqrt(ln N(parent) / N(s))`, followed from the root (DeepSearch Table 4, vanilla)."""

    kind: ClassVar[str] = "uct"
    mode: ClassVar[Literal["frontier", "descend"]] = "descend"

    exploration: float = Field(default=2.0, ge=0, description="lambda: weight of the exploration term.")

    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """UCT of each sibling [A]; `rng` is not used."""
        return uct(tree, nodes, self.exploration)

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """The mean value and the exploration term."""
        return uct_terms(tree, nodes, self.exploration)
