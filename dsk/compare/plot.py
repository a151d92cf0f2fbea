"""Plots of a comparison: the metric against each budget with bands over seeds, and accuracy against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison
from dsk.compare.curves import band, seed_curves, seen_between
from dsk.compare.metrics import metric_info
from dsk.compare.runs import AXES, BUDGETS, UNSCREENED
from dsk.compare.table import heading
from dsk.core.errors import DataError

KINDS = (".png", ".svg")
COSTS = {"train": "model_tokens", "search": "tokens"}


def check_plot(file: Path) -> None:
    """Raises DataError for a file that cannot be drawn here, before anything runs."""
    if file.suffix == ".html":
        raise DataError(f"--plot {file}: pages are written by --html {file}")
    if file.suffix not in KINDS:
        raise DataError(f"--plot {file}: cannot draw '{file.suffix}'; use one of: {', '.join(KINDS)}")
    if not file.parent.is_dir():
        raise DataError(f"--plot {file}: no folder {file.parent}; make it first")


def draw(comparison: Comparison, arms: Sequence[Arm], file: Path) -> None:
    """Write the plots of the comparison's first metric."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7) if comparison.axis else (6, 4.5), layout="constrained")
    axes = _panel_axes(comparison)
    panels: list[Any] = list(figure.subplots(2, 3).flat) if axes else [figure.subplots()]
    colours = {arm.name: f"C{i % 10}" for i, arm in enumerate(arms)}
    for panel, axis in zip(panels, axes, strict=False):
        _curves(panel, comparison.metrics[0], axis, arms, colours)
        if axis == comparison.axis:
            panel.axvline(comparison.amount, color="0.6", linewidth=0.8, linestyle="--")
    _cost(panels[len(axes)], comparison, colours)
    for panel in panels[len(axes) + 1 :]:
        panel.set_axis_off()
        panel.legend(*panels[0].get_legend_handles_labels(), loc="center", frameon=False)
    if heading(comparison):
        figure.suptitle(heading(comparison))
    figure.savefig(file, dpi=150)


def _panel_axes(comparison: Comparison) -> list[str]:
    """One panel an axis; where screening is left out of the budget, that axis stands for all model tokens."""
    if comparison.axis is None:
        return []
    return [UNSCREENED if axis == "model_tokens" and comparison.axis == UNSCREENED else axis for axis in AXES]


def _scale(metric: str) -> int:
    return 100 if metric_info(metric).share else 1


def _label(metric: str) -> str:
    return metric_info(metric).label + (" (%)" if metric_info(metric).share else "")


def _name_axes(panel: Any, across: str, metric: str) -> None:
    from matplotlib.ticker import EngFormatter

    panel.set_xlabel(across)
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set_ylabel(_label(metric))


def _curves(panel: Any, metric: str, axis: str, arms: Sequence[Arm], colours: dict[str, str]) -> None:
    """Mean over seeds with its 95% band, over the range that all of an arm's seeds have.

    Runs with two evaluations are two points each, because nobody saw what lies between.
    """
    _name_axes(panel, BUDGETS[axis], metric)
    scale = _scale(metric)
    for arm in arms:
        curves = seed_curves(arm, metric, axis)
        if not curves:
            continue
        if not seen_between(curves):
            _ends(panel, curves, scale, colours[arm.name], arm.name)
            continue
        found = band(curves, metric)
        panel.plot(found.x, found.mean * scale, color=colours[arm.name], label=arm.name)
        ends = (found.low * scale, found.high * scale)
        panel.fill_between(found.x, *ends, color=colours[arm.name], alpha=0.15, linewidth=0)


def _ends(panel: Any, curves: Sequence[tuple[Any, Any]], scale: int, colour: str, name: str) -> None:
    for number, (x, y) in enumerate(curves):
        panel.plot(x, y * scale, color=colour, marker="o", linestyle="", label=None if number else name)


def _cost(panel: Any, comparison: Comparison, colours: dict[str, str]) -> None:
    """Each arm's metric against its cost; the line joins the arms that no other beats on both."""
    metric = comparison.metrics[0]
    cost = "seconds" if comparison.axis == "model_tokens" else COSTS[comparison.mode]
    points: list[tuple[float, float]] = []
    for row in comparison.rows:
        spent = row.spent.get(cost) if comparison.axis else _mean(row.estimates.get(cost))
        found = row.estimates.get(metric)
        if spent is None or found is None:
            continue
        scale = _scale(metric)
        low, high = (0.0 if math.isnan(v) else v for v in (found.mean - found.low, found.high - found.mean))
        error = [[low * scale], [high * scale]]
        panel.errorbar(spent, found.mean * scale, error, fmt="o", color=colours[row.arm], capsize=3)
        panel.annotate(row.arm, (spent, found.mean * scale), xytext=(5, 5), textcoords="offset points", fontsize=8)
        points.append((spent, found.mean * scale))
    front = pareto_front(points)
    panel.plot([x for x, _ in front], [y for _, y in front], color="0.5", linestyle=":", zorder=0)
    _name_axes(panel, AXES.get(cost, metric_info(cost).label), metric)


def _mean(found: Any) -> float | None:
    return found.mean if found else None


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (cost, value) points that no cheaper or equally cheap point reaches, by cost."""
    front: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or value > front[-1][1]:
            front.append((cost, value))
    return front
