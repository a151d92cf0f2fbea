"""A cache in one SQLite file that several processes and runs can share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from dsk.components.caches.stores.sqlite_store import SqliteSession, connect, owner, store_errors
from dsk.core.roles import Cache

DEFAULT_FILE = "cache.sqlite"


class Sqlite(Cache):
    """Write-ahead log, so that readers never wait for writers; each `put` is one durable transaction.

    A process killed at any moment loses what it had not committed and nothing else. The file must be on a local disk
    (network file systems do not share the log's memory); use `redis` between machines.
    """

    kind: ClassVar[str] = "sqlite"

    path: str | None = Field(
        default=None,
        min_length=1,
        description="The file, from the working folder, to share it between runs; null is the run's cache.sqlite.",
    )
    busy_seconds: float = Field(default=30.0, gt=0, description="Longest wait for another process's write, in seconds.")

    @contextmanager
    def open(self, folder: str, task: str, verifier: str) -> Iterator[SqliteSession]:
        """Open or create the file. Raises CacheError: another owner, not such a file, or a disk that refuses."""
        file = self.file(folder)
        connection = connect(file, self.busy_seconds)
        try:
            yield SqliteSession(connection, str(file), task, verifier)
        finally:
            connection.close()

    def identity(self, folder: str) -> tuple[str, str] | None:
        """The file's (task, verifier), None where there is no file. Raises CacheError if it is something else."""
        file = self.file(folder)
        if not file.is_file():
            return None
        connection = connect(file, self.busy_seconds)
        try:
            with store_errors(str(file)):
                return owner(connection)
        finally:
            connection.close()

    def file(self, folder: str) -> Path:
        """Where the solutions are."""
        return Path(self.path).expanduser() if self.path else Path(folder) / DEFAULT_FILE
