"""What a study at a fixed policy says beside its arms: the blocks `gradient` and `exploration`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, model_validator

from dsk.core.component import StrictModel

Edges = tuple[float, ...]


class FixedSettings(StrictModel):
    """What both kinds share: the problems, and how they are sorted by pass rate."""

    problems: int = Field(default=64, ge=1, description="Training problems measured on, the same for all arms.")
    rate_samples: int = Field(
        default=64, ge=1, description="Direct responses to each problem that tell its pass rate, used for nothing else."
    )
    bins: Edges = Field(
        default=(0.125, 0.375, 0.625, 0.875), description="Pass rates that part the problems, in increasing order."
    )

    @model_validator(mode="after")
    def _check_bins(self) -> FixedSettings:
        if list(self.bins) != sorted(set(self.bins)) or not all(0 < edge < 1 for edge in self.bins):
            raise ValueError("bins: pass rates between 0 and 1 in increasing order, such as [0.2, 0.8]")
        return self


class GradientSettings(FixedSettings):
    """How gradients are measured."""

    unit: ClassVar[str] = "batches"
    batches: int = Field(default=128, ge=8, description="Independent mini-batches of every arm and seed.")
    reference_samples: int = Field(
        default=128, ge=6, description="Direct responses to each problem that the reference gradient is made of."
    )
    parts: int = Field(
        default=8,
        ge=3,
        description="Independent parts of the reference; products of different parts alone are used, so that its own"
        " noise cancels.",
    )
    dimensions: int = Field(
        default=16384,
        ge=64,
        description="Size of the sketch that gradients are kept as; products are off by 1 / sqrt(dimensions) of the"
        " lengths' product, in a standard deviation.",
    )

    @model_validator(mode="after")
    def _check_parts(self) -> GradientSettings:
        if self.reference_samples % self.parts or self.reference_samples < 2 * self.parts:
            raise ValueError(
                f"reference_samples ({self.reference_samples}) must be a multiple of parts ({self.parts}), and at least"
                f" twice as many; write {2 * self.parts * max(round(self.reference_samples / self.parts / 2), 1)}"
            )
        return self


class ExplorationSettings(FixedSettings):
    """How first solutions are counted."""

    unit: ClassVar[str] = "problems"
    tokens: int = Field(
        default=4000, ge=1, description="Sampled tokens that every arm may spend on a problem until its first solution."
    )

    @property
    def budgets(self) -> tuple[int, ...]:
        """Where the shares of solved problems are read: an eighth, a quarter, a half and all of `tokens`."""
        return tuple(max(self.tokens // part, 1) for part in (8, 4, 2, 1))


def misplaced(mode: str, gradient: object, exploration: object, budget: object, metrics: Sequence[str]) -> str | None:
    """What a study of this mode says that it has no use for; None where there is nothing."""
    if gradient is not None and mode != "gradient":
        return f"gradient: belongs to a study of mode 'gradient', and this one's is '{mode}'; change one of the two"
    if exploration is not None and mode != "search":
        return f"exploration: belongs to a study of mode 'search', and this one's is '{mode}'; change one of the two"
    if mode == "gradient" or exploration is not None:
        kind = "gradient" if mode == "gradient" else "exploration"
        if budget is not None:
            return f"budget: a study of {kind} has none, its figures are per token; take it out"
        if metrics:
            return f"metrics: a study of {kind} has its own; take them out"
    return None
