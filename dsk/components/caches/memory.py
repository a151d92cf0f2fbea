"""A cache that lives as long as its process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

from dsk.core.roles import Cache
from dsk.core.types import CachedSolution

Key = tuple[str, tuple[int, ...]]


class Memory(Cache):
    """Solutions in a dict: nothing on disk, so a resumed run starts with an empty cache."""

    kind: ClassVar[str] = "memory"

    @contextmanager
    def open(self, folder: str, task: str, verifier: str) -> Iterator[MemorySession]:
        """An empty cache; each call gives another."""
        yield MemorySession()


@dataclass
class MemorySession:
    """Per solution what each run put first, with its place in the order of all puts."""

    _sources: dict[Key, dict[str, tuple[int, CachedSolution]]] = field(default_factory=dict)
    _problems: dict[str, dict[Key, None]] = field(default_factory=dict)
    _clock: Iterator[int] = field(default_factory=count)

    def get(self, problem_id: str) -> list[CachedSolution]:
        """The problem's solutions, oldest first."""
        return self._oldest_first(self._problems.get(problem_id, ()))

    def put(self, solutions: Sequence[CachedSolution]) -> int:
        """Add solutions; how many were new."""
        before = len(self._sources)
        for solution in solutions:
            key = (solution.problem_id, solution.tokens)
            self._problems.setdefault(solution.problem_id, {})[key] = None
            runs = self._sources.setdefault(key, {})
            place, kept = runs.get(solution.run, (next(self._clock), solution))
            runs[solution.run] = (place, min(kept, solution, key=lambda s: s.step))
        return len(self._sources) - before

    def rollback(self, run: str, step: int) -> int:
        """Forget what `run` wrote after `step`; how many went."""
        gone: list[Key] = []
        for key, runs in self._sources.items():
            if run in runs and runs[run][1].step > step:
                del runs[run]
                gone += [] if runs else [key]
        return sum(map(self._drop, gone))

    def discard(self, solutions: Sequence[CachedSolution]) -> int:
        """Forget solutions, whoever wrote them; how many went."""
        return sum(self._drop((s.problem_id, s.tokens)) for s in solutions)

    def entries(self) -> Iterator[CachedSolution]:
        """Every solution, oldest first."""
        return iter(self._oldest_first(self._sources))

    def count(self) -> tuple[int, int]:
        """(problems with a solution, solutions)."""
        return len(self._problems), len(self._sources)

    def _oldest_first(self, keys: Iterable[Key]) -> list[CachedSolution]:
        found = [min(self._sources[key].values(), key=lambda pair: pair[0]) for key in keys]
        return [solution for _, solution in sorted(found, key=lambda pair: pair[0])]

    def _drop(self, key: Key) -> bool:
        if self._sources.pop(key, None) is None:
            return False
        del self._problems[key[0]][key]
        if not self._problems[key[0]]:
            del self._problems[key[0]]
        return True
