"""What a spec would do, without doing it: components, sizes, tokens per step, memory, and what is missing here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from dsk.core.errors import DskError, ModelError
from dsk.core.model_source import locate_model
from dsk.core.policy import DTYPES, pick_device
from dsk.core.spec import RunSpec

COMPONENTS = (
    ("task", "task"), ("verifier", "verifier"), ("engine", "engine"), ("cache", "cache"), ("filter", "filter"),
    ("search.selector", "selector"), ("search.boundary", "boundary"), ("search.backup", "backup"),
    ("search.negative", "negative"), ("train.loss", "loss"), ("train.advantage", "advantage"),
)  # fmt: skip
ADAM_BYTES_FP32 = 8
CHECKPOINTED_STATES_PER_LAYER = 1
STORED_STATES_PER_LAYER = 16


@dataclass(frozen=True)
class Plan:
    """Rows to print; sizes in bytes, lengths in tokens. `missing` has one line per thing this machine lacks."""

    name: str
    components: dict[str, str]
    sizes: dict[str, int]
    tokens: dict[str, int]
    memory: dict[str, int]
    missing: list[str]


def make_plan(spec: RunSpec) -> Plan:
    """Size a run. Raises ModelError when neither the model nor `model.architecture` is at hand."""
    missing: list[str] = []
    config = _config(spec, missing)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    parameters = sum(p.numel() for p in model.parameters())
    device = _device(spec, missing)
    memory = _memory(spec, config, parameters, device)
    _check_machine(spec, memory, device, missing)
    return Plan(
        name=spec.name,
        components={path: _describe(spec, path) for path, _ in COMPONENTS},
        sizes={
            "parameters": parameters,
            "layers": config.num_hidden_layers,
            "hidden size": config.hidden_size,
            "vocabulary": config.vocab_size,
        },
        tokens=_tokens(spec),
        memory=memory,
        missing=missing,
    )


def _describe(spec: RunSpec, path: str) -> str:
    part: Any = spec
    for name in path.split("."):
        part = getattr(part, name)
    fields = ", ".join(f"{k}={v}" for k, v in part.model_dump(mode="json", exclude_defaults=True).items())
    return part.kind + (f"  ({fields})" if fields else "")


def _config(spec: RunSpec, missing: list[str]) -> Any:
    try:
        path, extra = locate_model(spec.model.path)
        offline = spec.model.architecture is not None
        return AutoConfig.from_pretrained(path, local_files_only=offline, **extra)
    except (OSError, ModelError) as error:
        missing.append(f"model '{spec.model.path}': {str(error).strip().splitlines()[0]}")
    if spec.model.architecture is None:
        raise ModelError(f"{missing[-1]}; set model.architecture to a folder with its config.json to size the plan")
    return AutoConfig.from_pretrained(spec.model.architecture)


def _tokens(spec: RunSpec) -> dict[str, int]:
    search, train = spec.search, spec.train
    response = min(spec.max_response_tokens, search.max_depth * search.step_tokens)
    return {
        "prompt, at most": spec.prompt.max_tokens,
        "response, at most": response,
        "expansion (width x step)": search.width * search.step_tokens,
        "trained a step, at most": train.batch_problems * search.trajectories * response,
        "policy updates a step": -(-train.batch_problems // train.mini_batch_problems),
        "in flight in the engine": spec.tokens_in_flight,
        "micro-batch": train.micro_batch_tokens,
    }


def _device(spec: RunSpec, missing: list[str]) -> torch.device:
    try:
        return pick_device(spec.model.device)
    except ModelError as error:
        missing.append(str(error))
        return torch.device("cpu")


def _memory(spec: RunSpec, config: Any, parameters: int, device: torch.device) -> dict[str, int]:
    """Bytes. Activations are an estimate: hidden states kept per layer, 16 without checkpointing and 1 with it."""
    width = DTYPES[spec.model.dtype].itemsize
    master = 4 if spec.train.optimizer.fp32_state and width < 4 else 0
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    states = CHECKPOINTED_STATES_PER_LAYER if spec.train.gradient_checkpointing else STORED_STATES_PER_LAYER
    parts = {
        "weights": parameters * width,
        "the engine's copy of the weights": spec.engine.weight_copies(parameters, device.type) * parameters * width,
        "gradients": parameters * width,
        "optimiser state": parameters * (ADAM_BYTES_FP32 + master),
        "keys and values in flight": 2 * config.num_hidden_layers * heads * head_dim * width * spec.tokens_in_flight,
        "activations": states * config.num_hidden_layers * config.hidden_size * width * spec.train.micro_batch_tokens,
    }
    return parts | {"total": sum(parts.values())}


def _check_machine(spec: RunSpec, memory: dict[str, int], device: torch.device, missing: list[str]) -> None:
    room = torch.cuda.mem_get_info()[1] if device.type == "cuda" else psutil.virtual_memory().total
    if memory["total"] > room:
        missing.append(
            f"memory: about {memory['total'] / 2**30:.1f} GiB needed, {device.type} has {room / 2**30:.1f} GiB"
        )
    lack = spec.engine.missing()
    if lack:
        missing.append(f"engine '{spec.engine.kind}': {lack}")
    try:
        next(iter(spec.task.problems("train")), None)
    except DskError as error:
        missing.append(f"task: {error}")
    if Path("runs", spec.name, "spec.json").exists():
        missing.append(f"a free name: runs/{spec.name} exists; continue it with --resume, or set another name")
