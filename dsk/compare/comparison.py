"""Runs to rows: every arm at the same budget, each against the baseline, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dsk.compare.arms import Arm
from dsk.compare.budget import CURVE_POINTS, NEAR, curve_metrics, read_at, refuse_below_first
from dsk.compare.crossings import crossings
from dsk.compare.differences import listed, refuse_other_tasks, unasked_differences
from dsk.compare.metrics import DEFAULT, SEARCH_METRICS, level_fault, tree_values
from dsk.compare.rows import Cells, Doubts, Row, RowBuilder
from dsk.compare.runs import BUDGETS, UNSCREENED, RunRecord
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError
from dsk.core.run.estimates import Bounds

if TYPE_CHECKING:
    from dsk.compare.resolution import Resolution
    from dsk.compare.tuning import Tuning


@dataclass(frozen=True)
class Comparison:
    """A whole table: the budget it was read at, rows, warnings, and which arm leads each metric beyond doubt.

    `tokens_to` is the level that rows' crossings are of. `tuned` is None where nobody said how settings were found;
    `tuning` is how, `resolution` what seeds were added for, None where the study asks for neither.
    """

    title: str
    mode: str
    metrics: tuple[str, ...]
    baseline: str
    axis: str | None
    amount: float
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    best: Mapping[str, str] = field(default_factory=dict)
    tokens_to: float | None = None
    tuned: bool | None = None
    tuning: Tuning | None = None
    resolution: Resolution | None = None

    def _repr_html_(self) -> str:
        from dsk.compare.shown import comparison_html

        return comparison_html(self)


def compare(
    arms: Sequence[Arm],
    *,
    title: str = "",
    baseline: str | None = None,
    axis: str = "model_tokens",
    amount: float | None = None,
    metrics: Sequence[str] = (),
    tokens_to: float | None = None,
    widening: float = 1.0,
) -> Comparison:
    """Compare arms at `amount` on `axis` (the greatest that all reach, unless given).

    `tokens_to` adds what every arm spends until the first metric is there; `widening` is what was paid for looks at
    fewer seeds (`looks.py`). Raises DataError: no run with a result, runs of different tasks, a metric no run has, an
    axis that one lacks, a budget below the first evaluation.
    """
    runs = [run for arm in arms for run in arm.runs]
    if not runs:
        raise DataError("nothing to compare: no run has begun")
    refuse_other_tasks(runs)
    search = any(run.is_search for run in runs)
    _refuse_uncounted(runs, axis)
    usable = [run for run in runs if (run.trees if search else _has_curve(run, axis))]
    if not usable:
        reasons = listed(f"{run.name} ({run.status}{': ' * bool(run.reason)}{run.reason})" for run in runs)
        raise DataError(f"no run has a result to compare yet: {reasons}")
    chosen = _metrics(metrics, usable, search)
    warnings = unasked_differences(usable)
    if not search and amount is not None:
        refuse_below_first({arm.name: [run for run in arm.runs if _has_curve(run, axis)] for arm in arms}, axis, amount)
    if not search:
        amount = _common_budget(usable, axis, amount, warnings)
    point = None if search else (axis, amount or 0.0)
    found = {arm.name: readings_of(arm, chosen, point) for arm in arms}
    readings = {name: cells for name, (cells, _) in found.items()}
    doubts = {name: doubt for name, (_, doubt) in found.items()}
    base = baseline or arms[0].name
    if baseline is not None and baseline not in readings:
        raise DataError(f"no arm '{baseline}'; arms: {', '.join(readings)}{did_you_mean(baseline, list(readings))}")
    warnings += _far_from_any(doubts, chosen[0])
    builder = RowBuilder(arms, readings, doubts, base, chosen, warnings, widening)
    rows = builder.rows(None if search else axis, amount or 0.0)
    if tokens_to is not None:
        rows = _crossed(rows, arms, base, chosen[0], axis, tokens_to, widening, warnings)
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
        tokens_to=tokens_to,
    )


def _crossed(
    rows: Sequence[Row],
    arms: Sequence[Arm],
    baseline: str,
    metric: str,
    axis: str,
    level: float,
    widening: float,
    warnings: list[str],
) -> list[Row]:
    """The rows with what each arm spends until the metric is at `level`."""
    fault = level_fault(metric, level)
    if fault:
        raise DataError(fault)
    few = [run.name for arm in arms for run in arm.runs if 0 < len(run.evaluations) < CURVE_POINTS]
    if few:
        warnings.append(
            f"tokens_to is read on curves of fewer than {CURVE_POINTS} evaluations: {listed(few)};"
            " a smaller `evaluate.every` gives it something to read"
        )
    found = crossings(arms, baseline, metric, axis, level, widening)
    return [replace(row, crossing=found.get(row.arm)) for row in rows]


def _has_curve(run: RunRecord, axis: str) -> bool:
    """Whether a run has been evaluated after it began to train."""
    return run.reached(axis) > 0


def _refuse_uncounted(runs: Sequence[RunRecord], axis: str) -> None:
    """Raises DataError where screening is to be left out and a run did not count it."""
    for run in runs:
        if axis == UNSCREENED and run.evaluations and run.reached("model_tokens") and not run.reached(axis):
            raise DataError(
                f"{run.folder}: does not say what it spent on screening; run it again, or compare at equal model_tokens"
            )


def _metrics(asked: Sequence[str], runs: Sequence[RunRecord], search: bool) -> list[str]:
    found = list(SEARCH_METRICS) if search else curve_metrics(runs)
    for name in asked:
        if name not in found:
            raise DataError(f"no run has the metric '{name}'; there are: {', '.join(found)}{did_you_mean(name, found)}")
    graded = ["mean_score"] if "mean_score" in found else []
    return list(asked) or (list(SEARCH_METRICS) if search else [DEFAULT, *graded])


def _common_budget(runs: Sequence[RunRecord], axis: str, amount: float | None, warnings: list[str]) -> float:
    """The budget at which every run that did not fail can be read."""
    counted = [run for run in runs if run.status != "failed"] or list(runs)
    shortest = min(counted, key=lambda run: run.reached(axis))
    reached = shortest.reached(axis)
    if amount is None:
        return reached
    if reached < amount:
        warnings.append(
            f"compared at {reached:,.0f} {BUDGETS[axis]} instead of {amount:,.0f}:"
            f" {shortest.name} ({shortest.status}) got no further"
        )
    return min(amount, reached)


def readings_of(
    arm: Arm, metrics: Sequence[str], point: tuple[str, float] | None
) -> tuple[dict[str, Cells], dict[str, Doubts]]:
    """Metric to the arm's cells and their doubts; a run without the metric, or short of the budget, has none."""
    cells: dict[str, dict[int, Mapping[str, float]]] = {metric: {} for metric in metrics}
    doubts: dict[str, dict[int, Bounds]] = {metric: {} for metric in metrics}
    for run in arm.runs:
        for metric in metrics:
            if point is None:
                values = tree_values(run.trees, metric)
            else:
                reading = read_at(run, metric, *point) if run.evaluations else None
                values = reading.values if reading else {}
                if reading and any(reading.doubt):
                    doubts[metric][run.seed] = reading.doubt
            if values:
                cells[metric][run.seed] = values
    return {metric: dict(sorted(by_seed.items())) for metric, by_seed in cells.items()}, dict(doubts)


def _far_from_any(doubts: Mapping[str, Mapping[str, Doubts]], metric: str) -> list[str]:
    """One line where runs have no evaluation near the budget."""
    far = [
        f"{arm} (seed {', '.join(map(str, sorted(by_metric[metric])))})"
        for arm, by_metric in doubts.items()
        if by_metric[metric]
    ]
    if not far:
        return []
    return [
        f"no evaluation within {NEAR:.0%} of the budget: {listed(far)}; each is read on the line between the"
        f" evaluations before and after it, and its interval reaches over both; a smaller `evaluate.every` narrows it"
    ]
