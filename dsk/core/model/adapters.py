"""LoRA inside an ordinary model: adapters are injected, so that the model stays the class it was."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dsk.core.errors import ModelError
from dsk.core.seeding import derive_seed


def add_lora(model: Any, rank: int, alpha: float, seed: int = 0) -> None:
    """Freeze `model` and put rank-`rank` adapters, scaled by `alpha / rank`, on every linear layer but the head.

    The adapters start as zero maps; their random halves come from `seed`. Raises ModelError without peft.
    """
    if importlib.util.find_spec("peft") is None:
        raise ModelError("model.lora_rank: LoRA needs the package peft: pip install 'deepsearch-kit[lora]'")
    from peft import LoraConfig, inject_adapter_in_model

    model.requires_grad_(False)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(derive_seed("lora", seed))
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear")  # pyright: ignore[reportArgumentType]
        inject_adapter_in_model(config, model)


def adapted_layers(model: Any) -> dict[str, Any]:
    """The layers that carry adapters, by name; none for a model without LoRA."""
    if importlib.util.find_spec("peft") is None:
        return {}
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}


@contextmanager
def adapters_off(model: Any) -> Iterator[None]:
    """The model as it was before training: the reference of a KL term costs no second copy under LoRA."""
    layers = adapted_layers(model).values()
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


@torch.no_grad()
def plain_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of every parameter as the plain model names it, adapters merged in: what engines and files take.

    Merging happens in fp32 and one layer at a time; a model without LoRA yields its own tensors.
    """
    layers = adapted_layers(model)
    for name, parameter in model.named_parameters():
        layer_name, _, rest = name.partition(".base_layer.")
        if layer_name in layers and rest == "weight":
            merged = parameter.float() + layers[layer_name].get_delta_weight("default").float()
            yield f"{layer_name}.weight", merged.to(parameter.dtype)
        elif rest:
            yield f"{layer_name}.{rest}", parameter
        elif ".lora_" not in name:
            yield name, parameter


def reference_of(model: Any) -> Any:
    """The model as it is now, for a KL term: itself with adapters off under LoRA, a frozen copy otherwise."""
    return model if adapted_layers(model) else copy.deepcopy(model).requires_grad_(False)
