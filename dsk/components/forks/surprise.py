"""Forks at the tokens that the policy was least sure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from dsk.components.forks.chains.forkable import forkable, in_turn
from dsk.core.roles import ForestView, ForkRule

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class SurpriseForks(ForkRule):
    """The `n` tokens of highest -log p over all chains of the tree (TreeRL, Hou et al. 2025, as its code does it).

    The first token of a continuation is no place for a fork, nor is what comes after a token whose text has one of
    `ends`, in any case of letters: the answer is then being written down. Of equally surprising tokens the later one is
    taken. A place that was forked before may be forked again, and a tree with fewer places than `n` uses them in turn,
    the most surprising first.
    """

    kind: ClassVar[str] = "surprise"

    ends: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("conclusion", "answer"), description="Texts of a token after which a response is not forked any more."
    )

    def places(self, forest: ForestView, tree: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Nothing is drawn: the places follow from the log-probabilities."""
        where, logprobs = forkable(forest, tree, self.ends)
        return in_turn(where, ranked(-logprobs), n)


def ranked(surprise: Float[np.ndarray, " A"]) -> Int[np.ndarray, " A"]:
    """Indices from the largest to the smallest; of equal ones the later first."""
    return np.argsort(surprise, kind="stable")[::-1]
