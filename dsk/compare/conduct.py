"""A study from beginning to end: tune, choose, run, look, add seeds, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsk.compare.arms import Arm
from dsk.compare.comparison import Comparison, compare
from dsk.compare.looks import next_count, widening
from dsk.compare.overlap import refuse_overlap
from dsk.compare.planning import PlannedRun, check_folders, plan_runs, plan_tuning
from dsk.compare.resolution import Resolution, in_words, resolution_of, with_resolution
from dsk.compare.runner import Outcome, arms_of
from dsk.compare.runs import BUDGETS
from dsk.compare.study import Study
from dsk.compare.tune import in_words as settled
from dsk.compare.tuning import Tuning, choose, with_choices
from dsk.core.run.folder import read_status

Run = Callable[[Sequence[PlannedRun]], Sequence[Outcome]]
"""Does what is missing of some runs; one that fails is an outcome, not an exception."""


@dataclass(frozen=True)
class Conducted:
    """A study as far as it got: its table, and the runs that the table is of."""

    comparison: Comparison
    arms: Sequence[Arm]

    @property
    def failed(self) -> bool:
        """Whether a run failed."""
        return any(run.status == "failed" for arm in self.arms for run in arm.runs)


@dataclass(frozen=True)
class _Look:
    """The table after some seeds, and what it resolves."""

    planned: Sequence[PlannedRun]
    arms: Sequence[Arm]
    found: Comparison
    resolution: Resolution | None


class Conductor:
    """Conducts one study; `say` is told what was chosen and how many seeds are expected, `options` are `compare`'s."""

    def __init__(
        self, study: Study, source: str, runs: Path, say: Callable[[str], None], options: Mapping[str, Any]
    ) -> None:
        self.study, self.source, self.runs, self.say, self.options = study, source, runs, say, options
        self.tuning_runs = plan_tuning(study, source, runs)
        check_folders(self.tuning_runs)
        first = plan_runs(study, source, runs)
        if not self.tuning_runs:  # what the arms are is not known before they have chosen
            check_folders(first)
        refuse_overlap(self.tuning_runs, first, source)

    def conduct(self, run: Run | None) -> Conducted:
        """Everything that is missing, then the table; None for `run` makes the table of what is there.

        Raises DataError, RunFolderError, what `run` raises.
        """
        tuning = self._tune(run) if self.tuning_runs else None
        study = with_choices(self.study, tuning) if tuning else self.study
        return self._to_resolution(study, tuning, run)

    def _tune(self, run: Run | None) -> Tuning:
        outcomes = run(self.tuning_runs) if run else ()
        tuning = choose(self.study, self.tuning_runs, outcomes)
        for arm, choice in tuning.choices.items():
            self.say(f"{arm} chose {settled(choice.overrides)}")
        return tuning

    def _to_resolution(self, study: Study, tuning: Tuning | None, run: Run | None) -> Conducted:
        """Look after the first seeds; add more while the intervals are too wide, runs do not fail and some are left."""
        look = self._look(study, self._plan(study, len(study.seeds)), run)
        while look.resolution and _goes_on(look.resolution, look.planned):
            self.say(in_words(look.resolution, look.found.metrics[0]))
            seeds = look.resolution.seeds
            planned = self._plan(study, next_count(seeds, look.resolution.expected, study.max_seeds))
            if run is None and not any(one.folder.exists() for one in planned[len(look.planned) :]):
                break
            look = self._look(study, planned, run)
        tuned = None if study.mode == "search" else tuning is not None
        found = with_resolution(look.found, look.resolution)
        return Conducted(replace(found, tuned=tuned, tuning=tuning), look.arms)

    def _plan(self, study: Study, count: int) -> list[PlannedRun]:
        planned = plan_runs(study, self.source, self.runs, study.seeds_of(count))
        check_folders(planned)
        return planned

    def _look(self, study: Study, planned: Sequence[PlannedRun], run: Run | None) -> _Look:
        arms = arms_of(planned, run(planned) if run else ())
        found = self._compare(study, arms)
        return _Look(planned, arms, found, resolution_of(study, found, len(arms[0].runs)))

    def _compare(self, study: Study, arms: Sequence[Arm]) -> Comparison:
        settings: dict[str, Any] = {
            "title": study.question or study.name,
            "baseline": study.baseline_name,
            "metrics": study.metrics,
            "tokens_to": study.tokens_to,
            "widening": 1.0 if study.resolution is None else widening(len(study.seeds)),
        }
        if study.budget:
            settings |= {"axis": study.budget.axis, "amount": study.budget.amount}
        if "axis" in self.options and "amount" not in self.options:
            settings.pop("amount", None)
        return compare(arms, **settings | dict(self.options))


def _goes_on(found: Resolution, planned: Sequence[PlannedRun]) -> bool:
    """Whether seeds are to be added: not where a run is not finished, because then its seed says nothing yet."""
    finished = all(read_status(run.folder)[0] == "finished" for run in planned)
    return not found.reached and found.seeds < found.max_seeds and finished


def plan_lines(study: Study) -> list[str]:
    """How many runs a study is, and of how much: for tuning, for the table, in all."""
    arms, first = len(study.all_arms()), len(study.seeds)
    most = study.max_seeds if study.resolution else first
    tuning = 0
    lines: list[str] = []
    if study.tune:
        settings = len(study.tune.settings(next(iter(study.all_arms()))))
        tuning = arms * settings * len(study.tune.seeds)
        told = f"{arms} arms x {settings} settings x {len(study.tune.seeds)} seeds = {tuning} runs"
        lines.append(f"tuning: {told}{_spent(study, tuning, 0)}")
    told = f"table: {arms} arms x {first} seeds = {arms * first} runs{_spent(study, 0, arms * first)}"
    if most > first:
        told += f"; seeds are added until intervals are narrow enough, up to {most} ({arms * most} runs)"
    lines.append(told)
    if study.tune or most > first:
        least, greatest = (f"{tuning + arms * n} runs{_spent(study, tuning, arms * n)}" for n in (first, most))
        lines.append(f"in all: {least}" + (f", at most {greatest}" if most > first else ""))
    return lines


def _spent(study: Study, tuning: int, table: int) -> str:
    """What so many runs spend in all; each goes on to the end of the step in which it reaches its budget."""
    if study.budget is None:
        return ""
    each = (study.tune.amount if study.tune else None) or study.budget.amount
    return f", {tuning * each + table * study.budget.amount:,.0f} {BUDGETS[study.budget.axis]}"
