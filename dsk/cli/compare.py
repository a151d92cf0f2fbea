"""`dsk compare`: run what a study lacks, then print its table; or compare runs as they are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from dsk.compare.comparison import Comparison
    from dsk.compare.runner import Outcome, Runner
    from dsk.compare.study import PlannedRun


class Format(StrEnum):
    """What the table is printed as."""

    table = "table"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"


class Axis(StrEnum):
    """What is equal between arms."""

    sampled_tokens = "sampled_tokens"
    model_tokens = "model_tokens"
    unscreened_tokens = "unscreened_tokens"
    seconds = "seconds"
    updates = "updates"


def compare(
    targets: Annotated[list[Path], typer.Argument(help="One study file, or run folders.", show_default=False)],
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Runs at a time, which share the cores [default: what the machine's cores and memory hold]."
        ),
    ] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Start or continue what a study lacks.")] = True,
    runs: Annotated[Path, typer.Option(help="Where a study's runs are kept.")] = Path("runs"),
    output: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.table,
    plot: Annotated[
        list[Path] | None, typer.Option(help="Also draw FILE.png, .svg or .html; repeatable.", show_default=False)
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The arm to compare with [default: the study's, or the first].")
    ] = None,
    axis: Annotated[Axis | None, typer.Option(help="What is equal [default: the study's, or model_tokens].")] = None,
    at: Annotated[float | None, typer.Option(help="How much of it [default: the most that all runs reach].")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="What to compare; repeatable.")] = None,
) -> None:
    """Compare arms at an equal budget, with intervals, paired differences and what differs."""
    from dsk.cli.terminal import console
    from dsk.compare.plot import check_plot

    for file in plot or ():
        check_plot(file)
    say = console(stderr=True, soft_wrap=True)
    chosen = {"baseline": baseline, "axis": axis.value if axis else None, "amount": at, "metrics": metric}
    options = {name: value for name, value in chosen.items() if value is not None}
    if len(targets) == 1 and targets[0].suffix == ".json":
        failed = _compare_study(targets[0], jobs, run, runs, options, output, plot or [], say)
    else:
        failed = _compare_runs(targets, options, output, plot or [])
    if failed:
        raise typer.Exit(1)


def _compare_study(
    path: Path, jobs: int | None, run: bool, runs: Path, options: dict, output: Format, plot: list[Path], say: Console
) -> bool:
    """Run and print; whether a run failed."""
    from dsk.cli.fixed_study import check_options, show
    from dsk.compare.comparison import compare as compare_arms
    from dsk.compare.fixed.planning import check_work, plan_fixed, settings_of
    from dsk.compare.runner import arms_of, unfinished
    from dsk.compare.study import check_folders, load_study, plan_runs
    from dsk.core.errors import InterruptedRun

    study = load_study(path)
    planned = plan_fixed(study, plan_runs(study, str(path), runs), str(path), runs)
    check_folders(planned)
    check_work(planned)
    if settings_of(study) is not None:
        check_options(study, options, plot)
    outcomes: list[Outcome] = []
    if run:
        runner, outcomes = _run_missing(study.mode, jobs, planned, unfinished(planned), say)
        if runner.interrupted:
            left = len(unfinished(planned))
            raise InterruptedRun(
                f"interrupted with {left} of {len(planned)} runs to do; the same command continues them"
            )
    if settings_of(study) is not None:
        show(study, planned, str(options.get("baseline", study.baseline_name)), output.value)
        return any(outcome.code for outcome in outcomes)
    arms = arms_of(planned, outcomes)
    settings = {"title": study.question or study.name, "baseline": study.baseline_name, "metrics": study.metrics}
    if study.budget:
        settings |= {"axis": study.budget.axis, "amount": study.budget.amount}
    if "axis" in options and "amount" not in options:
        settings.pop("amount", None)
    _show(compare_arms(arms, **settings | options), arms, output, plot)
    return any(r.status == "failed" for arm in arms for r in arm.runs)


def _run_missing(
    mode: str, jobs: int | None, planned: list[PlannedRun], todo: list[PlannedRun], say: Console
) -> tuple[Runner, list[Outcome]]:
    from dsk.cli.outlet import outlets
    from dsk.cli.study_progress import StudyProgress
    from dsk.compare.fixed.planning import phases
    from dsk.compare.machine import describe, fitting_jobs
    from dsk.compare.runner import INTERRUPTED, Runner

    done = len(planned) - len(todo)
    progress = StudyProgress(say)

    def started(run: PlannedRun) -> None:
        progress.begin(run)
        say.print(f"{run.arm}, seed {run.seed}: started", markup=False)

    def ended(outcome: Outcome) -> None:
        nonlocal done
        progress.end(outcome.run)
        done += outcome.code == 0
        words = {0: "finished", INTERRUPTED: "interrupted, can be continued"}
        told = words.get(outcome.code, f"failed: {outcome.last_line}")
        where = f"[{done}/{len(planned)}] {outcome.run.arm}, seed {outcome.run.seed}"
        say.print(f"{where}: {told} after {outcome.seconds:.0f} s", markup=False)

    runner = Runner(mode, jobs or fitting_jobs(todo), started, ended)
    if todo:
        how = describe(runner.jobs, runner.threads)
        say.print(f"{len(todo)} of {len(planned)} runs to do: {how}", markup=False)
    outcomes: list[Outcome] = []
    with outlets(runner.stop), progress:
        for phase in phases(todo):
            if runner.interrupted or any(outcome.code for outcome in outcomes):
                break
            outcomes += runner.run(phase)
    return runner, outcomes


def _compare_runs(targets: list[Path], options: dict, output: Format, plot: list[Path]) -> bool:
    from dsk.compare.arms import group_runs
    from dsk.compare.comparison import compare as compare_arms
    from dsk.compare.runs import find_runs, read_run

    arms = group_runs([read_run(folder) for folder in find_runs(targets)])
    _show(compare_arms(arms, **options), arms, output, plot)
    return False


def _show(comparison: Comparison, arms: list, output: Format, plot: list[Path]) -> None:
    from dsk.compare.formats import FORMATS
    from dsk.compare.plot import draw

    for file in plot:
        draw(comparison, arms, file)
    if output is Format.table:
        from dsk.cli.grid import print_grid
        from dsk.compare.table import make_grid

        print_grid(make_grid(comparison))
    else:
        typer.echo(FORMATS[output.value](comparison), nl=False)
