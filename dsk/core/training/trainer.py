"""`Trainer`: groups of trajectories in, an updated policy and a step's record out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor

from dsk.core.errors import NonFiniteLossError, Notice
from dsk.core.model.adapters import adapted_layers, adapters_off, plain_weights, reference_of
from dsk.core.model.policy import Policy
from dsk.core.model.weights import Weights
from dsk.core.roles import LossInputs
from dsk.core.spec import OverlongSpec, SoftClipSpec, TrainSpec
from dsk.core.training.anchors import Anchors
from dsk.core.training.batch import prepare
from dsk.core.training.figures import StepFigures, unique_tokens
from dsk.core.training.forward import edge_logprobs, edge_states, row_values, training_state
from dsk.core.training.learner import Receive
from dsk.core.training.microbatch import micro_batches
from dsk.core.training.optimizer import Optimizer
from dsk.core.training.packing.check import packing_gap, refuse_gap
from dsk.core.training.packing.choice import choose_packing, packing_notice
from dsk.core.training.packing.layout import DensePacking, Layout
from dsk.core.training.rows import Totals, TrainingRow, computed_part, padded
from dsk.core.training.value_training import HeadTrainer, Lesson
from dsk.core.types import Group

WEIGHTS, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
TORCH_RNG = "torch_rng_state"


def never() -> bool:
    """The default of `should_stop`."""
    return False


class Trainer:
    """Holds the optimiser of one policy; `update` is one optimiser step over one mini-batch of groups.

    `soft_clip` and `overlong` shape scores (DeepSearch section 5). The trained distribution is the one that was
    sampled, the softmax at `temperature`; engines report untempered log-probabilities, so away from 1 the old ones are
    computed here. The policy's weights change in place. `forward_tokens` and `backward_tokens` count what went through
    the layers, padding and recomputation included.
    """

    def __init__(
        self,
        policy: Policy,
        train: TrainSpec,
        max_response_tokens: int,
        soft_clip: SoftClipSpec | None = None,
        overlong: OverlongSpec | None = None,
        temperature: float = 1.0,
    ) -> None:
        self.policy = policy
        self.train = train
        self.max_response_tokens = max_response_tokens
        self.temperature = temperature
        self.soft_clip = soft_clip or SoftClipSpec.model_validate({})
        self.overlong = overlong or OverlongSpec.model_validate({})
        self.packing = choose_packing(policy.model, train.packing, policy.device)
        told = packing_notice(policy.model, train.packing)
        if told:
            warnings.warn(told, Notice, stacklevel=2)
        self.optimizer = Optimizer(policy.model, train.optimizer)
        self._head = HeadTrainer(policy.value_head) if policy.value_head is not None else None
        self._reference = reference_of(policy.model) if train.loss.needs_reference else None
        # shapes differ in every micro-batch; the engine goes on with the module as it is
        self._body = torch.compile(policy.model.base_model, dynamic=True) if train.compile else None
        self._anchors = Anchors()
        self._attention = policy.model.config._attn_implementation
        self._checked = False
        self.forward_tokens = self.backward_tokens = 0

    @property
    def updates(self) -> int:
        """Updates applied so far."""
        return self.optimizer.updates

    @property
    def computed_tokens(self) -> int:
        """Tokens through the layers: once forward, and twice more where gradients went back."""
        return self.forward_tokens + 2 * self.backward_tokens

    def update(self, groups: Sequence[Group], should_stop: Callable[[], bool] = never) -> Mapping[str, float] | None:
        """One optimiser step and its record, or None (weights unchanged) where `should_stop` turned true in between.

        What has no signal (groups, rows, tokens after a row's last advantage) counts in the mini-batch's means, and has
        no forward pass unless the loss acts on it;
        without any signal there is no optimiser step either and the record's `applied` is 0. Raises
        NonFiniteLossError before the weights change.
        """
        rows = self._rows(groups)
        computed = self._computed(rows)
        figures = StepFigures(groups, rows, computed, self.policy)
        batches, figures.split_groups = micro_batches(computed, self.packing, self.train.micro_batch_tokens)
        totals = Totals.of(rows)
        lesson = self._head.lesson(groups, rows, computed) if self._head else None
        for batch in batches:
            if should_stop():
                self._drop_gradients()
                return None
            self._accumulate(batch, totals, figures, lesson)
        told = self._finish_lesson(lesson, rows) if lesson else {}
        if batches:
            self._step(figures)
        if self._head and lesson:
            self._head.step()
        return {**figures.record(self.optimizer.updates), **told}

    def _finish_lesson(self, lesson: Lesson, rows: Sequence[TrainingRow]) -> Mapping[str, float]:
        """Read the steps that no row with credit has, without gradient for the policy; the head's record."""
        missed = lesson.missed(rows)
        lesson.tokens = unique_tokens(missed)
        for batch in micro_batches(missed, self.packing, self.train.micro_batch_tokens)[0]:
            layout = self.packing.lay_out(batch, self.policy.device)
            with torch.no_grad(), training_state(self.policy.model, layout.attention, False):
                hidden = edge_states(self.policy.model, layout, self._body)
            self.forward_tokens += layout.input_ids.numel()
            loss = lesson.read(batch, layout, hidden)
            assert loss is not None
            loss.backward()
        try:
            return lesson.record()
        except NonFiniteLossError:
            self._drop_gradients()
            raise

    def _drop_gradients(self) -> None:
        self.optimizer.drop_gradients()
        if self._head:
            self._head.optimizer.drop_gradients()

    def gradients(self, groups: Sequence[Group], receive: Receive) -> None:
        """What each group adds to the gradient that `update` would take of the mini-batch's loss, before any clipping.

        `receive` gets the group's index, its trained tokens (each shared one once) and the gradient, one tensor a
        parameter, which is only good until it returns; groups without signal are left out. Weights and optimiser stay
        as they are.
        """
        rows = self._rows(groups)
        computed, totals = self._computed(rows), Totals.of(rows)
        figures = StepFigures(groups, rows, computed, self.policy)
        for index, members in groupby(computed, key=lambda row: row.group):
            of_group = list(members)
            for batch in micro_batches(of_group, self.packing, self.train.micro_batch_tokens)[0]:
                self._accumulate(batch, totals, figures)
            receive(index, unique_tokens(of_group), self.optimizer.gradients())
            self.optimizer.drop_gradients()

    def signals(self, groups: Sequence[Group]) -> list[bool]:
        """Which groups have an advantage that is not zero."""
        loud = {row.group for row in self._rows(groups) if not row.silent}
        return [index in loud for index in range(len(groups))]

    def _rows(self, groups: Sequence[Group]) -> list[TrainingRow]:
        return prepare(groups, self.train, self.soft_clip, self.overlong, self.max_response_tokens)

    def _computed(self, rows: Sequence[TrainingRow]) -> list[TrainingRow]:
        """What of the rows goes through the model."""
        return computed_part(rows, self.train.loss)

    @torch.no_grad()
    def anchor(self, groups: Sequence[Group]) -> int:
        """Keep the present weights' log-probabilities of a whole batch, before its first update.

        For a batch with several updates where the old log-probabilities are the trainer's own: clipping is measured
        from here. Without it each update is measured from the weights it starts with. No groups: forget them. How many
        tokens that took, each shared one once.
        """
        self._anchors.forget()
        if not self._recomputes:
            return 0
        rows = self._anchored(groups)
        for batch in micro_batches(rows, self.packing, self.train.micro_batch_tokens)[0]:
            layout = self.packing.lay_out(batch, self.policy.device)
            with training_state(self.policy.model, layout.attention, False):
                self._anchors.remember(batch, row_values(self._forward(self.policy.model, layout)[0], layout))
        return unique_tokens(rows)

    def _anchored(self, groups: Sequence[Group]) -> list[TrainingRow]:
        """What the updates of a batch will compute, prepared by mini-batch as they do; groups numbered through."""
        size = self.train.mini_batch_problems
        batches = ((start, self._rows(groups[start : start + size])) for start in range(0, len(groups), size))
        return [replace(row, group=start + row.group) for start, rows in batches for row in self._computed(rows)]

    def _forward(
        self, model: Any, layout: Layout, temperature: float | None = None, with_entropy: bool = False, body: Any = None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """`edge_logprobs`, counted."""
        self.forward_tokens += layout.input_ids.numel()
        return edge_logprobs(model, layout, temperature or self.temperature, with_entropy, body)

    @property
    def _recomputes(self) -> bool:
        """Whether old log-probabilities are the trainer's: correction, or an engine that cannot know them."""
        return self.train.loss.needs_recompute or self.temperature != 1

    def _accumulate(
        self, rows: Sequence[TrainingRow], totals: Totals, figures: StepFigures, lesson: Lesson | None = None
    ) -> None:
        layout = self.packing.lay_out(rows, self.policy.device)
        with training_state(self.policy.model, layout.attention, self.train.gradient_checkpointing):
            inputs, hidden = self._loss_inputs(rows, layout, totals)
            if not self._checked:
                figures.packing_gap = self._check(rows, inputs.logprobs.detach())
            output = self.train.loss(inputs)
            value_loss = lesson.read(rows, layout, hidden) if lesson else None
            torch.autograd.backward([output.loss] if value_loss is None else [output.loss, value_loss])
        self.backward_tokens += layout.input_ids.numel()
        if self.train.gradient_checkpointing:
            self.forward_tokens += layout.input_ids.numel()
        figures.add(rows, layout, inputs, output)

    def _loss_inputs(self, rows: Sequence[TrainingRow], layout: Layout, totals: Totals) -> tuple[LossInputs, Tensor]:
        """What the loss reads, and the states [P, H] that predict the layout's edges."""
        loss = self.train.loss
        edges, entropy, hidden = self._forward(self.policy.model, layout, None, loss.needs_entropy, self._body)
        logprobs = row_values(edges, layout)
        sampling = padded([row.old_logprobs for row in rows], logprobs)
        inputs = LossInputs(
            logprobs=logprobs,
            old_logprobs=self._anchors.of(rows, logprobs) if self._recomputes else sampling,
            sampling_logprobs=sampling if self.temperature == 1 else None,
            advantages=padded([row.advantages for row in rows], logprobs),
            mask=layout.mask,
            total_tokens=totals.tokens,
            total_rows=totals.rows,
            max_tokens=self.max_response_tokens,
            ref_logprobs=self._reference_logprobs(layout),
            entropy=None if entropy is None else row_values(entropy, layout),
            weights=padded([row.weights for row in rows], logprobs),
            row_tokens=logprobs.new_tensor([row.counted for row in rows]),
        )
        return inputs, hidden

    def _check(self, rows: Sequence[TrainingRow], logprobs: Tensor) -> float:
        """Compare the first micro-batch with the model's own forward pass. Raises PackingError."""
        model = self.policy.model
        with training_state(model, self._attention, False):
            gap = packing_gap(model, rows, logprobs, self.temperature)
        self.forward_tokens += sum(len(row.tokens) for row in rows)
        refuse_gap(gap, self.packing.name, model.dtype)
        self._checked = True
        return gap

    def _reference_logprobs(self, layout: Layout) -> Tensor | None:
        if self._reference is None:
            return None
        adapters = adapters_off if self._reference is self.policy.model else nullcontext
        with torch.no_grad(), adapters(self._reference), training_state(self._reference, layout.attention, False):
            return row_values(self._forward(self._reference, layout)[0], layout)

    def _step(self, figures: StepFigures) -> None:
        figures.learning_rate = self.optimizer.learning_rate
        figures.finish(self.optimizer.clip_gradients())
        if not (math.isfinite(figures.loss) and math.isfinite(figures.grad_norm)):
            self._drop_gradients()
            raise NonFiniteLossError(
                f"update {self.optimizer.updates + 1}: loss {figures.loss}, gradient norm {figures.grad_norm};"
                " the weights are unchanged; look for NaN log-probabilities in the batch, or lower the learning rate"
            )
        self.optimizer.step()

    @torch.no_grad()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of each token after the first of each sequence, under the present weights, untempered."""
        return [self._score(tokens) for tokens in sequences]

    def _score(self, tokens: Sequence[int]) -> list[float]:
        ids, zeros = np.asarray(tokens, np.int32), np.zeros(len(tokens) - 1)
        row = TrainingRow(0, ids[:1], ids[1:], zeros, zeros, np.ones(len(zeros), np.bool_))
        layout = DensePacking().lay_out([row], self.policy.device)
        with training_state(self.policy.model, None, False):
            return row_values(self._forward(self.policy.model, layout, 1.0)[0], layout)[0].tolist()

    def weights(self) -> Weights:
        """Those of the policy's module."""
        return Weights(self.policy.model, self.policy.value_head)

    def checkpoint(self, folder: Path) -> None:
        """Weights, optimiser state and torch's random numbers."""
        save_model(self.policy.model, str(folder / WEIGHTS))
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        save_file({**tensors, TORCH_RNG: torch.get_rng_state()}, folder / OPTIMIZER)

    def restore(self, folder: Path) -> None:
        """What `checkpoint` wrote. Raises CheckpointError where it belongs to another optimiser, and what safetensors
        raises for another model."""
        load_weights(folder, self.policy.model)
        tensors = load_file(folder / OPTIMIZER)
        torch.set_rng_state(tensors.pop(TORCH_RNG))
        self.load_state_dict(tensors)

    def save_final(self, folder: Path) -> None:
        """The model with its adapters merged, and the tokenizer."""
        model = self.policy.model
        merged = dict(plain_weights(model)) if adapted_layers(model) else None
        model.save_pretrained(folder, state_dict=merged)
        self.policy.tokenizer.save_pretrained(folder)

    def state_dict(self) -> dict[str, Tensor]:
        """Optimiser state, update counter, anchors and the value head as flat tensors (weights are the policy's)."""
        head = self._head.state_dict() if self._head else {}
        return self.optimizer.state_dict() | self._anchors.state_dict() | head

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state_dict`; load the policy's weights first. Raises CheckpointError on a mismatch."""
        self.optimizer.load_state_dict(state)
        self._anchors.load_state_dict(state, self.policy.device)
        if self._head:
            self._head.load_state_dict(state)


def load_weights(folder: Path, model: torch.nn.Module) -> None:
    """The weights of a checkpoint, into `model`."""
    load_model(model, folder / WEIGHTS)
