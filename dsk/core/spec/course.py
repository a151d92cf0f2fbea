"""The course of a run: what is hard, what is right, when it ends, how it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from dsk.core.component import StrictModel
from dsk.core.types import Verdict


class ScreenSpec(StrictModel):
    """Which problems are hard (DeepSearch eqs. 8-9)."""

    samples: int = Field(default=4, ge=1, description="K direct rollouts per problem (Pass1@K).")
    threshold: float = Field(default=0.25, ge=0, le=1, description="Share of correct samples, the paper's delta.")
    comparison: Literal["<=", "<"] = Field(default="<=", description="How the share is compared with the threshold.")
    problems: int = Field(default=0, ge=0, description="Screen only the first so many training problems; 0 is all.")
    reuse: bool = Field(
        default=False,
        description="Responses of the screening join the round's first `direct` group of their problem.",
    )


class RewardSpec(StrictModel):
    """How a verdict becomes a reward in [-1, 1]."""

    scale: Literal["binary", "graded"] = Field(
        default="binary", description="`binary`: +1 for a correct response, else -1; `graded`: 2 x score - 1."
    )

    @property
    def graded(self) -> bool:
        """Whether rewards say more than what is correct."""
        return self.scale == "graded"

    def of(self, verdict: Verdict) -> float:
        """The reward of a verdict."""
        if self.graded:
            return 2.0 * verdict.score - 1.0
        return 1.0 if verdict.correct else -1.0

    def mean_score(self, rewards: Sequence[float]) -> float | None:
        """The mean of the scores that became `rewards`; None where they are not known, or there are none."""
        return (sum(rewards) / len(rewards) + 1.0) / 2.0 if self.graded and rewards else None


class RoundsSpec(StrictModel):
    """When the run ends; whichever bound comes first (0 is no bound)."""

    count: int = Field(default=1, ge=1, description="Rounds of screen, search and train.")
    steps: int = Field(default=0, ge=0, description="Steps per round; 0 is one pass over the hard set.")
    max_steps: int = Field(default=0, ge=0, description="Steps in all.")
    max_tokens: int = Field(default=0, ge=0, description="Tokens sampled for training, screening included.")
    max_hours: float = Field(default=0, ge=0, description="Wall-clock hours.")
    max_model_tokens: int = Field(
        default=0, ge=0, description="Charged tokens: sampled + given + scored + 3 x trained (forward, backward)."
    )
    max_unscreened_tokens: int = Field(default=0, ge=0, description="The same without those that screening took.")
    max_updates: int = Field(
        default=0, ge=0, description="Policy updates in all; the step that reaches it is finished."
    )
    max_train_seconds: float = Field(default=0, ge=0, description="Wall-clock seconds without evaluation.")


class EvaluateSpec(StrictModel):
    """The held-out evaluation before, after and, with `every`, during training."""

    problems: int = Field(
        default=0, ge=0, description="Test problems; 0 is all, and none if the task has no test split."
    )
    samples: int = Field(default=4, ge=1, description="Samples per problem.")
    hard_only: bool = Field(default=True, description="Judge on test problems that the starting policy finds hard.")
    temperature: float = Field(default=0.6, gt=0, description="Softmax temperature.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus mass.")
    every: int = Field(default=0, ge=0, description="Steps between evaluations on the way; 0 is only before and after.")
