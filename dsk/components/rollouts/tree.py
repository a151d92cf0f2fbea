"""`tree`: the paper's search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from dsk.components.rollouts.jobs.tree_search import TreeSearch
from dsk.core.component import default_part
from dsk.core.roles import Backup, Boundary, Job, Known, Negative, Rollout, Selector, Setting
from dsk.core.types import Problem

ROOM = 2
"""How many times the response limit full steps should reach where a boundary ends steps early."""


class Tree(Rollout):
    """One search tree (DeepSearch sections 2 to 4): expand a node, verify what ended, back up, select globally."""

    kind: ClassVar[str] = "tree"

    width: int = Field(default=8, ge=1, description="Children per expansion.")
    max_depth: int = Field(default=64, ge=1, description="Deepest node, d_T.")
    step_tokens: int = Field(default=256, ge=1, description="Longest step, in tokens.")
    trajectories: int = Field(default=8, ge=1, description="Recorded trajectories that finish a tree.")
    max_expansions: int = Field(default=0, ge=0, description="Expansions that end a tree early; 0 is no bound.")
    exploration: float = Field(default=2.0, ge=0, description="Lambda of the local UCT choice among siblings.")
    gamma_min: float = Field(default=0.1, ge=0, le=1, description="Smallest backup decay.")
    record: Literal["one", "all"] = Field(
        default="one", description="`one`: the paper's single trajectory per expansion; `all`: every verified terminal."
    )
    trajectory_entropy: Literal["tokens", "steps"] = Field(
        default="tokens", description="Mean over all tokens (released code) or over steps (paper)."
    )
    prune_below: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Steps that the scorer rates below it are not expanded any more; one open node stays. 0 is off.",
    )
    selector: Selector = default_part(Selector)
    boundary: Boundary = default_part(Boundary)
    backup: Backup = default_part(Backup)
    negative: Negative = default_part(Negative)

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """The tree's root is the prompt, and what is given after it."""
        return TreeSearch(problem, known, self, seed, setting)

    @property
    def needs_scores(self) -> str | None:
        """`prune_below`, or the selector that weighs scores."""
        return "prune_below" if self.prune_below else "selector" if self.selector.needs_scores else None

    def group_size(self) -> int:
        """`trajectories`; where all terminals are recorded, those of the last expansion may exceed it."""
        return self.trajectories + (self.width - 1 if self.record == "all" else 0)

    def reach(self, max_response_tokens: int) -> int:
        """As deep as the tree may be."""
        return min(max_response_tokens, self.max_depth * self.step_tokens)

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The expansion of the deepest node."""
        step = min(self.step_tokens, max_response_tokens)
        path = min((self.max_depth - 1) * self.step_tokens, max_response_tokens - 1)
        return path + self.width * step, "a path of the tree with width x step_tokens"

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """A tree too shallow for its responses."""
        reach, limit = self.max_depth * self.step_tokens, max_response_tokens
        if reach < limit:
            yield (
                f": a tree's answers end at max_depth x step_tokens = {self.max_depth} x {self.step_tokens} ="
                f" {reach} tokens, below max_response_tokens = {limit}: longer ones are cut off and judged wrong; raise"
                f" max_depth to {-(-limit // self.step_tokens)}, or lower max_response_tokens to {reach}"
            )
        elif not self.boundary.whole_steps and reach < ROOM * limit:
            yield (
                f".boundary: '{self.boundary.kind}' ends steps early, so max_depth = {self.max_depth}"
                f" steps reach max_response_tokens = {limit} only where they average {limit / self.max_depth:.0f} of"
                f" {self.step_tokens} tokens; an answer of more steps is cut off and judged wrong: raise max_depth"
                " to the steps of a long answer"
            )

    def doubts_about(self, answers: Sequence[str]) -> str | None:
        """Most finished answers have more steps than the tree is deep: at least one for each text that ends a step."""
        texts = self.boundary.stop_strings
        steps = sorted(1 + sum(answer.rstrip().count(text) for text in texts) for answer in answers)
        deep = sum(count > self.max_depth for count in steps)
        if not texts or 2 * deep <= len(steps):
            return None
        return (
            f".max_depth: {deep} of {len(steps)} finished answers of the screening have more than"
            f" {self.max_depth} steps under boundary '{self.boundary.kind}', and would be cut off in a tree and judged"
            f" wrong; raise it to {steps[len(steps) * 95 // 100]}, which 95% of them fit"
        )
