"""`TrainingRow`: one trajectory as it is trained, what of it goes through the model, and rows as tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dsk.core.roles import Loss

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, eq=False)
class TrainingRow:
    """One trajectory, ready to train.

    `prompt` and `response` [T] are token ids (int32); `advantages` [T] and `old_logprobs` [T] (natural logarithms under
    the sampling policy, float64) belong to the response, and so does `trained` [T], false where a token is only
    attended to. `group` is the index of the row's group in the mini-batch.

    `weights` [T] is what each token counts in the loss's sums, 0 where it is not trained (left out: 1 elsewhere);
    `counted` what the whole row counts in its denominators, also after a cut (left out: the sum of weights).
    `steps` are (node, index of its last token in the response), also after a cut.
    """

    group: int
    prompt: Int[np.ndarray, " Q"]
    response: Int[np.ndarray, " T"]
    advantages: Float[np.ndarray, " T"]
    old_logprobs: Float[np.ndarray, " T"]
    trained: Bool[np.ndarray, " T"]
    weights: Float[np.ndarray, " T"] = None  # type: ignore[assignment]  # set below where it is left out
    counted: float = None  # type: ignore[assignment]  # set below where it is left out
    steps: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        weights: Any = self.weights
        counted: Any = self.counted
        weights = self.trained.astype(np.float64) if weights is None else weights
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "counted", float(weights.sum()) if counted is None else counted)

    @cached_property
    def tokens(self) -> Int[np.ndarray, " S"]:
        """Prompt and response, end to end."""
        return np.concatenate([self.prompt, self.response])

    @cached_property
    def key(self) -> bytes:
        """Orders rows as their tokens do, and is equal where they are."""
        return self.tokens.astype(">i4").tobytes()

    @cached_property
    def trained_tokens(self) -> int:
        """How many tokens of the response are trained."""
        return int(self.trained.sum())

    @cached_property
    def silent(self) -> bool:
        """Whether no trained token has an advantage, so that only a KL or entropy term can act on the row."""
        return not (self.advantages[self.trained] != 0).any()

    def cut(self, end: int) -> TrainingRow:
        """The row without the response's tokens from `end` on; what it counts in denominators stays."""
        if end == len(self.response):
            return self
        names = ("response", "advantages", "old_logprobs", "trained", "weights")
        return replace(self, **{name: getattr(self, name)[:end] for name in names})


def computed_part(rows: Sequence[TrainingRow], loss: Loss) -> list[TrainingRow]:
    """What of the rows goes through the model: all that has a gradient, and what comes before it.

    Where the loss does not act without advantage, silent rows and the tokens after a row's last advantage are left
    out; a loss that needs whole rows gets them up to the last trained token. The gradient is the same.
    """
    ends = [0 if row.silent and not loss.acts_without_advantage else _end(row, loss) for row in rows]
    return [row.cut(end) for row, end in zip(rows, ends, strict=True) if end]


def _end(row: TrainingRow, loss: Loss) -> int:
    """One past the last token that the loss acts on; 0 where there is none."""
    every = loss.acts_without_advantage or loss.needs_whole_rows
    acting = np.flatnonzero(row.trained if every else row.trained & (row.advantages != 0))
    return int(acting[-1]) + 1 if len(acting) else 0


class Totals(NamedTuple):
    """What the rows of a mini-batch count in denominators: tokens, and rows that count any."""

    tokens: float
    rows: int

    @staticmethod
    def of(rows: Sequence[TrainingRow]) -> Totals:
        """Of whole rows, before any is cut."""
        return Totals(math.fsum(row.counted for row in rows), sum(row.counted > 0 for row in rows))


def padded(rows: Sequence[np.ndarray], like: Tensor) -> Tensor:
    """Rows as [B, T] in `like`'s shape and type, 0 in the padding."""
    host = np.zeros(like.shape)
    for index, row in enumerate(rows):
        host[index, : len(row)] = row
    return torch.from_numpy(host).to(like.device, like.dtype, non_blocking=True)
