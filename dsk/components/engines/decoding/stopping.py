"""When a sample is over: end-of-sequence ids for all rows at once, a request's own stops row by row."""

from __future__ import annotations

from typing import Any

import torch

from dsk.core.types import SampleRequest

SLACK = 8
"""Tokens decoded beyond a stop string's length: a character may be spread over several byte-level tokens."""


class StopRule:
    """Knows the end-of-sequence ids and how tokens become text."""

    def __init__(self, eos_ids: tuple[int, ...], tokenizer: Any, device: torch.device) -> None:
        self.tokenizer = tokenizer
        self._eos = torch.tensor(eos_ids, device=device)

    def ended(self, tokens: torch.Tensor) -> list[int]:
        """Indices of the rows that drew an end-of-sequence token."""
        return (tokens[:, None] == self._eos).any(1).nonzero()[:, 0].tolist()

    def stopped(self, request: SampleRequest, drawn: torch.Tensor) -> bool:
        """Whether the last of the `drawn` tokens [T] is a stop token or completes a stop string."""
        if request.stop_tokens and int(drawn[-1]) in request.stop_tokens:
            return True
        if not request.stop_strings:
            return False
        window = max(len(text.encode()) for text in request.stop_strings) + SLACK
        text = self.tokenizer.decode(drawn[-window:].tolist(), skip_special_tokens=True)
        return any(stop in text for stop in request.stop_strings)
