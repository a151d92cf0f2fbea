"""Signal, noise and bias of gradient estimators, on toys whose gradient is known in closed form.

1. An unbiased estimator has cosine 1 and the signal to noise that enumeration gives; a biased one its known cosine.
2. Scale changes nothing; twice the tokens halve what a token buys; a noisier arm ranks below.
3. Estimates equal sums written out over pairs; what the jackknife leaves out equals leaving it out.
4. Intervals cover the truth about as often as they say.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk.compare.fixed.estimating import FIGURES, Batches, figures, ratio, replicates, summarise
from dsk.compare.fixed.jackknife import log_figure

ACTIONS = 6
LOGITS = np.linspace(-0.5, 0.8, ACTIONS)
P = np.exp(LOGITS) / np.exp(LOGITS).sum()
REWARDS = np.asarray([0.0, 0.0, 1.0, 0.0, 1.0, 0.3])
TRUE = P * (REWARDS - P @ REWARDS)
"""The gradient of the softmax bandit's expected reward."""


def scores(actions):
    """The score functions [N, A] of sampled actions [N]."""
    return np.eye(ACTIONS)[actions] - P


def reinforce(rng, batches, size, baseline):
    """The means [B, A] over `size` samples of (reward - baseline) x score."""
    actions = rng.choice(ACTIONS, p=P, size=(batches, size))
    return (scores(actions) * (REWARDS[actions] - baseline)[..., None]).mean(axis=1)


def batches_of(gradients, parts, tokens=1000.0):
    count = len(gradients)
    return Batches(
        gram=gradients @ gradients.T,
        against=gradients @ parts.T,
        reference=parts @ parts.T,
        squares=(gradients**2).sum(axis=1),
        counts=np.ones(count),
        tokens=np.full(count, tokens),
        seconds=np.full(count, 2.0),
        groups=np.full(count, 2.0),
        silent=np.arange(count) % 2.0,
    )


def at_length_one(gradients):
    return gradients / np.linalg.norm(gradients, axis=1, keepdims=True)


def measured(gradients, parts, tokens=1000.0):
    """What a study makes of the gradients [B, A] of an arm's batches."""
    return replicates(batches_of(gradients, parts, tokens), batches_of(at_length_one(gradients), parts, tokens))


def exact_per_million(size, baseline, tokens=1000.0):
    """Signal to noise of `reinforce` by enumeration of the actions."""
    each = scores(np.arange(ACTIONS)) * (REWARDS - baseline)[:, None]
    mean = P @ each
    noise = (P @ (each**2).sum(axis=1) - mean @ mean) / size
    assert mean == pytest.approx(TRUE)
    return TRUE @ TRUE / noise / tokens * 1e6


@pytest.fixture
def parts():
    return reinforce(np.random.default_rng(99), 8, 4000, P @ REWARDS)


def test_an_unbiased_estimator_has_cosine_one_and_the_signal_that_enumeration_gives(parts):
    found = summarise(measured(reinforce(np.random.default_rng(1), 600, 8, 0.4), parts))
    assert found["cosine"].value == pytest.approx(1.0, abs=0.02)
    assert found["cosine"].low < 1 < found["cosine"].high
    exact = exact_per_million(8, 0.4)
    assert found["per_token"].low < exact < found["per_token"].high
    assert found["per_token"].value == pytest.approx(exact, rel=0.15)
    assert found["per_second"].value == pytest.approx(found["per_token"].value * 1000 / 1e6 / 2)


def test_a_biased_estimator_shows_its_angle_and_not_its_length(parts):
    bend = np.diag([0.2, 3.0, 1.0, 0.1, 2.0, 1.0])
    gradients = reinforce(np.random.default_rng(2), 1500, 8, P @ REWARDS) @ bend
    found = summarise(measured(gradients, parts))
    bent = bend @ TRUE
    known = bent @ TRUE / np.linalg.norm(bent) / np.linalg.norm(TRUE)
    assert known < 0.95
    assert found["cosine"].value == pytest.approx(known, abs=0.03)
    assert found["cosine"].high < 0.98


def test_neither_the_arms_nor_the_references_scale_matters(parts):
    gradients = reinforce(np.random.default_rng(3), 50, 8, 0.4)
    plain, scaled = (summarise(measured(*both)) for both in ((gradients, parts), (7 * gradients, 3 * parts)))
    for name in FIGURES:
        assert scaled[name].value == pytest.approx(plain[name].value)
        assert scaled[name].low == pytest.approx(plain[name].low, nan_ok=True)


def test_a_noisier_arm_ranks_lower_on_the_same_batches(parts):
    gradients = reinforce(np.random.default_rng(4), 200, 8, P @ REWARDS)
    noise = 2 * gradients.std() * np.random.default_rng(5).normal(size=gradients.shape)
    quiet, loud = measured(gradients, parts), measured(gradients + noise, parts)
    assert ratio(loud, quiet, "per_token").high < 1
    assert ratio(quiet, loud, "per_token").low > 1
    assert ratio(quiet, quiet, "per_token").value == 1


def test_a_unit_step_asks_for_directions_alone(parts):
    """A few batches with huge gradients ruin signal to noise; at length 1 they count like all others."""
    gradients = reinforce(np.random.default_rng(11), 100, 8, P @ REWARDS)
    huge = gradients * np.where(np.arange(100) < 4, 100.0, 1.0)[:, None]
    plain, heavy = measured(gradients, parts), measured(huge, parts)
    assert heavy.whole["unit"] == pytest.approx(plain.whole["unit"])
    assert heavy.whole["per_token"] < plain.whole["per_token"] / 3
    cosines = (at_length_one(gradients) @ parts.mean(axis=0)) / np.linalg.norm(parts.mean(axis=0))
    assert plain.whole["unit"] == pytest.approx(cosines.mean() ** 2 / 1000 * 1e6, rel=0.05)


def test_twice_the_tokens_halve_what_a_token_buys_exactly(parts):
    gradients = reinforce(np.random.default_rng(6), 50, 8, 0.4)
    cheap, dear = measured(gradients, parts, 500.0), measured(gradients, parts, 1000.0)
    assert ratio(dear, cheap, "per_token").value == pytest.approx(0.5)


def test_groups_of_four_and_eight_buy_the_same_where_samples_are_independent(parts):
    """Signal to noise of n samples is n times that of one: what is compared does not depend on a batch's size."""
    rng = np.random.default_rng(7)
    four = measured(reinforce(rng, 800, 4, 0.4), parts, 500.0)
    eight = measured(reinforce(rng, 800, 8, 0.4), parts, 1000.0)
    found = log_figure(four.whole["per_token"] / eight.whole["per_token"], [four.batches["per_token"]])
    assert found.value == pytest.approx(1.0, abs=0.15)


def slow(gradients, parts, tokens):
    """Signal to noise, best step and cosine, as sums over pairs of different batches and different parts."""
    n, h = len(gradients), len(parts)
    pairs, part_pairs = list(itertools.permutations(range(n), 2)), list(itertools.permutations(range(h), 2))
    square = np.mean([gradients[a] @ gradients[b] for a, b in pairs])
    reference = np.mean([parts[i] @ parts[j] for i, j in part_pairs])
    crossed = np.mean([(gradients[a] @ parts[i]) * (gradients[b] @ parts[j]) for a, b in pairs for i, j in part_pairs])
    mean_square = np.mean([g @ g for g in gradients])
    along = np.mean([g @ r for g in gradients for r in parts])
    with np.errstate(invalid="ignore"):
        return {
            "per_token": crossed / reference / (mean_square - square) / tokens * 1e6,
            "step": crossed / reference / mean_square / tokens * 1e6,
            "cosine": along / np.sqrt(square * reference),
        }


@given(st.integers(0, 10_000), st.integers(3, 6), st.integers(3, 5))
@settings(max_examples=40, deadline=None)
def test_estimates_equal_sums_written_out_over_pairs_whatever_is_left_out(seed, count, parts):
    rng = np.random.default_rng(seed)
    gradients, reference = rng.normal(size=(count, 4)) + 1, rng.normal(size=(parts, 4)) + 1
    found = measured(gradients, reference)
    for name, value in slow(gradients, reference, 1000.0).items():
        assert found.whole[name] == pytest.approx(value, rel=1e-6, nan_ok=True)
    for name, value in slow(np.delete(gradients, 1, axis=0), reference, 1000.0).items():
        assert found.batches[name][1] == pytest.approx(value, rel=1e-6, nan_ok=True)
    for name, value in slow(gradients, np.delete(reference, 2, axis=0), 1000.0).items():
        assert found.parts[name][2] == pytest.approx(value, rel=1e-6, nan_ok=True)


def test_gradients_of_one_batch_are_not_multiplied_with_each_other(parts):
    """In a bin the unit is a group, and groups of a batch may depend on each other."""
    rng = np.random.default_rng(8)
    pairs = rng.normal(size=(5, 2, ACTIONS)) + 1
    sums = pairs.sum(axis=1)
    ones = np.ones(5)
    counted = Batches(
        sums @ sums.T, sums @ parts.T, parts @ parts.T, (pairs**2).sum(axis=(1, 2)), 2 * ones, ones, ones, ones, ones
    )
    found = figures(counted, np.ones((1, 5)), np.ones((1, len(parts))))
    across = [
        pairs[a, i] @ pairs[b, j] for a, b in itertools.permutations(range(5), 2) for i in range(2) for j in range(2)
    ]
    reference = np.mean([parts[i] @ parts[j] for i, j in itertools.permutations(range(len(parts)), 2)])
    along = np.mean(pairs.reshape(10, -1) @ parts.T)
    assert found["cosine"][0] == pytest.approx(along / math.sqrt(np.mean(across) * reference))


def test_only_some_batches_are_those_batches(parts):
    gradients = reinforce(np.random.default_rng(9), 12, 8, 0.4)
    some = batches_of(gradients, parts).only([7, 2, 5, 9])
    assert replicates(some, some).whole["per_token"] == pytest.approx(
        measured(gradients[[7, 2, 5, 9]], parts).whole["per_token"]
    )


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    exact, rng, hits = exact_per_million(8, 0.4), np.random.default_rng(10), []
    for _ in range(150):
        parts = reinforce(rng, 8, 400, P @ REWARDS)
        found = summarise(measured(reinforce(rng, 60, 8, 0.4), parts))["per_token"]
        hits.append(found.low <= exact <= found.high)
    assert 0.90 <= np.mean(hits) <= 0.99


def test_what_is_not_positive_has_no_interval_and_no_verdict():
    found = log_figure(-0.5, [np.asarray([0.2, -0.5])])
    assert math.isnan(found.low)
    assert math.isnan(found.p_value)
