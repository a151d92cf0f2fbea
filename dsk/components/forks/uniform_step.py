"""Forks at the ends of steps, all of them equally likely."""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from dsk.core.component import Otherwise, default_part
from dsk.core.roles import Boundary, ForestView, ForkRule

PROMPT = (-1, 0)


class UniformStep(ForkRule):
    """`n` nodes drawn uniformly with replacement from the root and the ends of all steps but last ones (Tree-GRPO).

    Drawing the root begins another response of the tree. Each chain is cut into steps by itself, from its own first
    token on (Ji et al. 2025, where a step is an agent's turn).
    """

    kind: ClassVar[str] = "uniform_step"

    boundary: Annotated[Boundary, Otherwise("text")] = default_part(Boundary, "text")
    step_tokens: int = Field(default=0, ge=0, description="Longest step, in tokens; 0 is no bound.")

    def places(self, forest: ForestView, tree: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Drawn in one go."""
        nodes = [PROMPT, *(place for chain in forest.chains(tree) for place in self._ends(forest, chain))]
        return [nodes[int(index)] for index in rng.integers(len(nodes), size=n)]

    def _ends(self, forest: ForestView, chain: int) -> list[tuple[int, int]]:
        lengths = self.boundary.split(forest.logprobs(chain), forest.pieces(chain), self.step_tokens)
        return [(chain, end) for end in accumulate(lengths[:-1]) if end]
