"""`LossContract` and `AdvantageContract`: subclass one, say how to make your component, and pytest checks it."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dsk.core.roles import Advantage, Loss, LossInputs
from dsk.core.types import Group, Problem, Trajectory

# a contract is inherited on purpose, so one property runs in several classes
INHERITED = [HealthCheck.differing_executors, HealthCheck.too_slow]
quick = settings(max_examples=25, deadline=None, suppress_health_check=INHERITED)
SEEDS = st.integers(0, 2**32 - 1)


def loss_inputs(seed: int, rows: int = 4, width: int = 6, on_policy: bool = False) -> LossInputs:
    """A random mini-batch in fp64 that has everything a loss may ask for; every row has a token."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, width + 1, (rows, 1), generator=draw)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(rows, width, generator=draw, dtype=torch.float64) * (high - low) + low

    logprobs = uniform(-4, -0.1)
    old = logprobs.clone() if on_policy else logprobs + uniform(-0.7, 0.7)
    return LossInputs(
        logprobs=logprobs.requires_grad_(),
        old_logprobs=old.detach(),
        sampling_logprobs=(old + uniform(-0.1, 0.1) * (not on_policy)).detach(),
        advantages=uniform(-2, 2),
        mask=torch.arange(width)[None, :] < lengths,
        total_tokens=int(lengths.sum()),
        total_rows=rows,
        max_tokens=2 * width,
        ref_logprobs=(logprobs + uniform(-0.3, 0.3)).detach(),
        entropy=uniform(0.1, 3).requires_grad_(),
    )


def pick(inputs: LossInputs, rows: Tensor) -> LossInputs:
    """Some rows of a mini-batch as a micro-batch of it: tensors are cut, totals stay."""
    tensors = {name: value for name, value in vars(inputs).items() if isinstance(value, Tensor)}
    return replace(inputs, **{name: value[rows] for name, value in tensors.items()})


class LossContract(ABC):
    """What every loss promises. Override `make_loss`."""

    @abstractmethod
    def make_loss(self) -> Loss:
        """The loss under test; each call gives an equal one."""

    @given(seed=SEEDS)
    @quick
    def test_micro_batch_losses_and_metrics_add_up(self, seed: int) -> None:
        inputs, loss = loss_inputs(seed), self.make_loss()
        whole = loss(inputs)
        parts = [loss(pick(inputs, torch.tensor(rows))) for rows in ([0], [1, 2], [3])]
        total = torch.stack([part.loss for part in parts]).sum()
        assert math.isclose(total.item(), whole.loss.item(), rel_tol=1e-9, abs_tol=1e-12)
        for name, value in whole.metrics.items():
            summed = sum(part.metrics[name].item() for part in parts)
            assert math.isclose(summed, value.item(), rel_tol=1e-9, abs_tol=1e-12), name

    @given(seed=SEEDS)
    @quick
    def test_the_order_of_rows_does_not_matter(self, seed: int) -> None:
        inputs, loss = loss_inputs(seed), self.make_loss()
        shuffled = loss(pick(inputs, torch.tensor([2, 0, 3, 1]))).loss
        assert math.isclose(shuffled.item(), loss(inputs).loss.item(), rel_tol=1e-9, abs_tol=1e-12)

    @given(seed=SEEDS)
    @quick
    def test_padding_has_no_value_and_no_gradient(self, seed: int) -> None:
        inputs, loss = loss_inputs(seed), self.make_loss()
        junk = inputs.logprobs.detach().where(inputs.mask, torch.tensor(-7.0, dtype=torch.float64)).requires_grad_()
        changed = replace(inputs, logprobs=junk, advantages=inputs.advantages.where(inputs.mask, 3.0))
        output = loss(changed)
        assert math.isclose(output.loss.item(), loss(inputs).loss.item(), rel_tol=1e-12, abs_tol=1e-15)
        output.loss.backward()
        assert junk.grad is not None
        assert bool((junk.grad[~inputs.mask] == 0).all())

    @given(seed=SEEDS)
    @quick
    def test_the_gradient_is_finite_and_metrics_are_detached_scalars(self, seed: int) -> None:
        inputs = loss_inputs(seed)
        output = self.make_loss()(inputs)
        output.loss.backward()
        assert output.loss.ndim == 0
        assert inputs.logprobs.grad is not None
        assert bool(inputs.logprobs.grad.isfinite().all())
        assert all(value.ndim == 0 and not value.requires_grad for value in output.metrics.values())

    @given(seed=SEEDS)
    @quick
    def test_good_tokens_become_likelier_on_policy(self, seed: int) -> None:
        """A trajectory with one advantage: no token's gradient points against it (a KL term may, so it is left out)."""
        inputs, loss = loss_inputs(seed, on_policy=True), self.make_loss()
        if loss.needs_reference or loss.needs_entropy:
            return
        per_row = inputs.advantages[:, :1].expand_as(inputs.advantages)
        loss(replace(inputs, advantages=per_row)).loss.backward()
        assert inputs.logprobs.grad is not None
        assert bool((inputs.logprobs.grad * per_row <= 0).all())


def random_group(seed: int) -> Group:
    """A group of two to six trajectories of one to four nodes, with mixed rewards."""
    rng = random.Random(seed)
    members: list[Trajectory] = []
    for number in range(rng.randint(2, 6)):
        reward = 1.0 if number == 0 else rng.choice([-1.0, 1.0])
        values = (*(rng.uniform(-1, 1) for _ in range(rng.randint(0, 3))), reward)
        lengths = tuple(rng.randint(1, 3) for _ in values)
        tokens = tuple(rng.randrange(50) for _ in range(sum(lengths)))
        nodes = tuple(range(1, len(values) + 1))
        means = tuple(rng.uniform(-1, 1) for _ in range(len(values) + 1))
        logprobs = tuple(rng.uniform(-3, 0) for _ in tokens)
        members.append(
            Trajectory(tokens, logprobs, lengths, nodes, values, means, reward, 1.0, "eos", 0, "search", path=nodes)
        )
    return Group(Problem("p", "?", "!"), (1, 2), tuple(members), "search")


class AdvantageContract(ABC):
    """What every advantage promises. Override `make_advantage`."""

    @abstractmethod
    def make_advantage(self) -> Advantage:
        """The advantage under test; each call gives an equal one."""

    @given(seed=SEEDS)
    @quick
    def test_there_is_one_finite_number_for_each_node_of_each_trajectory(self, seed: int) -> None:
        group = random_group(seed)
        credit = self.make_advantage().values(group)
        assert [len(path) for path in credit] == [len(t.node_lengths) for t in group.trajectories]
        assert all(math.isfinite(value) for path in credit for value in path)

    @given(seed=SEEDS)
    @quick
    def test_the_order_of_trajectories_does_not_matter(self, seed: int) -> None:
        group = random_group(seed)
        turned = replace(group, trajectories=group.trajectories[::-1])
        forward, backward = self.make_advantage().values(group), self.make_advantage().values(turned)
        for path, other in zip(forward, reversed(backward), strict=True):
            assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(path, other, strict=True))

    @given(seed=SEEDS)
    @quick
    def test_no_trajectory_ends_better_than_a_correct_one(self, seed: int) -> None:
        group = random_group(seed)
        ends = [path[-1] for path in self.make_advantage().values(group)]
        correct = [end for end, t in zip(ends, group.trajectories, strict=True) if t.reward > 0]
        assert min(correct) >= max(ends) - 1e-9
