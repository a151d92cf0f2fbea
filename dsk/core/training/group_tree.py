"""`GroupTree`: what the verified ends of a group say about its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsk.core.sampling.search_tree import ROOT
from dsk.core.types import Group, mean_reward


@dataclass(frozen=True)
class GroupTree:
    """The nodes that have a verified end at or below them, parents first; probes are left out.

    The root is the prompt, also where a group has several trees. `below` has the rewards of all ends at or below a
    node, trained or not, `ends` of those at the node itself, `children` the node's children.
    """

    below: Mapping[int, Sequence[float]]
    ends: Mapping[int, Sequence[float]]
    children: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, group: Group) -> GroupTree:
        """The tree of the group's terminals."""
        below: dict[int, list[float]] = {ROOT: []}
        ends: dict[int, list[float]] = {}
        children: dict[int, list[int]] = {}
        for end in group.ends:
            parent = ROOT
            below[ROOT].append(end.reward)
            for node in end.path:
                if node not in below:
                    below[node] = []
                    children.setdefault(parent, []).append(node)
                below[node].append(end.reward)
                parent = node
            ends.setdefault(parent, []).append(end.reward)
        return cls(below, ends, children)

    def leaf_means(self) -> dict[int, float]:
        """The mean reward of the ends at or below each node."""
        return {node: mean_reward(rewards) for node, rewards in self.below.items()}

    def child_means(self) -> dict[int, float]:
        """The mean over a node's children of theirs; an end counts as a child (SPO-tree)."""
        means: dict[int, float] = {}
        for node in reversed(list(self.below)):
            means[node] = mean_reward(
                [*(means[child] for child in self.children.get(node, ())), *self.ends.get(node, ())]
            )
        return means
