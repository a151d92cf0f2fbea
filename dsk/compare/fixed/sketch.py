"""A gradient as a short vector whose products are those of the gradients, up to a known error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float

SEED = 20260101
"""One sketch for all arms and seeds: only vectors of the same one can be multiplied."""


class Sketch:
    """A count-sketch (Charikar, Chen and Farach-Colton 2002): every parameter goes into one of K places, with a sign.

    For gradients a and b, the product of their sketches has the expectation a.b and a standard deviation of at most
    `sqrt(2 / K) |a| |b|`, over the choice of places. Where there are no more parameters than places, nothing is lost:
    each has its own. Holds 9 bytes a parameter.
    """

    def __init__(self, parameters: int, places: int, device: torch.device) -> None:
        random = torch.Generator().manual_seed(SEED)
        self.size = min(parameters, places)
        exact = parameters <= places
        bins = torch.arange(parameters) if exact else torch.randint(places, (parameters,), generator=random)
        signs = torch.randint(2, (parameters,), generator=random, dtype=torch.int8) * 2 - 1
        self._bins, self._signs = bins.to(device), signs.to(device)

    def of(self, gradients: Sequence[torch.Tensor]) -> Float[torch.Tensor, " K"]:
        """The sketch of a gradient that comes as one tensor a parameter; on the CPU, in single precision."""
        flat = torch.cat([g.detach().reshape(-1).float() for g in gradients])
        places = torch.zeros(self.size, device=flat.device)
        return places.index_add_(0, self._bins, flat * self._signs).cpu()
