"""How rows become model inputs: `Layout`, and the plain one-row-per-trajectory `dense`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsk.core.training.rows import TrainingRow


@dataclass(frozen=True)
class Layout:
    """One micro-batch as the model sees it, and the way back to trajectories.

    `input_ids` and `position_ids` are [R, S]. An edge is a (token, next token) pair: `source` [P] is the flat index
    into R x S of the state that predicts it, `target` [P] the token it predicts. `gather` [B, T] is each trained
    token's edge and `mask` [B, T] where there is one: what is only attended to has none. `tokens` counts what the model
    computes, padding included, `attended` the (query, key) pairs of all paths; `extra` goes to the attention function
    named `attention` (None: the model's own).
    """

    input_ids: Tensor
    position_ids: Tensor
    source: Tensor
    target: Tensor
    gather: Tensor
    mask: Tensor
    tokens: int
    attended: int
    attention: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Packing(ABC):
    """One way to lay out rows; all give the same log-probabilities and gradients."""

    name: str

    @abstractmethod
    def lay_out(self, rows: Sequence[TrainingRow], device: torch.device) -> Layout:
        """The rows of one micro-batch; every response has a trained token."""

    @abstractmethod
    def cost(self, rows: Sequence[TrainingRow]) -> int:
        """Tokens that the model computes for these rows (what the micro-batch bound counts)."""


class DensePacking(Packing):
    """One right-padded row per trajectory, with the model's own attention: the oracle for the others."""

    name = "dense"

    def lay_out(self, rows: Sequence[TrainingRow], device: torch.device) -> Layout:
        """Padding sits after every real token, so causal attention needs no mask."""
        width = max(len(row.tokens) for row in rows)
        input_ids = np.zeros((len(rows), width), np.int64)
        for index, row in enumerate(rows):
            input_ids[index, : len(row.tokens)] = row.tokens
        source = [i * width + len(row.prompt) - 1 + np.flatnonzero(row.trained) for i, row in enumerate(rows)]
        edges = np.cumsum([row.trained_tokens for row in rows])
        return Layout(
            input_ids=torch.from_numpy(input_ids).to(device),
            position_ids=torch.arange(width, device=device).expand(len(rows), width),
            source=to_device(np.concatenate(source), device),
            target=to_device(np.concatenate([row.response[row.trained] for row in rows]).astype(np.int64), device),
            gather=to_device(_in_place(rows, np.split(np.arange(edges[-1]), edges[:-1])), device),
            mask=trained_mask(rows, device),
            tokens=input_ids.size,
            attended=sum(len(row.tokens) * (len(row.tokens) + 1) // 2 for row in rows),
        )

    def cost(self, rows: Sequence[TrainingRow]) -> int:
        """Rows times the longest one: padding is computed too."""
        return len(rows) * max((len(row.tokens) for row in rows), default=0)


def trained_mask(rows: Sequence[TrainingRow], device: torch.device) -> Tensor:
    """[B, T] of bool: where each row has a token that is trained."""
    return to_device(_padded([row.trained for row in rows]), device)


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    out = np.zeros((len(rows), max(len(row) for row in rows)), rows[0].dtype)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out


def _in_place(rows: Sequence[TrainingRow], edges: Sequence[np.ndarray]) -> np.ndarray:
    """[B, T]: each row's edges at its trained tokens, 0 elsewhere."""
    out = np.zeros((len(rows), max(len(row.response) for row in rows)), np.int64)
    for index, (row, own) in enumerate(zip(rows, edges, strict=True)):
        out[index, np.flatnonzero(row.trained)] = own
    return out


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def tree_edges(rows: Sequence[TrainingRow], paths: Sequence[np.ndarray], parent: np.ndarray, tokens: np.ndarray) -> Any:
    """(source, target, gather) of a trie: an edge is named by the trained token it leads to, and each is kept once."""
    trained = [path[len(row.prompt) :][row.trained] for row, path in zip(rows, paths, strict=True)]
    wanted = np.unique(np.concatenate(trained))
    return parent[wanted], tokens[wanted], _in_place(rows, [np.searchsorted(wanted, own) for own in trained])
