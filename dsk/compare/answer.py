"""A comparison's answer in one sentence: who is ahead, by how much, how surely, on what."""

from __future__ import annotations

import math

from dsk.compare.comparison import Comparison
from dsk.compare.metrics import level_text, metric_info
from dsk.compare.rows import Row
from dsk.compare.runs import BUDGETS
from dsk.compare.statistics import Difference


def answer(comparison: Comparison) -> str:
    """Who is ahead of the baseline on the first metric; where several are, the first of them and how many others."""
    metric, base = comparison.metrics[0], comparison.baseline
    pairs = [(row, found) for row in comparison.rows if (found := row.differences.get(metric))]
    if not pairs:
        return f"No result stands beside that of {base}, so nothing is compared."
    sign = -1 if metric_info(metric).direction < 0 else 1
    row, found = max(pairs, key=lambda pair: sign * pair[1].mean)
    if not found.judged:
        return f"One run each cannot say whether {row.arm} or {base} is ahead: they differ by {_amount(metric, found)}."
    others = _others(comparison, [d for r, d in pairs if r is not row], sign)
    told = f"{_verdict(comparison, row, found, sign)} ({_interval(metric, found)}; {_basis(comparison, found)})"
    return f"{told}{_sooner(comparison, row)}{others}."


def _verdict(comparison: Comparison, row: Row, found: Difference, sign: int) -> str:
    metric, base = comparison.metrics[0], comparison.baseline
    if not found.distinguishable:
        return f"{row.arm} and {base} cannot be told apart: {row.arm} has {_amount(metric, found, signed=True)}"
    words = "ahead of" if metric_info(metric).direction else "above"
    first, second = (row.arm, base) if sign * found.mean > 0 else (base, row.arm)
    return f"{first} is {words} {second} by {_amount(metric, found)}"


def _amount(metric: str, found: Difference, *, signed: bool = False) -> str:
    scale, unit, what = _unit(metric)
    value = found.mean * scale if signed else abs(found.mean) * scale
    return f"{value:{'+' if signed else ''}{what}}{unit}"


def _unit(metric: str) -> tuple[int, str, str]:
    info = metric_info(metric)
    return (100, f" points of {info.label}", ".1f") if info.share else (1, f" {info.label}", ".3g")


def _interval(metric: str, found: Difference) -> str:
    """In the direction of what was said: of the one ahead over the other."""
    if math.isnan(found.low):
        return "no interval"
    scale, _, what = _unit(metric)
    ends = sorted((found.low * scale, found.high * scale))
    if found.distinguishable and found.mean < 0:
        ends = sorted(-end for end in ends)
    return f"95% interval {ends[0]:+{what}} to {ends[1]:+{what}}"


def _basis(comparison: Comparison, found: Difference) -> str:
    """Seeds, whether tuned, the budget."""
    parts = [f"{found.seeds} seeds"]
    if comparison.tuned is not None:
        parts.append("tuned" if comparison.tuned else "untuned")
    if comparison.axis:
        parts.append(f"at {comparison.amount:,.0f} {BUDGETS[comparison.axis]}")
    return ", ".join(parts)


def _sooner(comparison: Comparison, row: Row) -> str:
    """What it takes to the level that was asked for, next to the baseline."""
    ratio = row.crossing.ratio if row.crossing else None
    if ratio is None or comparison.tokens_to is None or ratio.bound == "unknown":
        return ""
    level = level_text(comparison.metrics[0], comparison.tokens_to)
    bound = "" if ratio.bound == "exact" else f"{ratio.bound} "
    high = "any" if math.isinf(ratio.high) else f"{ratio.high:.2f}"
    ends = "" if math.isnan(ratio.low + ratio.high) else f" ({ratio.low:.2f} to {high})"
    return f", and {row.arm} takes {bound}{ratio.mean:.2f} times{ends} what {comparison.baseline} takes to {level}"


def _others(comparison: Comparison, others: list[Difference], sign: int) -> str:
    """How the arms that were not named stand to the baseline."""
    if not others:
        return ""
    ahead = sum(d.distinguishable and sign * d.mean > 0 for d in others)
    behind = sum(d.distinguishable and sign * d.mean < 0 for d in others)
    counts = ((ahead, "ahead of"), (behind, "behind"), (len(others) - ahead - behind, "not told from"))
    if len(others) == 1:
        return f"; the other arm is {next(what for n, what in counts if n)} {comparison.baseline}"
    told = ", ".join(f"{n} {'is' if n == 1 else 'are'} {what} {comparison.baseline}" for n, what in counts if n)
    return f"; of the {len(others)} other arms {told}"
