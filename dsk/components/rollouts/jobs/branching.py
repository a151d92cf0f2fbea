"""Whole responses, and rounds of forks in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dsk.components.rollouts.jobs.forest import PROMPT
from dsk.components.rollouts.jobs.waves import Start, Waves
from dsk.core.errors import PluginError
from dsk.core.roles import Known, Setting
from dsk.core.types import Problem

if TYPE_CHECKING:
    from dsk.components.rollouts.branch import Branch


class Branching(Waves):
    """One wave of whole responses, then one a round with a request for every place that is forked."""

    def __init__(self, problem: Problem, known: Known, spec: Branch, seed: int, setting: Setting) -> None:
        super().__init__(problem, known, seed, setting)
        self.spec = spec
        self.waits = spec.fork.needs_verdicts

    def is_last(self) -> bool:
        """Whether the last round is out."""
        return self.wave > self.spec.rounds

    def next_wave(self) -> list[Start]:
        """A tree whose rule names no place is not extended."""
        if self.wave == 0:
            return [self.begin(self.spec.chains, apart=True)]
        if self.is_last():
            return []
        return [start for tree in range(self.spec.chains) for start in self._forks(tree)]

    def _forks(self, tree: int) -> list[Start]:
        if not self.forest.chains(tree):
            return []
        places = self.spec.fork.places(self.forest, tree, self.spec.forks, self.rng("fork", tree))
        self._check(tree, places)
        return [self._start(tree, *place, count) for place, count in Counter(places).items()]

    def _start(self, tree: int, chain: int, index: int, count: int) -> Start:
        end = len(self.known.given) if chain == PROMPT else self.forest.starts[chain] + index
        return Start(chain, end, count * self.spec.continuations, self.room(end), tree)

    def _check(self, tree: int, places: list[tuple[int, int]]) -> None:
        """Raises PluginError where the rule named more than it was asked for or what is not there."""
        fork, chains = self.spec.fork, self.forest.chains(tree)
        lengths = {PROMPT: 1, **{chain: len(self.forest.tokens(chain)) for chain in chains}}
        wrong = [(chain, index) for chain, index in places if not 0 <= index < lengths.get(chain, 0)]
        fault = f"{wrong[0]}; the tree's chains are {chains}, and (-1, 0) is the prompt" if wrong else None
        if len(places) > self.spec.forks:
            fault = f"{len(places)} places, and was asked for at most {self.spec.forks}"
        if fault:
            name = f"{type(fork).__module__}.{type(fork).__qualname__}"
            raise PluginError(f"fork '{fork.kind}': {name} named {fault}")
