"""`Forest`: responses that fork from one another, as chains of tokens that are cut into nodes afterwards."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.types import Sample, StopReason, Verdict

if TYPE_CHECKING:
    from jaxtyping import Float, Int

ROOT = 0
PROMPT = -1
"""The parent of a chain that begins its response."""


class Forest:
    """Chains in the order of `add`; a chain is what one sample added, from where it forked to its own end.

    Columns over chains [C]: `parents` (-1 where it begins the response), `starts` and `ends` (tokens of the response
    before the chain's own, and up to its last; what was given counts), `trees`, `versions`, `stops`, `probes`. Tokens
    and log-probabilities lie in one arena in the order of chains. `cuts` has the places, in tokens of the response, at
    which a chain is cut into nodes: where others fork from it, and the ends of its steps. `verdicts` are by chain.
    """

    def __init__(self, given: Sequence[int], pieces: Callable[[Sequence[int]], list[str]]) -> None:
        self.given = tuple(given)
        self._pieces = pieces
        self._tokens, self._logprobs = array("i"), array("d")
        self._arena_ends = array("q")
        self.parents, self.starts, self.ends = array("i"), array("i"), array("i")
        self.trees, self.versions = array("i"), array("i")
        self.stops: list[StopReason] = []
        self.probes: list[bool] = []
        self.cuts: list[set[int]] = []
        self.verdicts: dict[int, Verdict] = {}

    def __len__(self) -> int:
        return len(self.parents)

    def add(self, sample: Sample, parent: int, start: int, tree: int = 0, probe: bool = False) -> int:
        """A chain after `start` tokens of its parent's response, which is cut there; the new chain's number."""
        if parent != PROMPT:
            assert self.starts[parent] <= start <= self.ends[parent]
            self.cuts[parent].add(start)
        self._tokens.extend(sample.tokens)
        self._logprobs.extend(sample.logprobs)
        self._arena_ends.append(len(self._tokens))
        self.parents.append(parent)
        self.starts.append(start)
        self.ends.append(start + len(sample.tokens))
        self.trees.append(tree)
        self.versions.append(sample.version)
        self.stops.append(sample.stop)
        self.probes.append(probe)
        self.cuts.append(set())
        return len(self) - 1

    def chains(self, tree: int) -> list[int]:
        """The tree's chains, in order; probes belong to none."""
        return [chain for chain, of in enumerate(self.trees) if of == tree and not self.probes[chain]]

    def parent(self, chain: int) -> int:
        """The chain that it forked from, or -1."""
        return self.parents[chain]

    def start(self, chain: int) -> int:
        """Tokens of the response before the chain's own."""
        return self.starts[chain]

    def correct(self, chain: int) -> bool | None:
        """The verdict on the response that the chain ends."""
        verdict = self.verdicts.get(chain)
        return None if verdict is None else verdict.correct

    def _span(self, chain: int, end: int | None = None) -> slice:
        first = self._arena_ends[chain - 1] if chain else 0
        return slice(first, first + (self.ends[chain] if end is None else end) - self.starts[chain])

    def tokens(self, chain: int) -> Int[np.ndarray, " T"]:
        """The chain's own tokens."""
        return np.array(self._tokens[self._span(chain)], np.int32)

    def logprobs(self, chain: int) -> Float[np.ndarray, " T"]:
        """Log-probabilities of the chain's own tokens."""
        return np.array(self._logprobs[self._span(chain)], np.float64)

    def pieces(self, chain: int) -> list[str]:
        """The text of each of the chain's own tokens."""
        return self._pieces(self._tokens[self._span(chain)].tolist())

    def text(self, tokens: Sequence[int]) -> str:
        """The text of some tokens."""
        return "".join(self._pieces(tokens))

    def lineage(self, chain: int) -> list[int]:
        """The chains that the response is made of, its beginning first."""
        found: list[int] = []
        while chain != PROMPT:
            found.append(chain)
            chain = self.parents[chain]
        return found[::-1]

    def response(self, chain: int, end: int) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
        """(tokens, log-probabilities) of the response up to its token `end`, what was given included (0 there)."""
        spans: list[slice] = []
        while chain != PROMPT:
            spans.append(self._span(chain, end))
            end, chain = self.starts[chain], self.parents[chain]
        given = np.array(self.given, np.int32)
        tokens = [given, *(np.array(self._tokens[span], np.int32) for span in reversed(spans))]
        logprobs = [np.zeros(len(given)), *(np.array(self._logprobs[span]) for span in reversed(spans))]
        return np.concatenate(tokens), np.concatenate(logprobs)


class Nodes:
    """The forest's chains cut at their `cuts`, as a tree; the root (0) is the prompt and what was given.

    Columns over nodes [N]: `parent`, `length` (own tokens), `place` (among the parent's children, in order of
    creation), `origin` (the first chain that has it, and where in the chain's own tokens it lies). At a cut the rest of
    a chain and what forks from it are siblings; a cut before a chain's first token makes an empty node, and a chain
    without tokens is one. With `merge`, equal steps below one node are one node.
    Probes have no nodes.
    """

    def __init__(self, forest: Forest, merge: bool = False) -> None:
        self.parent, self.length, self.place = [-1], [0], [0]
        self.origin: list[tuple[int, slice]] = [(PROMPT, slice(0))]
        self._children = [0]
        self._merged: dict[tuple[int, bytes], int] | None = {} if merge else None
        self._own: list[list[tuple[int, int]]] = []
        """(end in tokens of the response, node) of each chain's own nodes."""
        for chain in range(len(forest)):
            self._own.append([] if forest.probes[chain] else self._cut(forest, chain))

    def __len__(self) -> int:
        return len(self.parent)

    def _cut(self, forest: Forest, chain: int) -> list[tuple[int, int]]:
        start, end = forest.starts[chain], forest.ends[chain]
        cuts = forest.cuts[chain]
        places = sorted({start, end} | cuts)
        if start in cuts or start == end:
            places = [start, *places]
        tokens, node = forest.tokens(chain), self.at(forest.parents[chain], start)
        own: list[tuple[int, int]] = []
        for first, last in pairwise(places):
            span = slice(first - start, last - start)
            node = self._node(node, tokens[span], (chain, span))
            own.append((last, node))
        return own

    def _node(self, parent: int, tokens: Int[np.ndarray, " T"], origin: tuple[int, slice]) -> int:
        key = (parent, tokens.tobytes())
        if self._merged is not None and key in self._merged:
            return self._merged[key]
        self.parent.append(parent)
        self.length.append(len(tokens))
        self.origin.append(origin)
        self.place.append(self._children[parent])
        self._children.append(0)
        self._children[parent] += 1
        if self._merged is not None:
            self._merged[key] = len(self) - 1
        return len(self) - 1

    def at(self, chain: int, end: int) -> int:
        """The node that ends at a cut of a chain."""
        return ROOT if chain == PROMPT else next(node for last, node in self._own[chain] if last == end)

    def last(self, chain: int) -> int:
        """The node that a chain ends with."""
        return self._own[chain][-1][1]

    def path(self, node: int) -> tuple[int, ...]:
        """Nodes from the root, which is left out, to `node`."""
        found: list[int] = []
        while node != ROOT:
            found.append(node)
            node = self.parent[node]
        return tuple(reversed(found))
