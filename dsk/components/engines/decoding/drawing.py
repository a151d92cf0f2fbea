"""From logits to tokens, by inverting the cumulative distribution at given uniform numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dsk.core.seeding import derive_seed

if TYPE_CHECKING:
    from jaxtyping import Float, Int

BLOCK = 256
"""Vocabulary entries summed at once: a cumulative sum over blocks, then one inside a block, replaces one over all."""


def uniforms(seed: int, index: int, count: int) -> Float[np.ndarray, " T"]:
    """The numbers in [0, 1) that decide sample `index` of a request, one per token."""
    return np.random.Generator(np.random.Philox(key=derive_seed(seed, index))).random(count)


@dataclass(frozen=True)
class Following:
    """What rows' states say of what follows: next-token `logits` [R, V], and `values` [R] where a head reads them."""

    logits: Float[torch.Tensor, "R V"]
    values: Float[torch.Tensor, " R"] | None = None

    def row(self, index: int, times: int = 1) -> Following:
        """One row, as often as asked for."""
        values = None if self.values is None else self.values[index].expand(times)
        return Following(self.logits[index].expand(times, -1), values)

    @staticmethod
    def of(parts: Sequence[Following]) -> Following:
        """All rows of several."""
        values = [part.values for part in parts if part.values is not None]
        return Following(torch.cat([part.logits for part in parts]), torch.cat(values) if values else None)


@dataclass(frozen=True)
class Tempering:
    """Sampling fields per row [R]. None where no row departs from plain sampling."""

    temperature: Float[torch.Tensor, " R"] | None
    top_p: Float[torch.Tensor, " R"] | None
    top_k: Int[torch.Tensor, " R"] | None

    @classmethod
    def of(cls, fields: list[tuple[float, float, int]], device: torch.device) -> Tempering:
        """From (temperature, top_p, top_k) of each row."""
        heat = [t for t, _, _ in fields]
        cuts = any(p < 1 or k > 0 for _, p, k in fields)
        return cls(
            torch.tensor(heat, device=device) if any(t != 1 for t in heat) else None,
            torch.tensor([p for _, p, _ in fields], device=device) if cuts else None,
            torch.tensor([k or 1 << 30 for _, _, k in fields], device=device) if cuts else None,
        )

    def since(self, first: int) -> Tempering:
        """The rows from `first` on."""
        parts = (self.temperature, self.top_p, self.top_k)
        return Tempering(*(None if part is None else part[first:] for part in parts)) if first else self


def draw(
    logits: Float[torch.Tensor, "R V"], uniform: Float[torch.Tensor, " R"], tempering: Tempering
) -> tuple[Int[torch.Tensor, " R"], Float[torch.Tensor, " R"]]:
    """One token per row and its log-probability under the untempered, untruncated distribution."""
    logits = logits.float() if logits.dtype != torch.float64 else logits
    logprobs = logits.log_softmax(-1)
    tempered = logprobs
    if tempering.temperature is not None:
        tempered = (logits / tempering.temperature[:, None]).log_softmax(-1)
    weights = tempered.exp()
    if tempering.top_p is not None and tempering.top_k is not None:
        weights = truncate(weights, tempering.top_p, tempering.top_k)
    tokens = invert(weights, uniform)
    return tokens, logprobs.gather(1, tokens[:, None])[:, 0]


def truncate(
    weights: Float[torch.Tensor, "R V"], top_p: Float[torch.Tensor, " R"], top_k: Int[torch.Tensor, " R"]
) -> Float[torch.Tensor, "R V"]:
    """Zero all but the `top_k` likeliest, then all beyond the smallest set of mass `top_p` of what is left."""
    ordered, order = weights.sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(weights.shape[1], device=weights.device)
    ordered = ordered * (rank < top_k[:, None])
    before = ordered.cumsum(-1, dtype=torch.float64) - ordered
    mass = top_p[:, None] * ordered.sum(-1, keepdim=True, dtype=torch.float64)
    keep = (before < mass) | (top_p[:, None] >= 1)
    return torch.zeros_like(weights).scatter_(1, order, ordered * keep)


def invert(weights: Float[torch.Tensor, "R V"], uniform: Float[torch.Tensor, " R"]) -> Int[torch.Tensor, " R"]:
    """The first index whose cumulative weight exceeds `uniform` of the total; never one of weight zero."""
    rows, size = weights.shape
    if size <= 4 * BLOCK:
        return _first_over(weights, uniform.double(), None)
    blocks = torch.nn.functional.pad(weights, (0, -size % BLOCK)).view(rows, -1, BLOCK)
    sums = blocks.sum(-1)
    block = _first_over(sums, uniform.double(), None)
    cumulative = sums.cumsum(-1, dtype=torch.float64)
    target = uniform * cumulative[:, -1] - (cumulative - sums).gather(1, block[:, None])[:, 0]
    inside = blocks[torch.arange(rows, device=weights.device), block]
    return block * BLOCK + _first_over(inside, uniform, target)


def _first_over(
    weights: Float[torch.Tensor, "R V"], uniform: Float[torch.Tensor, " R"], target: Float[torch.Tensor, " R"] | None
) -> Int[torch.Tensor, " R"]:
    cumulative = weights.cumsum(-1, dtype=torch.float64)
    goal = uniform * cumulative[:, -1] if target is None else target
    index = torch.searchsorted(cumulative, goal[:, None], right=True)[:, 0]
    # Rounding may put the goal at the very end; the maximum is first reached at the last index of positive weight.
    return torch.minimum(index, cumulative.argmax(-1))
