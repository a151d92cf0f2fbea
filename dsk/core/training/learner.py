"""What the loop knows of training. The trainer of this process is one; a sharded one can stand in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsk.core.model.weights import Weights
from dsk.core.types import Group

if TYPE_CHECKING:
    from torch import Tensor

Receive = Callable[[int, int, Sequence["Tensor"]], None]
"""Takes a group's index, its trained tokens and what it adds to the gradient."""


class Learner(Protocol):
    """Holds a policy's weights and optimiser."""

    @property
    def computed_tokens(self) -> int:
        """Tokens that went through the layers so far: once forward, and twice more where gradients went back."""
        ...

    def update(self, groups: Sequence[Group], should_stop: Callable[[], bool]) -> Mapping[str, float] | None:
        """One optimiser step over a mini-batch and its record; None, nothing changed, where `should_stop` turned true.

        Raises NonFiniteLossError before the weights change.
        """
        ...

    def anchor(self, groups: Sequence[Group]) -> int:
        """Keep the present log-probabilities of a whole batch before its first update; the tokens that took."""
        ...

    def gradients(self, groups: Sequence[Group], receive: Receive) -> None:
        """Give each group's share of the gradient that `update` would take, unclipped; nothing is changed."""
        ...

    def signals(self, groups: Sequence[Group]) -> list[bool]:
        """Which groups have an advantage that is not zero."""
        ...

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of each token after the first of each sequence, under the present weights, untempered."""
        ...

    def weights(self) -> Weights:
        """The present weights, for an engine."""
        ...

    def checkpoint(self, folder: Path) -> None:
        """Write everything that an update depends on into `folder`, as safetensors."""
        ...

    def restore(self, folder: Path) -> None:
        """Take over what `checkpoint` wrote. Raises CheckpointError where it belongs to another model or optimiser."""
        ...

    def save_final(self, folder: Path) -> None:
        """Write the trained model and its tokenizer as a Hugging Face folder."""
        ...
