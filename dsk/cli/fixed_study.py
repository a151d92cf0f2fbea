"""`dsk compare` of a study at a fixed policy: its runs, then its tables or the same as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dsk.compare.fixed.results import FixedResults
    from dsk.compare.planning import PlannedRun
    from dsk.compare.runner import Outcome
    from dsk.compare.study import Study

UNUSED = {"axis": "--axis", "amount": "--at", "metrics": "--metric"}


def conduct_fixed(
    study: Study, source: str, runs: Path, baseline: str, output: str, *, jobs: int | None, run: bool, dry: bool
) -> bool:
    """Run what is missing, the reference first, and print; whether a run failed. Where `dry`, only the plan."""
    from dsk.cli.study_runs import Missing
    from dsk.cli.terminal import messages
    from dsk.compare.fixed.planning import check_work, phases, plan_fixed
    from dsk.compare.planning import check_folders, plan_runs

    planned = plan_fixed(study, plan_runs(study, source, runs), source, runs)
    check_folders(planned)
    check_work(planned)
    if dry:
        arms, seeds = len(study.all_arms()), len(study.seeds)
        typer.echo(f"one reference, then {arms} arms x {seeds} seeds = {arms * seeds} runs at a fixed policy")
        return False
    missing = Missing(study, jobs, messages())
    outcomes: list[Outcome] = []
    for phase in phases(planned) if run else ():
        if not any(outcome.code for outcome in outcomes):
            outcomes += missing.run(phase)
    show(study, planned, baseline, output)
    return any(outcome.code for outcome in outcomes)


def check_options(study: Study, options: Mapping[str, Any], plot: Sequence[Path], html: Path | None = None) -> None:
    """Raises SpecError for an option that such a study has no use for, and for a baseline that is no arm."""
    from dsk.core.errors import SpecError

    useless = [flag for name, flag in UNUSED.items() if name in options] + (["--plot"] if plot else [])
    useless += ["--html"] if html else []
    if useless:
        kind = "gradient" if study.mode == "gradient" else "exploration"
        raise SpecError(f"{useless[0]}: a study of {kind} has figures per token and no curve; leave it out")
    names = list(study.all_arms())
    if "baseline" in options and options["baseline"] not in names:
        raise SpecError(f"--baseline: no arm '{options['baseline']}'; arms: {', '.join(names)}")


def show(study: Study, planned: Sequence[PlannedRun], baseline: str, output: str) -> None:
    """Print what the study's folders have."""
    from dsk.compare.fixed.exploration_results import exploration_results
    from dsk.compare.fixed.gradient_results import gradient_results

    found = (gradient_results if study.mode == "gradient" else exploration_results)(study, planned, baseline)
    if output == "table":
        from dsk.cli.grid import print_grid

        for grid in found.grids:
            print_grid(grid)
    else:
        typer.echo(_formatted(found, output), nl=False)


def _formatted(found: FixedResults, output: str) -> str:
    from dsk.compare.fixed.results import flat
    from dsk.compare.formats import flat_csv, grid_latex, grid_markdown, plain_json

    if output == "csv":
        return flat_csv([flat(row) for row in found.rows])
    if output == "json":
        return plain_json([flat(row) for row in found.rows])
    return "\n".join((grid_markdown if output == "markdown" else grid_latex)(grid) for grid in found.grids)
