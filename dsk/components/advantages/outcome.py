"""`outcome`: every node the value of its trajectory's end."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.advantages.normalisation import normalise
from dsk.core.roles import Advantage
from dsk.core.types import Group


class OutcomeAdvantage(Advantage):
    """`A(s_j) = q(s_end) - mu` for all nodes of a trajectory (DeepSearch Table 4; GRPO, RLOO, Reinforce-Ada)."""

    kind: ClassVar[str] = "outcome"

    normalisation: Literal["none", "mean", "mean_std", "leave_one_out"] = Field(
        "mean",
        description="`mean` subtracts the mean reward mu (Dr. GRPO); `mean_std` also divides by the rewards' sample"
        " standard deviation (GRPO); `leave_one_out` subtracts the mean reward of the others (RLOO; 0 where there is"
        " none); `none` leaves rewards as they are.",
    )
    baseline: Literal["trained", "all"] = Field(
        "trained",
        description="Whose rewards mean and deviation are over: the group's trajectories, or `all` verified responses,"
        " also those that are not trained (Reinforce-Ada); probes never.",
    )

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from `Trajectory.reward` and, for `all`, the rewards of `Group.verified`."""
        members = group.trajectories
        rewards = [end.reward for end in (members if self.baseline == "trained" else group.ends)]
        scores = [[t.reward] * len(t.node_lengths) for t in members]
        if self.normalisation != "leave_one_out":
            return normalise(scores, rewards, self.normalisation)
        factor = len(rewards) / (len(rewards) - 1) if len(rewards) > 1 else 0.0
        return [[factor * value for value in path] for path in normalise(scores, rewards, "mean")]
