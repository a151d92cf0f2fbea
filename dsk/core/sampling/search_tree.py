"""`SearchTree`: one problem's tree as a struct of arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.core.types import Sample, StopReason

if TYPE_CHECKING:
    from jaxtyping import Float, Int

ROOT = 0
NO_PARENT = -1

_COLUMNS: dict[str, Any] = {
    "parent": np.int32, "depth": np.int32, "visits": np.int64, "value": np.float64, "entropy": np.float64,
    "first_child": np.int32, "child_count": np.int32, "expanded": np.bool_, "terminal": np.bool_,
    "reward_sum": np.float64, "reward_count": np.int64, "token_end": np.int64, "version": np.int32,
    "score": np.float64, "pruned": np.bool_,
}  # fmt: skip


class SearchTree:
    """Nodes in creation order; the root is 0. Siblings are contiguous, so a node's children are one range.

    Columns over nodes [N]: `parent`, `depth`, `visits` (N), `value` (q), `entropy` (H of the step), `first_child`,
    `child_count` (xi), `expanded`, `terminal`, `reward_sum` and `reward_count` over the verified terminals below,
    `version` (policy version of the step), `score` (what a scorer or the policy's value head says of the step, NaN
    where nothing was said), `pruned` (not to be expanded, because of its score). Step tokens lie in one arena in node
    order; the root's are those that were given. `pieces` is the text of each token.
    """

    def __init__(
        self,
        max_depth: int,
        given: Sequence[int] = (),
        pieces: Callable[[Sequence[int]], list[str]] | None = None,
    ) -> None:
        self.max_depth, self._pieces = max_depth, pieces
        self.size = 1
        self._store = {name: np.zeros(64, dtype) for name, dtype in _COLUMNS.items()}
        self._store["parent"][ROOT] = NO_PARENT
        self._store["score"][ROOT] = np.nan
        self._store["token_end"][ROOT] = len(given)
        self._tokens = array("i", given)
        self._logprobs = array("d", bytes(8 * len(given)))
        self.stops: list[StopReason] = ["length"]

    @property
    def parent(self) -> Int[np.ndarray, " N"]:
        """Parent of each node; -1 for the root."""
        return self._store["parent"][: self.size]

    @property
    def depth(self) -> Int[np.ndarray, " N"]:
        """Edges from the root."""
        return self._store["depth"][: self.size]

    @property
    def visits(self) -> Int[np.ndarray, " N"]:
        """N(s)."""
        return self._store["visits"][: self.size]

    @property
    def value(self) -> Float[np.ndarray, " N"]:
        """q(s)."""
        return self._store["value"][: self.size]

    @property
    def entropy(self) -> Float[np.ndarray, " N"]:
        """H(s): mean of -log p over the step's tokens, 0 for an empty step."""
        return self._store["entropy"][: self.size]

    @property
    def terminal(self) -> np.ndarray:
        """Whether the answer ended at the node [N]."""
        return self._store["terminal"][: self.size]

    @property
    def expanded(self) -> np.ndarray:
        """Whether the node's children were sampled [N]."""
        return self._store["expanded"][: self.size]

    @property
    def mean_reward(self) -> Float[np.ndarray, " N"]:
        """Mean reward of the verified terminals below each node, 0 where there is none."""
        count = self._store["reward_count"][: self.size]
        return self._store["reward_sum"][: self.size] / np.maximum(count, 1)

    @property
    def version(self) -> Int[np.ndarray, " N"]:
        """Policy version each step was drawn from."""
        return self._store["version"][: self.size]

    @property
    def token_ends(self) -> Int[np.ndarray, " N"]:
        """Where each node's own tokens end in the arena."""
        return self._store["token_end"][: self.size]

    @property
    def score(self) -> Float[np.ndarray, " N"]:
        """What a scorer says of each step; NaN where nothing was said."""
        return self._store["score"][: self.size]

    @property
    def pruned(self) -> np.ndarray:
        """Whether the node is left out for its score [N]."""
        return self._store["pruned"][: self.size]

    @property
    def has_texts(self) -> bool:
        """Whether `text` can tell."""
        return self._pieces is not None

    def text(self, node: int) -> str:
        """The text of the node's own tokens. Raises ValueError where the tree knows no tokenizer."""
        if self._pieces is None:
            raise ValueError("this tree has no tokenizer: give SearchTree `pieces`")
        return "".join(self._pieces(self.step_tokens(node)))

    def children(self, node: int) -> range:
        """Ids of a node's children, in creation order."""
        first = int(self._store["first_child"][node])
        return range(first, first + int(self._store["child_count"][node]))

    def children_of(self, nodes: Sequence[int]) -> Int[np.ndarray, " A"]:
        """Ids of all children of `nodes`, grouped by parent."""
        return np.concatenate([np.arange(r.start, r.stop) for r in map(self.children, nodes)] or [np.empty(0, int)])

    def expand(self, node: int, samples: Sequence[Sample], max_response: int) -> range:
        """Add one child per sample and mark `node` expanded; non-terminal children start with one visit."""
        first, count = self.size, len(samples)
        self._reserve(first + count)
        self._store["first_child"][node], self._store["child_count"][node] = first, count
        self._store["expanded"][node] = True
        length = self.response_length(node)
        for offset, sample in enumerate(samples):
            self._append(first + offset, node, sample, length + len(sample.tokens) >= max_response)
        self.size += count
        return range(first, first + count)

    def _append(self, child: int, parent: int, sample: Sample, at_limit: bool) -> None:
        store, depth = self._store, int(self._store["depth"][parent]) + 1
        terminal = sample.stop != "length" or depth == self.max_depth or at_limit
        self._tokens.extend(sample.tokens)
        self._logprobs.extend(sample.logprobs)
        self.stops.append(sample.stop)
        store["parent"][child], store["depth"][child] = parent, depth
        store["entropy"][child] = -sum(sample.logprobs) / len(sample.logprobs) if sample.logprobs else 0.0
        store["terminal"][child], store["visits"][child] = terminal, 0 if terminal else 1
        store["token_end"][child], store["version"][child] = len(self._tokens), sample.version
        store["score"][child] = np.nan if terminal or sample.value is None else sample.value

    def _reserve(self, size: int) -> None:
        capacity = len(self._store["parent"])
        if size <= capacity:
            return
        grown = max(size, 2 * capacity)
        for name, column in self._store.items():
            self._store[name] = np.concatenate([column, np.zeros(grown - capacity, column.dtype)])

    def path(self, node: int) -> list[int]:
        """Node ids from the root to `node`, both included."""
        ids, parents = [node], self._store["parent"]
        while ids[-1] != ROOT:
            ids.append(int(parents[ids[-1]]))
        return ids[::-1]

    def indices(self, node: int) -> tuple[int, ...]:
        """The path as child indices, root excluded: (2, 0, 5) is the sixth child of the third child's first child."""
        path = self.path(node)
        return tuple(child - self.children(parent).start for parent, child in pairwise(path))

    def _span(self, node: int) -> slice:
        ends = self._store["token_end"]
        return slice(int(ends[node - 1]) if node else 0, int(ends[node]))

    def step_tokens(self, node: int) -> array[int]:
        """The node's own tokens."""
        return self._tokens[self._span(node)]

    def arena(self) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
        """Copies of all nodes' tokens and log-probabilities, in node order."""
        return np.array(self._tokens, np.int32), np.array(self._logprobs, np.float64)

    def response_length(self, node: int) -> int:
        """Tokens from the prompt's end to the node's end."""
        return sum(span.stop - span.start for span in map(self._span, self.path(node)))

    def response(self, node: int) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
        """(tokens, log-probabilities) from the prompt's end to the node's end, what was given included (0 there)."""
        tokens, logprobs = np.frombuffer(self._tokens, np.int32), np.frombuffer(self._logprobs, np.float64)
        spans = [self._span(step) for step in self.path(node)]
        return np.concatenate([tokens[s] for s in spans]), np.concatenate([logprobs[s] for s in spans])

    def record_reward(self, node: int, reward: float) -> None:
        """Count a verified terminal in the Monte-Carlo means of its path."""
        path = self.path(node)
        self._store["reward_sum"][path] += reward
        self._store["reward_count"][path] += 1

    def _repr_html_(self) -> str:
        from dsk.core.shown_tree import search_html

        return search_html(self)

    def token_count(self) -> int:
        """Tokens of all steps: without what a boundary cut off."""
        return len(self._tokens)
