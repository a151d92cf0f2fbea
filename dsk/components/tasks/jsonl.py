"""Problems from JSON Lines files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from dsk.components.tasks.content import lines, refuse_other
from dsk.components.tasks.files import FileTask
from dsk.components.tasks.rows import Row


class Jsonl(FileTask):
    """One JSON object a line, in UTF-8, compressed (gzip, zstd) or not; blank lines are not rows."""

    kind: ClassVar[str] = "jsonl"

    def read(self, file: Path) -> Iterator[Row]:
        """The file's rows, read line by line. Raises DataError where it cannot be read or is of another kind."""
        refuse_other(file, self.kind)
        for number, line in enumerate(lines(file), start=1):
            if line.strip():
                yield f"{file}:{number}", _parse(line.rstrip(b"\r\n"))


def _parse(line: bytes) -> Mapping[str, Any] | str:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"column {error.start + 1}: not UTF-8"
    except json.JSONDecodeError as error:
        return f"column {error.colno}: not JSON: {error.msg}"
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits, or nesting as deep
        return f"not usable JSON: {error}"
    return row if isinstance(row, Mapping) else f"a JSON {type(row).__name__}, not an object"
