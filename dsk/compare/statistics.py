"""Intervals and paired tests over seeds and problems.

Values are arrays [S, P]: one row a seed, one column a problem, NaN where a seed has no such problem. Both are random:
a bootstrap that resamples seeds and problems independently (Owen 2007, "The pigeonhole bootstrap") gives the standard
error of the mean over seeds, and Student's t with Satterthwaite's degrees of freedom the 95% interval, because the
percentiles of a bootstrap over five seeds are far too narrow.
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
RESAMPLES = 2000
SIGNIFICANCE = 1 - CONFIDENCE


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds of each seed's mean over problems, its 95% interval (NaN where one value is all there is)."""

    mean: float
    low: float
    high: float
    seeds: int
    problems: int


@dataclass(frozen=True)
class Difference:
    """Arm minus baseline on the same seeds and problems.

    `p_value` is two-sided; `adjusted_p` is Holm's, over all arms of the comparison. `improvement` is the probability
    that a run of the arm beats a run of the baseline (any seed against any seed, ties count half).
    """

    mean: float
    low: float
    high: float
    p_value: float
    improvement: float
    seeds: int
    problems: int
    adjusted_p: float = math.nan

    @property
    def distinguishable(self) -> bool:
        """Whether chance is ruled out at 5% after correction for many arms."""
        return self.adjusted_p < SIGNIFICANCE


def estimate(values: Float[np.ndarray, "S P"], share: bool = False, seed: int = 0) -> Estimate:
    """Mean with its interval. `share`: values lie in 0..1, and so does the interval."""
    seed_means = np.nanmean(values, axis=1)
    mean, shape = float(seed_means.mean()), values.shape
    error, freedom = _standard_error(values, seed)
    if math.isnan(error):
        return Estimate(mean, math.nan, math.nan, *shape)
    if share and error == 0 and mean in (0.0, 1.0):
        exact = stats.binomtest(round(mean * shape[1]), shape[1]).proportion_ci(CONFIDENCE)
        return Estimate(mean, float(exact.low), float(exact.high), *shape)
    margin = error * float(stats.t.ppf(1 - SIGNIFICANCE / 2, freedom)) if error else 0.0
    low, high = (max(mean - margin, 0.0), min(mean + margin, 1.0)) if share else (mean - margin, mean + margin)
    return Estimate(mean, low, high, *shape)


def paired_difference(arm: Float[np.ndarray, "S P"], baseline: Float[np.ndarray, "S P"], seed: int = 0) -> Difference:
    """Arm minus baseline; rows and columns are the same seeds and problems, cells missing in either are left out."""
    missing = np.isnan(arm) | np.isnan(baseline)
    arm, baseline = np.where(missing, np.nan, arm), np.where(missing, np.nan, baseline)
    rows, columns = ~missing.all(axis=1), ~missing.all(axis=0)
    arm, baseline = arm[rows][:, columns], baseline[rows][:, columns]
    found = estimate(arm - baseline, seed=seed)
    error, freedom = _standard_error(arm - baseline, seed)
    p_value = 2 * float(stats.t.sf(abs(found.mean) / error, freedom)) if error > 0 else 1.0
    improvement = probability_of_improvement(np.nanmean(arm, axis=1), np.nanmean(baseline, axis=1))
    return Difference(found.mean, found.low, found.high, p_value, improvement, found.seeds, found.problems)


def probability_of_improvement(arm: Float[np.ndarray, " S"], baseline: Float[np.ndarray, " R"]) -> float:
    """P(arm > baseline) + P(equal) / 2 over all pairs (Agarwal et al. 2021), by the Mann-Whitney U statistic."""
    return float(stats.mannwhitneyu(arm, baseline).statistic) / (len(arm) * len(baseline))


def correct(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with Holm's adjusted p-values, which bound the chance of any false claim among them."""
    adjusted = holm([d.p_value for d in differences])
    return [replace(d, adjusted_p=p) for d, p in zip(differences, adjusted, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979)."""
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values, float)[order] * factors), 1.0)
    return adjusted.tolist()


def seed_band(values: Float[np.ndarray, "S K"]) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """The 95% t interval over seeds at each of K points; the mean itself where there is one seed."""
    mean, seeds = values.mean(axis=0), len(values)
    if seeds < 2:
        return mean, mean
    margin = stats.sem(values, axis=0) * stats.t.ppf(1 - SIGNIFICANCE / 2, seeds - 1)
    return mean - margin, mean + margin


def _standard_error(values: Float[np.ndarray, "S P"], seed: int) -> tuple[float, float]:
    """(standard error of the mean, degrees of freedom); NaN for a single value."""
    parts = [_between(np.nanmean(values, axis=axis)) for axis in (1, 0)]
    found = [part for part in parts if part is not None]
    if not found:
        return math.nan, math.nan
    total = sum(variance for variance, _ in found)
    if total == 0:
        return 0.0, 1.0
    # a bootstrap over n units understates their variance by (n - 1) / n
    resampled = sum(variance * (units - 1) / units for variance, units in found)
    freedom = total**2 / sum(variance**2 / (units - 1) for variance, units in found)
    return float(np.std(_resampled_means(values, seed), ddof=1)) * math.sqrt(total / resampled), freedom


def _between(means: Float[np.ndarray, " N"]) -> tuple[float, int] | None:
    """(variance of the mean of the units' means, units); None for a single unit."""
    return (float(means.var(ddof=1)) / len(means), len(means)) if len(means) > 1 else None


def _resampled_means(values: Float[np.ndarray, "S P"], seed: int) -> Float[np.ndarray, " B"]:
    """Means of resampled seeds over resampled problems, the same problems for all seeds of a resample."""
    rng = np.random.default_rng(seed)
    seeds, problems = values.shape
    present = ~np.isnan(values)
    chosen = rng.multinomial(problems, np.full(problems, 1 / problems), RESAMPLES).astype(float)
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES).astype(float)
    counts = chosen @ present.T
    means = (chosen @ np.where(present, values, 0.0).T) / np.maximum(counts, 1)
    weights = weights * (counts > 0)
    return (weights * means).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
