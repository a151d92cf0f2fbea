"""How much of a budget it takes to a level of the metric, and how many times the baseline's that is.

Each seed's mean curve is read where it first reaches the level, on the line between two evaluations. Amounts are
averaged as logarithms, and an arm's ratio to the baseline is paired by seed. A seed that never gets there took at least
what it had spent at its end: it is counted at that, and the figures are bounds, with intervals open on that side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.budget import scalar_curve
from dsk.compare.metrics import metric_info
from dsk.compare.runs import RunRecord
from dsk.core.errors import DataError
from dsk.core.run.estimates import Bounds, interval, spread_of

if TYPE_CHECKING:
    from jaxtyping import Float

Bound = Literal["exact", "at least", "at most", "unknown"]


@dataclass(frozen=True)
class LogMean:
    """A geometric mean over seeds with its 95% interval, NaN where one seed is all there is.

    `bound` says what the mean is where some values are known from one side only: it is NaN where nothing is known.
    """

    mean: float
    low: float
    high: float
    seeds: int
    bound: Bound = "exact"


@dataclass(frozen=True)
class Crossing:
    """What an arm spends until it reaches the level; `never` are the seeds that end below it.

    `ratio` is to the baseline's, on common seeds: below 1 is cheaper. None for the baseline and without common seeds.
    """

    spent: LogMean
    never: tuple[int, ...]
    ratio: LogMean | None = None


def crossings(
    arms: Sequence[Arm], baseline: str, metric: str, axis: str, level: float, widening: float = 1.0
) -> dict[str, Crossing]:
    """Arm to what it takes to `level`; arms without a curve are left out. Raises DataError: a run begins beyond it."""
    spans = {arm.name: _spans(arm, metric, axis, level) for arm in arms}
    found: dict[str, Crossing] = {}
    for name, by_seed in spans.items():
        if not by_seed:
            continue
        never = tuple(seed for seed, (_, high) in by_seed.items() if math.isinf(high))
        ratio = None if name == baseline else _ratio(by_seed, spans[baseline], widening)
        found[name] = Crossing(log_mean(list(by_seed.values()), widening), never, ratio)
    return found


def _ratio(mine: Mapping[int, Bounds], theirs: Mapping[int, Bounds], widening: float) -> LogMean | None:
    pairs = [(mine[seed], theirs[seed]) for seed in mine if seed in theirs]
    return log_mean([(a[0] / b[1], a[1] / b[0]) for a, b in pairs], widening) if pairs else None


def _spans(arm: Arm, metric: str, axis: str, level: float) -> dict[int, Bounds]:
    """Seed to the least and most that it may have spent when it reached the level."""
    found = {run.seed: _span(run, metric, axis, level) for run in arm.runs if run.reached(axis) > 0}
    return {seed: span for seed, span in sorted(found.items()) if span}


def _span(run: RunRecord, metric: str, axis: str, level: float) -> Bounds | None:
    curve = scalar_curve(run, metric, axis)
    if curve is None:
        return None
    x, y = curve
    sign = -1 if metric_info(metric).direction < 0 else 1
    if sign * y[0] >= sign * level:
        raise DataError(
            f"tokens_to: {run.name} begins with {metric} {y[0]:.3g}, which is at {level:g} before it spends anything;"
            " name a level beyond every run's start"
        )
    at = first_crossing(x, sign * y, sign * level)
    return (float(x[-1]), math.inf) if at is None else (at, at)


def first_crossing(x: Float[np.ndarray, " K"], y: Float[np.ndarray, " K"], level: float) -> float | None:
    """Where the straight lines between points first reach `level` from below; None where they never do."""
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return None
    after = int(reached[0])
    if after == 0:
        return float(x[0])
    share = (level - y[after - 1]) / (y[after] - y[after - 1])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))


def log_mean(spans: Sequence[Bounds], widening: float = 1.0) -> LogMean:
    """The geometric mean of values known to lie in `spans` (0 and infinity: not bounded on that side)."""
    lows, highs = (np.asarray(side) for side in zip(*spans, strict=True))
    from_below, from_above = bool((lows > 0).all()), bool(np.isfinite(highs).all())
    low, mean_low = _end(lows, 0, widening) if from_below else (0.0, math.nan)
    high, mean_high = _end(highs, 1, widening) if from_above else (math.inf, math.nan)
    seeds = len(spans)
    if from_below and from_above:
        return LogMean(mean_low, low, high, seeds)
    bound: Bound = "at least" if from_below else "at most" if from_above else "unknown"
    return LogMean(mean_low if from_below else mean_high, low, high, seeds, bound)


def _end(values: Float[np.ndarray, " S"], side: int, widening: float) -> tuple[float, float]:
    """One end of the interval of the geometric mean of `values`, and that mean."""
    logs = np.log(values)
    mean = float(logs.mean())
    return math.exp(interval(mean, spread_of(logs[:, None]).widened(widening))[side]), math.exp(mean)
