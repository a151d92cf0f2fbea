"""An arm's curve: the mean over seeds with its band, over the range that all seeds have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.budget import CURVE_POINTS, scalar_curve
from dsk.compare.metrics import metric_info
from dsk.compare.statistics import seed_band

if TYPE_CHECKING:
    from jaxtyping import Float

    Points = tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]

POINTS = 60


@dataclass(frozen=True)
class Band:
    """The mean of a metric over seeds [K] with the ends of its 95% interval, at places of a budget axis."""

    x: Float[np.ndarray, " K"]
    mean: Float[np.ndarray, " K"]
    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]


def seed_curves(arm: Arm, metric: str, axis: str) -> list[Points]:
    """The curve of each run that has two points or more, in the metric's own unit."""
    curves = (scalar_curve(run, metric, axis) for run in arm.runs)
    return [curve for curve in curves if curve is not None and len(curve[0]) > 1]


def seen_between(curves: Sequence[Points]) -> bool:
    """Whether every run was evaluated between its beginning and its end; else it is points, and no curve."""
    return all(len(x) >= CURVE_POINTS for x, _ in curves)


def band(curves: Sequence[Points], metric: str) -> Band:
    """The mean and its band; shares stay within 0 and 1."""
    start, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = np.linspace(start, end, POINTS)
    values = np.asarray([np.interp(grid, x, y) for x, y in curves])
    low, high = seed_band(values, metric_info(metric).share)
    return Band(grid, values.mean(axis=0), low, high)
