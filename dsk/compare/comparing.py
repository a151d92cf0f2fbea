"""Comparisons from Python: runs as they are, or a study with the runs that it lacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsk.compare.arms import Arm, group_runs
from dsk.compare.comparison import Comparison, compare
from dsk.compare.conduct import Conductor
from dsk.compare.fixed.planning import settings_of
from dsk.compare.machine import fitting_jobs
from dsk.compare.planning import PlannedRun
from dsk.compare.runner import INTERRUPTED, Outcome, Runner, unfinished
from dsk.compare.runs import RunRecord, find_runs, read_run
from dsk.compare.study import Study, load_study, parse_study
from dsk.core.errors import InterruptedRun, SpecError

Place = str | os.PathLike[str]


def compare_runs(
    *runs: Place,
    arms: Mapping[str, Iterable[Place]] | None = None,
    title: str = "",
    baseline: str | None = None,
    axis: str = "model_tokens",
    amount: float | None = None,
    metrics: Sequence[str] = (),
    tokens_to: float | None = None,
) -> Comparison:
    """Compare runs, or the runs inside folders, at an equal budget; the options are those of `dsk compare`.

    Runs that differ in nothing but the seed are one arm; `arms` names further ones, each with its runs. Raises
    DataError.
    """
    named = [Arm(name, _read(places)) for name, places in (arms or {}).items()]
    found = [*(group_runs(_read(runs)) if runs or not named else ()), *named]
    return compare(
        found, title=title, baseline=baseline, axis=axis, amount=amount, metrics=metrics, tokens_to=tokens_to
    )


def _read(places: Iterable[Place]) -> tuple[RunRecord, ...]:
    return tuple(read_run(folder) for folder in find_runs([Path(place) for place in places]))


def compare_study(
    study: Place | Study | Mapping[str, Any],
    runs: Place = "runs",
    *,
    jobs: int | None = None,
    run: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Run what a study lacks, `jobs` runs at a time in processes of their own, and compare; again, it goes on.

    `study` is a study file, its fields or a `Study`; `say` is told what begins and ends. Without `run` it compares what
    is there. Being in other processes, the runs know the components that plugins register and no others. Raises
    SpecError, DataError, InterruptedRun.
    """
    found, source = _study(study)
    if settings_of(found) is not None:
        raise SpecError(f"{source}: a study at a fixed policy has a table of another kind; `dsk compare` prints it")
    conductor = Conductor(found, source, Path(runs), say, {})
    return conductor.conduct(_Missing(found, jobs, say) if run else None).comparison


def _study(study: Place | Study | Mapping[str, Any]) -> tuple[Study, str]:
    if isinstance(study, Study):
        return study, study.name
    if isinstance(study, Mapping):
        return parse_study(study, "study"), "study"
    return load_study(Path(study)), os.fspath(study)


class _Missing:
    """Starts or continues the planned runs that are not finished."""

    def __init__(self, study: Study, jobs: int | None, say: Callable[[str], None]) -> None:
        self._study, self._jobs, self._say = study, jobs, say

    def __call__(self, planned: Sequence[PlannedRun]) -> Sequence[Outcome]:
        todo = unfinished(planned)
        if not todo:
            return []
        runner = Runner(self._study.mode, self._jobs or fitting_jobs(todo), self._begun, self._ended)
        outcomes = runner.run(todo)
        if runner.interrupted:
            left = len(unfinished(planned))
            raise InterruptedRun(f"interrupted with {left} of {len(planned)} runs to do; the same call continues them")
        return outcomes

    def _begun(self, run: PlannedRun) -> None:
        self._say(f"{run.label}: started")

    def _ended(self, outcome: Outcome) -> None:
        self._say(f"{outcome.run.label}: {ending(outcome)}")


def ending(outcome: Outcome) -> str:
    """How a run ended, in words."""
    words = {0: "finished", INTERRUPTED: "interrupted, can be continued"}
    return f"{words.get(outcome.code, f'failed: {outcome.last_line}')} after {outcome.seconds:.0f} s"
