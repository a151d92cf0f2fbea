"""How a run is followed in a notebook: one output that is written anew, which saves as it stood at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from dsk.core.run.ledger import Listener, Silent
from dsk.core.run.moment import Moment, describe
from dsk.core.sampling.scheduler import Progress
from dsk.web.fragments import block, pairs, paragraph, progress_bar

REFRESH_SECONDS = 0.25
Draw = Callable[[str], None]
"""Shows HTML in the place of what was shown before."""


def default_listener() -> Listener:
    """A `NotebookView` in a notebook, else `Silent`."""
    from rich.console import Console

    return NotebookView() if Console().is_jupyter else Silent()


class NotebookView:
    """A listener for notebooks: a bar for the phase, the figures of the moment, and the last `lines` records."""

    def __init__(self, lines: int = 8, draw: Draw | None = None) -> None:
        self._moment, self._lines = Moment(), deque[str](maxlen=lines)
        self._draw, self._drawn = draw or _output(), 0.0

    def record(self, record: Mapping[str, Any]) -> None:
        """Add the record's line and take its figures."""
        self._moment.record(record)
        if line := describe(record):
            self._lines.append(line)
        self._show()

    def progress(self, phase: str, progress: Progress) -> None:
        """Show how far the phase is: now and then, and at its end."""
        self._moment.progress(phase, progress)
        if time.monotonic() - self._drawn > REFRESH_SECONDS or progress.done == progress.total:
            self._show()

    def _show(self) -> None:
        self._drawn = time.monotonic()
        lines = [paragraph(line) for line in self._lines]
        self._draw(block("", progress_bar(self._moment.share), pairs(self._moment.figures), *lines))


def _output() -> Draw:
    """An output of the cell that runs; it is made when there is something to show."""
    from IPython.display import HTML, DisplayHandle

    handle: list[DisplayHandle] = []

    def draw(shown: str) -> None:
        if handle:
            handle[0].update(HTML(shown))
        else:
            handle.append(DisplayHandle())
            handle[0].display(HTML(shown))

    return draw
