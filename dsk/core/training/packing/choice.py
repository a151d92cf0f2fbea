"""Which packing a model and a device get."""

from __future__ import annotations

from typing import Any

import torch

from dsk.core.errors import ModelError
from dsk.core.training.packing.flex import FlexPacking
from dsk.core.training.packing.layout import DensePacking, Packing
from dsk.core.training.packing.suffix import SuffixPacking

PACKINGS: dict[str, type[Packing]] = {"dense": DensePacking, "suffix": SuffixPacking, "flex": FlexPacking}


def choose_packing(model: Any, name: str, device: torch.device) -> Packing:
    """The packing called `name`; `auto` is `suffix` where the model allows it and `dense` elsewhere.

    Raises ModelError where a shared layout is asked for by name and the model's attention cannot follow it.
    """
    if name == "dense":
        return DensePacking()
    obstacle = packing_obstacle(model)
    if name == "flex" and device.type != "cuda":
        obstacle = obstacle or f"FlexAttention trains on CUDA only, and the policy is on {device.type}"
    if obstacle is None:
        return PACKINGS.get(name, SuffixPacking)()
    if name == "auto":
        return DensePacking()
    raise ModelError(f"train.packing: '{name}' cannot be used: {obstacle}; set train.packing to 'auto' or 'dense'")


def packing_obstacle(model: Any) -> str | None:
    """Why the model cannot attend along tree paths, or None."""
    name, config = type(model).__name__, model.config
    if not (model._can_set_attn_implementation() and model.base_model._supports_attention_backend):
        return f"{name} does not take its attention from transformers.AttentionInterface"
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if kinds:
        return f"{name} has layers of type {', '.join(sorted(kinds))}, which see less than a token's whole path"
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return f"{name} attends within a sliding window of {config.sliding_window} tokens, not the whole path"
    if getattr(config, "attention_dropout", 0):
        return f"{name} has attention dropout {config.attention_dropout}, which shared tokens would share"
    return None
