"""The policy: a causal language model, its tokenizer, and how a problem becomes prompt tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from dsk.core.errors import DataError, ModelError
from dsk.core.model.adapters import add_lora
from dsk.core.model.architecture import architecture_obstacle, settle, steady_length
from dsk.core.model.files import model_faults, no_eos, too_many_tokens
from dsk.core.model.prompts import prompt_text
from dsk.core.model.source import locate_model, no_folder
from dsk.core.model.threads import fit_threads
from dsk.core.model.value_head import ValueHead
from dsk.core.roles import HeadFields
from dsk.core.spec import ModelSpec, PromptSpec
from dsk.core.types import Problem

LOADING_ERRORS = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError, StrictDataclassError,
)  # fmt: skip
"""What transformers raises for a model folder that it cannot load: it trusts the form of the JSON files."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclass
class Policy:
    """A model under training with what is needed to talk to it. `eos_ids` end a response.

    `value_head` reads the model's last hidden states, where the spec has one; it is no part of the model.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    eos_ids: tuple[int, ...]
    max_length: int
    path: str
    value_head: ValueHead | None = None

    def encode(self, text: str) -> list[int]:
        """Token ids without special tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def decode(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Text of a response, special tokens left out."""
        return self.tokenizer.decode(np.asarray(tokens, np.int64).tolist(), skip_special_tokens=True)

    def pieces(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """The text of each token by itself, special tokens empty."""
        ids = [[token] for token in np.asarray(tokens, np.int64).tolist()]
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True)

    def attach_head(self, fields: HeadFields) -> None:
        """Put a fresh value head on the model."""
        size = self.model.get_output_embeddings().weight.shape[1]
        self.value_head = ValueHead(size, fields, self.model.dtype, self.device)

    @cached_property
    def tokenizer_id(self) -> str:
        """16 hexadecimal digits of what each token id means, so that ids of another tokenizer are told apart."""
        meaning = [sorted(self.tokenizer.get_vocab().items()), sorted(self.tokenizer.all_special_ids), self.eos_ids]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]

    def prompt_tokens(self, problem: Problem, prompt: PromptSpec) -> tuple[int, ...]:
        """The problem as prompt tokens. Raises ModelError where it does not fit or needs a chat template."""
        tokens = self.encode(prompt_text(self.tokenizer, problem, prompt, self.path))
        if len(tokens) > prompt.max_tokens:
            if prompt.overlong == "error":
                raise ModelError(
                    f"prompt.max_tokens: problem '{problem.id}' has a prompt of {len(tokens)} tokens,"
                    f" more than {prompt.max_tokens}; raise it, or set prompt.overlong to 'keep_right'"
                )
            tokens = tokens[-prompt.max_tokens :]
        return tuple(tokens)


def pick_device(name: str, field: str = "model.device") -> torch.device:
    """`auto` is CUDA where there is one. Raises ModelError, naming `field`, when CUDA is asked for and absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError(f"{field}: 'cuda' is not available here; use 'auto' or 'cpu'")
    return torch.device(name)


def load_policy(spec: ModelSpec) -> Policy:
    """Load model and tokenizer, and set torch's threads to what suits the model (`threads.py`).

    Raises ModelError when the directory is missing, not a causal language model, without some of its weights, or larger
    than the memory.
    """
    path, extra = locate_model(spec.path)
    config, tokenizer, model = _load(spec, path, extra)
    if "gguf_file" in extra:
        _forget_quantization(model)
    device = pick_device(spec.device)
    model.to(device, DTYPES[spec.dtype]).train()
    settle(model)
    fit_threads(model.num_parameters(), device.type)
    if spec.lora_rank:
        add_lora(model, spec.lora_rank, spec.lora_alpha)
    return Policy(model, tokenizer, device, eos_ids(model, tokenizer), steady_length(config), spec.path)


def _load(spec: ModelSpec, path: str, extra: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Configuration, tokenizer and model; what transformers would say in a table becomes one line."""
    if Path(path).is_dir() and not extra:
        for fault in model_faults(Path(path), chat=False):
            raise ModelError(fault)
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        config = AutoConfig.from_pretrained(path, **extra)
        check_architecture(config)
        check_fits(config, spec)
        tokenizer = AutoTokenizer.from_pretrained(path, **extra)
        check_tokenizer(tokenizer, config, spec.path)
        # a GGUF file asked for in another type than float32 stays packed, and casts at every product
        dtype = torch.float32 if "gguf_file" in extra else DTYPES[spec.dtype]
        loaded: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, output_loading_info=True, **extra)
    except ModelError:
        raise
    except LOADING_ERRORS as error:
        here = "" if extra or Path(path).is_dir() else f"; {no_folder(spec.path)}"
        told = f"model.path: cannot load '{spec.path}' as a causal language model: {first(error)}{here}"
        raise ModelError(told) from error
    finally:
        logging.set_verbosity(verbosity)
    model, info = loaded
    lost = [] if "gguf_file" in extra else sorted(info["missing_keys"])
    if lost:
        raise ModelError(
            f"model.path: the weights of '{spec.path}' lack {len(lost)} tensors that its config.json calls for"
            f" ({lost[0]}{', ...' if len(lost) > 1 else ''}), which would start as noise; get all files of one model"
        )
    return config, tokenizer, model


def check_architecture(config: Any) -> None:
    """Raise ModelError for a model that is no causal transformer."""
    obstacle = architecture_obstacle(config)
    if obstacle:
        raise ModelError(f"model.path: {obstacle}")


def first(error: Exception) -> str:
    """The first line of an error from transformers; a bare key says what it is."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if isinstance(error, RuntimeError) and "ignore_mismatched_sizes" in line:
        return "its weights have other shapes than its config.json says; take both from one model"
    return f"unknown setting {line}" if isinstance(error, KeyError) else line


def check_tokenizer(tokenizer: Any, config: Any, path: str) -> None:
    """Raise ModelError for a tokenizer that no response could end with, or that has more tokens than the model."""
    if tokenizer.eos_token_id is None:
        raise ModelError(no_eos(path))
    rows, largest = config.get_text_config().vocab_size, max(tokenizer.get_vocab().values())
    if largest >= rows:
        raise ModelError(too_many_tokens(path, largest, rows))


def check_context(prompt: int, response: int, context: int) -> None:
    """Raise DataError where the longest prompt and a response do not fit the model's context together (tokens)."""
    if prompt + response > context:
        raise DataError(
            f"max_response_tokens: prompt of {prompt} tokens + response of {response} is {prompt + response}, more than"
            f" the model's context of {context}; lower max_response_tokens"
        )


def check_fits(config: Any, spec: ModelSpec) -> None:
    """Raise ModelError where the weights alone exceed the free memory; they pass through the CPU's."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    needed = sum(p.numel() for p in model.parameters()) * DTYPES[spec.dtype].itemsize
    for device in {torch.device("cpu"), pick_device(spec.device)}:
        room = free_bytes(device)
        if needed > room:
            raise ModelError(
                f"model.path: the weights of '{spec.path}' need {needed / 2**30:.1f} GiB in {spec.dtype}, {device.type}"
                f" has {room / 2**30:.1f} GiB free; take a smaller model, model.dtype 'bfloat16', or a larger machine"
            )


def free_bytes(device: torch.device) -> int:
    """Memory that can still be had on `device`, in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def _forget_quantization(model: Any) -> None:
    """A GGUF file is dequantised on loading, but the model still calls itself quantised and refuses to be saved."""
    del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False


def eos_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Every end-of-sequence id that the generation config, the config and the tokenizer name.

    The tokenizer names one (`check_tokenizer`): a config's own default need be no token of this vocabulary.
    """
    found: list[int] = []
    for source in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        found += source if isinstance(source, list) else [source] if source is not None else []
    return tuple(dict.fromkeys(found))
