"""A radix tree of token sequences with their keys and values, least recently used leaves dropped first."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GHOST_LIMIT = 100_000
"""Dropped nodes remembered by their tokens, so that encoding them again is counted as such."""

Supply = Callable[[int, int], "torch.Tensor"]


@dataclass(eq=False)
class Node:
    """An edge's tokens and their keys and values [L, 2, H, T, E]; `kv` is None once dropped."""

    tokens: tuple[int, ...]
    kv: torch.Tensor | None
    parent: Node | None
    children: dict[int, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """What the tree has of a sequence: `nodes` with how many of their tokens apply, `cached` tokens in all.

    `seen` counts tokens that were in the tree at some time; those beyond `cached` have been dropped.
    """

    nodes: tuple[tuple[Node, int], ...]
    cached: int
    seen: int

    def segments(self, limit: int) -> Iterator[torch.Tensor]:
        """Keys and values of the first `limit` cached tokens, piece by piece."""
        for node, count in self.nodes:
            if limit <= 0:
                return
            assert node.kv is not None
            yield node.kv[:, :, :, : min(count, limit)]
            limit -= count


class PrefixTree:
    """Keys and values by token sequence. `token_bytes` is the size of one token.

    `kept` holds every node with keys and values, the one to drop first at its front. A use moves a whole path to the
    end, its leaf first, so a node always comes after the kept nodes below it: the front is a leaf.
    """

    def __init__(self, token_bytes: int) -> None:
        self.token_bytes = token_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything: the weights have changed."""
        self.root = Node((), None, None)
        self.bytes = 0
        self._ghosts = 0
        self.kept: OrderedDict[Node, None] = OrderedDict()

    def match(self, tokens: tuple[int, ...]) -> Match:
        """The longest cached prefix of `tokens`; marks it as used."""
        found: list[tuple[Node, int]] = []
        cached = seen = 0
        for node, count in self._walk(tokens):
            if node.kv is not None and cached == seen:
                found.append((node, count))
                cached += count
            seen += count
        self._touch([node for node, _ in found])
        return Match(tuple(found), cached, seen)

    def _walk(self, tokens: tuple[int, ...]) -> Iterator[tuple[Node, int]]:
        node, at = self.root, 0
        while at < len(tokens):
            child = node.children.get(tokens[at])
            if child is None:
                return
            count = _common(child.tokens, tokens, at)
            yield child, count
            if count < len(child.tokens):
                return
            node, at = child, at + count

    def _touch(self, path: list[Node]) -> None:
        for node in reversed(path):
            self.kept.move_to_end(node)

    def insert(self, tokens: tuple[int, ...], supply: Supply) -> None:
        """Store `tokens`; `supply(start, stop)` gives keys and values of the parts that are not there yet."""
        node, at, path = self.root, 0, []
        while at < len(tokens):
            child = node.children.get(tokens[at])
            if child is None:
                child = node.children[tokens[at]] = Node(tokens[at:], None, node)
                self._ghosts += 1
            count = _common(child.tokens, tokens, at)
            if count < len(child.tokens):
                child = self._split(child, count)
            if child.kv is None:
                self._fill(child, supply(at, at + count))
            path.append(child)
            node, at = child, at + count
        self._touch(path)

    def _fill(self, node: Node, kv: torch.Tensor) -> None:
        node.kv = kv
        self.kept[node] = None
        self.bytes += len(node.tokens) * self.token_bytes
        self._ghosts -= 1

    def _split(self, node: Node, count: int) -> Node:
        """Cut a node after `count` tokens; its new upper half, to be touched by the caller."""
        assert node.parent is not None
        upper = Node(node.tokens[:count], None, node.parent)
        node.parent.children[node.tokens[0]] = upper
        upper.children[node.tokens[count]] = node
        if node.kv is None:
            self._ghosts += 1
        else:
            # Copies, so that dropping the lower half really frees its memory.
            upper.kv, node.kv = node.kv[:, :, :, :count].clone(), node.kv[:, :, :, count:].clone()
            self.kept[upper] = None
        node.tokens, node.parent = node.tokens[count:], upper
        return upper

    def evict(self, wanted: int) -> int:
        """Drop least recently used leaves until `wanted` bytes are free; how many were freed."""
        freed = 0
        while freed < wanted and self.kept:
            node, _ = self.kept.popitem(last=False)
            node.kv = None
            freed += len(node.tokens) * self.token_bytes
            self._ghosts += 1
        self.bytes -= freed
        if self._ghosts > GHOST_LIMIT:
            self._forget_ghosts(self.root)
            self._ghosts = 0
        return freed

    def _forget_ghosts(self, root: Node) -> None:
        pending = [root]
        while pending:
            node = pending.pop()
            node.children = {token: child for token, child in node.children.items() if child.kv is not None}
            pending.extend(node.children.values())


def _common(edge: tuple[int, ...], tokens: tuple[int, ...], at: int) -> int:
    """How many tokens of `edge` agree with `tokens` from `at` on."""
    if tokens[at : at + len(edge)] == edge:
        return len(edge)
    pairs = zip(edge, itertools.islice(tokens, at, None), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(edge), len(tokens) - at))
