"""Which problems a step takes: the round's passes over its hard set, in an order of their own each."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsk.core.seeding import derive_seed
from dsk.core.spec import RunSpec
from dsk.core.types import Problem


@dataclass(frozen=True)
class Batches:
    """The problems of one round as a sequence without end: pass after pass over `hard`.

    `rates` are pass rates by problem id, for an order by expected signal.
    """

    spec: RunSpec
    round: int
    hard: Sequence[Problem]
    rates: Mapping[str, float]

    def is_over(self, drawn: int, steps: int) -> bool:
        """Whether the round ends after `steps` steps that took `drawn` problems."""
        most = self.spec.rounds.steps
        return steps >= most if most else drawn >= len(self.hard)

    def batch(self, drawn: int) -> list[Problem]:
        """The next batch after `drawn` problems; the last of a pass may be smaller."""
        turn, start = divmod(drawn, len(self.hard))
        return self._order(turn)[start : start + self.spec.train.batch_problems]

    def further(self, drawn: int, count: int) -> list[Problem]:
        """The `count` problems after the first `drawn`, wherever passes begin."""
        found: list[Problem] = []
        while len(found) < count:
            turn, start = divmod(drawn + len(found), len(self.hard))
            found += self._order(turn)[start : start + count - len(found)]
        return found

    def _order(self, turn: int) -> list[Problem]:
        order = list(self.hard)
        random.Random(derive_seed(self.spec.seed, "order", self.round, turn)).shuffle(order)
        if self.spec.train.order == "signal":
            order.sort(key=lambda problem: -signal(self.rates.get(problem.id, 0.0)))
        return order


def signal(rate: float) -> float:
    """`p (1 - p)`: the variance of a problem's reward, what a group-relative advantage can learn from."""
    return rate * (1.0 - rate)
