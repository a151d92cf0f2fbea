"""Random reward models of a few thousand parameters, saved as a user would have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_models import char_tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
)

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<bot>{% endif %}"
)
RIGHT_OR_WRONG = ("incorrect", "correct")


def save_rewards(
    folder: Path,
    per_token: bool = False,
    labels: tuple[str, ...] = ("reward",),
    encoder: bool = False,
    template: str | None = None,
    pad: bool = True,
    context: int = 128,
    **changes: Any,
) -> Path:
    """A Llama (or BERT) with a classification head, with the character tokenizer."""
    tokenizer = char_tokenizer()
    tokenizer.chat_template = template
    if not pad:
        tokenizer.pad_token = None
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    shared = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": context,
        "initializer_range": 0.3,
        **shape,
        **names,
    }
    shared |= {"pad_token_id": 0 if pad else None, "bos_token_id": None, "eos_token_id": 1, **changes}
    decoder = LlamaForTokenClassification if per_token else LlamaForSequenceClassification
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = BertForSequenceClassification(BertConfig(**shared)) if encoder else decoder(LlamaConfig(**shared))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
