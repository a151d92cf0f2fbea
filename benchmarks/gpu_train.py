"""Packed training on one GPU: `python benchmarks/gpu_train.py [--json FILE] [--quick]`, one call, a table.

A Qwen2-shaped model of 1.5B parameters with random weights in bf16 (fp32 masters), gradient checkpointing, trees of
about 16k trajectory tokens at sharing 1, 2.5 and 4 from the shapes of recorded searches, for the packings dense,
suffix and flex: tokens/s (trajectory tokens), MFU over unique tokens, peak memory; then smaller trees, to find where
packing loses. First, one fp32 step of a small model compares each packing's gradients with dense on this device.

Exit status 1 where there is no CUDA device or a packing is not exact.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from train_step import SHARINGS, recorded_group

from dsk.core.errors import DskError
from dsk.core.packing.choice import PACKINGS
from dsk.core.policy import Policy
from dsk.core.spec import TrainSpec
from dsk.core.trainer import Trainer

CUDA = torch.device("cuda")
LARGE = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
         "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": False}  # fmt: skip
SMALL = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 1000, "tie_word_embeddings": True}  # fmt: skip


def make_policy(shape: dict[str, Any], dtype: torch.dtype) -> Policy:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    with torch.device(CUDA):
        model = Qwen2ForCausalLM(Qwen2Config(**shape, max_position_embeddings=32768, eos_token_id=2)).to(dtype)
    return Policy(model, None, CUDA, (2,), 32768, "bench")


def make_trainer(policy: Policy, packing: str, bound: int = 32768) -> Trainer:
    train = {
        "loss": {"kind": "dapo"},
        "advantage": {"kind": "outcome"},
        "packing": packing,
        "micro_batch_tokens": bound,
        "gradient_checkpointing": True,
    }
    return Trainer(policy, TrainSpec.model_validate(train), 16384)


def exactness(packing: str) -> float:
    """Largest relative difference of a parameter's first Adam moment (0.1 x gradient) from dense, in fp32."""
    moments: list[dict[str, torch.Tensor]] = []
    for name in ("dense", packing):
        trainer = make_trainer(make_policy(SMALL, torch.float32), name)
        trainer.update([recorded_group("2.5", 800, SMALL["vocab_size"])])
        moments.append({k: v for k, v in trainer.state_dict().items() if k.startswith("exp_avg.")})
    dense, other = moments
    scale = max(float(value.norm()) for value in dense.values())
    return max(float((other[name] - value).norm()) for name, value in dense.items()) / scale


def timed(trainer: Trainer, packing: str, sharing: str, unique: int, vocabulary: int) -> dict[str, float]:
    """Medians over five steps after two that compile and warm up."""
    trainer.packing = PACKINGS[packing]()
    group = recorded_group(sharing, unique, vocabulary)
    records = [trainer.update([group]) for _ in range(7)][2:]
    kept = [record for record in records if record is not None]
    names = ("seconds", "tokens_per_second", "mfu", "peak_memory_bytes", "trajectory_tokens", "unique_tokens")
    return {name: statistics.median(record.get(name, float("nan")) for record in kept) for name in names}


def rows(quick: bool) -> Iterator[dict[str, Any]]:
    trainer = make_trainer(make_policy(SMALL if quick else LARGE, torch.bfloat16), "dense", bound=1 << 20)
    vocabulary = trainer.policy.model.config.vocab_size
    for tokens in (16384, 4096, 1024, 256):
        for sharing, ratio in (("1.0", 1.0), ("2.5", 2.5), ("4.0", 4.0)):
            base = 0.0
            for packing in PACKINGS:
                found = timed(trainer, packing, sharing, max(32, int(tokens / ratio)), vocabulary)
                base = base or found["seconds"]
                yield {
                    "tokens": tokens,
                    "sharing": sharing,
                    "packing": packing,
                    "over dense": base / found["seconds"],
                    **found,
                }
                torch.cuda.empty_cache()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a small model: does everything run?")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("benchmarks/gpu_train.py: no CUDA device here; benchmarks/train_step.py is the CPU benchmark")
        return 1
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; sharings {', '.join(SHARINGS)}")
    for packing in ("suffix", "flex"):
        gap = exactness(packing)
        print(f"gradients of {packing} against dense, fp32: {gap:.2g} relative")
        if not gap < 1e-3:
            return 1
    table: list[dict[str, Any]] = []
    try:
        for row in rows(args.quick):
            table.append(row)
            print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True)
    except (DskError, torch.cuda.OutOfMemoryError) as error:
        print(f"stopped: {error}")
    if args.json:
        figures = [
            {"name": f"{name}, {row['packing']}, sharing {row['sharing']}, {row['tokens']} tokens", "value": value}
            for row in table
            for name, value in row.items()
            if isinstance(value, float)
        ]
        args.json.write_text(json.dumps({"figures": figures, "machine": torch.cuda.get_device_name()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
