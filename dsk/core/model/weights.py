"""Weights on their way to an engine: plain names, adapters merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dsk.core.model.adapters import plain_weights

if TYPE_CHECKING:
    from torch import Tensor


class Weights:
    """(name, tensor) of every parameter as the plain model names it, in the model's type; iterate as often as needed.

    `module` is the module of this process that holds them, with its adapters where it has some: an engine that decodes
    with the same module has nothing to copy. None where they come from elsewhere.
    """

    def __init__(self, module: Any) -> None:
        self.module = module

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return plain_weights(self.module)
