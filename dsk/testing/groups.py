"""Random groups as rollouts make them: trees, branches, single responses, probes, ends that nobody trains."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from dsk.core.sampling.search_tree import ROOT
from dsk.core.types import Group, Problem, Terminal, Trajectory, mean_reward

GRADES = (-1.0, -0.5, 0.0, 0.5, 1.0)
BINARY = (-1.0, 1.0)


def random_group(seed: int, graded: bool = True) -> Group:
    """A group of one to twelve verified ends in one to three trees, some of them trajectories.

    Trajectories share nodes (ids, tokens, values); some nodes are empty, as where two forks lie at one token; ends lie
    at unequal depths. About half of the groups have probes, at some of their states. `graded` rewards are any of five
    numbers, others -1 or 1; in some groups all rewards are equal.
    """
    rng = random.Random(seed)
    rewards = GRADES if graded else BINARY
    grown = _Grown(rng, (rng.choice(rewards),) if rng.random() < 0.15 else rewards)
    for tree in range(rng.choice((1, 1, 2, 3))):
        grown.tree(tree, rng.randint(0, 3))
    count = len(grown.ends)
    kept = rng.sample(grown.ends, rng.choice((count, rng.randint(1, count))))
    return grown.group(kept, probes=rng.random() < 0.5)


@dataclass
class _Grown:
    """Nodes by id (0 is the prompt) and the ends of the responses so far."""

    rng: random.Random
    rewards: tuple[float, ...]
    paths: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    trees: list[int] = field(default_factory=lambda: [0])
    steps: list[list[tuple[int, float]]] = field(default_factory=lambda: [[]])
    values: list[float] = field(default_factory=lambda: [0.0])
    ends: list[int] = field(default_factory=list[int])

    def tree(self, number: int, forks: int) -> None:
        """A response from the prompt, and further ones from nodes on the way or the prompt."""
        first = len(self.paths)
        self._respond(ROOT, number)
        for _ in range(forks):
            inner = [node for node in range(first, len(self.paths)) if node not in self.ends]
            self._respond(self.rng.choice([ROOT, *inner]), number)

    def _respond(self, node: int, tree: int) -> None:
        depth = self.rng.randint(1, 3)
        for step in range(depth):
            last = step == depth - 1
            self.paths.append((*self.paths[node], len(self.paths)))
            node = len(self.paths) - 1
            self.trees.append(tree)
            self.steps.append(self._tokens(self.rng.randint(1 if last else 0, 3)))
            self.values.append(self.rng.choice(self.rewards) if last else self.rng.uniform(-1, 1))
        self.ends.append(node)

    def _tokens(self, count: int) -> list[tuple[int, float]]:
        return [(self.rng.randrange(50), self.rng.uniform(-3, 0)) for _ in range(count)]

    def _length(self, path: tuple[int, ...]) -> int:
        return sum(len(self.steps[node]) for node in path)

    def group(self, kept: list[int], probes: bool) -> Group:
        """The group whose trajectories are the `kept` ends."""
        ends = [Terminal(self.paths[end], self.values[end], self._length(self.paths[end])) for end in self.ends]
        inner = sorted({path[:depth] for path in (self.paths[end] for end in kept) for depth in range(len(path))})
        fresh = [self._probe(path) for path in inner for _ in range(self.rng.randint(0, 3) if probes else 0)]
        members = tuple(self._trajectory(end, ends) for end in kept)
        return Group(Problem("p", "?", "!"), (1, 2), members, "search", terminals=(*fresh, *ends))

    def _probe(self, path: tuple[int, ...]) -> Terminal:
        return Terminal(path, self.rng.choice(self.rewards), self._length(path) + 2, probe=True)

    def _trajectory(self, end: int, ends: list[Terminal]) -> Trajectory:
        path = self.paths[end]
        steps = [token for node in path for token in self.steps[node]]
        below = [[e.reward for e in ends if node == ROOT or node in e.path] for node in (ROOT, *path)]
        return Trajectory(
            tokens=np.asarray([token for token, _ in steps], np.int32),
            logprobs=np.asarray([logprob for _, logprob in steps]),
            node_lengths=np.asarray([len(self.steps[node]) for node in path]),
            node_ids=path,
            values=tuple(self.values[node] for node in path),
            mean_rewards=tuple(map(mean_reward, below)),
            reward=self.values[end],
            entropy=1.0,
            stop="eos",
            version=0,
            origin="search",
            path=path,
            tree=self.trees[end],
        )
