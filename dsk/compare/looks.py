"""Seeds added until intervals are narrow enough, and what looking at them in between costs.

A study with a `resolution` looks at the paired intervals after its first seeds, and stops at the first look at which
all are narrow enough (Chow and Robbins 1965). It stops more easily where the spread of the seeds so far happens to be
small, so an ordinary interval at the end would hold the truth too seldom: 92% of the time instead of 95% from five
seeds on, a shortfall that Starr (1966) computed for normal values. When to stop depends on the spread and never on the
mean, and for normal values the two are independent. So all it takes is a standard error multiplied by
`widening(first)`, the least factor for which the coverage is nominal whatever the true spread is, found by simulating a
look after every seed. Fewer looks, a bound on the number of seeds, and further arms that stop later leave more
coverage, not less.
"""

from __future__ import annotations

import math

from scipy import stats

from dsk.compare.statistics import Difference
from dsk.core.run.estimates import SIGNIFICANCE

WIDENINGS = {
    3: 1.32,
    4: 1.21,
    5: 1.17,
    6: 1.13,
    7: 1.12,
    8: 1.11,
    10: 1.09,
    12: 1.08,
    15: 1.07,
    20: 1.06,
    30: 1.04,
}
"""Seeds at the first look to the factor; the property test simulates it."""
FEWEST = min(WIDENINGS)
"""Fewer seeds say too little about their spread."""
MOST = 10_000
"""Seeds that nobody will run."""


def widening(first: int) -> float:
    """The factor of the standard error for looks after `first` seeds and after any number more."""
    return WIDENINGS[max(count for count in WIDENINGS if count <= max(first, FEWEST))]


def half_width(found: Difference, seeds: int, factor: float) -> float:
    """The half-width that the difference's interval is expected to have with `seeds` seeds, 2 or more."""
    fading, lasting = found.fading**2 * found.seeds / seeds, found.lasting**2
    if fading + lasting == 0:
        return 0.0
    freedom = found.freedom * (seeds - 1) / (found.seeds - 1)
    return factor * float(stats.t.ppf(1 - SIGNIFICANCE / 2, freedom)) * math.sqrt(fading + lasting)


def expected_seeds(found: Difference, wanted: float, factor: float) -> int | None:
    """About how many seeds bring the half-width to `wanted`; None where no number of seeds does.

    What the interval has beyond its spread (a reading far from any evaluation) stays.
    """
    if math.isnan(found.fading):
        return None
    beyond = max(found.half_width - half_width(found, found.seeds, factor), 0.0)
    if half_width(found, MOST, factor) + beyond > wanted:
        return None
    low, high = 2, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if half_width(found, middle, factor) + beyond <= wanted else (middle + 1, high)
    return max(low, found.seeds + (found.half_width > wanted))


def next_count(seeds: int, expected: int | None, most: int) -> int:
    """How many seeds to have at the next look: half of what is missing, at least one more, at most twice as many."""
    missing = min(expected or most, most) - seeds
    return min(seeds + min(max(math.ceil(missing / 2), 1), seeds), most)
