"""The record of one optimiser step, gathered on the device and read once; and of several, put together."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from dsk.core.model.policy import Policy
from dsk.core.roles import LossInputs, LossOutput
from dsk.core.training.packing.layout import Layout
from dsk.core.training.packing.tree_batch import TreeBatch
from dsk.core.training.rows import TrainingRow
from dsk.core.training.throughput import ModelSize, peak_flops
from dsk.core.types import Group, mean_reward

Figures = Mapping[str, float]

SUMMED = frozenset(
    {
        "applied", "groups", "skipped_groups", "rows", "micro_batches", "split_groups", "response_tokens",
        "trajectory_tokens", "unique_tokens", "computed_tokens", "batch_tokens", "seconds",
        "value_steps", "value_tokens",
    }
)  # fmt: skip
"""Figures of an update that add up over a step; the others are averaged over the updates that have them."""
EXTREMES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "ratio_min": min,
    "ratio_max": max,
    "packing_gap": max,
    "peak_memory_bytes": max,
}
TIMED = ("update", "tokens_per_second")
"""Figures that mean nothing for several updates."""


class StepFigures:
    """Sums and extremes over a mini-batch's micro-batches; nothing is read from the device before `finish`.

    `rows` are all of the mini-batch, `computed` those that go through the model.
    """

    def __init__(
        self, groups: Sequence[Group], rows: Sequence[TrainingRow], computed: Sequence[TrainingRow], policy: Policy
    ) -> None:
        self._started = time.perf_counter()
        self._groups = groups
        self._device = policy.device
        self._rows = len(computed)
        self._skipped = len(groups) - len({row.group for row in computed})
        self._batch_tokens = sum(row.trained_tokens for row in rows)
        self._response_tokens = sum(row.trained_tokens for row in computed)
        self._trajectory_tokens = sum(len(row.tokens) for row in computed)
        self._unique = unique_tokens(computed)
        self._computed = self._micro_batches = 0
        self._sums: dict[str, Tensor] = {}
        self._extremes: list[Tensor] = []
        self._read: dict[str, float] = {}
        self._size, self._flops = ModelSize.of(policy.model), 0.0
        self._peak = peak_flops(policy.device, policy.model.dtype)
        self.split_groups = 0
        self.packing_gap: float | None = None
        self.learning_rate = self.loss = self.grad_norm = 0.0
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)

    @torch.no_grad()
    def add(self, rows: Sequence[TrainingRow], layout: Layout, inputs: LossInputs, output: LossOutput) -> None:
        """One micro-batch, after its backward pass."""
        sampling = inputs.old_logprobs if inputs.sampling_logprobs is None else inputs.sampling_logprobs
        log_ratio = (inputs.logprobs - sampling).masked_fill(~inputs.mask, 0.0)
        self._add("loss", output.loss.detach())
        self._add("kl", (log_ratio.exp() - 1 - log_ratio).sum() / self._response_tokens)
        self._add("entropy", -sampling.masked_fill(~inputs.mask, 0.0).sum() / self._response_tokens)
        for name, value in output.metrics.items():
            self._add(name, value)
        real = log_ratio[inputs.mask] if self._device.type == "cpu" else log_ratio
        self._extremes.append(torch.stack([real.amin(), real.amax()]))
        self._computed += layout.tokens
        self._micro_batches += 1
        self._flops += self._size.flops(layout)

    def _add(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def finish(self, grad_norm: Tensor) -> None:
        """Read every figure from the device, in one transfer."""
        extremes = torch.stack(self._extremes)
        tensors = [*self._sums.values(), extremes[:, 0].amin().exp(), extremes[:, 1].amax().exp(), grad_norm]
        values = torch.stack([tensor.double() for tensor in tensors]).tolist()
        self._read = dict(zip([*self._sums, "ratio_min", "ratio_max", "grad_norm"], values, strict=True))
        self.loss, self.grad_norm = self._read["loss"], self._read["grad_norm"]

    def record(self, updates: int) -> Figures:
        """Flat figures; `seconds`, `tokens_per_second`, `peak_memory_bytes` and `mfu` depend on the machine.

        `applied` is 1 or 0; an update that was not applied has no loss, norm or rate. `unique_tokens` is what was
        trained, each shared token once, `computed_tokens` what the layout made of it. `packing_gap` is there after the
        first-use check, `mfu` where the device's peak is known. `response_tokens` are the trained tokens that went
        through the model, and `kl` and `entropy` plain means over them; `batch_tokens` are all of the mini-batch, and
        `loss` and the loss's own metrics means over those, by what each counts.
        """
        seconds = time.perf_counter() - self._started
        rewards = [t.reward for group in self._groups for t in group.trajectories]
        extra = {"packing_gap": self.packing_gap} if self.packing_gap is not None else {}
        if self._read:
            extra |= {"lr": self.learning_rate, **self._read}
        if self._peak is not None:
            extra["mfu"] = self._flops / seconds / self._peak
        return {
            "update": updates,
            "applied": int(bool(self._read)),
            "reward": mean_reward(rewards),
            "groups": len(self._groups),
            "skipped_groups": self._skipped,
            "rows": self._rows,
            "micro_batches": self._micro_batches,
            "split_groups": self.split_groups,
            "batch_tokens": self._batch_tokens,
            "response_tokens": self._response_tokens,
            "trajectory_tokens": self._trajectory_tokens,
            "unique_tokens": self._unique,
            "computed_tokens": self._computed,
            "sharing": self._trajectory_tokens / self._unique if self._unique else 1.0,
            "seconds": seconds,
            "tokens_per_second": self._trajectory_tokens / seconds,
            "peak_memory_bytes": peak_memory(self._device),
            **extra,
        }


def put_together(updates: Sequence[Figures]) -> dict[str, Any]:
    """The figures of a step's updates: counts summed, extremes kept, the rest averaged over the updates that have it.

    `applied` is how many updates changed the weights, `skipped` how many had nothing to learn from.
    """
    names = dict.fromkeys(name for update in updates for name in update)
    step = {n: _merged(n, [u[n] for u in updates if n in u]) for n in names if n not in TIMED}
    return {**step, "skipped": sum(not update["applied"] for update in updates)}


def _merged(name: str, values: Sequence[float]) -> float:
    if name in SUMMED:
        return sum(values)
    return EXTREMES[name](values) if name in EXTREMES else fmean(values)


def unique_tokens(rows: Sequence[TrainingRow]) -> int:
    """Tokens left when each group's trajectories share their prefixes."""
    groups = groupby(rows, key=lambda row: row.group)
    return sum(TreeBatch.build([row.tokens for row in members]).size for _, members in groups)


def peak_memory(device: torch.device) -> int:
    """Bytes: most allocated on a CUDA device since the step began, or the process's largest resident set so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
