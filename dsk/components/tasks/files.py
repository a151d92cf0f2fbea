"""What tasks read from files share: paths and globs, and an identity that moving the files does not change."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from dsk.components.tasks.rows import Names, ProblemStream, Row, RowTask
from dsk.core.component import did_you_mean
from dsk.core.errors import DataError
from dsk.core.types import Problem

FINGERPRINT_BYTES = 1 << 20
SAVED_MARKS = ("dataset_dict.json", "state.json")
"""What shows that `datasets` wrote a folder by `save_to_disk`."""
_HUB_ID = re.compile(r"[\w-]+/[\w-]+")


class FileTask(RowTask):
    """A task whose rows are in files of one format."""

    train: Names = Field(min_length=1, description="Training files: a path or several, globs allowed, ~ expanded.")
    test: Names = Field((), description="Held-out files, likewise; none means no test split.")
    name: str | None = Field(
        None,
        min_length=1,
        description="Name of the problem set that caches are tied to; null is derived from the training files.",
    )

    @property
    def identity(self) -> str:
        """`name`, or the files' names with a hash of sizes and of the first and last MiB. Raises DataError."""
        if self.name:
            return self.name
        files = find_files(self.train, "task.train")
        names = "+".join(file.stem for file in files[:3]) + ("+..." if len(files) > 3 else "")
        return f"{self.kind}:{names}:{_fingerprint(files, self.reading())}"

    def problems(self, split: Literal["train", "test"]) -> Iterable[Problem]:
        """A ProblemStream over the split's files, in the order listed. Raises DataError for missing files at once."""
        patterns = self.train if split == "train" else self.test
        if not patterns:
            return ()
        files = find_files(patterns, f"task.{split}")
        return ProblemStream(self, ", ".join(map(str, files)), lambda: self._rows(files))

    def _rows(self, files: list[Path]) -> Iterator[Row]:
        for file in files:
            yield from self.read(file)

    @abstractmethod
    def read(self, file: Path) -> Iterator[Row]:
        """The rows of one file. Raises DataError where it is not of this format at all."""


def find_files(patterns: Iterable[str], field: str) -> list[Path]:
    """The files that paths and globs name, each once. Raises DataError for one that names none."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = os.path.expanduser(pattern)
        files = [Path(path)] if os.path.isfile(path) else sorted(map(Path, glob.glob(path, recursive=True)))
        files = [file for file in files if file.is_file()]
        if not files:
            raise DataError(f"{field}: {_no_file(pattern, Path(path))}")
        found.update(dict.fromkeys(files))
    return list(found)


def _no_file(pattern: str, path: Path) -> str:
    if path.is_dir():
        if any((path / mark).is_file() for mark in SAVED_MARKS):
            return f"'{pattern}' is what save_to_disk wrote; set task.kind to 'huggingface' and task.path to it"
        return f"'{pattern}' is a folder; name its files, such as '{pattern.rstrip('/')}/*'"
    if not path.parent.is_dir():
        on_hub = "; of a data set on the hub set task.kind to 'huggingface' and task.path"
        hint = on_hub if _HUB_ID.fullmatch(pattern) else ""
        return f"no file '{pattern}': there is no folder '{path.parent}' (working folder {Path.cwd()}){hint}"
    near = sorted(file.name for file in path.parent.iterdir() if file.is_file())
    return f"no file '{pattern}' (working folder {Path.cwd()}){did_you_mean(path.name, near)}"


def _fingerprint(files: list[Path], columns: tuple[str | None, ...]) -> str:
    """12 hexadecimal digits of names, sizes and both ends of the files, and of how they are read."""
    digest = hashlib.sha256(repr(columns).encode())
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name}:{size}\n".encode(errors="surrogateescape"))
        with file.open("rb") as stream:
            digest.update(stream.read(FINGERPRINT_BYTES))
            stream.seek(max(size - FINGERPRINT_BYTES, 0))
            digest.update(stream.read(FINGERPRINT_BYTES))
    return digest.hexdigest()[:12]
