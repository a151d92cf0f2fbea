"""Random models of a few thousand parameters with a character tokenizer, for tests that need a policy."""

from __future__ import annotations

import string
from typing import Literal

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from dsk.core.model.policy import Policy

Family = Literal["llama", "qwen2", "qwen3"]
FAMILIES: tuple[Family, ...] = ("llama", "qwen2", "qwen3")
PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
CHARACTERS = string.digits + "+-*/=()., \n\\{}" + string.ascii_letters + "?!:'\""

_CLASSES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


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
    config_class, model_class = _CLASSES[family]
    config = config_class(
        vocab_size=vocab or len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=hidden // heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=tied,
        initializer_range=spread,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = model_class(config).to(dtype).train()
    return Policy(model, tokenizer, torch.device("cpu"), (1,), max_length, f"tiny-{family}")
