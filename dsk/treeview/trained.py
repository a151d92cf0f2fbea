"""The advantage that was trained on each node of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.core.spec import RunSpec
from dsk.core.types import Group

if TYPE_CHECKING:
    from jaxtyping import Float, Int

ADJUSTED = "what train.adjustments changed afterwards, in a mini-batch of several groups, is not in it"


@dataclass(frozen=True, eq=False)
class Trained:
    """The credit that `train.advantage` gave each node.

    `advantage` [N] is the mean over the trained trajectories through the node, whose number is `trajectories` [N]; NaN
    where none goes through it. All tokens of a node have the same. `note` says what it leaves out.
    """

    advantage: Float[np.ndarray, " N"]
    trajectories: Int[np.ndarray, " N"]
    note: str = ""


def trained_on(group: Group, nodes: int, spec: RunSpec) -> Trained:
    """The advantages of a stored group, worked out again as the trainer did."""
    from dsk.core.training.batch import shape_scores

    shaped = shape_scores(group, spec.soft_clip, spec.overlong, spec.max_response_tokens)
    total, count = np.zeros(nodes), np.zeros(nodes, np.int64)
    for trajectory, credit in zip(shaped.trajectories, spec.train.advantage.values(shaped), strict=True):
        if trajectory.trained.any():
            ids = list(trajectory.node_ids)
            total[ids] += credit
            count[ids] += 1
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Trained(mean, count, ADJUSTED if spec.train.adjustments else "")
