"""Files that survive a crash: on disk when a call returns, whole or not at all, and a failure names the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dsk.core.errors import CheckpointError


@contextmanager
def writing(path: Path, advice: str) -> Iterator[None]:
    """What the system says while `path` is written, as a CheckpointError with its name and what to do."""
    try:
        yield
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}; {advice}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, whole or not at all. Raises CheckpointError (disk full, no permission)."""
    partial = path.with_name(path.name + ".partial")
    try:
        with writing(path, "the file before is intact; make room, then continue with --resume"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(path.parent)
    except CheckpointError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def append(file: BinaryIO, path: Path, data: bytes) -> None:
    """Add `data` to the end of `file` (unbuffered, open for appending): all of it, or none. Raises CheckpointError."""
    with writing(path, "nothing of this record was kept; make room, then continue with --resume"):
        end = file.seek(0, os.SEEK_END)
        try:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk: a file's own fsync does not cover the name it was given."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_tree(folder: Path) -> None:
    """Put every file below `folder`, and the names in it, on disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)
