"""Paths that grow by a segment at a time under one budget of responses."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice
from typing import TYPE_CHECKING

from dsk.components.rollouts.jobs.forest import PROMPT
from dsk.components.rollouts.jobs.waves import Start, Waves
from dsk.core.roles import Known, Setting
from dsk.core.types import Problem, Sample

if TYPE_CHECKING:
    from dsk.components.rollouts.lockstep import Lockstep

Place = tuple[int, int]


class Marching(Waves):
    """One wave a step: a segment of every active path, and forks of them."""

    def __init__(self, problem: Problem, known: Known, spec: Lockstep, seed: int, setting: Setting) -> None:
        super().__init__(problem, known, seed, setting)
        self.spec = spec
        self.finished = 0
        self._asked = 0

    def next_wave(self) -> list[Start]:
        """Segments by the budget; from places further up where no path is left."""
        if self.wave == 0:
            return self._starts_from(self._shared([self._prompt], 0))
        active = [(chain, self.forest.ends[chain]) for chain in self.fresh if chain not in self.ended]
        newly = self._asked - len(active)
        self.finished += newly
        if active:
            return self._starts_from(self._shared(active, newly))
        return self._starts_from(self._fallen_back(self.spec.width - self.finished))

    @property
    def _prompt(self) -> Place:
        return PROMPT, len(self.known.given)

    def _shared(self, active: list[Place], newly: int) -> Counter[Place]:
        """How many segments to sample from each active path (METHODS: budget transfer)."""
        spec = self.spec
        total = max(len(active), min(spec.width - self.finished, spec.branching * (newly + len(active))))
        each, rest = divmod(total, len(active))
        shares = Counter(dict.fromkeys(active, each))
        shares[active[-1]] += rest
        return shares

    def _fallen_back(self, budget: int) -> Counter[Place]:
        """Places on finished paths, `branching` forks from each in turn."""
        if budget <= 0:
            return Counter()
        rng = self.rng("fallback")
        done = [chain for chain in sorted(self.ended) if self.forest.stops[chain] == "eos"]
        places = [self._boundary(chain, int(rng.integers(self._depth(chain)))) for chain in rng.permutation(done)]
        forks = (place for place in cycle(places or [self._prompt]) for _ in range(self.spec.branching))
        return Counter(islice(forks, budget))

    def _boundary(self, chain: int, segments: int) -> Place:
        """The place on a path after so many of its segments."""
        if not segments:
            return self._prompt
        above = self.forest.lineage(chain)[segments - 1]
        return above, self.forest.ends[above]

    def _depth(self, chain: int) -> int:
        return len(self.forest.lineage(chain))

    def _starts_from(self, shares: Counter[Place]) -> list[Start]:
        self._asked = shares.total()
        return [self._start(chain, end, n) for (chain, end), n in shares.items()]

    def _start(self, chain: int, end: int, n: int) -> Start:
        last = self._depth(chain) + 1 == self.spec.depth
        return Start(chain, end, n, min(self.spec.segment_tokens, self.room(end)), whole=last)

    def ends(self, start: Start, sample: Sample) -> bool:
        """Besides the limits, whether the segment repeats itself."""
        return super().ends(start, sample) or self._repeats(sample)

    def _repeats(self, sample: Sample) -> bool:
        spec = self.spec
        if not spec.repeats:
            return False
        text = self.forest.text(sample.tokens)
        windows = range(len(text) - spec.repeat_characters + 1)
        found = Counter(text[at : at + spec.repeat_characters] for at in windows)
        return max(found.values(), default=0) >= spec.repeats
