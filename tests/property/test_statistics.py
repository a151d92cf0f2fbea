"""Intervals cover what they claim to cover; paired tests neither invent nor hide a difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dsk.compare.statistics import correct, holm, paired_difference, probability_of_improvement, seed_band
from dsk.core.run.estimates import GAP, SHARE, estimate, score

EXPERIMENTS = 120
SHARES = st.floats(0, 1, allow_nan=False)


def draw(rng, seeds, problems, seed_sd, problem_sd, noise):
    """Values [S, P] with mean 0 and effects of seed and problem."""
    by_seed = rng.normal(0, seed_sd, (seeds, 1))
    by_problem = rng.normal(0, problem_sd, (1, problems))
    return by_seed + by_problem + rng.normal(0, noise, (seeds, problems))


@settings(max_examples=6)
@given(
    seeds=st.sampled_from([2, 3, 5, 8]),
    problems=st.sampled_from([12, 40]),
    seed_sd=st.sampled_from([0.0, 0.05, 0.3]),
    problem_sd=st.sampled_from([0.1, 0.3]),
    noise=st.sampled_from([0.05, 0.3]),
)
def test_the_interval_covers_the_true_mean_at_least_nine_times_in_ten(seeds, problems, seed_sd, problem_sd, noise):
    rng = np.random.default_rng(1)
    found = [estimate(draw(rng, seeds, problems, seed_sd, problem_sd, noise)) for _ in range(EXPERIMENTS)]
    covered = sum(e.low <= 0 <= e.high for e in found)
    # 95% nominal; a chance of 1e-3 or less to see fewer than this were coverage 0.9
    assert covered >= stats.binom.ppf(1e-3, EXPERIMENTS, 0.9)


def test_the_interval_is_no_wider_than_it_must_be_for_many_seeds_and_problems():
    rng = np.random.default_rng(2)
    found = [estimate(draw(rng, 20, 60, 0.1, 0.2, 0.1)) for _ in range(EXPERIMENTS)]
    covered = sum(e.low <= 0 <= e.high for e in found)
    assert covered < EXPERIMENTS
    true_error = np.sqrt(0.1**2 / 20 + 0.2**2 / 60 + 0.1**2 / 1200)
    assert np.mean([e.high - e.low for e in found]) < 1.25 * 2 * 1.96 * true_error


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_arms_are_rarely_called_different(seeds):
    rng = np.random.default_rng(3)
    pairs = [(draw(rng, seeds, 30, 0.1, 0.3, 0.1), draw(rng, seeds, 30, 0.1, 0.0, 0.1)) for _ in range(EXPERIMENTS)]
    shared = [draw(rng, seeds, 30, 0.0, 0.3, 0.0) for _ in range(EXPERIMENTS)]
    found = [paired_difference(a + s, b + s) for (a, b), s in zip(pairs, shared, strict=True)]
    false_claims = sum(d.p_value < 0.05 for d in found)
    assert false_claims <= stats.binom.ppf(1 - 1e-3, EXPERIMENTS, 0.1)


def test_pairing_finds_a_small_difference_between_very_unequal_problems():
    rng = np.random.default_rng(4)
    baseline = draw(rng, 5, 40, 0.02, 0.4, 0.02)
    found = correct([paired_difference(baseline + 0.03 + rng.normal(0, 0.02, (5, 40)), baseline)])[0]
    assert found.distinguishable
    assert found.low > 0
    assert abs(found.mean - 0.03) < 0.01


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=SHARES))
def test_a_share_and_its_interval_stay_between_nothing_and_everything(values):
    found = estimate(values, SHARE)
    assert 0 <= found.mean <= 1
    if values.size > 1:
        assert 0 <= found.low <= found.high <= 1
        assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    else:
        assert np.isnan(found.low)
        assert np.isnan(found.high)


def test_no_success_at_all_still_leaves_room_for_some():
    found = estimate(np.zeros((3, 20)), SHARE)
    assert (found.mean, found.low) == (0.0, 0.0)
    # Wilson's interval of 0 of 20, with t for the normal quantile
    quantile = stats.t.ppf(0.975, 19)
    assert found.high == pytest.approx(quantile**2 / (20 + quantile**2))


def test_one_problem_says_nothing_of_others():
    assert (score([0.25], 4).low, score([0.25], 4).high) == (0.0, 1.0)


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(2, 8)), elements=SHARES))
def test_a_difference_of_shares_and_its_interval_stay_within_a_hundred_points(values):
    found = paired_difference(values, 1 - values, share=True)
    assert GAP[0] <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= GAP[1]


@given(arrays(float, st.tuples(st.integers(2, 5), st.integers(2, 8)), elements=SHARES))
def test_the_test_and_the_interval_agree(values):
    found = paired_difference(values, np.full_like(values, 0.3), share=True)
    outside = max(found.low, -found.high)
    assert abs(outside) < 1e-9 or (found.p_value < 0.05) == (outside > 0)


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=SHARES))
def test_a_band_over_seeds_stays_between_nothing_and_everything(values):
    low, high = seed_band(values, share=True)
    assert np.all((low >= 0) & (high <= 1) & (low <= high))


def test_everything_against_nothing_is_a_difference_though_no_seed_and_no_problem_differs():
    found = paired_difference(np.ones((5, 95)), np.zeros((5, 95)), share=True)
    assert found.p_value < 1e-6
    assert (found.mean, found.high) == (1.0, 1.0)
    assert 0.9 < found.low < 1


def test_equal_values_without_bounds_are_judged_by_their_sign():
    found = paired_difference(np.full((5, 1), 3.0), np.full((5, 1), 2.0))
    assert found.p_value == 2 * 0.5**5
    assert np.isnan(found.low)


@pytest.mark.parametrize(
    ("seeds", "problems", "seed_sd", "problem_sd", "noise"),
    [(5, 95, 0.1, 0.0, 0.5), (5, 95, 0.1, 0.2, 0.4), (5, 95, 0.0, 0.0, 0.4), (3, 30, 0.1, 0.1, 0.4)],
)
def test_chance_alone_is_called_a_difference_about_once_in_twenty(seeds, problems, seed_sd, problem_sd, noise):
    rng = np.random.default_rng(0)
    gaps = [draw(rng, seeds, problems, seed_sd, problem_sd, noise) for _ in range(4 * EXPERIMENTS)]
    found = [paired_difference(gap, np.zeros_like(gap)) for gap in gaps]
    most = stats.binom.ppf(1 - 1e-3, len(found), 0.06)
    assert sum(d.p_value < 0.05 for d in found) <= most
    assert sum(not d.low <= 0 <= d.high for d in found) <= most


@pytest.mark.parametrize(("seeds", "logit", "seed_sd"), [(1, -3.0, 0.0), (3, -4.0, 0.3), (5, 3.0, 0.5), (2, 0.0, 0.5)])
def test_intervals_of_sampled_shares_cover_the_truth_also_near_nothing_and_everything(seeds, logit, seed_sd):
    rng = np.random.default_rng(5)

    def shares(easier):
        chance = 1 / (1 + np.exp(-(easier + rng.normal(0, seed_sd, (seeds, 1)))))
        return rng.binomial(4, chance) / 4

    problems = [rng.normal(logit, 1.5, (1, 40)) for _ in range(3 * EXPERIMENTS)]
    truth = np.mean(1 / (1 + np.exp(-np.random.default_rng(6).normal(logit, np.hypot(1.5, seed_sd), 200_000))))
    found = [estimate(shares(easier), SHARE) for easier in problems]
    covered = sum(e.low <= truth <= e.high for e in found)
    assert covered >= stats.binom.ppf(1e-3, len(found), 0.93)
    gaps = [paired_difference(shares(easier), shares(easier), share=True) for easier in problems]
    assert sum(d.p_value < 0.05 for d in gaps) <= stats.binom.ppf(1 - 1e-3, len(gaps), 0.07)


def test_what_was_not_seen_widens_the_interval_and_weakens_the_test():
    rng = np.random.default_rng(7)
    arm, baseline = rng.uniform(0.6, 0.9, (5, 30)), rng.uniform(0.4, 0.7, (5, 30))
    sure, unsure = (paired_difference(arm, baseline, share=True, doubt=d) for d in ((0.0, 0.0), (0.15, 0.02)))
    assert unsure.mean == sure.mean
    assert unsure.low == pytest.approx(sure.low - 0.15, abs=0.01)
    assert unsure.high == pytest.approx(sure.high + 0.02, abs=0.01)
    assert unsure.p_value > sure.p_value


@given(
    arrays(float, (4, 6), elements=SHARES),
    arrays(float, (4, 6), elements=SHARES),
)
def test_a_difference_turns_its_sign_with_the_arms(arm, baseline):
    there, back = paired_difference(arm, baseline, share=True), paired_difference(baseline, arm, share=True)
    assert there.mean == pytest.approx(-back.mean)
    assert there.low == pytest.approx(-back.high)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.improvement == pytest.approx(1 - back.improvement)


@given(arrays(float, (3, 5), elements=SHARES), st.sets(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=8))
def test_cells_missing_in_one_arm_do_not_change_the_difference_of_the_others(values, missing):
    arm, baseline = values + 0.25, values.copy()
    for row, column in missing:
        arm[row, column] = np.nan
    found = paired_difference(arm, baseline)
    assert found.mean == pytest.approx(0.25)


@given(st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=8))
def test_holm_only_raises_p_values_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(a >= p - 1e-12 for a, p in zip(adjusted, p_values, strict=True))
    assert all(a <= 1 for a in adjusted)
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.asarray(adjusted)[order]) >= -1e-12)


def test_holm_agrees_with_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(arrays(float, 4, elements=SHARES), arrays(float, 3, elements=SHARES))
def test_probability_of_improvement_counts_pairs(arm, baseline):
    wins = np.mean([(a > b) + 0.5 * (a == b) for a in arm for b in baseline])
    assert probability_of_improvement(arm, baseline) == pytest.approx(wins)
