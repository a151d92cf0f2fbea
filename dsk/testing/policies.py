"""A policy for engine tests: the bundled model's tokenizer and shape, with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.core.model.policy import Policy


def random_policy(seed: int = 0, spread: float = 0.3) -> Policy:
    """A policy in float32 on the CPU, far from certain of its next token: weights of standard deviation `spread`."""
    import torch

    from dsk.core.model.policy import load_policy
    from dsk.core.spec import ModelSpec

    policy = load_policy(ModelSpec(path="bundled:tiny-reasoner", device="cpu"))
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, spread, generator=draw)
    return policy
