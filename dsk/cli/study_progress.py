"""What `dsk compare` shows while runs go on: a line a run on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dsk.compare.planning import PlannedRun
from dsk.compare.progress import RunProgress

REFRESH_SECONDS = 2.0
PLAIN_SECONDS = 15.0
SHORTEST = 44
"""Columns that what is done keeps beside a long name."""


def fitted(progress: RunProgress, width: int) -> Text:
    """One line of at most `width` columns; one too long loses the end of the arm's name, then of what is done."""
    done, left = progress.told()
    seed = progress.run.label.removeprefix(progress.run.arm) + ": "
    tail = f", {left}" if left else ""
    name, told = Text(progress.run.arm), Text(done)
    name.truncate(max(width - len(seed) - min(len(done), SHORTEST) - len(tail), 1), overflow="ellipsis")
    told.truncate(max(width - name.cell_len - len(seed) - len(tail), 1), overflow="ellipsis")
    return Text.assemble(name, seed, told, tail)


class StudyProgress:
    """Shows the runs that were begun and not ended; a line said meanwhile stands above them."""

    def __init__(self, console: Console, seconds: float | None = None) -> None:
        self._console = console
        self._every = seconds or (REFRESH_SECONDS if console.is_terminal else PLAIN_SECONDS)
        self._runs: dict[Path, RunProgress] = {}
        self._said: dict[Path, str] = {}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> StudyProgress:
        if self._live:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._live:
            self._live.stop()

    def begin(self, run: PlannedRun) -> None:
        """Show the run from now on."""
        with self._lock:
            self._runs[run.folder] = RunProgress(run)

    def end(self, run: PlannedRun) -> None:
        """Show the run no longer."""
        with self._lock:
            self._runs.pop(run.folder, None)

    def show(self) -> None:
        """Read all runs and show what is new."""
        if self._live:
            with self._lock:
                drawn = [fitted(progress, self._console.width) for progress in self._runs.values()]
            self._live.update(Text("\n", style="dim").join(drawn), refresh=True)
            return
        with self._lock:
            lines = {folder: progress.line() for folder, progress in self._runs.items()}
        for folder, line in lines.items():
            if self._said.get(folder) != line:
                self._console.print(line, markup=False)
                self._said[folder] = line

    def _follow(self) -> None:
        while not self._over.wait(self._every):
            self.show()
