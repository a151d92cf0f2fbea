"""`dsk compare`: run what a study or a question lacks, then print its table; or compare runs as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dsk.cli import compare_options as o

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.compare.arms import Arm
    from dsk.compare.comparison import Comparison
    from dsk.compare.study import Study

FLAGS = {"amount": "at", "metrics": "metric"}
"""Options whose flag has another name than what it sets."""


def compare(
    targets: o.Targets,
    arms: o.ArmSettings = None,
    budget: o.Budget = None,
    tune: o.Tune = None,
    tune_set: o.TuneSet = None,
    name: o.Name = None,
    resolution: o.Resolution = None,
    max_seeds: o.MaxSeeds = None,
    tokens_to: o.TokensTo = None,
    jobs: o.Jobs = None,
    run: o.Run = True,
    dry_run: o.DryRun = False,
    runs: o.Runs = Path("runs"),
    output: o.Output = o.Format.table,
    plot: o.Plot = None,
    html: o.Html = None,
    baseline: o.Baseline = None,
    axis: o.EqualAxis = None,
    at: o.At = None,
    metric: o.Metric = None,
) -> None:
    """Compare arms at an equal budget: intervals, paired differences, what differs, and the answer in a sentence."""
    from dsk.cli.fixed_study import check_options, conduct_fixed
    from dsk.cli.study_runs import conduct_study
    from dsk.compare.fixed.planning import settings_of
    from dsk.compare.question import STUDY_FILE, Question, pick_study

    _check_places(plot or (), html)
    asked = {"resolution": resolution, "max_seeds": max_seeds, "tokens_to": tokens_to, "metrics": metric}
    fields = {name: value for name, value in asked.items() if value is not None}
    reading = {"baseline": baseline, "axis": axis.value if axis else None, "amount": at}
    options = {name: value for name, value in reading.items() if value is not None}
    question = Question(arms or (), budget, options.get("axis"), baseline, tune or (), tune_set or (), name, fields)
    study = pick_study(targets, question)
    if study is None:
        comparison, found = _compared_runs(targets, options | fields)
        _show(comparison, found, output, plot or [])
        _write_page(comparison, found, html, _command(targets, options | fields), None)
        return
    if question.arms:
        options.pop("axis", None)  # the study's own
    if settings_of(study) is not None:
        check_options(study, options, plot or [], html)
        first = str(options.get("baseline", study.baseline_name))
        if conduct_fixed(study, str(targets[0]), runs, first, output.value, jobs=jobs, run=run, dry=dry_run):
            raise typer.Exit(1)
        return
    done = conduct_study(
        study, str(targets[0]), runs, options, jobs=jobs, run=run, dry=dry_run, keep=bool(question.arms)
    )
    if done is None:
        return
    _show(done.comparison, done.arms, output, plot or [])
    place = runs / study.name / STUDY_FILE if question.arms else targets[0]
    said = options | ({} if question.arms else fields) | _placed(runs)
    _write_page(done.comparison, done.arms, html, _command([place], said), study)
    if done.failed:
        raise typer.Exit(1)


def _check_places(plots: Sequence[Path], html: Path | None) -> None:
    """Raises SpecError where a plot or the page cannot be written as it is named."""
    from dsk.compare.page.write import check_page
    from dsk.compare.plot import check_plot

    for file in plots:
        check_plot(file)
    if html:
        check_page(html)


def _compared_runs(targets: Sequence[Path], options: Mapping[str, Any]) -> tuple[Comparison, Sequence[Arm]]:
    from dsk.compare.arms import group_runs
    from dsk.compare.comparison import compare as compare_arms
    from dsk.compare.runs import find_runs, read_run
    from dsk.core.errors import SpecError

    for name in ("resolution", "max_seeds"):
        if name in options:
            raise SpecError(
                f"--{name.replace('_', '-')}: adds runs to a study; name a study file, or a spec with --set"
            )
    arms = group_runs([read_run(folder) for folder in find_runs(targets)])
    return compare_arms(arms, **options), arms


def _show(comparison: Comparison, arms: Sequence[Arm], output: o.Format, plot: Sequence[Path]) -> None:
    from dsk.compare.formats import FORMATS
    from dsk.compare.plot import draw

    for file in plot:
        draw(comparison, arms, file)
    if output is o.Format.table:
        from dsk.cli.grid import print_grid
        from dsk.compare.table import make_grid

        print_grid(make_grid(comparison))
    else:
        typer.echo(FORMATS[output.value](comparison), nl=False)


def _placed(runs: Path) -> dict[str, Any]:
    return {} if runs == Path("runs") else {"runs": runs}


def _command(targets: Sequence[Path], options: Mapping[str, Any]) -> str:
    """What makes the comparison again."""
    from shlex import join

    words = [str(target) for target in targets]
    for name, value in options.items():
        flag = f"--{FLAGS.get(name, name).replace('_', '-')}"
        words += [word for each in (value if isinstance(value, list) else [value]) for word in (flag, str(each))]
    return f"dsk compare {join(words)}"


def _write_page(
    comparison: Comparison, arms: Sequence[Arm], file: Path | None, command: str, study: Study | None
) -> None:
    if file is None:
        return
    from shlex import quote

    from dsk.cli.terminal import console
    from dsk.compare.page import Again, write_page

    kept = None if study is None else study.model_dump(mode="json", exclude_defaults=True)
    write_page(comparison, arms, file, Again(f"{command} --html {quote(str(file))}", kept))
    console(stderr=True, soft_wrap=True).print(f"wrote {file}", markup=False)
