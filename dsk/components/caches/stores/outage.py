"""Going on without the server: writes wait in a file, are tried again, and are never only in memory."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, TypeVar

from dsk.components.caches.stores.exchange import (
    CacheWarning,
    Change,
    Discard,
    Put,
    Rollback,
    header,
    read_changes,
    read_owner,
    write_changes,
)
from dsk.components.caches.stores.identity import check_identity
from dsk.components.caches.stores.redis_store import RedisStore, unreachable
from dsk.core.run.files import writing
from dsk.core.types import CachedSolution

Answer = TypeVar("Answer")


class OutageSession:
    """A session on a server that may go away.

    While it is away, reads answer from what this session still has to write. Changes are repeated in their order;
    each is idempotent, so one that reached the server although its answer was lost does no harm. Notices are
    `CacheWarning`s.
    """

    def __init__(self, store: RedisStore, owner: tuple[str, str], unsaved: Path, retry_seconds: float) -> None:
        self._store, self._owner, self._unsaved, self._retry_seconds = store, owner, unsaved, retry_seconds
        self._waiting: list[Change] = []
        self._away_since: float | None = None
        self._outages = 0

    def __enter__(self) -> Self:
        try:
            self._store.claim(self._owner)
        except self._store.away as error:
            raise unreachable(self._store.where, error) from None
        if self._unsaved.exists():
            check_identity(str(self._unsaved), read_owner(self._unsaved), self._owner)
            self._waiting = list(read_changes(self._unsaved))
            self._save_waiting()
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            if self._waiting:
                self._save_waiting()
            if self._waiting:
                self._notice(
                    f"{len(self._waiting)} changes could not be saved and are in {self._unsaved};"
                    f" when the server is back: {self._store.import_command} {self._unsaved}"
                )
        finally:
            self._store.__exit__()

    def get(self, problem_id: str) -> list[CachedSolution]:
        """The problem's solutions, oldest first; during an outage those still to be written."""
        if self._reachable():
            try:
                return self._store.get(problem_id)
            except self._store.away as error:
                self._lost(error)
        return [solution for solution in self._unwritten() if solution.problem_id == problem_id]

    def put(self, solutions: Sequence[CachedSolution]) -> int:
        """Add solutions; how many were new, during an outage as far as this session knows."""
        if not solutions:
            return 0
        known = {(s.problem_id, s.tokens) for s in self._unwritten()}
        done = self._change(Put(tuple(solutions)))
        return len({(s.problem_id, s.tokens) for s in solutions} - known) if done is None else done

    def rollback(self, run: str, step: int) -> int:
        """Forget what `run` wrote after `step`; how many went, during an outage of those not yet written."""
        gone = sum(s.run == run and s.step > step for s in self._unwritten())
        done = self._change(Rollback(run, step))
        return gone if done is None else -done

    def discard(self, solutions: Sequence[CachedSolution]) -> int:
        """Forget solutions; how many went, during an outage of those not yet written."""
        keys = {(s.problem_id, s.tokens) for s in solutions}
        gone = sum((s.problem_id, s.tokens) in keys for s in self._unwritten())
        done = self._change(Discard(tuple(solutions)))
        return gone if done is None else -done

    def entries(self) -> Iterator[CachedSolution]:
        """Every solution, oldest first. Raises CacheError during an outage: a part would look like the whole."""
        try:
            yield from self._store.entries()
        except self._store.away as error:
            raise unreachable(self._store.where, error) from None

    def count(self) -> tuple[int, int]:
        """(problems with a solution, solutions); during an outage of those still to be written."""
        if self._reachable():
            try:
                return self._store.count()
            except self._store.away as error:
                self._lost(error)
        left = self._unwritten()
        return len({solution.problem_id for solution in left}), len(left)

    def _change(self, change: Change) -> int | None:
        """Do it now, or keep it for later (None)."""
        if self._reachable():
            try:
                return change.apply(self._store)
            except self._store.away as error:
                self._lost(error)
        self._keep(change)
        return None

    def _reachable(self) -> bool:
        """Whether to ask the server: it was there last time, or a try that was due saved all that waited."""
        if self._away_since is None:
            return True
        if time.monotonic() - self._away_since < self._retry_seconds:
            return False
        return self._save_waiting()

    def _save_waiting(self) -> bool:
        """Try to repeat everything that waits; whether the server has it all."""
        count = len(self._waiting)
        try:
            self._store.claim(self._owner)  # a server that comes back empty, or as another's, is noticed here
            while self._waiting:
                self._waiting[0].apply(self._store)
                del self._waiting[0]
        except self._store.away as error:
            self._lost(error)
            return False
        self._unsaved.unlink(missing_ok=True)
        self._away_since = None
        if self._outages:
            text = f"the server answers again; {count} changes that waited are saved (outage {self._outages})"
        else:
            text = f"{count} changes that an earlier session could not save are saved now"
        self._notice(text)
        return True

    def _lost(self, error: Exception) -> None:
        if self._away_since is None:
            self._outages += 1
            self._notice(
                f"no answer (outage {self._outages}): {error}; the run goes on, changes are kept in {self._unsaved}"
            )
        self._away_since = time.monotonic()

    def _keep(self, change: Change) -> None:
        """Append to the file first, so that a crash now loses nothing either."""
        new = not self._unsaved.exists()
        advice = "make room, then continue with --resume"
        with writing(self._unsaved, advice), self._unsaved.open("a", encoding="utf-8") as stream:
            stream.write(header(self._owner) if new else "")
            write_changes(stream, [change])
            stream.flush()
            os.fsync(stream.fileno())
        self._waiting.append(change)

    def _unwritten(self) -> list[CachedSolution]:
        """What the waiting changes amount to, oldest first."""
        left: dict[tuple[str, tuple[int, ...]], CachedSolution] = {}
        for change in self._waiting:
            if isinstance(change, Put):
                for solution in change.solutions:
                    left.setdefault((solution.problem_id, solution.tokens), solution)
            elif isinstance(change, Rollback):
                left = {k: s for k, s in left.items() if s.run != change.run or s.step <= change.step}
            else:
                for solution in change.solutions:
                    left.pop((solution.problem_id, solution.tokens), None)
        return list(left.values())

    def _notice(self, text: str) -> None:
        warnings.warn(f"cache {self._store.where}: {text}", CacheWarning, stacklevel=2)
