"""`ValueHead`: from a hidden state of the policy to the chance that a response which goes on from there is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dsk.core.seeding import derive_seed

if TYPE_CHECKING:
    from jaxtyping import Float

    from dsk.core.roles import HeadFields


class ValueHead(torch.nn.Module):
    """`sigmoid(w.h + b)` of the last hidden state, or of one layer of `hidden` tanh units on it; fp32, fp64 for fp64.

    It starts as 0.5 everywhere. `updates` counts the optimiser's steps; before `warmup_updates` of them it is not
    `ready`, and nobody is told its values.
    """

    updates: torch.Tensor

    def __init__(self, size: int, fields: HeadFields, dtype: torch.dtype, device: torch.device, seed: int = 0) -> None:
        super().__init__()
        self.fields = fields
        self.dtype = torch.promote_types(dtype, torch.float32)
        self.layers = torch.nn.Sequential(*_layers(size, fields.hidden, seed)).to(device, self.dtype)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @property
    def ready(self) -> bool:
        """Whether it has learnt for as long as its spec wants."""
        return int(self.updates) >= self.fields.warmup_updates

    def forward(self, hidden: Float[torch.Tensor, "P D"]) -> Float[torch.Tensor, " P"]:
        """The logit of each state's value."""
        return self.layers(hidden.to(self.dtype))[:, 0]

    def values(self, hidden: Float[torch.Tensor, "P D"]) -> Float[torch.Tensor, " P"]:
        """Each state's value, in (0, 1)."""
        return self(hidden).sigmoid()


def _layers(size: int, hidden: int, seed: int) -> list[torch.nn.Module]:
    """A zero map; below it, where there is a hidden layer, one drawn from `seed` without touching torch's own."""
    last = torch.nn.Linear(hidden or size, 1)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    if not hidden:
        return [last]
    first = torch.nn.Linear(size, hidden)
    generator = torch.Generator().manual_seed(derive_seed("value_head", seed))
    torch.nn.init.normal_(first.weight, std=size**-0.5, generator=generator)
    torch.nn.init.zeros_(first.bias)
    return [first, torch.nn.Tanh(), last]
