"""A comparison's table on the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from dsk.cli.terminal import console
from dsk.compare.formats import WORDS
from dsk.compare.table import Grid

GAP = 3


def print_grid(grid: Grid) -> None:
    """Print the table and its notes; where the terminal is narrow, the columns come in several tables."""
    screen = console()
    for number, columns in enumerate(column_parts(grid, screen.width)):
        title = grid.title if number == 0 and grid.title else None
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(grid.heads[column], justify="left" if grid.heads[column] in WORDS else "right")
        for row in grid.rows:
            table.add_row(*(Text(row[c].text, style="bold" if row[c].bold else "") for c in columns))
        screen.print(table)
    for note in grid.notes:
        style = "yellow" if note.startswith("warning: ") else "dim"
        screen.print(Text(note, style=style), soft_wrap=True)


def column_parts(grid: Grid, width: int) -> list[list[int]]:
    """The columns in as many parts as `width` characters need; each part begins with the arms."""
    sizes = [max(len(head), *(len(row[i].text) for row in grid.rows)) + GAP for i, head in enumerate(grid.heads)]
    parts: list[list[int]] = [[0]]
    for column in range(1, len(sizes)):
        if len(parts[-1]) > 1 and sum(sizes[c] for c in parts[-1]) + sizes[column] > width:
            parts.append([0])
        parts[-1].append(column)
    return parts
