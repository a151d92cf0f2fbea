"""`flex`: the trie under FlexAttention, whose block mask skips the parts of the score matrix that no path crosses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from dsk.core.training.packing.layout import Layout, Packing, to_device, trained_mask, tree_edges
from dsk.core.training.packing.tree_batch import TreeBatch
from dsk.core.training.rows import TrainingRow

FLEX_ATTENTION = "dsk_flex"
BLOCK = 128
"""Side of a block of the mask; layouts are padded to a multiple, so that few shapes are compiled."""


class FlexPacking(Packing):
    """Unique tokens once, one kernel for all paths; for CUDA (elsewhere it runs unfused, as a check)."""

    name = "flex"

    def lay_out(self, rows: Sequence[TrainingRow], device: torch.device) -> Layout:
        """One model row of U unique tokens and padding that sees only itself."""
        tree = TreeBatch.build([row.tokens for row in rows])
        source, target, gather = tree_edges(rows, tree.paths, tree.parent, tree.tokens)
        padding = -tree.size % BLOCK
        end = np.concatenate([tree.end, np.arange(tree.size, tree.size + padding) + 1])
        return Layout(
            input_ids=to_device(np.pad(tree.tokens, (0, padding))[None], device),
            position_ids=to_device(np.pad(tree.positions, (0, padding))[None], device),
            source=to_device(source, device),
            target=to_device(target, device),
            gather=to_device(gather, device),
            mask=trained_mask(rows, device),
            tokens=tree.size + padding,
            attended=int((tree.positions + 1).sum()),
            attention=FLEX_ATTENTION,
            extra={"dsk_blocks": path_mask(to_device(end, device))},
        )

    def cost(self, rows: Sequence[TrainingRow]) -> int:
        """U and its padding."""
        size = TreeBatch.build([row.tokens for row in rows]).size if rows else 0
        return size + -size % BLOCK


def path_mask(end: Tensor) -> BlockMask:
    """Query q sees key k exactly if k <= q < end[k]: k is on q's path."""

    def on_path(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query < end[key])

    size = len(end)
    return create_block_mask(on_path, None, None, size, size, device=end.device, BLOCK_SIZE=BLOCK)


@cache
def _compiled() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def flex_path_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dsk_blocks: BlockMask,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function that Hugging Face models call: [1, heads, U, d] in, [1, U, heads, d] out."""

    def capped(score: Tensor, *_: Tensor) -> Tensor:
        return softcap * torch.tanh(score / softcap) if softcap else score

    attend = _compiled() if query.is_cuda else flex_attention
    output: Any = attend(
        query,
        key,
        value,
        score_mod=capped if softcap else None,
        block_mask=dsk_blocks,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return output.transpose(1, 2).contiguous(), None
