"""`subgroup`: a response compared with all, and with those that share more and more of its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum
from typing import ClassVar, Literal

from pydantic import Field

from dsk.core.roles import Advantage
from dsk.core.sampling.search_tree import ROOT
from dsk.core.training.group_tree import GroupTree
from dsk.core.types import Group, Trajectory, mean_reward


class SubgroupAdvantage(Advantage):
    """The mean of `R - mean R in G_j` over the groups G_j of responses that share the first j nodes (TreePO eq. 5).

    G_0 are all of the prompt and always count; a further one, of j below the deepest response's nodes, counts if it has
    more than one member, so that a response of fewer than j nodes has no G_j. Members are all verified ends, trained or
    not. A prompt's only response gets its reward. All nodes of a trajectory get the same; TreePO then whitens over the
    batch (the adjustment `whiten`).
    """

    kind: ClassVar[str] = "subgroup"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "tree"

    weight: Literal["equal", "size"] = Field(
        "equal", description="What each group counts: the same, or in proportion to its members (an option of TreePO)."
    )
    flat: Literal["keep", "drop"] = Field(
        "keep", description="`drop` leaves out groups whose rewards are all equal, G_0 aside (an option of TreePO)."
    )

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from the rewards of `Group.verified`."""
        below = GroupTree.of(group).below
        deepest = max((len(end.path) for end in group.ends), default=0)

        def credit(t: Trajectory) -> float:
            return self._among(t.reward, below[ROOT], [below[node] for node in t.node_ids[: deepest - 1]])

        return [[credit(t)] * len(t.node_lengths) for t in group.trajectories]

    def _among(self, reward: float, everyone: Sequence[float], subgroups: Iterable[Sequence[float]]) -> float:
        if len(everyone) == 1:
            return reward
        kept = [everyone, *(members for members in subgroups if self._counts(members))]
        weights = [len(members) if self.weight == "size" else 1 for members in kept]
        centred = [reward - mean_reward(members) for members in kept]
        return fsum(weight * term for weight, term in zip(weights, centred, strict=True)) / sum(weights)

    def _counts(self, members: Sequence[float]) -> bool:
        return len(members) > 1 and (self.flat == "keep" or min(members) < max(members))
