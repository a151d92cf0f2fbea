"""Rows to a mini-batch of flat arrays and back: where adjustments act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsk.core.errors import DataError
from dsk.core.roles import Adjustment, MiniBatch
from dsk.core.training.rows import TrainingRow
from dsk.core.types import Trajectory

PER_TOKEN = ("advantages", "logprobs", "trained", "weights", "counted")


def adjust(
    rows: Sequence[TrainingRow], trajectories: Sequence[Trajectory], adjustments: Sequence[Adjustment]
) -> list[TrainingRow]:
    """The rows after every adjustment, in order; `trajectories` are those that the rows were made of.

    Raises DataError where an adjustment breaks what its role promises.
    """
    if not (adjustments and rows):
        return list(rows)
    batch = flat(rows, trajectories)
    for place, adjustment in enumerate(adjustments):
        changed = adjustment.adjusted(batch)
        _check(f"train.adjustments.{place} ('{adjustment.kind}')", batch, changed)
        batch = changed
    return _split(rows, batch)


def flat(rows: Sequence[TrainingRow], trajectories: Sequence[Trajectory]) -> MiniBatch:
    """The rows' arrays end to end."""
    lengths = [len(row.response) for row in rows]
    return MiniBatch(
        advantages=np.concatenate([row.advantages for row in rows]),
        logprobs=np.concatenate([row.old_logprobs for row in rows]),
        trained=np.concatenate([row.trained for row in rows]),
        weights=np.concatenate([row.weights for row in rows]),
        counted=np.concatenate([row.weights for row in rows]),
        row=np.repeat(np.arange(len(rows)), lengths),
        group=np.asarray([row.group for row in rows]),
        tree=np.asarray([t.tree for t in trajectories]),
        reward=np.asarray([t.reward for t in trajectories], np.float64),
        correct=np.asarray([t.correct for t in trajectories], np.bool_),
        stop=np.asarray([t.stop for t in trajectories]),
        origin=np.asarray([t.origin for t in trajectories]),
        given=np.asarray([t.given for t in trajectories]),
    )


def _split(rows: Sequence[TrainingRow], batch: MiniBatch) -> list[TrainingRow]:
    trained = batch.trained & (batch.weights > 0)
    cuts = np.cumsum([len(row.response) for row in rows])[:-1]
    parts = (np.split(array, cuts) for array in (batch.advantages, trained, batch.weights * trained))
    totals = np.bincount(batch.row, batch.counted, len(rows)).tolist()
    return [
        replace(row, advantages=advantages, trained=mask, weights=weights, counted=total)
        for row, advantages, mask, weights, total in zip(rows, *parts, totals, strict=True)
    ]


def _check(where: str, before: MiniBatch, after: MiniBatch) -> None:
    for name in PER_TOKEN:
        array, shape = getattr(after, name), before.trained.shape
        if array.shape != shape:
            raise DataError(f"{where}: {name} has the shape {array.shape}, and the mini-batch's tokens {shape}")
        if name not in ("trained", "logprobs") and not np.isfinite(array).all():
            raise DataError(f"{where}: {name} has {int((~np.isfinite(array)).sum())} values that are not finite")
    if (after.trained & ~before.trained).any():
        raise DataError(f"{where}: it trains tokens that are not trained; it may only take tokens out")
    if min(after.weights.min(), after.counted.min()) < 0:
        raise DataError(f"{where}: weights and counted must be at least 0")
    if (after.trained & (after.counted == 0)).any():
        raise DataError(f"{where}: a token is trained and counts nothing in denominators; set its counted too")
