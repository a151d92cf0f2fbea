"""The table of a gradient study: signal to noise per token and per second, bias, and the ratio to the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dsk.compare.fixed.estimating import Replicates, ratio, summarise
from dsk.compare.fixed.jackknife import Figure
from dsk.compare.fixed.planning import is_reference, settings_of
from dsk.compare.fixed.reading import ALL, Reference, Selected, read_arm, read_whole_reference
from dsk.compare.fixed.results import (
    ArmFigures,
    FixedResults,
    grid,
    p_text,
    ratio_text,
    resolved,
    text,
    verdict,
    with_holm,
)
from dsk.compare.planning import PlannedRun
from dsk.compare.study import Study
from dsk.compare.table import Grid
from dsk.core.errors import DataError

FEWEST = 8
"""Batches that a figure is made of at least."""
HEADS = ("arm", "batches", "cosine", "silent %", "S/N per M", "S/N per second", "best step")
BIN_HEADS = ("arm", "pass rate", "groups", "cosine", "silent %", "S/N per M", "unit step")


def gradient_results(study: Study, planned: Sequence[PlannedRun], baseline: str) -> FixedResults:
    """What the study's folders have. Raises DataError where there is nothing to tell yet, and DamagedFileError."""
    settings = settings_of(study)
    assert settings is not None
    reference = read_whole_reference(next(run for run in planned if is_reference(run)).folder, settings.bins)
    folders: dict[str, list[tuple[int, Path]]] = {}
    for run in planned:
        if not is_reference(run):
            folders.setdefault(run.arm, []).append((run.seed, run.folder))
    arms = {arm: read_arm(runs, reference) for arm, runs in folders.items()}
    if not any(len(found[ALL].keys) >= FEWEST for found in arms.values()):
        raise DataError(f"nothing to compare: no arm has {FEWEST} batches yet")
    rows = {name: _rows(name, {arm: found[name] for arm, found in arms.items()}, baseline) for name in reference.parts}
    everything = [row for found in rows.values() for row in found]
    bins = [row for name, found in rows.items() if name != ALL for row in found]
    return FixedResults(
        tuple(everything), (_main_grid(study, rows[ALL], baseline, reference), _bin_grid(bins, baseline, reference))
    )


def _rows(name: str, arms: Mapping[str, Selected], baseline: str) -> list[ArmFigures]:
    known = {arm: found for arm, found in arms.items() if len(found.keys) >= FEWEST}
    rows = [_row(name, arm, found, known.get(baseline) if arm != baseline else None) for arm, found in known.items()]
    return with_holm(rows)


def _row(name: str, arm: str, found: Selected, baseline: Selected | None) -> ArmFigures:
    counts = {"batches": len(found.keys), "groups": int(found.batches.groups.sum())}
    own = found.replicates()
    unit, noise = (None, None) if baseline is None else _ratios(found, own, baseline)
    return ArmFigures(arm, name, counts, summarise(own), unit, ratios={"per_token": noise})


def _ratios(found: Selected, own: Replicates, baseline: Selected) -> tuple[Figure | None, Figure | None]:
    """Arm / baseline on the batches that both have: of unit steps, and of signal to noise; None of too few."""
    known = set(baseline.keys)
    common = [key for key in found.keys if key in known]
    if len(common) < FEWEST:
        return None, None
    mine = own if len(common) == len(found.keys) else found.replicates(common)
    theirs = baseline.replicates(common)
    return ratio(mine, theirs, "unit"), ratio(mine, theirs, "per_token")


def _main_grid(study: Study, rows: Sequence[ArmFigures], baseline: str, reference: Reference) -> Grid:
    cells = [
        [
            row.arm,
            str(row.counts["batches"]),
            resolved(row.figures["cosine"]),
            text(row.figures["silent"], 100),
            *(resolved(row.figures[name]) for name in ("per_token", "per_second", "step")),
            ratio_text(row.ratios["per_token"]),
            resolved(row.figures["unit"]),
            ratio_text(row.ratio),
            p_text(row.adjusted_p),
            verdict(row, baseline, ("less", "more")),
        ]
        for row in rows
    ]
    heads = [*HEADS, f"vs {baseline}", "unit step", f"unit step vs {baseline}", "p (Holm)", "verdict"]
    return grid(study.question or study.name, heads, cells, _notes(reference))


def _notes(reference: Reference) -> list[str]:
    samples = sum(p.samples for p in reference.problems)
    rate = sum(p.correct for p in reference.problems) / samples
    return [
        f"Gradients at the fixed policy, on {len(reference.problems)} problems with a mean pass rate of {rate:.1%};"
        " intervals: 95%, jackknife over batches and over parts of the reference; ratios on the same problems and"
        " seeds.",
        "cosine: between the arm's mean gradient and the gradient of the expected reward; 1 is without bias, and it may"
        " exceed 1 by its error.",
        "S/N per M: (mean gradient along the reference)^2 / variance of a batch's gradient, for a million charged"
        " tokens, and per second of this machine; best step: the same over the mean square, what the best step along"
        " one batch gains.",
        "unit step: best step with every batch's gradient at length 1, as a clip that is always active leaves it; the"
        " verdict is on this one.",
    ]


def _bin_grid(rows: Sequence[ArmFigures], baseline: str, reference: Reference) -> Grid:
    cells = [
        [
            row.arm,
            row.selection,
            str(row.counts["groups"]),
            resolved(row.figures["cosine"]),
            text(row.figures["silent"], 100),
            resolved(row.figures["per_token"]),
            resolved(row.figures["unit"]),
            ratio_text(row.ratio),
        ]
        for row in rows
    ]
    sizes = "; ".join(f"{name}: {len(ids)} problems" for name, ids in reference.members.items() if name != ALL)
    note = f"By pass rate, a group at a time, along the gradient of the bin's own problems; {sizes}."
    return grid("By pass rate", [*BIN_HEADS, f"unit step vs {baseline}"], cells, [note])
