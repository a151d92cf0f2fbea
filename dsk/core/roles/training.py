"""What an update is made of. Shape letters: G trajectories of a group, D nodes of a path, B rows, T tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from dsk.core.component import Component
from dsk.core.types import Group

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float, Int, Shaped


class Subset(Component, ABC):
    """Which trajectories of a group are trained; baselines and means still see all that was verified."""

    role: ClassVar[str] = "subset"
    plural: ClassVar[str] = "subsets"
    records: ClassVar[tuple[str, ...]] = ("Group", "Trajectory")
    default_kind: ClassVar[str | None] = "all"

    @abstractmethod
    def choose(self, group: Group, rng: np.random.Generator) -> Sequence[int]:
        """Indices into `group.trajectories`, each at most once, in any order; none only where the group has none.

        `group.terminals` are left as they are.
        """


class Advantage(Component, ABC):
    """Credit for every node of every trajectory of one group (DeepSearch eqs. 13-15)."""

    role: ClassVar[str] = "advantage"
    plural: ClassVar[str] = "advantages"
    records: ClassVar[tuple[str, ...]] = ("Group", "Trajectory", "Terminal")
    default_kind: ClassVar[str | None] = "node"
    needs: ClassVar[Literal["none", "tree", "probes"]] = "none"
    """What it has to know of a group's nodes: nothing, so that whole responses do; `tree`, nodes that trajectories
    share; or `probes`, the value of states from fresh responses. A rollout's `values` says what it has."""

    @abstractmethod
    def values(self, group: Group) -> list[list[float]]:
        """For each trajectory [G] one number per node on its path [D] (same lengths as `node_lengths`)."""


@dataclass(frozen=True, eq=False)
class MiniBatch:
    """The rows of one update, between advantage and loss: the response tokens of all rows end to end [N], and rows [R].

    `row` [N] is each token's row. `advantages` and `logprobs` [N] (natural logarithms under the sampling policy at
    temperature 1) belong to the token. `trained` [N] says which tokens are in the loss: none that was given. The loss
    is `sum(weights x) / sum(counted)` over the mini-batch (or a row): `weights` [N] is what a trained token counts in
    sums, `counted` [N] what any token counts in denominators. Both begin as `train.weight` says, 0 where a token is
    not trained.

    `group` [R] is the index of a row's group in the mini-batch, `tree` [R] of its tree in the group, `reward` [R] the
    response's with its overlong penalty, `correct` [R] the verdict; `stop` and `origin` [R] are the trajectory's words,
    `given` [R] its leading tokens that were not sampled.
    """

    advantages: Float[np.ndarray, " N"]
    logprobs: Float[np.ndarray, " N"]
    trained: Bool[np.ndarray, " N"]
    weights: Float[np.ndarray, " N"]
    counted: Float[np.ndarray, " N"]
    row: Int[np.ndarray, " N"]
    group: Int[np.ndarray, " R"]
    tree: Int[np.ndarray, " R"]
    reward: Float[np.ndarray, " R"]
    correct: Bool[np.ndarray, " R"]
    stop: Shaped[np.ndarray, " R"]
    origin: Shaped[np.ndarray, " R"]
    given: Int[np.ndarray, " R"]


class Adjustment(Component, ABC):
    """A step between advantage and loss: sees the whole mini-batch and gives back a changed one."""

    role: ClassVar[str] = "adjustment"
    plural: ClassVar[str] = "adjustments"
    records: ClassVar[tuple[str, ...]] = ("MiniBatch",)

    @abstractmethod
    def adjusted(self, batch: MiniBatch) -> MiniBatch:
        """The mini-batch with other `advantages`, `trained`, `weights` or `counted`; its arrays are not written to.

        What is not trained stays so, what is trained counts (above 0), and advantages stay finite.
        """


@dataclass(frozen=True)
class LossInputs:
    """A micro-batch, one row per trajectory, right-padded; masks and weights arrive final.

    `logprobs`, `old_logprobs`, `advantages`, `mask` and `weights` are [B, T]; gradients flow through `logprobs` (and
    `entropy`) only. `weights` is what each token counts in sums, 0 where `mask` is false (left out: 1 elsewhere).
    `total_tokens` is what the tokens of the whole mini-batch count in denominators, `row_tokens` [B] those of a whole
    row (left out: the row's weights): sums of weights, unless an adjustment tells the two apart. `total_rows` are the
    mini-batch's rows that count anything. They include groups without any advantage (DAPO eq. 8, DeepSearch eq. 13: the
    mean is over all sampled tokens), and micro-batch losses add up to the mini-batch loss; such rows, and tokens after
    a row's last advantage, are given only where the loss acts on them.

    `ref_logprobs` [B, T] is there when `needs_reference`; `entropy` [B, T] (of the full next-token distribution, nats)
    when `needs_entropy`. `sampling_logprobs` [B, T] are the engine's, None where it cannot know them (at a sampling
    temperature other than 1); then, and when `needs_recompute`, `old_logprobs` are the trainer's own from before the
    batch's first update. `max_tokens` is the longest response that the spec allows.
    """

    logprobs: torch.Tensor
    old_logprobs: torch.Tensor
    advantages: torch.Tensor
    mask: torch.Tensor
    total_tokens: float
    total_rows: int
    max_tokens: int
    ref_logprobs: torch.Tensor | None = None
    entropy: torch.Tensor | None = None
    sampling_logprobs: torch.Tensor | None = None
    weights: torch.Tensor = None  # type: ignore[assignment]  # set below where it is left out
    row_tokens: torch.Tensor = None  # type: ignore[assignment]  # set below where it is left out

    def __post_init__(self) -> None:
        weights: Any = self.weights
        weights = self.mask.to(self.logprobs.dtype) if weights is None else weights
        row_tokens: Any = self.row_tokens
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "row_tokens", weights.sum(-1) if row_tokens is None else row_tokens)


@dataclass(frozen=True)
class LossOutput:
    """`loss` is a scalar with a graph; `metrics` are detached scalars that add up over micro-batches."""

    loss: torch.Tensor
    metrics: Mapping[str, torch.Tensor]


class Loss(Component, ABC):
    """Log-probabilities and advantages to a scalar."""

    role: ClassVar[str] = "loss"
    plural: ClassVar[str] = "losses"
    records: ClassVar[tuple[str, ...]] = ("LossInputs", "LossOutput")
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
    def needs_whole_rows(self) -> bool:
        """Whether a token's loss depends on the row's other tokens, also those after its last advantage."""
        return False

    @property
    def acts_without_advantage(self) -> bool:
        """Whether a token without advantage has a gradient; by default where there is a KL or entropy term.

        Otherwise rows without any advantage have no forward pass, nor have tokens after a row's last one.
        """
        return self.needs_reference or self.needs_entropy
