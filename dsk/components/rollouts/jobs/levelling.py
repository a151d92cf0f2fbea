"""A tree that grows level by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.components.rollouts.jobs.forest import PROMPT
from dsk.components.rollouts.jobs.waves import Start, Waves
from dsk.core.roles import Known, Setting
from dsk.core.types import Problem

if TYPE_CHECKING:
    from dsk.components.rollouts.levels import Levels


class Levelling(Waves):
    """One wave a level."""

    def __init__(self, problem: Problem, known: Known, spec: Levels, seed: int, setting: Setting) -> None:
        super().__init__(problem, known, seed, setting)
        self.spec = spec

    def next_wave(self) -> list[Start]:
        """A request for every node of the last level that did not end its response."""
        if self.wave == 0:
            return [self._start(PROMPT, len(self.known.given))]
        if self.wave == len(self.spec.widths):
            return []
        return [self._start(chain, self.forest.ends[chain]) for chain in self.fresh if chain not in self.ended]

    def _start(self, chain: int, end: int) -> Start:
        last = self.wave + 1 == len(self.spec.widths)
        longest = self.room(end) if last else min(self.spec.step_tokens, self.room(end))
        return Start(chain, end, self.spec.widths[self.wave], longest, whole=last)
