"""`suffix`: trajectories end to end, each owning the tokens no earlier one has; suffixes attend to their whole path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention

from dsk.core.training.packing.layout import Layout, Packing, to_device, trained_mask, tree_edges
from dsk.core.training.packing.tree_batch import TreeBatch
from dsk.core.training.rows import TrainingRow

SUFFIX_ATTENTION = "dsk_suffix"


@dataclass(frozen=True)
class SuffixPlan:
    """Which slices attend to which: lengths of the query suffixes, lengths of the key segments, and for each suffix the
    segments on its path (its own tokens last). `masks` are [n, path] and bottom-right causal, None for a whole path."""

    suffixes: tuple[int, ...]
    segments: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    masks: tuple[Tensor | None, ...]


class SuffixPacking(Packing):
    """Unique tokens once, with stock attention kernels; made for any Hugging Face model with replaceable attention."""

    name = "suffix"

    def lay_out(self, rows: Sequence[TrainingRow], device: torch.device) -> Layout:
        """One model row of U unique tokens."""
        tree = TreeBatch.build([row.tokens for row in rows])
        source, target, gather = tree_edges(rows, tree.paths, tree.parent, tree.tokens)
        return Layout(
            input_ids=to_device(tree.tokens[None], device),
            position_ids=to_device(tree.positions[None], device),
            source=to_device(source, device),
            target=to_device(target, device),
            gather=to_device(gather, device),
            mask=trained_mask(rows, device),
            tokens=tree.size,
            attended=int((tree.positions + 1).sum()),
            attention=SUFFIX_ATTENTION,
            extra={"dsk_plan": plan(tree, device)},
        )

    def cost(self, rows: Sequence[TrainingRow]) -> int:
        """U, the unique tokens."""
        return TreeBatch.build([row.tokens for row in rows]).size if rows else 0


def plan(tree: TreeBatch, device: torch.device) -> SuffixPlan:
    """Cut the layout where a suffix starts or a path jumps, so that paths are whole segments and need no index."""
    bounds = zip(tree.order.tolist(), *map(np.ndarray.tolist, (tree.owned[:-1], tree.owned[1:])), strict=True)
    owners = [(index, start, stop) for index, start, stop in bounds if stop > start]
    jumps = [path[:-1][np.diff(path) != 1] + 1 for path in tree.paths]
    cuts = np.unique(np.concatenate([tree.owned, *jumps]))
    paths, masks = [], []
    for index, start, stop in owners:
        path = tree.paths[index]
        whole = path[path < stop]
        paths.append(tuple(np.flatnonzero(np.isin(cuts[:-1], whole)).tolist()))
        masks.append(_bottom_right(stop - start, len(whole), device))
    lengths = tuple(np.diff(cuts).tolist())
    return SuffixPlan(tuple(stop - start for _, start, stop in owners), lengths, tuple(paths), tuple(masks))


def _bottom_right(queries: int, keys: int, device: torch.device) -> Tensor | None:
    """The last query sees every key; None where queries are the whole path and plain causal attention does."""
    if queries == keys:
        return None
    if device.type == "cuda":
        return causal_lower_right(queries, keys)  # the flash and memory-efficient kernels take it without a matrix
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril_(keys - queries)


@torch.compiler.disable  # its slices are new in every micro-batch; what is compiled is the rest of the layer
def suffix_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dsk_plan: SuffixPlan,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function that Hugging Face models call: [1, heads, U, d] in, [1, U, heads, d] out.

    Segments come from one `split`, so the backward pass of all paths ends in a single concatenation.
    """
    if (
        query.is_cuda or softcap is not None
    ):  # fused kernels with a lower-right mask want a key head for each query head
        repeats = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    keys, values = key.split(dsk_plan.segments, 2), value.split(dsk_plan.segments, 2)
    outputs = []
    for part, path, mask in zip(query.split(dsk_plan.suffixes, 2), dsk_plan.paths, dsk_plan.masks, strict=True):
        own, seen = torch.cat([keys[i] for i in path], 2), torch.cat([values[i] for i in path], 2)
        if sliding_window is not None and own.shape[2] > sliding_window:
            own, seen, mask = _within(part, own, seen, sliding_window)
        if softcap is None:
            outputs.append(_fused(part, own, seen, mask, scaling, dropout))
        else:
            outputs.append(_capped(part, own, seen, mask, scaling, softcap))
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None


def _within(query: Tensor, key: Tensor, value: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keys and values that some query sees (the last of the path), and the mask [n, seen] of the window."""
    queries = query.shape[2]
    seen = min(key.shape[2], queries + window - 1)
    mask = torch.ones(queries, seen, dtype=torch.bool, device=query.device).tril_(seen - queries)
    mask &= ~torch.ones_like(mask).tril_(seen - queries - window)
    return key[:, :, -seen:], value[:, :, -seen:], mask


def _fused(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None, dropout: float
) -> Tensor:
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _capped(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None, cap: float
) -> Tensor:
    """Scores bounded by cap tanh(. / cap), which the fused kernels lack; softmax in at least fp32."""
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = cap * torch.tanh(scores / cap)
    queries, keys = scores.shape[-2:]
    seen = torch.ones(queries, keys, dtype=torch.bool, device=query.device).tril_(keys - queries)
    keep = mask if isinstance(mask, Tensor) and mask.dtype == torch.bool else seen
    scores = scores.masked_fill(~keep, float("-inf"))
    wide = torch.promote_types(scores.dtype, torch.float32)
    return scores.softmax(-1, dtype=wide).to(value.dtype) @ value
