"""Plots of a comparison: the metric against each budget with bands over seeds, and accuracy against cost."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.compare.arms import Arm
from dsk.compare.budget import CURVE_POINTS, scalar_curve
from dsk.compare.comparison import Comparison
from dsk.compare.formats import to_markdown
from dsk.compare.metrics import metric_info
from dsk.compare.runs import AXES, BUDGETS, UNSCREENED
from dsk.compare.statistics import seed_band
from dsk.compare.table import heading
from dsk.core.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float

KINDS = (".png", ".svg", ".html")
POINTS = 60
COSTS = {"train": "model_tokens", "search": "tokens"}


def check_plot(file: Path) -> None:
    """Raises DataError for a file that cannot be drawn here, before anything runs."""
    if file.suffix not in KINDS:
        raise DataError(f"--plot {file}: cannot draw '{file.suffix}'; use one of: {', '.join(KINDS)}")
    if not file.parent.is_dir():
        raise DataError(f"--plot {file}: no folder {file.parent}; make it first")


def draw(comparison: Comparison, arms: Sequence[Arm], file: Path) -> None:
    """Write the plots of the comparison's first metric; HTML holds them as SVG, with the table."""
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
    if file.suffix == ".html":
        file.write_text(_page(comparison, figure), encoding="utf-8")
    else:
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
    for arm in arms:
        curves = [c for run in arm.runs if (c := scalar_curve(run, metric, axis)) is not None and len(c[0]) > 1]
        if not curves:
            continue
        if any(len(x) < CURVE_POINTS for x, _ in curves):
            _ends(panel, curves, _scale(metric), colours[arm.name], arm.name)
            continue
        x, y = _common(curves)
        low, high = seed_band(y, metric_info(metric).share)
        scale = _scale(metric)
        panel.plot(x, y.mean(axis=0) * scale, color=colours[arm.name], label=arm.name)
        panel.fill_between(x, low * scale, high * scale, color=colours[arm.name], alpha=0.15, linewidth=0)


def _ends(panel: Any, curves: Sequence[tuple[Any, Any]], scale: int, colour: str, name: str) -> None:
    for number, (x, y) in enumerate(curves):
        panel.plot(x, y * scale, color=colour, marker="o", linestyle="", label=None if number else name)


def _common(curves: Sequence[tuple[Any, Any]]) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "S K"]]:
    start, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = np.linspace(start, end, POINTS)
    return grid, np.asarray([np.interp(grid, x, y) for x, y in curves])


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


def _page(comparison: Comparison, figure: Any) -> str:
    """A page that needs nothing from elsewhere."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    title = escape(heading(comparison) or "Comparison")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>body{{font-family:sans-serif;margin:2rem}}svg{{max-width:100%;height:auto}}</style>"
        f"<h1>{title}</h1>{drawing}<pre>{escape(to_markdown(comparison))}</pre></html>\n"
    )
