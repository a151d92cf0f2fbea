"""Steps that begin at every m-th token that the policy was unsure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from dsk.components.boundaries.bounded import bounded
from dsk.core.roles import Boundary

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Uncertain(Boundary):
    """A step begins at the 1st, (1+m)th, (1+2m)th ... token of probability below `rho` (SPO-chain, Guo et al. 2025).

    Tokens before the first of them are a step too; a response without any is one step. m is `interval`. The
    probabilities are those at temperature 1 without truncation, which engines report; the authors' are those at the
    temperature of training. In a growing tree a step ends before its (m+1)th such token, and what was sampled after
    it is lost.
    """

    kind: ClassVar[str] = "uncertain"

    rho: float = Field(default=0.9, gt=0, le=1, description="Probability below which a token counts as uncertain.")
    interval: int = Field(default=5, ge=1, description="Uncertain tokens of a step, m.")

    def cut(self, logprobs: Float[np.ndarray, " T"]) -> int:
        """Tokens before the (m+1)th uncertain one; all of them where there are no more than m."""
        found = self._uncertain(logprobs)
        return int(found[self.interval]) if len(found) > self.interval else len(logprobs)

    def split(self, logprobs: Float[np.ndarray, " T"], pieces: Sequence[str], step_tokens: int = 0) -> list[int]:
        """From one boundary to the next; the first length is 0 where the first token is uncertain."""
        if not len(pieces):
            return []
        starts = self._uncertain(logprobs)[:: self.interval]
        return bounded(np.diff(np.concatenate([[0], starts, [len(pieces)]])).tolist(), step_tokens)

    def _uncertain(self, logprobs: Float[np.ndarray, " T"]) -> Int[np.ndarray, " A"]:
        return np.flatnonzero(logprobs < np.log(self.rho))
