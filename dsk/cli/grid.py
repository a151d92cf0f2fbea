"""A comparison's table on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dsk.compare.formats import WORDS
from dsk.compare.table import Grid


def print_grid(grid: Grid) -> None:
    """Print the table and its notes; a terminal too narrow for one line a row folds cells."""
    console = Console()
    table = Table(title=grid.title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in grid.heads:
        table.add_column(head, justify="left" if head in WORDS else "right")
    for row in grid.rows:
        table.add_row(*(Text(cell.text, style="bold" if cell.bold else "") for cell in row))
    console.print(table)
    for note in grid.notes:
        style = "yellow" if note.startswith("warning: ") else "dim"
        console.print(Text(note, style=style), soft_wrap=True)
