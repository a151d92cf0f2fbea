"""The first-use check: does a laid-out micro-batch give the log-probabilities of the model's own forward pass?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsk.core.errors import PackingError
from dsk.core.training.logprobs import CHUNK_ELEMENTS
from dsk.core.training.rows import TrainingRow

BOUNDS = {torch.float64: 1e-5, torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.02}
"""Largest mean difference of one row's log-probabilities; a wrong mask or position shows as 0.1 and more."""


@torch.no_grad()
def packing_gap(model: Any, rows: Sequence[TrainingRow], logprobs: Tensor, temperature: float) -> float:
    """The largest over rows of the mean |laid out - own| log-probability; `logprobs` is [B, T].

    Each row goes through the model alone, as a user would call it, and its logits come from the model itself.
    """
    gaps = [_row_gap(model, row, logprobs[index], temperature) for index, row in enumerate(rows)]
    return float(torch.stack(gaps).max())


def _row_gap(model: Any, row: TrainingRow, logprobs: Tensor, temperature: float) -> Tensor:
    device = logprobs.device
    # a long response is looked at in evenly spread places, for the sake of a large vocabulary's logits
    trained = torch.as_tensor(np.flatnonzero(row.trained), device=device)
    count = min(len(trained), max(64, CHUNK_ELEMENTS // model.config.vocab_size))
    places = trained[torch.linspace(0, len(trained) - 1, count, device=device).long()]
    tokens = torch.as_tensor(row.tokens[None], dtype=torch.long, device=device)
    keep = places + len(row.prompt) - 1
    logits = model(input_ids=tokens, logits_to_keep=keep, use_cache=False).logits[0]
    logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    chosen = (logits / temperature).log_softmax(-1).gather(-1, tokens[0, keep + 1, None])[:, 0]
    return (chosen - logprobs[places]).abs().mean()


def refuse_gap(gap: float, packing: str, dtype: torch.dtype) -> None:
    """Raise PackingError where the gap is over the type's bound (or NaN)."""
    bound = BOUNDS[dtype]
    if not gap <= bound:
        remedy = (
            "its logits are not one linear layer of its last hidden state, so it cannot be trained here"
            if packing == "dense"
            else "set train.packing to 'dense'"
        )
        raise PackingError(
            f"train.packing: '{packing}' gives log-probabilities {gap:.3g} away from the model's own on the first"
            f" micro-batch (bound {bound} for {str(dtype).removeprefix('torch.')}); nothing was trained; {remedy}"
        )
