"""Growable buffers of attention keys and values.

Shape letters: L layers, S slots, H key-value heads, C capacity, T tokens, E head size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from dsk.core.model.architecture import kv_layout

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class KvShape:
    """What one token's keys and values look like in a model."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values over all layers."""
        return 2 * self.layers * self.heads * self.head_dim * self.dtype.itemsize

    @classmethod
    def of(cls, model: Any, device: torch.device) -> KvShape:
        """The shape for a model without `sharing_obstacle`, from what its layers give."""
        layout = kv_layout(model)
        return cls(layout.layers, layout.heads, layout.head_dim, model.dtype, device)


class KvBuffer:
    """Keys and values [L, 2, S, H, C, E]; each slot is filled from the left."""

    def __init__(self, shape: KvShape) -> None:
        self.shape = shape
        self.resize(0, 0, 0)

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return self.slots * self.capacity * self.shape.token_bytes

    def resize(self, slots: int, capacity: int, keep: int) -> None:
        """Become `slots` x `capacity`, carrying over the first `keep` slots."""
        s = self.shape
        # Zeros, since masked positions are multiplied by a zero weight: uninitialised memory could hold NaN there.
        data = torch.zeros((s.layers, 2, slots, s.heads, capacity, s.head_dim), dtype=s.dtype, device=s.device)
        if keep:
            width = min(capacity, self.capacity)
            data[:, :, :keep, :, :width] = self.data[:, :, :keep, :, :width]
        self.data, self.slots, self.capacity = data, slots, capacity
        self.keys = [data[layer, 0] for layer in range(s.layers)]
        self.values = [data[layer, 1] for layer in range(s.layers)]

    def read(self, slot: int, start: int, stop: int) -> Float[torch.Tensor, "L 2 H T E"]:
        """A copy of a slot's tokens from `start` to `stop`."""
        return self.data[:, :, slot, :, start:stop].clone()

    def write(self, slot: int, start: int, kv: Float[torch.Tensor, "L 2 H T E"]) -> None:
        """Put tokens into a slot from `start` on."""
        self.data[:, :, slot, :, start : start + kv.shape[3]] = kv

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of one slot over another."""
        self.data[:, :, target, :, :length] = self.data[:, :, source, :, :length]
