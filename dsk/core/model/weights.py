"""Weights on their way to an engine: plain names, adapters merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dsk.core.model.adapters import plain_weights

if TYPE_CHECKING:
    from torch import Tensor

    from dsk.core.model.value_head import ValueHead


class Weights:
    """(name, tensor) of every parameter as the plain model names it, in the model's type; iterate as often as needed.

    `module` is the module of this process that holds them, with its adapters where it has some: an engine that decodes
    with the same module has nothing to copy. None where they come from elsewhere. `value_head` is the policy's, where
    it has one.
    """

    def __init__(self, module: Any, value_head: ValueHead | None = None) -> None:
        self.module, self.value_head = module, value_head

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return plain_weights(self.module)
