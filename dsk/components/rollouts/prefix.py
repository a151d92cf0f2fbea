"""`prefix`: start inside a known solution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from dsk.components.rollouts.jobs.counted import Counted
from dsk.core.component import Otherwise
from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.seeding import derive_seed
from dsk.core.types import Problem


class Prefix(Rollout):
    """Another rollout, begun after the first part of a known solution (PrefixRL, AdaBack; METHODS.md section 6).

    What is given is attended to and never trained. Its share of the solution's tokens is uniform in
    [`shortest`, `longest`]. Where no solution is known the rollout starts at the prompt, and the group's
    `fell_back` is 1.
    """

    kind: ClassVar[str] = "prefix"

    shortest: float = Field(default=0.4, ge=0, lt=1, description="Least share of the solution's tokens to give.")
    longest: float = Field(default=0.8, ge=0, lt=1, description="Largest share of the solution's tokens to give.")
    rollout: Annotated[Rollout, Otherwise("direct")] = Field(
        default_factory=lambda: {"kind": "direct"},  # type: ignore[arg-type]  # resolved by the registry
        description="What samples from there on.",
        json_schema_extra={"default": {"kind": "direct"}},
    )

    @model_validator(mode="after")
    def _check(self) -> Prefix:
        if self.shortest > self.longest:
            raise ValueError(f"shortest = {self.shortest} is above longest = {self.longest}; swap them")
        if self.rollout.needs_solutions or isinstance(self.rollout, Prefix):
            raise ValueError(
                f"rollout: '{self.rollout.kind}' cannot start from a given prefix; name 'direct' or 'tree'"
            )
        return self

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """Which solution and how much of it derive from the seed."""
        given = self._given(known, seed)
        job = self.rollout.start(problem, replace(known, given=given, solutions=(), screened=()), seed, setting)
        return Counted(job, {"fell_back": float(not known.solutions), "given_tokens": float(len(given))})

    def _given(self, known: Known, seed: int) -> tuple[int, ...]:
        if not known.solutions:
            return ()
        rng = np.random.default_rng(derive_seed(seed, "prefix"))
        tokens = known.solutions[int(rng.integers(len(known.solutions)))].tokens
        return tokens[: int(rng.uniform(self.shortest, self.longest) * len(tokens))]

    def group_size(self) -> int:
        """That of the rollout."""
        return self.rollout.group_size()

    def reach(self, max_response_tokens: int) -> int:
        """That of the rollout."""
        return self.rollout.reach(max_response_tokens)

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """That of the rollout."""
        tokens, fields = self.rollout.largest_request(max_response_tokens)
        return tokens, f"rollout: {fields}"

    def doubts(self, max_response_tokens: int) -> Iterable[str]:
        """Those of the rollout."""
        return (f".rollout{line}" for line in self.rollout.doubts(max_response_tokens))
