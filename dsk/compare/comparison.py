"""Runs to rows: every arm at the same budget, each against the baseline, and what to beware of."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.budget import curve_metrics, read_at, spent_at
from dsk.compare.differences import listed, refuse_other_tasks, spec_differences, unasked_differences
from dsk.compare.metrics import SEARCH_METRICS, metric_info, tree_values
from dsk.compare.runs import AXES, RunRecord
from dsk.compare.statistics import Difference, Estimate, correct, estimate, paired_difference
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float

SEED_SUFFIX = re.compile(r"[-_.]?(seed|s)?[-_.]?$")

Cells = Mapping[int, Mapping[str, float]]
"""Seed to problem to value."""


@dataclass(frozen=True)
class Arm:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: tuple[RunRecord, ...]


@dataclass(frozen=True)
class Row:
    """One arm of the table. `spent` is the mean over seeds on each axis; `trouble` says which runs are not in it."""

    arm: str
    seeds: tuple[int, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Difference]
    spent: Mapping[str, float]
    differs: tuple[str, ...]
    trouble: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A whole table: the budget it was read at, rows, warnings, and which arm leads each metric beyond doubt."""

    title: str
    mode: str
    metrics: tuple[str, ...]
    baseline: str
    axis: str | None
    amount: float
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    best: Mapping[str, str] = field(default_factory=dict)


def compare(
    arms: Sequence[Arm],
    *,
    title: str = "",
    baseline: str | None = None,
    axis: str = "model_tokens",
    amount: float | None = None,
    metrics: Sequence[str] = (),
) -> Comparison:
    """Compare arms at `amount` on `axis` (the greatest that all reach, unless given).

    Raises DataError: no run with a result, runs of different tasks, a metric no run has.
    """
    runs = [run for arm in arms for run in arm.runs]
    if not runs:
        raise DataError("nothing to compare: no run has begun")
    refuse_other_tasks(runs)
    search = any(run.is_search for run in runs)
    usable = [run for run in runs if (run.trees if search else _has_curve(run, axis))]
    if not usable:
        reasons = listed(f"{run.name} ({run.status}{': ' * bool(run.reason)}{run.reason})" for run in runs)
        raise DataError(f"no run has a result to compare yet: {reasons}")
    chosen = _metrics(metrics, usable, search)
    warnings = unasked_differences(usable)
    if not search:
        amount = _common_budget(usable, axis, amount, warnings)
    readings = {arm.name: _readings(arm, chosen, None if search else (axis, amount or 0.0)) for arm in arms}
    base = baseline or arms[0].name
    if baseline is not None and baseline not in readings:
        raise DataError(f"no arm '{baseline}'; arms: {', '.join(readings)}{did_you_mean(baseline, list(readings))}")
    builder = _Builder(arms, readings, base, chosen, warnings)
    rows = builder.rows(None if search else axis, amount or 0.0)
    return Comparison(
        title=title,
        mode="search" if search else "train",
        metrics=tuple(chosen),
        baseline=base,
        axis=None if search else axis,
        amount=amount or 0.0,
        rows=tuple(rows),
        warnings=tuple(dict.fromkeys(warnings)),
        best=builder.best(),
    )


def group_runs(runs: Sequence[RunRecord]) -> list[Arm]:
    """Runs whose specs differ only in name and seed become one arm, named by what their names share."""
    groups: list[list[RunRecord]] = []
    for run in runs:
        for group in groups:
            same_seed = any(run.seed == other.seed for other in group)
            if not same_seed and not spec_differences(group[0].spec, run.spec):
                group.append(run)
                break
        else:
            groups.append([run])
    names = [_shared_name(group) for group in groups]
    unique = [n if names.count(n) == 1 else str(g[0].folder) for n, g in zip(names, groups, strict=True)]
    return [Arm(name, tuple(group)) for name, group in zip(unique, groups, strict=True)]


def _shared_name(group: Sequence[RunRecord]) -> str:
    first, last = min(run.name for run in group), max(run.name for run in group)
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return SEED_SUFFIX.sub("", shared) or first if len(group) > 1 else first


def _has_curve(run: RunRecord, axis: str) -> bool:
    """Whether a run has been evaluated after it began to train."""
    return run.reached(axis) > 0


def _metrics(asked: Sequence[str], runs: Sequence[RunRecord], search: bool) -> list[str]:
    found = list(SEARCH_METRICS) if search else curve_metrics(runs)
    for name in asked:
        if name not in found:
            raise DataError(f"no run has the metric '{name}'; there are: {', '.join(found)}{did_you_mean(name, found)}")
    return list(asked) or (list(SEARCH_METRICS) if search else ["pass_at_1"])


def _common_budget(runs: Sequence[RunRecord], axis: str, amount: float | None, warnings: list[str]) -> float:
    """The budget at which every run that did not fail can be read."""
    counted = [run for run in runs if run.status != "failed"] or list(runs)
    shortest = min(counted, key=lambda run: run.reached(axis))
    reached = shortest.reached(axis)
    if amount is None:
        return reached
    if reached < amount:
        warnings.append(
            f"compared at {reached:,.0f} {AXES[axis]} instead of {amount:,.0f}:"
            f" {shortest.name} ({shortest.status}) got no further"
        )
    return min(amount, reached)


def _readings(arm: Arm, metrics: Sequence[str], point: tuple[str, float] | None) -> dict[str, Cells]:
    """Metric to the arm's cells; a run without the metric, or short of the budget, has none."""
    cells: dict[str, dict[int, Mapping[str, float]]] = {metric: {} for metric in metrics}
    for run in arm.runs:
        for metric in metrics:
            if point is None:
                values = tree_values(run.trees, metric)
            else:
                reading = read_at(run, metric, *point) if run.evaluations else None
                values = reading.values if reading else {}
            if values:
                cells[metric][run.seed] = values
    return {metric: dict(sorted(by_seed.items())) for metric, by_seed in cells.items()}


def matrix(cells: Cells, seeds: Sequence[int], problems: Sequence[str]) -> Float[np.ndarray, "S P"]:
    """Cells as an array, NaN where there is none."""
    return np.asarray([[cells[seed].get(p, math.nan) for p in problems] for seed in seeds], dtype=np.float64)


def problems_of(cells: Cells, seeds: Iterable[int]) -> list[str]:
    """Every problem of these seeds, in the order first met."""
    return list(dict.fromkeys(p for seed in seeds for p in cells[seed]))


class _Builder:
    """Statistics of all arms; adds to `warnings` whatever is left out."""

    def __init__(
        self,
        arms: Sequence[Arm],
        readings: Mapping[str, Mapping[str, Cells]],
        baseline: str,
        metrics: Sequence[str],
        warnings: list[str],
    ) -> None:
        self.arms, self.readings, self.baseline = arms, readings, baseline
        self.metrics, self.warnings = metrics, warnings

    def rows(self, axis: str | None, amount: float) -> list[Row]:
        """One row an arm, corrected over all arms."""
        corrected = {metric: self._differences(metric) for metric in self.metrics}
        base = next(arm for arm in self.arms if arm.name == self.baseline)
        return [self._row(arm, base, corrected, axis, amount) for arm in self.arms]

    def _row(
        self, arm: Arm, base: Arm, corrected: Mapping[str, Mapping[str, Difference]], axis: str | None, amount: float
    ) -> Row:
        cells = self.readings[arm.name]
        estimates = {m: self._estimate(m, cells[m]) for m in self.metrics if cells[m]}
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
        )

    def _estimate(self, metric: str, cells: Cells) -> Estimate:
        return estimate(matrix(cells, list(cells), problems_of(cells, cells)), metric_info(metric).share)

    def _differences(self, metric: str) -> dict[str, Difference]:
        others = [arm.name for arm in self.arms if arm.name != self.baseline]
        pairs = {name: self._paired(metric, name, self.baseline) for name in others}
        found = {name: pair for name, pair in pairs.items() if pair is not None}
        return dict(zip(found, correct(list(found.values())), strict=True))

    def _paired(self, metric: str, name: str, other: str, warn: bool = True) -> Difference | None:
        """Arm minus other on common seeds and problems; None where there is none."""
        mine, theirs = self.readings[name][metric], self.readings[other][metric]
        seeds = [seed for seed in mine if seed in theirs]
        union = dict.fromkeys([*problems_of(mine, seeds), *problems_of(theirs, seeds)])
        shared = [p for p in union if any(p in mine[s] and p in theirs[s] for s in seeds)]
        if warn:
            self._warn_unpaired(metric, name, other, seeds, shared, len(union))
        if not shared:
            return None
        rows = [s for s in seeds if mine[s].keys() & theirs[s].keys()]
        return paired_difference(matrix(mine, rows, shared), matrix(theirs, rows, shared))

    def _warn_unpaired(
        self, metric: str, name: str, other: str, seeds: Sequence[int], shared: Sequence[str], union: int
    ) -> None:
        mine, theirs = self.readings[name][metric], self.readings[other][metric]
        unpaired = sorted(mine.keys() ^ theirs.keys())
        if mine and theirs and unpaired:
            common = ", ".join(map(str, seeds)) or "none"
            self.warnings.append(
                f"'{name}' and '{other}' do not have the same seeds (only one has {', '.join(map(str, unpaired))});"
                f" differences are on the common seeds: {common}"
            )
        missing = sum(len(mine[s].keys() ^ theirs[s].keys()) for s in seeds)
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


def with_title(comparison: Comparison, title: str) -> Comparison:
    """A copy under another title."""
    return replace(comparison, title=title)
