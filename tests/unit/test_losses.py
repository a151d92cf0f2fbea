"""Losses.

1. Every built-in loss keeps the contract, in its default and with every option on.
2. Hand-computed cases: clip-higher, dual clip, aggregations, sequence ratios, corrections.
3. Loss and gradient equal a plain written-out formula.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dsk.components.losses import CISPO, DAPO, GRPO, GSPO, DrGRPO, Reinforce, TreeGRPO
from dsk.core.roles import Loss, LossInputs
from dsk.testing.loss import LossContract, loss_inputs

KL: dict[str, Any] = {"kl_coef": 0.1, "kl_estimator": "k2", "kl_cap": 0.01, "kl_aggregation": "row_sum"}
EVERYTHING: dict[str, Any] = {
    "kl_coef": 0.1,
    "entropy_coef": 0.05,
    "correction": "truncate",
    "correction_level": "sequence",
    "correction_cap": 1.05,
}


class TestTreeGRPO(LossContract):
    def make_loss(self) -> Loss:
        return TreeGRPO.model_validate({})


class TestGRPO(LossContract):
    def make_loss(self) -> Loss:
        return GRPO.model_validate({})


class TestDrGRPO(LossContract):
    def make_loss(self) -> Loss:
        return DrGRPO.model_validate({})


class TestDAPO(LossContract):
    def make_loss(self) -> Loss:
        return DAPO.model_validate({})


class TestGSPO(LossContract):
    def make_loss(self) -> Loss:
        return GSPO.model_validate({})


class TestCISPO(LossContract):
    def make_loss(self) -> Loss:
        return CISPO.model_validate({})


class TestReinforce(LossContract):
    def make_loss(self) -> Loss:
        return Reinforce.model_validate({})


class TestTreeGRPOWithEverything(LossContract):
    def make_loss(self) -> Loss:
        return TreeGRPO.model_validate(EVERYTHING)


class TestGRPOWithSummedKL(LossContract):
    def make_loss(self) -> Loss:
        return GRPO.model_validate(KL)


class TestGSPOWithEverything(LossContract):
    def make_loss(self) -> Loss:
        return GSPO.model_validate(EVERYTHING)


def one_row(ratios: list[float], advantages: list[float], **extra: Any) -> LossInputs:
    """One trajectory whose tokens have these ratios."""
    logprobs = torch.tensor([ratios], dtype=torch.float64).log()
    return LossInputs(
        logprobs=logprobs.requires_grad_(),
        old_logprobs=torch.zeros_like(logprobs),
        advantages=torch.tensor([advantages], dtype=torch.float64),
        mask=torch.ones_like(logprobs, dtype=torch.bool),
        total_tokens=len(ratios),
        total_rows=1,
        max_tokens=10,
        **extra,
    )


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected", "slope"),
    [
        (1.1, 1.0, -1.1, -1.1),  # inside the range: the plain policy gradient, r * -A
        (1.27, 1.0, -1.27, -1.27),  # clip-higher: still inside 1.28
        (1.5, 1.0, -1.28, 0.0),  # good enough already
        (0.5, 1.0, -0.5, -0.5),  # good but rarer: not clipped
        (0.9, -1.0, 0.9, 0.9),
        (0.5, -1.0, 0.8, 0.0),  # bad and rare enough already
        (3.0, -1.0, 3.0, 3.0),  # bad and likelier: not clipped
        (20.0, -1.0, 10.0, 0.0),  # dual clip
        (20.0, 1.0, -1.28, 0.0),  # dual clip never touches a positive advantage
    ],
)
def test_tree_grpo_clips_as_written(ratio: float, advantage: float, expected: float, slope: float) -> None:
    inputs = one_row([ratio], [advantage])
    output = TreeGRPO.model_validate({})(inputs)
    output.loss.backward()
    assert inputs.logprobs.grad is not None
    assert math.isclose(float(output.loss), expected, rel_tol=1e-12)
    assert math.isclose(float(inputs.logprobs.grad[0, 0]), slope, rel_tol=1e-12, abs_tol=1e-15)


def test_clip_shares_count_tokens_where_a_bound_was_active() -> None:
    inputs = one_row([1.5, 0.5, 1.0, 0.5, 20.0], [1.0, -1.0, 1.0, 1.0, -1.0])
    metrics = TreeGRPO.model_validate({})(inputs).metrics
    assert {name: float(value) for name, value in metrics.items()} == pytest.approx(
        {"clip_high": 0.2, "clip_low": 0.2, "clip_dual": 0.2}
    )


def two_rows() -> LossInputs:
    """Ratios of 1: rows of one and three tokens, token losses -1 and 2."""
    logprobs = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, False, False], [True, True, True]])
    advantages = torch.tensor([[1.0] * 3, [-2.0] * 3], dtype=torch.float64)
    return LossInputs(logprobs, torch.zeros(2, 3, dtype=torch.float64), advantages, mask, 4, 2, 10)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [("token_mean", (-1 + 3 * 2) / 4), ("sequence_mean", (-1 + 2) / 2), ("fixed_length", (-1 + 3 * 2) / 20)],
)
def test_aggregations_weight_rows_as_written(aggregation: str, expected: float) -> None:
    loss = TreeGRPO.model_validate({"aggregation": aggregation})
    assert math.isclose(float(loss(two_rows()).loss), expected)


def test_gspo_ratio_is_the_geometric_mean_of_the_row() -> None:
    loss = GSPO.model_validate({"clip_low": 0.9, "clip_high": 9.0})
    inputs = one_row([2.0, 8.0], [1.0, 1.0])
    assert math.isclose(float(loss(inputs).loss), -4.0)


def test_cispo_keeps_the_gradient_of_clipped_tokens() -> None:
    inputs = one_row([math.exp(3)], [2.0])
    CISPO.model_validate({"ratio_max": 5.0})(inputs).loss.backward()
    assert inputs.logprobs.grad is not None
    assert math.isclose(float(inputs.logprobs.grad[0, 0]), -5.0 * 2.0)


@pytest.mark.parametrize(
    ("correction", "level", "weights"),
    [
        ("truncate", "token", [1.5, 2.0]),
        ("mask", "token", [1.5, 0.0]),
        ("truncate", "sequence", [2.0, 2.0]),
        ("mask", "sequence", [0.0, 0.0]),
        ("none", "token", [1.0, 1.0]),
    ],
)
def test_correction_weighs_tokens_by_trainer_over_engine(correction: str, level: str, weights: list[float]) -> None:
    engine = -torch.tensor([[1.5, 3.0]], dtype=torch.float64).log()
    inputs = one_row([1.0, 1.0], [1.0, 1.0], sampling_logprobs=engine)
    loss = TreeGRPO.model_validate({"correction": correction, "correction_level": level})
    loss(inputs).loss.backward()
    assert inputs.logprobs.grad is not None
    assert inputs.logprobs.grad[0].tolist() == pytest.approx([-w / 2 for w in weights])
    assert loss.needs_recompute == (correction != "none")


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("token_mean", (-1 + 2 * (1 + 0.5 + 0.5)) / 3),  # weights 1 | 1, 1/2, 1/2
        ("sequence_mean", (-1 + 2) / 2),  # a row's weighted mean
        ("fixed_length", (-1 + 2 * 2) / 20),
    ],
)
def test_weights_act_in_sums_and_denominators(aggregation: str, expected: float) -> None:
    weights = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.5, 0.5]], dtype=torch.float64)
    inputs = replace(two_rows(), weights=weights, row_tokens=weights.sum(-1), total_tokens=3.0)
    assert float(TreeGRPO.model_validate({"aggregation": aggregation})(inputs).loss) == pytest.approx(expected)


def test_what_a_row_counts_is_said_apart_from_what_is_left_of_it() -> None:
    inputs = replace(two_rows(), row_tokens=torch.tensor([2.0, 4.0], dtype=torch.float64), total_tokens=6)
    loss = TreeGRPO.model_validate({"aggregation": "sequence_mean"})(inputs).loss
    assert float(loss) == pytest.approx((-1 / 2 + 2 * 3 / 4) / 2)


def test_a_weight_has_no_part_in_gspos_ratio() -> None:
    loss = GSPO.model_validate({"clip_low": 0.9, "clip_high": 9.0})
    weights = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    inputs = replace(one_row([2.0, 8.0], [1.0, 1.0]), weights=weights, row_tokens=weights.sum(-1))
    assert float(loss(inputs).loss) == pytest.approx(-4.0)


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "fixed_length"])
def test_kl_can_be_summed_over_rows_tokens_whatever_the_objectives_mean(aggregation: str) -> None:
    """VinePPO, SPO: the token KL of a row is summed, then averaged over rows; rows here have 1 and 3 tokens."""
    reference = torch.full((2, 3), -0.5, dtype=torch.float64)
    fields = {"aggregation": aggregation, "kl_estimator": "k1"}
    inputs = replace(two_rows(), ref_logprobs=reference)
    plain = TreeGRPO.model_validate(fields)(inputs).loss
    summed = TreeGRPO.model_validate({**fields, "kl_coef": 0.1, "kl_aggregation": "row_sum"})(inputs).loss
    assert float(summed - plain) == pytest.approx(0.1 * 0.5 * (1 + 3) / 2)


def test_kl_beyond_its_cap_counts_as_the_cap_and_has_no_gradient() -> None:
    far = one_row([1.0, 1.0], [0.0, 0.0], ref_logprobs=torch.tensor([[5.0, -1.0]], dtype=torch.float64))
    output = TreeGRPO.model_validate({"kl_coef": 1.0, "kl_cap": 10.0})(far)
    output.loss.backward()
    assert far.logprobs.grad is not None
    assert float(output.loss) == pytest.approx((10.0 + math.exp(-1)) / 2)
    assert float(far.logprobs.grad[0, 0]) == 0.0
    assert float(far.logprobs.grad[0, 1]) > 0.0


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_reference_kl_is_zero_at_the_reference_and_pulls_back_to_it(estimator: str) -> None:
    loss = TreeGRPO.model_validate({"kl_coef": 1.0, "kl_estimator": estimator})
    at_reference = one_row([0.5], [0.0], ref_logprobs=torch.tensor([[0.5]], dtype=torch.float64).log())
    assert math.isclose(float(loss(at_reference).loss), 0.0, abs_tol=1e-15)
    above = one_row([0.5], [0.0], ref_logprobs=torch.tensor([[0.25]], dtype=torch.float64).log())
    loss(above).loss.backward()
    assert above.logprobs.grad is not None
    assert float(above.logprobs.grad[0, 0]) > 0


def written_out(inputs: LossInputs, low: float, high: float, dual: float) -> Tensor:
    """The clipped token-mean objective, one token at a time."""
    total = torch.zeros((), dtype=torch.float64)
    for row, column in inputs.mask.nonzero().tolist():
        ratio = (inputs.logprobs[row, column] - inputs.old_logprobs[row, column]).exp()
        advantage = inputs.advantages[row, column]
        term = torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
        term = torch.maximum(term, dual * advantage) if advantage < 0 else term
        total = total - inputs.weights[row, column] * term
    return total / inputs.total_tokens


@pytest.mark.parametrize("seed", range(5))
def test_tree_grpo_equals_the_formula_and_its_autograd(seed: int) -> None:
    inputs = loss_inputs(seed)
    plain = replace(inputs, logprobs=inputs.logprobs.detach().clone().requires_grad_())
    ours = TreeGRPO.model_validate({"dual_clip": 1.5})(inputs).loss
    theirs = written_out(plain, 0.2, 0.28, 1.5)
    ours.backward()
    theirs.backward()
    assert inputs.logprobs.grad is not None
    assert plain.logprobs.grad is not None
    assert math.isclose(float(ours), float(theirs), rel_tol=1e-12)
    assert torch.allclose(inputs.logprobs.grad, plain.logprobs.grad, rtol=1e-12, atol=1e-15)
