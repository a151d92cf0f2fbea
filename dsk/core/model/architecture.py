"""What an architecture can do, found out from its configuration, its class and one small forward pass.

Three questions: can it be run at all (`architecture_obstacle`), does its attention go through one function that tokens
of several paths may share (`sharing_obstacle`), and how do its logits come from its last layer (`LogitRule`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

from dsk.core.component import as_object

WATCHED = "dsk_watched"
PATH_LAYERS = {"full_attention", "sliding_attention"}
HARMLESS = {"dropout", "scaling", "sliding_window", "softcap", "position_ids", "cache_position", "use_cache", "watched"}
HARMLESS |= {"output_attentions", "output_hidden_states", "output_router_logits", "is_causal", "past_key_values"}
"""What a layer may hand to the attention function: followed by ours, or without effect where nothing is cached."""


def bare_model(model: Any) -> PreTrainedModel:
    """The transformers model inside `model` (LoRA adapters stay in its layers)."""
    return model if isinstance(model, PreTrainedModel) else model.get_base_model()


def architecture_obstacle(config: Any) -> str | None:
    """Why no engine of ours and no trainer can run a model of this configuration, or None."""
    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        return f"'{kind}' is an encoder-decoder; dsk trains causal language models"
    if kind not in CAUSAL or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return f"transformers has no causal language model of type '{kind}'; take a model with a causal head"
    if getattr(config, "is_decoder", True) is False and not _causal(config):
        return f"'{kind}' sees tokens that come later (is_decoder is false); take a causal language model"
    found: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if found._is_stateful:
        return f"'{kind}' keeps a recurrent state (state-space layers), which samples cannot share; take a transformer"
    return None


def _causal(config: Any) -> bool:
    """Whether every attention layer calls itself causal (GPT-NeoX is, and `is_decoder` says otherwise)."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return all(getattr(layer, "is_causal", True) for layer in model.modules())


def steady_length(config: Any) -> int:
    """Tokens up to which a key depends on what is before it alone: the model's context, or less.

    Rotary positions of the kind `longrope` change all keys of a sequence once it outgrows the length of pretraining.
    """
    context = int(getattr(config, "max_position_embeddings", None) or 1 << 30)
    found = as_object(getattr(config, "rope_parameters", None)) or {}
    parts = [found, *(part for part in found.values() if isinstance(part, Mapping))]  # one a layer type, in some
    lengths = [part.get("original_max_position_embeddings") for part in parts if part.get("rope_type") == "longrope"]
    return min([context, *(length for length in lengths if length)])


@dataclass(frozen=True)
class LogitRule:
    """From the output layer's product x to logits: `scale` x, then `cap` tanh(. / cap) where there is a cap."""

    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, config: Any) -> LogitRule:
        """By the fields that transformers' models have for it (Granite divides, Cohere multiplies, Gemma caps)."""
        scale = getattr(config, "logit_scale", None) or 1.0
        divisor = getattr(config, "logits_scaling", None) or 1.0
        return cls(scale / divisor, getattr(config, "final_logit_softcapping", None))

    def __call__(self, product: Tensor) -> Tensor:
        """Logits of any shape."""
        logits = product * self.scale if self.scale != 1 else product
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    def slope(self, logits: Tensor) -> Tensor | float:
        """d logits / d product, from the logits."""
        return self.scale if self.cap is None else self.scale * (1 - (logits / self.cap).square())


@dataclass(frozen=True)
class KvLayout:
    """Keys and values of one token: `heads` x `head_dim` in each of `layers`."""

    layers: int
    heads: int
    head_dim: int


@dataclass
class Watch:
    """What the attention function was given in one forward: the layer, shapes, masks and other arguments."""

    layers: list[int] = field(default_factory=list)
    keys: set[tuple[int, int]] = field(default_factory=set)
    values: set[tuple[int, int]] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def sharing_obstacle(model: Any) -> str | None:
    """Why tokens of several sequences cannot share a prefix in the model's layers, or None.

    A model without weights (device `meta`) is judged by its class alone.
    """
    bare = bare_model(model)
    return _class_obstacle(bare) or (None if bare.device.type == "meta" else _seen_obstacle(bare, watch(bare)))


def _class_obstacle(bare: Any) -> str | None:
    name, config = type(bare).__name__, bare.config
    if not (bare._can_set_attn_implementation() and bare.base_model._supports_attention_backend):
        return f"{name} does not take its attention from transformers.AttentionInterface"
    if config.get_text_config(decoder=True) is not config:
        return f"{name} holds its language model inside another one"
    kinds = set(getattr(config, "layer_types", None) or ()) - PATH_LAYERS
    if kinds:
        return f"{name} has layers of type {', '.join(sorted(kinds))}, which see other than a token's path"
    return None


def _seen_obstacle(bare: Any, seen: Watch) -> str | None:
    name = type(bare).__name__
    if seen.layers != list(range(bare.config.num_hidden_layers)):
        return f"{name} has layers that attend otherwise than once and through transformers.AttentionInterface"
    if len(seen.keys | seen.values) > 1:
        return f"{name} has keys and values of several shapes"
    if seen.others:
        return f"{name} gives its attention function {', '.join(sorted(seen.others))}"
    return None


@torch.no_grad()
def watch(bare: Any) -> Watch:
    """Forward two tokens with an attention function that notes what it is given."""
    AttentionInterface.register(WATCHED, _watching)
    seen = Watch()
    tokens = torch.tensor([[1, 2]], device=bare.device)
    with quiet(bare, WATCHED):
        positions = torch.arange(2, device=bare.device)[None]
        bare.base_model(input_ids=tokens, position_ids=positions, use_cache=False, watched=seen)
    return seen


def kv_layout(model: Any) -> KvLayout:
    """Sizes of a model without `sharing_obstacle`."""
    seen = watch(bare_model(model))
    ((heads, size),) = seen.keys
    return KvLayout(len(seen.layers), heads, size)


def _watching(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, watched: Watch, **others: Any
) -> tuple[Tensor, None]:
    watched.layers.append(module.layer_idx)
    watched.keys.add((key.shape[1], key.shape[3]))
    watched.values.add((value.shape[1], value.shape[3]))
    watched.others |= {name for name, given in others.items() if given is not None} - HARMLESS
    if attention_mask is not None:
        watched.others.add("a mask of its own")
    rows = value.repeat_interleave(query.shape[1] // value.shape[1], 1)
    return rows.transpose(1, 2), None


@contextmanager
def quiet(bare: Any, attention: str | None) -> Iterator[None]:
    """Evaluation mode and, where one is named, another attention function; all as before on leaving."""
    config, training = bare.config, bare.training
    before = config._attn_implementation
    config._attn_implementation = attention or before
    bare.eval()
    try:
        yield
    finally:
        config._attn_implementation = before
        bare.train(training)


def settle(model: Any) -> None:
    """Make a loaded model's forward pass one function of its tokens.

    Attention with soft-capped scores runs as the model's own code has it, since torch's fused one leaves the cap out;
    dropout is off, as is usual in reinforcement learning: the sampler has none.
    """
    if getattr(model.config, "attn_logit_softcapping", None):
        model.set_attn_implementation("eager")
    if model.dtype == torch.float64:
        model.set_experts_implementation("eager")  # torch's grouped product has no float64
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
