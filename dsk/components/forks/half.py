"""Forks where about half of the responses so far went right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from dsk.components.forks.chains.forkable import forkable, in_turn
from dsk.components.forks.chains.lineage import lineage, shared
from dsk.core.roles import ForestView, ForkRule

if TYPE_CHECKING:
    from jaxtyping import Float


class HalfForks(ForkRule):
    """The `n` places whose Monte-Carlo value is nearest one half, where a verdict's variance p (1 - p) is largest.

    A place's value is the share of right ones among the tree's responses that go through it: those that have all tokens
    before it in common, its own chain's included. Of equally near places the one whose token is more surprising is
    taken, then the later. Which tokens are places, and what happens with fewer than `n`, is as in `surprise`.

    While all of a tree's responses agree every place is equally far from one half, and the rule names what `surprise`
    names: a tree that begins as one response could not be forked otherwise. With `settled`, a tree with that many
    responses that all agree is not forked any more. The rule is ours: no method of the field forks by this value.
    """

    kind: ClassVar[str] = "half"
    needs_verdicts: ClassVar[bool] = True

    ends: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("conclusion", "answer"), description="Texts of a token after which a response is not forked any more."
    )
    settled: int = Field(
        default=0, ge=0, description="Responses that all agree after which a tree is not forked any more; 0: never."
    )

    def places(self, forest: ForestView, tree: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Nothing is drawn: the places follow from verdicts and log-probabilities."""
        verdicts = {chain: right for chain in forest.chains(tree) if (right := forest.correct(chain)) is not None}
        if self.settled and len(verdicts) >= self.settled and len({*verdicts.values()}) == 1:
            return []
        where, logprobs = forkable(forest, tree, self.ends)
        far = np.abs(values(forest, where, verdicts) - 0.5)
        return in_turn(where, np.lexsort((-np.arange(len(where)), logprobs, far)), n)


def values(forest: ForestView, where: list[tuple[int, int]], verdicts: dict[int, bool]) -> Float[np.ndarray, " A"]:
    """The share of right ones among the judged responses through each place; 0 where there is none."""
    lines = {chain: lineage(forest, chain) for chain in {*verdicts, *(chain for chain, _ in where)}}
    reach = {chain: np.array([shared(forest, line, lines[end]) for end in verdicts]) for chain, line in lines.items()}
    right = np.array([*verdicts.values()], np.bool_)
    through = [reach[chain] >= forest.start(chain) + index for chain, index in where]
    return np.array([right[these].mean() if these.any() else 0.0 for these in through])
