"""Which packing a model and a device get."""

from __future__ import annotations

from typing import Any

import torch

from dsk.core.errors import ModelError
from dsk.core.model.architecture import sharing_obstacle
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
    if name == "flex":
        obstacle = obstacle or _windows(model)
    if name == "flex" and device.type != "cuda":
        obstacle = obstacle or f"FlexAttention trains on CUDA only, and the policy is on {device.type}"
    if obstacle is None:
        return PACKINGS.get(name, SuffixPacking)()
    if name == "auto":
        return DensePacking()
    raise ModelError(f"train.packing: '{name}' cannot be used: {obstacle}; set train.packing to 'auto' or 'dense'")


def packing_obstacle(model: Any) -> str | None:
    """Why the model cannot attend along tree paths, or None."""
    dropout = getattr(model.config, "attention_dropout", 0)
    if dropout:
        return f"{type(model).__name__} has attention dropout {dropout}, which shared tokens would share"
    return sharing_obstacle(model)


def _windows(model: Any) -> str | None:
    """Why one block mask is not enough."""
    window, kinds = getattr(model.config, "sliding_window", None), getattr(model.config, "layer_types", None)
    if window is None or (kinds is not None and "sliding_attention" not in kinds):
        return None
    return f"{type(model).__name__} has sliding windows of {window} tokens, which only 'suffix' follows"


def packing_notice(model: Any, name: str) -> str | None:
    """One line where `auto` means `dense`, with the reason; None elsewhere."""
    obstacle = packing_obstacle(model) if name == "auto" else None
    return (
        None if obstacle is None else f"train.packing: 'auto' is 'dense': {obstacle}; shared tokens are trained twice"
    )
