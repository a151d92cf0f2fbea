"""`branch`: whole responses, forked afterwards."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.components.rollouts.jobs.branching import Branching
from dsk.core.component import default_part
from dsk.core.roles import ForkRule, Job, Known, Rollout, Setting
from dsk.core.types import Problem


class Branch(Rollout):
    """Complete, then fork: trees that grow out of finished responses (TreeRL's EPTree, Tree-GRPO).

    M whole responses begin a tree each. In each of L rounds the fork rule names N places in every tree, and each gets T
    continuations to the end, so that there are at most M (1 + N T L) responses; every one is verified and a
    trajectory. Responses are cut into nodes where they were forked, and nodes know the mean reward below them; that is
    also what `values` of the trajectories are.
    """

    kind: ClassVar[str] = "branch"

    chains: int = Field(default=6, ge=1, description="Whole responses that begin a tree each, M.")
    forks: int = Field(default=2, ge=1, description="Places of a tree that are forked in a round, N.")
    continuations: int = Field(default=2, ge=1, description="Continuations from each place, T.")
    rounds: int = Field(default=1, ge=0, description="Rounds of forks, L.")
    fork: ForkRule = default_part(ForkRule)

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """Each round is one wave of requests, one a place."""
        return Branching(problem, known, self, seed, setting)

    def group_size(self) -> int:
        """M (1 + N T L)."""
        return self.chains * (1 + self.forks * self.continuations * self.rounds)

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The first responses, or all continuations of a round from one early place."""
        forked = self.forks * self.continuations if self.rounds else 0
        fields = "chains" if self.chains >= forked else "forks x continuations"
        return max(self.chains, forked) * max_response_tokens, f"{fields} x max_response_tokens"
