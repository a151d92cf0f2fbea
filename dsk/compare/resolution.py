"""How narrow a study's paired intervals are next to what it asked for, and how many seeds that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dsk.compare.comparison import Comparison
from dsk.compare.looks import expected_seeds, half_width, widening
from dsk.compare.metrics import metric_info, points
from dsk.compare.study import Study


@dataclass(frozen=True)
class Resolution:
    """Half-widths by arm, and the one that was wanted, all in the first metric's own unit (a share for a share).

    `widening` is what looking more than once costs (`looks.py`). `expected` is about how many seeds it takes, None
    where more seeds are not enough; `lasting` is the half-width that would be left with any number of them.
    """

    wanted: float
    widening: float
    seeds: int
    max_seeds: int
    half_widths: Mapping[str, float]
    expected: int | None
    lasting: float

    @property
    def reached(self) -> bool:
        """Whether every arm's interval is narrow enough."""
        return max(self.half_widths.values()) <= self.wanted

    @property
    def widest(self) -> str:
        """The arm whose interval is the widest."""
        return max(self.half_widths, key=lambda arm: self.half_widths[arm])


def resolution_of(study: Study, found: Comparison, seeds: int) -> Resolution | None:
    """What a table over `seeds` seeds resolves; None where the study asks for nothing."""
    if study.resolution is None:
        return None
    metric = found.metrics[0]
    wanted = study.resolution / (100 if metric_info(metric).share else 1)
    factor = widening(len(study.seeds))
    pairs = {row.arm: row.differences.get(metric) for row in found.rows if row.arm != found.baseline}
    known = [pair for pair in pairs.values() if pair]
    expected = [expected_seeds(pair, wanted, factor) for pair in known]
    enough = [count for count in expected if count is not None]
    return Resolution(
        wanted=wanted,
        widening=factor,
        seeds=seeds,
        max_seeds=study.max_seeds,
        half_widths={arm: pair.half_width if pair else math.inf for arm, pair in pairs.items()},
        expected=max(enough) if len(enough) == len(pairs) else None,
        lasting=max((half_width(pair, 10**6, factor) for pair in known), default=math.nan),
    )


def with_resolution(found: Comparison, resolution: Resolution | None) -> Comparison:
    """The comparison with what it resolves, warned about where that is not what was asked for."""
    if resolution is None:
        return found
    missed = () if resolution.reached else (f"resolution not reached: {in_words(resolution, found.metrics[0])}",)
    return replace(found, resolution=resolution, warnings=(*found.warnings, *missed))


def in_words(found: Resolution, metric: str) -> str:
    """One line: how wide the widest interval is, and how many seeds are expected to be enough."""
    half = found.half_widths[found.widest]
    told = f"after {found.seeds} seeds the interval of '{found.widest}' reaches {points(metric, half)} to either side"
    asked = f"{points(metric, found.wanted)} were asked for"
    if found.reached:
        return f"{told}; {asked}"
    if math.isinf(half):
        return f"after {found.seeds} seeds '{found.widest}' has no interval; {asked}"
    if found.expected is None:
        return f"{told}; {asked}, and no number of seeds gives that: use more held-out problems or evaluate more often"
    beyond = f", more than max_seeds {found.max_seeds}" if found.expected > found.max_seeds else ""
    return f"{told}; {asked}, about {found.expected} seeds in all{beyond}"
