"""Log-probabilities that the updates of one batch measure their ratios from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from dsk.core.training.rows import TrainingRow


class Anchors:
    """The policy's log-probabilities as they were before a batch's first update, by a row's tokens."""

    def __init__(self) -> None:
        self._known: dict[bytes, Tensor] = {}

    def remember(self, rows: Sequence[TrainingRow], logprobs: Iterable[Tensor]) -> None:
        """Keep each row's; `logprobs` [T] may be padded at the end."""
        for row, values in zip(rows, logprobs, strict=True):
            self._known[row.key] = values[: len(row.response)].clone()

    def forget(self) -> None:
        """Begin anew: what is not known is measured from the weights of its own update."""
        self._known = {}

    def of(self, rows: Sequence[TrainingRow], logprobs: Tensor) -> Tensor:
        """Old log-probabilities [B, T]: what is known of each row, else `logprobs` themselves."""
        own = logprobs.detach().clone()
        for index, row in enumerate(rows):
            if row.key in self._known:
                own[index, : len(row.response)] = self._known[row.key]
        return own

    def state_dict(self) -> dict[str, Tensor]:
        """As flat tensors."""
        state: dict[str, Tensor] = {}
        for number, (key, logprobs) in enumerate(self._known.items()):
            tokens = torch.from_numpy(np.frombuffer(key, ">i4").astype(np.int64))
            state |= {f"anchor.{number}.tokens": tokens, f"anchor.{number}.logprobs": logprobs}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """What `state_dict` gave; other names are left alone."""
        self._known = {
            key_of(tokens.cpu().numpy()): state[name.replace("tokens", "logprobs")].to(device)
            for name, tokens in state.items()
            if name.startswith("anchor.") and name.endswith(".tokens")
        }


def key_of(tokens: np.ndarray) -> bytes:
    """`TrainingRow.key` of its tokens."""
    return tokens.astype(">i4").tobytes()
