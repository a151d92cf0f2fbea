"""How a group's scores are centred and scaled (DeepSearch Table 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from dsk.core.types import mean_reward

Normalisation = Literal["none", "mean", "mean_std"]
ROUNDING = 1e-9
"""Graded rewards that differ by no more are equal: divided by their deviation, rounding would pass for signal."""
NORMALISATION: Any = Field(
    "mean",
    description="`mean` subtracts the group's mean reward mu (the paper's choice); `mean_std` also divides by the"
    " rewards' sample standard deviation (GRPO); `none` leaves scores as they are.",
)


def normalise(scores: Sequence[Sequence[float]], rewards: Sequence[float], how: Normalisation) -> list[list[float]]:
    """Scores [G][D] less the mean of `rewards` [G], over their standard deviation (G - 1 in the denominator).

    Where all rewards are equal, to rounding, there is no deviation to divide by, and scores are only centred.
    """
    if how == "none":
        return [list(path) for path in scores]
    mean = mean_reward(rewards)
    deviation = _deviation(rewards, mean) if how == "mean_std" else 1.0
    return [[(score - mean) / deviation for score in path] for path in scores]


def _deviation(rewards: Sequence[float], mean: float) -> float:
    if max(rewards, default=0.0) - min(rewards, default=0.0) <= ROUNDING:
        return 1.0
    return math.sqrt(math.fsum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1))
