"""The curves of a page: each metric against each budget, as bands or, where nobody saw the middle, as points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison
from dsk.compare.curves import band, seed_curves, seen_between
from dsk.compare.runs import AXES, UNSCREENED

if TYPE_CHECKING:
    from jaxtyping import Float

DIGITS = 6


def curves_data(comparison: Comparison, arms: Sequence[Arm]) -> dict[str, dict[str, dict[str, Any]]]:
    """Metric to axis to arm to its curve; empty for a search, which has none."""
    if comparison.axis is None:
        return {}
    axes = [*AXES, *([UNSCREENED] if comparison.axis == UNSCREENED else [])]
    return {metric: {axis: _of_arms(arms, metric, axis) for axis in axes} for metric in comparison.metrics}


def _of_arms(arms: Sequence[Arm], metric: str, axis: str) -> dict[str, Any]:
    found = {arm.name: seed_curves(arm, metric, axis) for arm in arms}
    return {name: _curve(curves, metric) for name, curves in found.items() if curves}


def _curve(curves: Sequence[tuple[Any, Any]], metric: str) -> dict[str, Any]:
    """`low` and `high` are None where there is one seed, which has no band."""
    if not seen_between(curves):
        points = sorted((x, y) for xs, ys in curves for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
        return {"x": [x for x, _ in points], "mean": [y for _, y in points], "points": True, "seeds": len(curves)}
    found = band(curves, metric)
    told: dict[str, Any] = {"x": short(found.x), "mean": short(found.mean), "points": False, "seeds": len(curves)}
    return told | ({"low": short(found.low), "high": short(found.high)} if len(curves) > 1 else {})


def short(values: Float[np.ndarray, " K"]) -> list[float]:
    """Numbers with as many digits as a drawing shows."""
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
