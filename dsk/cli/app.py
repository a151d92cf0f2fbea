"""The commands of `dsk`, in the order of a first session."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from dsk.cli.cache import cache_app
from dsk.cli.compare import compare
from dsk.cli.eval import evaluate
from dsk.cli.plugins import explain, plugins_app, schema
from dsk.cli.tree_command import tree
from dsk.cli.watch_command import beside_run, watch

app = typer.Typer(
    name="dsk",
    help="Train small reasoning models with tree search inside the training loop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Errors are one line; add --debug anywhere for the traceback. Exit codes: 0 done, 1 the run failed,"
    " 2 the input was wrong, 130 interrupted with state saved.",
)


def print_version(asked: bool) -> None:
    """`dsk --version`."""
    if asked:
        from dsk import __version__

        typer.echo(f"dsk {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Takes what comes before a command; the app's own help says what dsk is."""


app.add_typer(plugins_app, name="plugins")
app.add_typer(cache_app, name="cache")

SpecPath = Annotated[Path, typer.Argument(help="Spec file (JSON), or a run's folder.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value, e.g. rollout.selector.kind=uct; repeatable."),
]


@app.command()
def run(
    spec: SpecPath,
    overrides: Overrides = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue a run, as it began: what --set said then is set again, and any other difference is refused.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all of it, print the plan, train nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the closing table.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="The run's folder [default: runs/NAME].", show_default=False)
    ] = None,
    watched: Annotated[
        bool, typer.Option("--watch", help="Serve the run's page live beside it, until it ends (`dsk watch`).")
    ] = False,
) -> None:
    """Train as a spec says: screen, search, update, screen again."""
    from dsk.core.run.run_spec import run_spec

    loaded, place = run_spec(spec, overrides or (), folder, resume=resume, dry_run=dry_run)
    if dry_run:
        from dsk.cli.plan import print_plan
        from dsk.core.run.plan import make_plan

        print_plan(make_plan(loaded, place, resume))
        return
    from dsk.cli.live import run_with_display

    with beside_run(place, loaded.name) if watched else nullcontext():
        run_with_display(loaded, place, resume, quiet, overrides or ())


@app.command()
def validate(spec: SpecPath, overrides: Overrides = None) -> None:
    """Check a spec and list every fault at once; then its data, its model's files and what must be installed.

    Reads every row that the run would read, and of a model in a folder everything but the weights; loads nothing.
    `run --dry-run` also encodes the prompts, and looks at memory and at the run's folder. Exit code 2 where a run would
    stop.
    """
    from dsk.cli.plan import print_missing
    from dsk.core.input.faults import printable
    from dsk.core.loading import load_spec
    from dsk.core.run.doubts import doubts
    from dsk.core.run.preflight import look

    loaded = load_spec(spec, overrides or ())
    parts = f"{loaded.task.kind} task, {loaded.rollout.kind} rollout, {loaded.train.loss.kind} loss"
    typer.echo(f"{printable(str(spec))}: valid ({parts})")
    found = look(loaded)
    typer.echo(f"Read: {', '.join(found.read)}")
    print_missing(found.missing, [*doubts(loaded), *found.notices])


@app.command()
def data(
    spec: SpecPath,
    overrides: Overrides = None,
    show: Annotated[int, typer.Option(min=0, help="Prompts to show of each split.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a run would make of its data: prompts as the model gets them, answers, lengths, and what is bad.

    Loads the tokenizer and no weights. The prompts shown go from the shortest to the longest. Exit code 2 where a run
    would stop.
    """
    from dsk.cli.data import print_data, print_data_json
    from dsk.core.loading import load_spec
    from dsk.core.run.data_survey import survey_data

    found = survey_data(load_spec(spec, overrides or ()), show)
    (print_data_json if as_json else print_data)(found)
    if any(bad.stops for split in found for bad in split.bad):
        raise typer.Exit(2)


@app.command()
def resolve(spec: SpecPath, overrides: Overrides = None) -> None:
    """Print a spec with every default filled in."""
    from dsk.core.loading import load_spec

    typer.echo(json.dumps(load_spec(spec, overrides or ()).dump(), indent=2))


@app.command()
def search(
    spec: SpecPath,
    overrides: Overrides = None,
    problem: Annotated[str | None, typer.Option(help="Problem id [default: the first training problem].")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the tree as a page to this file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tree as JSON.")] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=VALUE",
            help="Search a second time with this override, and show both; repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Search one problem with the spec's policy and print the tree, or write it as a page."""
    from dsk.cli.search_command import print_json, print_search, search_problem
    from dsk.core.loading import load_spec
    from dsk.treeview.searching import write_searches

    assignments = [list(overrides or ()), *([[*(overrides or ()), *against]] if against else [])]
    specs = [load_spec(spec, each) for each in assignments]
    titles = ["as in the spec", ", ".join(against or ())]
    found = [search_problem(each, problem, title) for each, title in zip(specs, titles, strict=False)]
    if html is not None:
        write_searches(html, found)
    if as_json:
        print_json(found)
    elif html is not None:
        typer.echo(html)
    else:
        for each in found:
            print_search(each)


app.command()(compare)
app.command("eval")(evaluate)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run's folder.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="The page [default: FOLDER/report.html].", show_default=False)
    ] = None,
) -> None:
    """Write a run, finished or not, as one HTML page: curves, rounds, trees, what it is made of."""
    from dsk.report import write_report

    typer.echo(write_report(folder, out))


app.command()(tree)
app.command()(watch)
app.command()(explain)
app.command()(schema)


@app.command()
def doctor() -> None:
    """Show versions, devices and what optional parts are missing."""
    from dsk.cli.doctor import print_doctor

    print_doctor()
