"""Which setting each arm takes into the table: the best mean over the tuning seeds, ties to the first.

The mean of the setting that came out best is too high, the more so the more settings there were and the noisier they
are (the winner's curse). It chooses and is shown as what it is; nothing of it enters the table, whose runs have other
seeds and other problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsk.compare.budget import read_at, refuse_below_first
from dsk.compare.metrics import DEFAULT, metric_info
from dsk.compare.planning import PlannedRun
from dsk.compare.runner import Outcome, read_planned
from dsk.compare.runs import RunRecord
from dsk.compare.study import Study
from dsk.core.errors import DataError


@dataclass(frozen=True)
class Trial:
    """One setting of an arm: what it overrides, its mean over seeds at the tuning budget, None where a run failed."""

    overrides: Mapping[str, Any]
    mean: float | None
    trouble: str = ""


@dataclass(frozen=True)
class Choice:
    """What an arm chose among its trials (`setting` counts from 0), and what its tuning runs spent."""

    setting: int
    trials: tuple[Trial, ...]
    runs: int
    model_tokens: float

    @property
    def overrides(self) -> Mapping[str, Any]:
        """The chosen setting."""
        return self.trials[self.setting].overrides

    @property
    def edges(self) -> dict[str, str]:
        """Paths whose chosen number is the `least` or the `greatest` of those tried: the best may lie beyond it."""
        return {path: edge for path in self.overrides if (edge := self._edge(path)) is not None}

    def _edge(self, path: str) -> str | None:
        values = {trial.overrides.get(path) for trial in self.trials}
        numbers = sorted(v for v in values if isinstance(v, int | float) and not isinstance(v, bool))
        if len(numbers) < 2:
            return None
        return {numbers[0]: "least", numbers[-1]: "greatest"}.get(self.overrides[path])


@dataclass(frozen=True)
class Tuning:
    """How a study's arms were tuned: by which metric, at how much of which budget, on which seeds."""

    metric: str
    axis: str
    amount: float
    seeds: tuple[int, ...]
    choices: Mapping[str, Choice]


def choose(study: Study, planned: Sequence[PlannedRun], outcomes: Sequence[Outcome] = ()) -> Tuning:
    """Read the tuning runs and choose. Raises DataError: a run is not finished, an arm without a setting that ran."""
    assert study.tune is not None
    assert study.budget is not None
    metric = study.tune.metric or next(iter(study.metrics), DEFAULT)
    amount = study.tune.amount or study.budget.amount
    ended = {outcome.run.folder: outcome for outcome in outcomes}
    read = {run.folder: read_planned(run, ended.get(run.folder)) for run in planned}
    left = [run for run in planned if read[run.folder].status not in ("finished", "failed")]
    if left:
        raise DataError(
            f"tuning is not finished: {len(left)} of {len(planned)} runs to do, the first {left[0].folder};"
            " the same command without --no-run does them"
        )
    names = dict.fromkeys(run.arm for run in planned)
    runs = {arm: [(run.setting or 1, read[run.folder]) for run in planned if run.arm == arm] for arm in names}
    by_arm = {f"{arm}, tuning": [record for _, record in found] for arm, found in runs.items()}
    refuse_below_first(by_arm, study.budget.axis, amount)
    choices = {arm: _choice(arm, study.tune.settings(arm), found, metric, study.budget.axis, amount)
               for arm, found in runs.items()}  # fmt: skip
    return Tuning(metric, study.budget.axis, amount, study.tune.seeds, choices)


def _choice(
    arm: str,
    settings: Sequence[Mapping[str, Any]],
    found: Sequence[tuple[int, RunRecord]],
    metric: str,
    axis: str,
    amount: float,
) -> Choice:
    trials = [
        _trial(overrides, [record for setting, record in found if setting == number], metric, axis, amount)
        for number, overrides in enumerate(settings, 1)
    ]
    known = [n for n, trial in enumerate(trials) if trial.mean is not None]
    if not known:
        raise DataError(f"tuning: no setting of arm '{arm}' has a result: {trials[0].trouble}")
    sign = -1 if metric_info(metric).direction < 0 else 1
    best = max(known, key=lambda n: sign * (trials[n].mean or 0.0))
    tokens = sum(record.reached("model_tokens") for _, record in found)
    return Choice(best, tuple(trials), len(found), tokens)


def _trial(overrides: Mapping[str, Any], runs: Sequence[RunRecord], metric: str, axis: str, amount: float) -> Trial:
    """A run that ends short of the budget is read at its end; one that failed takes its setting out of the choice."""
    values: list[float] = []
    for run in runs:
        reading = read_at(run, metric, axis, min(amount, run.reached(axis))) if run.evaluations else None
        if run.status == "failed" or reading is None:
            return Trial(overrides, None, f"seed {run.seed} {run.status}: {run.reason or f'no {metric}'}")
        values.append(float(np.mean(list(reading.values.values()))))
    return Trial(overrides, float(np.mean(values)))


def with_choices(study: Study, tuning: Tuning) -> Study:
    """The study with every arm at what it chose."""
    arms = {name: {**overrides, **tuning.choices[name].overrides} for name, overrides in study.all_arms().items()}
    return study.model_copy(update={"arms": arms, "grid": {}})
