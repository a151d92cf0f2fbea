"""What an update is made of. Shape letters: G trajectories of a group, D nodes of a path, B rows, T tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dsk.core.component import Component
from dsk.core.types import Group

if TYPE_CHECKING:
    import torch


class Advantage(Component, ABC):
    """Credit for every node of every trajectory of one group (DeepSearch eqs. 13-15)."""

    role: ClassVar[str] = "advantage"
    default_kind: ClassVar[str | None] = "node"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "none"
    """What it has to know of a group's nodes: nothing, so that whole responses do; `tree`, nodes that trajectories
    share; or `probes`, the value of states from fresh responses. A rollout's `values` says what it has."""

    @abstractmethod
    def values(self, group: Group) -> list[list[float]]:
        """For each trajectory [G] one number per node on its path [D] (same lengths as `node_lengths`)."""


@dataclass(frozen=True)
class LossInputs:
    """A micro-batch, one row per trajectory, right-padded; masks arrive final.

    `logprobs`, `old_logprobs`, `advantages` and `mask` are [B, T]; gradients flow through `logprobs` (and `entropy`)
    only. `total_tokens`, `total_rows` are response tokens and rows of the whole mini-batch, groups without any
    advantage included (DAPO eq. 8, DeepSearch eq. 13: the mean is over all sampled tokens), so that micro-batch losses
    add up to the mini-batch loss; rows of such groups are given only where the loss acts on them. `ref_logprobs` [B, T]
    is there when `needs_reference`; `entropy` [B, T] (of the full next-token distribution, nats) when `needs_entropy`.
    `sampling_logprobs` [B, T] are the engine's, None where it cannot know them (at a sampling temperature other than
    1); then, and when `needs_recompute`, `old_logprobs` are the trainer's own from before the batch's first update.
    `max_tokens` is the longest response that the spec allows.
    """

    logprobs: torch.Tensor
    old_logprobs: torch.Tensor
    advantages: torch.Tensor
    mask: torch.Tensor
    total_tokens: int
    total_rows: int
    max_tokens: int
    ref_logprobs: torch.Tensor | None = None
    entropy: torch.Tensor | None = None
    sampling_logprobs: torch.Tensor | None = None


@dataclass(frozen=True)
class LossOutput:
    """`loss` is a scalar with a graph; `metrics` are detached scalars that add up over micro-batches."""

    loss: torch.Tensor
    metrics: Mapping[str, torch.Tensor]


class Loss(Component, ABC):
    """Log-probabilities and advantages to a scalar."""

    role: ClassVar[str] = "loss"
    default_kind: ClassVar[str | None] = "tree_grpo"

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> LossOutput:
        """The micro-batch's share of the mini-batch loss."""

    @property
    def needs_reference(self) -> bool:
        """Whether `ref_logprobs` must be given."""
        return False

    @property
    def needs_entropy(self) -> bool:
        """Whether `entropy` must be given, with gradients."""
        return False

    @property
    def needs_recompute(self) -> bool:
        """Whether `old_logprobs` must be the trainer's, next to the engine's in `sampling_logprobs`."""
        return False

    @property
    def acts_without_advantage(self) -> bool:
        """Whether a group whose advantages are all zero has a gradient; by default where there is a KL or entropy term.

        Otherwise such groups have no forward pass.
        """
        return self.needs_reference or self.needs_entropy
