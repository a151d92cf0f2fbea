"""Problems from CSV files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from dsk.components.tasks.content import lines, refuse_other
from dsk.components.tasks.files import FileTask
from dsk.components.tasks.rows import Row
from dsk.core.errors import DataError

OTHERS = (";", "\t", "|", ",")
"""What separates fields in tables that are called CSV."""


class Csv(FileTask):
    """Comma-separated values in UTF-8 under a line of column names, compressed (gzip, zstd) or not.

    A quoted field may hold line breaks; a row is named by its last line.
    """

    kind: ClassVar[str] = "csv"

    delimiter: str = Field(",", min_length=1, max_length=1, description='What separates fields; `"\\t"` for TSV.')

    def read(self, file: Path) -> Iterator[Row]:
        """The file's rows. Raises DataError: not CSV, no header, a column named twice, broken quotes."""
        refuse_other(file, self.kind)
        # a byte that is not UTF-8 becomes a surrogate, which makes its row a bad one and leaves the others alone
        text = (line.decode("utf-8", "surrogateescape") for line in lines(file))
        rows = csv.reader(text, delimiter=self.delimiter, strict=True)
        try:
            names = next(rows, [])
            _check_names(file, names, self.delimiter)
            for row in rows:
                if row:
                    yield f"{file}:{rows.line_num}", _named(names, row)
        except csv.Error as error:
            raise DataError(f"{file}:{rows.line_num}: not CSV: {error}") from None


def _check_names(file: Path, names: list[str], delimiter: str) -> None:
    other = next((mark for mark in OTHERS if len(names) == 1 and mark != delimiter and mark in names[0]), None)
    if other:
        raise DataError(f"{file}:1: one column, '{names[0]}'; set task.delimiter to {json.dumps(other)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{file}:1: the column '{twice[0]}' is there twice; rename one")


def _named(names: list[str], row: list[str]) -> Mapping[str, Any] | str:
    if len(row) != len(names):
        return f"{len(row)} fields under {len(names)} column names"
    return dict(zip(names, row, strict=True))
