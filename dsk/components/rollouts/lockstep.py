"""`lockstep`: paths that grow by one segment at a time and share a budget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from dsk.components.rollouts.jobs.marching import Marching
from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.types import Problem


class Lockstep(Rollout):
    """TreePO's sampling (Li et al. 2025): every active path grows by a segment, and forks while there is budget.

    With f responses finished so far, f' of them in the last step, and a paths active, a step samples
    `max(a, min(w - f, b f' + b a))` segments, split evenly over the active paths, the remainder to the last (b is
    `branching`, w `width`). A path ends with end-of-sequence, at the response limit, after `depth` segments, or when a
    segment repeats itself: some `repeat_characters` characters `repeats` times. Where no path is active and fewer
    than w have finished, finished ones that ended by themselves are shuffled, cut back to a uniformly random segment
    boundary below their end (or the prompt) and forked there, `branching` from each in turn, until the budget is
    used; where none ended by itself, at the prompt. Samples that were dropped count as finished.

    Every response is verified and a trajectory; `values` of the trajectories are the mean reward below each segment.
    """

    kind: ClassVar[str] = "lockstep"

    width: int = Field(default=16, ge=1, description="Responses to a problem, w.")
    segment_tokens: int = Field(default=512, ge=1, description="Length of a segment, l.")
    depth: int = Field(default=14, ge=1, description="Most segments of a response, d.")
    branching: int = Field(default=2, ge=1, description="Segments from each path while there is budget, b.")
    repeat_characters: int = Field(default=32, ge=1, description="Length of a text whose repetition ends a response.")
    repeats: int = Field(
        default=8, ge=0, description="Occurrences of such a text in a segment that end its response; 0 is off."
    )

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """A step is one wave of requests, one a path."""
        return Marching(problem, known, self, seed, setting)

    def group_size(self) -> int:
        """`width`."""
        return self.width

    def reach(self, max_response_tokens: int) -> int:
        """`depth` segments."""
        return min(max_response_tokens, self.depth * self.segment_tokens)

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """The whole budget from the deepest path."""
        segment = min(self.segment_tokens, max_response_tokens)
        path = min((self.depth - 1) * self.segment_tokens, max_response_tokens - 1)
        return path + self.width * segment, "a path with width x segment_tokens"

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """Too few segments for a response."""
        reach = self.depth * self.segment_tokens
        if reach < max_response_tokens:
            yield (
                f": responses end at depth x segment_tokens = {self.depth} x {self.segment_tokens} = {reach} tokens,"
                f" below max_response_tokens = {max_response_tokens}: longer ones are cut off and judged wrong; raise"
                f" depth to {-(-max_response_tokens // self.segment_tokens)}, or lower max_response_tokens to {reach}"
            )
