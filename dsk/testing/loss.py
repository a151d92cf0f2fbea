"""`LossContract`: subclass it, say how to make your loss, and pytest checks what every loss promises."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dsk.core.roles import Loss, LossInputs
from dsk.testing.component import ComponentContract
from dsk.testing.purity import LEAK_BYTES, global_randomness_untouched, in_threads, retained_bytes

# a contract is inherited on purpose, so one property runs in several classes
INHERITED = [HealthCheck.differing_executors, HealthCheck.too_slow]
quick: settings = settings(max_examples=25, deadline=None, suppress_health_check=INHERITED)
SEEDS = st.integers(0, 2**32 - 1)


def loss_inputs(seed: int, rows: int = 4, width: int = 6, on_policy: bool = False) -> LossInputs:
    """A random mini-batch in fp64 that has everything a loss may ask for; every row has a token, some weigh less."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, width + 1, (rows, 1), generator=draw)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(rows, width, generator=draw, dtype=torch.float64) * (high - low) + low

    logprobs = uniform(-4, -0.1)
    old = logprobs.clone() if on_policy else logprobs + uniform(-0.7, 0.7)
    mask = torch.arange(width)[None, :] < lengths
    weights = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)[torch.randint(3, mask.shape, generator=draw)] * mask
    return LossInputs(
        logprobs=logprobs.requires_grad_(),
        old_logprobs=old.detach(),
        sampling_logprobs=(old + uniform(-0.1, 0.1) * (not on_policy)).detach(),
        advantages=uniform(-2, 2),
        mask=mask,
        total_tokens=float(weights.sum()),
        total_rows=rows,
        max_tokens=2 * width,
        ref_logprobs=(logprobs + uniform(-0.3, 0.3)).detach(),
        entropy=uniform(0.1, 3).requires_grad_(),
        weights=weights,
    )


def pick(inputs: LossInputs, rows: Tensor) -> LossInputs:
    """Some rows of a mini-batch as a micro-batch of it: tensors are cut, totals stay."""
    tensors = {name: value for name, value in vars(inputs).items() if isinstance(value, Tensor)}
    return replace(inputs, **{name: value[rows] for name, value in tensors.items()})


class LossContract(ComponentContract):
    """What every loss promises. Override `make_loss`."""

    @abstractmethod
    def make_loss(self) -> Loss:
        """The loss under test; each call gives an equal one."""

    def component(self) -> Loss:
        """The loss."""
        return self.make_loss()

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

    @given(seed=SEEDS)
    @quick
    def test_weights_are_heard(self, seed: int) -> None:
        """A token of weight 0 has no gradient (a loss that needs whole rows may look at it for the others)."""
        inputs, loss = loss_inputs(seed), self.make_loss()
        if loss.needs_whole_rows:
            return
        muted = inputs.weights.clone()
        muted[:, 0] = 0.0
        loss(replace(inputs, weights=muted)).loss.backward()
        assert inputs.logprobs.grad is not None
        assert bool((inputs.logprobs.grad[:, 0] == 0).all())

    @given(seed=SEEDS)
    @quick
    def test_what_has_no_advantage_at_a_rows_end_can_be_left_out(self, seed: int) -> None:
        """The gradient is the same; a loss that acts there, or needs whole rows, says so and is left out."""
        inputs, loss = loss_inputs(seed), self.make_loss()
        if loss.needs_whole_rows or loss.acts_without_advantage:
            return
        ended = replace(inputs, advantages=inputs.advantages.where(torch.arange(inputs.mask.shape[1]) < 3, 0.0))
        cut = {name: value[:, :3] for name, value in vars(ended).items() if getattr(value, "ndim", 0) == 2}
        leaf = cut["logprobs"].detach().requires_grad_()
        loss(ended).loss.backward()
        loss(replace(ended, **cut | {"logprobs": leaf})).loss.backward()
        assert inputs.logprobs.grad is not None
        assert leaf.grad is not None
        assert torch.allclose(inputs.logprobs.grad[:, :3], leaf.grad, rtol=1e-12, atol=1e-15)

    @given(seed=SEEDS, shift=st.sampled_from([-30.0, 30.0]))
    @quick
    def test_tokens_far_off_the_old_policy_keep_the_loss_and_its_gradient_finite(self, seed: int, shift: float) -> None:
        inputs = loss_inputs(seed)
        far = {"old_logprobs": inputs.old_logprobs + shift, "sampling_logprobs": inputs.old_logprobs + shift}
        output = self.make_loss()(replace(inputs, **far))
        output.loss.backward()
        assert inputs.logprobs.grad is not None
        assert bool(output.loss.isfinite() & inputs.logprobs.grad.isfinite().all())

    @given(seed=SEEDS)
    @quick
    def test_the_inputs_and_global_randomness_are_left_alone(self, seed: int) -> None:
        inputs, before = loss_inputs(seed), loss_inputs(seed)
        torch_state = torch.get_rng_state()
        with global_randomness_untouched():
            self.make_loss()(inputs)
        assert torch.equal(torch.get_rng_state(), torch_state), "it drew from torch's global generator"
        for name, value in vars(before).items():
            same = torch.equal(value, getattr(inputs, name)) if isinstance(value, Tensor) else True
            assert same, f"it wrote to {name}"

    @given(seed=SEEDS)
    @quick
    def test_a_loss_depends_on_its_inputs_only(self, seed: int) -> None:
        loss = self.make_loss()
        first = loss(loss_inputs(seed)).loss.item()
        loss(loss_inputs(seed + 1))
        assert first == loss(loss_inputs(seed)).loss.item() == self.make_loss()(loss_inputs(seed)).loss.item()

    def test_threads_do_not_disturb_each_other(self) -> None:
        loss = self.make_loss()

        def losses(index: int) -> list[float]:
            return [loss(loss_inputs(index)).loss.item() for _ in range(5)]

        assert in_threads(losses) == [losses(index) for index in range(16)]

    def test_nothing_is_kept_of_its_inputs(self) -> None:
        loss, inputs = self.make_loss(), [loss_inputs(seed) for seed in range(10)]
        assert retained_bytes(lambda number: loss(inputs[number % 10]).loss.item()) < LEAK_BYTES
