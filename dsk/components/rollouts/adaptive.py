"""`adaptive`: rounds of whole responses until the outcomes are what is wanted."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dsk.components.rollouts.jobs.sounding import Sounding
from dsk.core.roles import Job, Known, Rollout, Setting
from dsk.core.types import Problem


class Adaptive(Rollout):
    """Rounds of `samples` responses until an exit rule holds, checked after each round (Reinforce-Ada).

    All samples are in the group, so that statistics are over all that were drawn; which of them are trained is said
    elsewhere. Responses of the screening, where they are kept, are the first round, at most `samples` of them.
    Correct is what the verifier calls so (the authors: a reward above 0.7).
    """

    kind: ClassVar[str] = "adaptive"
    values: ClassVar[str] = "none"
    reuses: ClassVar[bool] = True

    samples: int = Field(default=8, ge=1, description="Responses of a round.")
    rounds: int = Field(default=4, ge=1, description="Most rounds.")
    until: Literal["balanced", "both", "correct", "never"] = Field(
        default="balanced",
        description="When to stop: `balanced` with n/2 correct and n/2 wrong responses, `both` with one of each,"
        " `correct` with a correct one, `never` after all rounds.",
    )
    balance: int = Field(default=4, ge=2, multiple_of=2, description="n of `balanced`.")

    @model_validator(mode="after")
    def _check(self) -> Adaptive:
        if self.until == "balanced" and self.balance > self.group_size():
            raise ValueError(
                f"balance = {self.balance} is above samples x rounds = {self.group_size()}: no group gets so far; lower"
                " it"
            )
        return self

    def start(self, problem: Problem, known: Known, seed: int, setting: Setting) -> Job:
        """A round is one request."""
        return Sounding(problem, known, self, seed, setting)

    def enough(self, correct: int, wrong: int) -> bool:
        """Whether the rule says to stop."""
        if self.until == "never":
            return False
        half = self.balance // 2
        needed = {"balanced": (half, half), "both": (1, 1), "correct": (1, 0)}[self.until]
        return correct >= needed[0] and wrong >= needed[1]

    def group_size(self) -> int:
        """`samples` x `rounds`."""
        return self.samples * self.rounds

    def largest_request(self, max_response_tokens: int) -> tuple[int, str]:
        """A round."""
        return self.samples * max_response_tokens, "samples x max_response_tokens"
