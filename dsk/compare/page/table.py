"""The table of a page: the cells of every other format, and what each column is sorted by."""

from __future__ import annotations

import re
from typing import Any

from dsk.compare.comparison import Comparison
from dsk.compare.formats import WORDS
from dsk.compare.table import Cell, make_grid

NUMBER = re.compile(r"^(?:[≥≤<] ?)?([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)")


def table_data(comparison: Comparison) -> dict[str, Any]:
    """Heads, which of them are words, and rows of cells."""
    grid = make_grid(comparison)
    return {
        "heads": [{"text": head, "words": head in WORDS} for head in grid.heads],
        "rows": [[_cell(cell, head in WORDS) for cell, head in zip(row, grid.heads, strict=True)] for row in grid.rows],
    }


def _cell(cell: Cell, words: bool) -> dict[str, Any]:
    return {"text": cell.text, "bold": cell.bold, "key": cell.text if words else leading_number(cell.text)}


def leading_number(text: str) -> float | None:
    """The number that a cell begins with, behind a bound's sign; None where there is none."""
    found = NUMBER.match(text)
    return float(found[1].replace(",", "")) if found else None
