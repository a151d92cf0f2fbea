"""What a spec would do, without doing it: components, sizes, tokens per step, memory, and what is missing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from dsk.core.component import Component, StrictModel
from dsk.core.errors import DskError, ModelError
from dsk.core.model.files import read_shapes
from dsk.core.model.policy import (
    DTYPES,
    LOADING_ERRORS,
    Policy,
    check_architecture,
    check_context,
    check_tokenizer,
    first,
    pick_device,
)
from dsk.core.model.source import locate_model
from dsk.core.places import placed
from dsk.core.run.doubts import doubts
from dsk.core.run.folder import folder_obstacle
from dsk.core.run.preflight import Findings, look
from dsk.core.spec import RunSpec
from dsk.core.training.packing.choice import choose_packing, packing_notice

ADAM_BYTES_FP32 = 8
CHECKPOINTED_STATES_PER_LAYER = 1
STORED_STATES_PER_LAYER = 16


@dataclass(frozen=True)
class Plan:
    """Rows to print; sizes in bytes, lengths in tokens. `missing` has one line per thing that would stop the run.

    `sizes` and `memory` are empty where neither the model's config.json nor `model.architecture` is at hand.
    """

    name: str
    components: dict[str, str]
    sizes: dict[str, int]
    tokens: dict[str, int]
    memory: dict[str, int]
    missing: list[str]
    notices: list[str]


def make_plan(spec: RunSpec, folder: Path | None = None, resume: bool = False) -> Plan:
    """Size a run and find what would stop it: what `look` finds, and what only torch and transformers can tell."""
    found = look(spec)
    missing = found.missing
    in_the_way = folder_obstacle(spec, folder or Path("runs", spec.name), resume)
    missing += [in_the_way] if in_the_way else []
    config, device = _config(spec, missing), _device(spec, missing)
    sizes: dict[str, int] = {}
    memory: dict[str, int] = {}
    if config is not None:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        parameters = sum(p.numel() for p in model.parameters())
        memory = _memory(spec, config, parameters, device)
        sizes = _sizes(config, parameters)
        _check_room(memory["total"], device, missing)
        _refuse(missing, lambda: choose_packing(model, spec.train.packing, device))
        found.notices.extend(filter(None, (spec.engine.notice(model), packing_notice(model, spec.train.packing))))
        _check_prompts(spec, config, model, found, device)
    return Plan(
        name=spec.name,
        components={path: _describe(part) for path, part in placed(spec)},
        sizes=sizes,
        tokens=_tokens(spec),
        memory=memory,
        missing=list(dict.fromkeys(missing)),
        notices=[*doubts(spec), *found.notices],
    )


def _refuse(missing: list[str], check: Callable[[], object]) -> None:
    """Add what a check of the run raises on purpose."""
    try:
        check()
    except DskError as error:
        missing.append(str(error))


def _sizes(config: Any, parameters: int) -> dict[str, int]:
    return {
        "parameters": parameters,
        "layers": config.num_hidden_layers,
        "hidden size": config.hidden_size,
        "vocabulary": config.vocab_size,
    }


def _describe(part: Component) -> str:
    fields = part.model_dump(mode="json", exclude_defaults=True)
    shown = (f"{name}={value}" for name, value in fields.items() if not isinstance(getattr(part, name), StrictModel))
    text = ", ".join(shown)
    return part.kind + (f"  ({text})" if text else "")


def _config(spec: RunSpec, missing: list[str]) -> Any:
    """The model's configuration, or that of `model.architecture`; None where neither can be had."""
    architecture = spec.model.architecture
    try:
        path, extra = locate_model(spec.model.path)
        config = AutoConfig.from_pretrained(path, local_files_only=architecture is not None, **extra)
        check_architecture(config)
        _check_shapes(path, config, missing)
        return config
    except ModelError as error:
        missing.append(str(error))
    except LOADING_ERRORS as error:
        hint = "" if architecture else "; set model.architecture to a folder with its config.json to size the plan"
        missing.append(f"model.path: '{spec.model.path}': {first(error)}{hint}")
    try:
        return AutoConfig.from_pretrained(architecture) if architecture else None
    except LOADING_ERRORS as error:
        missing.append(f"model.architecture: '{architecture}': {first(error)}")
        return None


def _check_shapes(path: str, config: Any, missing: list[str]) -> None:
    """Compare the tensors that the files' headers describe with those that the configuration calls for."""
    shapes, faults = read_shapes(Path(path)) if Path(path).is_dir() else ({}, ["not a folder"])
    if faults or not shapes:
        return
    with torch.device("meta"):
        wanted = AutoModelForCausalLM.from_config(config).state_dict()
    other = [name for name, tensor in wanted.items() if name in shapes and tuple(tensor.shape) != shapes[name]]
    if other:
        missing.append(
            f"model.path: '{path}': {len(other)} tensors have other shapes than config.json calls for"
            f" ({other[0]}: {list(shapes[other[0]])} for {list(wanted[other[0]].shape)}); take both from one model"
        )


def _check_prompts(spec: RunSpec, config: Any, model: Any, found: Findings, device: torch.device) -> None:
    """Load the tokenizer and encode every prompt: one that does not fit is refused before anything runs."""
    try:
        tokenizer = _tokenizer(spec, found)
        if tokenizer is None:
            return
        check_tokenizer(tokenizer, config, spec.model.path)
        length = int(getattr(config, "max_position_embeddings", 1 << 30))
        policy = Policy(model, tokenizer, device, (tokenizer.eos_token_id,), length, spec.model.path)
        problems = [*found.problems["train"], *found.problems["test"]]
        longest = max((len(policy.prompt_tokens(problem, spec.prompt)) for problem in problems), default=0)
        check_context(longest, spec.max_response_tokens, length)
    except DskError as error:
        found.missing.append(str(error))


def _tokenizer(spec: RunSpec, found: Findings) -> Any:
    """The tokenizer; None where it cannot be loaded, which is said unless the model's files are faulted already."""
    path, extra = locate_model(spec.model.path)
    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True, **extra)
    except LOADING_ERRORS as error:
        if not any(line.startswith("model.path") for line in found.missing):
            found.missing.append(f"model.path: the tokenizer of '{spec.model.path}' cannot be loaded: {first(error)}")
        return None


def _tokens(spec: RunSpec) -> dict[str, int]:
    rollout, train = spec.rollout, spec.train
    response = rollout.reach(spec.max_response_tokens)
    return {
        "prompt, at most": spec.prompt.max_tokens,
        "response, at most": response,
        "largest request": spec.prompt.max_tokens + rollout.largest_request(spec.max_response_tokens)[0],
        "trained a step, at most": train.batch_problems * rollout.group_size() * response,
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


def _check_room(needed: int, device: torch.device, missing: list[str]) -> None:
    room = torch.cuda.mem_get_info()[1] if device.type == "cuda" else psutil.virtual_memory().total
    if needed > room:
        missing.append(f"memory: about {needed / 2**30:.1f} GiB needed, {device.type} has {room / 2**30:.1f} GiB")
