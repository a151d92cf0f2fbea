"""The plan of `dsk run --dry-run`, as tables, and what `dsk validate` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from dsk.cli.terminal import console

if TYPE_CHECKING:
    from dsk.core.run.plan import Plan


def print_plan(plan: Plan) -> None:
    """Print every part of the plan. Exits with 2 where something is missing."""
    screen = console()
    sections = {
        "Components": plan.components,
        "Model": {k: f"{v:,}" for k, v in plan.sizes.items()},
        "Tokens": {k: f"{v:,}" for k, v in plan.tokens.items()},
        "Memory (estimate)": {k: f"{v / 2**30:,.2f} GiB" for k, v in plan.memory.items()},
    }
    for title, rows in sections.items():
        if not rows:
            continue
        table = Table("", "", box=None, show_header=False, title=f"{plan.name}: {title}", title_justify="left")
        for name, value in rows.items():
            table.add_row(name, value)
        screen.print(table)
    print_missing(plan.missing, plan.notices)


def print_missing(missing: Sequence[str], notices: Sequence[str]) -> None:
    """Notices to standard error, then what would stop the run. Exits with 2 where there is any."""
    for line in notices:
        typer.echo(f"notice: {line}", err=True)
    typer.echo("Missing here:" if missing else "Missing here: nothing")
    for line in missing:
        typer.echo("  - " + " ".join(line.splitlines()))
    if missing:
        raise typer.Exit(2)
