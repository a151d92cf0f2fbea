"""Pass@1 of a set of responses, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Score:
    """Mean pass@1 over problems with a 95% interval (percentile bootstrap over problems)."""

    pass_at_1: float
    low: float
    high: float
    problems: int
    samples: int


def score(rates: Sequence[float], samples: int, seed: int = 0) -> Score:
    """Summarise each problem's share of correct samples [P]."""
    values = np.asarray(rates, dtype=np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        mean = float(values.mean()) if len(values) else float("nan")
        return Score(mean, mean, mean, len(values), samples)
    interval = stats.bootstrap(
        (values,), np.mean, confidence_level=CONFIDENCE, n_resamples=RESAMPLES, method="percentile", rng=seed
    ).confidence_interval
    return Score(float(values.mean()), float(interval.low), float(interval.high), len(values), samples)
