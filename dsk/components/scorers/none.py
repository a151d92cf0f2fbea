"""`none`: no scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from dsk.core.roles import Scorer, ScorerSession
from dsk.core.types import Problem


class NoScores(Scorer):
    """Steps are not rated."""

    kind: ClassVar[str] = "none"

    @property
    def active(self) -> bool:
        """It rates nothing."""
        return False

    @contextmanager
    def open(self) -> Iterator[ScorerSession]:
        """A session that nobody asks."""
        yield Silent()


class Silent:
    """An open scorer that says nothing."""

    def rate(self, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float | None]:
        """Nothing to say."""
        return [None] * len(items)
