"""A comparison as cells and notes, before any format."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dsk.compare.comparison import Comparison
from dsk.compare.crossings import Crossing, LogMean
from dsk.compare.metrics import level_text, metric_info
from dsk.compare.notes import ALONE, is_judged, notes
from dsk.compare.rows import Row
from dsk.compare.runs import AXES, BUDGETS
from dsk.compare.statistics import Difference
from dsk.compare.tune import in_words
from dsk.core.run.estimates import Estimate

TESTS = ("P(better)", "p (Holm)")


@dataclass(frozen=True)
class Cell:
    """Text of one cell; `bold` marks the best of its column."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: a title, column heads (the first two left-aligned words, the rest figures), rows, lines below it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]


def make_grid(comparison: Comparison) -> Grid:
    """Lay a comparison out."""
    first = comparison.metrics[0]
    heads = ["arm", "seeds", *(_head(m) for m in comparison.metrics)]
    heads += [_difference_head(comparison, first), *(TESTS if is_judged(comparison) else ()), "verdict"]
    heads += _crossing_heads(comparison)
    if comparison.axis:
        heads += [*AXES.values(), "screening %"]
    if comparison.tuning:
        heads += ["chosen", "tuning runs", "tuning tokens"]
    rows = tuple(tuple(_cells(comparison, row)) for row in comparison.rows)
    return Grid(heading(comparison), tuple(heads), rows, tuple(notes(comparison)))


def heading(comparison: Comparison) -> str:
    """The title, and whether settings were tuned where a study made the table."""
    if comparison.tuned is None:
        return comparison.title
    return f"{comparison.title} ({'tuned' if comparison.tuned else 'untuned'})".strip()


def _head(metric: str) -> str:
    info = metric_info(metric)
    return f"{info.label} %" if info.share else info.label


def _difference_head(comparison: Comparison, metric: str) -> str:
    unit = " (points)" if metric_info(metric).share else ""
    named = "" if len(comparison.metrics) == 1 else f"{metric_info(metric).label} "
    return f"{named}vs {comparison.baseline}{unit}"


def _cells(comparison: Comparison, row: Row) -> list[Cell]:
    first = comparison.metrics[0]
    cells = [Cell(row.arm), Cell(str(len(row.seeds)))]
    for metric in comparison.metrics:
        text = estimate_text(metric, row.estimates.get(metric))
        cells.append(Cell(text, comparison.best.get(metric) == row.arm))
    difference = row.differences.get(first)
    told = _difference_cells(first, difference)
    cells += [Cell(text) for text in (told if is_judged(comparison) else told[:1])]
    cells.append(Cell(verdict(comparison, row, first)))
    if comparison.tokens_to is not None:
        crossing = row.crossing
        cells += [Cell(_amount_text(crossing)), Cell(ratio_text(crossing.ratio if crossing else None))]
    if comparison.axis:
        cells += [Cell(f"{row.spent[axis]:,.0f}" if row.spent else "-") for axis in AXES]
        cells.append(Cell("-" if row.screening is None else f"{100 * row.screening:.1f}"))
    if comparison.tuning:
        choice = comparison.tuning.choices[row.arm]
        cells += [Cell(in_words(choice.overrides)), Cell(f"{choice.runs}"), Cell(f"{choice.model_tokens:,.0f}")]
    return cells


def _crossing_heads(comparison: Comparison) -> list[str]:
    if comparison.tokens_to is None or comparison.axis is None:
        return []
    level = level_text(comparison.metrics[0], comparison.tokens_to)
    return [f"{BUDGETS[comparison.axis]} to {level}", f"ratio to {comparison.baseline}"]


def _amount_text(found: Crossing | None) -> str:
    if found is None:
        return "-"
    spent, never = found.spent, f" ({len(found.never)} of {found.spent.seeds} never)" if found.never else ""
    return _log_text(spent, lambda value: f"{value:,.0f}") + never


def ratio_text(found: LogMean | None) -> str:
    """A ratio of budgets with its interval; a bound where seeds ended below the level."""
    return "-" if found is None else _log_text(found, lambda value: f"{value:.2f}")


def _log_text(found: LogMean, figure: Callable[[float], str]) -> str:
    if found.bound == "unknown":
        return "not known"
    sign = {"exact": "", "at least": "≥ ", "at most": "≤ "}[found.bound]
    high = "∞" if math.isinf(found.high) else figure(found.high)
    mean = f"{sign}{figure(found.mean)}"
    return mean if math.isnan(found.low) or math.isnan(found.high) else f"{mean} [{figure(found.low)}, {high}]"


def estimate_text(metric: str, found: Estimate | None) -> str:
    """`mean [low, high]` in the metric's unit."""
    if found is None:
        return "-"
    scale = 100 if metric_info(metric).share else 1
    values = [found.mean * scale, found.low * scale, found.high * scale]
    mean, low, high = (figure_text(v, metric) for v in values)
    return mean if math.isnan(found.low) else f"{mean} [{low}, {high}]"


def figure_text(value: float, metric: str) -> str:
    """A value that is already in percent where it is a share."""
    if metric_info(metric).share:
        return f"{value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _difference_cells(metric: str, found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "-", "-"
    text = difference_text(metric, found)
    if not found.judged:
        return text, "-", "-"
    return text, f"{found.improvement:.2f}", "<0.001" if found.adjusted_p < 0.001 else f"{found.adjusted_p:.3f}"


def difference_text(metric: str, found: Difference, unit: str = "") -> str:
    """`+mean [low, high]` in the metric's unit."""
    scale = 100 if metric_info(metric).share else 1
    mean, low, high = (_signed(v * scale, metric) for v in (found.mean, found.low, found.high))
    return f"{mean}{unit}" if math.isnan(found.low) else f"{mean}{unit} [{low}, {high}]"


def _signed(value: float, metric: str) -> str:
    return ("+" if value >= 0 else "-") + figure_text(abs(value), metric)


def verdict(comparison: Comparison, row: Row, metric: str) -> str:
    """What may be said of an arm against the baseline, in words."""
    found = row.differences.get(metric)
    if metric not in row.estimates:
        return _no_result(row)
    if row.arm == comparison.baseline:
        return "baseline"
    if found is None:
        return f"no results in common with {comparison.baseline}"
    if not found.judged:
        return _of_one_run_each(comparison, metric, found)
    if not found.distinguishable:
        return "not distinguishable" + (" at this budget" if comparison.axis else "")
    info = metric_info(metric)
    words = {0: ("lower", "higher"), 1: ("worse", "better"), -1: ("better", "worse")}[info.direction]
    scale, unit = (100, " points") if info.share else (1, "")
    return f"{words[found.mean > 0]} by {figure_text(abs(found.mean) * scale, metric)}{unit}"


def _of_one_run_each(comparison: Comparison, metric: str, found: Difference) -> str:
    """The two runs as they are: which setting is better is more than one run of each can say."""
    unit = " points" if metric_info(metric).share else ""
    what = "models" if comparison.axis else "searches"
    told = difference_text(metric, found, unit)
    return f"one run each: these two {what} differ by {told} on these problems; {ALONE}"


def _no_result(row: Row) -> str:
    """The reason itself is a note below the table."""
    return "failed" if any("failed: " in line for line in row.trouble) else "no result yet"
