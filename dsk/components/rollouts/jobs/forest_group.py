"""From a finished forest to the trajectories and terminals of a group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dsk.components.rollouts.jobs.forest import ROOT, Forest, Nodes
from dsk.core.types import Terminal, Trajectory, Verdict, mean_reward


@dataclass(frozen=True)
class Harvest:
    """What verified chains of a forest become.

    A node's `mean_rewards` is the mean reward of all verified ends at or below it, probes included; `values` are the
    same numbers, so that an advantage of values means something here too.
    """

    forest: Forest
    nodes: Nodes
    reward: Callable[[Verdict], float]

    @cached_property
    def terminals(self) -> tuple[Terminal, ...]:
        """All verified ends, in the order of chains."""
        return tuple(self._terminal(chain, verdict) for chain, verdict in self._judged())

    def _judged(self) -> list[tuple[int, Verdict]]:
        return sorted(self.forest.verdicts.items(), key=lambda item: item[0])

    def _terminal(self, chain: int, verdict: Verdict) -> Terminal:
        forest, probe = self.forest, self.forest.probes[chain]
        node = self.nodes.at(forest.parents[chain], forest.starts[chain]) if probe else self.nodes.last(chain)
        return Terminal(
            self.nodes.path(node), self.reward(verdict), forest.ends[chain], probe=probe, correct=verdict.correct
        )

    @cached_property
    def below(self) -> dict[int, list[float]]:
        """Rewards of the verified ends at or below each node that has any."""
        below: dict[int, list[float]] = {}
        for end in self.terminals:
            for node in (ROOT, *end.path):
                below.setdefault(node, []).append(end.reward)
        return below

    @cached_property
    def means(self) -> dict[int, float]:
        """Their mean."""
        return {node: mean_reward(rewards) for node, rewards in self.below.items()}

    @cached_property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """Every verified response but probes."""
        return tuple(self._trajectory(chain, verdict) for chain, verdict in self._judged() if self._is_trained(chain))

    def _is_trained(self, chain: int) -> bool:
        return not self.forest.probes[chain]

    def _trajectory(self, chain: int, verdict: Verdict) -> Trajectory:
        forest, nodes = self.forest, self.nodes
        path = nodes.path(nodes.last(chain))
        tokens, logprobs = forest.response(chain, forest.ends[chain])
        sampled = logprobs[len(forest.given) :]
        means = tuple(self.means[node] for node in (ROOT, *path))
        return Trajectory(
            tokens=tokens,
            logprobs=logprobs,
            node_lengths=np.asarray([nodes.length[node] for node in path], np.int32),
            node_ids=path,
            values=means[1:],
            mean_rewards=means,
            reward=self.reward(verdict),
            entropy=float(-sampled.mean()) if len(sampled) else 0.0,
            stop=forest.stops[chain],
            version=min(forest.versions[one] for one in forest.lineage(chain)),
            origin="search",
            answer=verdict.answer,
            path=tuple(nodes.place[node] for node in path),
            tree=forest.trees[chain],
            correct=verdict.correct,
        )
