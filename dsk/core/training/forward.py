"""A policy's log-probabilities for laid-out rows, with the model put into the state that needs and taken out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from dsk.core.errors import ModelError
from dsk.core.model.architecture import LogitRule
from dsk.core.training.logprobs import chosen_logprobs
from dsk.core.training.packing.flex import FLEX_ATTENTION, flex_path_attention
from dsk.core.training.packing.layout import Layout
from dsk.core.training.packing.suffix import SUFFIX_ATTENTION, suffix_attention

AttentionInterface.register(SUFFIX_ATTENTION, suffix_attention)
AttentionInterface.register(FLEX_ATTENTION, flex_path_attention)


@contextmanager
def training_state(model: Any, attention: str | None, checkpointing: bool) -> Iterator[None]:
    """Training mode, the named attention and gradient checkpointing; all as before on leaving.

    The backward pass belongs inside: checkpointing runs the attention again there. The engine may share the module.
    """
    before, was_training = model.config._attn_implementation, model.training
    try:
        model.train()
        if attention is not None:
            model.set_attn_implementation(attention)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        yield
    finally:
        if checkpointing:
            model.gradient_checkpointing_disable()
        if attention is not None:
            model.set_attn_implementation(before)
        model.train(was_training)


def output_head(model: Any) -> torch.nn.Linear:
    """The layer that makes logits. Raises ModelError where it is not linear (chunked logits need its weight)."""
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        raise ModelError(
            f"model.path: {type(model).__name__} has no linear output layer ({type(head).__name__});"
            " training supports models whose logits are one linear layer of the last hidden state"
        )
    return head


def edge_states(model: Any, layout: Layout, body: Any = None) -> Tensor:
    """The last hidden state [P, H] that predicts each edge of the layout.

    `body` stands for `model.base_model`: the same layers, compiled.
    """
    run = model.base_model if body is None else body
    output = run(input_ids=layout.input_ids, position_ids=layout.position_ids, use_cache=False, **layout.extra)
    return output.last_hidden_state.flatten(0, 1).index_select(0, layout.source)


def edge_logprobs(
    model: Any, layout: Layout, temperature: float = 1.0, with_entropy: bool = False, body: Any = None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Log-probability [P] of each edge of the layout, the entropy [P] of the distribution it was drawn from, and the
    state [P, H] that predicts it (`edge_states`).
    """
    hidden = edge_states(model, layout, body)
    rule = LogitRule.of(model.config)
    found = chosen_logprobs(hidden, output_head(model), layout.target, temperature, with_entropy, rule=rule)
    return *found, hidden


def row_values(edges: Tensor, layout: Layout) -> Tensor:
    """Edge values [P] as trajectory rows [B, T], 0 in the padding."""
    return edges[layout.gather].masked_fill(~layout.mask, 0.0)
