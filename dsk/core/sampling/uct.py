"""The UCT score, used by the local choice among siblings and by the `uct` selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.core.roles.search import added

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from dsk.core.roles import TreeView


def uct(tree: TreeView, nodes: Int[np.ndarray, " A"], exploration: float) -> Float[np.ndarray, " A"]:
    """`Q(s) + lambda * sqrt(ln N(parent) / N(s))` for each node [A]; the second term is 0 while either count is 0."""
    return added(uct_terms(tree, nodes, exploration))


def uct_terms(tree: TreeView, nodes: Int[np.ndarray, " A"], exploration: float) -> dict[str, Float[np.ndarray, " A"]]:
    """What `uct` adds up, by name."""
    visits = tree.visits[nodes]
    parent_visits = tree.visits[tree.parent[nodes]]
    safe = np.maximum(visits, 1)
    mean = np.where(visits > 0, tree.value[nodes] / safe, 0.0)
    bonus = exploration * np.sqrt(np.log(np.maximum(parent_visits, 1)) / safe)
    return {"mean value": mean, "exploration": np.where((visits > 0) & (parent_visits > 0), bonus, 0.0)}
