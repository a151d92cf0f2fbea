"""`direct`: whole responses."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.sampling.responses import Responses
from dsk.core.types import Problem


class Direct(Rollout):
    """Independent responses (GRPO, DAPO, and every other method without a tree)."""

    kind: ClassVar[str] = "direct"
    values: ClassVar[str] = "none"
    reuses: ClassVar[bool] = True
    allocates: ClassVar[bool] = True

    samples: int = Field(default=8, ge=1, description="Responses to a problem: the group's size.")

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """One request for all; responses of the screening, where they are kept, count among the samples."""
        samples = known.samples or self.samples
        ready = known.screened[:samples]
        return Responses(problem, known, samples - len(ready), seed, setting, ready)

    def group_size(self) -> int:
        """`samples`."""
        return self.samples

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """All responses at once."""
        return self.samples * max_response_tokens, "samples x max_response_tokens"
