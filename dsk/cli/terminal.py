"""The terminal as every command writes to it: texts as they are."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console


def console(**options: Any) -> Console:
    """A rich console that reads nothing into a text: no markup, no emoji names, no colours for numbers.

    What is printed comes from users, models, plugins and errors; `[vllm]` in it is text. Style with `rich.text.Text`.
    """
    return Console(markup=False, emoji=False, highlight=False, **options)


def messages() -> Console:
    """Standard error for lines of progress: as wide as a terminal, each line whole in a pipe."""
    return console(stderr=True, soft_wrap=not sys.stderr.isatty())
