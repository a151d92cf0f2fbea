"""A comparison as cells and notes, before any format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsk.compare.comparison import Comparison
from dsk.compare.metrics import metric_info
from dsk.compare.rows import Row
from dsk.compare.runs import AXES, BUDGETS
from dsk.compare.statistics import Difference
from dsk.core.run.estimates import Estimate

TESTS = ("P(better)", "p (Holm)")
ALONE = "runs of one setting differ among themselves"


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
    if comparison.axis:
        heads += [*AXES.values(), "screening %"]
    rows = tuple(tuple(_cells(comparison, row)) for row in comparison.rows)
    return Grid(comparison.title, tuple(heads), rows, tuple(notes(comparison)))


def is_judged(comparison: Comparison) -> bool:
    """Whether any arm was tested against the baseline; one run against one is not."""
    return any(d.judged for row in comparison.rows for d in row.differences.values())


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
    if comparison.axis:
        cells += [Cell(f"{row.spent[axis]:,.0f}" if row.spent else "-") for axis in AXES]
        cells.append(Cell("-" if row.screening is None else f"{100 * row.screening:.1f}"))
    return cells


def estimate_text(metric: str, found: Estimate | None) -> str:
    """`mean [low, high]` in the metric's unit."""
    if found is None:
        return "-"
    scale = 100 if metric_info(metric).share else 1
    values = [found.mean * scale, found.low * scale, found.high * scale]
    mean, low, high = (_figure(v, metric) for v in values)
    return mean if math.isnan(found.low) else f"{mean} [{low}, {high}]"


def _figure(value: float, metric: str) -> str:
    if metric_info(metric).share:
        return f"{value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _difference_cells(metric: str, found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "-", "-"
    text = _difference_text(metric, found)
    if not found.judged:
        return text, "-", "-"
    return text, f"{found.improvement:.2f}", "<0.001" if found.adjusted_p < 0.001 else f"{found.adjusted_p:.3f}"


def _difference_text(metric: str, found: Difference, unit: str = "") -> str:
    scale = 100 if metric_info(metric).share else 1
    mean, low, high = (_signed(v * scale, metric) for v in (found.mean, found.low, found.high))
    return f"{mean}{unit}" if math.isnan(found.low) else f"{mean}{unit} [{low}, {high}]"


def _signed(value: float, metric: str) -> str:
    return ("+" if value >= 0 else "-") + _figure(abs(value), metric)


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
    return f"{words[found.mean > 0]} by {_figure(abs(found.mean) * scale, metric)}{unit}"


def _of_one_run_each(comparison: Comparison, metric: str, found: Difference) -> str:
    """The two runs as they are: which setting is better is more than one run of each can say."""
    unit = " points" if metric_info(metric).share else ""
    what = "models" if comparison.axis else "searches"
    told = _difference_text(metric, found, unit)
    return f"one run each: these two {what} differ by {told} on these problems; {ALONE}"


def _no_result(row: Row) -> str:
    """The reason itself is a note below the table."""
    return "failed" if any("failed: " in line for line in row.trouble) else "no result yet"


def notes(comparison: Comparison) -> list[str]:
    """The lines below the table: how it was read, what differs, what to beware of."""
    lines = [_reading(comparison)]
    base = next(row for row in comparison.rows if row.arm == comparison.baseline)
    lines += [_differs(row, base) for row in comparison.rows if row is not base]
    lines += [f"{row.arm}: {line}" for row in comparison.rows for line in row.trouble]
    return lines + [f"warning: {line}" for line in comparison.warnings]


def _reading(comparison: Comparison) -> str:
    at = "Search on the fixed policy"
    if comparison.axis:
        at = f"Every arm at {comparison.amount:,.0f} {BUDGETS[comparison.axis]}, interpolated on its own curve"
    sizes = _sizes({row.arm: row.estimates[comparison.metrics[0]] for row in comparison.rows if row.seeds})
    if not is_judged(comparison):
        return f"{at}; {sizes}; {_alone(comparison.rows)}."
    return (
        f"{at}; {sizes}; mean over seeds with 95% interval over seeds and problems; differences on the same seeds and"
        " problems, p corrected by Holm; bold: ahead of every other arm beyond chance."
    )


def _alone(rows: Sequence[Row]) -> str:
    """Why there is no verdict: one arm, or no arm with a second run to judge it by."""
    if len([row for row in rows if row.seeds]) < 2:
        runs = sum(len(row.seeds) for row in rows)
        return f"one setting{f', whose {runs} runs differ in nothing but the seed' if runs > 1 else ''}: no comparison"
    return f"no verdict, no p-value, nothing bold: {ALONE}, and a study with several seeds tells by how much"


def _sizes(estimates: Mapping[str, Estimate]) -> str:
    problems = sorted({e.problems for e in estimates.values()})
    seeds = sorted({e.seeds for e in estimates.values()})
    told = " to ".join(str(n) for n in dict.fromkeys([seeds[0], seeds[-1]])) if seeds else "0"
    if problems in ([], [1]):
        return f"{told} seeds"
    counts = " to ".join(str(n) for n in dict.fromkeys([problems[0], problems[-1]]))
    if seeds == [1]:
        return f"{counts} problems, one seed: intervals are over problems only"
    return f"{counts} problems, {told} seeds"


def _differs(row: Row, base: Row) -> str:
    same = "in nothing that the specs say" if set(row.seeds) & set(base.seeds) else "in nothing but the seed"
    return f"{row.arm} differs from {base.arm}: {'; '.join(row.differs) or same}"
