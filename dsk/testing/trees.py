"""Random search trees, made by real expansions and backups, for the properties of selectors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsk.core.roles import Selector
from dsk.core.sampling.open_nodes import OpenNodes
from dsk.core.sampling.search_tree import SearchTree
from dsk.core.types import Sample

COLUMNS = ("parent", "depth", "visits", "value", "entropy", "score")


@dataclass(frozen=True)
class FrozenView:
    """A copy of a tree's arrays [N] that refuses writes."""

    parent: np.ndarray
    depth: np.ndarray
    visits: np.ndarray
    value: np.ndarray
    entropy: np.ndarray
    score: np.ndarray
    max_depth: int
    steps: tuple[tuple[int, ...], ...] = ()

    def step_tokens(self, node: int) -> Sequence[int]:
        """The node's own tokens."""
        return self.steps[node]

    def text(self, node: int) -> str:
        """The node's tokens as words."""
        return words(self.steps[node])


def words(tokens: Sequence[int]) -> str:
    """A text for tokens that no tokenizer made."""
    return " ".join(map(str, tokens))


def freeze(tree: SearchTree | FrozenView, **changed: np.ndarray) -> FrozenView:
    """A read-only copy of `tree`, with some columns exchanged."""
    columns = {name: np.array(changed.get(name, getattr(tree, name))) for name in COLUMNS}
    for column in columns.values():
        column.flags.writeable = False
    steps = tuple(tuple(tree.step_tokens(node)) for node in range(len(tree.parent)))
    return FrozenView(**columns, max_depth=tree.max_depth, steps=steps)


def random_tree(seed: int, expansions: int = 12) -> SearchTree:
    """A tree of up to `expansions` expansions with backed-up rewards; at least one node is open.

    Half of the trees are of runs with a scorer: their open nodes have a score.
    """
    rng = random.Random(seed)
    scored = rng.random() < 0.5
    tree = SearchTree(rng.randint(2, 12), pieces=lambda tokens: [words(tokens)])
    for _ in range(expansions):
        nodes = open_nodes(tree)
        grown = tree.expand(rng.choice(nodes), [_sample(rng) for _ in range(rng.randint(1, 5))], 1 << 30)
        ended = [child for child in grown if tree.terminal[child]]
        if scored:
            tree.score[[child for child in grown if not tree.terminal[child]]] = rng.random()
        if ended:
            back_up(tree, rng.choice(ended), rng.choice([-1.0, 1.0]))
        if not open_nodes(tree):
            return random_tree(seed + 1, expansions)
    return tree


def _sample(rng: random.Random) -> Sample:
    length = rng.randint(0, 4)
    logprob = rng.choice([0.0, -0.5, -rng.random() * 3, -700.0])
    return Sample((7,) * length, (logprob,) * length, "eos" if rng.random() < 0.3 else "length", 0)


def back_up(tree: SearchTree, node: int, reward: float) -> None:
    """Add `reward` and a visit to every node of the path."""
    path = tree.path(node)
    tree.value[path] += reward
    tree.visits[path] += 1


def open_nodes(tree: SearchTree) -> list[int]:
    """Nodes that can be expanded, in creation order."""
    return np.flatnonzero(~tree.expanded & ~tree.terminal).tolist()


def candidates(tree: SearchTree, mode: str, seed: int) -> np.ndarray:
    """What the search would have a selector score: all open nodes, or the siblings at one level of a descent."""
    if mode == "frontier":
        return np.asarray([node for node in open_nodes(tree) if node], dtype=np.int64)
    parents = np.flatnonzero(tree.expanded).tolist()
    return np.asarray(tree.children(random.Random(seed).choice(parents)), dtype=np.int64)


def grow(selector: Selector, seed: int, expansions: int) -> list[int]:
    """The nodes that a search with `selector` expands, from the root on; it must always name an open one."""
    rng, script = np.random.default_rng(seed), random.Random(seed)
    tree = SearchTree(8, pieces=lambda tokens: [words(tokens)])
    open_set, order = OpenNodes(tree, selector), [0]
    for _ in range(expansions):
        children = tree.expand(order[-1], [_sample(script) for _ in range(3)], 1 << 30)
        open_set.add_children(order[-1], children, rng)
        ended = [child for child in children if tree.terminal[child]]
        if ended:
            back_up(tree, ended[0], script.choice([-1.0, 1.0]))
            open_set.values_changed(tree.path(ended[0]), rng)
        if not open_set:
            break
        order.append(open_set.select(rng))
        assert order[-1] in open_nodes(tree)
    return order
