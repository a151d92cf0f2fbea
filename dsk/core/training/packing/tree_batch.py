"""`TreeBatch`: trajectories as a token trie that holds each unique token once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TreeBatch:
    """Sequences laid end to end in depth-first order, each owning the suffix that no earlier one has.

    `tokens`, `positions` (depth in tokens), `parent` (-1 at a root) and `end` are [U]; the subtree of `u` is
    `u .. end[u]`, so `k` is on the path of `q` exactly if `k <= q < end[k]`. `paths` holds, for each sequence in the
    order given, the indices of its tokens; `owned` [R + 1] are the bounds of the suffixes in layout order and `order`
    [R] the sequence that owns each.
    """

    tokens: np.ndarray
    positions: np.ndarray
    parent: np.ndarray
    end: np.ndarray
    paths: tuple[np.ndarray, ...]
    owned: np.ndarray
    order: np.ndarray

    @property
    def size(self) -> int:
        """U, the number of unique tokens."""
        return len(self.tokens)

    @staticmethod
    def build(sequences: Sequence[Sequence[int] | np.ndarray]) -> TreeBatch:
        """The trie of `sequences` (none empty); equal ones share every token."""
        arrays = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
        keys = [array.astype(">i4").tobytes() for array in arrays]  # in the order of the tokens
        order = sorted(range(len(keys)), key=keys.__getitem__)
        paths: list[np.ndarray] = [np.empty(0, np.int64)] * len(sequences)
        shared, bounds, previous = [], [0], -1
        for index in order:
            # In sorted order the longest prefix shared with any earlier sequence is shared with the one just before.
            common = common_prefix(arrays[previous], arrays[index]) if previous >= 0 else 0
            stop = bounds[-1] + len(arrays[index]) - common
            prefix = paths[previous][:common] if common else np.empty(0, np.int64)
            paths[index] = np.concatenate([prefix, np.arange(bounds[-1], stop)])
            shared.append(common)
            bounds.append(stop)
            previous = index
        return _assemble(arrays, paths, order, shared, bounds)


def common_prefix(first: np.ndarray, second: np.ndarray) -> int:
    """How many leading elements two arrays share."""
    length = min(len(first), len(second))
    differs = first[:length] != second[:length]
    return int(differs.argmax()) if differs.any() else length


def _assemble(
    arrays: list[np.ndarray], paths: list[np.ndarray], order: list[int], shared: list[int], bounds: list[int]
) -> TreeBatch:
    size = bounds[-1]
    tokens, positions, parent, end = (np.empty(size, np.int64) for _ in range(4))
    for rank, index in enumerate(order):
        start, stop, common = bounds[rank], bounds[rank + 1], shared[rank]
        tokens[start:stop] = arrays[index][common:]
        positions[start:stop] = np.arange(common, len(arrays[index]))
        parent[start:stop] = np.arange(start - 1, stop - 1)
        if stop > start:
            parent[start] = paths[index][common - 1] if common else -1
        # Rows come in depth-first order, so the last one through a token is the one whose bound stays.
        end[paths[index]] = stop
    return TreeBatch(
        tokens, positions, parent, end, tuple(paths), np.asarray(bounds, np.int64), np.asarray(order, np.int64)
    )
