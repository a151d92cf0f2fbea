"""The lines below a comparison's table: how it was read, what differs, what was chosen, what to beware of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsk.compare.answer import answer
from dsk.compare.comparison import Comparison
from dsk.compare.metrics import level_text, metric_info, points
from dsk.compare.rows import Row
from dsk.compare.runs import BUDGETS
from dsk.compare.tune import in_words
from dsk.compare.tuning import Tuning
from dsk.core.run.estimates import Estimate

ALONE = "runs of one setting differ among themselves"


def is_judged(comparison: Comparison) -> bool:
    """Whether any arm was tested against the baseline; one run against one is not."""
    return any(d.judged for row in comparison.rows for d in row.differences.values())


def notes(comparison: Comparison) -> list[str]:
    """The lines below the table: how it was read, what differs, what to beware of."""
    lines = [answer(comparison), reading(comparison)]
    base = next(row for row in comparison.rows if row.arm == comparison.baseline)
    lines += [_differs(row, base) for row in comparison.rows if row is not base]
    lines += [f"{row.arm}: {line}" for row in comparison.rows for line in row.trouble]
    lines += [*chosen(comparison), *looked(comparison), *crossed(comparison)]
    return lines + [f"warning: {line}" for line in comparison.warnings]


def reading(comparison: Comparison) -> str:
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


def chosen(comparison: Comparison) -> Iterator[str]:
    """What tuning was, and what each arm chose of what."""
    tuning = comparison.tuning
    if tuning is None:
        return
    info = metric_info(tuning.metric)
    yield (
        f"tuning: the best mean {info.label} at {tuning.amount:,.0f} {BUDGETS[tuning.axis]} over seeds"
        f" {', '.join(map(str, tuning.seeds))} and other problems; the best of several is flattered by chance, and none"
        " of it is in the table"
    )
    for arm, choice in comparison.tuning.choices.items() if comparison.tuning else ():
        trials = "; ".join(f"{in_words(t.overrides)}: {_mean(tuning, t.mean) or t.trouble}" for t in choice.trials)
        yield f"{arm} chose {in_words(choice.overrides)} ({trials})"
        if choice.edges:
            told = ", ".join(f"{path} is the {edge} tried" for path, edge in choice.edges.items())
            yield f"{arm} chose at the edge of its grid ({told}): its best may lie beyond; widen the grid"


def _mean(tuning: Tuning, mean: float | None) -> str:
    return "" if mean is None else f"{100 * mean:.1f}%" if metric_info(tuning.metric).share else f"{mean:.3g}"


def looked(comparison: Comparison) -> Iterator[str]:
    """What seeds were added for, and what that costs."""
    found = comparison.resolution
    if found is None:
        return
    metric = comparison.metrics[0]
    widest = points(metric, found.half_widths[found.widest])
    reached = f"reached with {found.seeds} seeds" if found.reached else f"not reached with {found.seeds} seeds"
    yield (
        f"resolution: {points(metric, found.wanted)} to either side, {reached} ('{found.widest}' has {widest});"
        f" standard errors are multiplied by {found.widening:g}, because stopping there favours small ones"
    )


def crossed(comparison: Comparison) -> Iterator[str]:
    """How budgets to a level were read, and who never got there."""
    if comparison.tokens_to is None:
        return
    metric = comparison.metrics[0]
    yield (
        f"to {level_text(metric, comparison.tokens_to)}: first reached by a seed's mean curve, geometric means and"
        " ratios paired by seed, with 95% intervals"
    )
    for row in comparison.rows:
        if row.crossing and row.crossing.never:
            seeds = ", ".join(map(str, row.crossing.never))
            yield f"{row.arm}: seed {seeds} never got there and counts with all that it spent; the figures are bounds"
