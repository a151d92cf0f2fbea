"""Equal budgets: every run read off its own curve at the same amount, never at its last step.

A run's evaluations are points on the axes of `runs.BUDGETS`. On the axis that a comparison fixes, each problem's pass
rate, and what the run had spent on the other axes, is linear between two points. Where no evaluation is near the
budget that is an assumption, and the reading says how far off it may be: as low as the lower one, as high as the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.compare.runs import AXES, BUDGETS, Evaluation, RunRecord
from dsk.core.errors import DataError
from dsk.core.run.estimates import Bounds

if TYPE_CHECKING:
    from jaxtyping import Float

WHOLE = "all problems"
"""The single column of a figure that is not kept by problem."""
NEAR = 0.1
"""An evaluation is near a budget that is no further from it than this share of the budget."""
CURVE_POINTS = 3
"""Two evaluations are a beginning and an end; it takes one between them to see a curve."""


@dataclass(frozen=True)
class Reading:
    """A run's curve read at one budget: the values by problem, and how far below and above them their mean may lie."""

    values: Mapping[str, float]
    doubt: Bounds = (0.0, 0.0)


def read_at(run: RunRecord, metric: str, axis: str, amount: float) -> Reading | None:
    """The metric at `amount` on `axis`; None where the run does not have the metric or did not get that far."""
    if run.reached(axis) < amount:
        return None
    if all(by_problem(e, metric) for e in run.evaluations):
        points = _increasing([(e.spent[axis], by_problem(e, metric)) for e in run.evaluations if axis in e.spent])
        problems = [name for name in points[0][1] if all(name in found for _, found in points)]
        x = np.asarray([position for position, _ in points])
        rates = np.asarray([[found[p] for p in problems] for _, found in points])
        values = {p: float(np.interp(amount, x, column)) for p, column in zip(problems, rates.T, strict=True)}
        return Reading(values, doubt_at(amount, x, rates.mean(axis=1)))
    curve = scalar_curve(run, metric, axis)
    return Reading({WHOLE: float(np.interp(amount, *curve))}, doubt_at(amount, *curve)) if curve else None


def by_problem(evaluation: Evaluation, metric: str) -> Mapping[str, float]:
    """The metric of each problem; empty where it is not kept by problem."""
    return {"pass_at_1": evaluation.rates, "mean_score": evaluation.scores}.get(metric, {})


def doubt_at(amount: float, x: Float[np.ndarray, " K"], y: Float[np.ndarray, " K"]) -> Bounds:
    """How far below and above the straight line the curve may be at `amount`, if it stays between its neighbours."""
    if np.abs(x - amount).min() <= NEAR * amount:
        return 0.0, 0.0
    after = min(int(np.searchsorted(x, amount)), len(x) - 1)
    ends = y[max(after - 1, 0)], y[after]
    read = float(np.interp(amount, x, y))
    return read - float(min(ends)), float(max(ends)) - read


def refuse_below_first(arms: Mapping[str, Sequence[RunRecord]], axis: str, amount: float) -> None:
    """Raises DataError for an arm of which no run was evaluated, once it trained, before or near the budget."""
    for name, runs in arms.items():
        firsts = [min(found) for run in runs if (found := [s for e in run.evaluations if (s := e.spent.get(axis, 0))])]
        if firsts and min(firsts) > amount * (1 + NEAR):
            raise DataError(
                f"budget: {amount:,.0f} {BUDGETS[axis]} is below the first evaluation of '{name}' after it began to"
                f" train, at {min(firsts):,.0f}; ask for that much, or for a smaller `evaluate.every`"
            )


def spent_at(run: RunRecord, axis: str, amount: float) -> dict[str, float]:
    """What the run had spent on every axis, and on screening where that is known, when it had spent `amount` on one."""
    points = _increasing([(e.spent[axis], e.spent) for e in run.evaluations if axis in e.spent])
    x = [position for position, _ in points]
    names = [*AXES, *(["screening_tokens"] if all("screening_tokens" in spent for _, spent in points) else [])]
    return {other: float(np.interp(amount, x, [spent[other] for _, spent in points])) for other in names}


def scalar_curve(
    run: RunRecord, metric: str, axis: str
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]] | None:
    """(axis, metric) over a run, from its evaluations or else from its steps; None where neither has the metric."""
    points = [(e.spent[axis], e.figures[metric]) for e in run.evaluations if metric in e.figures and axis in e.spent]
    points = points or [(float(s[axis]), float(s[metric])) for s in run.steps if axis in s and is_number(s.get(metric))]
    if not points:
        return None
    x, y = zip(*_increasing(points), strict=True)
    return np.asarray(x), np.asarray(y)


def curve_metrics(runs: Sequence[RunRecord]) -> list[str]:
    """Every metric that some run has a curve of."""
    names = {name for run in runs for e in run.evaluations for name in e.figures}
    names |= {name for run in runs for step in run.steps[:1] for name, value in step.items() if is_number(value)}
    return sorted(names - {"seq", "time", "step", "round"})


def is_number(value: Any) -> bool:
    """Whether a record's value can be averaged."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _increasing(points: Sequence[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """Points in order of the axis; of several at one place the last stands."""
    return sorted(dict(points).items(), key=lambda point: point[0])


__all__ = [
    "WHOLE",
    "Evaluation",
    "Reading",
    "curve_metrics",
    "doubt_at",
    "read_at",
    "refuse_below_first",
    "scalar_curve",
    "spent_at",
]
