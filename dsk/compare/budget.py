"""Equal budgets: every run read off its own curve at the same amount, never at its last step.

A run's evaluations are points on four axes (generated tokens, model tokens, seconds, updates). On the axis that a
comparison fixes, each problem's pass rate, and what the run had spent on the other axes, is linear between two points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.compare.runs import AXES, Evaluation, RunRecord

if TYPE_CHECKING:
    from jaxtyping import Float

WHOLE = "all problems"
"""The single column of a figure that is not kept by problem."""


@dataclass(frozen=True)
class Reading:
    """A run's curve read at one budget: the values by problem, and what was spent on each axis."""

    values: Mapping[str, float]
    spent: Mapping[str, float]


def read_at(run: RunRecord, metric: str, axis: str, amount: float) -> Reading | None:
    """The metric at `amount` on `axis`; None where the run does not have the metric or did not get that far."""
    if run.reached(axis) < amount:
        return None
    spent = spent_at(run, axis, amount)
    if metric == "pass_at_1" and all(e.rates for e in run.evaluations):
        points = _increasing([(e.spent[axis], e) for e in run.evaluations])
        problems = [name for name in points[0][1].rates if all(name in e.rates for _, e in points)]
        x = [position for position, _ in points]
        values = {p: float(np.interp(amount, x, [e.rates[p] for _, e in points])) for p in problems}
        return Reading(values, spent)
    curve = scalar_curve(run, metric, axis)
    return Reading({WHOLE: float(np.interp(amount, *curve))}, spent) if curve else None


def spent_at(run: RunRecord, axis: str, amount: float) -> dict[str, float]:
    """What the run had spent on every axis when it had spent `amount` on one."""
    points = _increasing([(e.spent[axis], e.spent) for e in run.evaluations])
    x = [position for position, _ in points]
    return {other: float(np.interp(amount, x, [spent[other] for _, spent in points])) for other in AXES}


def scalar_curve(
    run: RunRecord, metric: str, axis: str
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]] | None:
    """(axis, metric) over a run, from its evaluations or else from its steps; None where neither has the metric."""
    points = [(e.spent[axis], e.figures[metric]) for e in run.evaluations if metric in e.figures]
    points = points or [(float(s[axis]), float(s[metric])) for s in run.steps if is_number(s.get(metric))]
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


__all__ = ["AXES", "WHOLE", "Evaluation", "Reading", "curve_metrics", "read_at", "scalar_curve", "spent_at"]
