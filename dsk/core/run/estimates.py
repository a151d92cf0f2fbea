"""The one estimator of pass@1, and of every other mean over seeds and problems, with its 95% interval.

Values are arrays [S, P]: one row a seed, one column a problem, NaN where a seed has no such problem. Seeds and problems
are both drawn at random, so the variance of the mean is the sum of what the two contribute (Owen 2007 discusses this
design), and Student's t gives the interval. Where values are bounded, as shares are, it is Wilson's (1927) score
interval with the number of problems that would give the same variance (Korn and Graubard 1998): it never leaves the
bounds, and is right near them, where mean and variance go together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from jaxtyping import Float

CONFIDENCE = 0.95
SIGNIFICANCE = 1 - CONFIDENCE
ROUNDING = 1e-12
"""Values that differ by no more than this share of the greatest are equal."""
Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)
GAP: Bounds = (-1.0, 1.0)
"""Where a share lies, and a difference of two."""


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds of each seed's mean over problems, its 95% interval and its standard error.

    All but the mean are NaN where one value is all there is; the interval also where values without bounds do not vary.
    """

    mean: float
    low: float
    high: float
    seeds: int
    problems: int
    error: float


@dataclass(frozen=True)
class Spread:
    """A mean's standard error, its degrees of freedom, and how many units (seeds or problems) it was found from."""

    error: float
    freedom: float
    units: int

    @property
    def quantile(self) -> float:
        """Of Student's t, two-sided, for the interval."""
        return float(stats.t.ppf(1 - SIGNIFICANCE / 2, self.freedom))

    def widened(self, factor: float) -> Spread:
        """The same with its error multiplied, for intervals that are looked at more than once."""
        return replace(self, error=self.error * factor)


@dataclass(frozen=True)
class Score:
    """Mean pass@1 over problems with its 95% interval; anything from 0 to 1 where there is one problem.

    `mean_score` is the mean of the responses' scores where rewards are graded.
    """

    pass_at_1: float
    low: float
    high: float
    problems: int
    samples: int
    mean_score: float | None = None


def score(rates: Sequence[float], samples: int, scores: Sequence[float | None] = ()) -> Score:
    """Summarise each problem's share of correct samples [P], and its mean score [P] where that is known."""
    if not rates:
        return Score(math.nan, math.nan, math.nan, 0, samples)
    found = estimate(np.asarray([rates], dtype=np.float64), SHARE)
    low, high = (found.low, found.high) if len(rates) > 1 else SHARE
    known = [value for value in scores if value is not None]
    return Score(found.mean, low, high, len(rates), samples, float(np.mean(known)) if known else None)


def estimate(
    values: Float[np.ndarray, "S P"],
    within: Bounds | None = None,
    doubt: Bounds = (0.0, 0.0),
    widening: float = 1.0,
) -> Estimate:
    """Mean with its interval. `within`: where values lie, and so does the interval.

    `doubt` is how far the mean may lie below and above what the values say; it widens the interval, and so does
    `widening`, by which the standard error is multiplied.
    """
    mean, spread = float(np.nanmean(values, axis=1).mean()), spread_of(values).widened(widening)
    if within is not None:
        mean = min(max(mean, within[0]), within[1])
    low, high = (interval(mean + shift, spread, within)[side] for side, shift in enumerate((-doubt[0], doubt[1])))
    seeds, problems = values.shape
    return Estimate(mean, low, high, seeds, problems, spread.error)


def spread_of(values: Float[np.ndarray, "S P"]) -> Spread:
    """How far the mean may be off, from how seeds' means and problems' means scatter; NaN for a single value."""
    parts = [part for axis in (1, 0) if (part := _between(np.nanmean(values, axis=axis))) is not None]
    units = max(values.shape)
    if not parts:
        return Spread(math.nan, math.nan, units)
    total = sum(variance for variance, _ in parts)
    if total <= (ROUNDING * float(np.nanmax(np.abs(values)))) ** 2:
        return Spread(0.0, units - 1, units)
    # weighted by variance and not, as Satterthwaite, by its square, which calls too much significant with two seeds
    freedom = total / sum(variance / (count - 1) for variance, count in parts)
    return Spread(math.sqrt(total), freedom, units)


def interval(mean: float, spread: Spread, within: Bounds | None = None) -> Bounds:
    """The 95% interval of a mean."""
    if math.isnan(spread.error) or (within is None and not spread.error):
        return math.nan, math.nan
    quantile = spread.quantile
    if within is None:
        return mean - quantile * spread.error, mean + quantile * spread.error
    bottom, width = within[0], within[1] - within[0]
    share = min(max((mean - bottom) / width, 0.0), 1.0)
    penalty = quantile**2 / effective_number(mean, spread, within)
    centre = (share + penalty / 2) / (1 + penalty)
    margin = math.sqrt(penalty * share * (1 - share) + penalty**2 / 4) / (1 + penalty)
    return bottom + width * max(centre - margin, 0.0), bottom + width * min(centre + margin, 1.0)


def effective_number(mean: float, spread: Spread, within: Bounds) -> float:
    """How many independent right-or-wrong values would give the mean this standard error.

    Where nothing varies it is the number of units, because the variance of a few equal values is not known to be zero.
    """
    variance = max((mean - within[0]) * (within[1] - mean), 0.0)
    if spread.error == 0 or variance == 0:
        return spread.units
    return variance / spread.error**2


def _between(means: Float[np.ndarray, " N"]) -> tuple[float, int] | None:
    """(variance of the mean of the units' means, units); None for a single unit."""
    return (float(means.var(ddof=1)) / len(means), len(means)) if len(means) > 1 else None
