"""The first-use check: are a sample's log-probabilities those of the model's own forward pass?"""

from __future__ import annotations

from typing import Any

import torch

from dsk.core.errors import EngineError
from dsk.core.model.architecture import bare_model, quiet
from dsk.core.model.policy import Policy
from dsk.core.training.packing.check import BOUNDS
from dsk.core.types import Completion, Sample, SampleRequest


class FirstUse:
    """Compares the first completed request of a session with the model, once.

    `gap` is what was found (nats), `tokens` what the comparison put through the model.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy, self.tokens = policy, 0
        self.gap: float | None = None
        self._prefixes: dict[str, tuple[int, ...]] = {}

    def note(self, request: SampleRequest) -> None:
        """A request that may be the first to finish."""
        if self.gap is None:
            self._prefixes[request.id] = request.prefix

    def look(self, finished: list[Completion], version: int) -> None:
        """Raise EngineError where a sample of the present weights is further from the model than its type rounds."""
        for completion in finished if self.gap is None else ():
            prefix = self._prefixes.pop(completion.request_id)
            sample = next((s for s in completion.samples if s.version == version), None)
            if sample is not None:
                self.gap = model_gap(self.policy.model, prefix, sample)
                self.tokens = len(prefix) + len(sample.tokens)
                self._prefixes.clear()
                refuse(self.gap, self.policy.model)
                break


@torch.no_grad()
def model_gap(model: Any, prefix: tuple[int, ...], sample: Sample) -> float:
    """Mean |sampled - own| log-probability over a sample's tokens, by one plain forward."""
    bare = bare_model(model)
    tokens = torch.tensor([[*prefix, *sample.tokens]], device=bare.device)
    with quiet(bare, None):
        logits = bare(input_ids=tokens, use_cache=False, logits_to_keep=len(sample.tokens) + 1).logits[0, :-1]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    own = logits.log_softmax(-1).gather(1, tokens[0, len(prefix) :, None])[:, 0]
    drawn = torch.tensor(sample.logprobs, dtype=torch.float64, device=own.device)
    broken = own.isnan() & drawn.isnan()  # weights that are not numbers are the trainer's to report
    return float((own - drawn).abs().masked_fill(broken, 0).mean())


def refuse(gap: float, model: Any) -> None:
    """Raise EngineError for a gap over the type's bound (or NaN)."""
    bound, dtype = BOUNDS[model.dtype], str(model.dtype).removeprefix("torch.")
    if not gap <= bound:
        name = type(bare_model(model)).__name__
        raise EngineError(
            f"engine: samples' log-probabilities are {gap:.3g} away from those of {name}'s own forward pass on the"
            f" first request (bound {bound} for {dtype}); nothing was trained; use the vllm engine, or another model"
        )
