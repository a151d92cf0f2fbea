import math
from dataclasses import replace
from operator import attrgetter

import torch
from dsk_sapo import SAPO
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk.testing import LossContract
from dsk.testing.loss import loss_inputs

FIELDS = attrgetter("logprobs", "old_logprobs", "advantages", "weights")


class TestSAPO(LossContract):
    def make_loss(self):
        return SAPO()


class TestSharpSAPO(LossContract):
    def make_loss(self):
        return SAPO(temperature_positive=5, temperature_negative=8)


def as_lists(tensor):
    return tensor.tolist()


def gradient(inputs, loss):
    (grad,) = torch.autograd.grad(loss(inputs).loss, inputs.logprobs)
    return grad


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_on_policy_it_is_the_policy_gradient(seed):
    """At ratio 1 the gate has slope 1 at every temperature: the gradient is -A w / (rows x the row's sum of w)."""
    inputs = loss_inputs(seed, on_policy=True)
    weight = inputs.weights / inputs.row_tokens[:, None] / inputs.total_rows
    torch.testing.assert_close(gradient(inputs, SAPO(temperature_negative=3)), -inputs.advantages * weight)


def test_the_pull_fades_smoothly_with_the_distance_and_sooner_for_negatives():
    rows = torch.linspace(-3, 3, 25, dtype=torch.float64)[:, None].requires_grad_()
    base = loss_inputs(0, rows=25, width=1)
    pull = {}
    for sign in (1.0, -1.0):
        inputs = replace(
            base, logprobs=rows, old_logprobs=torch.zeros_like(rows), mask=torch.ones(25, 1, dtype=torch.bool),
            advantages=torch.full_like(rows, sign).detach(), total_rows=25, total_tokens=25,
        )  # fmt: skip
        pull[sign] = gradient(inputs, SAPO()).abs()[:, 0] / rows.detach().exp()[:, 0]
    assert all(pull[sign].argmax() == 12 for sign in pull)
    assert bool((pull[1.0][15:] > pull[-1.0][15:]).all())
    assert bool((pull[1.0] > 0).all())


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_it_equals_the_paper_written_token_by_token(seed):
    inputs = loss_inputs(seed)
    total = 0.0
    for new, old, advantage, weights in zip(*map(as_lists, FIELDS(inputs)), strict=True):
        gates = []
        for token, weight in enumerate(weights):
            tau = 1.0 if advantage[token] > 0 else 1.05
            ratio = math.exp(new[token] - old[token])
            gates.append(weight * 4 / tau / (1 + math.exp(-tau * (ratio - 1))) * advantage[token])
        total += sum(gates) / sum(weights)
    assert math.isclose(SAPO()(inputs).loss.item(), -total / inputs.total_rows, rel_tol=1e-9, abs_tol=1e-12)
