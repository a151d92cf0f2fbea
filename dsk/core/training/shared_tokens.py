"""What a token counts that several trained trajectories of a group share (`train.weight`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.types import Trajectory

if TYPE_CHECKING:
    from jaxtyping import Float, Int

WEIGHTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "trajectory": lambda sharers: np.ones(len(sharers)),
    "unique": lambda sharers: 1.0 / sharers,
    "root": lambda sharers: 1.0 / np.sqrt(sharers),
}


def token_weights(trajectories: Sequence[Trajectory], how: str) -> list[Float[np.ndarray, " T"]]:
    """For each trained trajectory of a group its tokens' weights, 0 where a token is not trained.

    `trajectory`: 1. `unique`: 1/k, with k the trajectories here that the token's node is on, so that all of them
    together count it once. `root`: 1/sqrt(k) (the divisor of TreeRL's advantage).
    """
    if how == "trajectory" or not trajectories:
        return [t.trained.astype(np.float64) for t in trajectories]
    return [_weights(t, WEIGHTS[how](k_D)) for t, k_D in zip(trajectories, sharers(trajectories), strict=True)]


def sharers(trajectories: Sequence[Trajectory]) -> list[Int[np.ndarray, " D"]]:
    """For each trajectory, how many of them (itself included) have each node of its path: the same tree and id."""
    depths = [len(t.node_ids) for t in trajectories]
    nodes = np.concatenate([np.asarray(t.node_ids, np.int64) for t in trajectories])
    trees = np.repeat([t.tree for t in trajectories], depths)
    _, places, counts = np.unique(np.stack([trees, nodes]), axis=1, return_inverse=True, return_counts=True)
    return np.split(counts[places.reshape(-1)], np.cumsum(depths)[:-1])


def _weights(trajectory: Trajectory, weight_D: np.ndarray) -> np.ndarray:
    weights = np.zeros(len(trajectory.tokens))
    weights[trajectory.given :] = np.repeat(weight_D, trajectory.node_lengths)
    return weights * trajectory.trained
