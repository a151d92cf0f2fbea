"""Intervals of ratios by the delete-one jackknife, over one or two kinds of independent units.

A bootstrap draws a unit twice, and products of a unit with itself are what these estimates leave out; so the jackknife
(Efron and Stein 1981), on the logarithm for figures that are ratios. Variances of several kinds of units add up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from dsk.core.run.estimates import SHARE, SIGNIFICANCE, Spread, interval

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Figure:
    """A value with its 95% interval, NaN where it is not known. `p_value` is two-sided, of being `null`."""

    value: float
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan


def figure(value: float, left_out: Sequence[Float[np.ndarray, " U"]], null: float = math.nan) -> Figure:
    """`left_out` has, for each kind of units, the value without each one of them."""
    error, freedom = standard_error(left_out)
    if not (math.isfinite(value) and error > 0):
        return Figure(value)
    margin = float(stats.t.ppf(1 - SIGNIFICANCE / 2, freedom)) * error
    p_value = math.nan if math.isnan(null) else 2 * float(stats.t.sf(abs(value - null) / error, freedom))
    return Figure(value, value - margin, value + margin, p_value)


def share_figure(value: float, left_out: Sequence[Float[np.ndarray, " U"]]) -> Figure:
    """The same for a share, whose interval stays within 0 and 1."""
    error, freedom = standard_error(left_out)
    if not error > 0:
        return Figure(value)
    return Figure(value, *interval(value, Spread(error, freedom, max(map(len, left_out))), SHARE))


def log_figure(value: float, left_out: Sequence[Float[np.ndarray, " U"]]) -> Figure:
    """The same for a positive ratio, on its logarithm: the interval is the value times and divided by about the same.

    `p_value` is that of 1. NaN where the value, or a value without one unit, is not positive.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        found = figure(float(np.log(value)), [np.log(values) for values in left_out], 0.0)
    return Figure(value, math.exp(found.low), math.exp(found.high), found.p_value)


def standard_error(left_out: Sequence[Float[np.ndarray, " U"]]) -> tuple[float, float]:
    """The error of a value and its degrees of freedom; NaN where a value without one unit is not known.

    Freedom is weighted by variance, as for means over seeds and problems (`core/run/estimates.py`).
    """
    parts = [(_variance(values), len(values)) for values in left_out if len(values) > 1]
    total = sum(variance for variance, _ in parts)
    if not (math.isfinite(total) and total > 0):
        return math.nan, 1.0
    return math.sqrt(total), total / sum(variance / (count - 1) for variance, count in parts)


def _variance(values: Float[np.ndarray, " U"]) -> float:
    """Of the value, by the jackknife; NaN where one is not finite."""
    if not np.isfinite(values).all():
        return math.nan
    return (len(values) - 1) * float(values.var())
