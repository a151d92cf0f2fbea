"""Who says what a response or a step is worth: verifiers, filters, scorers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from pydantic import Field

from dsk.core.component import Component, StrictModel
from dsk.core.types import Problem, Verdict


class VerifierSession(Protocol):
    """An open verifier."""

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """One verdict per (problem, response text), in order. Never raises on hostile text."""
        ...


class Verifier(Component, ABC):
    """Decides whether a response answers its problem; hostile text is normal input."""

    role: ClassVar[str] = "verifier"
    plural: ClassVar[str] = "verifiers"
    records: ClassVar[tuple[str, ...]] = ("VerifierSession", "Verdict")
    default_kind: ClassVar[str | None] = "math"
    neutral: ClassVar[tuple[str, ...]] = ()
    """Fields that change how fast it judges but no verdict."""
    graded: ClassVar[bool] = False
    """Whether it gives scores between 0 and 1; a run is told where it trains without them."""

    @property
    def identity(self) -> str:
        """What decides its verdicts; caches of other verifiers are refused by it."""
        return json.dumps({name: value for name, value in self.dump().items() if name not in self.neutral})

    def can_judge(self, reference: str) -> bool:
        """Whether any response could be right by this reference answer; a run asks before it samples. Quick."""
        return True

    def columns(self) -> tuple[str, ...]:
        """The columns of `Problem.meta` that it cannot do without; a run asks before it samples."""
        return ()

    def missing(self) -> str | None:
        """What this machine lacks for it and what to do, or None."""
        return None

    @abstractmethod
    def open(self) -> AbstractContextManager[VerifierSession]:
        """Start workers, if any; closing stops them."""


class Filter(Component, ABC):
    """Names what is wrong with a negative that should not be learnt from (DeepSearch section 4.2)."""

    role: ClassVar[str] = "filter"
    plural: ClassVar[str] = "filters"
    default_kind: ClassVar[str | None] = "garbled"

    @abstractmethod
    def reason(self, tokens: Sequence[int], text: str) -> str | None:
        """A short code such as `looping`, or None to keep the sample."""


class ScorerSession(Protocol):
    """An open scorer."""

    def rate(self, items: Sequence[tuple[Problem, tuple[str, ...]]]) -> list[float | None]:
        """For each (problem, texts of the steps so far) how good the last step is, in [0, 1], in order.

        None where it has nothing to say (a program that hung, a text that is too long): the tree then holds NaN.
        """
        ...


class HeadFields(StrictModel):
    """A value head on the policy, and how it is trained beside it."""

    hidden: int = Field(0, ge=0, description="Tanh units between the hidden state and the value; 0: a linear head.")
    lr: float = Field(0.01, gt=0, description="AdamW's learning rate of the head, from the first update on.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled weight decay of the head.")
    grad_clip: float = Field(1.0, gt=0, description="Largest gradient norm of the head.")
    through: float = Field(
        0.0,
        ge=0,
        description="What the head's loss counts in the policy's gradient, where the policy is trained; 0: nothing.",
    )
    warmup_updates: int = Field(
        10, ge=0, description="Updates of the head before it says anything; before, steps have no score."
    )
    silent: bool = Field(
        True,
        description="Learn from steps without credit too: a forward pass that the policy's update has no need of,"
        " charged as scored tokens; false: only from what goes through the model anyway.",
    )


class Scorer(Component, ABC):
    """Rates the steps of a tree while it grows; selectors see what it says as `TreeView.score`."""

    role: ClassVar[str] = "scorer"
    plural: ClassVar[str] = "scorers"
    records: ClassVar[tuple[str, ...]] = ("ScorerSession",)
    default_kind: ClassVar[str | None] = "none"

    @property
    def active(self) -> bool:
        """Whether it rates anything; trees ask only then."""
        return True

    @property
    def head(self) -> HeadFields | None:
        """A head on the policy whose values come with the samples, where steps are rated so and nobody is asked."""
        return None

    def missing(self) -> str | None:
        """What this machine lacks for it and what to do, or None."""
        return None

    @abstractmethod
    def open(self) -> AbstractContextManager[ScorerSession]:
        """Load the model or start the workers; closing frees them."""
