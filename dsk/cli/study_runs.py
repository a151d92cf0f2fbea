"""A study on the terminal: its plan, a line for every run that begins and ends, what was chosen and how far it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from dsk.cli.outlet import outlets
from dsk.cli.study_progress import StudyProgress
from dsk.cli.terminal import messages
from dsk.compare.comparing import ending
from dsk.compare.conduct import Conducted, Conductor, plan_lines
from dsk.compare.machine import describe, fitting_jobs
from dsk.compare.planning import PlannedRun
from dsk.compare.question import write_study
from dsk.compare.runner import Outcome, Runner, unfinished
from dsk.compare.study import Study
from dsk.core.errors import InterruptedRun


def conduct_study(
    study: Study,
    source: str,
    runs: Path,
    options: Mapping[str, Any],
    *,
    jobs: int | None,
    run: bool,
    dry: bool,
    keep: bool,
) -> Conducted | None:
    """Conduct a study and say what happens; `keep` writes its file beside its runs. None where `dry`: only the plan."""
    say = messages()
    conductor = Conductor(study, source, runs, lambda line: say.print(line, markup=False), options)
    if dry:
        for line in plan_lines(study):
            typer.echo(line)
        return None
    if keep and run:
        say.print(f"the study is {write_study(study, runs)}; `dsk compare` of that repeats it", markup=False)
    missing = Missing(study, jobs, say)
    return conductor.conduct(missing.run if run else None)


class Missing:
    """Runs what is missing, with a line of progress for each run; the plan is said before the first."""

    def __init__(self, study: Study, jobs: int | None, say: Console) -> None:
        self._study, self._jobs, self._say = study, jobs, say
        self._told = False

    def run(self, planned: Sequence[PlannedRun]) -> Sequence[Outcome]:
        """Start or continue all that is not finished. Raises InterruptedRun where that was interrupted."""
        todo = unfinished(planned)
        if not todo:
            return []
        progress = StudyProgress(self._say)
        runner = self._runner(len(planned) - len(todo), len(planned), todo, progress)
        self._tell_plan(len(planned), len(todo), runner)
        with outlets(runner.stop), progress:
            outcomes = runner.run(todo)
        if runner.interrupted:
            left = len(unfinished(planned))
            raise InterruptedRun(
                f"interrupted with {left} of {len(planned)} runs to do; the same command continues them"
            )
        return outcomes

    def _tell_plan(self, planned: int, todo: int, runner: Runner) -> None:
        if not self._told and (self._study.tune or self._study.resolution):
            for line in plan_lines(self._study):
                self._say.print(line, markup=False)
        self._told = True
        how = describe(runner.jobs, runner.threads)
        self._say.print(f"{todo} of {planned} runs to do: {how}", markup=False)

    def _runner(self, done: int, planned: int, todo: Sequence[PlannedRun], progress: StudyProgress) -> Runner:
        def started(run: PlannedRun) -> None:
            progress.begin(run)
            self._say.print(f"{run.label}: started", markup=False)

        def ended(outcome: Outcome) -> None:
            nonlocal done
            progress.end(outcome.run)
            done += outcome.code == 0
            self._say.print(f"[{done}/{planned}] {outcome.run.label}: {ending(outcome)}", markup=False)

        return Runner(self._study.mode, self._jobs or fitting_jobs(todo), started, ended)
