"""`dsk data`: prompts, answers and lengths on the terminal, and what is bad."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.table import Table
from rich.text import Text

from dsk.cli.terminal import console
from dsk.core.input.faults import printable
from dsk.core.run.data_faults import Bad
from dsk.core.run.data_survey import PERCENTILES, Shown, SplitSurvey

MOST = 2000
"""Characters of a prompt that are shown."""


def print_data_json(found: Sequence[SplitSurvey]) -> None:
    """All of it as one JSON object by split."""
    typer.echo(json.dumps({survey.split: asdict(survey) for survey in found}, indent=2))


def print_data(found: Sequence[SplitSurvey]) -> None:
    """Each split: some prompts, the table of lengths, and a line for each thing that is bad."""
    screen = console()
    for survey in found:
        if not survey.problems and not survey.bad:
            screen.print(f"{survey.split}: no problems")
            continue
        screen.print(Text(f"{survey.split}: {survey.problems:,} problems", style="bold"))
        for shown in survey.shown:
            _print_problem(shown)
        if survey.lengths:
            screen.print(_table(survey))
        _print_bad(survey.bad)


def _print_problem(shown: Shown) -> None:
    text = shown.prompt if len(shown.prompt) <= MOST else f"{shown.prompt[:MOST]}..."
    typer.echo(f"\n{printable(shown.id)}: {shown.tokens:,} tokens")
    typer.echo("\n".join(f"  | {printable(line)}" for line in text.split("\n")))
    typer.echo(f"  answer: {printable(shown.answer)}")


def _table(survey: SplitSurvey) -> Table:
    names = {0: "least", 50: "median", 100: "most"}
    table = Table("tokens", box=None, pad_edge=False, title="")
    for name in (*(names.get(p, f"{p}%") for p in PERCENTILES), "limit", "over it"):
        table.add_column(name, justify="right")
    for row in survey.lengths:
        limit = ("", "") if row.limit is None else (f"{row.limit:,}", f"{row.over:,}")
        table.add_row(row.what, *(f"{value:,}" for value in row.percentiles), *limit)
    return table


def _print_bad(bad: Sequence[Bad]) -> None:
    typer.echo("\nBad:" if bad else "\nBad: nothing")
    for each in bad:
        typer.echo(f"  - {'stops the run' if each.stops else 'notice'}, {each.count:,}: {' '.join(each.what.split())}")
    typer.echo("")
