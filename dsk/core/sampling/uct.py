"""The UCT score, used by the local choice among siblings and by the `uct` selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from dsk.core.roles import TreeView


def uct(tree: TreeView, nodes: Int[np.ndarray, " A"], exploration: float) -> Float[np.ndarray, " A"]:
    """`Q(s) + lambda * sqrt(ln N(parent) / N(s))` for each node [A]; the second term is 0 while either count is 0."""
    visits = tree.visits[nodes]
    parent_visits = tree.visits[tree.parent[nodes]]
    safe = np.maximum(visits, 1)
    mean = np.where(visits > 0, tree.value[nodes] / safe, 0.0)
    bonus = exploration * np.sqrt(np.log(np.maximum(parent_visits, 1)) / safe)
    return mean + np.where((visits > 0) & (parent_visits > 0), bonus, 0.0)
