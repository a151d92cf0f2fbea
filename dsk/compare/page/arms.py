"""The arms of a page: estimates, paired differences, every seed by itself, what differs, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison, readings_of
from dsk.compare.metrics import metric_info
from dsk.compare.rows import Cells, Row, matrix, problems_of, seed_pairs
from dsk.compare.statistics import Difference
from dsk.compare.table import verdict
from dsk.core.run.estimates import Estimate

Point = tuple[float, float]


def metrics_data(comparison: Comparison) -> list[dict[str, Any]]:
    """Name, label, which way is better, whether it is a share, and who leads beyond doubt."""
    infos = [(name, metric_info(name)) for name in comparison.metrics]
    return [
        {"name": name, "label": i.label, "direction": i.direction, "share": i.share, "best": comparison.best.get(name)}
        for name, i in infos
    ]


def arms_data(comparison: Comparison, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """One entry a row of the table, in its order."""
    cells = cells_of(comparison, arms)
    return [_arm(comparison, row, cells[row.arm], cells[comparison.baseline]) for row in comparison.rows]


def cells_of(comparison: Comparison, arms: Sequence[Arm], metrics: Sequence[str] = ()) -> dict[str, dict[str, Cells]]:
    """Arm to metric to what the table was made of: seed to problem to value, at the comparison's budget."""
    point = (comparison.axis, comparison.amount) if comparison.axis else None
    return {arm.name: readings_of(arm, metrics or comparison.metrics, point)[0] for arm in arms}


def _arm(comparison: Comparison, row: Row, cells: Mapping[str, Cells], baseline: Mapping[str, Cells]) -> dict[str, Any]:
    is_base = row.arm == comparison.baseline
    return {
        "name": row.arm,
        "seeds": row.seeds,
        "estimates": {name: _estimate(found) for name, found in row.estimates.items()},
        "differences": {name: _difference(found) for name, found in row.differences.items()},
        "verdicts": {name: verdict(comparison, row, name) for name in comparison.metrics},
        "values": {name: seed_means(cells[name]) for name in comparison.metrics},
        "pairs": {n: [] if is_base else seed_differences(cells[n], baseline[n]) for n in comparison.metrics},
        "differs": row.differs,
        "trouble": row.trouble,
        "spent": row.spent,
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    names = ("mean", "low", "high", "seeds", "problems")
    return {name: getattr(found, name) for name in names}


def _difference(found: Difference) -> dict[str, Any]:
    names = ("mean", "low", "high", "p_value", "adjusted_p", "improvement", "seeds", "problems")
    told = {name: getattr(found, name) for name in names}
    return told | {"judged": found.judged, "distinguishable": found.distinguishable}


def seed_means(cells: Cells) -> list[Point]:
    """Seed and its mean over problems."""
    return [(seed, float(np.mean(list(values.values())))) for seed, values in cells.items() if values]


def seed_differences(mine: Cells, theirs: Cells) -> list[Point]:
    """Seed and the mean of arm minus baseline over the problems that both have."""
    found: list[Point] = []
    for a, b in seed_pairs(mine, theirs):
        shared = [p for p in problems_of(mine, [a]) if p in theirs[b]]
        if shared:
            gaps = matrix(mine, [a], shared) - matrix(theirs, [b], shared)
            found.append((a, float(gaps.mean())))
    return found
