"""Forks inside failures, at the last place from which they could still be saved."""

from __future__ import annotations

from itertools import accumulate, zip_longest
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dsk.components.forks.chains.lineage import lineage, place, shared
from dsk.core.component import Otherwise, default_part
from dsk.core.roles import Boundary, ForestView, ForkRule


class Pivot(ForkRule):
    """One pivot of each failed response: deep, and still recoverable (DEEP-GRPO, arXiv 2602.14169).

    `drawn` is the authors' draw: a failed response is cut into K steps, and the start of its j-th (j = 1 is the prompt)
    is chosen with probability proportional to P(success | r) r^`gamma`, r = j / (K + 1); further ones of the same
    response without replacement. Their P is a logistic regression over the pivots of all problems, constant until it
    has seen both outcomes; a rule keeps nothing between problems, so here it is constant.

    `last` reads P off the tree: the latest place of the failed response from which some response of its tree is right,
    which is where the last right one left it. A tree without right response says nothing of P, and is drawn from.

    Responses that are right are not forked, and a tree without failure is not extended. Where there are more failures
    than `n`, which have a pivot is drawn. The authors branch once, 8 times from each pivot (`chains` 8, `forks` 1,
    `continuations` 8, `rounds` 1), and train branches as a group of their own.
    """

    kind: ClassVar[str] = "pivot"
    needs_verdicts: ClassVar[bool] = True

    choose: Literal["drawn", "last"] = Field(
        default="drawn", description="`drawn` by r^gamma, or the `last` place from which some response is right."
    )
    gamma: float = Field(default=2.0, ge=0, description="How much later places are preferred in a draw; 0: not.")
    boundary: Annotated[Boundary, Otherwise("text")] = default_part(Boundary, "text")
    step_tokens: int = Field(default=0, ge=0, description="Longest step, in tokens; 0 is no bound.")

    @model_validator(mode="after")
    def _check(self) -> Pivot:
        if self.boundary.whole_steps and not self.step_tokens:
            raise ValueError(
                f"boundary '{self.boundary.kind}' ends steps at step_tokens, and step_tokens = 0 is no bound; set it"
            )
        return self

    def places(self, forest: ForestView, tree: int, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Failures in an order that is drawn, each with its first pivot before any has its second."""
        chains = list(forest.chains(tree))
        right = [chain for chain in chains if forest.correct(chain)]
        failed = [chain for chain in chains if forest.correct(chain) is False]
        pivots = [self._pivots(forest, failed[at], right, n, rng) for at in rng.permutation(len(failed))]
        return [pivot for turn in zip_longest(*pivots) for pivot in turn if pivot is not None][:n]

    def _pivots(
        self, forest: ForestView, chain: int, right: list[int], n: int, rng: np.random.Generator
    ) -> list[tuple[int, int]]:
        """Up to `n` places of a failed response, the first choice first."""
        if self.choose == "last" and right:
            line = lineage(forest, chain)
            return [place(forest, chain, max(shared(forest, line, lineage(forest, other)) for other in right))]
        offsets = self.offsets(forest, chain)
        weights = likelihoods(len(offsets), self.gamma)
        count = min(n, len(offsets))
        drawn = rng.choice(len(offsets), size=count, replace=False, p=weights) if count else ()
        return [place(forest, chain, offsets[int(index)]) for index in drawn]

    def offsets(self, forest: ForestView, chain: int) -> list[int]:
        """Where the steps of a response begin, in its tokens; the first is 0, or what was given."""
        line, logprobs, pieces = lineage(forest, chain), list[float](), list[str]()
        for one, end in line:
            own = slice(0, end - forest.start(one))
            logprobs += forest.logprobs(one)[own].tolist()
            pieces += forest.pieces(one)[own]
        lengths = self.boundary.split(np.array(logprobs), pieces, self.step_tokens)
        starts = accumulate(lengths[:-1], initial=forest.start(line[0][0]))
        return sorted({*starts}) if lengths else []


def likelihoods(count: int, gamma: float) -> np.ndarray:
    """The chance of each of `count` places, the prompt first, proportional to (j / (count + 1)) ** gamma."""
    weights = (np.arange(1, count + 1) / (count + 1)) ** gamma
    return weights / weights.sum() if count else weights
