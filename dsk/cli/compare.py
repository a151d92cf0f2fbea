"""`dsk compare`: run what a study or a question lacks, then print its table; or compare runs as they are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.compare.arms import Arm
    from dsk.compare.comparison import Comparison
    from dsk.compare.study import Study

FLAGS = {"amount": "at", "metrics": "metric"}
"""Options whose flag has another name than what it sets."""


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
    targets: Annotated[
        list[Path], typer.Argument(help="One study file, a spec with --set, or run folders.", show_default=False)
    ],
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="ARM:PATH=VALUE",
            help="Compare the spec with an arm that differs in this; repeatable, also for one arm.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="With --set: what every run may spend, e.g. 100k.", show_default=False)
    ] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ARM:]PATH=V1,V2",
            help="With --set: values to choose from for every arm, or for one; repeatable.",
            show_default=False,
        ),
    ] = None,
    tune_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=VALUE",
            help="With --tune: what gives tuning other problems [default: another task.seed].",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --set: the study's name [default: made of the spec's and the arms'].")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="Add seeds until intervals reach no further than so many points.")
    ] = None,
    max_seeds: Annotated[
        int | None, typer.Option(help="The most seeds, with --resolution [default: the study's, or 40].")
    ] = None,
    tokens_to: Annotated[
        float | None, typer.Option(help="Also compare what it takes to this level, 0.8 for 80%.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Runs at a time, which share the cores [default: what the machine's cores and memory hold]."
        ),
    ] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Start or continue what a study lacks.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check a study, say how many runs and tokens it is, and stop.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Where a study's runs are kept.")] = Path("runs"),
    output: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.table,
    plot: Annotated[
        list[Path] | None, typer.Option(help="Also draw FILE.png or .svg; repeatable.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page that moves and stands alone, FILE.html.", show_default=False)
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The arm to compare with [default: the study's, or the first].")
    ] = None,
    axis: Annotated[Axis | None, typer.Option(help="What is equal [default: the study's, or model_tokens].")] = None,
    at: Annotated[float | None, typer.Option(help="How much of it [default: the most that all runs reach].")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="What to compare; repeatable.")] = None,
) -> None:
    """Compare arms at an equal budget: the answer in a sentence, intervals, paired differences, what differs."""
    from dsk.cli.study_runs import conduct_study
    from dsk.compare.page.write import check_page
    from dsk.compare.plot import check_plot
    from dsk.compare.question import STUDY_FILE, Question, pick_study

    for file in plot or ():
        check_plot(file)
    if html:
        check_page(html)
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
    done = conduct_study(
        study, str(targets[0]), runs, options, jobs=jobs, run=run, dry=dry_run, keep=bool(question.arms)
    )
    if done is None:
        return
    _show(done.comparison, done.arms, output, plot or [])
    place = runs / study.name / STUDY_FILE if question.arms else targets[0]
    _write_page(done.comparison, done.arms, html, _command([place], options | _placed(runs)), study)
    if done.failed:
        raise typer.Exit(1)


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


def _show(comparison: Comparison, arms: Sequence[Arm], output: Format, plot: Sequence[Path]) -> None:
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
