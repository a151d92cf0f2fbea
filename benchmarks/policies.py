"""The models that benchmarks run: SmolLM2 and the bundled model themselves, and shapes with random weights."""

from __future__ import annotations

from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 512},
    "llama-5m": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 4,
                 "num_key_value_heads": 2, "vocab_size": 2048},
    "llama-20m": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 6,
                  "num_key_value_heads": 2, "vocab_size": 16384},
    "llama-135m": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
                   "num_key_value_heads": 3, "vocab_size": 49152},
    "qwen2-0.5b": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
                   "num_key_value_heads": 2, "vocab_size": 151936},
    "qwen2-1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
                   "num_key_value_heads": 2, "vocab_size": 151936},
}  # fmt: skip
SOURCES = {"smollm2": "package:smollm2", "bundled": "bundled:tiny-reasoner"}
NAMES = ("tiny", "smollm2", "qwen2-0.5b", "qwen2-1.5b")
MAX_LENGTH = 8192


def make_policy(name: str, dtype: str = "float32", device: str = "cpu") -> Any:
    """The policy `name` with parameters of `dtype`."""
    import torch

    from dsk.core.model.policy import DTYPES, Policy, load_policy, pick_device
    from dsk.core.spec import ModelSpec

    if name in SOURCES:
        return load_policy(ModelSpec(path=SOURCES[name], dtype=dtype, device=device))
    place = pick_device(device)
    torch.manual_seed(0)
    with place:
        model = random_model(name).to(DTYPES[dtype])
    return Policy(model, tokenizer(), place, (2,), MAX_LENGTH, name)


def random_model(name: str) -> Any:
    """A shape of `SHAPES` with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    shape = SHAPES[name] | {"tie_word_embeddings": True, "max_position_embeddings": MAX_LENGTH, "eos_token_id": 2}
    if not name.startswith("qwen2"):
        return LlamaForCausalLM(LlamaConfig(**shape))
    return Qwen2ForCausalLM(Qwen2Config(**shape))


def tokenizer() -> Any:
    """A tokenizer of three words, for what asks for one and never uses it."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<eos>": 2, "?": 3}
    made = Tokenizer(models.WordLevel(words, unk_token="?"))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>")
