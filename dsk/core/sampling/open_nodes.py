"""The frontier, kept so that one selection costs O(depth) whatever the tree's size.

Every node carries the best score of the open nodes at or below it. Selection follows the first child that carries
the root's best: the maximum, and among equals the first in pre-order. A change re-derives what one path carries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dsk.core.roles import Selector
from dsk.core.sampling.search_tree import ROOT, SearchTree

CLOSED = -math.inf


class Choice(NamedTuple):
    """An expansion: the node, its score when it was chosen, and among how many nodes, all open ones or siblings."""

    node: int
    score: float
    candidates: int
    among_siblings: bool = False


class OpenNodes:
    """Open nodes of `tree` (not expanded, terminal or pruned, above the deepest level) under `selector`'s scores."""

    def __init__(self, tree: SearchTree, selector: Selector) -> None:
        self.tree = tree
        self.selector = selector
        self._best: list[float] = [0.0]
        self._count = 1
        self._scored = selector.mode == "frontier" and selector.scope == "local"

    def __bool__(self) -> bool:
        return self._best[ROOT] != CLOSED

    def is_open(self, node: int) -> bool:
        """Whether any open node is at or below `node`."""
        return self._best[node] != CLOSED

    def nodes(self) -> list[int]:
        """All open nodes in creation order."""
        return np.flatnonzero(~(self.tree.expanded | self.tree.terminal | self.tree.pruned)).tolist()

    def add_children(self, node: int, children: range, rng: np.random.Generator) -> None:
        """`node` was expanded into `children`: it closes, they open unless terminal."""
        self._best.extend([CLOSED] * len(children))
        opened = [child for child in children if not self.tree.terminal[child]]
        self._count += len(opened) - 1
        self._score(opened, rng)
        self._refresh(self.tree.path(node))

    def values_changed(self, path: Sequence[int], rng: np.random.Generator) -> None:
        """q or N changed along `path` (root first): the open children of its nodes are scored again."""
        if not self._scored:
            return
        children = self.tree.children_of(path)
        still_open = ~(self.tree.expanded[children] | self.tree.terminal[children] | self.tree.pruned[children])
        self._score(children[still_open].tolist(), rng)
        self._refresh(path)

    def rescore(self, nodes: list[int], rng: np.random.Generator) -> None:
        """Something else that a score may depend on became known of these open siblings."""
        if self._scored and nodes:
            self._score(nodes, rng)
            self._refresh(self.tree.path(int(self.tree.parent[nodes[0]])))

    def prune(self, siblings: Sequence[int], below: float) -> None:
        """Close the open `siblings` whose score is below a bound; where no node would be open, the best one stays."""
        scores = self.tree.score
        hopeless = sorted((node for node in siblings if scores[node] < below), key=lambda node: (scores[node], -node))
        if hopeless and len(hopeless) == self._count:
            hopeless.pop()
        if not hopeless:
            return
        self._count -= len(hopeless)
        for node in hopeless:
            self.tree.pruned[node], self._best[node] = True, CLOSED
        self._refresh(self.tree.path(int(self.tree.parent[hopeless[0]])))

    def _score(self, nodes: list[int], rng: np.random.Generator) -> None:
        scores = [0.0] * len(nodes)
        if self._scored and nodes:
            scores = self.selector.scores(self.tree, np.asarray(nodes), rng).tolist()
        for node, score in zip(nodes, scores, strict=True):
            self._best[node] = score if score == score and score != CLOSED else -1e308

    def _refresh(self, path: Sequence[int]) -> None:
        for node in reversed(path):
            children = self.tree.children(node)
            self._best[node] = max(self._best[children.start : children.stop], default=CLOSED)

    def select(self, rng: np.random.Generator) -> int:
        """The open node to expand next. Raises ValueError when there is none."""
        return self.choose(rng).node

    def choose(self, rng: np.random.Generator) -> Choice:
        """The open node to expand next, and why. Raises ValueError when there is none."""
        if not self:
            raise ValueError("no open node to select")
        if self.selector.mode == "descend":
            return self._descend(rng)
        return self._first_best() if self._scored else self._rescored(rng)

    def _first_best(self) -> Choice:
        node = ROOT
        while self.tree.expanded[node]:
            children = self.tree.children(node)
            node = children.start + self._best[children.start : children.stop].index(self._best[node])
        return Choice(node, self._best[node], self._count)

    def _rescored(self, rng: np.random.Generator) -> Choice:
        nodes = np.asarray(self.nodes())
        best, score = _best_of(nodes, self.selector.scores(self.tree, nodes, rng))
        return Choice(min(best, key=self.tree.indices), score, len(nodes))

    def _descend(self, rng: np.random.Generator) -> Choice:
        """Down from the root; score and candidates are those of the last step."""
        choice = Choice(ROOT, math.nan, 1)
        while self.tree.expanded[choice.node]:
            children = np.asarray([child for child in self.tree.children(choice.node) if self.is_open(child)])
            best, score = _best_of(children, self.selector.scores(self.tree, children, rng))
            choice = Choice(best[0], score, len(children), among_siblings=True)
        return choice


def _best_of(nodes: np.ndarray, scores: np.ndarray) -> tuple[list[int], float]:
    """The nodes of the highest score, in order, and that score; NaN ranks last."""
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    return nodes[ranked == ranked.max()].tolist(), float(ranked.max())
