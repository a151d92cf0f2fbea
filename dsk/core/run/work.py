"""Seconds and computed tokens of what a run does, by phase."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dsk.core.run.assembly import Parts
from dsk.core.run.ledger import EVALUATE, Ledger


class Work:
    """Call it with a phase's name around the work: `with work("train"): ...`."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self._parts, self._ledger = parts, ledger

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count seconds and computed tokens towards a phase; evaluation's tokens are nobody's."""
        before = self._computed()
        try:
            with self._ledger.clock.phase(phase):
                yield
        finally:
            if phase != EVALUATE:
                computed = self._ledger.state.computed_tokens + self._computed() - before
                self._ledger.advance(computed_tokens=computed)

    def _computed(self) -> int:
        return self._parts.engine.stats().forward_tokens + self._parts.learner.computed_tokens
