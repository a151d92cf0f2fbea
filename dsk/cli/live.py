"""What a run looks like on the terminal: a live panel, plain lines when not a terminal, a closing table."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dsk.cli import terminal
from dsk.cli.outlet import outlets
from dsk.core.rounds import run
from dsk.core.run.kept_run import Run
from dsk.core.run.ledger import Silent
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
    """One line per record."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def record(self, record: Mapping[str, Any]) -> None:
        """Print the record if it is one a person follows."""
        line = describe(record)
        if line:
            self._console.print(
                f"[{time.monotonic() - self._started:6.1f}s] {line}", markup=False, highlight=False, soft_wrap=True
            )

    def progress(self, phase: str, progress: Progress) -> None:
        """Plain output shows no progress within a phase."""


def describe(record: Mapping[str, Any]) -> str | None:
    """A record as one line, or None for the ones that only the log keeps."""
    match record["event"]:
        case "evaluation":
            interval = f"{record['low']:.1%} to {record['high']:.1%}"
            share = f"pass@1 {record['pass_at_1']:.1%} ({interval})"
            return f"evaluation {record['when']}: {share}, {record['problems']} problems"
        case "screened":
            return f"round {record['round']}: screened {record['problems']} problems, {record['hard']} hard"
        case "step":
            loss, norm = record.get("update_loss"), record.get("update_grad_norm")
            trained = f", loss {loss:+.4f}, grad norm {norm:.3f}" if loss is not None and norm is not None else ""
            solved = f"{record['solved']}/{record['problems']} solved, {record['replayed']} replayed"
            return f"step {record['step']}: {solved}, reward {record['group_reward']:+.2f}{trained}"
        case "round":
            return (
                f"round {record['round']} done: {record['still_hard']} of {record['hard']} still hard,"
                f" {record['cached_problems']} problems cached"
            )
        case "resumed":
            return f"resumed at step {record['step']} of round {record['round']}"
        case "cache_rejected":
            return f"dropped {record['solutions']} cached solutions of {record['problem']} that no longer verify"
        case "filtered":
            reasons = ", ".join(f"{count} {reason}" for reason, count in record["reasons"].items())
            return f"step {record['step'] + 1}: {record['samples']} negatives not learnt from ({reasons})"
        case "notice":
            return f"notice: {record['text']}"
        case _:
            return None


class LiveView:
    """A panel that is redrawn a few times a second."""

    def __init__(self, spec: RunSpec, console: Console) -> None:
        self._spec, self._plain = spec, PlainView(console)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._figures: dict[str, str] = {"run": spec.name, "round": "0", "phase": "loading"}
        self._phase, self._phase_started, self._drawn, self._tokens = "", time.monotonic(), 0.0, 0

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def record(self, record: Mapping[str, Any]) -> None:
        """Print the record above the panel and take its figures."""
        self._plain.record(record)
        names = {
            "round": "round", "step": "step", "group_reward": "reward", "trajectory_entropy": "entropy",
            "update_loss": "loss", "update_grad_norm": "grad norm", "cached_problems": "cached",
        }  # fmt: skip
        for key, name in names.items():
            if key in record:
                value = record[key]
                self._figures[name] = f"{value:.3f}" if isinstance(value, float) else str(value)
        self._draw()

    def progress(self, phase: str, progress: Progress) -> None:
        """Show how far the phase is."""
        now = time.monotonic()
        if phase != self._phase or progress.tokens < self._tokens:
            self._phase, self._phase_started = phase, now
        self._tokens = progress.tokens
        spent = now - self._phase_started
        left = spent / progress.done * (progress.total - progress.done) if progress.done else 0.0
        self._figures |= {
            "phase": f"{phase} {progress.done}/{progress.total}",
            "in flight": str(progress.in_flight),
            "tokens/s": f"{progress.tokens / spent:,.0f}" if spent > REFRESH_SECONDS else "-",
            "solved": str(progress.solved),
            "ETA": f"{left:.0f}s" if progress.done else "-",
        }
        if now - self._drawn > REFRESH_SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        grid = Table.grid(padding=(0, 2))
        for _ in range(6):
            grid.add_column()
        cells = [Text.assemble((name, "dim"), " ", (value, "bold")) for name, value in self._figures.items()]
        for start in range(0, len(cells), 6):
            grid.add_row(*cells[start : start + 6])
        self._live.update(grid, refresh=True)


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


ROUND_COLUMNS = {
    "round": "Round", "hard": "Hard", "cached": "Cached", "unsolved": "Unsolved", "steps": "Steps", "solved": "Solved",
    "still_hard": "Still hard", "admitted": "Admitted", "cached_problems": "In cache",
}  # fmt: skip


def rounds_table(finished: Run) -> Table:
    """Rounds as in the paper's Table 6: of the hard set, what was replayed and what was left to search."""
    table = Table(title="Rounds", title_justify="left", box=None)
    for name in ROUND_COLUMNS.values():
        table.add_column(name, justify="right")
    for row in finished.summary["rounds"]:
        table.add_row(*(f"{row[name]:,}" for name in ROUND_COLUMNS))
    return table
