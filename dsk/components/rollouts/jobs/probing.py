"""Whole responses, and probes from the states between their steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from dsk.components.rollouts.jobs.forest import PROMPT, Nodes
from dsk.components.rollouts.jobs.waves import Start, Waves
from dsk.core.errors import PluginError
from dsk.core.roles import Known, Setting
from dsk.core.types import Problem

if TYPE_CHECKING:
    from dsk.components.rollouts.probed import Probed


class Probing(Waves):
    """A wave of responses and a wave of probes."""

    merge = True

    def __init__(self, problem: Problem, known: Known, spec: Probed, seed: int, setting: Setting) -> None:
        super().__init__(problem, known, seed, setting)
        self.spec = spec

    def next_wave(self) -> list[Start]:
        """One request for each distinct state, in the order of responses and their steps."""
        if self.wave == 0:
            return [self.begin(self.spec.samples)]
        if self.wave > 1:
            return []
        for chain in self.fresh:
            self.forest.cuts[chain] |= set(self._step_ends(chain))
        nodes = Nodes(self.forest, self.merge)
        places = {nodes.at(*place): place for chain in reversed(self.fresh) for place in self._states(chain)}
        return [self._probe(*places[node]) for node in sorted(places)]

    def _step_ends(self, chain: int) -> list[int]:
        """Where the chain's steps end, the last one left out, in tokens of the response. Raises PluginError."""
        logprobs, boundary = self.forest.logprobs(chain), self.spec.boundary
        lengths = boundary.split(logprobs, self.forest.pieces(chain), self.spec.step_tokens)
        if sum(lengths) != len(logprobs) or min(lengths[1:], default=1) < 1 or min(lengths, default=0) < 0:
            kind = type(boundary)
            raise PluginError(
                f"boundary '{boundary.kind}': {kind.__module__}.{kind.__qualname__}.split made steps of {lengths} of"
                f" {len(logprobs)} tokens; their sum must be that, each at least 1, the first at least 0"
            )
        ends = [self.forest.starts[chain] + end for end in accumulate(lengths[:-1])]
        return [end for end in ends if end > self.forest.starts[chain] or not self.spec.prompt]

    def _states(self, chain: int) -> Iterator[tuple[int, int]]:
        """(chain, end) of the response's states that are probed."""
        states = [(chain, end) for end in sorted(self.forest.cuts[chain])]
        if self.spec.prompt:
            states = [(PROMPT, len(self.known.given)), *states]
        return iter(states[: self.spec.max_states or None])

    def _probe(self, chain: int, end: int) -> Start:
        return Start(chain, end, self.spec.probes, self.room(end), probe=True)
