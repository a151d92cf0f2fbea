"""`probed`: a step's credit is the change of value between two states, each valued by fresh responses."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from dsk.core.roles import Advantage
from dsk.core.sampling.search_tree import ROOT
from dsk.core.types import Group, Trajectory, mean_reward


class ProbedAdvantage(Advantage):
    """`A(s_i) = r_i + V(s_{i+1}) - V(s_i)`, V the mean reward of a state's probes (VinePPO, SPO-chain).

    A trajectory itself is not among the probes. The reward comes at the last step, after which V is 0: the same as a V
    there of the reward, so a trajectory's credit adds up to the reward less V of its first probed state, in VinePPO the
    prompt. Before that state it is 0 (SPO-chain's tokens before the first boundary). A later state without probes
    counts as the reward, so that steps beyond the last probed one get 0 (VinePPO's `max_steps`). Without any probe, as
    for a response in which SPO-chain finds no cutpoint, there is no credit. Both methods then whiten over the batch
    (the adjustment `whiten`).
    """

    kind: ClassVar[str] = "probed"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "probes"

    def values(self, group: Group) -> list[list[float]]:
        """[G][D], from the probes among `Group.verified` and `Trajectory.reward`."""
        probes: dict[int, list[float]] = {}
        for end in group.verified:
            if end.probe:
                probes.setdefault(end.path[-1] if end.path else ROOT, []).append(end.reward)
        values = {state: mean_reward(rewards) for state, rewards in probes.items()}
        return [_steps(t, values) for t in group.trajectories]


def _steps(trajectory: Trajectory, values: dict[int, float]) -> list[float]:
    states = (ROOT, *trajectory.node_ids)[:-1]
    first = next((i for i, state in enumerate(states) if state in values), len(states))
    known = [values.get(state, trajectory.reward) for state in states[first:]]
    return [0.0] * first + [after - before for before, after in pairwise([*known, trajectory.reward])]
