"""The options of `dsk compare`, a name each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


Targets = Annotated[
    list[Path], typer.Argument(help="One study file, a spec with --set, or run folders.", show_default=False)
]
ArmSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="ARM:PATH=VALUE",
        help="Compare the spec with an arm that differs in this; repeatable, also for one arm.",
        show_default=False,
    ),
]
Budget = Annotated[str | None, typer.Option(help="With --set: what every run may spend, e.g. 100k.")]
Tune = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[ARM:]PATH=V1,V2",
        help="With --set: values to choose from for every arm, or for one; repeatable.",
        show_default=False,
    ),
]
TuneSet = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH=VALUE",
        help="With --tune: what gives tuning other problems [default: another task.seed].",
        show_default=False,
    ),
]
Name = Annotated[
    str | None, typer.Option(help="With --set: the study's name [default: made of the spec's and the arms'].")
]
Resolution = Annotated[
    float | None, typer.Option(help="Add seeds until intervals reach no further than so many points.")
]
MaxSeeds = Annotated[int | None, typer.Option(help="The most seeds, with --resolution [default: the study's, or 40].")]
TokensTo = Annotated[float | None, typer.Option(help="Also compare what it takes to this level, 0.8 for 80%.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1, help="Runs at a time, which share the cores [default: what the machine's cores and memory hold]."
    ),
]
Run = Annotated[bool, typer.Option("--run/--no-run", help="Start or continue what a study lacks.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check a study, say how many runs and tokens it is, and stop.")]
Runs = Annotated[Path, typer.Option(help="Where a study's runs are kept.")]
Output = Annotated[Format, typer.Option("--format", help="What to print.")]
Plot = Annotated[list[Path] | None, typer.Option(help="Also draw FILE.png or .svg; repeatable.", show_default=False)]
Html = Annotated[
    Path | None, typer.Option(help="Also write a page that moves and stands alone, FILE.html.", show_default=False)
]
Baseline = Annotated[str | None, typer.Option(help="The arm to compare with [default: the study's, or the first].")]
EqualAxis = Annotated[Axis | None, typer.Option(help="What is equal [default: the study's, or model_tokens].")]
At = Annotated[float | None, typer.Option(help="How much of it [default: the most that all runs reach].")]
Metric = Annotated[list[str] | None, typer.Option(help="What to compare; repeatable.")]
