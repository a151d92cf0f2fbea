"""`cached`: known solutions, topped up with fresh responses."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.sampling.responses import Responses
from dsk.core.types import Problem


class Cached(Rollout):
    """The paper's replay (DeepSearch eqs. 10-12): a group of cached solutions and direct responses."""

    kind: ClassVar[str] = "cached"
    needs_solutions: ClassVar[bool] = True
    values: ClassVar[str] = "none"

    samples: int = Field(default=8, ge=1, description="Trajectories of a group, cached solutions included.")

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """Solutions are scored under the present policy, so that their ratios start at one."""
        assert known.replay is not None
        ready = known.replay(known.solutions[: self.samples])
        return Responses(problem, known, self.samples - len(ready), seed, setting, ready)

    def group_size(self) -> int:
        """`samples`."""
        return self.samples

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """All fresh responses at once, beside one solution or more."""
        return (self.samples - 1) * max_response_tokens, "(samples - 1) x max_response_tokens"
