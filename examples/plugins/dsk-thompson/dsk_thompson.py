"""The selector `thompson`: walks down by one draw from each sibling's posterior."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

import dsk


class Thompson(dsk.Selector):
    """Thompson sampling: each sibling's chance of a correct answer is drawn from its Beta posterior.

    A node's rewards are +1 or -1 and `q` is their sum, so `w = (N + q) / 2` of `N` visits were right:
    `theta ~ Beta(prior + w, prior + N - w)` (Thompson 1933; in trees: Bai, Wu and Chen, NeurIPS 2013). It is exact with
    the backup `mean`. Under the paper's backup a decayed `q` counts as part of a right or wrong answer, which widens
    the posterior of nodes far from the end; a visit without a reward (a fresh node) counts as half right.
    """

    kind: ClassVar[str] = "thompson"
    mode = "descend"
    scope = "global"  # it draws from rng at every selection

    prior: float = Field(
        default=1.0, gt=0, le=1e6, description="Right and wrong answers assumed of an unseen node; 1 is uniform."
    )

    def scores(self, tree: dsk.TreeView, nodes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One draw for each node id in `nodes` [A]; the search descends to the highest."""
        visits = tree.visits[nodes].astype(np.float64)
        right = np.clip((visits + tree.value[nodes]) / 2, 0.0, visits)
        return rng.beta(self.prior + right, self.prior + visits - right)


@dsk.hookimpl
def register_selectors(register: dsk.Register) -> None:
    register(Thompson)
