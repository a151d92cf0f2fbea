"""The table of an exploration study: problems solved at equal sampled tokens, and tokens to a first solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk.compare.fixed.binning import bins_of
from dsk.compare.fixed.jackknife import Figure, log_figure
from dsk.compare.fixed.planning import is_reference, settings_of
from dsk.compare.fixed.reading import ALL
from dsk.compare.fixed.records import RatedProblem, read_first_solutions, read_reference
from dsk.compare.fixed.results import ArmFigures, FixedResults, grid, p_text, ratio_text, text, verdict, with_holm
from dsk.compare.fixed.settings import ExplorationSettings
from dsk.compare.planning import PlannedRun
from dsk.compare.rows import Cells, matrix
from dsk.compare.study import Study
from dsk.compare.table import Grid
from dsk.core.errors import DataError
from dsk.core.run.estimates import SHARE, Bounds, estimate

if TYPE_CHECKING:
    from jaxtyping import Float

MILLION = 1e6


@dataclass(frozen=True)
class FirstTokens:
    """Tokens [S, P] to the first solution of each seed and problem, infinite where `most` brought none."""

    tokens: Float[np.ndarray, "S P"]
    most: int

    def solved(self, budget: int) -> Float[np.ndarray, "S P"]:
        """1 where there is a solution within the budget, else 0."""
        return (self.tokens <= budget).astype(float)

    @property
    def restricted(self) -> Float[np.ndarray, "S P"]:
        """Tokens to the first solution or to `most`, whichever comes first.

        Everything is followed to `most`, so their mean is the restricted mean of Kaplan and Meier's curve.
        """
        return np.minimum(self.tokens, self.most)

    def rate(self) -> float:
        """First solutions per million sampled tokens."""
        return MILLION * float(self.solved(self.most).sum() / self.restricted.sum())


def exploration_results(study: Study, planned: Sequence[PlannedRun], baseline: str) -> FixedResults:
    """What the study's folders have. Raises DataError where there is nothing to tell yet, and DamagedFileError."""
    settings = settings_of(study)
    assert isinstance(settings, ExplorationSettings)
    problems = read_reference(next(run for run in planned if is_reference(run)).folder)
    arms: dict[str, dict[int, dict[str, float]]] = {}
    for run in planned:
        if not is_reference(run) and (found := read_first_solutions(run.folder)):
            firsts = {row.id: float("inf") if row.first is None else float(row.first) for row in found}
            arms.setdefault(run.arm, {})[run.seed] = firsts
    if not (arms and problems):
        raise DataError("nothing to compare: no run has found or given up a problem yet")
    selections = {ALL: problems, **bins_of(problems, settings.bins)}
    rows = {name: _rows(name, members, arms, settings, baseline) for name, members in selections.items()}
    bins = [row for name, found in rows.items() if name != ALL for row in found]
    sizes = "; ".join(f"{name}: {len(members)} problems" for name, members in selections.items() if name != ALL)
    note = f"By the pass rate of {settings.rate_samples} other direct responses; {sizes}."
    everything = _grid(study.question or study.name, rows[ALL], settings, baseline, _notes(problems, settings))
    return FixedResults(
        tuple(row for found in rows.values() for row in found),
        (everything, _grid("By pass rate", bins, settings, baseline, [note], by_bin=True)),
    )


def first_tokens(cells: Cells, problems: Sequence[RatedProblem], most: int) -> FirstTokens:
    """The problems that every seed has, in their order."""
    ids = [p.id for p in problems if all(p.id in found for found in cells.values())]
    return FirstTokens(matrix(cells, list(cells), ids), most)


def _rows(
    name: str,
    members: Sequence[RatedProblem],
    arms: Mapping[str, Mapping[int, Mapping[str, float]]],
    settings: ExplorationSettings,
    baseline: str,
) -> list[ArmFigures]:
    rows: list[ArmFigures] = []
    for arm, cells in arms.items():
        found = first_tokens(cells, members, settings.tokens)
        if not found.tokens.size:
            continue
        counts = {"seeds": found.tokens.shape[0], "solved_of": found.tokens.shape[1]}
        figures = {f"solved_at_{b}": _mean(found.solved(b), SHARE) for b in settings.budgets}
        figures["tokens_to_first"] = _mean(found.restricted, (0.0, float(found.most)))
        figures["per_million"] = rate_figure(found)
        compared = None
        if arm != baseline and baseline in arms:
            compared = rate_ratio(*_paired(cells, arms[baseline], members, settings.tokens))
        rows.append(ArmFigures(arm, name, counts, figures, compared))
    return with_holm(rows)


def _paired(cells: Cells, other: Cells, members: Sequence[RatedProblem], most: int) -> tuple[FirstTokens, FirstTokens]:
    """Both on the seeds and problems that both have."""
    seeds = [seed for seed in cells if seed in other]
    shared = [p for p in members if all(p.id in side[seed] for side in (cells, other) for seed in seeds)]
    mine, theirs = (first_tokens({seed: side[seed] for seed in seeds}, shared, most) for side in (cells, other))
    return mine, theirs


def _mean(values: Float[np.ndarray, "S P"], within: Bounds | None = None) -> Figure:
    """The mean and its interval over problems: seeds share nothing at a fixed policy, so a problem's are averaged."""
    found = estimate(values.mean(axis=0, keepdims=True), within)
    return Figure(found.mean, found.low, found.high)


def rate_figure(found: FirstTokens) -> Figure:
    """First solutions per million sampled tokens, jackknife over problems."""
    return log_figure(found.rate(), [_without_each(found)])


def rate_ratio(arm: FirstTokens, baseline: FirstTokens) -> Figure | None:
    """Arm / baseline of that, both without the same problem."""
    if not arm.tokens.size:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = _without_each(arm) / _without_each(baseline)
        return log_figure(float(np.divide(arm.rate(), baseline.rate())), [left_out])


def _without_each(found: FirstTokens) -> Float[np.ndarray, " P"]:
    """The rate without each problem."""
    solved, spent = found.solved(found.most).sum(axis=0), found.restricted.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return MILLION * (solved.sum() - solved) / (spent.sum() - spent)


def _grid(
    title: str,
    rows: Sequence[ArmFigures],
    settings: ExplorationSettings,
    baseline: str,
    notes: Sequence[str],
    by_bin: bool = False,
) -> Grid:
    solved = [f"solved at {b:,} %" for b in settings.budgets]
    heads = ["arm", *(["pass rate"] if by_bin else []), "problems", *solved, "tokens to first"]
    heads += ["first solutions per M", f"vs {baseline}", "p (Holm)", "verdict"]
    cells = [
        [
            row.arm,
            *([row.selection] if by_bin else []),
            str(row.counts["solved_of"]),
            *(text(row.figures[f"solved_at_{b}"], 100) for b in settings.budgets),
            text(row.figures["tokens_to_first"]),
            text(row.figures["per_million"]),
            ratio_text(row.ratio),
            p_text(row.adjusted_p),
            verdict(row, baseline, ("fewer", "more")),
        ]
        for row in rows
    ]
    return grid(title, heads, cells, notes)


def _notes(problems: Sequence[RatedProblem], settings: ExplorationSettings) -> list[str]:
    samples = sum(p.samples for p in problems)
    length = sum(p.tokens for p in problems) / samples
    rate = sum(p.correct for p in problems) / samples
    tries = ", ".join(f"{b / length:.0f}" for b in settings.budgets)
    return [
        f"Search at the fixed policy on {len(problems)} problems with a mean pass rate of {rate:.1%}: every arm starts"
        f" again until a response verifies or {settings.tokens:,} sampled tokens are spent; intervals: 95% over"
        " problems, a problem's seeds taken together; ratios on the same problems and seeds.",
        f"A direct response has {length:.1f} tokens: the budgets are {tries} of them, so direct sampling's shares are"
        " its pass@k for these k. tokens to first: the mean of tokens to the first solution, or to the budget where"
        " there is none.",
    ]
