"""The tokens of a tree at which a response may be forked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.roles import ForestView

if TYPE_CHECKING:
    from jaxtyping import Float, Int

Place = tuple[int, int]
"""A chain, and the first of its own tokens that is sampled anew."""


def forkable(forest: ForestView, tree: int, ends: Sequence[str]) -> tuple[list[Place], Float[np.ndarray, " A"]]:
    """(places, log-probabilities [A] of their tokens), in the order of chains.

    The first token of a continuation is none (its place is one of the chain that it forked from), nor is what comes
    after a token whose text has one of `ends`, in any case of letters.
    """
    chains = list(forest.chains(tree))
    indices = [_indices(forest, one, ends) for one in chains]
    where = [(one, int(index)) for one, found in zip(chains, indices, strict=True) for index in found]
    logprobs = [forest.logprobs(one)[found] for one, found in zip(chains, indices, strict=True)]
    return where, np.concatenate([np.zeros(0), *logprobs])


def _indices(forest: ForestView, one: int, ends: Sequence[str]) -> Int[np.ndarray, " A"]:
    first = 0 if forest.parent(one) == -1 else 1
    return np.arange(first, _room(forest.pieces(one), ends))


def _room(pieces: Sequence[str], ends: Sequence[str]) -> int:
    """Tokens up to the first one, included, whose text has one of `ends`."""
    texts = [text.lower() for text in ends]
    found = (i for i, piece in enumerate(pieces, start=1) if any(text in piece.lower() for text in texts))
    return next(chain(found, [len(pieces)]))


def in_turn(where: Sequence[Place], order: Int[np.ndarray, " A"], n: int) -> list[Place]:
    """The first `n` places of an order, from its beginning again where there are fewer; none of none."""
    return [where[order[number % len(order)]] for number in range(n)] if where else []
