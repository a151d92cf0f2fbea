"""The policy: a causal language model, its tokenizer, and how a problem becomes prompt tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from dsk.core.errors import ModelError
from dsk.core.lora import add_lora
from dsk.core.model_source import locate_model
from dsk.core.spec import ModelSpec, PromptSpec
from dsk.core.threads import fit_threads
from dsk.core.types import Problem

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclass
class Policy:
    """A model under training with what is needed to talk to it. `eos_ids` end a response."""

    model: Any
    tokenizer: Any
    device: torch.device
    eos_ids: tuple[int, ...]
    max_length: int
    path: str

    def encode(self, text: str) -> list[int]:
        """Token ids without special tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of a response, special tokens left out."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True)

    def prompt_tokens(self, problem: Problem, prompt: PromptSpec) -> tuple[int, ...]:
        """The problem as prompt tokens. Raises ModelError where it does not fit or needs a chat template."""
        tokens = self._chat_tokens(problem, prompt) if prompt.style == "chat" else self._plain_tokens(problem, prompt)
        if len(tokens) > prompt.max_tokens:
            if prompt.overlong == "error":
                raise ModelError(
                    f"prompt.max_tokens: problem '{problem.id}' has a prompt of {len(tokens)} tokens,"
                    f" more than {prompt.max_tokens}; raise it, or set prompt.overlong to 'keep_right'"
                )
            tokens = tokens[-prompt.max_tokens :]
        return tuple(tokens)

    def _plain_tokens(self, problem: Problem, prompt: PromptSpec) -> list[int]:
        text = problem.prompt if isinstance(problem.prompt, str) else "\n".join(m["content"] for m in problem.prompt)
        return self.encode(prompt.prefix + text + prompt.suffix)

    def _chat_tokens(self, problem: Problem, prompt: PromptSpec) -> list[int]:
        if not getattr(self.tokenizer, "chat_template", None):
            raise ModelError(
                f"model.path: the tokenizer of '{self.path}' has no chat template;"
                " set prompt.style to 'plain', or use an instruction-tuned model"
            )
        messages: list[Mapping[str, str]] = (
            [{"role": "user", "content": prompt.prefix + problem.prompt + prompt.suffix}]
            if isinstance(problem.prompt, str)
            else list(problem.prompt)
        )
        if prompt.system is not None:
            messages = [{"role": "system", "content": prompt.system}, *messages]
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self.encode(text)


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one. Raises ModelError when CUDA is asked for and absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError("model.device: 'cuda' is not available here; use 'auto' or 'cpu'")
    return torch.device(name)


def load_policy(spec: ModelSpec) -> Policy:
    """Load model and tokenizer, and set torch's threads to what suits the model (`threads.py`).

    Raises ModelError when the directory is missing, not a causal language model, or larger than the memory.
    """
    path, extra = locate_model(spec.path)
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(path, **extra)
        check_fits(config, spec)
        tokenizer = AutoTokenizer.from_pretrained(path, **extra)
        # a GGUF file asked for in another type than float32 stays packed, and casts at every product
        dtype = torch.float32 if "gguf_file" in extra else DTYPES[spec.dtype]
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, **extra)
    except ModelError:
        raise
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"model.path: cannot load '{spec.path}' as a causal language model: {first}") from error
    if "gguf_file" in extra:
        _forget_quantization(model)
    device = pick_device(spec.device)
    model.to(device, DTYPES[spec.dtype]).train()
    fit_threads(model.num_parameters(), device.type)
    if spec.lora_rank:
        add_lora(model, spec.lora_rank, spec.lora_alpha)
    max_length = int(getattr(config, "max_position_embeddings", 1 << 30))
    return Policy(model, tokenizer, device, eos_ids(model, tokenizer), max_length, spec.path)


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
    """Every end-of-sequence id that the generation config, the config and the tokenizer name."""
    found: list[int] = []
    for source in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        found += source if isinstance(source, list) else [source] if source is not None else []
    if not found:
        raise ModelError(f"model.path: '{model.config.name_or_path}' names no end-of-sequence token")
    return tuple(dict.fromkeys(found))
