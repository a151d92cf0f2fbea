"""Model FLOPs of a step, and what share of the device's peak they are (MFU)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from dsk.core.training.packing.layout import Layout

PEAK_BF16: Mapping[str, float] = {
    "H200": 989e12,
    "H100": 989e12,
    "H800": 989e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "B200": 2250e12,
}
"""Dense bf16 FLOP/s from the makers' data sheets (SXM where there is a choice)."""


@dataclass(frozen=True)
class ModelSize:
    """What decides a step's arithmetic: weights a token passes, the head's weights, and attention's width."""

    body: int
    head: int
    attention: int

    @staticmethod
    def of(model: Any) -> ModelSize:
        """Embedding look-ups are free; a tied head counts as the head."""
        config, head = model.config, model.get_output_embeddings().weight.numel()
        embedding = model.get_input_embeddings().weight.numel()
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        total = sum(parameter.numel() for parameter in model.parameters())
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        attention = config.num_hidden_layers * config.num_attention_heads * width
        return ModelSize(total - embedding - (0 if tied else head), head, attention)

    def flops(self, layout: Layout) -> float:
        """Forward and backward: 6 a weight and token, 12 an attended pair and channel; recomputation not counted."""
        linear = 6.0 * (self.body * layout.input_ids.numel() + self.head * layout.source.numel())
        return linear + 12.0 * self.attention * layout.attended


def peak_flops(device: torch.device, dtype: torch.dtype) -> float | None:
    """The device's bf16 peak in FLOP/s, None where it is not known or the model is not in half precision."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAK_BF16.items() if part in name), None)
