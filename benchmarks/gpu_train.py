"""Packed training on one GPU, in one call: a table.

    python benchmarks/gpu_train.py [--json FILE] [--quick] [--device cpu]

A Qwen2-shaped model of 1.5B parameters with random weights in bf16 (fp32 masters), gradient checkpointing, trees of
about 16k trajectory tokens at sharing 1, 2.5 and 4 from the shapes of recorded searches, for the packings dense,
suffix and flex: tokens/s (trajectory tokens), MFU over unique tokens, peak memory; then smaller trees, to find where
packing loses (the smallest are the recorded trees themselves, larger ones have each of their tokens several times).
First, one fp32 step of a small model compares each packing's gradients with dense on this device.

`--device cpu --quick` shows that everything runs, without flex. Exit status 1 where there is no CUDA device or a
packing is not exact.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from side_by_side import figure, write
from train_step import recorded_group

from dsk.core.errors import DskError
from dsk.core.model.policy import Policy
from dsk.core.spec import TrainSpec
from dsk.core.training.packing.choice import PACKINGS
from dsk.core.training.trainer import Trainer
from dsk.core.types import Group

SIZES = (16384, 8192, 4096, 1024)
LARGE = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
         "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": False}  # fmt: skip
SMALL = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 1000, "tie_word_embeddings": True}  # fmt: skip


def make_policy(shape: dict[str, Any], dtype: torch.dtype, device: torch.device) -> Policy:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    with device:
        model = Qwen2ForCausalLM(Qwen2Config(**shape, max_position_embeddings=32768, eos_token_id=2)).to(dtype)
    return Policy(model, None, device, (2,), 32768, "bench")


def make_trainer(policy: Policy, packing: str, bound: int = 32768) -> Trainer:
    train = {
        "loss": {"kind": "dapo"},
        "advantage": {"kind": "outcome"},
        "packing": packing,
        "micro_batch_tokens": bound,
        "gradient_checkpointing": True,
    }
    return Trainer(policy, TrainSpec.model_validate(train), 16384)


def tree_of(tokens: int, sharing: str, vocabulary: int) -> Group:
    """A recorded tree of about so many trajectory tokens, or the tree itself where it has more."""
    group = recorded_group(sharing, vocabulary)
    recorded = sum(len(group.prompt_tokens) + len(t.tokens) for t in group.trajectories)
    return recorded_group(sharing, vocabulary, max(1, round(tokens / recorded)))


def exactness(packing: str, device: torch.device) -> float:
    """Largest relative difference of a parameter's first Adam moment (0.1 x gradient) from dense, in fp32."""
    moments: list[dict[str, torch.Tensor]] = []
    for name in ("dense", packing):
        trainer = make_trainer(make_policy(SMALL, torch.float32, device), name)
        trainer.update([tree_of(1024, "2.5", SMALL["vocab_size"])])
        moments.append({k: v for k, v in trainer.state_dict().items() if k.startswith("exp_avg.")})
    dense, other = moments
    scale = max(float(value.norm()) for value in dense.values())
    return max(float((other[name] - value).norm()) for name, value in dense.items()) / scale


def timed(trainer: Trainer, packing: str, group: Group) -> dict[str, float]:
    """Medians over five steps after two that compile and warm up."""
    trainer.packing = PACKINGS[packing]()
    records = [trainer.update([group]) for _ in range(7)][2:]
    kept = [record for record in records if record is not None]
    names = ("seconds", "tokens_per_second", "mfu", "peak_memory_bytes", "trajectory_tokens", "unique_tokens")
    return {name: statistics.median(record.get(name, float("nan")) for record in kept) for name in names}


def rows(quick: bool, device: torch.device) -> Iterator[dict[str, Any]]:
    policy = make_policy(SMALL if quick else LARGE, torch.bfloat16, device)
    trainer = make_trainer(policy, "dense", bound=1 << 20)
    vocabulary = policy.model.config.vocab_size
    for tokens in SIZES[-1:] if device.type == "cpu" else SIZES:
        for sharing in ("1.0", "2.5", "4.0"):
            group, base = tree_of(tokens, sharing, vocabulary), 0.0
            for packing in packings(device):
                found = timed(trainer, packing, group)
                base = base or found["seconds"]
                yield {
                    "tokens": tokens,
                    "sharing": sharing,
                    "packing": packing,
                    "over dense": base / found["seconds"],
                    **found,
                }
                if device.type == "cuda":
                    torch.cuda.empty_cache()


def packings(device: torch.device) -> list[str]:
    """All, `dense` first; FlexAttention trains on CUDA only."""
    return [name for name in PACKINGS if name != "flex" or device.type == "cuda"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a small model: does everything run?")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"), help="cpu: does everything run?")
    args = parser.parse_args()
    if args.device.type == "cuda" and not torch.cuda.is_available():
        print("benchmarks/gpu_train.py: no CUDA device here; benchmarks/train_step.py is the CPU benchmark")
        return 1
    name = torch.cuda.get_device_name() if args.device.type == "cuda" else str(args.device)
    print(f"{name}, torch {torch.__version__}")
    for packing in packings(args.device)[1:]:
        gap = exactness(packing, args.device)
        print(f"gradients of {packing} against dense, fp32: {gap:.2g} relative")
        if not gap < 1e-3:
            return 1
    table: list[dict[str, Any]] = []
    try:
        for row in rows(args.quick, args.device):
            table.append(row)
            print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True)
    except (DskError, torch.cuda.OutOfMemoryError) as error:
        print(f"stopped: {error}")
    figures = [
        figure(f"{name}, {row['packing']}, sharing {row['sharing']}, {row['tokens']} tokens", value, "")
        for row in table
        for name, value in row.items()
        if isinstance(value, float) and math.isfinite(value)
    ]
    write(args.json, figures, device=name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
