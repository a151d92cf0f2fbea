"""Caches that are wrong in one way each, around a sound one; `caught_by` is the property that must say so."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from dsk.components.caches.memory import Memory
from dsk.components.caches.sqlite import Sqlite
from dsk.core.roles import Cache
from dsk.testing import CacheContract
from dsk.testing.cache import solution


class Wrapped:
    """A session that passes everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Wrapping(Cache):
    """A sound store behind a session of the mistake's kind."""

    kind: ClassVar[str] = "wrapping"
    session: ClassVar[type] = Wrapped
    store: ClassVar[Cache] = Memory()

    @contextmanager
    def open(self, folder, task, verifier):
        with self.store.open(folder, task, verifier) as inner:
            yield self.session(inner)

    def identity(self, folder):
        return self.store.identity(folder)


class BrokenCache(CacheContract):
    durable = False
    cache: ClassVar[Cache]

    def make_cache(self, folder):
        return self.cache


class Seeded(Wrapping):
    """Starts with a solution of its own."""

    @contextmanager
    def open(self, folder, task, verifier):
        with super().open(folder, task, verifier) as session:
            session.put([solution("own")])
            yield session


class BreaksEmptiness(BrokenCache):
    caught_by = "test_a_new_cache_is_empty"
    cache = Seeded()


class TextLosing(Wrapped):
    def put(self, solutions):
        return self.inner.put([replace(s, text=s.text.encode("ascii", "ignore").decode()) for s in solutions])


class Ascii(Wrapping):
    """Keeps ASCII only."""

    session: ClassVar[type] = TextLosing


class BreaksText(BrokenCache):
    caught_by = "test_a_solution_comes_back_equal"
    cache = Ascii()


class Counting(Wrapped):
    def put(self, solutions):
        self.inner.put(solutions)
        return len(solutions)


class Miscounting(Wrapping):
    """Counts duplicates as new."""

    session: ClassVar[type] = Counting


class BreaksCounts(BrokenCache):
    caught_by = "test_the_same_tokens_are_kept_once_per_problem"
    cache = Miscounting()


class ForgettingAll(Wrapped):
    def rollback(self, run, step):
        return self.inner.discard([s for s in self.inner.entries() if s.run == run and s.step > step])


class OthersToo(Wrapping):
    """A rollback takes along what another run also found."""

    session: ClassVar[type] = ForgettingAll


class BreaksRollback(BrokenCache):
    caught_by = "test_a_rollback_keeps_what_another_run_also_found"
    cache = OthersToo()


class Open(Wrapping):
    """Takes any task's solutions for its own."""

    store: ClassVar[Cache] = Sqlite()

    @contextmanager
    def open(self, folder, task, verifier):
        with super().open(folder, "any", "any") as session:
            yield session


class BreaksOwnership(BrokenCache):
    durable = True
    caught_by = "test_a_cache_of_another_task_or_verifier_is_refused_by_both_names"
    cache = Open()


class BreaksDurability(BrokenCache):
    durable = True
    caught_by = "test_reopening_finds_what_was_put"
    cache = Wrapping()


class Reversing(Wrapped):
    def get(self, problem_id):
        return self.inner.get(problem_id)[::-1]


class NewestFirst(Wrapping):
    """Returns the newest solution first."""

    session: ClassVar[type] = Reversing


class BreaksOrder(BrokenCache):
    caught_by = "test_any_history_equals_a_log_of_puts"
    cache = NewestFirst()
