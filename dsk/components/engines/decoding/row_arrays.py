"""Per-row figures of the running batch, on the model's device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from dsk.components.engines.decoding.requests import Draft

FIRST_ROWS = 32


class RowArrays:
    """`uniform`, `tokens`, `logprobs`, `values` [R, T] by position in the sample; `following` [R], the token to forward
    next. Values are NaN where there are none."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._allocate(0, 0)

    def _allocate(self, rows: int, width: int) -> None:
        self.uniform = torch.zeros((rows, width), dtype=torch.float64, device=self.device)
        self.tokens = torch.zeros((rows, width), dtype=torch.int64, device=self.device)
        self.logprobs = torch.zeros((rows, width), dtype=torch.float64, device=self.device)
        self.values = torch.full((rows, width), math.nan, dtype=torch.float64, device=self.device)
        self.following = torch.zeros(rows, dtype=torch.int64, device=self.device)

    def reserve(self, rows: int, width: int, keep: int) -> None:
        """Have room for `rows` x `width`; the first `keep` rows stay."""
        had_rows, had_width = self.uniform.shape
        if rows <= had_rows and width <= had_width:
            return
        old = (self.uniform, self.tokens, self.logprobs, self.values, self.following)
        self._allocate(max(rows, 2 * had_rows if rows > had_rows else had_rows, FIRST_ROWS), max(width, had_width))
        for new, was in zip((self.uniform, self.tokens, self.logprobs, self.values), old[:4], strict=True):
            new[:keep, :had_width] = was[:keep]
        self.following[:keep] = old[4][:keep]

    def start(self, row: int, numbers: np.ndarray, draft: Draft) -> None:
        """Fill a row for a sample as far as it is drawn."""
        self.uniform[row, : len(numbers)] = torch.from_numpy(numbers)
        if count := len(draft.tokens):
            self.tokens[row, :count] = torch.tensor(draft.tokens)
            self.logprobs[row, :count] = torch.tensor(draft.logprobs, dtype=torch.float64)
        self.values[row] = math.nan
        self.values[row, : len(draft.values)] = torch.tensor(draft.values, dtype=torch.float64)

    def move(self, source: int, target: int) -> None:
        """Copy one row over another."""
        for array in (self.uniform, self.tokens, self.logprobs, self.values, self.following):
            array[target] = array[source]

    def record(
        self,
        rows: torch.Tensor,
        at: torch.Tensor,
        tokens: torch.Tensor,
        logprobs: torch.Tensor,
        values: torch.Tensor | None,
    ) -> None:
        """Note the token that each of `rows` drew at position `at` of its sample; it is forwarded next."""
        self.tokens[rows, at] = tokens
        self.logprobs[rows, at] = logprobs.double()
        if values is not None:
            self.values[rows, at] = values.double()
        self.following[rows] = tokens
