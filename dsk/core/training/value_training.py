"""A value head's own update: each step of a mini-batch's trees once, towards what came of the responses through it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from dsk.core.errors import NonFiniteLossError
from dsk.core.model.value_head import ValueHead
from dsk.core.spec import OptimizerSpec
from dsk.core.training.optimizer import Optimizer
from dsk.core.training.packing.layout import Layout, to_device
from dsk.core.training.rows import TrainingRow
from dsk.core.types import Group

if TYPE_CHECKING:
    from jaxtyping import Float

Step = tuple[int, int]
"""A group's index in the mini-batch, and a node of it."""
HEAD, OPTIMIZER = "value_head.", "value_optimizer."


def outcomes(groups: Sequence[Group]) -> dict[Step, Float[np.ndarray, " E"]]:
    """What the E verified ends below each step that goes on were worth, in [0, 1]: 1 is right. Probes are ends too.

    Replayed solutions are left out: they were chosen because they are right.
    """
    found: dict[Step, list[float]] = {}
    for index, group in enumerate(groups):
        for end in group.verified if group.origin != "cached" else ():
            for node in end.path if end.probe else end.path[:-1]:
                found.setdefault((index, node), []).append((end.reward + 1) / 2)
    return {step: np.asarray(worth) for step, worth in found.items()}


class HeadTrainer:
    """Steps a policy's value head, with an optimiser of its own."""

    def __init__(self, head: ValueHead) -> None:
        self.head, fields = head, head.fields
        own = {name: getattr(fields, name) for name in ("lr", "weight_decay", "grad_clip")}
        self.optimizer = Optimizer(head, OptimizerSpec(warmup_steps=0, **own))

    def lesson(
        self, groups: Sequence[Group], rows: Sequence[TrainingRow], computed: Sequence[TrainingRow]
    ) -> Lesson | None:
        """What the mini-batch teaches, by the rows that `fields.silent` allows; None where that is nothing."""
        worth = outcomes(groups)
        reach = {step for row in (rows if self.head.fields.silent else computed) for step, _ in _steps(row)}
        told = {step: worth[step] for step in worth if step in reach}
        return Lesson(self.head, told) if told else None

    def step(self) -> None:
        """One AdamW update of the head."""
        self.optimizer.clip_gradients()
        self.optimizer.step()
        self.head.updates += 1

    def state_dict(self) -> dict[str, Tensor]:
        """Head and optimiser as flat tensors."""
        parts = ((HEAD, self.head.state_dict()), (OPTIMIZER, self.optimizer.state_dict()))
        return {prefix + name: tensor for prefix, state in parts for name, tensor in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state_dict`, which may stand among other tensors. Raises RuntimeError for another head's."""
        self.head.load_state_dict(_under(HEAD, state))
        self.optimizer.load_state_dict(_under(OPTIMIZER, state))


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _steps(row: TrainingRow) -> Iterator[tuple[Step, int]]:
    """The row's steps whose last token has a state that predicts it, and that token's index."""
    for node, last in row.steps:
        if last < len(row.response) and row.trained[last]:
            yield (row.group, node), last


class Lesson:
    """A mini-batch's steps; each is read once, from the first row that comes by, and its loss summed over ends.

    The whole loss is the mean over ends of the cross-entropy of a step's value with what the end was worth.
    """

    def __init__(self, head: ValueHead, worth: Mapping[Step, Float[np.ndarray, " E"]]) -> None:
        self.head, self.worth = head, worth
        self.ends = sum(map(len, worth.values()))
        self.tokens = 0
        self._unread = set(worth)
        self._read: list[Step] = []
        self._logits: list[Tensor] = []

    def missed(self, rows: Sequence[TrainingRow]) -> list[TrainingRow]:
        """Rows, cut as far as possible, that together have every step not read so far."""
        left, found = set(self._unread), []
        for row in rows:
            new = [(step, last) for step, last in _steps(row) if step in left]
            left -= {step for step, _ in new}
            if new:
                found.append(row.cut(1 + max(last for _, last in new)))
        return found

    def read(self, rows: Sequence[TrainingRow], layout: Layout, hidden: Tensor) -> Tensor | None:
        """The loss of the steps that these rows are the first to have; None without any. `hidden` [P, D] by edge."""
        places: list[tuple[int, int]] = []
        steps: list[Step] = []
        for index, row in enumerate(rows):
            for step, last in _steps(row):
                if step in self._unread:
                    self._unread.discard(step)
                    steps.append(step)
                    places.append((index, last))
        if not steps:
            return None
        index, last = to_device(np.asarray(places), layout.gather.device).T
        logits = self.head(self._attached(hidden.index_select(0, layout.gather[index, last])))
        self._read += steps
        self._logits.append(logits.detach())
        return self._loss(logits, steps)

    def _attached(self, states: Tensor) -> Tensor:
        """The states as they are; their gradient is `through` times what arrives."""
        apart, through = states.detach(), self.head.fields.through
        return apart + through * (states - apart) if through and states.requires_grad else apart

    def _loss(self, logits: Tensor, steps: Sequence[Step]) -> Tensor:
        ends = logits.new_tensor([len(self.worth[step]) for step in steps])
        means = logits.new_tensor([self.worth[step].mean() for step in steps])
        return (ends * binary_cross_entropy_with_logits(logits, means, reduction="none")).sum() / self.ends

    def record(self) -> dict[str, float]:
        """The head before its update against what came out, by verified end: cross-entropy, Brier, area of the ROC.

        `value_auc` is left out where all ends were equally good; an end counts as right above 0.5. `value_tokens` went
        through the model for the head alone. Raises NonFiniteLossError.
        """
        logits = torch.cat(self._logits).double()
        loss = float(self._loss(logits, self._read))
        if not math.isfinite(loss):
            raise NonFiniteLossError(f"the value head's loss is {loss}; the weights are unchanged; lower scorer.lr")
        counts = [len(self.worth[step]) for step in self._read]
        values = np.repeat(logits.sigmoid().cpu().numpy(), counts)
        worth = np.concatenate([self.worth[step] for step in self._read])
        return {
            "value_steps": len(self._read),
            "value_tokens": self.tokens,
            "value_loss": loss,
            "value_brier": float(((values - worth) ** 2).mean()),
            **_area(values[worth > 0.5], values[worth <= 0.5]),
        }


def _area(right: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """How often a right end's step has the higher value."""
    if not (len(right) and len(wrong)):
        return {}
    from scipy.stats import mannwhitneyu

    return {"value_auc": float(mannwhitneyu(right, wrong).statistic / (len(right) * len(wrong)))}
