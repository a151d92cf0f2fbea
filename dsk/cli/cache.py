"""`dsk cache`: look into a solution cache, move solutions between caches, throw some out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from dsk.cli.terminal import console
from dsk.core.errors import CacheError

cache_app = typer.Typer(help="Look into solution caches, move solutions between them.", no_args_is_help=True)

StoreName = Annotated[
    str,
    typer.Argument(metavar="STORE", help="A run's folder, a .sqlite file, or a redis:// address.", show_default=False),
]
Namespace = Annotated[str, typer.Option(help="Namespace on a Redis server.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@cache_app.command()
def stats(store: StoreName, namespace: Namespace = "dsk", as_json: Json = False) -> None:
    """Show whose solutions a cache holds, and what each run gave."""
    from dsk.components.caches.stores.upkeep import find_store, shares

    place = find_store(store, namespace)
    owner = place.owner()
    with place.cache.open(place.folder, *owner) as session:
        problems, solutions = session.count()
        runs = shares(session.entries())
    if as_json:
        top = {
            "store": place.name,
            "task": owner[0],
            "verifier": owner[1],
            "problems": problems,
            "solutions": solutions,
        }
        typer.echo(json.dumps({**top, "runs": [asdict(run) for run in runs]}, indent=2))
        return
    table = Table("Run", "Problems", "Solutions", "Tokens", "Rounds", "Steps", "Policy versions", box=None)
    for run in runs:
        spans = (f"{first}-{last}" for first, last in (run.rounds, run.steps, run.versions))
        table.add_row(run.run, f"{run.problems:,}", f"{run.solutions:,}", f"{run.tokens:,}", *spans)
    typer.echo(f"{place.name}: {solutions:,} solutions of {problems:,} problems")
    typer.echo(f"task     {owner[0]}\nverifier {owner[1]}")
    console().print(table)


@cache_app.command("export")
def export_(
    store: StoreName,
    file: Annotated[str, typer.Argument(help="JSON Lines file to write; - is standard output.", show_default=False)],
    namespace: Namespace = "dsk",
    run: Annotated[str | None, typer.Option(help="Only what this run gave.")] = None,
) -> None:
    """Write a cache's solutions to a JSON Lines file."""
    from dsk.components.caches.stores.upkeep import export_file, find_store

    place = find_store(store, namespace)
    owner = place.owner()
    with place.cache.open(place.folder, *owner) as session:
        entries = (entry for entry in session.entries() if run in (None, entry.run))
        written = export_file(entries, owner, file)
    typer.echo(f"{file}: {written:,} solutions", err=True)


@cache_app.command("import")
def import_(
    store: StoreName,
    files: Annotated[list[Path], typer.Argument(help="Files of 'dsk cache export', or what an outage left unsaved.")],
    namespace: Namespace = "dsk",
) -> None:
    """Add solutions from files to a cache; those that it has are left as they are."""
    from dsk.components.caches.stores.upkeep import find_store, import_file, importable

    place = find_store(store, namespace)
    owner = importable(place, files)
    with place.cache.open(place.folder, *owner) as session:
        for path in files:
            read, new = import_file(session, path)
            typer.echo(f"{path}: {read:,} solutions, {new:,} of them new")


@cache_app.command()
def prune(
    store: StoreName,
    namespace: Namespace = "dsk",
    run: Annotated[str | None, typer.Option(help="Discard what this run gave.")] = None,
    before_round: Annotated[int, typer.Option(min=0, help="Discard solutions of earlier rounds.")] = 0,
    keep: Annotated[int, typer.Option(min=0, help="Keep only the newest so many of each problem; 0 keeps all.")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Discard what the run's verifier no longer accepts.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would go.")] = False,
) -> None:
    """Discard solutions from a cache."""
    from dsk.components.caches.stores.upkeep import Prune, find_store, rejected

    if not (run or before_round or keep or verify):
        raise CacheError("nothing to prune: give --run, --before-round, --keep or --verify")
    place = find_store(store, namespace)
    with place.cache.open(place.folder, *place.owner()) as session:
        gone = Prune(run, before_round, keep).chosen(session.entries())
        gone += rejected(place, session.entries()) if verify else []
        count = len({(s.problem_id, s.tokens) for s in gone}) if dry_run else session.discard(gone)
        left = session.count()[1]
    typer.echo(f"{place.name}: {count:,} solutions {'would go' if dry_run else 'discarded'}, {left:,} in the cache")
