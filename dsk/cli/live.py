"""What a run looks like on the terminal: a live panel, plain lines when not a terminal, a closing table."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dsk.cli import terminal
from dsk.cli.outlet import outlets
from dsk.core.rounds import run
from dsk.core.run.kept_run import Run
from dsk.core.run.ledger import Silent
from dsk.core.run.moment import Moment, describe
from dsk.core.run.shown_run import ROUND_COLUMNS
from dsk.core.run.stopping import StopRequest
from dsk.core.sampling.scheduler import Progress
from dsk.core.spec import RunSpec
from dsk.report import write_report

REFRESH_SECONDS = 0.25


def run_with_display(
    spec: RunSpec, folder: Path | None, resume: bool, quiet: bool, overrides: Sequence[str] = ()
) -> None:
    """Run with Ctrl-C, SIGTERM, a closed terminal or pipe meaning: finish the micro-batch, save, exit 130.

    A second Ctrl-C stops at once.
    """
    console = terminal.console()
    view: Any = Silent() if quiet else LiveView(spec, console) if console.is_terminal else PlainView(console)
    with StopRequest(_announce_stop) as stop, outlets(stop.ask):
        with view if isinstance(view, LiveView) else nullcontext():
            finished = run(spec, folder, resume=resume, listener=view, should_stop=stop, overrides=overrides)
        _print_closing(console, finished)


def _print_closing(console: Console, finished: Run) -> None:
    console.print(closing_table(finished))
    if finished.summary["rounds"]:
        console.print(rounds_table(finished))
    console.print(
        f"Trained model: {finished.folder / 'final'}   figures: {finished.folder / 'summary.json'}", soft_wrap=True
    )
    console.print(f"Report: {write_report(finished.folder)}", soft_wrap=True)


def _announce_stop() -> None:
    with suppress(RuntimeError):  # the signal came while this very stream was being written to
        sys.stderr.write("stopping: finishing the current micro-batch and saving (Ctrl-C again to stop at once)\n")


class PlainView:
    """A record a line; on a terminal long ones go on in the next line, at a word."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def record(self, record: Mapping[str, Any]) -> None:
        """Print the record if it is one a person follows."""
        line = describe(record)
        if line:
            told = f"[{time.monotonic() - self._started:6.1f}s] {line}"
            self._console.print(told, markup=False, highlight=False, soft_wrap=not self._console.is_terminal)

    def progress(self, phase: str, progress: Progress) -> None:
        """Plain output shows no progress within a phase."""


class LiveView:
    """A panel that is redrawn a few times a second, in as many lines as its figures need."""

    def __init__(self, spec: RunSpec, console: Console) -> None:
        self._plain, self._moment = PlainView(console), Moment(spec.name)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn = 0.0

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def record(self, record: Mapping[str, Any]) -> None:
        """Print the record above the panel and take its figures."""
        self._plain.record(record)
        self._moment.record(record)
        self._draw()

    def progress(self, phase: str, progress: Progress) -> None:
        """Show how far the phase is."""
        self._moment.progress(phase, progress)
        if time.monotonic() - self._drawn > REFRESH_SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        figures = self._moment.figures.items()
        cells = [Text.assemble((name, "dim"), " ", (value, "bold"), no_wrap=True) for name, value in figures]
        self._live.update(Columns(cells, padding=(0, 2)), refresh=True)


def closing_table(finished: Run) -> Table:
    """Before and after, what was sampled, trained and cached, and where the time went."""
    data = finished.summary
    table = Table(
        "Figure",
        "Value",
        title=f"{data['name']}: {data['steps']} steps, {data['updates']} updates",
        title_justify="left",
    )
    problems = "hard-set " if data["hard_only"] else ""
    for when in ("before", "after"):
        if data[when]:
            s = data[when]
            share = (
                f"{s['pass_at_1']:.1%}  [{s['low']:.1%}, {s['high']:.1%}]  ({s['problems']} problems x {s['samples']})"
            )
            table.add_row(f"held-out {problems}pass@1, {when}", share)
    table.add_row("problems cached", f"{data['cached_problems']:,}")
    table.add_row("tokens generated", f"{data['sampled_tokens']:,}")
    table.add_row("tokens trained", f"{data['trained_tokens']:,}")
    for name, seconds in data["seconds"].items():
        table.add_row(f"seconds in {name}", f"{seconds:.1f}")
    table.add_row("peak memory", f"{data['peak_memory_bytes'] / 2**20:,.0f} MiB")
    return table


def rounds_table(finished: Run) -> Table:
    """Rounds as in the paper's Table 6: of the hard set, what was replayed and what was left to search."""
    table = Table(title="Rounds", title_justify="left", box=None)
    for name in ROUND_COLUMNS.values():
        table.add_column(name, justify="right")
    for row in finished.summary["rounds"]:
        table.add_row(*(f"{row[name]:,}" for name in ROUND_COLUMNS))
    return table
