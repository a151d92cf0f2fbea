"""Encoding the part of a context that is not cached: several tokens of a few lanes in one forward."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dsk.components.engines.decoding.attention import Context, Grouping, mask_of
from dsk.components.engines.decoding.buffers import KvBuffer
from dsk.components.engines.decoding.runner import Runner


def encode(
    runner: Runner, buffer: KvBuffer, slots: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Append each slot's `tokens` after its first `start`.

    Returns the last hidden states [R, M, D], right-padded.
    """
    shape, rows, longest = buffer.shape, len(slots), max(map(len, tokens))
    padded = torch.zeros((rows, longest), dtype=torch.int64)
    for row, ids in enumerate(tokens):
        padded[row, : len(ids)] = torch.tensor(ids)
    padded = padded.to(shape.device)
    first = torch.tensor(starts, device=shape.device)
    positions = first[:, None] + torch.arange(longest, device=shape.device)
    scratch = KvBuffer(shape)
    scratch.resize(rows, longest, keep=0)
    hidden = runner.hidden(padded, positions, _context(runner, buffer, scratch, slots, positions, max(starts)))
    for row, (slot, start, ids) in enumerate(zip(slots, starts, tokens, strict=True)):
        buffer.write(slot, start, scratch.data[:, :, row, :, : len(ids)])
    return hidden


def _context(
    runner: Runner, buffer: KvBuffer, scratch: KvBuffer, slots: Sequence[int], positions: torch.Tensor, prefix: int
) -> Context:
    starts = positions[:, 0]
    device, rows, longest = buffer.shape.device, len(slots), scratch.capacity
    dtype = torch.promote_types(buffer.shape.dtype, torch.float32)
    queries_per_head = runner.model.config.num_attention_heads // buffer.shape.heads
    causal = mask_of(torch.ones((longest, longest), dtype=torch.bool, device=device).tril(), dtype)
    filled = torch.arange(prefix, device=device) < starts[:, None]
    return Context(
        grouping=Grouping(rows, 1, None, None),
        prefix_keys=[_pick(keys, slots, prefix) for keys in buffer.keys],
        prefix_values=[_pick(values, slots, prefix) for values in buffer.values],
        prefix=prefix,
        prefix_mask=mask_of(filled, dtype)[:, None, None] if prefix and rows > 1 else None,
        suffix_keys=scratch.keys,
        suffix_values=scratch.values,
        suffix=longest,
        suffix_mask=causal.repeat(queries_per_head, 1)[None, None],
        row_ids=torch.arange(rows, device=device),
        at=None,
        positions=positions,
        starts=starts,
    )


def _pick(cache: torch.Tensor, slots: Sequence[int], prefix: int) -> torch.Tensor:
    """The slots' first `prefix` tokens; a view where there is only one slot."""
    if len(slots) == 1:
        return cache[slots[0] : slots[0] + 1, :, :prefix]
    return cache[list(slots), :, :prefix]
