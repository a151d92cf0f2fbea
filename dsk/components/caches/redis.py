"""A cache on a Redis server, shared by runs on several machines; an outage stops nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from dsk.components.caches.stores.outage import OutageSession
from dsk.components.caches.stores.redis_store import RedisStore, connect
from dsk.core.errors import CacheError
from dsk.core.roles import Cache

UNSAVED_FILE = "cache.unsaved.jsonl"


class Redis(Cache):
    """Each `put` is one atomic script. While the server is away, writes go to a file and are repeated when it is back.

    What survives a restart of the server is the server's own setting (`appendonly yes` keeps everything).
    """

    kind: ClassVar[str] = "redis"

    url: str = Field(
        default="redis://localhost:6379/0",
        pattern=r"^(redis|rediss|unix)://|^\$",
        description="The server. `$NAME` is taken from the environment: keep passwords there.",
    )
    namespace: str = Field(
        default="dsk", pattern=r"^[^{}\s]+$", description="Start of all keys; one task and verifier each."
    )
    timeout_seconds: float = Field(
        default=2.0, gt=0, description="Longest wait for an answer before it counts as away."
    )
    retry_seconds: float = Field(
        default=5.0, ge=0, description="Time between tries while the server is away, in seconds."
    )

    @contextmanager
    def open(self, folder: str, task: str, verifier: str) -> Iterator[OutageSession]:
        """Connect. Raises CacheError: no server at the start, another owner. Unsaved writes of a crash are repeated."""
        store = self._store()
        unsaved = Path(folder) / UNSAVED_FILE
        with OutageSession(store, (task, verifier), unsaved, self.retry_seconds) as session:
            yield session

    def identity(self, folder: str) -> tuple[str, str] | None:
        """The namespace's (task, verifier), None where it is new. Raises CacheError without a server."""
        with self._store() as store:
            return store.owner()

    def _store(self) -> RedisStore:
        url = os.path.expandvars(self.url)
        if "$" in url:
            raise CacheError(f"cache.url: the environment has no variable for '{self.url}'; set it")
        return connect(url, self.namespace, self.timeout_seconds)
