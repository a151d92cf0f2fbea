"""`levels`: a tree of a fixed width at each level."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from dsk.components.rollouts.jobs.levelling import Levelling
from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.types import Problem


class Levels(Rollout):
    """Every node of a level is expanded: `widths[j]` steps of `step_tokens` from each, the last to the end (SPO-tree).

    A step that ends the response early is a leaf. Every leaf is verified and a trajectory; `values` of the trajectories
    are the mean reward of the leaves below each node.
    """

    kind: ClassVar[str] = "levels"

    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(6, 6, 6), min_length=1, description="Children of a node, by level."
    )
    step_tokens: int = Field(default=30, ge=1, description="Length of a step, M; the last level's run to the end.")

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """A level is one wave of requests, one a node."""
        return Levelling(problem, known, self, seed, setting)

    def group_size(self) -> int:
        """The product of the widths: fewer where responses end early."""
        return math.prod(self.widths)

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The last level's whole responses, or a wide level above it."""
        step = min(self.step_tokens, max_response_tokens)
        above = [level * self.step_tokens + width * step for level, width in enumerate(self.widths[:-1])]
        whole = self.widths[-1] * max_response_tokens
        most = max([whole, *above])
        return most, "the last of widths x max_response_tokens" if most == whole else "a path with widths x step_tokens"

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """Levels that no response gets to."""
        above = (len(self.widths) - 1) * self.step_tokens
        if above >= max_response_tokens:
            yield (
                f".widths: the levels above the last hold {len(self.widths) - 1} x step_tokens = {above} tokens, and"
                f" max_response_tokens = {max_response_tokens} ends responses before; lower step_tokens, or take levels"
                " off"
            )
