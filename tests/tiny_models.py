"""Random models of a few thousand parameters with a character tokenizer, for tests that need a policy."""

from __future__ import annotations

import string
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    Cohere2Config,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Olmo2Config,
    Olmo3Config,
    Phi3Config,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
    StableLmConfig,
    Starcoder2Config,
)

from dsk.core.model.architecture import settle
from dsk.core.model.policy import Policy

Family = str
FAMILIES: tuple[Family, ...] = ("llama", "qwen2", "qwen3")
MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 6}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
CHARACTERS = string.digits + "+-*/=()., \n\\{}" + string.ascii_letters + "?!:'\""

ARCHITECTURES: dict[Family, tuple[Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, {}),
    "mistral": (MistralConfig, {"sliding_window": 6}),
    "qwen2": (Qwen2Config, {}),
    "qwen3": (Qwen3Config, {}),
    "qwen3_moe": (Qwen3MoeConfig, {"num_experts": 4, **EXPERTS}),
    "mixtral": (MixtralConfig, {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None}),
    "gemma2": (
        Gemma2Config,
        {**MIXED, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 4.0, "query_pre_attn_scalar": 5},
    ),
    "gemma3": (Gemma3TextConfig, {**MIXED, "query_pre_attn_scalar": 5}),
    "phi": (PhiConfig, {}),
    "phi3": (Phi3Config, {"sliding_window": 6}),
    "olmo2": (Olmo2Config, {}),
    "olmo3": (Olmo3Config, MIXED),
    "granite": (
        GraniteConfig,
        {"embedding_multiplier": 2.0, "residual_multiplier": 0.7, "attention_multiplier": 0.2, "logits_scaling": 3.0},
    ),
    "smollm3": (SmolLM3Config, {"no_rope_layers": [1, 0]}),
    "cohere2": (Cohere2Config, {**MIXED, "logit_scale": 0.25}),
    "starcoder2": (Starcoder2Config, {"sliding_window": 6}),
    "gpt_neox": (GPTNeoXConfig, {}),
    "gpt2": (GPT2Config, {}),
}
"""Configurations by family, with what sets each apart from Llama turned on and small enough to be met."""
PLAIN: dict[Family, tuple[Any, dict[str, Any]]] = {
    "stablelm": (StableLmConfig, {}),
}
"""Those that decode by plain forwards."""


def char_tokenizer() -> PreTrainedTokenizerFast:
    """One token per character; ids 0, 1, 2 are padding, end of sequence, unknown."""
    vocabulary = {token: i for i, token in enumerate([PAD, EOS, UNKNOWN, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS, unk_token=UNKNOWN)


def tiny_policy(
    family: Family = "llama",
    tied: bool = True,
    dtype: torch.dtype = torch.float32,
    vocab: int | None = None,
    seed: int = 0,
    max_length: int = 512,
    spread: float = 0.3,
    heads: int = 4,
    kv_heads: int = 2,
    layers: int = 2,
    hidden: int = 32,
) -> Policy:
    """A policy with random weights of standard deviation `spread` (0.3 gives far from uniform next tokens)."""
    tokenizer = char_tokenizer()
    config_class, own = (ARCHITECTURES | PLAIN)[family]
    fields: dict[str, Any] = {
        "vocab_size": vocab or len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": hidden // heads,
        "max_position_embeddings": max_length,
        "tie_word_embeddings": tied,
        "initializer_range": spread,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "bos_token_id": None,
    }
    config = config_class(**fields | own)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).to(dtype).train()
    settle(model)
    return Policy(model, tokenizer, torch.device("cpu"), (1,), max_length, f"tiny-{family}")
