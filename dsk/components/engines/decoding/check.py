"""The first-use check: are a sample's log-probabilities those of the model's own forward pass?"""

from __future__ import annotations

from typing import Any

import torch

from dsk.core.errors import EngineError
from dsk.core.model.architecture import bare_model, quiet
from dsk.core.model.policy import Policy
from dsk.core.training.packing.check import BOUNDS
from dsk.core.types import Completion, Sample


class FirstUse:
    """Compares the first completed request of a session with the model, once; `gap` is what was found (nats)."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.gap: float | None = None

    def look(self, finished: list[Completion], prefixes: dict[str, tuple[int, ...]], version: int) -> None:
        """Raise EngineError where a sample of the present weights is further from the model than its type rounds."""
        for completion in finished:
            prefix = prefixes.get(completion.request_id)
            sample = next((s for s in completion.samples if s.version == version and s.tokens), None)
            if self.gap is None and prefix is not None and sample is not None:
                self.gap = model_gap(self.policy.model, prefix, sample)
                refuse(self.gap, self.policy.model)


@torch.no_grad()
def model_gap(model: Any, prefix: tuple[int, ...], sample: Sample) -> float:
    """Mean |sampled - own| log-probability over a sample's tokens, by one plain forward."""
    bare = bare_model(model)
    tokens = torch.tensor([[*prefix, *sample.tokens]], device=bare.device)
    with quiet(bare, None):
        logits = bare(input_ids=tokens, use_cache=False, logits_to_keep=len(sample.tokens) + 1).logits[0, :-1]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    own = logits.log_softmax(-1).gather(1, tokens[0, len(prefix) :, None])[:, 0]
    return float((own - torch.tensor(sample.logprobs, device=own.device)).abs().mean())


def refuse(gap: float, model: Any) -> None:
    """Raise EngineError for a gap over the type's bound (or NaN)."""
    bound, dtype = BOUNDS[model.dtype], str(model.dtype).removeprefix("torch.")
    if not gap <= bound:
        name = type(bare_model(model)).__name__
        raise EngineError(
            f"engine: samples' log-probabilities are {gap:.3g} away from those of {name}'s own forward pass on the first"
            f" request (bound {bound} for {dtype}); nothing was trained; use the vllm engine, or another model"
        )
