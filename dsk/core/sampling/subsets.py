"""Training some of a group's trajectories, with statistics from all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsk.core.errors import DataError
from dsk.core.roles import Subset
from dsk.core.types import Group


def trained_subset(group: Group, subset: Subset, seed: int) -> Group:
    """The group with the trajectories that `subset` chooses, in their order; its terminals stay all.

    Raises DataError where the choice is not distinct indices of trajectories.
    """
    count = len(group.trajectories)
    chosen = sorted(subset.choose(group, np.random.default_rng(seed)))
    if chosen == list(range(count)):
        return group
    if len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(count)) or not chosen:
        raise DataError(
            f"train.subset ('{subset.kind}'): problem '{group.problem.id}' has {count} trajectories, and it chose"
            f" {chosen}; each index from 0 to {count - 1} may be chosen once, and one must be"
        )
    return replace(group, trajectories=tuple(group.trajectories[i] for i in chosen), terminals=group.verified)
