"""A uniformly random open node: the floor that every selector should beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from dsk.core.roles import Selector, TreeView

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int


class Random(Selector):
    """Draws each selection uniformly over the frontier."""

    kind: ClassVar[str] = "random"
    scope: ClassVar[Literal["local", "global"]] = "global"

    def scores(self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator) -> Float[np.ndarray, " A"]:
        """Independent uniform scores [A] from `rng`."""
        return rng.random(len(nodes))

    def terms(
        self, tree: TreeView, nodes: Int[np.ndarray, " A"], rng: np.random.Generator
    ) -> dict[str, Float[np.ndarray, " A"]]:
        """The draw."""
        return {"draw": self.scores(tree, nodes, rng)}
