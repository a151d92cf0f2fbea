"""Linear layers on a CPU, with their weights in the blocked layout that oneDNN multiplies in.

A product of a few rows spends much of its time bringing the weight into that layout. Here that is done once a sync, as
torch's own compiler does when it freezes a model; benchmarks/README.md has what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn


def packable(model: nn.Module) -> bool:
    """Whether oneDNN has products for the model's device and number format in this build of torch."""
    weight = next(model.parameters())
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if weight.dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return weight.dtype == torch.float32


class PackedLinears:
    """A second copy of the weights of `model`'s linear layers as they are now, which `installed` puts to use."""

    def __init__(self, model: nn.Module) -> None:
        with torch.inference_mode():
            self._forwards: list[tuple[Any, Callable[[torch.Tensor], torch.Tensor]]] = [
                (layer, _forward(layer)) for layer in model.modules() if type(layer) is nn.Linear and packable(layer)
            ]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The layers multiply with the copies; afterwards with their own weights again."""
        for layer, forward in self._forwards:
            layer.forward = forward
        try:
            yield
        finally:
            for layer, _ in self._forwards:
                del layer.forward


def _forward(layer: nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    operations: Any = torch.ops.mkldnn
    weight = operations._reorder_linear_weight(layer.weight, None)
    return partial(_product, operations._linear_pointwise, weight, layer.bias)


def _product(operation: Any, weight: torch.Tensor, bias: torch.Tensor | None, rows: torch.Tensor) -> torch.Tensor:
    return operation(rows, weight, bias, "none", [], "")
