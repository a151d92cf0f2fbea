"""Paired differences over seeds and problems, tests and bands over seeds; estimates are those of `run/estimates.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from dsk.core.run.estimates import (
    GAP,
    SHARE,
    SIGNIFICANCE,
    Bounds,
    Spread,
    effective_number,
    estimate,
    interval,
    spread_of,
)

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Difference:
    """Arm minus baseline on the same seeds and problems.

    `p_value` is two-sided; `adjusted_p` is Holm's, over all arms of the comparison. `improvement` is the probability
    that a run of the arm beats a run of the baseline (any seed against any seed, ties count half). All three are NaN
    where one run stands against one (`unjudged`). The standard error has two parts: `fading` falls as one over the
    square root of the number of seeds, `lasting` falls with more problems alone; `freedom` are its degrees
    of freedom.
    """

    mean: float
    low: float
    high: float
    p_value: float
    improvement: float
    seeds: int
    problems: int
    adjusted_p: float = math.nan
    fading: float = math.nan
    lasting: float = math.nan
    freedom: float = math.nan

    @property
    def half_width(self) -> float:
        """Half of the interval's length; infinite where there is no interval."""
        return math.inf if math.isnan(self.low) else (self.high - self.low) / 2

    @property
    def distinguishable(self) -> bool:
        """Whether chance is ruled out at 5% after correction for many arms."""
        return self.adjusted_p < SIGNIFICANCE

    @property
    def judged(self) -> bool:
        """Whether the difference was tested at all."""
        return not math.isnan(self.p_value)


def paired_difference(
    arm: Float[np.ndarray, "S P"],
    baseline: Float[np.ndarray, "S P"],
    share: bool = False,
    doubt: Bounds = (0.0, 0.0),
    widening: float = 1.0,
) -> Difference:
    """Arm minus baseline; rows and columns are the same seeds and problems, cells missing in either are left out.

    `share`: values lie in 0..1. `doubt` is how far below and above the difference may lie; the test takes the end of it
    that is nearest to nothing. `widening` multiplies the standard error (`looks.py`).
    """
    missing = np.isnan(arm) | np.isnan(baseline)
    arm, baseline = np.where(missing, np.nan, arm), np.where(missing, np.nan, baseline)
    rows, columns = ~missing.all(axis=1), ~missing.all(axis=0)
    arm, baseline = arm[rows][:, columns], baseline[rows][:, columns]
    within = GAP if share else None
    found = estimate(arm - baseline, within, doubt, widening)
    least = max(found.mean - doubt[0], 0.0) if found.mean > 0 else min(found.mean + doubt[1], 0.0)
    spread = spread_of(arm - baseline)
    p_value = _p_value(least, spread.widened(widening), within)
    improvement = probability_of_improvement(np.nanmean(arm, axis=1), np.nanmean(baseline, axis=1))
    fading, lasting = error_parts(arm - baseline)
    return Difference(
        mean=found.mean,
        low=found.low,
        high=found.high,
        p_value=p_value,
        improvement=improvement,
        seeds=found.seeds,
        problems=found.problems,
        fading=fading,
        lasting=lasting,
        freedom=spread.freedom,
    )


def error_parts(values: Float[np.ndarray, "S P"]) -> tuple[float, float]:
    """The standard error as (fading, lasting); their squares add up to its square. NaN for a single seed.

    What problems contribute holds the noise of their means over seeds, which more seeds average out; the rest stays.
    """
    seeds, problems = values.shape
    if seeds < 2:
        return math.nan, math.nan
    lasting = 0.0
    if problems > 1:
        of_problems = np.nanmean(values, axis=0)
        left = values - np.nanmean(values, axis=1, keepdims=True) - of_problems + np.nanmean(values)
        noise = float(np.nansum(left**2)) / ((seeds - 1) * (problems - 1)) / seeds
        lasting = math.sqrt(max(float(of_problems.var(ddof=1)) - noise, 0.0) / problems)
    return math.sqrt(max(spread_of(values).error ** 2 - lasting**2, 0.0)), lasting


def _p_value(mean: float, spread: Spread, within: Bounds | None) -> float:
    """Two-sided, of no difference; the interval that goes with it leaves out 0 exactly where this is below 5%.

    Values that do not vary and have no bounds are judged by their sign alone, the same for each unit.
    """
    if math.isnan(spread.error) or mean == 0:
        return 1.0
    if within is not None:
        statistic = abs(mean) * math.sqrt(effective_number(mean, spread, within))
    elif spread.error:
        statistic = abs(mean) / spread.error
    else:
        return min(2 * 0.5**spread.units, 1.0)
    return 2 * float(stats.t.sf(statistic, spread.freedom))


def unjudged(difference: Difference) -> Difference:
    """The difference between two runs as it is, without a word about the methods that made them."""
    return replace(difference, p_value=math.nan, improvement=math.nan, adjusted_p=math.nan)


def probability_of_improvement(arm: Float[np.ndarray, " S"], baseline: Float[np.ndarray, " R"]) -> float:
    """P(arm > baseline) + P(equal) / 2 over all pairs (Agarwal et al. 2021), by the Mann-Whitney U statistic."""
    return float(stats.mannwhitneyu(arm, baseline).statistic) / (len(arm) * len(baseline))


def correct(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with Holm's adjusted p-values, which bound the chance of any false claim among them."""
    adjusted = iter(holm([d.p_value for d in differences if d.judged]))
    return [replace(d, adjusted_p=next(adjusted)) if d.judged else d for d in differences]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979)."""
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values, float)[order] * factors), 1.0)
    return adjusted.tolist()


def seed_band(
    values: Float[np.ndarray, "S K"], share: bool = False
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """The 95% interval over seeds at each of K points; the mean itself where there is one seed, or all are equal."""
    spreads = [spread_of(column[:, None]) for column in values.T]
    ends = [
        interval(mean, spread, SHARE if share else None) if spread.error > 0 else (mean, mean)
        for mean, spread in zip(values.mean(axis=0), spreads, strict=True)
    ]
    low, high = zip(*ends, strict=True)
    return np.asarray(low), np.asarray(high)
