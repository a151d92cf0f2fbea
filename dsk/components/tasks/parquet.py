"""Problems from Parquet files, veRL's layout among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dsk.components.tasks.columns import likely_fields, no_column
from dsk.components.tasks.content import other_kind
from dsk.components.tasks.files import FileTask
from dsk.components.tasks.rows import PLAIN_LAYOUT, VERL_META, Row
from dsk.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 256


class Parquet(FileTask):
    """One row a problem; only the columns in use are read, a batch at a time."""

    kind: ClassVar[str] = "parquet"

    def read(self, file: Path) -> Iterator[Row]:
        """The file's rows, counted from 1. Raises DataError: not Parquet, damaged, or without a named column."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(file) as table:
                columns = self._columns(file, table.schema_arrow)
                number = 0
                for batch in table.iter_batches(BATCH_ROWS, columns=columns):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"{file}:{number}", row
        except (pa.ArrowException, OSError) as error:
            other = other_kind(file, self.kind)
            fault = other or str(error).strip().splitlines()[0]
            raise DataError(f"{file}: not a readable Parquet file: {fault}") from None

    def _columns(self, file: Path, schema: pa.Schema) -> list[str]:
        """The top-level columns to read. Raises DataError for a column that is not in the file."""
        shape = _shape(schema)
        wanted = self.columns_in_use(shape)
        top: dict[str, None] = {}
        for name in wanted:
            path = [name] if name in shape else name.split(".")
            inside: Any = shape
            for part in path:
                if not isinstance(inside, dict) or part not in inside:
                    lacking = [field for field in PLAIN_LAYOUT if field in wanted and field not in shape]
                    remedy = likely_fields(shape, lacking) or "task.problem, task.answer"
                    raise DataError(f"{file}: {no_column(name, _leaves(shape))}; set {remedy}")
                inside = inside[part]
            top[path[0]] = None
        return list(top | ({VERL_META: None} if VERL_META in shape else {}))


def _shape(fields: Any) -> dict[str, Any]:
    """The schema as nested dicts: an object for a struct, True for anything else."""
    import pyarrow as pa

    return {f.name: _shape(f.type) if pa.types.is_struct(f.type) else True for f in fields}


def _leaves(shape: dict[str, Any]) -> list[str]:
    """Every column that can be named, objects by their dotted parts."""
    names: list[str] = []
    for name, inside in shape.items():
        names += [f"{name}.{part}" for part in _leaves(inside)] if isinstance(inside, dict) else [name]
    return names
