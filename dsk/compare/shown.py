"""A comparison and an evaluation as a notebook shows them."""

from __future__ import annotations

import math

from dsk.compare.answer import answer
from dsk.compare.comparison import Comparison
from dsk.compare.evaluation import Scores
from dsk.compare.metrics import metric_info
from dsk.compare.table import estimate_text, make_grid
from dsk.web.charts import Interval, intervals_svg
from dsk.web.fragments import Cell, block, pairs, paragraph, picture, table


def comparison_html(comparison: Comparison) -> str:
    """The answer in a sentence, the differences with their intervals, the table, and what to beware of."""
    grid = make_grid(comparison)
    rows = [[Cell(cell.text, bold=cell.bold) for cell in row] for row in grid.rows]
    intervals = _intervals(comparison)
    metric = metric_info(comparison.metrics[0])
    unit = f"{metric.label} minus that of {comparison.baseline}" + (" (points)" if metric.share else "")
    drawn = picture(intervals_svg(intervals, unit), unit) if intervals else ""
    told = answer(comparison)
    notes = [note for note in grid.notes if note != told]
    return block(grid.title or "Comparison", paragraph(told), drawn, table(grid.heads, rows, left=2), notes=notes)


def _intervals(comparison: Comparison) -> list[Interval]:
    metric = comparison.metrics[0]
    scale = 100 if metric_info(metric).share else 1
    pairs_found = [(row.arm, row.differences[metric]) for row in comparison.rows if metric in row.differences]
    return [
        Interval(arm, found.mean * scale, found.low * scale, found.high * scale)
        for arm, found in pairs_found
        if not math.isnan(found.low) and arm != comparison.baseline
    ]


def scores_html(scores: Scores, title: str) -> str:
    """A model's figures on one test set."""
    figures = {"pass@1 %": estimate_text("pass_at_1", scores.pass_at_1)}
    figures |= {} if scores.mean_score is None else {"mean score %": f"{100 * scores.mean_score:.1f}"}
    figures |= {f"pass@{k} %": f"{100 * value:.1f}" for k, value in scores.pass_at.items() if k > 1}
    figures |= {f"majority@{k} %": f"{100 * value:.1f}" for k, value in scores.majority_at.items() if k > 1}
    figures |= {"tokens of a response": f"{scores.length:.0f}", "truncated %": f"{100 * scores.truncated:.1f}"}
    return block(f"{title}: {scores.problems} problems x {scores.samples} samples", pairs(figures))
