"""A study at a fixed policy as data and as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from dsk.compare.fixed.jackknife import Figure
from dsk.compare.statistics import holm
from dsk.compare.table import Cell, Grid
from dsk.core.run.estimates import SIGNIFICANCE


@dataclass(frozen=True)
class ArmFigures:
    """One arm on one selection of problems.

    `ratio` is arm / baseline of the figure that decides, `adjusted_p` Holm's; `ratios` are those of other figures.
    `counts` are plain numbers: batches, or problems and seeds.
    """

    arm: str
    selection: str
    counts: Mapping[str, int]
    figures: Mapping[str, Figure]
    ratio: Figure | None = None
    adjusted_p: float = math.nan
    ratios: Mapping[str, Figure | None] = field(default_factory=dict[str, Figure | None])


@dataclass(frozen=True)
class FixedResults:
    """All arms on all selections of problems, as rows and as tables."""

    rows: tuple[ArmFigures, ...]
    grids: tuple[Grid, ...]


def with_holm(rows: Sequence[ArmFigures]) -> list[ArmFigures]:
    """The rows of one selection with p-values corrected for their number."""
    judged = [row for row in rows if row.ratio is not None and not math.isnan(row.ratio.p_value)]
    adjusted = holm([row.ratio.p_value for row in judged if row.ratio is not None])
    known = {row.arm: p for row, p in zip(judged, adjusted, strict=True)}
    return [replace(row, adjusted_p=known.get(row.arm, math.nan)) for row in rows]


def text(found: Figure | None, scale: float = 1.0) -> str:
    """`value [low, high]`, without an interval where there is none."""
    if found is None or not math.isfinite(found.value):
        return "-"
    value = number(found.value * scale)
    return value if math.isnan(found.low) else f"{value} [{number(found.low * scale)}, {number(found.high * scale)}]"


def resolved(found: Figure) -> str:
    """The same, and nothing where there is no interval: a value that may be anything is none."""
    return "-" if math.isnan(found.low) else text(found)


def ratio_text(found: Figure | None) -> str:
    """`x value [low, high]`, and nothing where there is no interval."""
    return "-" if found is None or math.isnan(found.low) else f"x {text(found)}"


def number(value: float) -> str:
    """About three figures, none behind the point from 100 on."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def verdict(row: ArmFigures, baseline: str, words: tuple[str, str]) -> str:
    """What may be said of an arm against the baseline; `words` are for less and for more."""
    if row.arm == baseline:
        return "baseline"
    if row.ratio is None or math.isnan(row.adjusted_p):
        return "not resolved"
    if row.adjusted_p >= SIGNIFICANCE:
        return "not distinguishable"
    return words[row.ratio.value > 1]


def p_text(value: float) -> str:
    """A p-value."""
    return "-" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def grid(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> Grid:
    """A table of plain texts."""
    return Grid(title, tuple(heads), tuple(tuple(map(Cell, row)) for row in rows), tuple(notes))


def flat(row: ArmFigures) -> dict[str, object]:
    """One row as plain values, for CSV and JSON."""
    found: dict[str, object] = {"arm": row.arm, "problems": row.selection, **row.counts}
    ratios = {f"{name}_ratio": value or Figure(math.nan) for name, value in row.ratios.items()}
    for name, value in {**row.figures, "ratio": row.ratio or Figure(math.nan), **ratios}.items():
        named = {"value": name, "low": f"{name}_low", "high": f"{name}_high", "p_value": f"{name}_p"}
        found |= {named[key]: part for key, part in asdict(value).items()}
    return found | {"adjusted_p": row.adjusted_p}
