"""The statistics of a table: an estimate for every arm, a paired difference from the baseline, who leads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.budget import spent_at
from dsk.compare.crossings import Crossing
from dsk.compare.differences import spec_differences
from dsk.compare.metrics import metric_info
from dsk.compare.runs import AXES
from dsk.compare.statistics import Difference, correct, paired_difference, unjudged
from dsk.core.run.estimates import SHARE, Bounds, Estimate, estimate

if TYPE_CHECKING:
    from jaxtyping import Float

Cells = Mapping[int, Mapping[str, float]]
"""Seed to problem to value."""
Doubts = Mapping[int, Bounds]
"""Seed to how far below and above its values their mean may lie; seeds without doubt are left out."""
CERTAIN: Bounds = (0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """One arm of the table. `spent` is the mean over seeds on each axis; `trouble` says which runs are not in it.

    `screening` is the share of its model tokens that went into screening, None where that is not known; `crossing` what
    it took to the level that was asked for, None where none was.
    """

    arm: str
    seeds: tuple[int, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Difference]
    spent: Mapping[str, float]
    differs: tuple[str, ...]
    trouble: tuple[str, ...]
    screening: float | None = None
    crossing: Crossing | None = None


def matrix(cells: Cells, seeds: Sequence[int], problems: Sequence[str]) -> Float[np.ndarray, "S P"]:
    """Cells as an array, NaN where there is none."""
    return np.asarray([[cells[seed].get(p, math.nan) for p in problems] for seed in seeds], dtype=np.float64)


def mean_doubt(doubts: Doubts, seeds: Sequence[int]) -> Bounds:
    """How far below and above the mean over `seeds` may lie."""
    found = [doubts.get(seed, CERTAIN) for seed in seeds]
    return sum(down for down, _ in found) / len(found), sum(up for _, up in found) / len(found)


def problems_of(cells: Cells, seeds: Iterable[int]) -> list[str]:
    """Every problem of these seeds, in the order first met."""
    return list(dict.fromkeys(p for seed in seeds for p in cells[seed]))


class RowBuilder:
    """Statistics of all arms; adds to `warnings` whatever is left out."""

    def __init__(
        self,
        arms: Sequence[Arm],
        readings: Mapping[str, Mapping[str, Cells]],
        doubts: Mapping[str, Mapping[str, Doubts]],
        baseline: str,
        metrics: Sequence[str],
        warnings: list[str],
        widening: float = 1.0,
    ) -> None:
        self.arms, self.readings, self.doubts, self.baseline = arms, readings, doubts, baseline
        self.metrics, self.warnings, self.widening = metrics, warnings, widening

    def rows(self, axis: str | None, amount: float) -> list[Row]:
        """One row an arm, corrected over all arms."""
        corrected = {metric: self._differences(metric) for metric in self.metrics}
        base = next(arm for arm in self.arms if arm.name == self.baseline)
        return [self._row(arm, base, corrected, axis, amount) for arm in self.arms]

    def _row(
        self, arm: Arm, base: Arm, corrected: Mapping[str, Mapping[str, Difference]], axis: str | None, amount: float
    ) -> Row:
        cells = self.readings[arm.name]
        estimates = {m: self._estimate(m, arm.name) for m in self.metrics if cells[m]}
        seeds = tuple(cells[self.metrics[0]])
        spent: list[Mapping[str, float]] = []
        if axis is not None:
            spent = [spent_at(run, axis, amount) for run in arm.runs if run.seed in seeds]
        return Row(
            arm=arm.name,
            seeds=seeds,
            estimates=estimates,
            differences={m: found[arm.name] for m, found in corrected.items() if arm.name in found},
            spent={name: float(np.mean([s[name] for s in spent])) for name in AXES} if spent else {},
            differs=tuple(spec_differences(base.runs[0].spec, arm.runs[0].spec)) if arm.runs and base.runs else (),
            trouble=tuple(_troubles(arm, seeds)),
            screening=_screening_share(spent),
        )

    def _estimate(self, metric: str, name: str) -> Estimate:
        cells, within = self.readings[name][metric], SHARE if metric_info(metric).share else None
        values = matrix(cells, list(cells), problems_of(cells, cells))
        return estimate(values, within, mean_doubt(self.doubts[name][metric], list(cells)), self.widening)

    def _differences(self, metric: str) -> dict[str, Difference]:
        others = [arm.name for arm in self.arms if arm.name != self.baseline]
        pairs = {name: self._paired(metric, name, self.baseline) for name in others}
        found = {name: pair for name, pair in pairs.items() if pair is not None}
        return dict(zip(found, correct(list(found.values())), strict=True))

    def _paired(self, metric: str, name: str, other: str, warn: bool = True) -> Difference | None:
        """Arm minus other on common seeds and problems, None where there is none; one run against one is not judged."""
        mine, theirs = self.readings[name][metric], self.readings[other][metric]
        pairs = seed_pairs(mine, theirs)
        union = dict.fromkeys([*problems_of(mine, [a for a, _ in pairs]), *problems_of(theirs, [b for _, b in pairs])])
        shared = [p for p in union if any(p in mine[a] and p in theirs[b] for a, b in pairs)]
        if warn:
            self._warn_unpaired(metric, name, other, pairs, shared, len(union))
        if not shared:
            return None
        rows = [(a, b) for a, b in pairs if mine[a].keys() & theirs[b].keys()]
        left, right = [a for a, _ in rows], [b for _, b in rows]
        doubt = self._doubt(metric, (name, left), (other, right))
        share, cells = metric_info(metric).share, (matrix(mine, left, shared), matrix(theirs, right, shared))
        found = paired_difference(*cells, share, doubt, self.widening)
        return unjudged(found) if len(rows) == 1 else found

    def _doubt(self, metric: str, mine: tuple[str, list[int]], theirs: tuple[str, list[int]]) -> Bounds:
        """How far below and above the difference may lie."""
        (down, up), (down_too, up_too) = (mean_doubt(self.doubts[n][metric], seeds) for n, seeds in (mine, theirs))
        return down + up_too, up + down_too

    def _warn_unpaired(
        self, metric: str, name: str, other: str, pairs: Sequence[tuple[int, int]], shared: Sequence[str], union: int
    ) -> None:
        mine, theirs = self.readings[name][metric], self.readings[other][metric]
        unpaired = sorted(mine.keys() ^ theirs.keys())
        if mine and theirs and unpaired and all(a == b for a, b in pairs):
            common = ", ".join(str(a) for a, _ in pairs) or "none"
            self.warnings.append(
                f"'{name}' and '{other}' do not have the same seeds (only one has {', '.join(map(str, unpaired))});"
                f" differences are on the common seeds: {common}"
            )
        missing = sum(len(mine[a].keys() ^ theirs[b].keys()) for a, b in pairs)
        if missing and metric_info(metric).complete:
            self.warnings.append(
                f"'{name}' and '{other}' were not judged on the same problems: {missing} results have no partner;"
                f" differences are on the {len(shared)} of {union} problems that both have"
            )

    def best(self) -> dict[str, str]:
        """Metric to the arm that is ahead of every other one beyond doubt; ties have no best."""
        leaders: dict[str, str] = {}
        for metric in self.metrics:
            name = self._leader(metric)
            if name is not None:
                leaders[metric] = name
        return leaders

    def _leader(self, metric: str) -> str | None:
        sign = metric_info(metric).direction
        means = {a.name: self._mean(metric, a.name) for a in self.arms if self.readings[a.name][metric]}
        if sign == 0 or len(means) < 2:
            return None
        first = max(means, key=lambda name: sign * means[name])
        gaps = [self._paired(metric, first, name, warn=False) for name in means if name != first]
        known = correct([gap for gap in gaps if gap is not None])
        clear = len(known) == len(gaps) and all(gap.distinguishable for gap in known)
        return first if clear else None

    def _mean(self, metric: str, name: str) -> float:
        cells = self.readings[name][metric]
        return float(np.mean([np.mean(list(by_problem.values())) for by_problem in cells.values()]))


def seed_pairs(mine: Cells, theirs: Cells) -> list[tuple[int, int]]:
    """The seeds that both have, each with itself; of one run each, these two whatever their seeds."""
    if len(mine) == len(theirs) == 1:
        return [(next(iter(mine)), next(iter(theirs)))]
    return [(seed, seed) for seed in mine if seed in theirs]


def _screening_share(spent: Sequence[Mapping[str, float]]) -> float | None:
    """The mean over runs of screening's share of the model tokens; None where a run did not count it."""
    if not spent or not all("screening_tokens" in s and s["model_tokens"] for s in spent):
        return None
    return float(np.mean([s["screening_tokens"] / s["model_tokens"] for s in spent]))


def _troubles(arm: Arm, seeds: Sequence[int]) -> list[str]:
    """What is wrong with runs of the arm, one line each kind."""
    lines: dict[str, list[int]] = {}
    for run in arm.runs:
        if run.status == "finished" and run.seed in seeds:
            continue
        told = {"failed": f"failed: {run.reason.splitlines()[0] if run.reason else 'no reason recorded'}"}
        used = "" if run.seed in seeds else ", not in the table"
        if run.status == "finished":
            line = "finished, but has no result at this budget"
        else:
            line = told.get(run.status, run.status) + used
        lines.setdefault(line, []).append(run.seed)
    return [f"seed {', '.join(map(str, found))}: {line}" for line, found in lines.items()]
