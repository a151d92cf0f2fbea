"""Rounds of whole responses until there are enough of both outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dsk.components.rollouts.jobs.waves import Start, Waves
from dsk.core.roles import Known, Setting
from dsk.core.sampling.responses import numbered
from dsk.core.types import Group, Problem, mean_reward

if TYPE_CHECKING:
    from dsk.components.rollouts.adaptive import Adaptive


class Sounding(Waves):
    """One wave a round; `ready` are the responses that were there before."""

    def __init__(self, problem: Problem, known: Known, spec: Adaptive, seed: int, setting: Setting) -> None:
        super().__init__(problem, known, seed, setting)
        self.spec = spec
        self.waits = spec.until != "never"
        self.ready = known.screened[: spec.samples]

    @property
    def rounds(self) -> int:
        """Rounds handed out, that of the screening included."""
        return self.wave + bool(self.ready)

    def is_last(self) -> bool:
        """Whether the last round is out."""
        return self.rounds >= self.spec.rounds

    def next_wave(self) -> list[Start]:
        """Another round, unless the rule or the bound says to stop."""
        if self.is_last() or self.spec.enough(*self._outcomes()):
            return []
        return [self.begin(self.spec.samples)]

    def _outcomes(self) -> tuple[int, int]:
        """Correct and wrong responses so far."""
        correct = [t.correct for t in self.ready] + [verdict.correct for verdict in self.forest.verdicts.values()]
        return sum(correct), len(correct) - sum(correct)

    def group(self) -> Group:
        """What was ready first, then the samples, all children of one root."""
        group = super().group()
        fresh = [replace(t, origin="direct", path=()) for t in group.trajectories]
        trajectories = numbered([*self.ready, *fresh])
        stats = {**group.stats, "rounds": self.rounds, "reward": mean_reward([t.reward for t in trajectories])}
        return replace(group, trajectories=trajectories, origin="direct", stats=stats, terminals=(), tree=None)
